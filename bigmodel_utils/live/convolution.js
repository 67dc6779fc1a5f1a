// Convolution explorer: one channel, no bias. Forward: the products behind an output cell.
// Backward: the terms behind a cell of the gradient of the input or of the kernel.

function draw() {
  const first = JSON.stringify(D);
  let x, w, edits, stride, padding, dilation, view, picked, chosen, touched;

  function reset() {
    const data = JSON.parse(first);
    ({ input: x, kernel: w, stride, padding, dilation, view } = data);
    edits = {};
    (data.grad_output || []).forEach((row, i) =>
      row.forEach((value, j) => { edits[i + "," + j] = value; }));
    chosen = { grid: "output", row: data.select[0], column: data.select[1] };
    touched = { grid: "kernel", row: 0, column: 0 };
    choose();
  }
  // What a view opens on: forward an output, backward a cell of the input's gradient.
  function choose() {
    const middle = { grid: "grad_input", row: Math.min(2, x.length - 1), column: Math.min(2, x[0].length - 1) };
    picked = view === "backward" ? middle : chosen;
  }
  reset();

  const span = (axis, k) => dilation[axis] * (k[axis] - 1) + 1;
  const sizes = () => {
    const k = [w.length, w[0].length];
    const n = [x.length, x[0].length];
    return [0, 1].map((a) => Math.floor((n[a] + 2 * padding[a] - span(a, k)) / stride[a]) + 1);
  };

  // Every multiplication of the convolution: output (i, j), kernel (u, v), input (r, c), which
  // may lie in the padding.
  function visit(rows, columns, use) {
    for (let i = 0; i < rows; i++) for (let j = 0; j < columns; j++)
      w.forEach((line, u) => line.forEach((_, v) =>
        use(i, j, u, v, i * stride[0] - padding[0] + u * dilation[0],
          j * stride[1] - padding[1] + v * dilation[1])));
  }
  const pixel = (r, c) => (x[r] && x[r][c] !== undefined ? x[r][c] : 0);
  const inside = (r, c) => r >= 0 && r < x.length && c >= 0 && c < x[0].length;

  function compute(rows, columns) {
    const g = zeros(rows, columns);
    g.forEach((line, i) => line.forEach((_, j) => {
      const edited = edits[i + "," + j];
      line[j] = edited === undefined ? upstream(i, j) : edited;
    }));
    const y = zeros(rows, columns);
    const dx = zeros(x.length, x[0].length);
    const dw = zeros(w.length, w[0].length);
    visit(rows, columns, (i, j, u, v, r, c) => {
      y[i][j] += pixel(r, c) * w[u][v];
      dw[u][v] += pixel(r, c) * g[i][j];
      if (inside(r, c)) dx[r][c] += g[i][j] * w[u][v];
    });
    return { y, g, dx, dw };
  }

  const pick = (name) => (row, column) => {
    picked = { grid: name, row, column };
    render();
  };
  const matrix = { input: () => x, kernel: () => w };
  function put(row, column, value) {
    if (touched.grid === "grad_output") edits[row + "," + column] = value;
    else matrix[touched.grid]()[row][column] = value;
    render();
  }
  const active = (name) => (row, column) => {
    touched = { grid: name, row, column };
    showTouched();
  };
  const editable = (name, symbol, title, extra) => grid({ name, symbol, title, editable: true,
    onselect: (row, column) => {
      active(name)(row, column);
      const back = { input: "grad_input", kernel: "grad_weight" };
      pick((view === "backward" && back[name]) || name)(row, column);
    },
    onedit: (row, column, value) => {
      active(name)(row, column);
      put(row, column, value);
    },
    onactive: active(name), ...extra });
  const fixed = (name, symbol, title, extra) =>
    grid({ name, symbol, title, onselect: pick(name), ...extra });

  const grids = {
    input: editable("input", "X", L.input, { gray: true, ring: "0" }),
    kernel: editable("kernel", "W", L.kernel),
    output: fixed("output", "Y", L.output),
    grad_output: editable("grad_output", "G", L.grad_output),
    grad_input: fixed("grad_input", "dX", L.grad_input, { ring: "" }),
    grad_weight: fixed("grad_weight", "dW", L.grad_weight),
  };
  const SYMBOL = { input: "x", kernel: "w", output: "y", grad_output: "g", grad_input: "dx",
    grad_weight: "dw" };
  const name = (of, row, column) => SYMBOL[of] + "[" + row + ", " + column + "]";

  const result = resultBox();
  const wrong = (text) => result.wrong(text);
  const value = valueBox((next) => put(touched.row, touched.column, next));
  const set = (assign) => (next) => {
    assign(next);
    render();
  };
  const controls = {
    kernel: pair(L.kernel_size, [1, 1], 1, 5, set(([rows, columns]) => {
      w = zeros(rows, columns).map((line, u) => line.map((_, v) => (w[u] && w[u][v]) || 0));
    }), wrong),
    stride: pair(L.stride, stride, 1, 4, set((next) => { stride = next; }), wrong),
    padding: pair(L.padding, padding, 0, 3, set((next) => { padding = next; }), wrong),
    dilation: pair(L.dilation, dilation, 1, 3, set((next) => { dilation = next; }), wrong),
  };
  const views = toggle(L.view, { forward: L.forward, backward: L.backward }, view, (next) => {
    view = next;
    choose();
    render();
  });
  const size = el("div", { class: "lf-note" });
  const hint = el("div", { class: "lf-note" });
  const sign = (text, box) => el("div", { class: "lf-after" },
    el("span", { class: "lf-sign", "aria-hidden": "true" }, text), box);
  const output = sign("=", grids.output.box);
  const lineBreak = el("span", { class: "lf-break" });

  function showTouched() {
    const from = touched.grid === "grad_output" ? grids.grad_output.values : matrix[touched.grid]();
    touched.row = clamp(touched.row, 0, from.length - 1);
    touched.column = clamp(touched.column, 0, from[0].length - 1);
    value.put(name(touched.grid, touched.row, touched.column), from[touched.row][touched.column]);
  }

  // The terms and the lit cells of the picked cell. `lit[grid]["row,column"]` is the text to
  // print under the number of a lit cell.
  function explain(rows, columns, { y, g, dx, dw }) {
    const { grid: of, row, column } = picked;
    const lit = {};
    const terms = [];
    const light = (where, r, c, text) => {
      (lit[where] = lit[where] || {})[r + "," + c] = text || "";
    };
    const by = (factorShown) => "\u00d7" + show(factorShown);
    visit(rows, columns, (i, j, u, v, r, c) => {
      const here = { output: i === row && j === column, grad_output: i === row && j === column,
        input: r === row && c === column, grad_input: r === row && c === column,
        kernel: u === row && v === column, grad_weight: u === row && v === column }[of];
      if (!here) return;
      if (of === "output" || of === "kernel") light("input", r, c, by(w[u][v]));
      if (of === "output") {
        light("kernel", u, v);
        terms.push([pixel(r, c), w[u][v]]);
      } else if (of === "input") {
        light("output", i, j);
        light("kernel", u, v);
      } else if (of === "kernel") light("output", i, j);
      else if (of === "grad_output") {
        if (inside(r, c)) light("grad_input", r, c);
        light("kernel", u, v);
      } else if (of === "grad_input") {
        light("grad_output", i, j, by(w[u][v]));
        light("kernel", u, v);
        terms.push([g[i][j], w[u][v]]);
      } else if (of === "grad_weight") {
        light("input", r, c, by(g[i][j]));
        light("grad_output", i, j);
        terms.push([g[i][j], pixel(r, c)]);
      }
    });
    const total = { output: y, grad_input: dx, grad_weight: dw }[of];
    const head = el("b", { class: "lf-code" }, name(of, row, column));
    if (total) {
      const sum = total[row][column];
      result.put([head, " = ", ...sumOfProducts(terms, sum)], of, sum);
    } else {
      const counted = { input: "output", kernel: "output", grad_output: "grad_input" }[of];
      result.put([head, " " + say("about_" + of, { n: Object.keys(lit[counted] || {}).length })], of);
    }
    return lit;
  }

  function render() {
    controls.kernel.put([w.length, w[0].length]);
    controls.stride.put(stride);
    controls.padding.put(padding);
    controls.dilation.put(dilation);
    const [rows, columns] = sizes();
    const fits = rows > 0 && columns > 0;
    const back = view === "backward";
    output.hidden = back || !fits;
    grids.grad_output.box.hidden = !back || !fits;
    for (const part of [grids.grad_input.box, grids.grad_weight.box, lineBreak]) {
      part.hidden = !back || !fits;
    }
    hint.textContent = back ? L.hint_backward : L.hint_forward;
    const k = [w.length, w[0].length];
    const n = [x.length, x[0].length];
    size.replaceChildren(L.output_size, ...[0, 1].flatMap((a) => {
      const fraction = n[a] + " + 2\u00b7" + padding[a] + " \u2212 " + dilation[a] + "\u00b7("
        + k[a] + " \u2212 1) \u2212 1";
      return [" ", el("span", { class: "lf-term" }, [L.rows, L.columns][a] + " \u230a(" + fraction
        + ") / " + stride[a] + "\u230b + 1 = " + show([rows, columns][a]) + (a ? "" : ";"))];
    }));
    grids.input.set(x, padding);
    grids.kernel.set(w);
    const all = compute(Math.max(0, rows), Math.max(0, columns));
    grids.output.set(fits ? all.y : []);
    grids.grad_output.set(fits ? all.g : []);
    grids.grad_input.set(fits ? all.dx : [], fits ? padding : [0, 0]);
    grids.grad_weight.set(fits ? all.dw : []);
    let lit = {};
    if (fits) {
      const of = grids[picked.grid].values;
      picked.row = clamp(picked.row, 0, of.length - 1);
      picked.column = clamp(picked.column, 0, of[0].length - 1);
      lit = explain(rows, columns, all);
    } else {
      wrong(say("too_large", { rows: span(0, k), columns: span(1, k), height: n[0] + 2 * padding[0],
        width: n[1] + 2 * padding[1] }));
    }
    if (touched.grid === "grad_output" && !(back && fits)) {
      touched = { grid: "kernel", row: 0, column: 0 };
    }
    showTouched();
    const twin = picked.grid.replace("grad_", "");
    for (const [of, one] of Object.entries(grids)) {
      one.mark((row, column) => {
        const text = (lit[of] || {})[row + "," + column];
        const chosen = of === picked.grid || of === twin || (of === "kernel" && twin === "weight");
        if (fits && chosen && picked.row === row && picked.column === column) {
          return { pick: true, sub: text };
        }
        return text === undefined ? null : { sub: text };
      });
    }
  }

  render();
  return [
    el("div", { class: "lf-bar" }, views, value,
      button(L.reset, () => {
        const kept = view;
        reset();
        view = kept;
        choose();
        render();
      })),
    el("div", { class: "lf-bar lf-settings" }, ...Object.values(controls)),
    size,
    el("div", { class: "lf-stage" }, grids.input.box, sign("\u2217", grids.kernel.box), output,
      grids.grad_output.box, lineBreak, grids.grad_input.box, grids.grad_weight.box),
    result,
    hint,
  ];
}
