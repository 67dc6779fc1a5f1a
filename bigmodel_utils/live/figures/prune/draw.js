// The weights of a small layer after pruning or rounding, and the error of the layer's outputs.

const HEIGHT = 210;
const COLUMNS = D.weight[0].length;
const COUNT = D.weight.length * COLUMNS;

// The moment of inputs with correlations r^|i - j|.
const momentOf = (r) => D.weight[0].map((_, i) => D.weight[0].map((_, j) => r ** Math.abs(i - j)));

// Solves A x = b for a positive definite A, by elimination.
function solve(A, b) {
  const rows = A.map((row, i) => [...row, b[i]]);
  const n = b.length;
  for (let p = 0; p < n; p++) {
    for (let i = p + 1; i < n; i++) {
      const factor = rows[i][p] / rows[p][p];
      for (let j = p; j <= n; j++) rows[i][j] -= factor * rows[p][j];
    }
  }
  const x = Array(n).fill(0);
  for (let i = n - 1; i >= 0; i--) {
    x[i] = (rows[i][n] - sum(x.map((v, j) => (j > i ? rows[i][j] * v : 0)))) / rows[i][i];
  }
  return x;
}

// Moves the weights at the places `free` of a row to where the outputs change least, while those
// at `fixed` move by `change`.
function makeUp(row, H, free, fixed, change) {
  if (!free.length) return;
  const pull = free.map((i) => -sum(fixed.map((j, k) => H[i][j] * change[k])));
  const found = solve(free.map((i) => free.map((j) => H[i][j])), pull);
  free.forEach((i, k) => { row[i] += found[k]; });
}

// The weights that are kept, as many as fit: `bytes` less one bit a place, in 16 bits each.
function pruned(H, bytes, helped) {
  const map = Math.ceil(COUNT / 8);
  const kept = clamp(Math.floor((bytes - map) / 2), 0, COUNT);
  const places = D.weight.flatMap((row, i) => row.map((value, j) => ({ i, j, size: Math.abs(value) })));
  places.sort((a, b) => b.size - a.size);
  const mask = D.weight.map((row) => row.map(() => false));
  for (const { i, j } of places.slice(0, kept)) mask[i][j] = true;
  const weights = D.weight.map((row, i) => {
    const next = row.map((value, j) => (mask[i][j] ? value : 0));
    const [free, fixed] = [true, false].map((stays) => row.map((_, j) => j).filter((j) => mask[i][j] === stays));
    if (helped) makeUp(next, H, free, fixed, fixed.map((j) => -row[j]));
    return next;
  });
  return { weights, mask, used: 2 * kept + map, kept };
}

// All weights on a grid of as many bits as fit beside a scale of 16 bits a row.
function roundedTo(H, bytes, helped) {
  const scales = 2 * D.weight.length;
  const bits = clamp(Math.floor(8 * (bytes - scales) / COUNT), 2, 8);
  const top = 2 ** (bits - 1) - 1;
  const weights = D.weight.map((row) => {
    const scale = Math.max(...row.map(Math.abs)) / top || 1;
    const next = row.slice();
    for (let q = 0; q < COLUMNS; q++) {
      const level = clamp(Math.round(next[q] / scale), -top, top) * scale;
      const change = level - next[q];
      next[q] = level;
      const free = row.map((_, j) => j).filter((j) => j > q);
      if (helped) makeUp(next, H, free, [q], [change]);
    }
    return next;
  });
  return { weights, mask: null, used: Math.ceil(bits * COUNT / 8) + scales, bits };
}

// The outputs' error, relative to their size, for inputs of this moment.
function errorOf(weights, H) {
  const size = (rows) => sum(rows.map((row) => sum(row.map((a, i) => sum(row.map((b, j) => a * H[i][j] * b))))));
  return Math.sqrt(size(weights.map((row, i) => row.map((value, j) => value - D.weight[i][j]))) / (size(D.weight) || 1));
}

