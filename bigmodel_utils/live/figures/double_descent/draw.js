// The error of least squares over the number of features, with and without a penalty.

const HEIGHT = 320;
const LOW = -1.5;
const HIGH = 1.5;

// What p of the features know of the signal, and what is noise to them.
const known = (s, p) => p / D.features;
const blind = (s, p) => s.noise ** 2 + 1 - known(s, p);

// Bias, variance and error without a penalty; null where the mean is infinite.
function plain(s, p) {
  const [b, v] = [known(s, p), blind(s, p)];
  if (Math.abs(p - s.n) < 2) return null;
  const bias = p < s.n ? 0 : b * (1 - s.n / p);
  const variance = v * (p < s.n ? p / (s.n - p - 1) : s.n / (p - s.n - 1));
  return { bias, variance, rest: v, error: bias + variance + v };
}

// The limit for many examples, at 10^penalty times the best penalty.
function ridge(s, p) {
  const [b, v, g] = [known(s, p), blind(s, p), p / s.n];
  const l = 10 ** s.penalty * g * v / b;
  const a = 1 - g + l;
  const root = Math.sqrt(a * a + 4 * g * l);
  const m = a > 0 ? 2 / (root + a) : (root - a) / (2 * g * l);
  const slope = m * (1 + g * m) / root;
  return b * l * l * slope + v * g * (m - l * slope) + v;
}

function draw() {
  let s;
  const reset = () => { s = { n: D.n, p: D.p, noise: D.noise, penalty: D.penalty }; };
  reset();
  const result = resultBox();
  const set = (key) => (next) => {
    s[key] = next;
    render();
  };
  const dials = {
    n: dial(L.n, s.n, LIMITS.n, set("n"), result.wrong),
    p: dial(L.p, s.p, LIMITS.p, set("p"), result.wrong),
    noise: dial(L.noise, s.noise, LIMITS.noise, set("noise"), result.wrong),
    penalty: dial(L.penalty, s.penalty, LIMITS.penalty, set("penalty"), result.wrong),
  };
  const plots = div("lf-plots");

  function paint() {
    const yTicks = { [-1]: "0.1", [Math.log10(0.3)]: "0.3", 0: "1", [Math.log10(3)]: "3", 1: "10" };
    const xTicks = {};
    for (let p = 0; p <= D.features; p += 20) xTicks[p] = p;
    const { svg, x, y, at } = axes({ width: plots.width, height: HEIGHT, x: [0, D.features], y: [LOW, HIGH],
      xTicks, yTicks, xLabel: L.x_axis, yLabel: L.y_axis, title: L.plot });
    const place = (error) => y(clamp(Math.log10(error), LOW, HIGH));
    const line = (from, to, error, kind) => {
      const points = [];
      for (let p = from; p <= to; p++) points.push(x(p).toFixed(1) + " " + place(error(p)).toFixed(1));
      if (points.length > 1) svg.append(el("path", { d: "M" + points.join("L"), class: kind }));
    };
    line(1, s.n - 2, (p) => plain(s, p).error, "lf-plain");
    line(s.n + 2, D.features, (p) => plain(s, p).error, "lf-plain");
    line(1, D.features, (p) => ridge(s, p), "lf-shrunk");
    const nothing = place(1 + s.noise ** 2);
    svg.append(el("line", { x1: x(0), x2: x(D.features), y1: nothing, y2: nothing, class: "lf-nothing" }));
    svg.append(el("line", { x1: x(s.n), x2: x(s.n), y1: y(LOW), y2: y(HIGH), class: "lf-equal" }));
    if (s.n === D.n && s.noise === D.noise) {
      D.measured.forEach(([p, without, best], i) => {
        svg.append(el("circle", { cx: x(p), cy: place(without), r: 4, class: "lf-seen",
          "data-grid": "without", "data-row": 0, "data-col": i, "data-value": without }));
        if (Math.abs(s.penalty) < 0.05) {
          svg.append(el("rect", { x: x(p) - 3.5, y: place(best) - 3.5, width: 7, height: 7, class: "lf-seen-best",
            "data-grid": "best", "data-row": 0, "data-col": i, "data-value": best }));
        }
      });
    }
    const here = plain(s, s.p);
    if (here) svg.append(el("circle", { cx: x(s.p), cy: place(here.error), r: 7, class: "lf-here" }));
    svg.append(el("circle", { cx: x(s.p), cy: place(ridge(s, s.p)), r: 7, class: "lf-here-shrunk" }));
    onDrag(plots, (event) => set("p")(clamp(Math.round(at(event)), ...LIMITS.p)));
    plots.replaceChildren(svg);
  }

  function render() {
    for (const [key, control] of Object.entries(dials)) control.put(s[key]);
    if (plots.width) paint();
    const [here, shrunk] = [plain(s, s.p), ridge(s, s.p)];
    const words = { p: s.p, n: s.n };
    for (const key of ["error", "bias", "variance", "rest"]) if (here) words[key] = digits(here[key]);
    const parts = [here ? say("plain", words) : say("peak", words), " ",
      el("b", {}, say("ridge", { error: digits(shrunk) })), " ",
      say("nothing", { error: digits(1 + s.noise ** 2) })];
    result.put(parts, "error", here ? here.error : "");
    Object.assign(result.dataset, { bias: here ? here.bias : "", variance: here ? here.variance : "", ridge: shrunk,
      nothing: 1 + s.noise ** 2 });
  }

  render();
  whenSized(plots, render);
  return [
    div("lf-bar", dials.n, dials.p),
    div("lf-bar", dials.noise, dials.penalty, button(L.reset, () => {
      reset();
      render();
    })),
    plots,
    result,
    note(L.hint),
  ];
}
