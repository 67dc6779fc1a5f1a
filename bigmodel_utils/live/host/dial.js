// A number as a slider and as a field; `text(value)` is shown and read out instead of the bare one.
function dial(label, value, limits, onvalue, onerror, text) {
  const [min, max, step = 1] = limits;
  const range = el("input", { type: "range", class: "lf-range", min, max, step, "aria-label": label,
    oninput: () => onvalue(Number(range.value)) });
  const input = field(say("typed", { name: label }), value, limits, onvalue, onerror);
  const shown = span("lf-note");
  const box = div("lf-dial", span("lf-label", label + " "), shown, range, input);
  box.put = (next) => {
    range.value = next;
    input.put(next);
    shown.textContent = text ? text(next) : "";
    if (text) range.setAttribute("aria-valuetext", text(next));
  };
  return box;
}
