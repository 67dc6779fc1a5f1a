// How long the gradient of the last state is that arrives so many steps earlier: simulated
// through a network of eight units, beside the power of the spectral radius, and cut by a window.

const UNITS = LIMITS.units[1];
const LOWEST = -10; // powers of ten: the axis begins and may end here
const HIGHEST = [4, 8, 12];
const HEIGHT = 300;

const length = (vector) => Math.hypot(...vector);

function draw() {
  let s;
  const reset = () => { s = { ...D }; };
  reset();

  // The recurrent weights with spectral radius 1: planes turned by four angles, or random ones
  // divided by their spectral radius, which Python found.
  function unitMatrix() {
    const u = zeros(UNITS, UNITS);
    if (s.matrix === "rotation") {
      [0.4, 1.1, 1.9, 2.6].forEach((angle, i) => {
        const [a, b] = [2 * i, 2 * i + 1];
        u[a][a] = u[b][b] = Math.cos(angle);
        u[b][a] = Math.sin(angle);
        u[a][b] = -u[b][a];
      });
      return u;
    }
    const seed = Number(s.matrix.slice(-1));
    const some = randoms(seed);
    return u.map((row) => some(row.length).map((v) => v / D.radii[seed - 1]));
  }

  // norms[d] and the part of dU that comes from d steps before the end.
  function compute() {
    const u = unitMatrix().map((row) => row.map((v) => s.rho * v));
    const some = randoms(100);
    const h = [some(UNITS)];
    for (let t = 1; t <= D.steps; t++) {
      const inputs = some(UNITS);
      h.push(u.map((row, j) => {
        const a = row.reduce((sum, v, i) => sum + v * h[t - 1][i], s.scale * inputs[j]);
        return s.activation === "tanh" ? Math.tanh(a) : a;
      }));
    }
    let arriving = some(UNITS);
    const unit = length(arriving);
    arriving = arriving.map((v) => v / unit);
    const norms = [];
    const kept = Array(UNITS * UNITS).fill(0);
    const all = kept.slice();
    for (let d = 0; d < D.steps; d++) {
      norms.push(length(arriving));
      const now = h[D.steps - d];
      const before = h[D.steps - d - 1];
      const inner = arriving.map((v, j) => (s.activation === "tanh" ? v * (1 - now[j] ** 2) : v));
      all.forEach((_, place) => {
        const part = inner[Math.floor(place / UNITS)] * before[place % UNITS];
        all[place] += part;
        if (d < s.window) kept[place] += part;
      });
      arriving = u.map((_, i) => inner.reduce((sum, v, j) => sum + v * u[j][i], 0));
    }
    const missing = length(all.map((v, place) => v - kept[place]));
    return { norms, bias: missing / (length(all) || 1) };
  }

  const result = resultBox();
  const set = (key) => (next) => {
    s[key] = next;
    render();
  };
  const one = (key, label, limits, text) => dial(label, s[key], limits, set(key), result.wrong, text);
  const dials = {
    rho: one("rho", L.rho, LIMITS.rho),
    window: one("window", L.window, [LIMITS.window[0], D.steps], (window) => (window < D.steps ? "" : L.all)),
    scale: one("scale", L.scale, LIMITS.scale),
    distance: one("distance", L.distance, [LIMITS.distance[0], D.steps - 1]),
  };
  const matrix = choice(L.matrix, { rotation: L.rotation, ...Object.fromEntries(D.radii.map((_, i) =>
    ["random " + (i + 1), say("random", { n: i + 1 })])) }, s.matrix, set("matrix"));
  const kinds = { linear: L.linear, tanh: "tanh" };
  const activation = toggle(L.activation, kinds, s.activation, set("activation"));
  dials.distance.classList.add("lf-wide");
  const plots = div("lf-plots");

  function paint(norms) {
    const most = Math.max(...norms, s.rho ** (D.steps - 1));
    const highest = HIGHEST.find((p) => most <= 10 ** p) || 12;
    const yTicks = {};
    for (let p = LOWEST; p <= highest; p += 2) yTicks[p] = power(p);
    const every = D.steps > 30 ? 10 : 5;
    const xTicks = {};
    for (let d = 0; d < D.steps; d += every) xTicks[d] = d;
    const { svg, x, y, at } = axes({ width: plots.width, height: HEIGHT, x: [-0.5, D.steps - 0.5], y: [LOWEST, highest], xTicks,
      yTicks, xLabel: L.x_axis, yLabel: L.y_axis, title: L.plot });
    const log = (value) => Math.log10(value);
    const [top, bottom] = [y(highest), y(LOWEST)];
    if (s.window < D.steps) {
      // What the window cuts off is hatched.
      const [from, to] = [x(s.window - 0.5), x(D.steps - 0.5)];
      svg.append(el("line", { x1: from, x2: from, y1: top, y2: bottom, class: "lf-edge" }));
      const tall = bottom - top;
      for (let start = from - tall; start < to; start += 12) {
        const [a, b] = [Math.max(start, from), Math.min(start + tall, to)];
        svg.append(el("line", { x1: a, x2: b, y1: bottom - (a - start), y2: bottom - (b - start), class: "lf-hatch" }));
      }
      if (to - from > 90) svg.append(svgText((from + to) / 2, top + 16, L.cut, "middle", "lf-over"));
    }
    // The power of ρ, a straight line, to the edge of the plot.
    const slope = log(s.rho);
    const end = Math.min(D.steps - 1, slope < 0 ? LOWEST / slope : D.steps);
    svg.append(el("path", { class: "lf-closed", d: "M" + x(0) + " " + y(0) + "L" + x(end) + " " + y(slope * end) }));
    svg.append(el("line", { class: "lf-cursor", x1: x(s.distance), x2: x(s.distance), y1: top, y2: bottom }));
    norms.forEach((norm, d) => {
      const high = log(norm || 1e-300);
      const seen = high >= LOWEST && high <= highest;
      svg.append(el("circle", { cx: x(d), cy: y(clamp(high, LOWEST, highest)), r: d === s.distance ? 5 : 3,
        class: d < s.window ? "lf-dot" : "lf-dot lf-lost", visibility: seen ? null : "hidden",
        "data-grid": "norm", "data-row": 0, "data-col": d, "data-value": norm }));
    });
    onDrag(plots, (event) => set("distance")(clamp(Math.round(at(event)), 0, D.steps - 1)));
    plots.replaceChildren(svg);
  }

  function render() {
    const { norms, bias } = compute();
    for (const [key, control] of Object.entries({ ...dials, matrix, activation })) control.put(s[key]);
    if (plots.width) paint(norms);
    const d = s.distance;
    const closed = s.rho ** d;
    const exact = s.matrix === "rotation" && s.activation === "linear";
    const lost = d >= s.window;
    result.put([
      say("at", { d }), " ", strong(digits(norms[d])), "; ", exact ? L.closed : L.compared, " ρ",
      el("sup", {}, d), " = ", strong(digits(closed)), ". ",
      lost ? el("b", {}, L.lost + " ") : "",
      el("div", {}, s.window < D.steps ? say("biased", { k: s.window }) : L.unbiased, " ",
        strong(digits(100 * bias) + " %")),
    ], "norm", norms[d]);
    Object.assign(result.dataset, { closed, bias, lost });
  }

  render();
  whenSized(plots, render);
  return [
    div("lf-bar", matrix, activation, button(L.reset, () => {
      reset();
      render();
    })),
    div("lf-bar", dials.rho, dials.window, dials.scale),
    plots,
    dials.distance,
    result,
    note(L.hint),
  ];
}
