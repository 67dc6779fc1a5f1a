// Rotary positions: pairs of a query and a key turn by angles that grow with their positions, each
// pair at a speed of its own, and the score follows the distance alone.

const MOST = LIMITS.position[1];
const SIZE = 132; // pixels of a clock

function draw() {
  const pairs = D.q[0].length;
  let s;
  const reset = () => {
    s = structuredClone(D);
    board.home();
  };

  const frequency = (i) => s.base ** (-i / pairs);
  const turned = ([a, b], angle) => [a * Math.cos(angle) - b * Math.sin(angle), b * Math.cos(angle) + a * Math.sin(angle)];
  const column = (matrix, i) => [matrix[0][i], matrix[1][i]];
  const angles = (position) => Array.from({ length: pairs }, (_, i) => (s.turn === "on" ? position * frequency(i) : 0));
  const all = (matrix, position) => angles(position).map((angle, i) => turned(column(matrix, i), angle));
  const dots = (m, n) => {
    const [q, k] = [all(s.q, m), all(s.k, n)];
    return q.map((v, i) => v[0] * k[i][0] + v[1] * k[i][1]);
  };

  const board = explorer({
    grids: {
      q: { symbol: "q", title: L.about_q, editable: true },
      k: { symbol: "k", title: L.about_k, editable: true },
    },
    home: "q",
    name: (of, row, column) => of + place(row, column),
    onput(of, row, i, next) {
      s[of][row][i] = next;
      render();
    },
  });
  const { grids, result } = board;
  reset();

  const set = (key) => (next) => {
    s[key] = next;
    render();
  };
  const one = (key, label) => dial(label, s[key], LIMITS.position, set(key), result.wrong);
  const controls = {
    m: one("m", L.m),
    n: one("n", L.n),
    shift: one("shift", L.shift),
    base: choice(L.base, Object.fromEntries(LIMITS.bases.map((base) => [base, base])), s.base,
      (next) => set("base")(Number(next))),
    turn: toggle(L.turning, { on: L.on, off: L.off }, s.turn, set("turn")),
  };
  const clocks = div("lf-clocks");
  const plots = div("lf-plots");

  // One clock a pair: where query and key were (thin) and where they are turned to.
  function clock(i, q, k, part) {
    const longest = Math.max(1e-9, ...[s.q, s.k].flatMap((of) => of[0].map((_, j) => Math.hypot(...column(of, j)))));
    const middle = SIZE / 2;
    const scale = (middle - 8) / longest;
    const arrow = (v, kind, name) => {
      const [x, y] = [middle + v[0] * scale, middle - v[1] * scale];
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
    return div("lf-clock", svg,
      note(say("pair", { i, speed: digits(speed), every: digits(2 * Math.PI / speed) })),
      note("q·k: ", el("b", { "data-grid": "part", "data-row": 0, "data-col": i, "data-value": part }, show(part))));
  }

  function paint(now) {
    const scores = Array.from({ length: 2 * MOST + 1 }, (_, j) => sum(dots(j - MOST, 0)));
    const most = Math.max(1, Math.ceil(Math.max(...scores.map(Math.abs))));
    const xTicks = {};
    for (let d = -MOST; d <= MOST; d += MOST / 4) xTicks[d] = show(d);
    const yTicks = Object.fromEntries([-most, 0, most].map((v) => [v, show(v)]));
    const { svg, x, y, at } = axes({ width: plots.width, height: 230, x: [-MOST - 0.5, MOST + 0.5], y: [-most, most], xTicks, yTicks,
      xLabel: L.x_axis, yLabel: L.y_axis, title: L.plot });
    svg.append(el("line", { x1: x(now), x2: x(now), y1: y(most), y2: y(-most), class: "lf-cursor" }));
    scores.forEach((score, j) => svg.append(el("circle", { cx: x(j - MOST), cy: y(score), r: j - MOST === now ? 5 : 2.5,
      class: "lf-dot", "data-grid": "score", "data-row": 0, "data-col": j, "data-value": score })));
    onDrag(plots, (event) => {
      const to = clamp(Math.round(at(event)), -MOST, MOST);
      // The key stays where it can, the query moves.
      s.n = clamp(s.n, Math.max(0, -to), Math.min(MOST, MOST - to));
      s.m = s.n + to;
      render();
    });
    plots.replaceChildren(svg);
  }

  function render() {
    for (const of of ["q", "k"]) {
      grids[of].set(s[of]);
      grids[of].mark(null);
    }
    for (const [key, control] of Object.entries(controls)) control.put(s[key]);
    const [m, n] = [s.m + s.shift, s.n + s.shift];
    const [q, k, parts] = [all(s.q, m), all(s.k, n), dots(m, n)];
    clocks.replaceChildren(...parts.map((part, i) => clock(i, q[i], k[i], part)));
    if (plots.width) paint(s.m - s.n);
    board.showTouched();
    const [score, unshifted] = [sum(parts), sum(dots(s.m, s.n))];
    result.put([say("at", { m, n, d: show(m - n) }), " ",
      ...parts.flatMap((part, i) => [term((i ? "+ " : "") + factor(part)), " "]), total(score), ". ",
      el("div", {}, s.turn === "off" ? L.still : say("same", { m: s.m, n: s.n, score: show(unshifted) }))],
    "score", score);
    Object.assign(result.dataset, { m, n, unshifted });
  }

  render();
  whenSized(plots, render);
  return [
    div("lf-bar", controls.m, controls.n, controls.shift),
    clocks,
    plots,
    result,
    div("lf-stage", grids.q.box, grids.k.box),
    div("lf-bar", board.value, controls.base, controls.turn, button(L.reset, () => {
      reset();
      render();
    })),
    note(L.hint),
  ];
}
