// The next token's distribution: temperature, top-k and top-p change it, and draws are counted.

const ROW = 24; // pixels
const MOST_DRAWS = 10000;

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
    const total = values.reduce((a, b) => a + b, 0);
    return values.map((value) => value / total);
  };
  const softmax = (t) => t === 0 ? logits.map((_, i) => (i ? 0 : 1))
    : scaled(logits.map((z) => Math.exp((z - logits[0]) / t)));
  const entropy = (q) => -q.reduce((sum, v) => sum + (v > 0 ? v * Math.log2(v) : 0), 0) || 0;
  const before = softmax(1);

  function after() {
    const heated = softmax(s.temperature);
    let q = scaled(heated.map((v, i) => (i < s.k ? v : 0)));
    let sum = 0;
    q = q.map((v) => {
      const kept = sum < s.p ? v : 0;
      sum += v;
      return kept;
    });
    const kept = q.filter((v) => v > 0).length;
    const mass = heated.slice(0, kept).reduce((a, b) => a + b, 0);
    return { q: scaled(q), kept, mass };
  }

  // The same random numbers at every setting: a dial moves draws from token to token.
  function drawn(q, kept) {
    const counts = q.map(() => 0);
    let state = D.seed;
    let last = null;
    for (let n = 0; n < draws; n++) {
      state = (state * 1664525 + 1013904223) % 2 ** 32;
      let rest = state / 2 ** 32;
      last = 0;
      while (last < kept - 1 && rest >= q[last]) rest -= q[last++];
      counts[last]++;
    }
    return { counts, last };
  }

  const result = resultBox();
  const set = (key) => (value) => {
    if (key === "k" && !Number.isInteger(value)) return result.wrong(L.whole);
    s[key] = value;
    render();
  };
  const dials = {
    temperature: dial(L.temperature, s.temperature, 0, 3, 0.05, set("temperature"), result.wrong,
      (value) => (value ? "" : L.greedy)),
    k: dial(L.top_k, s.k, 1, count, 1, set("k"), result.wrong, (value) => (value === count ? L.all : "")),
    p: dial(L.top_p, s.p, 0.01, 1, 0.01, set("p"), result.wrong, (value) => (value === 1 ? L.all : "")),
  };
  const text = el("div", { class: "lf-code lf-context" });
  const plots = el("div", { class: "lf-plots", role: "grid", "aria-label": L.chart });
  let width = 0;
  const percent = (value) => digits(100 * value) + " %";

  function paint({ q, kept }, counts) {
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

  plots.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const by = { ArrowUp: -1, ArrowLeft: -1, ArrowDown: 1, ArrowRight: 1, Home: -count, End: count }[event.key];
    if (!by) return;
    event.preventDefault();
    event.stopPropagation();
    picked = clamp(picked + by, 0, count - 1);
    render();
  });

  function render() {
    for (const [key, one] of Object.entries(dials)) one.put(s[key]);
    const now = after();
    const { counts, last } = drawn(now.q, now.kept);
    text.replaceChildren(D.context.replace(/\n/g, "⏎"),
      last === null ? el("span", { class: "lf-slot" }, "?") : el("strong", { class: "lf-slot" }, names[last]));
    if (width) paint(now, counts);
    const bits = entropy(now.q);
    const strong = (value) => el("strong", { class: "lf-term" }, value);
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
  whenSized(plots, (now) => {
    width = now;
    render();
  });
  return [
    el("div", { class: "lf-bar" }, ...Object.values(dials)),
    el("div", { class: "lf-bar" }, more(1), more(100), button(L.clear, () => {
      draws = 0;
      render();
    }), button(L.reset, () => {
      reset();
      render();
    })),
    text,
    plots,
    result,
    el("div", { class: "lf-note" }, L.hint),
  ];
}
