// The unrolled recurrent network: h_t = tanh(W x_t + U h_{t-1} + b) step by step, and the
// gradient's way back, with what comes directly and what comes through time kept apart.

const sum = (values) => values.reduce((a, b) => a + b, 0);
const turn = (m) => m[0].map((_, j) => m.map((row) => row[j]));
const times = (m, v) => m.map((row) => sum(row.map((w, j) => w * v[j])));
const outer = (a, b) => a.map((p) => b.map((q) => p * q));
const plus = (m, n) => m.map((row, i) => row.map((v, j) => v + n[i][j]));

function draw() {
  const STEPS = D.x.length;
  let s, on, view, step, touched;

  function reset() {
    s = { x: turn(D.x), g: turn(D.g), W: copy(D.W), U: copy(D.U), b: turn([D.b]), h0: turn([D.h0]) };
    on = D.g.map((pair) => pair.some(Boolean));
    touched = { grid: "U", row: 0, column: 0 };
  }
  const begin = () => {
    step = view === "forward" ? 0 : STEPS - 1;
  };
  reset();
  view = D.view;
  begin();
  if (D.step) step = D.step - 1;

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

  const result = resultBox();
  const value = valueBox((next) => put(touched.grid, touched.row, touched.column, next));
  const input = value.querySelector("input");
  input.addEventListener("input", () => {
    const bad = input.getAttribute("aria-invalid") === "true";
    if (bad) result.wrong(say("range", { name: L.value, low: -LIMIT, high: LIMIT }));
    else explain(compute());
  });

  function put(of, row, column, next) {
    touched = { grid: of, row, column };
    if (of === "g" && !on[column] && !next) return;
    if (of === "g") on[column] = true;
    s[of][row][column] = Math.round(next * 1e9) / 1e9;
    render();
  }
  const go = (to) => {
    step = clamp(to, 0, STEPS - 1);
    render();
  };

  // Grids along time have one column a step, and their cells choose the step.
  const SYMBOLS = { dh: "h̄", da: "ā", through: "Uᵀā", norm: "|h̄|",
    h0: "h₀", dh0: "dh₀" };
  const TIME = ["g", "through", "dh", "norm", "da", "h", "a", "x"];
  const grids = {};
  const make = (of) => {
    const editable = Boolean(s[of]);
    const touch = (row, column) => {
      if (!editable) return;
      touched = { grid: of, row, column };
      showTouched();
    };
    grids[of] = grid({ name: of, symbol: SYMBOLS[of] || of, title: L["about_" + of] || L.grad, editable, onactive: touch,
      onselect: (row, column) => {
        touch(row, column);
        if (TIME.includes(of)) go(column);
      },
      onedit: (row, column, next) => put(of, row, column, next) });
    return grids[of].box;
  };

  const boxes = Array.from({ length: STEPS }, (_, t) => el("input", { type: "checkbox",
    class: "lf-check", "aria-label": say("in_loss", { step: t + 1 }), onchange: (event) => {
      on[t] = event.target.checked;
      if (on[t] && s.g.every((row) => !row[t])) s.g.forEach((row, k) => { row[t] = upstream(k, t); });
      render();
    } }));
  const checks = el("div", { class: "lf-block", role: "group", "aria-label": L.loss },
    el("div", { class: "lf-title" }, el("b", {}, "L"), " " + L.loss),
    el("div", { class: "lf-row lf-checks" }, el("span", { class: "lf-index" }), ...boxes));
  const steps = el("div", { class: "lf-block", "aria-hidden": "true" },
    el("div", { class: "lf-title" }, L.step), el("div", { class: "lf-row" },
      ...Array.from({ length: STEPS + 1 }, (_, t) => el("span", { class: "lf-index" }, t || ""))));
  const stack = el("div", { class: "lf-time" }, steps, checks, ...TIME.map(make));
  grids.norm.box.classList.add("lf-bars");
  const weights = el("div", { class: "lf-stage" }, ...["W", "U", "b", "h0"].map(make));
  const gradients = el("div", { class: "lf-stage" }, ...["dW", "dU", "db", "dh0"].map(make));

  const slider = el("input", { type: "range", class: "lf-range", min: 1, max: STEPS, step: 1,
    "aria-label": L.step, oninput: () => go(Number(slider.value) - 1) });
  const ahead = () => (view === "forward" ? 1 : -1);
  const restart = () => {
    begin();
    render();
  };
  const stepper = [
    button(L.first, restart),
    button(L.back, () => go(step - ahead())),
    button(L.next, () => go(step + ahead())),
    button(L.last, () => go(view === "forward" ? STEPS - 1 : 0)),
  ];
  const views = toggle(L.view, { forward: L.forward, backward: L.backward }, view, (next) => {
    view = next;
    restart();
  });
  const hint = el("div", { class: "lf-note" });

  function showTouched() {
    if (touched.grid === "g" && view === "forward") touched = { grid: "U", row: 0, column: 0 };
    const { grid: of, row, column } = touched;
    const one = grids[of].values[row][column];
    const place = TIME.includes(of) ? [column + 1, row + 1] : [row + 1, column + 1];
    value.put(of + "[" + place.slice(0, grids[of].values[0].length > 1 || of === "W" ? 2 : 1).join(", ") + "]", one);
  }

  const sub = (name, t, k) => el("b", { class: "lf-code" }, name, el("sub", {}, t + 1 + "," + (k + 1)));
  const term = (text) => el("span", { class: "lf-term" }, text);
  const total = (number) => sumOfProducts([], number).pop();

  function explain(r) {
    const t = step;
    const lines = [0, 1].map((k) => {
      const last = sub(view === "forward" ? "h" : SYMBOLS.da, t, k);
      if (view === "forward") {
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

  // What grid.js does not know: steps and units count from 1, and what is not yet computed.
  function finish(of, known) {
    const { box } = grids[of];
    box.querySelectorAll(".lf-head .lf-index").forEach((node, c) => { node.textContent = c || ""; });
    box.querySelectorAll(".lf-row:not(.lf-head)").forEach((line, r) => {
      line.firstChild.textContent = of === "norm" ? "" : r + 1;
    });
    box.querySelectorAll("[data-grid]").forEach((cell) => {
      const [row, column] = [Number(cell.dataset.row) + 1, Number(cell.dataset.col) + 1];
      const later = !known(column - 1);
      const text = later ? L.later : show(Number(cell.dataset.value));
      cell.setAttribute("aria-label", TIME.includes(of) ? say("place", { row, step: column, value: text })
        : say("cell", { row, column, value: text }));
      cell.classList.toggle("lf-later", later);
      if (!later) return;
      cell.firstChild.textContent = "·";
      cell.removeAttribute("data-value");
    });
  }

  function render() {
    const r = compute();
    const back = view === "backward";
    const done = (t) => (back ? t >= step : t <= step);
    boxes.forEach((box, t) => { box.checked = on[t]; });
    slider.value = step + 1;
    for (const of of ["g", "through", "dh", "norm", "da"]) grids[of].box.hidden = !back;
    grids.a.box.hidden = back;
    checks.hidden = gradients.hidden = !back;
    hint.textContent = back ? L.hint_backward : L.hint_forward;
    for (const [of, one] of Object.entries(grids)) {
      const along = TIME.includes(of);
      const part = r.part[of];
      one.set(along ? turn(r[of]) : s[of] || r[of]);
      one.mark((row, column) => {
        if (part) return { sub: (part[row][column] < 0 ? "" : "+") + show(part[row][column]) };
        if (of === "h0") return step ? null : {};
        if (!along) return null;
        const source = { h: step - 1, da: step + 1, x: step }[of];
        if (column === source && (of !== "da" || back)) return {};
        return column === step && (of !== "h" || !back) ? { pick: true } : null;
      });
      const always = s[of] || part || (of === "h" && back);
      finish(of, (t) => always || (along ? done(t) : !step));
    }
    const most = Math.max(1e-9, ...r.norm.flat(), ...r.gnorm);
    grids.norm.box.querySelectorAll("[data-grid]").forEach((cell, t) => {
      cell.style.setProperty("--lf-bar", (done(t) ? 100 * r.norm[t][0] / most : 0) + "%");
      cell.style.setProperty("--lf-direct", (done(t) ? 100 * r.gnorm[t] / most : 0) + "%");
    });
    showTouched();
    explain(r);
  }

  render();
  return [
    el("div", { class: "lf-bar" }, views, value, button(L.reset, () => {
      reset();
      restart();
    })),
    el("div", { class: "lf-bar" }, el("div", { class: "lf-toggle", role: "group", "aria-label": L.step },
      ...stepper), slider),
    el("div", { class: "lf-stage" }, stack, el("div", { class: "lf-side" }, weights, gradients)),
    result,
    hint,
  ];
}
