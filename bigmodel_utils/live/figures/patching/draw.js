// Exchanged states of a model: a square for each token and each number of blocks passed.

SVG_TAGS.push("tspan");
const ROW = 26;
const TOP = 4;

function draw() {
  let s;
  const reset = () => { s = { prompt: D.prompt, place: D.place, after: D.after }; };
  reset();
  const now = () => D.prompts[s.prompt - 1];
  const visible = (token) => token.trim() || L.blank;
  const effect = (k, p) => (now().margins[k][p] - now().ends[0]) / (now().ends[1] - now().ends[0]);
  const text = (tokens) => tokens.join("").replace(/^▷/, "").trim();

  const result = resultBox();
  const set = (key) => (next) => {
    s[key] = Number(next);
    render();
  };
  const named = Object.fromEntries(D.prompts.map((one, i) => [i + 1, text(one.tokens)]));
  const prompts = choice(L.prompt, named, s.prompt, (next) => {
    s.prompt = Number(next);
    s.place = now().tokens.length;
    s.after = Math.min(s.after, now().margins.length - 1);
    makeDials();
    render();
  });
  const box = div("lf-bar");
  let dials;
  function makeDials() {
    const said = (place) => visible(now().tokens[place - 1]);
    dials = {
      place: dial(L.place, s.place, [LIMITS.place[0], now().tokens.length], set("place"), result.wrong, said),
      after: dial(L.after, s.after, [LIMITS.after[0], now().margins.length - 1], set("after"), result.wrong),
    };
    box.replaceChildren(dials.place, dials.after);
  }
  makeDials();
  const plots = div("lf-plots");

  function paint() {
    const { tokens, donor, margins } = now();
    const label = (p) => visible(tokens[p]) + (tokens[p] === donor[p] ? "" : " / " + visible(donor[p]));
    const left = 12 + 6.8 * Math.max(...tokens.map((_, p) => label(p).length));
    const width = plots.width;
    const bottom = TOP + ROW * tokens.length;
    const step = (width - left - 4) / margins.length;
    const svg = el("svg", { width, height: bottom + 36, class: "lf-plot", role: "img", "aria-label": L.grid });
    tokens.forEach((token, p) => {
      const y = TOP + ROW * p;
      const other = token === donor[p] ? [] : [" / ", el("tspan", { class: "lf-patch-donor" }, visible(donor[p]))];
      const name = svgText(left - 8, y + ROW / 2 + 4, visible(token), "end", p === s.place - 1 ? "lf-patch-name" : null);
      name.append(...other);
      svg.append(name);
      margins.forEach((_, k) => {
        const value = effect(k, p);
        svg.append(el("rect", { x: left + step * k + 0.5, y: y + 0.5, width: step - 1, height: ROW - 1,
          class: value < 0 ? "lf-patch-against" : "lf-patch-cell", "fill-opacity": clamp(Math.abs(value), 0, 1),
          "data-grid": "effect", "data-row": k, "data-col": p, "data-value": value }));
      });
    });
    svg.append(el("rect", { x: left + step * s.after, y: TOP + ROW * (s.place - 1), width: step, height: ROW,
      class: "lf-patch-chosen" }));
    const every = width < 500 ? 10 : 5;
    for (let k = 0; k < margins.length; k += every) {
      svg.append(svgText(left + step * (k + 0.5), bottom + 15, String(k), "middle"));
    }
    svg.append(svgText((left + width) / 2, bottom + 32, L.axis, "middle"));
    onDrag(plots, (event) => {
      const at = svg.getBoundingClientRect();
      s.after = clamp(Math.floor((event.clientX - at.left - left) / step), 0, margins.length - 1);
      s.place = clamp(Math.floor((event.clientY - at.top - TOP) / ROW) + 1, 1, tokens.length);
      render();
    });
    plots.replaceChildren(svg);
  }

  function render() {
    prompts.put(s.prompt);
    for (const [key, control] of Object.entries(dials)) control.put(s[key]);
    if (plots.width) paint();
    const { tokens, answers, ends, words, margins, first } = now();
    const [k, p] = [s.after, s.place - 1];
    const word = words[first[k][p]];
    result.put([
      say("runs", { own: visible(answers[0]), donor: visible(answers[1]), low: show(ends[0]), high: show(ends[1]) }),
      el("br"),
      say("here", { token: visible(tokens[p]), after: k, margin: show(margins[k][p]) }), " ",
      el("b", {}, say("effect", { effect: show(Math.round(effect(k, p) * 100) / 100), word: visible(word) })),
    ], "effect", effect(k, p));
    Object.assign(result.dataset, { place: s.place, after: k, prompt: s.prompt, word, margin: margins[k][p] });
  }

  render();
  whenSized(plots, render);
  return [
    div("lf-bar", prompts, button(L.reset, () => {
      reset();
      makeDials();
      render();
    })),
    box,
    plots,
    result,
    note(L.hint),
  ];
}
