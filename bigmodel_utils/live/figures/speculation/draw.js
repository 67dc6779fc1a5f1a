// A draft's distribution beside the target's: what is accepted, the residual, and the gain.

const BARS = 210;
const CURVE = 190;
const MOST = LIMITS.k[1];

const scaled = (weights) => weights.map((w) => w / sum(weights));
const meanTokens = (a, k) => (a >= 1 - 1e-12 ? k + 1 : (1 - a ** (k + 1)) / (1 - a));
const gain = (a, k, cost) => meanTokens(a, k) / (1 + k * cost);

function draw() {
  let s, side;
  const reset = () => {
    s = { target: [...D.target], draft: [...D.draft], k: D.k, cost: D.cost };
    side = "draft";
  };
  reset();
  const result = resultBox();
  const sides = toggle(L.side, { draft: L.draft, target: L.target }, side, (next) => {
    side = next;
    render();
  });
  const weights = D.tokens.map((token, i) => dial(say("weight", { token }), s[side][i], LIMITS.weight, (next) => {
    s[side][i] = next;
    render();
  }, result.wrong));
  const set = (key) => (next) => {
    s[key] = next;
    render();
  };
  const dials = {
    k: dial(L.k, s.k, LIMITS.k, set("k"), result.wrong),
    cost: dial(L.cost, s.cost, LIMITS.cost, set("cost"), result.wrong),
  };
  const bars = div("lf-plots");
  const curve = div("lf-plots");

  function paintBars({ p, q, both, left }) {
    const count = D.tokens.length;
    const top = Math.max(...p, ...q, ...left) * 1.05;
    const xTicks = Object.fromEntries(D.tokens.map((token, i) => [i + 0.5, token]));
    const yTicks = {};
    for (let v = 0; v <= top; v += top > 0.6 ? 0.2 : 0.1) yTicks[v] = digits(v);
    const { svg, x, y } = axes({ width: bars.width, height: BARS, x: [0, count], y: [0, top],
      xTicks, yTicks, xLabel: L.bars_x, yLabel: L.bars_y, title: L.bars });
    const bar = (from, to, value, kind, name, i) => svg.append(el("rect", { x: x(from), width: x(to) - x(from),
      y: y(value), height: Math.max(0, y(0) - y(value)), class: kind,
      "data-grid": name, "data-row": 0, "data-col": i, "data-value": value }));
    for (let i = 0; i < count; i++) {
      bar(i + 0.12, i + 0.5, both[i], "lf-both", "both", i);
      bar(i + 0.12, i + 0.5, q[i], "lf-draft", "draft", i);
      bar(i + 0.12, i + 0.5, p[i], "lf-target", "target", i);
      bar(i + 0.56, i + 0.88, left[i], "lf-left", "residual", i);
    }
    bars.replaceChildren(svg);
  }

  function paintCurve(a) {
    const values = [];
    for (let k = 0; k <= MOST; k++) values.push(gain(a, k, s.cost));
    const top = Math.max(2, ...values) * 1.08;
    const yTicks = {};
    for (let v = 0; v <= top; v += top > 8 ? 4 : top > 4 ? 2 : 1) yTicks[v] = digits(v);
    const xTicks = {};
    for (let k = 0; k <= MOST; k += 4) xTicks[k] = k;
    const { svg, x, y, at } = axes({ width: curve.width, height: CURVE, x: [0, MOST], y: [0, top],
      xTicks, yTicks, xLabel: L.curve_x, yLabel: L.curve_y, title: L.curve });
    svg.append(el("line", { x1: x(0), x2: x(MOST), y1: y(1), y2: y(1), class: "lf-none" }));
    svg.append(el("path", { d: "M" + values.map((v, k) => x(k).toFixed(1) + " " + y(v).toFixed(1)).join("L"),
      class: "lf-gain" }));
    svg.append(el("circle", { cx: x(s.k), cy: y(values[s.k]), r: 6, class: "lf-now" }));
    onDrag(curve, (event) => set("k")(clamp(Math.round(at(event)), ...LIMITS.k)));
    curve.replaceChildren(svg);
    return values;
  }

  function render() {
    sides.put(side);
    weights.forEach((control, i) => control.put(s[side][i]));
    for (const [key, control] of Object.entries(dials)) control.put(s[key]);
    if (!sum(s.target) || !sum(s.draft)) return result.wrong(L.none);
    const [p, q] = [scaled(s.target), scaled(s.draft)];
    const both = p.map((v, i) => Math.min(v, q[i]));
    const a = sum(both);
    const over = p.map((v, i) => Math.max(0, v - q[i]));
    const some = sum(over) > 1e-12;
    const left = some ? scaled(over) : over.map(() => 0);
    if (bars.width) paintBars({ p, q, both, left });
    if (curve.width) paintCurve(a);
    let best = 0;
    for (let k = 1; k <= MOST; k++) if (gain(a, k, s.cost) > gain(a, best, s.cost) + 1e-12) best = k;
    const named = D.tokens.map((token, i) => token + " " + digits(100 * left[i]) + " %");
    const words = { share: digits(100 * a) + " %", residual: named.filter((_, i) => left[i] > 0).join(", "),
      k: s.k, tokens: digits(meanTokens(a, s.k)), speed: digits(gain(a, s.k, s.cost)), best,
      fastest: digits(gain(a, best, s.cost)) };
    result.put([some ? say("found", words) : L.equal, " ", say("gain", words)], "acceptance", a);
    Object.assign(result.dataset, { tokens: meanTokens(a, s.k), speed: gain(a, s.k, s.cost), best });
  }

  render();
  whenSized(bars, render);
  whenSized(curve, render);
  return [
    div("lf-bar", sides, button(L.reset, () => {
      reset();
      render();
    })),
    div("lf-bar", ...weights),
    bars,
    note(L.kinds),
    div("lf-bar lf-apart", dials.k, dials.cost),
    curve,
    result,
    note(L.hint),
  ];
}
