// What a budget of FLOPs buys under a scaling law L = E + A N^-a + B D^-b with C = 6 N D.

const HEIGHT = 270; // pixels
const FACTOR = 2 ** LIMITS.size[1]; // sizes from the best over FACTOR to the best times FACTOR

function draw() {
  let s;
  const reset = () => { s = { ...D }; };
  reset();

  function plan() {
    const [, E, A, B, alpha, beta] = s.laws[s.law];
    const [, peak] = s.devices[s.device];
    const flops = 10 ** s.budget;
    const loss = (n) => E + A * n ** -alpha + B * (flops / (6 * n)) ** -beta;
    const balance = (alpha * A / (beta * B)) ** (1 / (alpha + beta));
    const best = balance * (flops / 6) ** (beta / (alpha + beta));
    const n = best * 2 ** s.size;
    const hours = flops / (peak * s.utilisation) / 3600; // of one device
    return { E, flops, loss, best, n, tokens: flops / (6 * n), seconds: 3600 * hours / 10 ** s.machines,
      cost: hours * s.price };
  }

  const result = resultBox();
  const set = (key) => (next) => {
    s[key] = next;
    render();
  };
  const one = (key, label) => dial(label, s[key], LIMITS[key], set(key), result.wrong);
  const dials = { budget: one("budget", L.budget), size: one("size", L.size),
    utilisation: one("utilisation", L.utilisation), machines: one("machines", L.machines),
    price: one("price", L.price) };
  const named = (rows) => Object.fromEntries(rows.map(([name], i) => [i, name]));
  const law = choice(L.law, named(D.laws), s.law, (next) => set("law")(Number(next)));
  const device = choice(L.device, named(D.devices), s.device, (next) => set("device")(Number(next)));
  const plots = div("lf-plots");
  const period = (seconds) => {
    const units = [[31557600, "a"], [86400, "d"], [3600, "h"], [1, "s"]];
    const [unit, name] = units.find(([unit]) => seconds >= unit) || units[3];
    return digits(seconds / unit) + " " + name;
  };

  function paint({ loss, best, n }) {
    const { width } = plots;
    const [low, high] = [Math.log10(best / FACTOR), Math.log10(best * FACTOR)];
    const floor = loss(best);
    const top = Math.max(loss(best / FACTOR), loss(best * FACTOR));
    const room = (top - floor) / 12;
    const xTicks = {};
    for (let p = Math.ceil(low); p <= high; p++) xTicks[p] = power(p);
    const raw = (top - floor + 2 * room) / 4;
    const unit = 10 ** Math.floor(Math.log10(raw));
    const step = [1, 2, 5, 10].map((k) => k * unit).find((value) => value >= raw);
    const yTicks = {};
    for (let k = Math.ceil((floor - room) / step); k * step <= top + room; k++) {
      yTicks[k * step] = String(Number((k * step).toPrecision(4)));
    }
    const { svg, x, y, at } = axes({ width, height: HEIGHT, x: [low, high], y: [floor - room, top + room],
      xTicks, yTicks, xLabel: L.x_axis, yLabel: L.y_axis, title: L.plot });
    const points = [];
    for (let i = 0; i <= 80; i++) {
      const p = low + (high - low) * i / 80;
      points.push(`${i ? "L" : "M"}${x(p)} ${y(loss(10 ** p))}`);
    }
    const place = (size) => ({ cx: x(Math.log10(size)), cy: y(loss(size)) });
    svg.append(el("path", { d: points.join(""), class: "lf-valley" }),
      el("circle", { ...place(best), r: 5, class: "lf-lowest", "data-grid": "best", "data-row": 0, "data-col": 0,
        "data-value": best }),
      el("circle", { ...place(n), r: 9, class: "lf-yours" }));
    onDrag(plots, (event) => {
      const [from, to, unit] = LIMITS.size;
      const wanted = Math.log2(10 ** at(event) / best);
      set("size")(clamp(Math.round(wanted / unit) * unit, from, to));
    });
    plots.replaceChildren(svg);
  }

  function render() {
    for (const [key, control] of Object.entries({ ...dials, law, device })) control.put(s[key]);
    const now = plan();
    if (plots.width) paint(now);
    const loss = now.loss(now.n);
    const more = loss - now.loss(now.best);
    const words = { loss: loss.toPrecision(4), more: digits(more) };
    result.put([
      say("model", { n: digits(now.n), d: digits(now.tokens), ratio: digits(now.tokens / now.n) }), " ",
      el("b", {}, s.size ? say("worse", words) : say("best", words)), " ",
      say("floor", { floor: digits(now.E) }), el("br"),
      say("time", { count: digits(10 ** s.machines), time: period(now.seconds), cost: digits(now.cost) }),
    ], "plan", now.n);
    Object.assign(result.dataset, { tokens: now.tokens, loss, more, seconds: now.seconds, cost: now.cost });
  }

  render();
  whenSized(plots, render);
  return [
    div("lf-bar", law, device, button(L.reset, () => {
      reset();
      render();
    })),
    div("lf-bar", dials.budget, dials.size),
    plots,
    div("lf-bar", dials.utilisation, dials.machines, dials.price),
    result,
    note(L.hint),
  ];
}
