// Convolution explorer: one to three channels in, one out, no bias. Forward: the products behind
// an output cell, channel by channel. Backward: the terms behind a cell of the gradient of the input
// or of the kernel. Each channel has grids of its own: input, input1, input2.

function draw() {
  let s, picked;
  const channels = [...Array(LIMITS.channels[1]).keys()];
  const own = (of, c) => of + (c || "");
  const base = (of) => of.replace(/\d/, "");
  const layer = (of) => Number(of.slice(base(of).length));
  // One plane for each channel; one that is not given is the first, its rows moved up.
  const planes = (given) => {
    const all = given[0][0].length ? given : [given];
    return channels.map((c) => copy(all[c] || [...all[0].slice(c), ...all[0].slice(0, c)]));
  };

  function reset(view) {
    s = { channels: 1, ...structuredClone(D) };
    s.input = planes(s.input);
    s.kernel = planes(s.kernel);
    s.grad_output = [s.grad_output || []];
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
  const sizeOf = ([matrix]) => [matrix.length, matrix[0].length];

  // Every multiplication of the convolution: channel c, output (i, j), kernel (u, v), input (r, k),
  // which may lie in the padding; it multiplies w by x.
  function visit(rows, columns, use) {
    for (let c = 0; c < s.channels; c++) for (let i = 0; i < rows; i++) for (let j = 0; j < columns; j++)
      s.kernel[c].forEach((line, u) => line.forEach((w, v) => {
        const r = i * s.stride[0] - s.padding[0] + u * s.dilation[0];
        const k = j * s.stride[1] - s.padding[1] + v * s.dilation[1];
        const x = s.input[c][r]?.[k];
        use(c, i, j, u, v, r, k, w, x ?? 0, x !== undefined);
      }));
  }

  function compute(rows, columns) {
    const all = { output: zeros(rows, columns), grad_output: upstream(rows, columns, s.grad_output[0]) };
    for (const of in GRADIENT) channels.forEach((c) => {
      all[own(of, c)] = s[of][c];
      all[own(GRADIENT[of], c)] = zeros(...sizeOf(s[of]));
    });
    visit(rows, columns, (c, i, j, u, v, r, k, w, x, inside) => {
      const g = all.grad_output[i][j];
      all.output[i][j] += x * w;
      all[own("grad_weight", c)][u][v] += x * g;
      if (inside) all[own("grad_input", c)][r][k] += g * w;
    });
    return all;
  }

  const GRADIENT = { input: "grad_input", kernel: "grad_weight" };
  const SYMBOL = { input: "X", kernel: "W", output: "Y", grad_output: "G", grad_input: "dX",
    grad_weight: "dW" };
  const deep = (of) => !of.endsWith("output");
  // With several channels the channel is the first index: x[1, 0, 2] is a cell of X1.
  const index = (of) => (s.channels > 1 && deep(of) ? [layer(of)] : []);
  const name = (of, row, column) =>
    SYMBOL[base(of)].toLowerCase() + "[" + [...index(of), row, column].join(", ") + "]";
  const board = explorer({
    grids: Object.fromEntries(Object.entries(SYMBOL).flatMap(([of, symbol]) =>
      (deep(of) ? channels : [0]).map((c) => [own(of, c), { symbol, title: L[of],
        editable: of in GRADIENT || of === "grad_output", gray: of === "input",
        ring: of === "input" ? "0" : "" }]))),
    home: "kernel",
    name,
    onput(of, row, column, value) {
      const into = s[base(of)][layer(of)];
      (into[row] ||= [])[column] = value;
      render();
    },
    onselect(of, row, column) {
      const back = s.view === "backward" && GRADIENT[base(of)];
      picked = { grid: back ? own(back, layer(of)) : of, row, column };
      render();
    },
  });
  const { grids, result } = board;
  reset(D.view);

  const settings = (key) => pair(L[key], s[key], LIMITS[key], (next) => {
    s[key] = next;
    render();
  }, result.wrong);
  const controls = {
    kernel: pair(L.kernel_size, sizeOf(s.kernel), LIMITS.kernel, ([rows, columns]) => {
      s.kernel = s.kernel.map((slice) =>
        zeros(rows, columns).map((line, u) => line.map((_, v) => slice[u]?.[v] ?? 0)));
      render();
    }, result.wrong),
    stride: settings("stride"),
    padding: settings("padding"),
    dilation: settings("dilation"),
  };
  const views = toggle(L.view, { forward: L.forward, backward: L.backward }, s.view, (next) => {
    s.view = next;
    choose();
    render();
  });
  const counts = Object.fromEntries(channels.map((c) => [++c, c]));
  const depth = toggle(L.channels, counts, "", (next) => {
    s.channels = Number(next);
    if (deep(picked.grid)) choose();
    render();
  });
  const size = note();
  const hint = note();
  const sign = (text, box) => el("div", { class: "lf-signed" },
    el("span", { class: "lf-sign", "aria-hidden": "true" }, text), box);
  const stack = (a, by, b) => channels.map((c) => div("lf-stage lf-plane",
    sign(by && c ? "+" : "", grids[own(a, c)].box), sign(by, grids[own(b, c)].box)));

  // The terms behind the picked cell and the cells that it lights.
  function explain(rows, columns, all) {
    const { grid: of, row, column } = picked;
    const kind = base(of);
    const lit = lights();
    const light = (where, r, c, by) => lit.add(where, r, c, by !== undefined && { sub: "×" + show(by) });
    const terms = channels.map(() => []);
    visit(rows, columns, (c, i, j, u, v, r, k, w, x, inside) => {
      const g = all.grad_output[i][j];
      const at = deep(of) ? [...(kind.endsWith("input") ? [r, k] : [u, v]), layer(of)] : [i, j, c];
      if (at.join() !== [row, column, c].join()) return;
      if (of === "output" || kind === "kernel") light(own("input", c), r, k, w);
      if (of === "output") terms[c].push([x, w]);
      if (kind in GRADIENT) light("output", i, j);
      if (of === "grad_output" && inside) light(own("grad_input", c), r, k);
      if (kind === "grad_input") {
        light("grad_output", i, j, w);
        terms[c].push([g, w]);
      }
      if (kind === "grad_weight") {
        light(own("input", c), r, k, g);
        light("grad_output", i, j);
        terms[c].push([g, x]);
      } else if (kind !== "kernel") light(own("kernel", c), u, v);
    });
    const head = el("b", { class: "lf-code" }, name(of, row, column));
    const sums = terms.slice(0, s.channels).map((some) => sum(some.map(([x, w]) => x * w)));
    const value = all[of][row][column];
    if (kind in GRADIENT || of === "grad_output") {
      const n = lit.count("output") + sum(channels.map((c) => lit.count(own("grad_input", c))));
      result.put([head, " " + say("about_" + kind, { n })], of);
    } else {
      const parts = deep(of) || s.channels < 2 ? [] : sums.map((one, c) => el("div", { "data-value": one },
        el("b", {}, "X" + c + " ⋆ W" + c), ": ", ...sumOfProducts(terms[c], one)));
      result.put([...parts, head, " = ", ...(parts[0] ? [term(sums.map(factor).join(" + ")), " ", total(value)]
        : sumOfProducts(terms[layer(of)], value))], of, value);
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
    depth.put(String(s.channels));
    hint.textContent = back ? L.hint_backward : L.hint_forward;
    size.replaceChildren(L.output_size, ...[0, 1].flatMap((a) => {
      const fraction = n[a] + " + 2·" + s.padding[a] + " − " + s.dilation[a] + "·("
        + k[a] + " − 1) − 1";
      return [" ", term([L.rows, L.columns][a] + " ⌊(" + fraction + ") / " + s.stride[a]
        + "⌋ + 1 = " + show([rows, columns][a]) + (a ? "" : ";"))];
    }));
    const all = compute(Math.max(0, rows), Math.max(0, columns));
    for (const [of, one] of Object.entries(grids)) {
      const kind = base(of);
      const shown = layer(of) < s.channels && (kind in GRADIENT || (fits && (back || of === "output")));
      one.set(shown ? all[of] : [], shown && kind.endsWith("input") ? s.padding : [0, 0]);
      one.box.hidden = !shown || (back && of === "output");
      const symbol = one.box.querySelector("b").textContent = SYMBOL[kind] + index(of);
      one.box.lastChild.lastChild.ariaLabel = symbol + " " + L[kind];
    }
    if (fits) {
      board.inside(picked);
      explain(rows, columns, all).mark(grids, picked,
        picked.grid.replace("grad_", "").replace("weight", "kernel"));
    } else {
      lights().mark(grids);
      result.wrong(say("too_large", { rows: reach(0, k), columns: reach(1, k),
        height: n[0] + 2 * s.padding[0], width: n[1] + 2 * s.padding[1] }));
    }
    board.showTouched();
  }

  render();
  return [
    div("lf-bar", views, div("lf-control", L.channels, depth), board.value,
      button(L.reset, () => {
        reset(s.view);
        render();
      })),
    div("lf-bar lf-settings", ...Object.values(controls)),
    size,
    div("lf-stage", div("", ...stack("input", "⋆", "kernel")), sign("=", grids.output.box),
      grids.grad_output.box, div("lf-below", ...stack("grad_input", "", "grad_weight"))),
    result,
    hint,
  ];
}
