// The law of the coverage: that of the k-th smallest of n uniform numbers.

const HEIGHT = 260;
const FROM = 0.4;
const STEPS = 300;

const LOG_FACTORIAL = [0];
for (let i = 1; i <= LIMITS.n[1]; i++) LOG_FACTORIAL.push(LOG_FACTORIAL[i - 1] + Math.log(i));
const logWays = (n, k) => LOG_FACTORIAL[n] - LOG_FACTORIAL[k] - LOG_FACTORIAL[n - k];

const rank = (s) => Math.ceil(s.promise * (s.n + 1) - 1e-9);

const density = (n, k, c) => k * Math.exp(logWays(n, k) + (k - 1) * Math.log(c) + (n - k) * Math.log1p(-c));

// The chance of a coverage below c: that k or more of n lie in the lowest share c.
function below(n, k, c) {
  const terms = [];
  for (let i = k; i <= n; i++) terms.push(Math.exp(logWays(n, i) + i * Math.log(c) + (n - i) * Math.log1p(-c)));
  return sum(terms);
}

function draw() {
  let s;
  const reset = () => { s = { n: D.n, promise: D.promise, floor: D.floor }; };
  reset();
  const result = resultBox();
  const set = (key) => (next) => {
    s[key] = next;
    render();
  };
  const percent = (value) => digits(100 * value) + " %";
  const dials = {};
  for (const key of ["n", "promise", "floor"]) dials[key] = dial(L[key], s[key], LIMITS[key], set(key), result.wrong);
  const plots = div("lf-plots");

  function paint() {
    const k = rank(s);
    const places = [];
    for (let i = 0; i <= STEPS; i++) places.push(FROM + (1 - 1e-9 - FROM) * i / STEPS);
    const heights = k > s.n ? places.map(() => 0) : places.map((c) => density(s.n, k, c));
    const top = Math.max(1, ...heights) * 1.05;
    const step = 10 ** Math.floor(Math.log10(top));
    const yTicks = {};
    for (let v = 0; v <= top; v += top / step > 4 ? 2 * step : step) yTicks[v] = digits(v);
    const xTicks = {};
    for (let i = 4; i <= 10; i++) xTicks[i / 10] = digits(i / 10);
    const { svg, x, y, at } = axes({ width: plots.width, height: HEIGHT, x: [FROM, 1], y: [0, top],
      xTicks, yTicks, xLabel: L.x_axis, yLabel: L.y_axis, title: L.plot });
    if (k <= s.n) {
      const point = (c, h) => x(c).toFixed(1) + " " + y(h).toFixed(1);
      const low = places.filter((c) => c < s.floor).concat(s.floor);
      svg.append(el("path", { d: "M" + point(FROM, 0) + low.map((c) => "L" + point(c, density(s.n, k, c))).join("")
        + "L" + point(s.floor, 0) + "Z", class: "lf-under" }));
      svg.append(el("path", { d: "M" + places.map((c, i) => point(c, heights[i])).join("L"), class: "lf-law" }));
      const mean = k / (s.n + 1);
      svg.append(el("line", { x1: x(mean), x2: x(mean), y1: y(0), y2: y(top), class: "lf-middle" }));
    }
    svg.append(el("line", { x1: x(s.promise), x2: x(s.promise), y1: y(0), y2: y(top), class: "lf-promised" }));
    onDrag(plots, (event) => set("floor")(clamp(Math.round(at(event) * 100) / 100, LIMITS.floor[0], LIMITS.floor[1])));
    plots.replaceChildren(svg);
  }

  function render() {
    for (const [key, control] of Object.entries(dials)) control.put(s[key]);
    if (plots.width) paint();
    const k = rank(s);
    const possible = k <= s.n;
    const least = Math.ceil(s.promise / (1 - s.promise) - 1e-9);
    const share = possible ? below(s.n, k, s.floor) : 0;
    const mean = possible ? k / (s.n + 1) : 1;
    const text = possible
      ? say("found", { k, n: s.n, mean: percent(mean), floor: percent(s.floor), below: percent(share) })
      : say("none", { n: s.n, promise: percent(s.promise), least });
    result.put([text], "below", share);
    Object.assign(result.dataset, { mean, k, least });
  }

  render();
  whenSized(plots, render);
  return [
    div("lf-bar", dials.n, dials.promise),
    div("lf-bar", dials.floor, button(L.reset, () => {
      reset();
      render();
    })),
    plots,
    result,
    note(L.hint),
  ];
}
