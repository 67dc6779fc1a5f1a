// Attention explorer: every token asks all tokens. Forward: what a score, a weight and an output
// are made of. Backward: where the gradient of a value comes from.

function draw() {
  const first = JSON.stringify(D);
  const most = D.q.length;
  let s, picked, touched;

  function reset() {
    s = JSON.parse(first);
    touched = { grid: "q", row: 0, column: 0 };
    choose();
  }
  function choose() {
    picked = { grid: s.view === "backward" ? "dv" : "o", row: D.select[0], column: D.select[1] };
  }
  reset();

  const open = (i, j) => (s.mask === "causal" ? j <= i : s.mask === "padding" ? j < s.length : true);
  const scale = () => (s.scaled ? Math.SQRT2 : 1);

  function compute() {
    const n = s.tokens;
    const [q, k, v, g] = ["q", "k", "v", "g"].map((name) => s[name].slice(0, n));
    const scores = q.map((a) => k.map((b) => (a[0] * b[0] + a[1] * b[1]) / scale()));
    const weights = scores.map((row, i) => {
      const top = Math.max(...row.filter((_, j) => open(i, j)));
      const parts = row.map((score, j) => (open(i, j) ? Math.exp((score - top) / s.temperature) : 0));
      const total = parts.reduce((a, b) => a + b, 0);
      return parts.map((part) => (total ? part / total : 0));
    });
    const mix = (from, weight) => from.map((_, a) => [0, 1].map((c) =>
      from.reduce((sum, row, b) => sum + weight(a, b) * row[c], 0)));
    return { q, k, v, g, s: scores, p: weights, o: mix(v, (i, j) => weights[i][j]),
      dv: mix(g, (j, i) => weights[i][j]) };
  }

  const pick = (name) => (row, column) => {
    picked = { grid: name, row, column };
    render();
  };
  const active = (name) => (row, column) => {
    touched = { grid: name, row, column };
    showTouched();
  };
  function put(row, column, value) {
    s[touched.grid][row][column] = value;
    render();
  }
  const editable = (name) => grid({ name, symbol: name.toUpperCase(), title: L["about_" + name], editable: true,
    onselect: (row, column) => {
      active(name)(row, column);
      pick(name === "v" && s.view === "backward" ? "dv" : name)(row, column);
    },
    onedit: (row, column, value) => {
      active(name)(row, column);
      put(row, column, value);
    },
    onactive: active(name) });
  const fixed = (name, symbol) => grid({ name, symbol, title: L["about_" + name], onselect: pick(name) });
  const grids = { q: editable("q"), k: editable("k"), v: editable("v"), s: fixed("s", "S"),
    p: fixed("p", "P"), o: fixed("o", "O"), g: editable("g"), dv: fixed("dv", "dV") };
  const SIDE = { s: "forward", o: "forward", g: "backward", dv: "backward" };

  const result = resultBox();
  const set = (key) => (next) => {
    s[key] = next;
    render();
  };
  const whole = (key) => (next) => (Number.isInteger(next) ? set(key)(next) : result.wrong(L.whole));
  const value = valueBox((next) => put(touched.row, touched.column, next));
  const views = toggle(L.view, { forward: L.forward, backward: L.backward }, s.view, (next) => {
    s.view = next;
    choose();
    render();
  });
  const named = (text, node) => el("div", { class: "lf-control" },
    el("span", { class: "lf-label", "aria-hidden": "true" }, text), node);
  const tokens = field(L.tokens, s.tokens, 2, most, 1, whole("tokens"), result.wrong);
  const length = field(L.length, s.length, 0, most, 1, whole("length"), result.wrong);
  const lengthBox = named(L.length, length);
  const scales = toggle(L.scale, { scaled: L.scaled, raw: L.raw }, s.scaled ? "scaled" : "raw",
    (next) => set("scaled")(next === "scaled"));
  const masks = choice(L.mask, { none: L.none, causal: L.causal, padding: L.padding }, s.mask, set("mask"));
  const heat = dial(L.temperature, s.temperature, 0.1, 5, 0.1, set("temperature"), result.wrong);
  const flow = el("div", { class: "lf-note" });
  const hint = el("div", { class: "lf-note" });

  function showTouched() {
    value.put(touched.grid + "[" + touched.row + ", " + touched.column + "]",
      s[touched.grid][touched.row][touched.column]);
  }

  // What the picked cell is made of; `lit[grid]["row,column"]` is the text to print under a number.
  function explain(all) {
    const { grid: of, row, column } = picked;
    const lit = {};
    const light = (where, i, j, text) => {
      (lit[where] = lit[where] || {})[i + "," + j] = text || "";
    };
    const head = [el("b", { class: "lf-code" }, of + "[" + row + ", " + column + "]"), " = "];
    const about = (values) => result.put([head[0], " " + say("about_use_" + of, { row, ...values })], of);
    const each = all.p.map((_, i) => i);
    const other = { o: "v", dv: "g", v: "o", g: "dv" }[of];
    if (other) {
      // A sum over a row of P (what a query reads) or over a column (who reads a value).
      const place = (n) => (of === "o" || of === "g" ? [row, n] : [n, row]);
      const weight = (n) => all.p[place(n)[0]][place(n)[1]];
      const peers = each.filter((n) => open(...place(n)));
      for (const n of peers) {
        light("p", ...place(n));
        light(other, n, column, "\u00d7" + show(weight(n)));
      }
      if (of === "v" || of === "g") about({ n: peers.length });
      else {
        const total = all[of][row][column];
        const terms = peers.map((n) => [weight(n), all[other][n][column]]);
        result.put([...head, ...(terms.length ? sumOfProducts(terms, total) : ["0. ", L.nothing])], of, total);
      }
    } else if (of === "s") {
      [0, 1].forEach((c) => {
        light("q", row, c);
        light("k", column, c);
      });
      const score = all.s[row][column];
      const dot = score * scale();
      const terms = [0, 1].map((c) => [all.q[row][c], all.k[column][c]]);
      const divided = s.scaled ? ["; ", el("strong", { class: "lf-term" }, show(dot) + " / \u221a2" + equals(score) + show(score))] : [];
      result.put([...head.slice(0, 1), ": ", ...sumOfProducts(terms, dot), ...divided,
        open(row, column) ? "" : " " + L.shut], of, score);
    } else if (of === "p") {
      const seen = each.filter((j) => open(row, j));
      seen.forEach((j) => light("s", row, j));
      const power = (j) => "exp(" + show(all.s[row][j] / s.temperature) + ")";
      const sum = seen.map((j, i) => el("span", { class: "lf-term" }, (i ? "+ " : "") + power(j) + " "));
      const weight = all.p[row][column];
      const strong = el("strong", { class: "lf-term" }, equals(weight).trim() + " " + show(weight));
      const formula = !seen.length ? ["0. ", L.nothing] : open(row, column)
        ? [power(column) + " / (", ...sum, ") ", strong] : ["0. ", L.shut];
      result.put([...head, ...formula], of, weight);
    } else {
      for (const n of each) for (const where of ["s", "p"]) light(where, ...(of === "q" ? [row, n] : [n, row]));
      about();
    }
    return lit;
  }

  function render() {
    tokens.put(s.tokens);
    length.put(s.length);
    heat.put(s.temperature);
    lengthBox.hidden = s.mask !== "padding";
    hint.textContent = s.view === "backward" ? L.hint_backward : L.hint_forward;
    const all = compute();
    for (const [name, one] of Object.entries(grids)) {
      one.set(all[name]);
      one.box.hidden = (SIDE[name] || s.view) !== s.view;
    }
    if (grids[touched.grid].box.hidden) touched = { grid: "q", row: 0, column: 0 };
    for (const place of [touched, picked]) place.row = Math.min(place.row, s.tokens - 1);
    picked.column = Math.min(picked.column, all[picked.grid][0].length - 1);
    const lit = explain(all);
    const twin = picked.grid === "dv" ? "v" : picked.grid;
    for (const [name, one] of Object.entries(grids)) {
      const square = name === "s" || name === "p";
      one.mark((row, column) => {
        const text = (lit[name] || {})[row + "," + column];
        if ((name === picked.grid || name === twin) && picked.row === row && picked.column === column) {
          return { pick: true, sub: text };
        }
        return text === undefined ? null : { sub: text };
      });
      if (square) for (const cell of one.box.querySelectorAll("[role=gridcell]")) {
        const shut = !open(Number(cell.dataset.row), Number(cell.dataset.col));
        cell.classList.toggle("lf-masked", shut);
        if (shut) cell.setAttribute("aria-label", cell.getAttribute("aria-label") + ", " + L.masked);
      }
    }
    const query = ["q", "s", "p", "o"].includes(picked.grid) ? picked.row : touched.row;
    flow.hidden = s.view === "backward";
    const trace = all.p[query].reduce((left, p) => left + p * (1 - p), 0);
    flow.textContent = say("flow", { row: query, value: show(trace) });
    Object.assign(flow.dataset, { flow: trace, row: query });
    showTouched();
  }

  render();
  return [
    el("div", { class: "lf-bar" }, views, value, button(L.reset, () => {
      const { view } = s;
      reset();
      s.view = view;
      choose();
      masks.select.value = s.mask;
      scales.querySelector("[data-option=" + (s.scaled ? "scaled" : "raw") + "]").click();
    })),
    el("div", { class: "lf-bar" }, named(L.tokens, tokens), named(L.scale, scales), masks, lengthBox, heat),
    el("div", { class: "lf-stage" }, grids.q.box, grids.k.box, grids.v.box, el("span", { class: "lf-break" }),
      grids.s.box, grids.p.box, grids.o.box, grids.g.box, grids.dv.box),
    result,
    flow,
    hint,
  ];
}
