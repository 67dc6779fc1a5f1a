// Convolution explorer: one channel, no bias. Forward: the products behind an output cell.
// Backward: the terms behind a cell of the gradient of the input or of the kernel.

function draw() {
  let s, picked;

  function reset(view) {
    s = structuredClone(D);
    s.given = s.grad_output || [];
    s.view = view;
    board.home();
    choose();
  }
  // What a view opens on: forward an output, backward a cell of the input's gradient.
  function choose() {
    const back = s.view === "backward";
    const [row, column] = back ? [2, 2] : D.select;
    picked = { grid: back ? "grad_input" : "output", row, column };
  }

  const reach = (axis, k) => s.dilation[axis] * (k[axis] - 1) + 1;
  const sizeOf = (matrix) => [matrix.length, matrix[0].length];

  // Every multiplication of the convolution: output (i, j), kernel (u, v), input (r, c), which
  // may lie in the padding.
  function visit(rows, columns, use) {
    for (let i = 0; i < rows; i++) for (let j = 0; j < columns; j++)
      s.kernel.forEach((line, u) => line.forEach((_, v) =>
        use(i, j, u, v, i * s.stride[0] - s.padding[0] + u * s.dilation[0],
          j * s.stride[1] - s.padding[1] + v * s.dilation[1])));
  }
  const pixel = (r, c) => s.input[r]?.[c] ?? 0;
  const inside = (r, c) => s.input[r]?.[c] !== undefined;

  function compute(rows, columns) {
    const all = { input: s.input, kernel: s.kernel, output: zeros(rows, columns),
      grad_output: upstream(rows, columns, s.given), grad_input: zeros(...sizeOf(s.input)),
      grad_weight: zeros(...sizeOf(s.kernel)) };
    visit(rows, columns, (i, j, u, v, r, c) => {
      const g = all.grad_output[i][j];
      all.output[i][j] += pixel(r, c) * s.kernel[u][v];
      all.grad_weight[u][v] += pixel(r, c) * g;
      if (inside(r, c)) all.grad_input[r][c] += g * s.kernel[u][v];
    });
    return all;
  }

  const SYMBOL = { input: "x", kernel: "w", output: "y", grad_output: "g", grad_input: "dx",
    grad_weight: "dw" };
  const name = (of, row, column) => SYMBOL[of] + place(row, column);
  const board = explorer({
    grids: {
      input: { symbol: "X", title: L.input, editable: true, gray: true, ring: "0" },
      kernel: { symbol: "W", title: L.kernel, editable: true },
      output: { symbol: "Y", title: L.output },
      grad_output: { symbol: "G", title: L.grad_output, editable: true },
      grad_input: { symbol: "dX", title: L.grad_input, ring: "" },
      grad_weight: { symbol: "dW", title: L.grad_weight },
    },
    home: "kernel",
    name,
    onput(of, row, column, value) {
      const into = of === "grad_output" ? s.given : s[of];
      (into[row] = into[row] || [])[column] = value;
      render();
    },
    onselect(of, row, column) {
      const back = s.view === "backward" && { input: "grad_input", kernel: "grad_weight" }[of];
      picked = { grid: back || of, row, column };
      render();
    },
  });
  const { grids, result } = board;
  reset(D.view);

  const settings = (key, label) => pair(label, s[key], LIMITS[key], (next) => {
    s[key] = next;
    render();
  }, result.wrong);
  const controls = {
    kernel: pair(L.kernel_size, sizeOf(s.kernel), LIMITS.kernel, ([rows, columns]) => {
      s.kernel = zeros(rows, columns).map((line, u) => line.map((_, v) => s.kernel[u]?.[v] ?? 0));
      render();
    }, result.wrong),
    stride: settings("stride", L.stride),
    padding: settings("padding", L.padding),
    dilation: settings("dilation", L.dilation),
  };
  const views = toggle(L.view, { forward: L.forward, backward: L.backward }, s.view, (next) => {
    s.view = next;
    choose();
    render();
  });
  const size = note();
  const hint = note();
  const sign = (text, box) => el("div", { class: "lf-signed" },
    el("span", { class: "lf-sign", "aria-hidden": "true" }, text), box);
  const output = sign("=", grids.output.box);
  const lineBreak = span("lf-break");

  // The terms behind the picked cell and the cells that it lights.
  function explain(rows, columns, all) {
    const { grid: of, row, column } = picked;
    const lit = lights();
    const light = (where, r, c, by) => lit.add(where, r, c, by === undefined ? {} : { sub: "×" + show(by) });
    const { grad_output: g } = all;
    const terms = [];
    visit(rows, columns, (i, j, u, v, r, c) => {
      const places = { output: [i, j], grad_output: [i, j], input: [r, c], grad_input: [r, c],
        kernel: [u, v], grad_weight: [u, v] };
      if (places[of][0] !== row || places[of][1] !== column) return;
      const w = s.kernel[u][v];
      if (of === "output" || of === "kernel") light("input", r, c, w);
      if (of === "output") terms.push([pixel(r, c), w]);
      if (of === "input" || of === "kernel") light("output", i, j);
      if (of === "grad_output" && inside(r, c)) light("grad_input", r, c);
      if (of === "grad_input") {
        light("grad_output", i, j, w);
        terms.push([g[i][j], w]);
      }
      if (of === "grad_weight") {
        light("input", r, c, g[i][j]);
        light("grad_output", i, j);
        terms.push([g[i][j], pixel(r, c)]);
      } else if (of !== "kernel") light("kernel", u, v);
    });
    const head = el("b", { class: "lf-code" }, name(of, row, column));
    const counted = { input: "output", kernel: "output", grad_output: "grad_input" }[of];
    if (counted) result.put([head, " " + say("about_" + of, { n: lit.count(counted) })], of);
    else {
      const value = all[of][row][column];
      result.put([head, " = ", ...sumOfProducts(terms, value)], of, value);
    }
    return lit;
  }

  function render() {
    const [n, k] = [sizeOf(s.input), sizeOf(s.kernel)];
    const [rows, columns] = [0, 1].map((a) =>
      Math.floor((n[a] + 2 * s.padding[a] - reach(a, k)) / s.stride[a]) + 1);
    const fits = rows > 0 && columns > 0;
    const back = s.view === "backward";
    for (const [key, one] of Object.entries(controls)) one.put(key === "kernel" ? k : s[key]);
    output.hidden = back || !fits;
    for (const part of [grids.grad_output.box, grids.grad_input.box, grids.grad_weight.box, lineBreak]) {
      part.hidden = !back || !fits;
    }
    hint.textContent = back ? L.hint_backward : L.hint_forward;
    size.replaceChildren(L.output_size, ...[0, 1].flatMap((a) => {
      const fraction = n[a] + " + 2·" + s.padding[a] + " − " + s.dilation[a] + "·("
        + k[a] + " − 1) − 1";
      return [" ", term([L.rows, L.columns][a] + " ⌊(" + fraction + ") / " + s.stride[a]
        + "⌋ + 1 = " + show([rows, columns][a]) + (a ? "" : ";"))];
    }));
    const all = compute(Math.max(0, rows), Math.max(0, columns));
    for (const [of, one] of Object.entries(grids)) {
      const ring = of === "input" || (of === "grad_input" && fits) ? s.padding : [0, 0];
      one.set(fits || of === "input" || of === "kernel" ? all[of] : [], ring);
    }
    if (fits) {
      board.inside(picked);
      const twin = picked.grid.replace("grad_", "");
      explain(rows, columns, all).mark(grids, picked, twin === "weight" ? "kernel" : twin);
    } else {
      lights().mark(grids);
      result.wrong(say("too_large", { rows: reach(0, k), columns: reach(1, k),
        height: n[0] + 2 * s.padding[0], width: n[1] + 2 * s.padding[1] }));
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
    size,
    div("lf-stage", grids.input.box, sign("⋆", grids.kernel.box), output,
      grids.grad_output.box, lineBreak, grids.grad_input.box, grids.grad_weight.box),
    result,
    hint,
  ];
}
