// Rotary positions: pairs of a query and a key turn by angles that grow with their positions, each
// pair at a speed of its own, and the score follows the distance alone.

const MOST = D.most;
const SIZE = 132; // pixels of a clock

function draw() {
  const pairs = D.q[0].length;
  let s, touched;
  const reset = () => {
    s = { q: copy(D.q), k: copy(D.k), m: D.m, n: D.n, shift: D.shift, base: D.base, turn: D.turn };
    touched = { grid: "q", row: 0, column: 0 };
  };
  reset();

  const frequency = (i) => s.base ** (-i / pairs);
  const turned = ([a, b], angle) => [a * Math.cos(angle) - b * Math.sin(angle), b * Math.cos(angle) + a * Math.sin(angle)];
  const column = (matrix, i) => [matrix[0][i], matrix[1][i]];
  const angles = (position) => Array.from({ length: pairs }, (_, i) => (s.turn === "on" ? position * frequency(i) : 0));
  const all = (matrix, position) => angles(position).map((angle, i) => turned(column(matrix, i), angle));
  const dots = (m, n) => {
    const [q, k] = [all(s.q, m), all(s.k, n)];
    return q.map((v, i) => v[0] * k[i][0] + v[1] * k[i][1]);
  };
  const sum = (parts) => parts.reduce((total, part) => total + part, 0);

  const result = resultBox();
  const set = (key) => (next) => render((s[key] = next));
  const value = valueBox((next) => put(touched.grid, touched.row, touched.column, next));

  function put(of, row, place, next) {
    touched = { grid: of, row, column: place };
    s[of][row][place] = Math.round(next * 1e9) / 1e9;
    render();
  }
  const grids = {};
  const make = (of) => {
    const touch = (row, place) => {
      touched = { grid: of, row, column: place };
      showTouched();
    };
    grids[of] = grid({ name: of, symbol: of, title: L["about_" + of], editable: true, onactive: touch,
      onselect: touch, onedit: (row, place, next) => put(of, row, place, next) });
    return grids[of].box;
  };
  function showTouched() {
    const { grid: of, row, column: place } = touched;
    value.put(of + "[" + row + ", " + place + "]", s[of][row][place]);
  }

  const whole = (text) => result.wrong(text + " " + L.whole);
  const dials = {
    m: dial(L.m, s.m, 0, MOST, 1, set("m"), whole),
    n: dial(L.n, s.n, 0, MOST, 1, set("n"), whole),
    shift: dial(L.shift, s.shift, 0, MOST, 1, set("shift"), whole),
  };
  const base = choice(L.base, { 10: "10", 100: "100", 10000: "10000" }, String(s.base), (next) => set("base")(Number(next)));
  const turns = toggle(L.turning, { on: L.on, off: L.off }, s.turn, set("turn"));
  const clocks = el("div", { class: "lf-clocks" });
  const plots = el("div", { class: "lf-plots" });
  let width = 0;

  // One clock a pair: where query and key were (thin) and where they are turned to.
  function clock(i, q, k, part) {
    const longest = Math.max(1e-9, ...[s.q, s.k].flatMap((of) => of[0].map((_, j) => Math.hypot(...column(of, j)))));
    const middle = SIZE / 2;
    const at = (v) => [middle + (v[0] / longest) * (middle - 8), middle - (v[1] / longest) * (middle - 8)];
    const arrow = (v, kind, name) => {
      const [x, y] = at(v);
      const size = Math.hypot(x - middle, y - middle) / 4 || 1;
      const [dx, dy] = [(x - middle) / size, (y - middle) / size];
      const tip = [[x, y], [x - 2 * dx + dy, y - 2 * dy - dx], [x - 2 * dx - dy, y - 2 * dy + dx]];
      return [el("line", { x1: middle, y1: middle, x2: x, y2: y, class: "lf-arrow " + kind, "data-vector": name,
        "data-col": i, "data-x": v[0], "data-y": v[1] }),
      el("path", { d: "M" + tip.join("L") + "Z", class: "lf-tip " + kind })];
    };
    const svg = el("svg", { width: SIZE, height: SIZE, class: "lf-plot", role: "img",
      "aria-label": say("clock", { i, q: q.map(show).join("; "), k: k.map(show).join("; ") }) },
    el("circle", { cx: middle, cy: middle, r: middle - 8, class: "lf-ringed" }),
    ...arrow(column(s.q, i), "lf-of-q lf-before", "q0"), ...arrow(column(s.k, i), "lf-of-k lf-before", "k0"),
    ...arrow(q, "lf-of-q", "q"), ...arrow(k, "lf-of-k", "k"));
    const speed = frequency(i);
    return el("div", { class: "lf-clock" }, svg,
      el("div", { class: "lf-note" }, say("pair", { i, speed: digits(speed), every: digits(2 * Math.PI / speed) })),
      el("div", { class: "lf-note" }, "q·k: ", el("b", { "data-grid": "part", "data-row": 0, "data-col": i, "data-value": part }, show(part))));
  }

  function paint(now) {
    const scores = Array.from({ length: 2 * MOST + 1 }, (_, j) => sum(dots(j - MOST, 0)));
    const most = Math.max(1, Math.ceil(Math.max(...scores.map(Math.abs))));
    const xTicks = {};
    for (let d = -MOST; d <= MOST; d += MOST / 4) xTicks[d] = String(d).replace("-", "−");
    const yTicks = Object.fromEntries([-most, 0, most].map((v) => [v, show(v)]));
    const axis = axes({ width, height: 230, x: [-MOST - 0.5, MOST + 0.5], y: [-most, most], xTicks, yTicks,
      xLabel: L.x_axis, yLabel: L.y_axis, title: L.plot });
    const { svg, x, y } = axis;
    svg.append(el("line", { x1: x(now), x2: x(now), y1: y(most), y2: y(-most), class: "lf-cursor" }));
    scores.forEach((score, j) => svg.append(el("circle", { cx: x(j - MOST), cy: y(score), r: j - MOST === now ? 5 : 2.5,
      class: "lf-dot", "data-grid": "score", "data-row": 0, "data-col": j, "data-value": score })));
    const choose = (event) => {
      if (event.type === "pointerdown") plots.setPointerCapture(event.pointerId);
      else if (!plots.hasPointerCapture(event.pointerId)) return;
      const to = clamp(Math.round(axis.unscale(event.clientX - svg.getBoundingClientRect().left)), -MOST, MOST);
      // The key stays where it can, the query moves.
      s.n = clamp(s.n, Math.max(0, -to), Math.min(MOST, MOST - to));
      s.m = s.n + to;
      render();
    };
    plots.onpointerdown = plots.onpointermove = choose;
    plots.replaceChildren(svg);
  }

  function explain() {
    const [m, n] = [s.m + s.shift, s.n + s.shift];
    const parts = dots(m, n);
    const [total, unshifted] = [sum(parts), sum(dots(s.m, s.n))];
    result.put([say("at", { m, n, d: String(m - n).replace("-", "−") }), " ",
      ...parts.flatMap((part, i) => [el("span", { class: "lf-term" }, (i ? "+ " : "") + factor(part)), " "]),
      el("strong", { class: "lf-term" }, equals(total).trim() + " " + show(total)), ". ",
      el("div", {}, s.turn === "off" ? L.still : say("same", { m: s.m, n: s.n, score: show(unshifted) }))],
    "score", total);
    Object.assign(result.dataset, { m, n, unshifted });
  }

  function render() {
    for (const of of ["q", "k"]) {
      grids[of].set(s[of]);
      grids[of].mark(null);
    }
    for (const [key, one] of Object.entries(dials)) one.put(s[key]);
    base.select.value = String(s.base);
    for (const node of turns.children) node.setAttribute("aria-pressed", node.dataset.option === s.turn);
    const [m, n] = [s.m + s.shift, s.n + s.shift];
    const [q, k] = [all(s.q, m), all(s.k, n)];
    clocks.replaceChildren(...dots(m, n).map((part, i) => clock(i, q[i], k[i], part)));
    if (width) paint(s.m - s.n);
    showTouched();
    explain();
  }

  const vectors = el("div", { class: "lf-stage" }, make("q"), make("k"));
  render();
  whenSized(plots, (now) => {
    width = now;
    render();
  });
  return [
    el("div", { class: "lf-bar" }, dials.m, dials.n, dials.shift),
    clocks,
    plots,
    result,
    vectors,
    el("div", { class: "lf-bar" }, value, base, turns, button(L.reset, () => {
      reset();
      render();
    })),
    el("div", { class: "lf-note" }, L.hint),
  ];
}
