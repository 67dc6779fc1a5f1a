// One query reads its keys tile by tile and carries an online softmax: the running maximum m, the
// sum l and the accumulator o, with the factor r that rescales the past when the maximum rises.

function draw() {
  const N = D.scores.length;
  let s, touched, step;

  function reset() {
    s = { scores: [D.scores.slice()], values: [D.values.slice()], tile: D.tile, rescale: D.rescale };
    touched = { grid: "scores", column: 0 };
    step = Math.min(D.step, count());
  }
  const count = () => Math.ceil(N / s.tile);
  reset();

  // The states after each tile, states[0] before the first, and what each key weighs by now.
  function compute() {
    const states = [{ m: -Infinity, l: 0, o: 0 }];
    const powers = Array(N).fill(0);
    for (let k = 0; k < step; k++) {
      const old = states[k];
      const first = k * s.tile;
      const keys = s.scores[0].slice(first, first + s.tile);
      const m = Math.max(old.m, ...keys);
      const r = s.rescale || !k ? Math.exp(old.m - m) : 1;
      for (let j = 0; j < first; j++) powers[j] *= r;
      const p = keys.map((score, j) => (powers[first + j] = Math.exp(score - m)));
      const add = (part) => p.reduce((total, power, j) => total + power * part(first + j), 0);
      states.push({ m, r, l: r * old.l + add(() => 1), o: r * old.o + add((j) => s.values[0][j]), first, keys, p });
    }
    const most = Math.max(...s.scores[0]);
    const all = s.scores[0].map((score) => Math.exp(score - most));
    const dense = all.reduce((total, power, j) => total + power * s.values[0][j], 0) / all.reduce((a, b) => a + b);
    return { states, powers, dense };
  }

  const result = resultBox();
  const value = valueBox((next) => put(touched.grid, touched.column, next));
  const input = value.querySelector("input");
  input.addEventListener("input", () => {
    if (input.getAttribute("aria-invalid") === "true") result.wrong(say("range", { name: L.value, low: -LIMIT, high: LIMIT }));
    else explain(compute());
  });

  function put(of, column, next) {
    touched = { grid: of, column };
    s[of][0][column] = Math.round(next * 1e9) / 1e9;
    render();
  }
  function go(to) {
    step = clamp(to, 0, count());
    render();
  }

  const SYMBOLS = { scores: "s", values: "v", powers: "e^(s−m)" };
  const grids = {};
  const STATES = ["m", "r", "l", "o"];
  const make = (of) => {
    const editable = of === "scores" || of === "values";
    const touch = (column) => {
      if (!editable) return;
      touched = { grid: of, column };
      showTouched();
    };
    grids[of] = grid({ name: of, symbol: SYMBOLS[of] || of, title: L["about_" + of], editable,
      onactive: (_, column) => touch(column),
      onselect: (_, column) => (STATES.includes(of) ? go(column + 1) : touch(column)),
      onedit: (_, column, next) => put(of, column, next) });
    return grids[of].box;
  };
  const keys = el("div", { class: "lf-keys" }, ...Object.keys(SYMBOLS).map(make));
  const states = el("div", { class: "lf-states" }, ...STATES.map(make));

  const size = dial(L.tile, s.tile, 1, N, 1, (next) => {
    // As many keys stay read as fill whole tiles of the new size; all stay all.
    const read = Math.min(N, step * s.tile);
    s.tile = next;
    step = read === N ? count() : Math.floor(read / next);
    render();
  }, result.wrong);
  const slider = el("input", { type: "range", class: "lf-range", min: 0, step: 1, "aria-label": L.step,
    oninput: () => go(Number(slider.value)) });
  const stepper = [button(L.first, () => go(0)), button(L.back, () => go(step - 1)),
    button(L.next, () => go(step + 1)), button(L.last, () => go(count()))];
  const toggles = toggle(L.rescaling, { on: L.rescaled, off: L.forgotten }, s.rescale ? "on" : "off", (next) => {
    s.rescale = next === "on";
    render();
  });

  const many = (number) => (number === -Infinity ? "−∞" : number && Math.abs(number) < 5e-4 ? digits(number) : show(number));
  const term = (text) => el("span", { class: "lf-term" }, text);
  const line = (name, parts, total) => el("div", {}, el("b", {}, name), " ",
    ...parts.flatMap((part, i) => [term(i ? part : "= " + part), " "]), el("strong", { class: "lf-term" }, "= " + many(total)));

  function showTouched() {
    const { grid: of, column } = touched;
    value.put(SYMBOLS[of] + "[" + (column + 1) + "]", s[of][0][column]);
  }

  function explain({ states: all, dense }) {
    const now = all[step];
    if (!step) return result.put([el("b", {}, L.begin), el("div", {}, "m = −∞, l = 0, o = 0")], "begin", "");
    const old = all[step - 1];
    const bracket = (number) => (number < 0 ? "(" + many(number) + ")" : many(number));
    const past = (number) => bracket(now.r) + "×" + bracket(number);
    const last = now.first + now.keys.length;
    const lines = [
      el("b", {}, say("at", { step, steps: count(), first: now.first + 1, last })),
      line("m", ["max(" + [old.m, ...now.keys].map(many).join("; ") + ")"], now.m),
      now.r === 1 && !s.rescale && step > 1 ? el("div", {}, el("b", {}, "r"), " = 1 (" + L.forgotten + ")")
        : line("r", ["e^(" + many(old.m) + " − " + bracket(now.m) + ")"], now.r),
      line("l", [past(old.l), ...now.p.map((p) => "+ " + many(p))], now.l),
      line("o", [past(old.o), ...now.p.map((p, j) => "+ " + many(p) + "×" + bracket(s.values[0][now.first + j]))], now.o),
      line("o / l", [], now.o / now.l)];
    if (step === count()) {
      const off = Math.abs(now.o / now.l - dense);
      const same = off <= 1e-9 * Math.max(1, Math.abs(dense));
      lines.push(el("div", { "data-dense": dense, "data-same": String(same) }, same ? say("same", { dense: many(dense) })
        : say("other", { dense: many(dense), off: many(off) })));
    }
    result.put(lines, "tile", now.o / now.l);
  }

  // What grid.js does not know: keys and tiles count from 1, gaps between tiles, what comes later.
  function finish(of, along, known) {
    const { box } = grids[of];
    box.querySelectorAll(".lf-head .lf-index").forEach((node, c) => {
      node.textContent = c || "";
      node.classList.toggle("lf-cut", along && c > 1 && (c - 1) % s.tile === 0);
    });
    box.querySelectorAll(".lf-row:not(.lf-head) > .lf-index").forEach((node) => { node.textContent = ""; });
    box.querySelectorAll("[data-grid]").forEach((cell, c) => {
      const later = !known(c);
      cell.classList.toggle("lf-cut", along && c > 0 && c % s.tile === 0);
      cell.classList.toggle("lf-later", later);
      const text = later ? L.later : many(Number(cell.dataset.value));
      cell.setAttribute("aria-label", along ? say("key", { name: L["about_" + of], n: c + 1, value: text })
        : say("tile_at", { name: L["about_" + of], n: c + 1, value: text }));
      if (of === "powers") cell.firstChild.textContent = show(Math.round(cell.dataset.value * 100) / 100);
      if (!later) return;
      cell.firstChild.textContent = "·";
      cell.removeAttribute("data-value");
    });
  }

  function render() {
    const r = compute();
    const T = count();
    const inTile = (c) => Math.floor(c / s.tile) === step - 1;
    size.put(s.tile);
    slider.max = T;
    slider.value = step;
    slider.setAttribute("aria-valuetext", say("progress", { step, steps: T }));
    for (const of of Object.keys(SYMBOLS)) {
      grids[of].set(s[of] || [r.powers]);
      grids[of].mark((_, c) => (inTile(c) ? {} : null));
      finish(of, true, (c) => of !== "powers" || c < step * s.tile);
    }
    for (const of of STATES) {
      grids[of].set([Array.from({ length: T }, (_, k) => (k < step ? r.states[k + 1][of] : 0))]);
      grids[of].mark((_, c) => (c === step - 1 ? { pick: true } : null));
      finish(of, false, (c) => c < step);
    }
    showTouched();
    explain(r);
  }

  render();
  return [
    el("div", { class: "lf-bar" }, size, value, button(L.reset, () => {
      reset();
      toggles.querySelector("[data-option=" + (s.rescale ? "on" : "off") + "]").click();
    })),
    el("div", { class: "lf-bar" }, el("div", { class: "lf-toggle", role: "group", "aria-label": L.step }, ...stepper), slider,
      el("div", { class: "lf-control" }, el("span", { class: "lf-label" }, L.rescaling), toggles)),
    el("div", { class: "lf-stage" }, keys, states),
    result,
    el("div", { class: "lf-note" }, L.hint),
  ];
}
