// One LSTM cell with its gates as valves: what is kept, written and read, and what becomes of the
// cell and of its gradient when the gates stay as they are.

const VALVES = ["f", "i", "g", "o", "c"];
const ROWS = ["c", "h", "gradient"];

function draw() {
  let s, picked;
  const reset = () => {
    s = { ...D };
    picked = { row: 0, n: Math.min(10, D.steps) };
  };
  reset();

  function run() {
    const c = [s.c];
    const gradient = [1];
    for (let n = 1; n <= s.steps; n++) {
      c.push(s.f * c[n - 1] + s.i * s.g);
      gradient.push(gradient[n - 1] * s.f);
    }
    return { c, gradient, h: c.map((value) => s.o * Math.tanh(value)) };
  }

  const result = resultBox();
  const set = (key) => (next) => {
    s[key] = next;
    render();
  };

  // A slider that stands: pointer, arrows, Page keys, Home and End.
  function valve(key) {
    const [low, high, step] = LIMITS[key];
    const name = (key === "c" ? "c₀" : key) + ", " + L["about_" + key];
    const fill = div("lf-fill");
    const track = el("div", { class: "lf-track", role: "slider", tabindex: 0, "aria-label": name,
      "aria-orientation": "vertical", "aria-valuemin": low, "aria-valuemax": high, "data-valve": key }, fill);
    const input = field(say("typed", { name }), s[key], LIMITS[key], set(key), result.wrong);
    const given = note();
    const put = (value) => set(key)(clamp(rounded(Math.round(value / step) * step), low, high));
    onKeys(track, (pressed) => {
      const by = { ArrowUp: 1, ArrowRight: 1, ArrowDown: -1, ArrowLeft: -1, PageUp: 10, PageDown: -10,
        Home: -1e3, End: 1e3 }[pressed];
      if (by) put(s[key] + by * step);
      return by;
    });
    onDrag(track, (event) => {
      const bounds = track.getBoundingClientRect();
      put(low + (high - low) * clamp((bounds.bottom - event.clientY) / bounds.height, 0, 1));
    });
    const place = (value) => 100 * (value - low) / (high - low);
    const show1 = (value) => (Number.isFinite(value) ? show(Math.round(value * 100) / 100) : value < 0 ? "−∞" : "∞");
    const box = div("lf-valve", el("div", {}, el("b", {}, key === "c" ? "c₀" : key)),
      note(L["about_" + key]), track, input, given);
    box.put = () => {
      const value = s[key];
      const [from, to] = [place(Math.min(0, value)), place(Math.max(0, value))];
      fill.style.cssText = "bottom:" + from + "%;height:" + (to - from) + "%";
      track.classList.toggle("lf-negative", value < 0);
      input.put(value);
      const before = key === "g" ? "tanh(" + show1(Math.atanh(value)) + ")"
        : "σ(" + show1(Math.log(value / (1 - value))) + ")";
      given.textContent = key === "c" ? "" : before;
      track.setAttribute("aria-valuenow", value);
      track.setAttribute("aria-valuetext", show(value) + (key === "c" ? "" : " = " + before));
    };
    return box;
  }
  const valves = VALVES.map(valve);

  // Kept, written, new, read: a sum in numbers and a bar each.
  const parts = ["kept", "written", "new", "read"];
  const titles = [L.kept, L.written, L.new, L.read];
  const flow = parts.map((part, i) => {
    const calc = el("span", {});
    const bar = div("lf-fill");
    const box = el("div", { class: "lf-flow", "data-part": part }, el("b", {}, titles[i]), calc,
      div("lf-track lf-flat", bar));
    box.put = (text, value, most) => {
      calc.replaceChildren(text, strong(" = " + digits(value)));
      box.dataset.value = value;
      bar.style.cssText = "left:" + (value < 0 ? 50 + 50 * value / most : 50) + "%;width:" + 50 * Math.abs(value) / most + "%";
      box.classList.toggle("lf-negative", value < 0);
    };
    return box;
  });

  const steps = dial(L.steps, s.steps, LIMITS.steps, set("steps"), result.wrong);
  const plots = el("div", { class: "lf-plots", role: "grid", "aria-label": L.run });

  function paint(values) {
    const names = [L.cell, L.hidden, L.gradient];
    const focused = plots.contains(document.activeElement);
    const large = Math.max(1, Math.ceil(Math.max(...values.c.map(Math.abs))));
    const limits = [[values.c.some((v) => v < 0) ? -large : 0, large], [s.g < 0 || s.c < 0 ? -1 : 0, 1], [0, 1]];
    const charts = ROWS.map((row, r) => {
      const xTicks = {};
      if (r === 2) for (let n = 0; n <= s.steps; n += s.steps > 15 ? 5 : 1) xTicks[n] = n;
      const [low, high] = limits[r];
      const { svg, x, y, at } = axes({ width: plots.width, height: r === 2 ? 130 : 100, x: [-0.6, s.steps + 0.6],
        y: limits[r], xTicks, yTicks: Object.fromEntries([...new Set([low, 0, high])].map((v) => [v, show(v)])),
        xLabel: r === 2 ? L.x_axis : null, yLabel: names[r] });
      svg.setAttribute("role", "none");
      svg.removeAttribute("aria-label");
      const wide = x(1) - x(0);
      const line = el("g", { role: "row" });
      values[row].forEach((value, n) => {
        if (row === "h" && !n) return; // the run begins with a cell, not with a hidden state
        const chosen = n === picked.n;
        const here = chosen && r === picked.row;
        line.append(el("g", { role: "gridcell", class: "lf-bin" + (chosen ? " lf-chosen" : "")
          + (value < 0 ? " lf-negative" : ""), tabindex: here ? 0 : -1, "aria-selected": here,
        "data-grid": row, "data-row": r, "data-col": n, "data-value": value,
        "aria-label": say("place", { name: names[r], n, value: digits(value) }) },
        el("rect", { x: x(n) - wide / 2, width: wide, y: y(high), height: y(low) - y(high), class: "lf-hit" }),
        el("rect", { x: x(n) - wide * 0.38, width: wide * 0.76, y: Math.min(y(0), y(value)),
          height: Math.abs(y(value) - y(0)) || 0.5 })));
      });
      svg.append(line, el("line", { x1: x(-0.6), x2: x(s.steps + 0.6), y1: y(0), y2: y(0), class: "lf-axis" }));
      svg.addEventListener("click", (event) => {
        picked = { row: r, n: Math.round(at(event)) };
        render();
        plots.querySelector("[tabindex='0']").focus();
      });
      return svg;
    });
    plots.replaceChildren(...charts);
    if (focused) plots.querySelector("[tabindex='0']").focus();
  }

  onKeys(plots, (key) => {
    const across = { ArrowLeft: -1, ArrowRight: 1, Home: -s.steps, End: s.steps }[key] || 0;
    const down = { ArrowUp: -1, ArrowDown: 1 }[key] || 0;
    if (!across && !down) return false;
    picked = { row: clamp(picked.row + down, 0, 2), n: picked.n + across };
    render();
    return true;
  });

  function render() {
    const low = ROWS[picked.row] === "h" ? 1 : 0;
    picked.n = clamp(picked.n, low, s.steps);
    const values = run();
    for (const one of valves) one.put();
    steps.put(s.steps);
    const [kept, written] = [s.f * s.c, s.i * s.g];
    const made = kept + written;
    const read = s.o * Math.tanh(made);
    const by = (value) => (value < 0 ? "(" + digits(value) + ")" : digits(value));
    const most = Math.max(1, ...[kept, written, made, read].map(Math.abs));
    flow[0].put("f·c₀ = " + digits(s.f) + "×" + by(s.c), kept, most);
    flow[1].put("i·g = " + digits(s.i) + "×" + by(s.g), written, most);
    flow[2].put("c₁ = " + digits(kept) + " + " + by(written), made, most);
    flow[3].put("h₁ = o·tanh(c₁) = " + digits(s.o) + "×" + by(Math.tanh(made)), read, most);
    if (plots.width) paint(values);
    const { n } = picked;
    const symbol = (name) => el("span", {}, name, el("sub", {}, n));
    const half = Math.log(0.5) / Math.log(s.f);
    // With f = 1 the cell keeps all: it stays where nothing is written, and else has no limit.
    const drift = s.i * s.g;
    const limit = s.f < 1 ? drift / (1 - s.f) : drift ? drift * Infinity : s.c;
    const or = (value) => (Number.isFinite(value) ? digits(value) : value < 0 ? "−∞" : "∞");
    result.put([say("at", { n }), " ", symbol("c"), strong(" = " + digits(values.c[n])), ", ",
      ...(n ? [symbol("h"), strong(" = " + digits(values.h[n])), ", "] : []),
      span("lf-term", "∂", symbol("c"), "/∂c₀ = f", el("sup", {}, n), " = ",
        strong(digits(values.gradient[n]))), ". ",
      say("half", { n: or(Math.abs(half)), limit: or(limit) })], ROWS[picked.row], values[ROWS[picked.row]][n]);
    Object.assign(result.dataset, { half, limit, step: n });
  }

  render();
  whenSized(plots, render);
  return [
    div("lf-stage", el("div", { class: "lf-valves", role: "group", "aria-label": L.gates }, ...valves),
      div("lf-flows", ...flow)),
    div("lf-bar", steps, button(L.reset, () => {
      reset();
      render();
    })),
    plots,
    result,
    note(L.hint),
  ];
}
