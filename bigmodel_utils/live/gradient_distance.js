// How long the gradient of the last state is that arrives so many steps earlier: simulated
// through a network of eight units, beside the power of the spectral radius, and cut by a window.

const UNITS = 8;
const LOWEST = -10; // powers of ten: the axis begins and may end here
const HIGHEST = [4, 8, 12];
const HEIGHT = 300;

// Numbers from -1 to 1: the same generator makes them in Python, see schema_recurrent.py.
function randoms(seed) {
  let state = seed;
  return (count) => Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  });
}

const length = (vector) => Math.hypot(...vector);

function draw() {
  let s;
  const reset = () => { s = { ...D }; };
  reset();

  // The recurrent weights with spectral radius 1: planes turned by four angles, or random ones
  // divided by their spectral radius, which Python found.
  function unitMatrix() {
    const u = Array.from({ length: UNITS }, () => Array(UNITS).fill(0));
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
  const { wrong } = result;
  const whole = (text) => wrong(text + " " + L.whole);
  const set = (key) => (next) => {
    s[key] = next;
    render();
  };
  const name = (window) => (window < D.steps ? "" : L.all);
  const dials = {
    rho: dial(L.rho, s.rho, 0.3, 1.5, 0.01, set("rho"), wrong),
    window: dial(L.window, s.window, 1, D.steps, 1, set("window"), whole, name),
    scale: dial(L.scale, s.scale, 0, 3, 0.1, set("scale"), wrong),
    distance: dial(L.distance, s.distance, 0, D.steps - 1, 1, set("distance"), whole),
  };
  const matrix = choice(L.matrix, { rotation: L.rotation, ...Object.fromEntries(D.radii.map((_, i) =>
    ["random " + (i + 1), say("random", { n: i + 1 })])) }, s.matrix, set("matrix"));
  const kinds = { linear: L.linear, tanh: "tanh" };
  const activation = toggle(L.activation, kinds, s.activation, set("activation"));
  dials.distance.classList.add("lf-wide");
  const plots = el("div", { class: "lf-plots" });
  let width = 0;

  function paint(norms) {
    const most = Math.max(...norms, s.rho ** (D.steps - 1));
    const highest = HIGHEST.find((p) => most <= 10 ** p) || 12;
    const yTicks = {};
    for (let p = LOWEST; p <= highest; p += 2) yTicks[p] = power(p);
    const every = D.steps > 30 ? 10 : 5;
    const xTicks = {};
    for (let d = 0; d < D.steps; d += every) xTicks[d] = d;
    const axis = axes({ width, height: HEIGHT, x: [-0.5, D.steps - 0.5], y: [LOWEST, highest], xTicks,
      yTicks, xLabel: L.x_axis, yLabel: L.y_axis, title: L.plot });
    const { svg, x, y } = axis;
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
    // The closed form, a straight line, to the edge of the plot.
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
    const choose = (event) => {
      if (event.type === "pointerdown") plots.setPointerCapture(event.pointerId);
      else if (!plots.hasPointerCapture(event.pointerId)) return;
      const at = axis.unscale(event.clientX - svg.getBoundingClientRect().left);
      set("distance")(clamp(Math.round(at), 0, D.steps - 1));
    };
    plots.onpointerdown = plots.onpointermove = choose;
    plots.replaceChildren(svg);
  }

  function render() {
    const { norms, bias } = compute();
    for (const [key, one] of Object.entries(dials)) one.put(s[key]);
    matrix.select.value = s.matrix;
    activation.querySelectorAll("button").forEach((node) =>
      node.setAttribute("aria-pressed", node.dataset.option === s.activation));
    if (width) paint(norms);
    const d = s.distance;
    const closed = s.rho ** d;
    const lost = d >= s.window;
    const strong = (text) => el("strong", { class: "lf-term" }, text);
    result.put([
      say("at", { d }), " ", strong(digits(norms[d])), "; ", L.closed, " ρ",
      el("sup", {}, d), " = ", strong(digits(closed)), ". ",
      lost ? el("b", {}, L.lost + " ") : "",
      el("div", {}, s.window < D.steps ? say("biased", { k: s.window }) : L.unbiased, " ",
        strong(digits(100 * bias) + " %")),
    ], "norm", norms[d]);
    Object.assign(result.dataset, { closed, bias, lost });
  }

  render();
  whenSized(plots, (now) => {
    width = now;
    render();
  });
  return [
    el("div", { class: "lf-bar" }, matrix, activation, button(L.reset, () => {
      reset();
      render();
    })),
    el("div", { class: "lf-bar" }, dials.rho, dials.window, dials.scale),
    plots,
    dials.distance,
    result,
    el("div", { class: "lf-note" }, L.hint),
  ];
}
