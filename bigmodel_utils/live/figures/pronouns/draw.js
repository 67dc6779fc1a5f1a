// Occupations by the log odds of two pronouns after one sentence, or after one against another.

const ROW = 15;
const HEIGHT = 380;
const LETTER = 6.6; // about the width of one, in pixels

// Ranks from 1 on; equal values share the mean of theirs.
const ranks = (values) => values.map((v) =>
  values.filter((w) => w < v).length + (values.filter((w) => w === v).length + 1) / 2);

// The correlation of the ranks, or null where all values of one list are equal.
function rankCorrelation(a, b) {
  const [p, q] = [a, b].map((values) => ranks(values).map((rank) => rank - (values.length + 1) / 2));
  const along = (s, t) => sum(s.map((v, i) => v * t[i]));
  const size = Math.sqrt(along(p, p) * along(q, q));
  return size ? along(p, q) / size : null;
}

function draw() {
  const n = D.occupations.length;
  const sentences = D.templates.map((text) => text.replace("{}", "___"));
  let s;
  const odds = (t) => D.log_odds[t - 1];
  // Occupations in the order of the first sentence, the highest log odds first.
  const order = () => odds(s.x).map((_, i) => i).sort((i, j) => odds(s.x)[j] - odds(s.x)[i] || i - j);
  const reset = () => {
    s = { x: D.x, y: D.y || 0, scale: D.relative ? "relative" : "plain" };
    s.one = order()[D.place - 1];
  };
  reset();
  const origin = (t) => (s.scale === "relative" ? D.neutral[t - 1] : 0);
  const shown = (t) => odds(t).map((v) => v - origin(t));
  const axisName = (side) => s.scale === "relative"
    ? (side === "x" ? L.x_relative : L.y_relative) : (side === "x" ? L.x_axis : L.y_axis);

  const result = resultBox();
  const set = (key, parse = String) => (next) => {
    s[key] = parse(next);
    render();
  };
  const named = (list) => Object.fromEntries(list.map((text, i) => [i + 1, text]));
  const controls = {
    x: choice(L.x, named(sentences), s.x, set("x", Number)),
    y: choice(L.y, { 0: L.alone, ...named(sentences) }, s.y, set("y", Number)),
    scale: toggle(L.scale, { plain: L.plain, relative: L.relative }, s.scale, set("scale")),
  };
  const place = dial(L.place, D.place, [LIMITS.place[0], n], (next) => set("one")(order()[next - 1]),
    result.wrong, (at) => D.occupations[order()[at - 1]]);
  place.classList.add("lf-wide");
  const plots = div("lf-plots");

  // The ends of an axis, its marks, and where the two lines are.
  function extent(t, room) {
    const lines = { even: -origin(t) || 0, person: D.neutral[t - 1] - origin(t) };
    const all = [...shown(t), ...Object.values(lines)];
    const [low, high] = [Math.min(...all), Math.max(...all)];
    const pad = (high - low) * 0.06 || 1;
    const step = [0.5, 1, 2, 5, 10, 20].find((size) => (high - low) / size * 34 <= room) || 50;
    const ticks = {};
    for (let k = Math.ceil((low - pad) / step); k * step <= high + pad; k++) ticks[k * step] = show(k * step);
    return { ends: [low - pad, high + pad], ticks, lines };
  }

  const dot = (i, cx, cy, values) => el("circle", { cx, cy, r: i === s.one ? 6 : 4,
    class: "lf-job" + (i === s.one ? " lf-picked" : ""), "data-col": i, ...values });
  const jobText = (i, x, y, anchor) => svgText(x, y, D.occupations[i], anchor, i === s.one ? "lf-job-name" : null);
  const mark = (t, kind, ends) => el("line", { ...ends, class: "lf-" + kind, "data-grid": kind, "data-row": 0,
    "data-col": t - 1, "data-value": kind === "person" ? D.neutral[t - 1] - origin(t) : -origin(t) || 0 });

  function inOrder() {
    const { width } = plots;
    const left = 24 + LETTER * Math.max(...D.occupations.map((name) => name.length));
    const height = n * ROW + 44;
    const bottom = height - 38;
    const { ends: [low, high], ticks, lines } = extent(s.x, width - left);
    const x = (value) => left + 8 + (width - left - 40) * (value - low) / (high - low);
    const svg = el("svg", { width, height, class: "lf-plot", role: "img", "aria-label": L.dots });
    for (const [at, text] of Object.entries(ticks)) {
      svg.append(el("line", { x1: x(at), x2: x(at), y1: bottom, y2: bottom + 4, class: "lf-axis" }),
        svgText(x(at), bottom + 17, text, "middle"));
    }
    svg.append(el("line", { x1: left, x2: width - 4, y1: bottom, y2: bottom, class: "lf-axis" }),
      svgText(width - 4, height - 4, axisName("x"), "end")); // the longer name needs the room
    for (const [kind, at] of Object.entries(lines)) svg.append(mark(s.x, kind, { x1: x(at), x2: x(at), y1: 2, y2: bottom }));
    const values = shown(s.x);
    order().forEach((i, row) => {
      const y = 4 + ROW * (row + 0.5);
      svg.append(el("line", { x1: left, x2: width - 4, y1: y, y2: y, class: "lf-rule" }), jobText(i, left - 6, y + 4, "end"),
        dot(i, x(values[i]), y, { "data-grid": "x", "data-row": 0, "data-value": values[i] }));
    });
    onDrag(plots, (event) => {
      const row = Math.floor((event.clientY - svg.getBoundingClientRect().top - 4) / ROW);
      set("one", Number)(order()[clamp(row, 0, n - 1)]);
    });
    plots.replaceChildren(svg);
  }

  function against() {
    const { width } = plots;
    const [across, up] = [extent(s.x, width - 54), extent(s.y, HEIGHT)];
    const { svg, x, y } = axes({ width, height: HEIGHT, x: across.ends, y: up.ends, xTicks: across.ticks, yTicks: up.ticks,
      xLabel: axisName("x"), yLabel: axisName("y"), title: L.scatter });
    for (const kind of ["even", "person"]) {
      const [px, py] = [x(across.lines[kind]), y(up.lines[kind])];
      svg.append(mark(s.x, kind, { x1: px, x2: px, y1: y(up.ends[0]), y2: y(up.ends[1]) }),
        mark(s.y, kind, { x1: x(across.ends[0]), x2: x(across.ends[1]), y1: py, y2: py }));
    }
    const [a, b] = [shown(s.x), shown(s.y)];
    const spots = a.map((v, i) => [x(v), y(b[i])]);
    // Names where there is room, the chosen one first and always.
    const taken = spots.map(([cx, cy]) => [cx - 5, cx + 5, cy - 5, cy + 5]);
    const free = (box, own) => taken.every((other, j) =>
      j === own || box[1] < other[0] || box[0] > other[1] || box[3] < other[2] || box[2] > other[3]);
    for (const i of [s.one, ...order().filter((one) => one !== s.one)]) {
      const [cx, cy] = spots[i];
      const long = D.occupations[i].length * LETTER;
      const sides = [[cx + 9, cx + 9 + long], [cx - 9 - long, cx - 9]]
        .filter(([from, to]) => from > 46 && to < width - 4);
      const found = sides.find((side) => free([...side, cy - 6, cy + 6], i)) || (i === s.one && sides[0]);
      if (found) {
        taken.push([...found, cy - 6, cy + 6]);
        svg.append(found[0] > cx ? jobText(i, found[0], cy + 4, "start") : jobText(i, found[1], cy + 4, "end"));
      }
    }
    svg.append(...order().map((i) => dot(i, ...spots[i], { "data-grid": "x", "data-row": 0, "data-value": a[i], "data-y": b[i] })));
    onDrag(plots, (event) => {
      const box = svg.getBoundingClientRect();
      const far = spots.map(([cx, cy]) => Math.hypot(cx - event.clientX + box.left, cy - event.clientY + box.top));
      set("one", Number)(far.indexOf(Math.min(...far)));
    });
    plots.replaceChildren(svg);
  }

  function render() {
    s.one = Number(s.one);
    for (const [key, control] of Object.entries(controls)) control.put(s[key]);
    const at = order().indexOf(s.one) + 1;
    place.put(at);
    if (plots.width) (s.y ? against : inOrder)();
    const share = (t) => 1 / (1 + Math.exp(-odds(t)[s.one]));
    const told = (t) => {
      const words = { sentence: sentences[t - 1], odds: digits(odds(t)[s.one]), share: digits(share(t)),
        neutral: digits(D.neutral[t - 1]), above: digits(shown(t)[s.one]) };
      return s.scale === "relative" ? say("above", words) : say("odds", words);
    };
    const parts = [el("b", {}, say("here", { name: D.occupations[s.one], place: at, n })), el("br"), told(s.x)];
    const r = s.y ? rankCorrelation(shown(s.x), shown(s.y)) : null;
    if (s.y) {
      parts.push(el("br"), told(s.y), el("br"),
        el("b", {}, r === null ? L.level : say("ranks", { n, r: show(r) })));
    }
    result.put(parts, "odds", shown(s.x)[s.one]);
    Object.assign(result.dataset, { one: s.one, place: at, share: share(s.x), y: s.y ? shown(s.y)[s.one] : "",
      shareY: s.y ? share(s.y) : "", ranks: r === null ? "" : r });
  }

  render();
  whenSized(plots, render);
  return [
    div("lf-bar", controls.x, controls.y),
    div("lf-bar", controls.scale, button(L.reset, () => {
      reset();
      render();
    })),
    plots,
    place,
    result,
    note(L.hint),
  ];
}
