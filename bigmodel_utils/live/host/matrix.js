// Matrices as lists of rows.

const zeros = (rows, columns) => Array.from({ length: rows }, () => Array(columns).fill(0));
const copy = (matrix) => matrix.map((row) => row.slice());

// Values for an upstream gradient of any shape: small halves of both signs, no pattern by eye.
const mixed = (row, column) => (((row * 5 + column * 3 + 4) % 7) - 3) / 2 || 1;
// `given[row][column]` where there is one.
const upstream = (rows, columns, given) =>
  zeros(rows, columns).map((line, i) => line.map((_, j) => given[i]?.[j] ?? mixed(i, j)));
