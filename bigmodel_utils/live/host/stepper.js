// Buttons to the start, one back, one on and to the end, and a slider.
function stepper(onstep) {
  let now;
  const slider = el("input", { type: "range", class: "lf-range", step: 1, "aria-label": L.step,
    oninput: () => onstep(Number(slider.value)) });
  const go = (text, to) => button(text, () => onstep(to()));
  const box = div("lf-bar",
    el("div", { class: "lf-toggle", role: "group", "aria-label": L.step },
      go(L.first, () => now.begin), go(L.back, () => now.at - now.ahead),
      go(L.next, () => now.at + now.ahead), go(L.last, () => now.low + now.high - now.begin)), slider);
  // `ahead`: 1, or -1 where the start is the highest step; `text` is read out for the slider.
  box.put = (at, [low, high], ahead, text) => {
    now = { at, low, high, ahead, begin: ahead > 0 ? low : high };
    slider.min = low;
    slider.max = high;
    slider.value = at;
    if (text) slider.setAttribute("aria-valuetext", text);
  };
  return box;
}
