// Max and average pooling: the window of an output cell, its winner, and the way back of the
// gradient, with both of PyTorch's treatments of ties.

function draw() {
  const first = JSON.stringify(D);
  let s, edits, picked, touched;

  function reset() {
    s = JSON.parse(first);
    s.x = copy(s.presets[s.preset]);
    edits = {};
    (s.grad_output || []).forEach((row, i) =>
      row.forEach((value, j) => { edits[i + "," + j] = value; }));
    const where = s.view === "forward" ? "output" : "grad_output";
    picked = { grid: where, row: s.select[0], column: s.select[1] };
    touched = { grid: "input", row: 0, column: 0 };
  }
  reset();

  // The cells of window (i, j), row by row.
  function* windowOf(i, j) {
    for (let u = 0; u < s.kernel_size[0]; u++) for (let v = 0; v < s.kernel_size[1]; v++)
      yield [i * s.stride[0] + u, j * s.stride[1] + v];
  }

  // The share of output (i, j)'s gradient that each cell of its window receives.
  function shares(i, j) {
    const cells = [...windowOf(i, j)];
    const values = cells.map(([r, c]) => s.x[r][c]);
    const best = Math.max(...values);
    const tied = values.filter((value) => value === best).length;
    const winner = values.indexOf(best);
    return cells.map(([r, c], n) => {
      const top = values[n] === best;
      const share = s.mode === "average" ? 1 / cells.length
        : s.ties === "split" ? Number(top) / tied : Number(n === winner);
      return { r, c, value: values[n], share, tied: top && s.mode === "max" };
    });
  }

  const symbol = { input: "x", output: "y", grad_output: "g", grad_input: "dx" };
  const name = (of, row, column) => symbol[of] + "[" + row + ", " + column + "]";
  const pick = (of) => (row, column) => {
    picked = { grid: of, row, column };
    render();
  };
  const active = (of) => (row, column) => {
    touched = { grid: of, row, column };
    showTouched();
  };
  function put(row, column, value) {
    if (touched.grid === "input") s.x[row][column] = value;
    else edits[row + "," + column] = value;
    render();
  }
  const editable = (of, letter, title, extra) => grid({ name: of, symbol: letter, title,
    editable: true, onactive: active(of), ...extra,
    onselect: (row, column) => {
      active(of)(row, column);
      pick(of === "input" && s.view === "backward" ? "grad_input" : of)(row, column);
    },
    onedit: (row, column, value) => {
      active(of)(row, column);
      put(row, column, value);
    } });
  const fixed = (of, letter, title) => grid({ name: of, symbol: letter, title, onselect: pick(of) });
  const grids = {
    input: editable("input", "X", L.input, { gray: true }),
    output: fixed("output", "Y", L.output),
    grad_output: editable("grad_output", "G", L.grad_output),
    grad_input: fixed("grad_input", "dX", L.grad_input),
  };

  const result = resultBox();
  const wrong = (text) => result.wrong(text);
  const note = el("div", { class: "lf-note" });
  const value = valueBox((next) => put(touched.row, touched.column, next));
  const set = (key) => (next) => {
    s[key] = next;
    render();
  };
  const presets = Object.fromEntries(Object.keys(s.presets).map((key) => [key, L["preset_" + key]]));
  const controls = {
    preset: choice(L.preset, presets, s.preset, (next) => {
      s.x = copy(s.presets[next]);
      set("preset")(next);
    }),
    mode: choice(L.mode, { max: L.max, average: L.average }, s.mode, set("mode")),
    ties: choice(L.ties, { first: L.first, split: L.split }, s.ties, set("ties")),
    kernel_size: pair(L.kernel_size, s.kernel_size, 1, 5, set("kernel_size"), wrong),
    stride: pair(L.stride, s.stride, 1, 5, set("stride"), wrong),
  };
  controls.ties.classList.add("lf-wide");
  const views = toggle(L.view, { forward: L.forward, backward: L.backward }, s.view, (next) => {
    s.view = next;
    picked.grid = next === "forward" ? "output" : "grad_output";
    render();
  });

  function showTouched() {
    if (!grids[touched.grid].values.length || (touched.grid === "grad_output" && s.view === "forward")) {
      touched = { grid: "input", row: 0, column: 0 };
    }
    const from = grids[touched.grid].values;
    touched.row = clamp(touched.row, 0, from.length - 1);
    touched.column = clamp(touched.column, 0, from[0].length - 1);
    value.put(name(touched.grid, touched.row, touched.column), from[touched.row][touched.column]);
  }

  // What is printed in a lit cell of the window: a full star receives the gradient, an empty one
  // is tied and receives none.
  const star = ({ share, tied }) =>
    (s.mode === "average" ? "\u00f7" + Math.round(1 / share) : share ? "\u2605" : tied ? "\u2606" : "");
  const part = (share) => (share > 0 && share < 1 ? "1/" + Math.round(1 / share) : String(share));
  const spoken = ({ share, tied }) =>
    (s.mode === "average" ? L.lit : share ? L.winner : tied ? L.tied : L.lit);

  function explain(y, g, dx) {
    const { grid: of, row, column } = picked;
    const lit = {};
    const light = (where, r, c, look) => { (lit[where] = lit[where] || {})[r + "," + c] = look || {}; };
    const head = el("b", { class: "lf-code" }, name(of, row, column));
    if (of === "output" || of === "grad_output") {
      const cells = shares(row, column);
      for (const cell of cells) light("input", cell.r, cell.c, { sub: star(cell), note: spoken(cell) });
      if (of === "output") {
        const max = s.mode === "max";
        const numbers = cells.map((cell) => (max ? show : factor)(cell.value)).join(max ? ", " : " + ");
        const total = y[row][column];
        result.put([head, " = " + (max ? "max(" + numbers + ")" : "(" + numbers + ") / " + cells.length),
          el("strong", { class: "lf-term" }, equals(total) + show(total))], of, total);
      } else {
        const to = cells.filter((cell) => cell.share);
        for (const cell of to) light("grad_input", cell.r, cell.c);
        const each = g[row][column] * to[0].share;
        const places = to.map((cell) => name("input", cell.r, cell.c)).join(", ");
        result.put([head, " = " + show(g[row][column]) + ": " + say("routed", { value: show(each), places })],
          of, each);
      }
      return lit;
    }
    const terms = [];
    let windows = 0;
    y.forEach((line, i) => line.forEach((_, j) => {
      const cell = shares(i, j).find(({ r, c }) => r === row && c === column);
      if (!cell) return;
      windows += 1;
      light("output", i, j);
      light("grad_output", i, j, { sub: "\u00d7" + part(cell.share) });
      terms.push([g[i][j], part(cell.share)]);
    }));
    if (of === "input") result.put([head, " " + say("about_input", { n: windows })], of);
    else result.put([head, " = ", ...sumOfProducts(terms, dx[row][column])], of, dx[row][column]);
    return lit;
  }

  function compute(rows, columns) {
    const y = zeros(rows, columns);
    const g = zeros(rows, columns);
    const dx = zeros(s.x.length, s.x[0].length);
    y.forEach((line, i) => line.forEach((_, j) => {
      const edited = edits[i + "," + j];
      g[i][j] = edited === undefined ? upstream(i, j) : edited;
      const cells = shares(i, j);
      y[i][j] = s.mode === "max" ? Math.max(...cells.map((cell) => cell.value))
        : cells.reduce((sum, cell) => sum + cell.value, 0) / cells.length;
      for (const { r, c, share } of cells) dx[r][c] += g[i][j] * share;
    }));
    return { y, g, dx };
  }

  function render() {
    const n = [s.x.length, s.x[0].length];
    const [rows, columns] = [0, 1].map((a) =>
      Math.max(0, Math.floor((n[a] - s.kernel_size[a]) / s.stride[a]) + 1));
    const fits = rows > 0 && columns > 0;
    const back = s.view === "backward";
    const { y, g, dx } = compute(fits ? rows : 0, columns);
    controls.preset.select.value = s.preset;
    controls.mode.select.value = s.mode;
    controls.ties.select.value = s.ties;
    controls.ties.select.disabled = s.mode === "average";
    controls.kernel_size.put(s.kernel_size);
    controls.stride.put(s.stride);
    grids.input.set(s.x);
    grids.output.set(y);
    grids.grad_output.set(g);
    grids.grad_input.set(fits ? dx : []);
    for (const of of ["output", "grad_output", "grad_input"]) {
      grids[of].box.hidden = !fits || (of === "output") === back;
    }
    const sum = (matrix) => show(matrix.flat().reduce((a, b) => a + b, 0));
    note.textContent = back ? say("kept", { above: sum(g), below: sum(dx) }) + " " + L.hint_backward
      : L.hint_forward;
    let lit = {};
    if (fits) {
      const of = grids[picked.grid].values;
      picked.row = clamp(picked.row, 0, of.length - 1);
      picked.column = clamp(picked.column, 0, of[0].length - 1);
      lit = explain(y, g, dx);
    } else wrong(say("too_large", { rows: s.kernel_size[0], columns: s.kernel_size[1],
      height: n[0], width: n[1] }));
    showTouched();
    for (const [of, one] of Object.entries(grids)) {
      one.mark((row, column) => {
        const look = (lit[of] || {})[row + "," + column];
        const chosen = of === picked.grid || (of === "input" && picked.grid === "grad_input");
        return fits && chosen && picked.row === row && picked.column === column
          ? { ...look, pick: true } : look || null;
      });
    }
  }

  render();
  return [
    el("div", { class: "lf-bar" }, views, value, button(L.reset, () => {
      const { view } = s;
      reset();
      s.view = view;
      picked.grid = view === "forward" ? "output" : "grad_output";
      render();
    })),
    el("div", { class: "lf-bar lf-settings" }, ...Object.values(controls)),
    el("div", { class: "lf-stage" }, grids.input.box, grids.output.box,
      grids.grad_input.box, grids.grad_output.box),
    result,
    note,
  ];
}
