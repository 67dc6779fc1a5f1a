// Gradient descent on f = (ab − 1)² / 2: the path in the plane, and the sharpness step by step.

const STEPS = LIMITS.step[1];
const FAR = 50;  // beyond it the walk is lost
const WIDE = 3.9;
const TOP = 12;
const HEIGHT = 270;

function draw() {
  let s;
  const reset = () => { s = { rate: D.rate, a: D.a, b: D.b, step: D.step }; };
  reset();

  const loss = ({ a, b }) => (a * b - 1) ** 2 / 2;
  // The larger eigenvalue of [[b², 2ab − 1], [2ab − 1, a²]].
  function sharpness({ a, b }) {
    const [half, apart] = [(a * a + b * b) / 2, (a * a - b * b) / 2];
    return half + Math.hypot(apart, 2 * a * b - 1);
  }

  function path() {
    let at = { a: s.a, b: s.b };
    const points = [at];
    for (let k = 1; k <= STEPS; k++) {
      const r = at.a * at.b - 1;
      at = { a: at.a - s.rate * r * at.b, b: at.b - s.rate * r * at.a };
      if (!(Math.max(Math.abs(at.a), Math.abs(at.b)) <= FAR)) break;
      points.push(at);
    }
    return points;
  }

  const result = resultBox();
  const set = (key) => (next) => {
    s[key] = next;
    render();
  };
  const dials = {
    rate: dial(L.rate, s.rate, LIMITS.rate, set("rate"), result.wrong, digits),
    a: dial(L.a, s.a, LIMITS.a, set("a"), result.wrong, digits),
    b: dial(L.b, s.b, LIMITS.b, set("b"), result.wrong, digits),
    step: dial(L.step, s.step, LIMITS.step, set("step"), result.wrong),
  };
  const plots = div("lf-plots");
  const about = note();

  const route = (points, x, y) => points.map((p, i) => (i ? "L" : "M") + x(p) + " " + y(p)).join("");

  function plane(points, width) {
    const ticks = { "-2": "−2", 0: "0", 2: "2" };
    const { svg, x, y } = axes({ width, height: HEIGHT, x: [-WIDE, WIDE], y: [-WIDE, WIDE],
      xTicks: ticks, yTicks: ticks, xLabel: L.a_axis, yLabel: L.b_axis, title: L.plane });
    for (const sign of [-1, 1]) {
      const curve = [];
      for (let i = 0; i <= 60; i++) {
        const a = WIDE ** (2 * i / 60 - 1);
        curve.push({ a: sign * a, b: sign / a });
      }
      svg.append(el("path", { d: route(curve, (p) => x(p.a), (p) => y(p.b)), class: "lf-minima" }));
    }
    // Up to where it leaves the picture.
    const inside = (p) => Math.max(Math.abs(p.a), Math.abs(p.b)) <= WIDE;
    const out = points.findIndex((p) => !inside(p));
    const seen = out < 0 ? points : points.slice(0, out);
    svg.append(el("path", { d: route(seen, (p) => x(p.a), (p) => y(p.b)), class: "lf-trail" }));
    seen.forEach((p, k) => svg.append(el("circle", { cx: x(p.a), cy: y(p.b), r: 2.5, class: "lf-stop",
      "data-grid": "path", "data-row": 0, "data-col": k, "data-value": p.a, "data-other": p.b })));
    const now = seen[Math.min(s.step, points.length - 1)];
    if (now) svg.append(el("circle", { cx: x(now.a), cy: y(now.b), r: 7, class: "lf-looked" }));
    return svg;
  }

  function steep(points, width) {
    const xTicks = {};
    for (let k = 0; k <= STEPS; k += 20) xTicks[k] = String(k);
    const { svg, x, y } = axes({ width, height: HEIGHT, x: [0, STEPS], y: [0, TOP],
      xTicks, yTicks: { 0: "0", 4: "4", 8: "8", 12: "12" }, xLabel: L.step_axis, yLabel: L.sharpness_axis, title: L.steep });
    const limit = 2 / s.rate;
    if (limit <= TOP) {
      svg.append(el("line", { x1: x(0), x2: x(STEPS), y1: y(limit), y2: y(limit), class: "lf-edge-limit" }),
        svgText(x(STEPS), y(limit) - 5, L.limit, "end"));
    }
    const height = (p) => y(Math.min(sharpness(p), TOP));
    const drawn = points.map((p, k) => ({ ...p, k }));
    svg.append(el("path", { d: route(drawn, (p) => x(p.k), height), class: "lf-trail" }));
    drawn.forEach((p) => svg.append(el("circle", { cx: x(p.k), cy: height(p), r: 2.5, class: "lf-stop",
      "data-grid": "sharpness", "data-row": 0, "data-col": p.k, "data-value": sharpness(p), "data-loss": loss(p) })));
    const k = Math.min(s.step, points.length - 1);
    svg.append(el("circle", { cx: x(k), cy: height(points[k]), r: 7, class: "lf-looked" }));
    return svg;
  }

  function render() {
    for (const [key, control] of Object.entries(dials)) control.put(s[key]);
    const points = path();
    if (plots.width) {
      const width = plots.width > 640 ? Math.floor((plots.width - 12) / 2) : plots.width;
      plots.replaceChildren(plane(points, width), steep(points, width));
    }
    const last = points.length - 1;
    const k = Math.min(s.step, last);
    const [now, limit] = [points[k], 2 / s.rate];
    const steepness = sharpness(now);
    const rises = points.slice(1).filter((p, i) => loss(p) > loss(points[i])).length;
    const parts = [el("b", {}, say("here", { step: k, loss: digits(loss(now)), sharpness: digits(steepness) })), " ",
      steepness > limit ? say("above", { limit: digits(limit) }) : say("below", { limit: digits(limit) }), el("br"),
      say("rose", { rises, steps: last })];
    if (last < STEPS) parts.push(" ", say("gone", { step: last }));
    result.put(parts, "sharpness", steepness);
    const imbalance = now.a ** 2 - now.b ** 2;
    Object.assign(result.dataset, { loss: loss(now), limit, rises, last, imbalance });
    about.textContent = say("hint", { imbalance: digits(imbalance) });
  }

  render();
  whenSized(plots, render);
  return [
    div("lf-bar", dials.rate, dials.a, dials.b, button(L.reset, () => {
      reset();
      render();
    })),
    plots,
    dials.step,
    result,
    about,
  ];
}
