// The unrolled recurrent network: h_t = tanh(W x_t + U h_{t-1} + b) step by step, and the
// gradient's way back, with what comes directly and what comes through time kept apart.

const turn = (m) => m[0].map((_, j) => m.map((row) => row[j]));
const times = (m, v) => m.map((row) => sum(row.map((w, j) => w * v[j])));
const outer = (a, b) => a.map((p) => b.map((q) => p * q));
const plus = (m, n) => m.map((row, i) => row.map((v, j) => v + n[i][j]));

function draw() {
  const STEPS = D.x.length;
  let s, on, view, step;

  function reset() {
    s = { x: turn(D.x), g: turn(D.g), W: copy(D.W), U: copy(D.U), b: turn([D.b]), h0: turn([D.h0]) };
    on = D.g.map((pair) => pair.some(Boolean));
    board.home();
  }
  const begin = () => {
    const first = view === "forward" ? 1 : STEPS;
    step = (view === D.view && D.step ? D.step : first) - 1;
  };

  // Everything, each time: `h[t]`, `dh[t]` ... are vectors, t from 0.
  function compute() {
    const r = { a: [], h: [], g: [], through: [], dh: [], da: [] };
    r.x = turn(s.x);
    r.before = (t) => (t ? r.h[t - 1] : turn(s.h0)[0]);
    for (let t = 0; t < STEPS; t++) {
      const [wx, uh] = [times(s.W, r.x[t]), times(s.U, r.before(t))];
      r.a.push(turn(s.b)[0].map((b, k) => wx[k] + uh[k] + b));
      r.h.push(r.a[t].map(Math.tanh));
      r.g.push(s.g.map((row) => (on[t] ? row[t] : 0)));
    }
    r.dW = zeros(2, s.x.length);
    r.dU = zeros(2, 2);
    r.db = zeros(2, 1);
    r.part = {};
    for (let t = STEPS - 1; t >= 0; t--) {
      r.through[t] = t + 1 < STEPS ? times(turn(s.U), r.da[t + 1]) : [0, 0];
      r.dh[t] = r.g[t].map((g, k) => g + r.through[t][k]);
      r.da[t] = r.dh[t].map((d, k) => d * (1 - r.h[t][k] ** 2));
      if (t < step) continue;
      r.part = { dW: outer(r.da[t], r.x[t]), dU: outer(r.da[t], r.before(t)), db: outer(r.da[t], [1]) };
      for (const of of ["dW", "dU", "db"]) r[of] = plus(r[of], r.part[of]);
    }
    r.dh0 = turn([times(turn(s.U), r.da[0])]);
    r.norm = r.dh.map((d) => [Math.hypot(...d)]);
    r.gnorm = r.g.map((g) => Math.hypot(...g));
    return r;
  }

  const go = (to) => {
    step = clamp(to, 0, STEPS - 1);
    render();
  };

  // Grids along time have one column a step, and their cells choose the step.
  const SYMBOLS = { dh: "h̄", da: "ā", through: "Uᵀā", norm: "|h̄|", h0: "h₀", dh0: "dh₀" };
  const TIME = ["g", "through", "dh", "norm", "da", "h", "a", "x"];
  const WEIGHTS = ["W", "U", "b", "h0"];
  const GRADIENTS = ["dW", "dU", "db", "dh0"];
  const EDITABLE = ["g", "x", ...WEIGHTS];
  const back = () => view === "backward";

  // Whether a step, or the gradient of the first state, is still to come.
  function unknown(of, t) {
    if (of === "dh0") return step > 0;
    if (!TIME.includes(of) || EDITABLE.includes(of) || (of === "h" && back())) return false;
    return back() ? t < step : t > step;
  }

  const options = (of) => ({
    symbol: SYMBOLS[of] || of,
    title: L["about_" + of] || L.grad,
    editable: EDITABLE.includes(of),
    from: [of === "norm" ? null : 1, 1],
    unknown: (_, column) => unknown(of, column),
    speak(row, column, value) {
      const text = value === null ? L.later : show(value);
      return TIME.includes(of) ? say("place", { row: row + 1, step: column + 1, value: text })
        : say("cell", { row: row + 1, column: column + 1, value: text });
    },
  });

  const board = explorer({
    grids: Object.fromEntries([...TIME, ...WEIGHTS, ...GRADIENTS].map((of) => [of, options(of)])),
    home: "U",
    // Along time the step is named first; the rest as the formulas do.
    name(of, row, column) {
      const [first, second] = TIME.includes(of) ? [column + 1, row + 1] : [row + 1, column + 1];
      return grids[of].values[0].length === 1 && of !== "W" ? of + "[" + first + "]" : of + place(first, second);
    },
    onput(of, row, column, next) {
      if (of === "g" && next) on[column] = true;
      if (of !== "g" || on[column]) s[of][row][column] = next;
      render();
    },
    onselect(of, row, column) {
      if (TIME.includes(of)) go(column);
    },
  });
  const { grids, result } = board;
  reset();
  view = D.view;
  begin();

  const boxes = Array.from({ length: STEPS }, (_, t) => el("input", { type: "checkbox",
    class: "lf-check", "aria-label": say("in_loss", { step: t + 1 }), onchange: (event) => {
      on[t] = event.target.checked;
      if (on[t] && s.g.every((row) => !row[t])) s.g.forEach((row, k) => { row[t] = mixed(k, t); });
      render();
    } }));
  const checks = el("div", { class: "lf-block", role: "group", "aria-label": L.loss },
    div("lf-title", el("b", {}, "L"), " " + L.loss),
    div("lf-row lf-checks", span("lf-index"), ...boxes));
  const steps = el("div", { class: "lf-block", "aria-hidden": "true" },
    div("lf-title", L.step), div("lf-row",
      ...Array.from({ length: STEPS + 1 }, (_, t) => el("span", { class: "lf-index" }, t || ""))));
  const boxesOf = (names) => names.map((of) => grids[of].box);
  const stack = div("lf-time", steps, checks, ...boxesOf(TIME));
  grids.norm.box.classList.add("lf-bars");
  const weights = div("lf-stage", ...boxesOf(WEIGHTS));
  const gradients = div("lf-stage", ...boxesOf(GRADIENTS));

  const restart = () => {
    begin();
    render();
  };
  const walk = stepper((to) => go(to - 1));
  const views = toggle(L.view, { forward: L.forward, backward: L.backward }, view, (next) => {
    view = next;
    restart();
  });
  const hint = note();

  const sub = (name, t, k) => el("b", { class: "lf-code" }, name, el("sub", {}, t + 1 + "," + (k + 1)));

  function explain(r) {
    const t = step;
    const lines = [0, 1].map((k) => {
      const last = sub(back() ? SYMBOLS.da : "h", t, k);
      if (!back()) {
        const parts = sumOfProducts([...r.x[t].map((x, j) => [s.W[k][j], x]),
          ...r.before(t).map((h, j) => [s.U[k][j], h])], r.a[t][k]);
        parts.splice(-1, 0, term("+ " + factor(s.b[k][0])), " ");
        return [sub("a", t, k), " = ", ...parts, "; ", last, " ", term("= tanh(" + show(r.a[t][k]) + ")"), " ",
          total(r.h[t][k])];
      }
      const from = t + 1 < STEPS ? [" [", ...sumOfProducts(r.da[t + 1].map((d, j) => [s.U[j][k], d]), 0)
        .slice(0, -2), "]"] : [];
      return [sub(SYMBOLS.dh, t, k), " = ", term(show(r.g[t][k]) + " (" + L.about_g + ")"), " ",
        term("+ " + factor(r.through[t][k]) + " (" + L.about_through + ")"), ...from, " ", total(r.dh[t][k]),
        el("br"), last, " ", term("= " + factor(r.dh[t][k]) + "×(1 − " + factor(r.h[t][k]) + "²)"), " ",
        total(r.da[t][k])];
    });
    result.put([el("b", {}, say("at", { step: t + 1, steps: STEPS })), ...lines.map((line) => el("div", {}, ...line))],
      view, t + 1);
  }

  // How the cells of a grid look at this step; see `grid`.
  const look = (of, r, most) => (row, column) => {
    const part = r.part[of];
    if (part) return { sub: (part[row][column] < 0 ? "" : "+") + show(part[row][column]) };
    if (of === "h0") return step ? null : {};
    if (!TIME.includes(of)) return null;
    const source = { h: step - 1, da: step + 1, x: step }[of];
    if (column === source && (of !== "da" || back())) return {};
    const pick = column === step && (of !== "h" || !back());
    if (of !== "norm") return pick ? { pick } : null;
    // Wide bar: the total gradient; thin bar: its direct part.
    const share = (length) => (unknown(of, column) ? 0 : 100 * length / most) + "%";
    const css = { "--lf-bar": share(r.norm[column][0]), "--lf-direct": share(r.gnorm[column]) };
    return { pick, lit: false, css };
  };

  function render() {
    const r = compute();
    boxes.forEach((box, t) => { box.checked = on[t]; });
    walk.put(step + 1, [LIMITS.step[0], STEPS], back() ? -1 : 1);
    for (const box of [...boxesOf(["g", "through", "dh", "norm", "da"]), checks, gradients]) box.hidden = !back();
    grids.a.box.hidden = back();
    hint.textContent = back() ? L.hint_backward : L.hint_forward;
    const most = Math.max(1e-9, ...r.norm.flat(), ...r.gnorm);
    for (const [of, one] of Object.entries(grids)) {
      one.set(TIME.includes(of) ? turn(r[of]) : s[of] || r[of]);
      one.mark(look(of, r, most));
    }
    board.showTouched();
    explain(r);
  }

  render();
  return [
    div("lf-bar", views, board.value, button(L.reset, () => {
      reset();
      restart();
    })),
    walk,
    div("lf-stage", stack, div("lf-side", weights, gradients)),
    result,
    hint,
  ];
}
