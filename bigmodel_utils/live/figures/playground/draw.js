// A network with one hidden layer, trained step by step on points of the plane.

const SPAN = 1.75; // the plane reaches from -SPAN to SPAN
const CELLS = 32;
const MOST = 20000; // steps of one run
const BENDS = {
  tanh: [Math.tanh, (h) => 1 - h * h],
  relu: [(a) => Math.max(0, a), (h) => (h > 0 ? 1 : 0)],
};

function draw() {
  let s, points, net, losses, running;

  function begin() {
    running = false;
    points = D.points[s.set];
    const next = randoms(s.seed * 7919);
    next(3);
    // A unit is [weight across, weight up, bias, weight of the output]; then the output's bias.
    net = { units: Array.from({ length: s.width }, () => next(4).map((v, i) => v * [2, 2, 1, 1][i])), bias: 0 };
    losses = [look().loss];
  }
  const outputs = (x, y) => {
    const hidden = net.units.map(([a, b, c]) => BENDS[s.activation][0](a * x + b * y + c));
    return [hidden, sum(hidden.map((h, i) => h * net.units[i][3])) + net.bias];
  };

  // The loss (mean cross-entropy), its gradient, and how many points are right.
  function look() {
    const grad = { units: net.units.map(() => [0, 0, 0, 0]), bias: 0 };
    let [loss, right] = [0, 0];
    for (const [x, y, t] of points) {
      const [hidden, z] = outputs(x, y);
      loss += (Math.max(z, 0) - z * t + Math.log1p(Math.exp(-Math.abs(z)))) / points.length;
      right += z > 0 === t > 0.5;
      const g = (1 / (1 + Math.exp(-z)) - t) / points.length; // predicted less observed
      grad.bias += g;
      net.units.forEach((unit, i) => {
        const back = g * unit[3] * BENDS[s.activation][1](hidden[i]);
        [back * x, back * y, back, g * hidden[i]].forEach((v, k) => { grad.units[i][k] += v; });
      });
    }
    return { loss, grad, right };
  }

  function step(count) {
    for (let n = 0; n < count && losses.length <= MOST; n++) {
      const { grad } = look();
      net.units.forEach((unit, i) => unit.forEach((_, k) => { unit[k] -= s.rate * grad.units[i][k]; }));
      net.bias -= s.rate * grad.bias;
      losses.push(look().loss);
    }
  }

  s = { ...D };
  begin();
  const result = resultBox();
  const set = (key) => (next) => {
    s[key] = next;
    if (key !== "rate") begin();
    render();
  };
  const sets = choice(L.set, Object.fromEntries(Object.keys(D.points).map((key) => [key, L["preset_" + key]])), s.set, set("set"));
  const bends = toggle(L.activation, { tanh: L.tanh, relu: L.relu }, s.activation, set("activation"));
  const knobs = ["width", "rate", "seed"].map((key) => dial(L[key], s[key], LIMITS[key], set(key), result.wrong));
  const by = (count) => () => {
    running = false;
    step(count);
    render();
  };
  const go = button(L.run, () => {
    running = !running;
    if (running) requestAnimationFrame(turn);
    render();
  });
  function turn() {
    if (!running || !go.isConnected) return;
    step(5);
    if (losses.length > MOST || !Number.isFinite(losses.at(-1))) running = false;
    render();
    if (running) requestAnimationFrame(turn);
  }

  const plane = el("div", { class: "lf-board" });
  const curve = el("div", { class: "lf-plots" });

  const cells = Array.from({ length: CELLS * CELLS }, (_, n) =>
    el("rect", { x: n % CELLS, y: Math.floor(n / CELLS), width: 1, height: 1 }));
  const place = (value) => (value + SPAN) / (2 * SPAN) * CELLS;
  const marks = el("g", {});
  const lines = el("g", {});
  const map = el("svg", { viewBox: `0 0 ${CELLS} ${CELLS}`, class: "lf-map", role: "img" }, el("g", {}, ...cells), lines, marks);
  plane.append(map);

  function paint(now) {
    cells.forEach((cell, n) => {
      const at = (k) => ((k + 0.5) / CELLS * 2 - 1) * SPAN;
      const [, z] = outputs(at(n % CELLS), -at(Math.floor(n / CELLS)));
      cell.setAttribute("class", z > 0 ? "lf-one" : "lf-zero");
      cell.setAttribute("fill-opacity", (Math.abs(1 / (1 + Math.exp(-z)) - 0.5) * 1.1 || 0).toFixed(3));
    });
    marks.replaceChildren(...points.map(([x, y, t]) => {
      const [cx, cy] = [place(x), place(-y)];
      return t ? el("rect", { x: cx - 0.45, y: cy - 0.45, width: 0.9, height: 0.9, class: "lf-one lf-point" })
        : el("circle", { cx, cy, r: 0.52, class: "lf-zero lf-point" });
    }));
    // Where a x + b y + c = 0, through the foot of the perpendicular from the middle.
    lines.replaceChildren(...net.units.flatMap(([a, b, c]) => {
      const size = a * a + b * b;
      if (!(size > 1e-12) || !Number.isFinite(c)) return [];
      const [px, py] = [-a * c / size, -b * c / size];
      // Only what lies inside the square: from s to t, in steps of (b, -a).
      let [s, t] = [-Infinity, Infinity];
      for (const [p, d] of [[px, b], [py, -a]]) {
        const ends = [(-SPAN - p) / d, (SPAN - p) / d].sort((m, n) => m - n);
        if (d) [s, t] = [Math.max(s, ends[0]), Math.min(t, ends[1])];
        else if (Math.abs(p) > SPAN) return [];
      }
      if (s >= t) return [];
      return [el("line", { x1: place(px + b * s), y1: place(-(py - a * s)), x2: place(px + b * t),
        y2: place(-(py - a * t)), class: "lf-zero-line" })];
    }));
    map.setAttribute("aria-label", say("plane", { step: losses.length - 1, right: now.right, all: points.length }));
    if (!curve.width) return;
    const finite = losses.filter(Number.isFinite);
    const top = Math.max(0.8, Math.ceil(Math.max(...finite) * 10) / 10);
    const end = Math.max(10, losses.length - 1);
    const { svg, x, y } = axes({ width: curve.width, height: 170, x: [0, end], y: [0, top], xTicks: { 0: 0, [end]: end },
      yTicks: Object.fromEntries([0, top / 2, top].map((v) => [v, show(v)])), xLabel: L.x_axis, yLabel: L.y_axis, title: L.curve });
    const skip = Math.ceil(finite.length / 400);
    const kept = finite.map((v, n) => [n, v]).filter(([n]) => n % skip === 0 || n === finite.length - 1);
    svg.append(el("path", { d: "M" + kept.map(([n, v]) => x(n).toFixed(1) + " " + y(v).toFixed(1)).join("L"), class: "lf-curve" }));
    curve.replaceChildren(svg);
  }

  function render() {
    const now = look();
    sets.put(s.set);
    bends.put(s.activation);
    knobs.forEach((knob, i) => knob.put(s[["width", "rate", "seed"][i]]));
    go.textContent = running ? L.pause : L.run;
    const flat = (one) => [...one.units.flat(), one.bias];
    const size = Math.hypot(...flat(now.grad));
    result.setAttribute("aria-live", running ? "off" : "polite");
    const number = (name, value) => [term(name + " = "), strong(digits(value))];
    if (Number.isFinite(now.loss)) {
      result.put([say("state", { step: losses.length - 1 }), " ", ...number(L.loss, now.loss), ", ", ...number(L.gradient, size), ". ",
        say("right", { right: now.right, all: points.length })], "loss", now.loss);
    } else result.wrong(L.diverged);
    Object.assign(result.dataset, { step: losses.length - 1, right: now.right, weights: JSON.stringify(flat(net)),
      gradient: JSON.stringify(flat(now.grad)), losses: JSON.stringify(losses.slice(-11)) });
    paint(now);
  }

  render();
  whenSized(curve, render);
  return [
    div("lf-bar", sets, bends, div("lf-toggle", button(L.one, by(1)), button(L.ten, by(10)), go,
      button(L.reset, () => {
        begin();
        render();
      }))),
    div("lf-stage", plane, div("lf-panel", ...knobs, curve)),
    result,
    note(L.hint),
  ];
}
