// Shapley values of four players. Column: who of A and B is in; row: who of C and D.

function draw() {
  const players = [L.a, L.b, L.c, L.d];
  const each = [0, 1, 2, 3];
  const weights = [1 / 4, 1 / 12, 1 / 12, 1 / 4];
  let s;
  const reset = () => { s = { game: D.game, v: structuredClone(D.games[D.game]), player: D.player }; };

  const has = (coalition, player) => Boolean(coalition & (1 << player));
  const value = (coalition) => s.v[coalition >> 2][coalition & 3];
  const who = (coalition) => each.filter((p) => has(coalition, p)).map((p) => players[p]).join("") || L.nobody;
  const others = (player) => [...Array(16).keys()].filter((coalition) => !has(coalition, player));
  const gain = (coalition, player) => value(coalition | (1 << player)) - value(coalition);
  const size = (coalition) => each.filter((p) => has(coalition, p)).length;
  const terms = (player) => others(player).map((c) => [weights[size(c)], gain(c, player)]);
  const share = (player) => sum(terms(player).map(([weight, more]) => weight * more));

  const row = (symbol, title) => ({ symbol, title, from: [null, null],
    speak: (_, player, now) => say("worth", { value: show(now) }) });
  const board = explorer({
    grids: {
      v: { symbol: "v", title: L.values, editable: true, from: [null, null],
        speak: (r, c, now) => say("worth", { value: show(now) }) },
      phi: row("φ", L.phi),
      first: row("", L.first),
      last: row("", L.last),
    },
    home: "v",
    name: (of, r, c) => "v(" + who(4 * r + c) + ")",
    onput(of, r, c, next) {
      s.v[r][c] = next;
      render();
    },
    onselect(of, r, c) {
      if (of !== "v") s.player = c;
      render();
    },
  });
  const { grids, result } = board;
  reset();
  const named = Object.fromEntries(Object.keys(D.games).map((key) =>
    [key, L["preset_" + key]]));
  const games = choice(L.game, named, s.game, (next) => {
    Object.assign(s, { game: next, v: structuredClone(D.games[next]) });
    render();
  });
  const total = note();

  function render() {
    games.put(s.game);
    const rows = { phi: each.map(share), first: each.map((p) => gain(0, p)),
      last: each.map((p) => gain(15 - (1 << p), p)) };
    grids.v.set(s.v);
    for (const [of, values] of Object.entries(rows)) grids[of].set([values]);
    grids.v.mark((r, c) => ({ sub: who(4 * r + c), lit: has(4 * r + c, s.player) }));
    for (const of of Object.keys(rows)) {
      grids[of].mark((r, c) => ({ sub: players[c], lit: false, pick: of === "phi" && c === s.player }));
    }
    board.showTouched();
    const now = rows.phi[s.player];
    const head = el("b", { class: "lf-code" }, "φ(" + players[s.player] + ")");
    const fractions = { [weights[0]]: "1/4", [weights[1]]: "1/12" };
    const made = sumOfProducts(terms(s.player).map(([weight, more]) => [more, fractions[weight]]), now);
    result.put([head, " = ", ...made], "phi", now);
    const sums = Object.fromEntries(Object.entries(rows).map(([of, values]) => [of, sum(values)]));
    total.textContent = say("sum", { sum: show(sums.phi), first: show(sums.first), last: show(sums.last) });
    Object.assign(total.dataset, sums);
  }

  render();
  return [
    div("lf-bar", games, board.value, button(L.reset, () => {
      reset();
      render();
    })),
    div("lf-stage", grids.v.box, el("div", { class: "lf-shares" }, grids.phi.box, grids.first.box, grids.last.box)),
    result,
    total,
    note(L.hint),
  ];
}
