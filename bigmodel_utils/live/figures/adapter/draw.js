// Numbers trained and bytes kept by full fine-tuning and by LoRA, in float32 with Adam.

const HEIGHT = 130;
const KINDS = ["weights", "gradients", "adam"];

function draw() {
  let s;
  const reset = () => { s = { inputs: D.inputs, outputs: D.outputs, layers: D.layers, rank: D.rank }; };
  reset();
  const result = resultBox();
  const set = (key) => (next) => {
    s[key] = next;
    render();
  };
  const dials = {};
  for (const key of Object.keys(s)) dials[key] = dial(L[key], s[key], LIMITS[key], set(key), result.wrong);
  const plots = div("lf-plots");
  // On a narrow screen the table scrolls; arrow keys reach it.
  const table = el("div", { class: "lf-scroll", tabindex: 0, role: "group", "aria-label": L.table });

  function counted() {
    const whole = s.layers * s.inputs * s.outputs;
    const few = s.layers * s.rank * (s.inputs + s.outputs);
    const row = (way, trained, weights) =>
      ({ way, trained, weights: 4 * weights, gradients: 4 * trained, adam: 8 * trained,
        total: 4 * weights + 12 * trained });
    return [row("full", whole, whole), row("lora", few, whole + few), row("merged", 0, whole)];
  }

  function paint(rows) {
    const most = Math.max(rows[0].total, rows[1].total) / 1e9;
    const step = 10 ** Math.floor(Math.log10(most));
    const xTicks = {};
    for (let v = 0; v <= most; v += most / step > 4 ? 2 * step : step) xTicks[v] = digits(v);
    const { svg, x } = axes({ width: plots.width, height: HEIGHT, x: [0, most * 1.02], y: [0, 2],
      xTicks, yTicks: {}, xLabel: L.x_axis, yLabel: L.full + " / " + L.lora, title: L.plot });
    rows.slice(0, 2).forEach((row, i) => {
      let from = 0;
      for (const kind of KINDS) {
        const to = from + row[kind] / 1e9;
        svg.append(el("rect", { x: x(from), width: x(to) - x(from), y: 28 + 34 * i, height: 26,
          class: "lf-adapter-" + kind, "data-grid": "bar", "data-row": i, "data-col": KINDS.indexOf(kind),
          "data-value": row[kind] }));
        from = to;
      }
    });
    plots.replaceChildren(svg);
  }

  function fill(rows) {
    const columns = ["trained", ...KINDS, "total"];
    const heads = [L.head_way, L.head_trained, L.head_weights, L.head_gradients, L.head_adam, L.head_total];
    const head = el("tr", {}, ...heads.map((text) => el("th", { scope: "col" }, text)));
    const ways = { full: L.full, lora: L.lora, merged: L.merged };
    const lines = rows.map((row, i) => el("tr", {}, el("th", { scope: "row" }, ways[row.way]),
      ...columns.map((key, j) => el("td", { "data-grid": "cost", "data-row": i, "data-col": j,
        "data-value": row[key] }, digits(row[key])))));
    table.replaceChildren(el("table", { class: "lf-adapter-table" }, el("thead", {}, head), el("tbody", {}, ...lines)));
  }

  function render() {
    for (const [key, control] of Object.entries(dials)) control.put(s[key]);
    const rows = counted();
    if (plots.width) paint(rows);
    fill(rows);
    const [whole, few] = rows;
    const most = Math.min(s.inputs, s.outputs);
    const even = s.inputs * s.outputs / (s.inputs + s.outputs);
    const share = few.trained / whole.trained;
    const memory = few.total / whole.total;
    const told = { rank: s.rank, share: digits(100 * share), memory: digits(100 * memory) };
    const second = s.rank > most ? say("cannot", { rank: most }) : say("break", { rank: Math.ceil(even) });
    result.put([el("b", {}, say("says", told)), " ", second], "share", share);
    Object.assign(result.dataset, { memory, even });
  }

  render();
  whenSized(plots, render);
  return [
    div("lf-bar", dials.inputs, dials.outputs),
    div("lf-bar", dials.layers, dials.rank, button(L.reset, () => {
      reset();
      render();
    })),
    plots,
    table,
    result,
    note(L.hint),
  ];
}
