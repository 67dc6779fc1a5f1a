// A tent on the interval from 0 to 1, applied again and again: pieces counted exactly, beside the
// least-squares fit of a network with one hidden layer whose corners stand at equal distances.

const PLACES = 4096; // of the fit and of the mean error
const SMALL = 190; // height of the tent's plot
const LARGE = 230;

function draw() {
  let s;
  const reset = () => { s = { ...D }; };
  reset();

  const tent = (y) => s.height * (y < s.tip ? y / s.tip : (1 - y) / (1 - s.tip));

  // The corners of the composed map, [x, y] each. A straight side is cut where it passes the tip.
  function compose() {
    let corners = [[0, 0], [1, 1]];
    for (let fold = 0; fold < s.folds; fold++) {
      const cut = [corners[0]];
      for (let i = 1; i < corners.length; i++) {
        const [[a, from], [b, to]] = [corners[i - 1], corners[i]];
        if ((from - s.tip) * (to - s.tip) < 0) cut.push([a + (b - a) * (s.tip - from) / (to - from), s.tip]);
        cut.push(corners[i]);
      }
      corners = cut.map(([x, y]) => [x, tent(y)]);
    }
    return corners;
  }

  function folded(x) {
    for (let fold = 0; fold < s.folds; fold++) x = tent(x);
    return x;
  }

  // Heights at the corners 0, 1 / units, ..., 1: a tridiagonal system of hats. With output bias
  // and a unit looking right from each corner but the last, these are all functions of one layer.
  function fit() {
    const n = s.units;
    const [diagonal, beside, right] = [Array(n + 1).fill(0), Array(n).fill(0), Array(n + 1).fill(0)];
    const values = [];
    for (let i = 0; i < PLACES; i++) {
      const x = (i + 0.5) / PLACES;
      const cell = Math.min(n - 1, Math.floor(x * n));
      const share = x * n - cell;
      const y = folded(x);
      values.push([cell, share, y]);
      diagonal[cell] += (1 - share) ** 2;
      diagonal[cell + 1] += share ** 2;
      beside[cell] += share * (1 - share);
      right[cell] += (1 - share) * y;
      right[cell + 1] += share * y;
    }
    for (let i = 1; i <= n; i++) {
      const times = beside[i - 1] / diagonal[i - 1];
      diagonal[i] -= times * beside[i - 1];
      right[i] -= times * right[i - 1];
    }
    const heights = Array(n + 1);
    for (let i = n; i >= 0; i--) heights[i] = (right[i] - (i < n ? beside[i] * heights[i + 1] : 0)) / diagonal[i];
    const off = values.map(([cell, share, y]) => Math.abs(heights[cell] * (1 - share) + heights[cell + 1] * share - y));
    return { heights, error: sum(off) / PLACES };
  }

  const result = resultBox();
  const set = (key) => (next) => {
    s[key] = next;
    render();
  };
  const dials = Object.fromEntries(["tip", "height", "folds", "units"].map((key) =>
    [key, dial(L[key], s[key], LIMITS[key], set(key), result.wrong)]));
  const tents = div("lf-plots lf-fold-tent");
  const plots = div("lf-plots");
  const path = (points, x, y) => "M" + points.map(([a, b]) => x(a).toFixed(2) + " " + y(b).toFixed(2)).join("L");
  const ticks = { 0: "0", 0.5: "0.5", 1: "1" };

  function paintTent() {
    const { svg, x, y, at } = axes({ width: Math.min(tents.width, 300), height: SMALL, x: [0, 1], y: [0, 1], xTicks: ticks,
      yTicks: ticks, xLabel: L.x_axis, yLabel: L.y_map, title: L.map });
    svg.append(
      el("path", { d: path([[0, 0], [1, 1]], x, y), class: "lf-fold-diagonal" }),
      el("path", { d: path([[0, 0], [s.tip, s.height], [1, 0]], x, y), class: "lf-fold-deep" }),
      el("circle", { cx: x(s.tip), cy: y(s.height), r: 7, class: "lf-fold-tip" }));
    const snapped = (value, [low, high]) => clamp(Math.round(value * 100) / 100, low, high);
    onDrag(tents, (event) => {
      const up = (event.clientY - svg.getBoundingClientRect().top - y(0)) / (y(1) - y(0));
      s.tip = snapped(at(event), LIMITS.tip);
      s.height = snapped(up, LIMITS.height);
      render();
    });
    tents.replaceChildren(svg);
  }

  function paint(corners, heights) {
    const [low, high] = [Math.min(0, ...heights), Math.max(1, ...heights)];
    const { svg, x, y } = axes({ width: plots.width, height: LARGE, x: [0, 1], y: [low, high], xTicks: ticks,
      yTicks: ticks, xLabel: L.x_axis, yLabel: L.y_deep, title: L.plot });
    const line = heights.map((height, i) => [i / s.units, height]);
    svg.append(
      el("path", { d: path(corners, x, y), class: "lf-fold-deep" }),
      el("path", { d: path(line, x, y), class: "lf-fold-shallow" }));
    plots.replaceChildren(svg);
  }

  function render() {
    for (const [key, control] of Object.entries(dials)) control.put(s[key]);
    const corners = compose();
    const { heights, error } = fit();
    if (tents.width) paintTent();
    if (plots.width) paint(corners, heights);
    const pieces = corners.length - 1;
    const known = s.tip === 0.5 && s.height === 1;
    const bound = known ? Math.max(0, 0.25 - s.units / 2 ** (s.folds + 1)) : "";
    result.put([
      say("deep", { layers: s.folds, units: 2 * s.folds, pieces }),
      el("br"), say("shallow", { units: s.units }), " ", strong(digits(error)), ".",
      el("br"), el("span", { class: "lf-note" }, known ? say("bound", { bound: digits(bound) }) : L.none),
    ], "error", error);
    Object.assign(result.dataset, { pieces, bound, corners: JSON.stringify(corners), heights: JSON.stringify(heights) });
  }

  render();
  whenSized(tents, render);
  whenSized(plots, render);
  return [
    div("lf-bar", dials.tip, dials.height, dials.folds, button(L.reset, () => {
      reset();
      render();
    })),
    tents,
    plots,
    div("lf-bar", dials.units, button(L.same, () => set("units")(2 * s.folds))),
    result,
    note(L.hint),
  ];
}
