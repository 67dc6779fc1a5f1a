// Requests as bars over time. The requests are those of bigmodel_utils/serving/_batching.py.

const ROW = 12;

function requests(s) {
  let [state, now] = [D.seed, 0];
  const gap = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return -Math.log(1 - state / 2 ** 32);
  };
  return Array.from({ length: D.count }, () => {
    now += gap() / (s.rate / 100);
    const mixed = Math.max(1, Math.ceil(s.length * gap()));
    return { arrival: now, length: s.kind === "equal" ? s.length : mixed };
  });
}

const WAYS = {
  static(asked, slots) {
    const starts = [];
    let now = 0;
    while (starts.length < asked.length) {
      const first = starts.length;
      now = Math.max(now, asked[first].arrival);
      const batch = asked.slice(first, first + slots).filter((one) => one.arrival <= now);
      batch.forEach(() => starts.push(now));
      now += Math.max(...batch.map((one) => one.length));
    }
    return starts;
  },
  continuous(asked, slots) {
    const free = Array(slots).fill(0);
    return asked.map((one) => {
      const slot = free.indexOf(Math.min(...free));
      const begin = Math.max(one.arrival, free[slot]);
      free[slot] = begin + one.length;
      return begin;
    });
  },
};

function serve(s, way) {
  const asked = requests(s);
  const starts = WAYS[way](asked, s.slots);
  const all = asked.map((one, i) => ({ ...one, begin: starts[i], end: starts[i] + one.length }));
  const waits = all.map((one) => one.begin - one.arrival);
  const done = Math.max(...all.map((one) => one.end));
  const tokens = sum(all.map((one) => one.length)) / done;
  return { all, done, tokens, mean: sum(waits) / waits.length, most: Math.max(...waits) };
}

function draw() {
  let s;
  const reset = () => {
    s = { rate: D.rate, length: D.length, slots: D.slots, way: D.way, kind: D.kind, request: D.request };
  };
  reset();
  const result = resultBox();
  const set = (key) => (next) => { s[key] = next; render(); };
  const dials = {};
  for (const key of ["rate", "length", "slots", "request"]) {
    dials[key] = dial(L[key], s[key], LIMITS[key], set(key), result.wrong);
  }
  dials.request.classList.add("lf-wide");
  const ways = toggle(L.way, { static: L.static, continuous: L.continuous }, s.way, set("way"));
  const kinds = toggle(L.kind, { mixed: L.mixed, equal: L.equal }, s.kind, set("kind"));
  const plots = div("lf-plots");

  function paint(now, until) {
    const xTicks = {};
    const step = [5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000].find((n) => until / n * 48 <= plots.width - 60) || 10000;
    for (let at = 0; at <= until; at += step) xTicks[at] = at;
    const { svg, x, y } = axes({ width: plots.width, height: D.count * ROW + 60, x: [0, until],
      y: [D.count + 0.5, 0.5], xTicks, yTicks: { 1: 1, 6: 6, 12: 12, 18: 18, 24: 24 },
      xLabel: L.steps, yLabel: L.requests, title: L.plot });
    now.all.forEach((one, i) => {
      const at = y(i + 1);
      const chosen = i + 1 === s.request ? " lf-chosen" : "";
      svg.append(
        el("line", { x1: x(one.arrival), x2: x(one.begin), y1: at, y2: at, class: "lf-waits" }),
        el("rect", { x: x(one.begin), y: at - ROW / 2 + 2, width: Math.max(1, x(one.end) - x(one.begin)),
          height: ROW - 4, class: "lf-served" + chosen, "data-grid": "start", "data-row": 0, "data-col": i,
          "data-value": one.begin }));
    });
    onDrag(plots, (event) => {
      const place = (event.clientY - svg.getBoundingClientRect().top - y(1)) / (y(2) - y(1)) + 1;
      set("request")(clamp(Math.round(place), 1, D.count));
    });
    plots.replaceChildren(svg);
  }

  function render() {
    for (const [key, control] of Object.entries(dials)) control.put(s[key]);
    ways.put(s.way);
    kinds.put(s.kind);
    const both = Object.fromEntries(Object.keys(WAYS).map((way) => [way, serve(s, way)]));
    const now = both[s.way];
    // One scale for both ways, so that the bars can be compared.
    if (plots.width) paint(now, Math.max(both.static.done, both.continuous.done));
    const parts = [];
    for (const [way, found] of Object.entries(both)) {
      const line = say("waiting", { name: L[way], mean: digits(found.mean), most: digits(found.most) }) + " "
        + say("rate_of", { tokens: digits(found.tokens), share: Math.round(100 * found.tokens / s.slots),
          done: digits(found.done) });
      parts.push(el(way === s.way ? "b" : "span", {}, line), el("br"));
    }
    const one = now.all[s.request - 1];
    parts.push(say("one", { i: s.request, length: one.length, arrival: digits(one.arrival),
      wait: digits(one.begin - one.arrival), end: digits(one.end) }));
    result.put(parts, "waiting", now.mean);
    Object.assign(result.dataset, { most: now.most, tokens: now.tokens, done: now.done,
      other: both[s.way === "static" ? "continuous" : "static"].mean, length: one.length,
      arrival: one.arrival, begin: one.begin });
  }

  render();
  whenSized(plots, render);
  return [
    div("lf-bar", ways, kinds, button(L.reset, () => {
      reset();
      render();
    })),
    div("lf-bar", dials.rate, dials.length, dials.slots),
    plots,
    dials.request,
    result,
    note(L.hint),
  ];
}
