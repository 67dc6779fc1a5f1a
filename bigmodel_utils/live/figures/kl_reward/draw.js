// The best policy under a KL penalty on a few answers, and the frontier of reward against drift.

const BARS = 190;
const CURVE = 220;
const STEEPEST = 60; // of 1 / beta on the frontier

// The tilted chances, their mean reward, drift and normaliser; `t` is 1 / beta.
function tilted(rewards, t) {
  const top = Math.max(...rewards);
  const mass = D.chances.map((p, i) => p * Math.exp(t * (rewards[i] - top)));
  const total = sum(mass);
  const chances = mass.map((m) => m / total);
  const reward = sum(chances.map((p, i) => p * rewards[i]));
  const kl = sum(chances.map((p, i) => (p ? p * Math.log(p / D.chances[i]) : 0)));
  return { chances, reward, kl, z: total * Math.exp(t * top), tries: 1 / total };
}

function draw() {
  let s;
  const reset = () => { s = { beta: D.beta, answer: D.answer - 1, rewards: [...D.rewards] }; };
  reset();
  const result = resultBox();
  const options = Object.fromEntries(D.names.map((name, i) => [i, name]));
  const choice = toggle(L.answer, options, s.answer, (name) => {
    s.answer = Number(name);
    render();
  });
  const dials = {
    beta: dial(L.beta, s.beta, LIMITS.beta, (next) => {
      s.beta = next;
      render();
    }, result.wrong),
    reward: dial(L.reward, s.rewards[s.answer], LIMITS.reward, (next) => {
      s.rewards[s.answer] = next;
      render();
    }, result.wrong),
  };
  const bars = div("lf-plots");
  const curve = div("lf-plots");

  function paintBars(best) {
    const top = Math.max(...D.chances, ...best.chances) * 1.02;
    const step = top > 0.5 ? 0.25 : 0.1;
    const yTicks = {};
    for (let i = 0; i * step <= top; i++) yTicks[i * step] = digits(i * step);
    const xTicks = Object.fromEntries(D.names.map((name, i) => [i + 0.5, name]));
    const { svg, x, y } = axes({ width: bars.width, height: BARS, x: [0, D.names.length], y: [0, top],
      xTicks, yTicks, xLabel: " ", yLabel: L.bars, title: L.both });
    const bar = (grid, i, value, from, to, kind) => svg.append(el("rect", { x: x(i + from), y: y(value),
      width: x(to) - x(from), height: Math.max(0, y(0) - y(value)), class: kind,
      "data-grid": grid, "data-row": 0, "data-col": i, "data-value": value }));
    D.names.forEach((_, i) => {
      bar("start", i, D.chances[i], 0.14, 0.48, "lf-tilt-start");
      bar("best", i, best.chances[i], 0.52, 0.86, "lf-tilt-best");
    });
    bars.replaceChildren(svg);
  }

  function paintCurve(best) {
    const [least, most] = [Math.min(...s.rewards), Math.max(...s.rewards)];
    const flat = most - least < 1e-9;
    const end = tilted(s.rewards, STEEPEST);
    const right = flat ? 1 : Math.max(end.kl, 0.1) * 1.05;
    const [low, high] = flat ? [most - 0.5, most + 0.5] : [tilted(s.rewards, 0).reward, most];
    const room = Math.max((high - low) * 0.08, 0.02);
    const ticks = (from, to) => {
      const raw = (to - from) / 4;
      const size = 10 ** Math.floor(Math.log10(raw));
      const gap = [1, 2, 5, 10].find((m) => m * size >= raw) * size;
      const found = {};
      for (let k = Math.ceil(from / gap - 1e-9); k * gap <= to + 1e-9; k++) found[k * gap] = show(k * gap);
      return found;
    };
    const { svg, x, y } = axes({ width: curve.width, height: CURVE, x: [0, right], y: [low - room, high + room],
      xTicks: ticks(0, right), yTicks: ticks(low - room, high + room), xLabel: L.x_axis, yLabel: L.y_axis,
      title: L.frontier });
    const points = [];
    for (let i = 0; i <= 200; i++) {
      const at = tilted(s.rewards, STEEPEST * (i / 200) ** 3);
      points.push(x(at.kl).toFixed(1) + " " + y(at.reward).toFixed(1));
    }
    svg.append(el("path", { d: "M" + points.join("L"), class: "lf-tilt-edge" }),
      el("circle", { cx: x(best.kl), cy: y(best.reward), r: 7, class: "lf-tilt-spot" }));
    curve.replaceChildren(svg);
  }

  function render() {
    choice.put(String(s.answer));
    dials.beta.put(s.beta);
    dials.reward.put(s.rewards[s.answer]);
    const best = tilted(s.rewards, 1 / s.beta);
    if (bars.width) paintBars(best);
    if (curve.width) paintCurve(best);
    const before = tilted(s.rewards, 0).reward;
    result.put([say("found", { reward: digits(best.reward), before: digits(before), kl: digits(best.kl),
      z: digits(best.z), tries: digits(best.tries) })], "reward", best.reward);
    Object.assign(result.dataset, { before, kl: best.kl, z: best.z, tries: best.tries });
  }

  render();
  whenSized(bars, render);
  whenSized(curve, render);
  return [
    div("lf-bar", span("lf-label", L.answer), choice),
    div("lf-bar", dials.reward, dials.beta, button(L.reset, () => {
      reset();
      render();
    })),
    bars,
    curve,
    result,
    note(L.hint),
  ];
}
