// Attention explorer: every token asks all tokens. Forward: what a score, a weight and an output
// are made of. Backward: where the gradient of a value comes from.

function draw() {
  const most = D.q.length;
  let s, picked;

  function reset(view) {
    s = structuredClone(D);
    s.view = view;
    board.home();
    choose();
  }
  function choose() {
    picked = { grid: s.view === "backward" ? "dv" : "o", row: D.select[0], column: D.select[1] };
  }

  const open = (i, j) => (s.mask === "causal" ? j <= i : s.mask === "padding" ? j < s.length : true);
  const scale = () => (s.scaled ? Math.SQRT2 : 1);

  function compute() {
    const n = s.tokens;
    const [q, k, v, g] = ["q", "k", "v", "g"].map((name) => s[name].slice(0, n));
    const scores = q.map((a) => k.map((b) => (a[0] * b[0] + a[1] * b[1]) / scale()));
    const weights = scores.map((row, i) => {
      const top = Math.max(...row.filter((_, j) => open(i, j)));
      const parts = row.map((score, j) => (open(i, j) ? Math.exp((score - top) / s.temperature) : 0));
      const all = sum(parts);
      return parts.map((part) => (all ? part / all : 0));
    });
    const mix = (from, weight) => from.map((_, a) => [0, 1].map((c) =>
      sum(from.map((row, b) => weight(a, b) * row[c]))));
    return { q, k, v, g, s: scores, p: weights, o: mix(v, (i, j) => weights[i][j]),
      dv: mix(g, (j, i) => weights[i][j]) };
  }

  const name = (of, row, column) => of + place(row, column);
  const board = explorer({
    grids: Object.fromEntries(["q", "k", "v", "s", "p", "o", "g", "dv"].map((of) => [of, {
      symbol: of === "dv" ? "dV" : of.toUpperCase(), title: L["about_" + of], editable: "qkvg".includes(of),
    }])),
    home: "q",
    name,
    onput(of, row, column, value) {
      s[of][row][column] = value;
      render();
    },
    onselect(of, row, column) {
      picked = { grid: of === "v" && s.view === "backward" ? "dv" : of, row, column };
      render();
    },
  });
  const { grids, result } = board;
  const SIDE = { s: "forward", o: "forward", g: "backward", dv: "backward" };
  reset(D.view);

  const set = (key) => (next) => {
    s[key] = next;
    render();
  };
  const views = toggle(L.view, { forward: L.forward, backward: L.backward }, s.view, (next) => {
    s.view = next;
    choose();
    render();
  });
  const named = (text, node) => el("div", { class: "lf-control" },
    el("span", { class: "lf-label", "aria-hidden": "true" }, text), node);
  const controls = {
    tokens: field(L.tokens, s.tokens, [LIMITS.tokens[0], most], set("tokens"), result.wrong),
    length: field(L.length, s.length, [LIMITS.length[0], most], set("length"), result.wrong),
    temperature: dial(L.temperature, s.temperature, LIMITS.temperature, set("temperature"), result.wrong),
    scaled: toggle(L.scale, { scaled: L.scaled, raw: L.raw }, "", (next) => set("scaled")(next === "scaled")),
    mask: choice(L.mask, { none: L.none, causal: L.causal, padding: L.padding }, s.mask, set("mask")),
  };
  const length = named(L.length, controls.length);
  const flow = note();
  const hint = note();

  // Queries and keys as arrows. A pointer that is pressed takes the chosen query along.
  const reach = 60 / Math.max(1, ...[D.q, D.k].flat(2).map(Math.abs));
  let query;
  const plane = el("svg", { viewBox: "-75 -75 150 150", width: 150, class: "lf-xy", role: "img",
    "aria-label": L.plane,
    onpointermove({ buttons, offsetX, offsetY }) {
      if (!buttons) return;
      s.q[query] = [offsetX - 75, 75 - offsetY].map((at) => Math.round(at / reach * 2) / 2);
      render();
    } });
  const arrow = (of) => ([x, y], i) => {
    const [x2, y2, name] = [x * reach, -y * reach, of + i];
    const thick = name === "q" + query ? 3 : 1;
    return [el("line", { x2, y2, class: "lf-" + of, "stroke-width": thick }), el("text", { x: x2, y: y2 }, name)];
  };

  // What the picked cell is made of, and the cells that it lights.
  function explain(all) {
    const { grid: of, row, column } = picked;
    const lit = lights();
    const light = (where, i, j, sub) => lit.add(where, i, j, { sub });
    const head = el("b", { class: "lf-code" }, name(of, row, column));
    const about = (values) => result.put([head, " " + say("about_use_" + of, { row, ...values })], of);
    const each = all.p.map((_, i) => i);
    const other = { o: "v", dv: "g", v: "o", g: "dv" }[of];
    if (other) {
      // A sum over a row of P (what a query reads) or over a column (who reads a value).
      const weightOf = (n) => (of === "o" || of === "g" ? [row, n] : [n, row]);
      const weight = (n) => all.p[weightOf(n)[0]][weightOf(n)[1]];
      const peers = each.filter((n) => open(...weightOf(n)));
      for (const n of peers) {
        light("p", ...weightOf(n));
        light(other, n, column, "×" + show(weight(n)));
      }
      if (of === "v" || of === "g") about({ n: peers.length });
      else {
        const value = all[of][row][column];
        const terms = peers.map((n) => [weight(n), all[other][n][column]]);
        result.put([head, " = ", ...(terms.length ? sumOfProducts(terms, value) : ["0. ", L.nothing])], of, value);
      }
    } else if (of === "s") {
      [0, 1].forEach((c) => {
        light("q", row, c);
        light("k", column, c);
      });
      const score = all.s[row][column];
      const dot = score * scale();
      const terms = [0, 1].map((c) => [all.q[row][c], all.k[column][c]]);
      const divided = s.scaled ? ["; ", strong(show(dot) + " / √2" + equals(score) + show(score))] : [];
      result.put([head, ": ", ...sumOfProducts(terms, dot), ...divided,
        open(row, column) ? "" : " " + L.shut], of, score);
    } else if (of === "p") {
      const seen = each.filter((j) => open(row, j));
      seen.forEach((j) => light("s", row, j));
      const power = (j) => "exp(" + show(all.s[row][j] / s.temperature) + ")";
      const powers = seen.map((j, i) => term((i ? "+ " : "") + power(j) + " "));
      const weight = all.p[row][column];
      const formula = !seen.length ? ["0. ", L.nothing] : open(row, column)
        ? [power(column) + " / (", ...powers, ") ", total(weight)] : ["0. ", L.shut];
      result.put([head, " = ", ...formula], of, weight);
    } else {
      for (const n of each) for (const where of ["s", "p"]) light(where, ...(of === "q" ? [row, n] : [n, row]));
      about();
    }
    return lit;
  }

  // Masked scores and weights look and read as such, lit or not.
  function shade(lit) {
    for (let i = 0; i < s.tokens; i++) for (let j = 0; j < s.tokens; j++) {
      if (open(i, j)) continue;
      for (const of of ["s", "p"]) {
        const seen = lit.at(of, i, j) || { lit: false };
        const notes = [seen.lit === false ? "" : seen.sub || L.lit, L.masked].filter(Boolean);
        lit.add(of, i, j, { ...seen, kind: "lf-masked", note: notes.join(", ") });
      }
    }
  }

  function render() {
    for (const [key, one] of Object.entries(controls)) one.put(s[key]);
    controls.scaled.put(s.scaled ? "scaled" : "raw");
    length.hidden = s.mask !== "padding";
    hint.textContent = s.view === "backward" ? L.hint_backward : L.hint_forward;
    const all = compute();
    for (const [of, one] of Object.entries(grids)) {
      one.set(all[of]);
      one.box.hidden = (SIDE[of] || s.view) !== s.view;
    }
    board.inside(picked);
    const lit = explain(all);
    shade(lit);
    lit.mark(grids, picked, picked.grid === "dv" && "v");
    const touched = board.showTouched();
    // The row of P that is spoken of: of the chosen query, else of the row touched last.
    query = ["q", "s", "p", "o"].includes(picked.grid) ? picked.row : touched.row;
    plane.replaceChildren(...["k", "q"].flatMap((of) => all[of].flatMap(arrow(of))));
    flow.hidden = s.view === "backward";
    const trace = sum(all.p[query].map((p) => p * (1 - p)));
    flow.textContent = say("flow", { row: query, value: show(trace) });
    Object.assign(flow.dataset, { flow: trace, row: query });
  }

  render();
  return [
    div("lf-bar", views, board.value, button(L.reset, () => {
      reset(s.view);
      render();
    })),
    div("lf-bar", named(L.tokens, controls.tokens), named(L.scale, controls.scaled),
      controls.mask, length, controls.temperature),
    div("lf-stage", plane, grids.q.box, grids.k.box, grids.v.box, span("lf-break"),
      grids.s.box, grids.p.box, grids.o.box, grids.g.box, grids.dv.box),
    result,
    flow,
    hint,
  ];
}
