// A number as a slider and as a field; and numbers of any size as text.

const SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹";
const power = (exponent) => "10" + String(exponent).replace("-", "⁻").replace(/\d/g, (d) => SUPERSCRIPTS[d]);
// Three digits: 0.0123, 1.23 or 4.56×10⁻⁷.
function digits(value) {
  if (!value) return "0";
  const size = Math.abs(value);
  if (size >= 1e-3 && size < 1e4) return String(Number(value.toPrecision(3))).replace("-", "−");
  const [front, exponent] = value.toExponential(2).split("e");
  return front.replace("-", "−") + "×" + power(Number(exponent));
}

// `text(value)` is what is shown and read out instead of the bare number.
function dial(label, value, low, high, step, onvalue, onerror, text) {
  const range = el("input", { type: "range", class: "lf-range", min: low, max: high, step, "aria-label": label,
    oninput: () => onvalue(Number(range.value)) });
  const input = field(say("typed", { name: label }), value, low, high, step, onvalue, onerror);
  const shown = el("span", { class: "lf-note" });
  const box = el("div", { class: "lf-dial" }, el("span", { class: "lf-label" }, label + " "), shown, range, input);
  box.put = (next) => {
    range.value = next;
    input.put(next);
    shown.textContent = text ? text(next) : "";
    if (text) range.setAttribute("aria-valuetext", text(next));
  };
  return box;
}
