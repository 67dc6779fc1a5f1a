// One query reads its keys tile by tile and carries an online softmax: the running maximum m, the
// sum l and the accumulator o, with the factor r that rescales the past when the maximum rises.

function draw() {
  const N = D.scores.length;
  let s, step;

  function reset() {
    s = { scores: [D.scores.slice()], values: [D.values.slice()], tile: D.tile, rescale: D.rescale };
    board.home();
    step = Math.min(D.step, count());
  }
  const count = () => Math.ceil(N / s.tile);

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
      const add = (part) => sum(p.map((power, j) => power * part(first + j)));
      states.push({ m, r, l: r * old.l + add(() => 1), o: r * old.o + add((j) => s.values[0][j]), first, keys, p });
    }
    const most = Math.max(...s.scores[0]);
    const all = s.scores[0].map((score) => Math.exp(score - most));
    const dense = sum(all.map((power, j) => power * s.values[0][j])) / sum(all);
    return { states, powers, dense };
  }

  function go(to) {
    step = clamp(to, 0, count());
    render();
  }

  // Rows of keys, with a gap before each tile, and rows of states, one column a tile.
  const KEYS = { scores: "s", values: "v", powers: "e^(s−m)" };
  const STATES = ["m", "r", "l", "o"];
  const unknown = (of, column) => (STATES.includes(of) ? column >= step : of === "powers" && column >= step * s.tile);
  const many = (number) => (number === -Infinity ? "−∞" : number && Math.abs(number) < 5e-4 ? digits(number) : show(number));

  const options = (of) => ({
    symbol: KEYS[of] || of,
    title: L["about_" + of],
    editable: of === "scores" || of === "values",
    from: [null, 1],
    gap: (column) => of in KEYS && column > 0 && column % s.tile === 0,
    unknown: (_, column) => unknown(of, column),
    // A cell has room for two decimals of a power.
    text: (value) => show(of === "powers" ? Math.round(value * 100) / 100 : value),
    speak(_, column, value) {
      const said = { name: L["about_" + of], n: column + 1, value: value === null ? L.later : many(value) };
      return of in KEYS ? say("key", said) : say("tile_at", said);
    },
  });

  const board = explorer({
    grids: Object.fromEntries([...Object.keys(KEYS), ...STATES].map((of) => [of, options(of)])),
    home: "scores",
    name: (of, _, column) => KEYS[of] + "[" + (column + 1) + "]",
    onput(of, _, column, next) {
      s[of][0][column] = next;
      render();
    },
    onselect(of, _, column) {
      if (STATES.includes(of)) go(column + 1);
    },
  });
  const { grids, result } = board;
  const boxesOf = (names) => names.map((of) => grids[of].box);
  reset();

  const size = dial(L.tile, s.tile, [LIMITS.tile[0], N], (next) => {
    // As many keys stay read as fill whole tiles of the new size; all stay all.
    const read = Math.min(N, step * s.tile);
    s.tile = next;
    step = read === N ? count() : Math.floor(read / next);
    render();
  }, result.wrong);
  const toggles = toggle(L.rescaling, { on: L.rescaled, off: L.forgotten }, s.rescale ? "on" : "off", (next) => {
    s.rescale = next === "on";
    render();
  });
  const walk = stepper(go);
  walk.append(div("lf-control", span("lf-label", L.rescaling), toggles));

  const line = (name, parts, value) => el("div", {}, el("b", {}, name), " ",
    ...parts.flatMap((part, i) => [term(i ? part : "= " + part), " "]), strong("= " + many(value)));

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

  function render() {
    const r = compute();
    const T = count();
    size.put(s.tile);
    toggles.put(s.rescale ? "on" : "off");
    walk.put(step, [LIMITS.step[0], T], 1, say("progress", { step, steps: T }));
    for (const of of Object.keys(KEYS)) {
      grids[of].set(s[of] || [r.powers]);
      grids[of].mark((_, column) => (Math.floor(column / s.tile) === step - 1 ? {} : null));
    }
    for (const of of STATES) {
      grids[of].set([Array.from({ length: T }, (_, k) => (k < step ? r.states[k + 1][of] : 0))]);
      grids[of].mark((_, column) => (column === step - 1 ? { pick: true } : null));
    }
    board.showTouched();
    explain(r);
  }

  render();
  return [
    div("lf-bar", size, board.value, button(L.reset, () => {
      reset();
      render();
    })),
    walk,
    div("lf-stage", div("lf-keys", ...boxesOf(Object.keys(KEYS))),
      div("lf-states", ...boxesOf(STATES))),
    result,
    note(L.hint),
  ];
}
