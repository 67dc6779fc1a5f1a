// n features in two units, directions evenly around the plane: relu(W'W x + b), exactly.

const PLANE = 230;
const CURVES = 220;
const STEPS = 100;
const REACH = 1.6; // of the plane

// What the features with directions evenly around the plane read back; x: n numbers, 0 or 1.
function readBack(x, s) {
  return x.map((_, i) => Math.max(0, s.bias + s.length ** 2 * sum(x.map((v, j) =>
    v * Math.cos(2 * Math.PI * (i - j) / x.length)))));
}

const bits = (pattern, n) => Array.from({ length: n }, (_, i) => (pattern >> i) & 1);

// Squared errors added up over the combinations with k present features, k = 0 to n.
function errorsBySize(s) {
  const found = Array(s.n + 1).fill(0);
  for (let pattern = 0; pattern < 2 ** s.n; pattern++) {
    const x = bits(pattern, s.n);
    found[sum(x)] += sum(readBack(x, s).map((r, i) => (r - x[i]) ** 2));
  }
  return found;
}

const meanError = (bySize, n, p) => sum(bySize.map((e, k) => e * p ** k * (1 - p) ** (n - k))) / n;
const linearError = (n, p) => (n - 2) / n * p * (1 - p);

function draw() {
  let s;
  const reset = () => { s = { ...D }; };
  reset();
  const result = resultBox();
  const set = (key) => (next) => {
    s[key] = next;
    if (key === "n") s.present &= 2 ** next - 1;
    render();
  };
  const dials = {};
  for (const key of ["n", "length", "bias", "p"]) dials[key] = dial(L[key], s[key], LIMITS[key], set(key), result.wrong);
  const all = [...Array(LIMITS.n[1]).keys()].map((i) => el("button", { type: "button", class: "lf-button",
    "aria-label": say("feature", { i: i + 1 }), onclick: () => {
      s.present ^= 1 << i;
      render();
    } }, String(i + 1)));
  const switches = el("div", { class: "lf-bar lf-present", role: "group", "aria-label": L.present },
    span("lf-label", L.present + " "), ...all);
  const plane = div("lf-plots lf-star");
  const bars = div("lf-plots lf-read");
  const plots = div("lf-plots");

  // The best on a lattice: first coarse, then fine around what was found.
  function best() {
    const at = (length, bias) => meanError(errorsBySize({ ...s, length, bias }), s.n, s.p);
    let found = { error: Infinity };
    const [[l0, l1], [b0, b1]] = [LIMITS.length, LIMITS.bias];
    const search = (lengths, biases) => lengths.forEach((length) => biases.forEach((bias) => {
      const error = at(length, bias);
      if (error < found.error - 1e-12) found = { error, length, bias };
    }));
    const range = (low, high, step) => Array.from({ length: Math.round((high - low) / step) + 1 },
      (_, i) => Math.round((low + i * step) * 100) / 100);
    search(range(l0, l1, 0.05), range(b0, b1, 0.05));
    const { length, bias } = found;
    search(range(Math.max(l0, length - 0.06), Math.min(l1, length + 0.06), 0.01),
      range(Math.max(b0, bias - 0.06), Math.min(b1, bias + 0.06), 0.01));
    Object.assign(s, { length: found.length, bias: found.bias });
    render();
  }

  const tip = (i) => [s.length * Math.cos(2 * Math.PI * i / s.n), s.length * Math.sin(2 * Math.PI * i / s.n)];

  function paintPlane(x0) {
    const ticks = { [-1]: "−1", 0: "0", 1: "1" };
    const size = Math.min(plane.width, PLANE);
    const { svg, x, y } = axes({ width: size, height: size + 6, x: [-REACH, REACH], y: [-REACH, REACH], xTicks: ticks,
      yTicks: ticks, xLabel: L.h1, yLabel: L.h2, title: L.plane });
    const line = ([a, b], kind) => el("line", { x1: x(0), y1: y(0), x2: x(a), y2: y(b), class: kind });
    x0.forEach((on, i) => {
      const [a, b] = tip(i);
      const [c, d] = [a, b].map((v) => v * (s.length + 0.13) / s.length);
      svg.append(line([a, b], on ? "lf-direction lf-on" : "lf-direction"),
        svgText(x(c), y(d) + 4, String(i + 1), "middle"));
    });
    const h = [0, 1].map((axis) => sum(x0.map((on, i) => on * tip(i)[axis])));
    svg.append(el("circle", { cx: clamp(x(h[0]), 4, size - 4), cy: clamp(y(h[1]), 4, size - 4), r: 6, class: "lf-activation" }));
    plane.replaceChildren(svg);
  }

  function paintBars(x0, read) {
    const top = Math.max(1.2, ...read);
    const xTicks = Object.fromEntries(x0.map((_, i) => [i + 1, String(i + 1)]));
    const { svg, x, y } = axes({ width: Math.min(bars.width, 420), height: PLANE, x: [0.4, s.n + 0.6], y: [0, top], xTicks,
      yTicks: { 0: "0", 1: "1" }, xLabel: L.features, yLabel: L.read, title: L.bars });
    const half = (x(2) - x(1)) * 0.3;
    read.forEach((r, i) => svg.append(
      el("rect", { x: x(i + 1) - half, y: y(r), width: 2 * half, height: y(0) - y(r), class: "lf-reading" }),
      el("circle", { cx: x(i + 1), cy: y(x0[i]), r: 6, class: "lf-truth" })));
    bars.replaceChildren(svg);
  }

  function paintCurves(bySize) {
    const places = [...Array(STEPS + 1).keys()].map((i) => i / STEPS);
    const lines = [(p) => meanError(bySize, s.n, p), (p) => linearError(s.n, p)];
    const top = Math.max(0.2, 1.5 * Math.max(...places.map(lines[1])));
    const { svg, x, y, at } = axes({ width: plots.width, height: CURVES, x: [0, 1], y: [0, top],
      xTicks: { 0: "0", 0.5: digits(0.5), 1: "1" }, yTicks: { 0: "0", 0.1: digits(0.1), 0.2: digits(0.2) },
      xLabel: L.chance, yLabel: L.error, title: L.curves });
    lines.forEach((f, i) => {
      const path = places.filter((p) => f(p) <= top).map((p) => x(p).toFixed(1) + " " + y(f(p)).toFixed(1));
      if (path.length) svg.append(el("path", { d: "M" + path.join("L"), class: i ? "lf-linear" : "lf-code-error" }));
    });
    svg.append(el("line", { x1: x(s.p), x2: x(s.p), y1: y(0), y2: y(top), class: "lf-here" }));
    onDrag(plots, (event) => set("p")(clamp(Math.round(at(event) * 100) / 100, LIMITS.p[0], LIMITS.p[1])));
    plots.replaceChildren(svg);
  }

  function render() {
    for (const [key, control] of Object.entries(dials)) control.put(s[key]);
    all.forEach((one, i) => {
      one.hidden = i >= s.n;
      one.setAttribute("aria-pressed", Boolean(s.present & (1 << i)));
    });
    const x0 = bits(s.present, s.n);
    const read = readBack(x0, s);
    const bySize = errorsBySize(s);
    if (plane.width) paintPlane(x0);
    if (bars.width) paintBars(x0, read);
    if (plots.width) paintCurves(bySize);
    const now = sum(read.map((r, i) => (r - x0[i]) ** 2)) / s.n;
    const mean = meanError(bySize, s.n, s.p);
    const linear = linearError(s.n, s.p);
    const who = x0.flatMap((on, i) => (on ? [String(i + 1)] : [])).join(", ") || L.nobody;
    result.put([say("now", { who, now: digits(now) }), el("br"),
      say("mean", { count: 2 ** s.n }), " ", strong(digits(mean)), "; ", say("linear", { linear: digits(linear) })], "mean", mean);
    Object.assign(result.dataset, { now, linear, read: JSON.stringify(read) });
  }

  render();
  for (const box of [plane, bars, plots]) whenSized(box, render);
  return [
    div("lf-bar", dials.n, dials.length, dials.bias),
    switches,
    div("lf-side-by-side", plane, bars),
    div("lf-bar", dials.p, button(L.best, best), button(L.reset, () => {
      reset();
      render();
    })),
    plots,
    result,
    note(L.hint),
  ];
}
