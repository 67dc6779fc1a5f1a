// A graph of numbers. Steps compute the nodes forward, then the derivatives backward.

// The value of a node and its local derivatives.
const RULES = {
  add: (a, b) => [a + b, [1, 1]],
  sub: (a, b) => [a - b, [1, -1]],
  mul: (a, b) => [a * b, [b, a]],
  tanh: (a) => [Math.tanh(a), [1 - Math.tanh(a) ** 2]],
};
const SIGNS = { add: " + ", sub: " − ", mul: " × " };
const BAR = "\u0304";

function draw() {
  let s, graph, names, arrows;

  function load(preset, numbers, step) {
    graph = D.graphs[preset];
    names = [...Object.keys(graph.inputs), ...graph.nodes.map(([name]) => name)];
    arrows = graph.nodes.flatMap(([to, , parents]) => parents.map((from, i) => ({ from, to, i })));
    s = { preset, numbers: { ...graph.inputs, ...numbers }, step };
  }
  load(D.preset, D.numbers, D.step);

  const ops = () => graph.nodes.length;
  const last = () => ops() + names.length;
  const lowest = LIMITS.step[0];

  // Everything, whatever the step: values, local derivatives, derivatives and paths.
  function run() {
    const value = { ...s.numbers };
    const local = {};
    for (const [name, op, parents] of graph.nodes) {
      [value[name], local[name]] = RULES[op](...parents.map((parent) => value[parent]));
    }
    const slope = Object.fromEntries(names.map((name) => [name, 0]));
    slope[names.at(-1)] = 1;
    for (const [name, , parents] of [...graph.nodes].reverse()) {
      parents.forEach((parent, i) => { slope[parent] += slope[name] * local[name][i]; });
    }
    const paths = (name) => (name === names.at(-1) ? [[]] : arrows.filter((one) => one.from === name)
      .flatMap((one) => paths(one.to).map((rest) => [local[one.to][one.i], ...rest])));
    return { value, local, slope, paths };
  }

  const result = resultBox();
  const drawing = el("div", { class: "lf-plots" });
  const presets = Object.fromEntries(Object.keys(D.graphs).map((key) => [key, L["preset_" + key]]));
  const which = choice(L.graph, presets, s.preset, (preset) => {
    load(preset, {}, lowest);
    dials();
    render();
  });
  const inputs = el("div", { class: "lf-inputs" });
  let knobs = {};
  function dials() {
    knobs = Object.fromEntries(Object.keys(graph.inputs).map((name) =>
      [name, dial(name, s.numbers[name], LIMITS.number, (next) => {
        s.numbers[name] = next;
        render();
      }, result.wrong)]));
    inputs.replaceChildren(...Object.values(knobs));
  }
  dials();
  const steps = stepper((to) => {
    s.step = clamp(to, lowest, last());
    render();
  });

  // Which node the step is about, and whether it goes backward.
  function now() {
    if (s.step <= ops()) return { back: false, name: s.step ? graph.nodes[s.step - 1][0] : null };
    return { back: true, name: [...names].reverse()[s.step - ops() - 1] };
  }
  const by = (value) => (value < 0 ? "(" + digits(value) + ")" : digits(value));

  function tell({ value, local, slope, paths }) {
    const { back, name } = now();
    if (!name) return result.put([L.begin], "", undefined);
    if (!back) {
      const [, op, parents] = graph.nodes[s.step - 1];
      const join = (words) => (op === "tanh" ? "tanh(" + words[0] + ")" : words.join(SIGNS[op]));
      const shown = op === "tanh" ? digits : by;
      const parts = parents.map((parent, i) =>
        term("∂" + name + "/∂" + parent + " = " + digits(local[name][i]) + (i + 1 < parents.length ? "," : ".")));
      return result.put([term(name + " = " + join(parents)), " ", term("= " + join(parents.map((p) => shown(value[p])))),
        " ", strong("= " + digits(value[name])), ". ", L.local, " ", ...parts.flatMap((one) => [one, " "])], name, value[name]);
    }
    const readers = arrows.filter((one) => one.from === name);
    const used = arrows.filter((one) => names.indexOf(one.from) >= names.indexOf(name)).length;
    const of = (list) => list.join(" + ") || "1";
    const sums = readers.map((one) => by(slope[one.to]) + "·" + by(local[one.to][one.i]));
    const all = paths(name);
    const products = all.map((path) => path.map(by).join("·") || "1");
    result.put([readers.length ? L.sum : L.seed, " ",
      term(name + BAR + " = " + (of(readers.map((one) => one.to + BAR + "·∂" + one.to + "/∂" + name)))), " ",
      ...(readers.length ? [term("= " + of(sums)), " "] : []), strong("= " + digits(slope[name])), ". ",
      ...(readers.length ? [say("paths", { n: all.length }), " ", ...products.flatMap((one, i) =>
        [term((i ? "+ " : "") + one), " "]), term("= " + digits(sum(all.map((path) => path.reduce((a, b) => a * b, 1))))), ". "] : []),
      say("used", { used, all: arrows.length })], name, slope[name]);
    result.dataset.paths = all.length;
    return null;
  }

  function paint({ value, local, slope }) {
    const width = drawing.width;
    const flat = width >= 560; // from left to right, else from top to bottom
    const places = Object.values(graph.places);
    const most = [0, 1].map((axis) => Math.max(...places.map((place) => place[axis])));
    const [boxWidth, boxHeight] = [78, 48];
    const [across, down] = flat ? [most[0], most[1]] : [most[1], most[0]];
    const height = down * (flat ? 84 : 96) + boxHeight + 20;
    const at = (name) => {
      const [column, row] = graph.places[name];
      const [x, y] = flat ? [column, row] : [row, column];
      return [boxWidth / 2 + 4 + (width - boxWidth - 8) * x / across, boxHeight / 2 + 10 + (height - boxHeight - 20) * y / down];
    };
    const { back, name: chosen } = now();
    const known = (name) => names.indexOf(name) < Object.keys(graph.inputs).length + s.step;
    const sloped = (name) => back && names.indexOf(name) >= names.indexOf(chosen);
    const svg = el("svg", { width, height, class: "lf-plot lf-graph", role: "img" });
    // Twin arrows between the same two nodes are bent to either side.
    for (const one of arrows) {
      const twins = arrows.filter((other) => other.from === one.from && other.to === one.to);
      const [[x1, y1], [x2, y2]] = [at(one.from), at(one.to)];
      const long = Math.hypot(x2 - x1, y2 - y1);
      const [ux, uy] = [(x2 - x1) / long, (y2 - y1) / long];
      const bend = twins.length > 1 ? (twins.indexOf(one) ? 1 : -1) * 26 : 0;
      // Where the arrow leaves and meets the boxes.
      const gap = Math.min(boxWidth / 2 / Math.abs(ux || 1e-9), boxHeight / 2 / Math.abs(uy || 1e-9)) + 3;
      const [ax, ay, bx, by1] = [x1 + ux * gap, y1 + uy * gap, x2 - ux * (gap + 7), y2 - uy * (gap + 7)];
      const [mx, my] = [(ax + bx) / 2 - uy * bend, (ay + by1) / 2 + ux * bend];
      const active = chosen && (back ? one.from === chosen : one.to === chosen);
      const kind = "lf-wire" + (active ? (back ? " lf-back" : " lf-on") : "");
      svg.append(el("path", { d: `M${ax} ${ay}Q${mx} ${my} ${bx} ${by1}`, class: kind }));
      const [tx, ty] = bend ? [(bx - mx), (by1 - my)] : [ux, uy];
      const size = Math.hypot(tx, ty);
      const [dx, dy] = [tx / size, ty / size];
      svg.append(el("path", { class: kind + " lf-barb",
        d: `M${bx + dx * 7} ${by1 + dy * 7}L${bx - dy * 4.5} ${by1 + dx * 4.5}L${bx + dy * 4.5} ${by1 - dx * 4.5}Z` }));
      if (!known(one.to)) continue;
      const side = (bend ? Math.sign(bend) * 0.5 * Math.abs(bend) + Math.sign(bend) * 10 : uy > 0.2 ? -11 : 11);
      const slide = bend ? 0.5 : 0.42;
      const label = svgText(ax + (bx - ax) * slide - uy * side, ay + (by1 - ay) * slide + ux * side + 4,
        digits(local[one.to][one.i]), "middle", active ? "lf-here" : null);
      label.dataset.from = one.from;
      label.dataset.to = one.to;
      label.dataset.value = local[one.to][one.i];
      svg.append(label);
    }
    const told = [];
    for (const name of names) {
      const [x, y] = at(name);
      const kind = "lf-node" + (name === chosen ? (back ? " lf-back" : " lf-on") : "") + (known(name) ? "" : " lf-later");
      const box = el("g", { class: kind, "data-node": name },
        el("rect", { x: x - boxWidth / 2, y: y - boxHeight / 2, width: boxWidth, height: boxHeight, rx: 7 }),
        svgText(x, y - 4 + (sloped(name) ? 0 : 8), known(name) ? name + " = " + digits(value[name]) : name, "middle", "lf-number"));
      if (known(name)) {
        box.dataset.value = value[name];
        told.push(say("place", { name, value: digits(value[name]) }));
      }
      if (sloped(name)) {
        box.append(svgText(x, y + 15, name + BAR + " = " + digits(slope[name]), "middle", "lf-slope"));
        box.dataset.slope = slope[name];
        told.push(say("slope", { value: digits(slope[name]) }));
      }
      svg.append(box);
    }
    svg.setAttribute("aria-label", say("drawing", { step: s.step, steps: last() }) + " " + told.join(", "));
    drawing.replaceChildren(svg);
  }

  function render() {
    s.step = clamp(s.step, lowest, last());
    const all = run();
    which.put(s.preset);
    for (const [name, knob] of Object.entries(knobs)) knob.put(s.numbers[name]);
    steps.put(s.step, [lowest, last()], 1, say("drawing", { step: s.step, steps: last() }));
    if (drawing.width) paint(all);
    tell(all);
    result.dataset.step = s.step;
  }

  render();
  whenSized(drawing, render);
  return [
    div("lf-bar", which, steps, button(L.reset, () => {
      load(D.preset, D.numbers, D.step);
      dials();
      render();
    })),
    drawing,
    inputs,
    result,
    note(L.hint),
  ];
}