function draw() {
  let s;
  const reset = () => { s = { method: D.method, help: D.help, bytes: D.bytes, alike: D.alike }; };
  reset();
  const result = resultBox();
  const set = (key) => (next) => {
    s[key] = next;
    render();
  };
  const method = choice(L.method, { prune: L.prune, round: L.round }, s.method, set("method"));
  const help = choice(L.help, { alone: L.alone, helped: L.helped }, s.help, set("help"));
  const bytes = dial(L.bytes, s.bytes, LIMITS.bytes, set("bytes"), result.wrong);
  const alike = dial(L.alike, s.alike, LIMITS.alike, set("alike"), result.wrong);
  const plots = div("lf-plots");
  const table = el("div", { class: "lf-scroll", tabindex: 0, role: "group", "aria-label": L.table });

  const apply = (way, amount, helped) =>
    (way === "prune" ? pruned : roundedTo)(momentOf(s.alike), amount, helped);
  const errorAt = (way, amount, helped) => errorOf(apply(way, amount, helped).weights, momentOf(s.alike));

  function paint(error) {
    const [low, high] = LIMITS.bytes;
    const xTicks = {};
    for (let at = low; at <= high; at += 4) xTicks[at] = at;
    const yTicks = { 0: "0", 0.25: "0.25", 0.5: "0.5", 0.75: "0.75", 1: "1" };
    const { svg, x, y } = axes({ width: plots.width, height: HEIGHT, x: [low, high], y: [0, 1],
      xTicks, yTicks, xLabel: L.x_axis, yLabel: L.y_axis, title: L.plot });
    for (const way of ["prune", "round"]) {
      for (const helped of [false, true]) {
        const points = [];
        for (let at = low; at <= high; at++) points.push(`${at > low ? "L" : "M"}${x(at)} ${y(Math.min(1, errorAt(way, at, helped)))}`);
        svg.append(el("path", { d: points.join(""), class: `lf-prune-line lf-prune-${way}${helped ? " lf-prune-helped" : ""}` }));
      }
    }
    svg.append(el("circle", { cx: x(s.bytes), cy: y(Math.min(1, error)), r: 7, class: "lf-prune-ring" }));
    plots.replaceChildren(svg);
  }

  function fill({ weights, mask }) {
    const largest = Math.max(1e-9, ...D.weight.flat().map(Math.abs));
    const cell = (value, i, j) => {
      const gone = Boolean(mask && !mask[i][j]);
      const before = show(D.weight[i][j]);
      const said = (gone ? L.removed : show(Math.round(value * 100) / 100)) + ", " + say("before", { value: before });
      return el("td", { class: gone ? "lf-prune-gone" : null, "data-grid": "weight", "data-row": i, "data-col": j,
        "data-value": value, "aria-label": said,
        style: `--lf-tint: ${Math.min(45, Math.abs(value) / largest * 45).toFixed(0)}%` },
        el("span", {}, gone ? "·" : show(Math.round(value * 100) / 100)), el("small", {}, before));
    };
    table.replaceChildren(el("table", { class: "lf-prune-table" },
      el("tbody", {}, ...weights.map((row, i) => el("tr", {}, ...row.map((value, j) => cell(value, i, j)))))));
  }

  function render() {
    for (const [key, control] of Object.entries({ method, help, bytes, alike })) control.put(s[key]);
    const now = apply(s.method, s.bytes, s.help === "helped");
    const error = errorOf(now.weights, momentOf(s.alike));
    if (plots.width) paint(error);
    fill(now);
    const [alone, helped] = [false, true].map((way) => errorAt(s.method, s.bytes, way));
    const told = { kept: now.kept, bits: now.bits, used: now.used, all: COUNT };
    result.put([
      s.method === "prune" ? say("pruned", told) : say("rounded", told), " ",
      el("b", {}, say("error", { error: digits(error) })), " ",
      say("rival", { alone: digits(alone), helped: digits(helped) }),
    ], "error", error);
    Object.assign(result.dataset, { alone, helped, used: now.used });
  }

  render();
  whenSized(plots, render);
  return [
    div("lf-bar", method, help, button(L.reset, () => {
      reset();
      render();
    })),
    div("lf-bar", bytes, alike),
    table,
    plots,
    result,
    note(L.hint),
  ];
}
