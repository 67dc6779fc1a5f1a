// The timeline of a pipeline: what each stage does when, under three schedules.

const ROW = 26;

// What stage r of p does, in its order: [forward, micro-batch, chunk]. First some forward steps
// `ahead`, then one forward and one backward in turns.
function orderOf(way, r, p, m, v) {
  const turn = [];
  for (let g = 0; g < m; g += p) {
    for (let c = 0; c < v; c++) for (let i = g; i < Math.min(g + p, m); i++) turn.push([i, c]);
  }
  const forward = turn.map(([i, c]) => [true, i, c]);
  const backward = turn.map(([i, c]) => [false, i, v - 1 - c]);
  const ahead = Math.min(m * v,
    { gpipe: m, turns: p - 1 - r, interleaved: 2 * (p - 1 - r) + (v - 1) * p }[way]);
  const order = forward.slice(0, ahead);
  backward.forEach((step, k) => order.push(...forward.slice(ahead + k, ahead + k + 1), step));
  return order;
}

// Steps with their start and end; a step begins when its stage is free and what it needs is there.
function simulate({ p, m, v, way }) {
  const orders = Array.from({ length: p }, (_, r) => orderOf(way, r, p, m, v));
  const ends = new Map();
  const key = (forward, i, place) => [forward, i, place].join();
  const free = Array(p).fill(0);
  const rows = orders.map(() => []);
  const kept = Array(p).fill(0);
  const peaks = Array(p).fill(0);
  for (let moved = true; moved;) {
    moved = false;
    for (let r = 0; r < p; r++) {
      for (let step; (step = orders[r][rows[r].length]); moved = true) {
        const [forward, i, c] = step;
        const place = c * p + r; // of all v p chunks
        const last = place === v * p - 1;
        const needs = forward ? key(true, i, place - 1) : last ? key(true, i, place) : key(false, i, place + 1);
        const start = forward && place === 0 ? 0 : ends.get(needs);
        if (start === undefined) break;
        const from = Math.max(start, free[r]);
        free[r] = from + (forward ? 1 : 2) / v;
        ends.set(key(forward, i, place), free[r]);
        rows[r].push({ forward, i, c, from, to: free[r] });
        kept[r] += forward ? 1 : -1;
        peaks[r] = Math.max(peaks[r], kept[r]);
      }
    }
  }
  const end = Math.max(...free);
  return { rows, end, bubble: 1 - 3 * m / end, peaks: peaks.map((most) => most / v) };
}

function draw() {
  let s;
  const reset = () => {
    s = { stages: D.stages, batches: D.batches, chunks: D.chunks, way: D.way };
  };
  reset();
  const result = resultBox();
  const set = (key) => (next) => { s[key] = next; render(); };
  const dials = {};
  for (const key of Object.keys(LIMITS)) dials[key] = dial(L[key], s[key], LIMITS[key], set(key), result.wrong);
  const ways = toggle(L.way, { gpipe: L.gpipe, turns: L.turns, interleaved: L.interleaved }, s.way, set("way"));
  const plots = div("lf-plots");

  function paint({ rows, end }) {
    const xTicks = {};
    const step = [1, 2, 5, 10, 20, 50].find((n) => (plots.width - 60) * n / end >= 28) || 100;
    for (let at = 0; at <= end; at += step) xTicks[at] = at;
    const yTicks = {};
    rows.forEach((_, r) => { yTicks[r] = r; });
    const { svg, x, y } = axes({ width: plots.width, height: rows.length * ROW + 66, x: [0, end],
      y: [rows.length - 0.5, -0.5], xTicks, yTicks, xLabel: L.time, yLabel: L.stage, title: L.plot });
    rows.forEach((row, r) => row.forEach(({ forward, i, c, from, to }, k) => {
      const [left, width] = [x(from), x(to) - x(from)];
      const height = forward ? ROW - 12 : ROW - 6;
      svg.append(el("rect", { x: left, y: y(r) - height / 2, width, height,
        class: (forward ? "lf-ahead" : "lf-return") + (c ? " lf-chunk" + c : ""),
        "data-grid": "start", "data-row": r, "data-col": k, "data-value": from }));
      if (width >= (i < 9 ? 9 : 14)) svg.append(svgText(left + width / 2, y(r) + 3.5, i + 1, "middle", "lf-number"));
    }));
    plots.replaceChildren(svg);
  }

  function render() {
    for (const [key, control] of Object.entries(dials)) control.put(s[key]);
    ways.put(s.way);
    const many = s.way === "interleaved";
    dials.chunks.hidden = !many;
    const [p, v] = [s.stages, many ? s.chunks : 1];
    const m = many ? Math.ceil(s.batches / p) * p : s.batches;
    const now = simulate({ p, m, v, way: s.way });
    if (plots.width) paint(now);
    const [top, bottom] = [p - 1, v * m + p - 1];
    const percent = (share) => digits(100 * share);
    const parts = [el("b", {}, say("waiting", { share: percent(rounded(now.bubble)), top, bottom,
      formula: percent(rounded(top / bottom)) })), el("br"),
    say("kept", { peaks: now.peaks.map(show).join(", ") }), " ", say("done", { end: show(now.end) })];
    if (m !== s.batches) parts.push(" ", say("rounded", { p, m, asked: s.batches }));
    result.put(parts, "bubble", now.bubble);
    Object.assign(result.dataset, { formula: top / bottom, end: now.end, peaks: now.peaks.join(" "), used: m });
  }

  render();
  whenSized(plots, render);
  return [
    div("lf-bar", ways, button(L.reset, () => {
      reset();
      render();
    })),
    div("lf-bar", ...Object.values(dials)),
    plots,
    result,
    note(L.hint),
  ];
}
