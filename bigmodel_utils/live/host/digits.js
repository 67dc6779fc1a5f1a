// Numbers of any size as text.

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
