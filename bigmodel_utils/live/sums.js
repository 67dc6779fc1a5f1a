// Matrices as lists of rows, and sums of products as text.

const factor = (value) => (rounded(value) < 0 ? "(" + show(value) + ")" : show(value));
const equals = (value) => (Math.abs(rounded(value) - value) < 1e-9 ? " = " : " \u2248 ");
const zeros = (rows, columns) => Array.from({ length: rows }, () => Array(columns).fill(0));
const copy = (matrix) => matrix.map((row) => row.slice());

// "a×b + c×d = total", each product unbreakable so that lines wrap between products. The second
// factor may be ready text, as 1/3.
function sumOfProducts(terms, total) {
  const parts = terms.map(([a, b], i) =>
    el("span", { class: "lf-term" }, (i ? "+ " : "") + factor(a) + "\u00d7" + (typeof b === "string" ? b : factor(b))));
  if (!parts.length) parts.push("0");
  const spaced = parts.flatMap((part) => [part, " "]);
  return [...spaced, el("strong", { class: "lf-term" }, equals(total).trim() + " " + show(total))];
}

// Values for an upstream gradient of any shape: small halves of both signs, no pattern by eye.
const upstream = (row, column) => (((row * 5 + column * 3 + 4) % 7) - 3) / 2 || 1;
