// All-reduce on a ring: in each step every worker sends one part to its right neighbour.

const steps = (n) => 2 * (n - 1);

// Which part worker `rank` sends in step `k`, from 0: first its own, then what came last.
const outgoing = (rank, k, n) => (((rank - k) % n) + n) % n;

// contains[rank][part]: the workers whose numbers it contains; framed: what just arrived.
function after(step, n) {
  let contains = Array.from({ length: n }, (_, r) => Array.from({ length: n }, () => [r]));
  let framed = [];
  for (let k = 0; k < step; k++) {
    const before = contains;
    contains = before.map((row) => [...row]);
    framed = [];
    for (let r = 0; r < n; r++) {
      const [part, next] = [outgoing(r, k, n), (r + 1) % n];
      const came = before[r][part];
      contains[next][part] = k < n - 1 ? [...before[next][part], ...came].sort() : came;
      framed.push(next + " " + part);
    }
  }
  return { contains, framed };
}

function draw() {
  let s;
  const reset = () => {
    s = { workers: D.workers, size: D.size, step: D.step };
  };
  reset();
  const result = resultBox();
  const go = (to) => {
    s.step = clamp(to, 0, steps(s.workers));
    render();
  };
  const walk = stepper(go);
  const set = (key) => (next) => {
    s[key] = next;
    s.step = Math.min(s.step, steps(s.workers));
    render();
  };
  const dials = {
    workers: dial(L.workers, s.workers, LIMITS.workers, set("workers"), result.wrong),
    size: dial(L.size, s.size, LIMITS.size, set("size"), result.wrong),
  };
  const table = el("table", { class: "lf-parts", "aria-label": L.table });

  function render() {
    const { workers: n, size, step } = s;
    const { contains, framed } = after(step, n);
    for (const [key, control] of Object.entries(dials)) control.put(s[key]);
    walk.put(step, [LIMITS.step[0], steps(n)], 1, String(step));
    const head = el("tr", {}, el("td"), ...contains[0].map((_, part) =>
      el("th", { scope: "col" }, say("part", { part }))));
    const rows = contains.map((row, rank) => el("tr", {},
      el("th", { scope: "row" }, say("worker", { rank })),
      ...row.map((from, part) => el("td", {
        class: (from.length === n ? "lf-whole" : "") + (framed.includes(rank + " " + part) ? " lf-came" : ""),
        "data-grid": "contains", "data-row": rank, "data-col": part,
        "data-value": sum(from.map((r) => 10 ** r)),
      }, from.length === n && n > 3 ? L.done : from.join(" ")))));
    table.replaceChildren(el("thead", {}, head), el("tbody", {}, ...rows));
    const sent = (step * size) / n;
    const words = { step, steps: steps(n), n, sent: digits(sent), total: digits((steps(n) * size) / n),
      star: digits((n - 1) * size) };
    const phase = step === 0 ? "begin" : step < n ? "scatter" : "gather";
    const said = { begin: say("begin", words), scatter: say("scatter", words), gather: say("gather", words) };
    result.put([said[phase], " ", say("sent", words)], "sent", sent);
    Object.assign(result.dataset, { total: (steps(n) * size) / n, star: (n - 1) * size, phase });
  }

  render();
  return [
    div("lf-bar", dials.workers, dials.size, button(L.reset, () => {
      reset();
      render();
    })),
    walk,
    div("lf-scroll", table),
    note(L.table),
    result,
    note(L.hint),
  ];
}
