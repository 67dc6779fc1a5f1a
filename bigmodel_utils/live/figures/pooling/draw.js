// Max and average pooling: the window of an output cell, its winner, and the way back of the
// gradient, with both of PyTorch's treatments of ties.

function draw() {
  let s, picked;

  function reset(view) {
    s = structuredClone(D);
    s.x = copy(s.presets[s.preset]);
    s.given = s.grad_output || [];
    s.view = view;
    board.home();
    picked = { grid: opening(), row: s.select[0], column: s.select[1] };
  }
  const opening = () => (s.view === "forward" ? "output" : "grad_output");

  // The share of output (i, j)'s gradient that each cell of its window receives, row by row.
  function shares(i, j) {
    const cells = [];
    for (let u = 0; u < s.kernel_size[0]; u++) for (let v = 0; v < s.kernel_size[1]; v++) {
      const [r, c] = [i * s.stride[0] + u, j * s.stride[1] + v];
      cells.push({ r, c, value: s.x[r][c] });
    }
    const values = cells.map((cell) => cell.value);
    const best = Math.max(...values);
    const tied = values.filter((value) => value === best).length;
    const winner = values.indexOf(best);
    return cells.map((cell, n) => {
      const top = values[n] === best;
      const share = s.mode === "average" ? 1 / cells.length
        : s.ties === "split" ? Number(top) / tied : Number(n === winner);
      return { ...cell, share, tied: top && s.mode === "max" };
    });
  }

  const SYMBOL = { input: "x", output: "y", grad_output: "g", grad_input: "dx" };
  const name = (of, row, column) => SYMBOL[of] + place(row, column);
  const board = explorer({
    grids: {
      input: { symbol: "X", title: L.input, editable: true, gray: true },
      output: { symbol: "Y", title: L.output },
      grad_output: { symbol: "G", title: L.grad_output, editable: true },
      grad_input: { symbol: "dX", title: L.grad_input },
    },
    home: "input",
    name,
    onput(of, row, column, value) {
      const into = of === "input" ? s.x : s.given;
      (into[row] = into[row] || [])[column] = value;
      render();
    },
    onselect(of, row, column) {
      picked = { grid: of === "input" && s.view === "backward" ? "grad_input" : of, row, column };
      render();
    },
  });
  const { grids, result } = board;
  reset(D.view);

  const hint = note();
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
    kernel_size: pair(L.kernel_size, s.kernel_size, LIMITS.kernel_size, set("kernel_size"), result.wrong),
    stride: pair(L.stride, s.stride, LIMITS.stride, set("stride"), result.wrong),
  };
  controls.ties.classList.add("lf-wide");
  const views = toggle(L.view, { forward: L.forward, backward: L.backward }, s.view, (next) => {
    s.view = next;
    picked.grid = opening();
    render();
  });

  // What is printed in a lit cell of the window: a full star receives the gradient, an empty one
  // is tied and receives none.
  const star = ({ share, tied }) =>
    (s.mode === "average" ? "÷" + Math.round(1 / share) : share ? "★" : tied ? "☆" : "");
  const part = (share) => (share > 0 && share < 1 ? "1/" + Math.round(1 / share) : String(share));
  const spoken = ({ share, tied }) =>
    (s.mode === "average" ? L.lit : share ? L.winner : tied ? L.tied : L.lit);

  function explain({ output: y, grad_output: g, grad_input: dx }) {
    const { grid: of, row, column } = picked;
    const lit = lights();
    const head = el("b", { class: "lf-code" }, name(of, row, column));
    if (of === "output" || of === "grad_output") {
      const cells = shares(row, column);
      for (const cell of cells) lit.add("input", cell.r, cell.c, { sub: star(cell), note: spoken(cell) });
      if (of === "output") {
        const max = s.mode === "max";
        const numbers = cells.map((cell) => (max ? show : factor)(cell.value)).join(max ? ", " : " + ");
        const value = y[row][column];
        result.put([head, " = " + (max ? "max(" + numbers + ")" : "(" + numbers + ") / " + cells.length),
          strong(equals(value) + show(value))], of, value);
      } else {
        const to = cells.filter((cell) => cell.share);
        for (const cell of to) lit.add("grad_input", cell.r, cell.c);
        const each = g[row][column] * to[0].share;
        const places = to.map((cell) => name("input", cell.r, cell.c)).join(", ");
        result.put([head, " = " + show(g[row][column]) + ": " + say("routed", { value: show(each), places })],
          of, each);
      }
      return lit;
    }
    const terms = [];
    y.forEach((line, i) => line.forEach((_, j) => {
      const cell = shares(i, j).find(({ r, c }) => r === row && c === column);
      if (!cell) return;
      lit.add("output", i, j);
      lit.add("grad_output", i, j, { sub: "×" + part(cell.share) });
      terms.push([g[i][j], part(cell.share)]);
    }));
    if (of === "input") result.put([head, " " + say("about_input", { n: terms.length })], of);
    else result.put([head, " = ", ...sumOfProducts(terms, dx[row][column])], of, dx[row][column]);
    return lit;
  }

  function compute(rows, columns) {
    const all = { input: s.x, output: zeros(rows, columns), grad_output: upstream(rows, columns, s.given),
      grad_input: zeros(rows && s.x.length, s.x[0].length) };
    all.output.forEach((line, i) => line.forEach((_, j) => {
      const cells = shares(i, j);
      const values = cells.map((cell) => cell.value);
      line[j] = s.mode === "max" ? Math.max(...values) : sum(values) / cells.length;
      for (const { r, c, share } of cells) all.grad_input[r][c] += all.grad_output[i][j] * share;
    }));
    return all;
  }

  function render() {
    const n = [s.x.length, s.x[0].length];
    const [rows, columns] = [0, 1].map((a) =>
      Math.max(0, Math.floor((n[a] - s.kernel_size[a]) / s.stride[a]) + 1));
    const fits = rows > 0 && columns > 0;
    const back = s.view === "backward";
    const all = compute(fits ? rows : 0, columns);
    for (const [key, one] of Object.entries(controls)) one.put(s[key]);
    controls.ties.select.disabled = s.mode === "average";
    for (const [of, one] of Object.entries(grids)) {
      one.set(all[of]);
      one.box.hidden = of !== "input" && (!fits || (of === "output") === back);
    }
    const added = (of) => show(sum(all[of].flat()));
    hint.textContent = back
      ? say("kept", { above: added("grad_output"), below: added("grad_input") }) + " " + L.hint_backward
      : L.hint_forward;
    if (fits) {
      board.inside(picked);
      explain(all).mark(grids, picked, picked.grid === "grad_input" && "input");
    } else {
      lights().mark(grids);
      result.wrong(say("too_large", { rows: s.kernel_size[0], columns: s.kernel_size[1],
        height: n[0], width: n[1] }));
    }
    board.showTouched();
  }

  render();
  return [
    div("lf-bar", views, board.value, button(L.reset, () => {
      reset(s.view);
      render();
    })),
    div("lf-bar lf-settings", ...Object.values(controls)),
    div("lf-stage", grids.input.box, grids.output.box,
      grids.grad_input.box, grids.grad_output.box),
    result,
    hint,
  ];
}
