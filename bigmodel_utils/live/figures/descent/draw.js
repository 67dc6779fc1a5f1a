// A valley with curvatures 1 and kappa, and the path of an optimiser from one point of it.

const METHODS = { gradient: L.gradient, momentum: L.momentum, nesterov: L.nesterov, adam: L.adam, sign: L.sign };
const START = [-1, 0.25];
const STEPS = 60;
const LONG = 4000;  // the factor is measured over so many steps, after as many
const EDGE = 1.15;
const HEIGHT = 300;

function draw() {
  let s;
  const reset = () => { s = { method: D.method, kappa: D.kappa, rate: D.rate, beta: D.beta }; };
  reset();
  const linear = () => s.method !== "adam" && s.method !== "sign";
  const beta = () => (s.method === "gradient" ? 0 : s.beta);

  // One step of a walk: theta and the memories v and q, a number for each of the two directions.
  function step(walk, k) {
    const lr = s.rate / s.kappa;
    [1, s.kappa].forEach((h, i) => {
      const g = h * walk.theta[i];
      if (s.method === "sign") walk.theta[i] -= lr * Math.sign(g);
      else if (s.method === "adam") {
        walk.v[i] = s.beta * walk.v[i] + (1 - s.beta) * g;
        walk.q[i] = 0.999 * walk.q[i] + 0.001 * g * g;
        const root = Math.sqrt(walk.q[i] / (1 - 0.999 ** k)) + 1e-8;
        walk.theta[i] -= lr * walk.v[i] / (1 - s.beta ** k) / root;
      } else {
        walk.v[i] = beta() * walk.v[i] + g;
        walk.theta[i] -= lr * (s.method === "nesterov" ? g + s.beta * walk.v[i] : walk.v[i]);
      }
    });
  }
  const fresh = () => ({ theta: START.slice(), v: [0, 0], q: [0, 0] });

  function path() {
    const walk = fresh();
    const points = [walk.theta.slice()];
    for (let k = 1; k <= STEPS; k++) {
      step(walk, k);
      points.push(walk.theta.slice());
    }
    return points;
  }

  // Linear methods: scaled back to size 1 after every step, with the logarithm kept.
  function factor() {
    const walk = fresh();
    let [log, half] = [0, 0];
    for (let k = 1; k <= 2 * LONG; k++) {
      step(walk, k);
      const size = Math.hypot(...walk.theta, ...walk.v.map((v) => v * s.rate / s.kappa));
      if (!size) return 0;
      log += Math.log(size);
      for (const part of [walk.theta, walk.v]) part.forEach((value, i) => { part[i] = value / size; });
      if (k === LONG) half = log;
    }
    return Math.exp((log - half) / LONG);
  }

  // The larger root of the recursion, of the slower direction.
  function formula() {
    const b0 = beta();
    return Math.max(...[1, s.kappa].map((h) => {
      const x = 1 - s.rate * h / s.kappa;
      const [b, c] = s.method === "nesterov" ? [(1 + b0) * x, b0 * x] : [x + b0, b0];
      const inside = b * b - 4 * c;
      return inside < 0 ? Math.sqrt(c) : (Math.abs(b) + Math.sqrt(inside)) / 2;
    }));
  }

  function best() {
    const root = Math.sqrt(s.kappa);
    const pace = (root - 1) / (root + 1);
    const [rate, momentum] = {
      gradient: [2 * s.kappa / (1 + s.kappa), s.beta],
      momentum: [4 * s.kappa / (1 + root) ** 2, pace ** 2],
      nesterov: [1, pace],
      adam: [s.rate, s.beta],
      sign: [s.rate, s.beta],
    }[s.method];
    s.rate = clamp(rate, LIMITS.rate[0], LIMITS.rate[1]);
    s.beta = clamp(momentum, 0, LIMITS.beta[1]);
    render();
  }

  const result = resultBox();
  const set = (key) => (next) => {
    s[key] = next;
    render();
  };
  const method = choice(L.method, METHODS, s.method, set("method"));
  const dials = {
    kappa: dial(L.kappa, s.kappa, LIMITS.kappa, set("kappa"), result.wrong),
    rate: dial(L.rate, s.rate, LIMITS.rate, set("rate"), result.wrong, digits),
    beta: dial(L.beta, s.beta, LIMITS.beta, set("beta"), result.wrong, digits),
  };
  const plots = div("lf-plots");

  function paint(points) {
    const ticks = { "-1": "−1", 0: "0", 1: "1" };
    const { svg, x, y } = axes({ width: plots.width, height: HEIGHT, x: [-EDGE, EDGE], y: [-EDGE, EDGE],
      xTicks: ticks, yTicks: ticks, xLabel: L.x_axis, yLabel: L.y_axis, title: L.plot });
    for (const wide of [0.25, 0.5, 0.75, 1]) {
      const parts = [];
      for (let i = 0; i <= 60; i++) {
        const turn = i / 60 * 2 * Math.PI;
        parts.push((i ? "L" : "M") + x(wide * Math.cos(turn)) + " " + y(wide * Math.sin(turn) / Math.sqrt(s.kappa)));
      }
      svg.append(el("path", { d: parts.join(""), class: "lf-level" }));
    }
    // Up to where it leaves the picture.
    const out = points.findIndex((point) => !(Math.max(...point.map(Math.abs)) <= EDGE));
    const seen = out < 0 ? points : points.slice(0, out);
    svg.append(el("path", { d: seen.map((p, i) => (i ? "L" : "M") + x(p[0]) + " " + y(p[1])).join(""), class: "lf-walk" }));
    seen.forEach((p, k) => svg.append(el("circle", { cx: x(p[0]), cy: y(p[1]), r: k ? 2.5 : 5, class: "lf-spot",
      "data-grid": "path", "data-row": 0, "data-col": k, "data-value": p[0], "data-across": p[1] })));
    plots.replaceChildren(svg);
  }

  function render() {
    method.put(s.method);
    for (const [key, control] of Object.entries(dials)) control.put(s[key]);
    const points = path();
    if (plots.width) paint(points);
    const error = Math.hypot(...points[STEPS]);
    const left = say("left", { steps: STEPS, error: digits(error) });
    if (linear()) {
      const [measured, says] = [factor(), formula()];
      const words = { measured: digits(measured) };
      result.put([el("b", {}, measured > 1 ? say("grows", words) : say("shrinks", words)), " ",
        strong(say("formula", { formula: digits(says) })), el("br"), left], "factor", measured);
      result.dataset.formula = says;
    } else {
      result.put([el("b", {}, left), el("br"), L.no_formula], "error", error);
      result.dataset.formula = "";
    }
    result.dataset.error = error;
  }

  render();
  whenSized(plots, render);
  return [
    div("lf-bar", method, button(L.best, best), button(L.reset, () => {
      reset();
      render();
    })),
    div("lf-bar", dials.kappa, dials.rate, dials.beta),
    plots,
    result,
    note(L.hint),
  ];
}
