// Sums of products as text.

const factor = (value) => (rounded(value) < 0 ? "(" + show(value) + ")" : show(value));
const equals = (value) => (Math.abs(rounded(value) - value) < 1e-9 ? " = " : " ≈ ");
const total = (value) => strong(equals(value).trim() + " " + show(value));

// "a×b + c×d = value", each product unbreakable so that lines wrap between products. The second
// factor may be ready text, as 1/3.
function sumOfProducts(terms, value) {
  const parts = terms.map(([a, b], i) =>
    term((i ? "+ " : "") + factor(a) + "×" + (typeof b === "string" ? b : factor(b))));
  return [...(parts.length ? parts : ["0"]).flatMap((part) => [part, " "]), total(value)];
}
