// What training a GPT takes: its parameters, FLOPs, memory piece by piece, time and energy.

const VOCABULARY = 50257;
const HEAD = 64; // features
const ROW = 26; // pixels

function draw() {
  let s;
  const reset = () => { s = { ...D }; };
  reset();

  function plan() {
    const { layers: L_, width: d, rows: b, positions: t } = s;
    const [, float32, bfloat16, memory, watts] = s.devices[s.device];
    const mixed = s.precision === "mixed";
    const matrices = L_ * 12 * d * d;
    const n = 2 * VOCABULARY * d + matrices + L_ * 2 * d + d;
    const D_ = 10 ** s.tokens;
    const flops = 6 * (matrices + VOCABULARY * d) * D_ + 12 * L_ * t * d * D_;
    // Numbers that autograd keeps for a position; masks are left out.
    const pairs = s.attention === "plain" ? 2 * (d / HEAD) * t : d / HEAD;
    const kept = b * t * (L_ * (10 * d + 2 + 8 * d + pairs) + 3 * d + 1 + VOCABULARY);
    const bytes = { weights: (mixed ? 6 : 4) * n, gradients: 4 * n, optimizer: 8 * n,
      activations: (mixed ? 2 : 4) * kept + (mixed ? 2 : 0) * b * t * VOCABULARY, // the loss in float32
      // The logits, the gradient of their logarithms and their own.
      loss: (mixed ? 10 : 12) * b * t * VOCABULARY };
    const rate = s.utilisation * (mixed ? bfloat16 : float32);
    const seconds = flops / rate;
    return { n, flops, bytes, need: sum(Object.values(bytes)), memory, rate, seconds, joules: seconds * watts };
  }

  const result = resultBox();
  const set = (key) => (next) => {
    // Whole heads and positions, whatever was typed.
    const unit = { width: HEAD, positions: 1 }[key];
    s[key] = unit ? unit * Math.max(1, Math.round(next / unit)) : next;
    render();
  };
  const one = (key, label) => dial(label, s[key], LIMITS[key], set(key), result.wrong);
  const dials = { layers: one("layers", L.layers), width: one("width", L.width), rows: one("rows", L.rows),
    positions: one("positions", L.positions), tokens: one("tokens", L.tokens),
    utilisation: one("utilisation", L.utilisation) };
  const precision = toggle(L.precision, { float32: L.float32, mixed: L.mixed }, s.precision, set("precision"));
  const attention = toggle(L.attention, { plain: L.plain, fused: L.fused }, s.attention, set("attention"));
  const device = choice(L.device, Object.fromEntries(D.devices.map(([name], i) => [i, name])), s.device,
    (next) => set("device")(Number(next)));
  const plots = div("lf-plots");
  const names = { weights: L.weights, gradients: L.gradients, optimizer: L.optimizer, activations: L.activations,
    loss: L.loss, available: L.available };
  const size = (bytes) => bytes >= 1e12 ? digits(bytes / 1e12) + " TB" : digits(bytes / 1e9) + " GB";
  const period = (seconds) => {
    const units = [[31557600, "a"], [86400, "d"], [3600, "h"], [1, "s"]];
    const [unit, name] = units.find(([unit]) => seconds >= unit) || units[3];
    return digits(seconds / unit) + " " + name;
  };
  const energy = (joules) => digits(joules / 3.6e6) + " kWh";

  function paint({ bytes, memory }) {
    const { width } = plots;
    const all = { ...bytes, available: memory };
    const most = Math.max(...Object.values(all));
    const [left, right] = [width < 520 ? 128 : 150, 84];
    const svg = el("svg", { width, height: ROW * 6 + 4, class: "lf-plot", role: "img", "aria-label": L.bars });
    Object.entries(all).forEach(([key, value], i) => {
      svg.append(svgText(left - 6, i * ROW + 18, names[key], "end"),
        el("rect", { x: left, y: i * ROW + 5, width: Math.max(0.5, (width - left - right) * value / most), height: ROW - 8,
          class: key === "available" ? "lf-have" : "lf-need", "data-grid": "bytes", "data-row": i, "data-col": 0,
          "data-value": value }),
        svgText(width, i * ROW + 18, size(value), "end"));
    });
    plots.replaceChildren(svg);
  }

  function render() {
    for (const [key, control] of Object.entries({ ...dials, precision, attention, device })) control.put(s[key]);
    const now = plan();
    if (plots.width) paint(now);
    const room = { need: size(now.need), have: size(now.memory) };
    const fits = now.need <= now.memory;
    result.put([
      say("model", { n: digits(now.n), flops: digits(now.flops) }), " ",
      el("b", {}, fits ? say("fits", room) : say("too_big", room)),
      el("br"), say("time", { rate: digits(now.rate), time: period(now.seconds), energy: energy(now.joules) }),
    ], "plan", now.n);
    Object.assign(result.dataset, { flops: now.flops, need: now.need, seconds: now.seconds, joules: now.joules, fits });
  }

  render();
  whenSized(plots, render);
  return [
    div("lf-bar", device, precision, attention, button(L.reset, () => {
      reset();
      render();
    })),
    div("lf-bar", dials.layers, dials.width, dials.rows),
    div("lf-bar", dials.positions, dials.tokens, dials.utilisation),
    plots,
    result,
    note(L.hint),
  ];
}
