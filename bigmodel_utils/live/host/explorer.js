// What the figures of editable grids share: the grids, the cell touched last and its value, and
// the result.
//   spec: grids: {name: what `grid` takes, besides name and listeners},
//         home: the editable grid whose first cell the value box begins with,
//         name(grid, row, column): what the value box calls a cell,
//         onput(grid, row, column, value): an editable cell has a new value,
//         onselect(grid, row, column): a cell was chosen; an editable one is touched, too
function explorer(spec) {
  const grids = {};
  const result = resultBox();
  const value = valueBox((next) => put(touched.grid, touched.row, touched.column, next), result.wrong);
  let touched;
  const home = () => { touched = { grid: spec.home, row: 0, column: 0 }; };
  home();

  // Keeps a place inside its grid, which may have become smaller.
  function inside(at) {
    const { values } = grids[at.grid];
    at.row = clamp(at.row, 0, values.length - 1);
    at.column = clamp(at.column, 0, values[0].length - 1);
    return at;
  }

  // Names the cell touched last and its value, after every drawing; returns where it is.
  function showTouched() {
    if (grids[touched.grid].box.hidden) home();
    const { grid: of, row, column } = inside(touched);
    value.put(spec.name(of, row, column), grids[of].values[row][column]);
    return touched;
  }

  function touch(of, row, column) {
    if (!spec.grids[of].editable) return;
    touched = { grid: of, row, column };
    showTouched();
  }

  // Steps of a tenth add up to 0.3, not to 0.30000000000000004.
  function put(of, row, column, next) {
    const [low, high] = LIMITS.value;
    touched = { grid: of, row, column };
    spec.onput(of, row, column, clamp(Math.round(next * 1e9) / 1e9, low, high));
  }

  for (const [name, options] of Object.entries(spec.grids)) {
    grids[name] = grid({ ...options, name,
      onactive: touch.bind(null, name),
      onselect(row, column) {
        touch(name, row, column);
        if (spec.onselect) spec.onselect(name, row, column);
      },
      onedit: put.bind(null, name) });
  }
  return { grids, result, value, home, inside, showTouched };
}
