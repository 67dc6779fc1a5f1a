// A cluster for one run: the page's plan, with a step's time and a GPU's memory piece by piece.

const POSITIONS = 8192;
const RESTART = 600; // seconds
const YEAR = 31557600; // seconds
const ROW = 26; // pixels

function draw() {
  let s;
  const reset = () => { s = { ...D }; };
  reset();

  function plan() {
    const [, peak, memory, inside] = s.devices[s.device];
    const [gpus, tp, pp, batch] = [s.gpus, s.tensor, s.stages, s.batch].map((p) => 2 ** p);
    const [N, tokens, rows] = [10 ** s.size, 10 ** s.tokens, batch / POSITIONS];
    const dp = gpus / (tp * pp);
    const m = rows / dp;
    const layers = Math.max(1, Math.round((N / (12 * 128 ** 2)) ** (1 / 3)));
    const width = (N / (12 * layers)) ** 0.5;
    const all = { gpus, tp, pp, dp, m, N, rows, memory, layers, width };
    if (dp < 1 || m < 1) return all;
    const v = m >= pp ? 2 ** s.pieces : 1;
    const [again, third] = [s.again === "computed", s.zero === "stage3"];
    const token = 6 * N + 6 * layers * POSITIONS * width;
    const compute = token * POSITIONS * (again ? 4 / 3 : 1) / (tp * pp * s.share * peak);
    const talk = layers / pp * 8 * (tp - 1) / tp * 2 * POSITIONS * width / inside;
    const one = compute + talk;
    const moved = (third ? 3 : 2) * (dp - 1) / dp * 2 * N / (tp * pp);
    const exposed = Math.max(0, moved / (1e9 * s.outside) - 2 / 3 * one);
    const seconds = { compute: m * compute, inside: m * talk, bubble: one * (pp - 1) / v, exposed };
    const step = sum(Object.values(seconds));
    const state = N / (tp * pp) * (third ? 16 / dp : 4 + 12 / dp);
    const begun = Math.min(m * v, v === 1 ? pp : pp * v + pp - 1);
    const activations = begun * layers / (pp * v) * (again ? 2 : 34) * POSITIONS * width / tp;
    const mean = s.years * YEAR / gpus;
    const apart = (2 * s.save * mean) ** 0.5;
    const useful = apart / ((mean + RESTART) * Math.expm1((apart + s.save) / mean));
    const whole = tokens / batch * step / useful;
    return { ...all, seconds, step, bytes: { state, activations }, need: state + activations, mean, apart, useful,
      used: batch * token / (gpus * peak * step), whole, cost: gpus * whole / 3600 * s.price };
  }

  const result = resultBox();
  const set = (key) => (next) => {
    s[key] = next;
    render();
  };
  const names = { gpus: L.gpus, size: L.size, batch: L.batch, tokens: L.tokens, tensor: L.tensor, stages: L.stages,
    pieces: L.pieces, outside: L.outside, share: L.share, years: L.years, save: L.save, price: L.price };
  const twos = (p) => String(2 ** p);
  const tens = (p) => digits(10 ** p);
  const texts = { gpus: twos, batch: (p) => digits(2 ** p), tensor: twos, stages: twos, pieces: twos, size: tens, tokens: tens };
  const dials = Object.fromEntries(Object.entries(names).map(([key, name]) =>
    [key, dial(name, s[key], LIMITS[key], set(key), result.wrong, texts[key])]));
  const zero = toggle(L.zero, { stage1: L.stage1, stage3: L.stage3 }, s.zero, set("zero"));
  const again = toggle(L.again, { kept: L.kept, computed: L.computed }, s.again, set("again"));
  const device = choice(L.device, Object.fromEntries(D.devices.map(([name], i) => [i, name])), s.device,
    (next) => set("device")(Number(next)));
  const pieces = { compute: L.compute, inside: L.inside, bubble: L.bubble, exposed: L.exposed, state: L.state,
    activations: L.activations, available: L.available };
  const plots = div("lf-plots");
  const size = (bytes) => bytes >= 1e12 ? digits(bytes / 1e12) + " TB" : digits(bytes / 1e9) + " GB";
  const period = (seconds) => {
    const units = [[YEAR, "a"], [86400, "d"], [3600, "h"], [60, "min"], [1, "s"], [1e-3, "ms"]];
    const [unit, name] = units.find(([unit]) => seconds >= unit) || units[5];
    return digits(seconds / unit) + " " + name;
  };
  const percent = (share) => digits(100 * share) + " %";

  function paint({ seconds, bytes, memory, step }) {
    const { width } = plots;
    const [left, right] = [width < 520 ? 108 : 130, 84];
    const room = width - left - right;
    const svg = el("svg", { width, height: ROW * 7 + 16, class: "lf-plot", role: "img", "aria-label": L.bars });
    const most = Math.max(memory, ...Object.values(bytes));
    const bars = [...Object.entries(seconds).map(([key, value]) => [key, value, step, period]),
      ...Object.entries({ ...bytes, available: memory }).map(([key, value]) => [key, value, most, size])];
    bars.forEach(([key, value, full, text], i) => {
      const y = i * ROW + (i > 3 ? 12 : 0);
      svg.append(svgText(left - 6, y + 18, pieces[key], "end"),
        el("rect", { x: left, y: y + 5, width: Math.max(0.5, room * value / full), height: ROW - 8,
          class: key === "available" ? "lf-capacity" : i > 3 ? "lf-bytes" : "lf-seconds", "data-grid": "pieces",
          "data-row": i, "data-col": 0, "data-value": value }),
        svgText(width, y + 18, value ? text(value) : "0", "end"));
    });
    plots.replaceChildren(svg);
  }

  function render() {
    for (const [key, control] of Object.entries({ ...dials, zero, again, device })) control.put(s[key]);
    const now = plan();
    for (const key of Object.keys(result.dataset)) delete result.dataset[key];
    if (!now.step) {
      const { tp, pp, gpus, dp, rows } = now;
      return result.wrong(dp < 1 ? say("few", { parts: tp * pp, gpus }) : say("rows", { dp, rows }));
    }
    if (plots.width) paint(now);
    const sizes = { need: size(now.need), have: size(now.memory) };
    const fits = now.need <= now.memory;
    const { gpus, tp, pp, dp, m } = now;
    result.put([
      say("lay", { gpus, tp, pp, dp, m, n: digits(now.N) }), " ",
      el("b", {}, fits ? say("fits", sizes) : say("too_big", sizes)), el("br"),
      say("step", { time: period(now.step), share: percent(now.used) }), " ",
      say("run", { mean: period(now.mean), apart: period(now.apart), useful: percent(now.useful),
        days: period(now.whole), cost: digits(now.cost) }),
    ], "cluster", now.step);
    Object.assign(result.dataset, { layers: now.layers, width: now.width, need: now.need, used: now.used, apart: now.apart,
      useful: now.useful, seconds: now.whole, cost: now.cost, fits });
  }

  render();
  whenSized(plots, render);
  return [
    div("lf-bar", device, zero, again, button(L.reset, () => {
      reset();
      render();
    })),
    div("lf-bar", dials.gpus, dials.tensor, dials.stages, dials.pieces),
    div("lf-bar", dials.size, dials.batch, dials.tokens),
    div("lf-bar", dials.outside, dials.share, dials.years, dials.save, dials.price),
    plots,
    result,
    note(L.hint),
  ];
}
