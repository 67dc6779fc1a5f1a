// Excess over learning rate for several widths; the rule moves each valley along the axis.

const HEIGHT = 300;

function draw() {
  const logs = D.rates.map(Math.log2);
  const [narrow, wide] = [D.widths[0], D.widths[D.widths.length - 1]];
  let s;
  const reset = () => { s = { sweep: D.sweep, power: D.power }; };
  reset();

  // log2 of the best rate of a row: the vertex of a parabola through the lowest run and its
  // neighbours, in logarithms; the run itself at an edge.
  function tip(row) {
    const i = row.indexOf(Math.min(...row));
    if (i === 0 || i === row.length - 1) return logs[i];
    const [left, low, right] = [row[i - 1], row[i], row[i + 1]].map(Math.log);
    return logs[i] - (left - right) / (left - 2 * low + right) / 2;
  }

  // The excess of a row at a rate between two that were tried.
  function at(row, rate) {
    const place = clamp(logs[0] - rate, 0, logs.length - 1);
    const i = Math.min(Math.floor(place), logs.length - 2);
    const [a, b] = [row[i], row[i + 1]].map(Math.log);
    return Math.exp(a + (place - i) * (b - a));
  }

  const result = resultBox();
  const set = (key) => (next) => {
    s[key] = next;
    render();
  };
  const names = Object.fromEntries(D.sweeps.map(([name], i) => [i + 1, name]));
  const sweep = choice(L.sweep, names, s.sweep, (next) => set("sweep")(Number(next)));
  const slider = dial(L.power, s.power, LIMITS.power, set("power"), result.wrong);
  const plots = div("lf-plots");
  const shift = (width) => s.power * Math.log2(width / narrow);

  function paint(rows) {
    const all = D.sweeps.flatMap(([, one]) => one.flat()).map(Math.log10);
    const [low, high] = [Math.min(...all) - 0.05, Math.max(...all) + 0.05];
    const yTicks = {};
    for (const tick of [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5]) {
      const y = Math.log10(tick);
      if (y >= low && y <= high) yTicks[y] = tick;
    }
    const [first, last] = [logs[logs.length - 1], logs[0] + LIMITS.power[1] * Math.log2(wide / narrow)];
    const xTicks = {};
    const every = Math.ceil((last - first + 1) * 48 / (plots.width - 60));
    for (let i = 0; logs[0] - i >= first - 1e-9; i += every) xTicks[logs[0] - i] = digits(2 ** (logs[0] - i));
    for (let i = every; logs[0] + i <= last; i += every) xTicks[logs[0] + i] = digits(2 ** (logs[0] + i));
    const { svg, x, y } = axes({ width: plots.width, height: HEIGHT, x: [first - 0.3, last + 0.3],
      y: [low, high], xTicks, yTicks, xLabel: say("x_axis", { width: narrow }), yLabel: L.y_axis,
      title: L.plot });
    rows.forEach((row, k) => {
      const points = row.map((value, i) => [x(logs[i] + shift(D.widths[k])), y(Math.log10(value))]);
      svg.append(el("path", { d: "M" + points.map((p) => p.join(" ")).join("L"),
        class: "lf-sweepline lf-sweepline-" + k }));
      points.forEach(([cx, cy], i) => svg.append(el("circle", { cx, cy, r: 3,
        class: "lf-sweepline-dot", "data-grid": "excess", "data-row": k, "data-col": i,
        "data-value": row[i] })));
      const best = tip(row);
      const [bx, by] = [x(best + shift(D.widths[k])), y(Math.log10(at(row, best)))];
      svg.append(el("path", { d: `M${bx - 6} ${by - 6}l12 12m0 -12l-12 12`, class: "lf-sweepline-tip" }));
    });
    plots.replaceChildren(svg);
  }

  function render() {
    slider.put(s.power);
    sweep.put(s.sweep);
    const rows = D.sweeps[s.sweep - 1][1];
    const tips = rows.map((row, k) => tip(row) + shift(D.widths[k]));
    const spread = Math.max(...tips) - Math.min(...tips);
    if (plots.width) paint(rows);
    const found = tip(rows[0]);
    const rate = found - shift(wide);
    const last = rows[rows.length - 1];
    const [excess, best] = [at(last, rate), Math.min(...last)];
    const beyond = rate > logs[0] + 1e-9 || rate < logs[logs.length - 1] - 1e-9;
    result.put([
      el("b", {}, say("spread", { factor: digits(2 ** spread) })), el("br"),
      say("carried", { narrow, found: digits(2 ** found), rate: digits(2 ** rate), wide,
        excess: digits(excess), best: digits(best) }),
      beyond ? " " + L.beyond : "",
    ], "spread", 2 ** spread);
    Object.assign(result.dataset, { rate: 2 ** rate, excess, best, beyond,
      tips: tips.map((t) => 2 ** t).join(" ") });
  }

  const legend = div("lf-bar", ...D.widths.map((width, k) => span("lf-note",
    el("svg", { width: 34, height: 10, "aria-hidden": "true" },
      el("path", { d: "M1 5L33 5", class: "lf-sweepline lf-sweepline-" + k })),
    " " + say("width", { width }))));
  render();
  whenSized(plots, render);
  return [
    div("lf-bar", sweep, button(L.reset, () => {
      reset();
      render();
    })),
    slider,
    plots,
    legend,
    result,
    note(L.hint),
  ];
}
