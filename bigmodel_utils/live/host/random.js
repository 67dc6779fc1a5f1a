// Numbers from -1 to 1: gradient_distance/figure.py makes the same ones.
function randoms(seed) {
  let state = seed;
  return (count) => Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  });
}
