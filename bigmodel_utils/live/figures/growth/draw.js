// Models over time and the line that least squares fit to the logarithms within a span of years.

const QUANTITIES = { parameters: L.parameters, active: L.active, tokens: L.tokens, flops: L.flops };
const HEIGHT = 330;

function draw() {
  const models = D.models.map(([name, year, parameters, active, tokens, flops, source]) =>
    ({ name, year, source, sizes: { parameters, active, tokens, flops } }));
  const [first, last] = [models[0], models[models.length - 1]].map((one) => Math.floor(one.year));
  let s;
  const reset = () => { s = { axis: D.axis, start: D.start, stop: D.stop, model: D.model }; };
  reset();

  const size = (one) => one.sizes[s.axis];
  const inside = (one) => size(one) && one.year >= s.start && one.year < s.stop + 1;

  // The line a + b t through the decimal logarithms of the models of the span, or null.
  function fit() {
    const chosen = models.filter(inside);
    const n = chosen.length;
    const logs = chosen.map((one) => Math.log10(size(one)));
    const [t, y] = [chosen.map((one) => one.year), logs].map((values) => sum(values) / n);
    const spread = sum(chosen.map((one) => (one.year - t) ** 2));
    if (n < 3 || !spread) return { n, line: null };
    const b = sum(chosen.map((one, i) => (one.year - t) * (logs[i] - y))) / spread;
    return { n, b, months: 12 * Math.log10(2) / b, line: (at) => y + b * (at - t) };
  }

  const result = resultBox();
  const set = (key) => (next) => {
    s[key] = next;
    // The span keeps its order: the other end gives way.
    if (key === "start") s.stop = Math.max(s.stop, next);
    if (key === "stop") s.start = Math.min(s.start, next);
    render();
  };
  const dials = {
    start: dial(L.start, s.start, LIMITS.year, set("start"), result.wrong),
    stop: dial(L.stop, s.stop, LIMITS.year, set("stop"), result.wrong),
    model: dial(L.model, s.model, [LIMITS.model[0], models.length], set("model"), result.wrong,
      (value) => models[value - 1].name),
  };
  dials.model.classList.add("lf-wide");
  const axis = choice(L.axis, QUANTITIES, s.axis, set("axis"));
  const plots = div("lf-plots");

  function paint({ line }) {
    const known = models.filter(size).map((one) => Math.log10(size(one)));
    const powers = known.length ? known : [0];
    const low = Math.floor(Math.min(...powers));
    const high = Math.ceil(Math.max(...powers) + 0.01);
    const step = high - low > 8 ? 2 : 1;
    const yTicks = {};
    for (let p = low; p <= high; p += step) yTicks[p] = power(p);
    const xTicks = {};
    const every = [1, 2, 5, 10, 20].find((n) => (last + 1 - first) / n * 44 <= plots.width - 60) || 50;
    for (let year = Math.ceil(first / every) * every; year <= last + 1; year += every) xTicks[year] = year;
    const { svg, x, y, at } = axes({ width: plots.width, height: HEIGHT, x: [first - 0.5, last + 1.5], y: [low, high],
      xTicks, yTicks, xLabel: L.x_axis, yLabel: QUANTITIES[s.axis], title: L.plot });
    if (line) {
      // Solid in the span, dashed beside it; cut where it leaves the plot.
      const ends = [low, high].map((p) => (p - line(0)) / (line(1) - line(0) || 1e-12)).sort((a, b) => a - b);
      const [from, to] = [Math.max(first - 0.5, ends[0]), Math.min(last + 1.5, ends[1])];
      for (const [a, b, kind] of [[from, s.start, "lf-fit lf-beyond"], [s.start, s.stop + 1, "lf-fit"],
        [s.stop + 1, to, "lf-fit lf-beyond"]]) {
        const [left, right] = [Math.max(a, from), Math.min(b, to)];
        if (left < right) {
          svg.append(el("line", { x1: x(left), x2: x(right), y1: y(line(left)), y2: y(line(right)), class: kind }));
        }
      }
    }
    models.forEach((one, i) => {
      if (!size(one)) return;
      const place = { cx: x(one.year), cy: y(Math.log10(size(one))) };
      svg.append(el("circle", { ...place, r: 4, class: inside(one) ? "lf-dot" : "lf-dot lf-lost",
        "data-grid": "size", "data-row": 0, "data-col": i, "data-value": size(one) }));
      if (i === s.model - 1) svg.append(el("circle", { ...place, r: 8, class: "lf-ring" }));
    });
    // The nearest dot, in pixels.
    onDrag(plots, (event) => {
      const box = svg.getBoundingClientRect();
      const [px, py] = [x(at(event)), event.clientY - box.top];
      const far = (one) => (size(one) ? Math.hypot(x(one.year) - px, y(Math.log10(size(one))) - py) : Infinity);
      const distances = models.map(far);
      set("model")(distances.indexOf(Math.min(...distances)) + 1);
    });
    plots.replaceChildren(svg);
  }

  function render() {
    for (const [key, control] of Object.entries({ ...dials, axis })) control.put(s[key]);
    const now = fit();
    if (plots.width) paint(now);
    const one = models[s.model - 1];
    const value = size(one);
    const parts = [];
    if (now.line) {
      const words = { months: digits(Math.abs(now.months)), factor: digits(10 ** now.b), n: now.n };
      parts.push(el("b", {}, now.b > 0 ? say("doubles", words) : say("halves", words)));
    } else parts.push(say("few", { n: now.n }));
    parts.push(el("br"), say("here", { name: one.name, year: Math.floor(one.year) }), " ");
    let off = "";
    if (value) {
      parts.push(strong(digits(value)), " ", QUANTITIES[s.axis], ". ");
      if (now.line) {
        off = Math.log10(value) - now.line(one.year);
        const times = digits(10 ** Math.abs(off));
        parts.push(off < 0 ? say("under", { times }) : say("over", { times }), " ");
      }
    } else parts.push(QUANTITIES[s.axis] + ": " + L.unknown, " ");
    parts.push(el("span", { class: "lf-note" }, one.source));
    result.put(parts, "months", now.line ? now.months : "");
    Object.assign(result.dataset, { n: now.n, slope: now.line ? now.b : "", off, size: value || "", model: s.model });
  }

  render();
  whenSized(plots, render);
  return [
    div("lf-bar", axis, button(L.reset, () => {
      reset();
      render();
    })),
    div("lf-bar", dials.start, dials.stop),
    plots,
    dials.model,
    result,
    note(L.hint),
  ];
}
