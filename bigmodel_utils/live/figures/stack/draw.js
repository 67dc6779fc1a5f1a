// A random stack of blocks f(x) = A relu(W x), with or without x + and a layer norm: mean squares of
// the signal on its way up and of a random gradient on its way down.

const UNITS = 16;
const EPS = 1e-5;
const HEIGHT = 320;
const FLOOR = 1e-40;

const meanSquare = (v) => sum(v.map((a) => a * a)) / v.length;
const times = (m, v) => m.map((row) => row.reduce((total, a, i) => total + a * v[i], 0));
const timesT = (m, v) => m[0].map((_, i) => m.reduce((total, row, k) => total + row[i] * v[k], 0));

function draw() {
  let s;
  const reset = () => { s = { ...D }; };
  reset();

  // The factor in front of the branch; 0 where there is no skip connection.
  const factor = () => ({ plain: 0, residual: 1, scaled: 1 / Math.sqrt(s.blocks) })[s.skip];

  function normalise(x) {
    const mean = sum(x) / UNITS;
    const size = Math.sqrt(meanSquare(x.map((a) => a - mean)) + EPS);
    return { out: x.map((a) => (a - mean) / size), size };
  }
  // Backward through the norm: what is left of g without its mean and its part along the output.
  function unnormalise({ out, size }, g) {
    const [mean, along] = [sum(g) / UNITS, sum(g.map((a, i) => a * out[i])) / UNITS];
    return g.map((a, i) => (a - mean - along * out[i]) / size);
  }

  function compute() {
    const some = randoms(s.seed);
    const plain = s.skip === "plain";
    const row = (gain) => some(UNITS).map((a) => a * Math.sqrt(3 * gain * s.scale / UNITS));
    const matrix = (gain) => Array.from({ length: UNITS }, () => row(gain));
    const unit = () => some(UNITS).map((a) => a * Math.sqrt(3));
    const start = unit();
    const upstream = unit();
    const down = [];
    let x = start;
    const signal = [meanSquare(x)];
    for (let l = 0; l < s.blocks; l++) {
      const w = matrix(2);
      const a = matrix(plain ? 2 : 1);
      const before = x;
      const normed = s.norm === "with" ? normalise(x) : null;
      const inner = times(w, normed ? normed.out : x);
      const f = times(a, inner.map((v) => Math.max(v, 0)));
      const scale = factor();
      x = plain ? f.map((v) => Math.max(v, 0)) : before.map((v, i) => v + scale * f[i]);
      down.push((g) => {
        let h = plain ? g.map((v, i) => (f[i] > 0 ? v : 0)) : g.map((v) => scale * v);
        h = timesT(a, h).map((v, i) => (inner[i] > 0 ? v : 0));
        h = timesT(w, h);
        if (normed) h = unnormalise(normed, h);
        return plain ? h : h.map((v, i) => v + g[i]);
      });
      signal.push(meanSquare(x));
    }
    let g = upstream;
    const gradient = [meanSquare(g)];
    for (const back of down.reverse()) {
      g = back(g);
      gradient.unshift(meanSquare(g));
    }
    return { signal, gradient };
  }

  // Means over the weights: of the signal always, of the gradient without a norm only.
  function expected(first, last) {
    const [v, scale] = [s.scale ** 2, factor() ** 2];
    const each = s.skip === "plain" ? v : 1 + scale * v;
    const places = Array.from({ length: s.blocks + 1 }, (_, l) => l);
    if (s.norm === "without") {
      return { signal: places.map((l) => first * each ** l), gradient: places.map((l) => last * each ** (s.blocks - l)) };
    }
    return { signal: places.map((l) => (s.skip === "plain" ? (l ? v : first) : first + l * scale * v)), gradient: null };
  }

  const result = resultBox();
  const set = (key) => (next) => {
    s[key] = next;
    if (key === "blocks") s.read = Math.min(s.read, next);
    render();
  };
  const one = (key, limits) => dial(L[key], s[key], limits, set(key), result.wrong);
  const dials = {
    blocks: one("blocks", LIMITS.blocks),
    scale: one("scale", LIMITS.scale),
    seed: one("seed", LIMITS.seed),
    read: dial(L.read, s.read, [LIMITS.read[0], LIMITS.blocks[1]],
      (next) => set("read")(Math.min(next, s.blocks)), result.wrong),
  };
  dials.read.classList.add("lf-wide");
  const skips = { plain: L.plain, residual: L.residual, scaled: L.scaled };
  const skip = choice(L.skip, skips, s.skip, set("skip"));
  const norm = toggle(L.norm, { without: L.without, with: L.with }, s.norm, set("norm"));
  const plots = div("lf-plots");

  function paint(found, mean) {
    const log = (value) => Math.log10(Math.max(value, FLOOR));
    const all = [...found.signal, ...found.gradient, ...mean.signal, ...(mean.gradient || [])].map(log);
    const low = Math.floor(Math.min(-2, ...all) / 2) * 2;
    const high = Math.ceil(Math.max(2, ...all) / 2) * 2;
    const step = Math.max(2, 2 * Math.ceil((high - low) / 16));
    const yTicks = {};
    for (let p = Math.ceil(low / step) * step; p <= high; p += step) yTicks[p] = power(p);
    const every = s.blocks > 20 ? 10 : s.blocks > 8 ? 5 : 1;
    const xTicks = {};
    for (let l = 0; l <= s.blocks; l += every) xTicks[l] = l;
    const { svg, x, y, at } = axes({ width: plots.width, height: HEIGHT, x: [-0.5, s.blocks + 0.5], y: [low, high],
      xTicks, yTicks, xLabel: L.x_axis, yLabel: L.y_axis, title: L.plot });
    svg.append(el("line", { class: "lf-cursor", x1: x(s.read), x2: x(s.read), y1: y(high), y2: y(low) }));
    for (const key of ["signal", "gradient"]) {
      if (mean[key]) {
        const path = mean[key].map((value, l) => x(l) + " " + y(log(value))).join("L");
        svg.append(el("path", { d: "M" + path, class: "lf-mean lf-of-" + key }));
      }
      found[key].forEach((value, l) => svg.append(el("circle", { cx: x(l), cy: y(log(value)),
        r: l === s.read ? 6 : 3.5, class: "lf-" + key, "data-grid": key, "data-row": 0, "data-col": l,
        "data-value": value })));
    }
    onDrag(plots, (event) => set("read")(clamp(Math.round(at(event)), 0, s.blocks)));
    plots.replaceChildren(svg);
  }

  function render() {
    const found = compute();
    const mean = expected(found.signal[0], found.gradient[s.blocks]);
    for (const [key, control] of Object.entries({ ...dials, skip, norm })) control.put(s[key]);
    if (plots.width) paint(found, mean);
    const of = (key) => [strong(digits(found[key][s.read])),
      mean[key] ? " (" + L.expected + " " + digits(mean[key][s.read]) + ")" : ""];
    result.put(["● ", say("here", { l: s.read }), " ", ...of("signal"), "; ",
      "○ ", L.sent, " ", ...of("gradient"), "."], "signal", found.signal[s.read]);
    Object.assign(result.dataset, { gradient: found.gradient[s.read], mean: mean.signal[s.read],
      back: mean.gradient ? mean.gradient[s.read] : "" });
  }

  render();
  whenSized(plots, render);
  return [
    div("lf-bar", skip, norm, button(L.reset, () => {
      reset();
      render();
    })),
    div("lf-bar", dials.blocks, dials.scale, dials.seed),
    plots,
    dials.read,
    result,
    note(L.hint),
  ];
}
