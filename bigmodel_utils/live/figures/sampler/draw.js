// The next token's distribution: temperature, top-k and top-p change it, and draws are counted.

const ROW = 24; // pixels
const MOST_DRAWS = LIMITS.draws[1];

function draw() {
  const count = D.logits.length;
  let s, picked, draws;
  const reset = () => {
    s = { temperature: D.temperature, k: Math.min(D.top_k, count), p: D.top_p };
    picked = 0;
    draws = 0;
  };
  reset();

  // Most likely first; of equals the one given first, as everywhere in the book.
  const order = [...D.logits.keys()].sort((a, b) => D.logits[b] - D.logits[a] || a - b);
  const names = order.map((i) => D.tokens[i].replace(/ /g, "␣").replace(/\n/g, "⏎").replace(/\t/g, "⇥"));
  const logits = order.map((i) => D.logits[i]);
  const scaled = (values) => {
    const all = sum(values);
    return values.map((value) => value / all);
  };
  const softmax = (t) => t === 0 ? logits.map((_, i) => (i ? 0 : 1))
    : scaled(logits.map((z) => Math.exp((z - logits[0]) / t)));
  const entropy = (q) => -sum(q.map((v) => (v > 0 ? v * Math.log2(v) : 0))) || 0;
  const before = softmax(1);

  function after() {
    const heated = softmax(s.temperature);
    let q = scaled(heated.map((v, i) => (i < s.k ? v : 0)));
    let before = 0;
    q = q.map((v) => {
      const kept = before < s.p ? v : 0;
      before += v;
      return kept;
    });
    const kept = q.filter((v) => v > 0).length;
    return { q: scaled(q), kept, mass: sum(heated.slice(0, kept)) };
  }

  // The same random numbers at every setting: a dial moves draws from token to token.
  function drawn(q, kept) {
    const counts = q.map(() => 0);
    let last = null;
    for (const number of randoms(D.seed)(draws)) {
      let rest = (number + 1) / 2;
      last = 0;
      while (last < kept - 1 && rest >= q[last]) rest -= q[last++];
      counts[last]++;
    }
    return { counts, last };
  }

  const result = resultBox();
  const one = (key, label, limits, text) => dial(label, s[key], limits, (value) => {
    s[key] = value;
    render();
  }, result.wrong, text);
  const dials = {
    temperature: one("temperature", L.temperature, LIMITS.temperature, (value) => (value ? "" : L.greedy)),
    k: one("k", L.top_k, [LIMITS.top_k[0], count], (value) => (value === count ? L.all : "")),
    p: one("p", L.top_p, LIMITS.top_p, (value) => (value === 1 ? L.all : "")),
  };
  const text = div("lf-code lf-context");
  const plots = el("div", { class: "lf-plots", role: "grid", "aria-label": L.chart });
  const percent = (value) => digits(100 * value) + " %";

  function paint({ q, kept }, counts) {
    const { width } = plots;
    const focused = plots.contains(document.activeElement);
    const [left, right] = [98, width < 520 ? 66 : 118];
    const most = Math.max(...before, ...q, ...counts.map((n) => (draws ? n / draws : 0)));
    const x = (value) => left + (width - left - right) * value / most;
    const svg = el("svg", { width, height: count * ROW + 6, class: "lf-plot", role: "none" });
    names.forEach((name, i) => {
      const y = i * ROW;
      const here = i === picked;
      const values = { name: D.tokens[order[i]].trim() ? name : L.blank, before: percent(before[i]),
        after: percent(q[i]), n: counts[i] };
      const bar = (kind, value, attributes) => el("rect", { x: left, width: Math.max(0, x(value) - left),
        "data-grid": kind, "data-row": i, "data-col": 0, "data-value": value, class: "lf-" + kind, ...attributes });
      svg.append(el("g", { role: "row" }, el("g", { role: "gridcell", class: "lf-token" + (here ? " lf-chosen" : "")
        + (i < kept ? "" : " lf-dropped"), tabindex: here ? 0 : -1, "aria-selected": String(here), "data-token": i,
      "data-grid": "token", "data-row": i, "data-col": 0, "data-value": order[i],
      "aria-label": say("place", values) },
      el("rect", { x: 0, y, width, height: ROW, class: "lf-hit" }),
      svgText(left - 6, y + ROW / 2 + 4, name.length > 12 ? name.slice(0, 11) + "…" : name, "end", "lf-name"),
      bar("after", q[i], { y: y + 4, height: ROW - 8 }),
      bar("before", before[i], { y: y + 2, height: ROW - 4 }),
      svgText(width - right + 6, y + ROW / 2 + 4, percent(q[i]), "start"),
      draws && width >= 520 ? svgText(width, y + ROW / 2 + 4, "×" + counts[i], "end") : null,
      el("circle", { cx: x(draws ? counts[i] / draws : 0), cy: y + ROW / 2, r: draws && i < kept ? 4.5 : 0,
        "data-grid": "count", "data-row": i, "data-col": 0, "data-value": counts[i], class: "lf-drawn" }))));
    });
    if (kept < count) {
      svg.append(el("line", { x1: 0, x2: width, y1: kept * ROW, y2: kept * ROW, class: "lf-cut" }));
    }
    svg.addEventListener("click", (event) => {
      picked = clamp(Math.floor((event.clientY - svg.getBoundingClientRect().top) / ROW), 0, count - 1);
      render();
      plots.querySelector("[tabindex='0']").focus();
    });
    plots.replaceChildren(svg);
    if (focused) plots.querySelector("[tabindex='0']").focus();
  }

  onKeys(plots, (key) => {
    const by = { ArrowUp: -1, ArrowLeft: -1, ArrowDown: 1, ArrowRight: 1, Home: -count, End: count }[key];
    if (!by) return false;
    picked = clamp(picked + by, 0, count - 1);
    render();
    return true;
  });

  function render() {
    for (const [key, one] of Object.entries(dials)) one.put(s[key]);
    const now = after();
    const { counts, last } = drawn(now.q, now.kept);
    text.replaceChildren(D.context.replace(/\n/g, "⏎"),
      last === null ? span("lf-slot", "?") : el("strong", { class: "lf-slot" }, names[last]));
    if (plots.width) paint(now, counts);
    const bits = entropy(now.q);
    const parts = [L.entropy + " ", strong(digits(bits)), " ", say("bits", { before: digits(entropy(before)) }), " ",
      strong(say("kept", { n: now.kept, total: count })), " ", say("mass", { mass: percent(now.mass) }),
      el("br"), el("b", { class: "lf-code" }, names[picked]), ": ",
      say("token", { before: percent(before[picked]), after: percent(now.q[picked]) })];
    if (draws) {
      const q = now.q[picked];
      parts.push(" ", say("drawn", { n: counts[picked], draws, expected: digits(draws * q),
        spread: digits(Math.sqrt(draws * q * (1 - q))) }));
    }
    result.put(parts, "entropy", bits);
    Object.assign(result.dataset, { kept: now.kept, mass: now.mass, draws, picked,
      last: last === null ? "" : order[last] });
  }

  const more = (n) => button(say("draw", { n }), () => {
    draws = Math.min(MOST_DRAWS, draws + n);
    render();
  });
  render();
  whenSized(plots, render);
  return [
    div("lf-bar", ...Object.values(dials)),
    div("lf-bar", more(1), more(100), button(L.clear, () => {
      draws = 0;
      render();
    }), button(L.reset, () => {
      reset();
      render();
    })),
    text,
    plots,
    result,
    note(L.hint),
  ];
}
