// The cells of several grids that a choice lights: `add` them in any order, then `mark`.
function lights() {
  const found = {};
  const at = (of, row, column) => found[of]?.[place(row, column)];
  return {
    at,
    count: (of) => Object.keys(found[of] || {}).length,
    // `look` is what `grid.mark` takes.
    add(of, row, column, look) {
      (found[of] = found[of] || {})[place(row, column)] = look || {};
    },
    // Draws all grids; `picked` is chosen in its own grid and in its `twin`.
    mark(grids, picked, twin) {
      for (const [of, one] of Object.entries(grids)) one.mark((row, column) => {
        const here = picked && (of === picked.grid || of === twin) && row === picked.row && column === picked.column;
        return here ? { ...at(of, row, column), pick: true } : at(of, row, column);
      });
    },
  };
}
