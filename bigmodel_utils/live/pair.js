// Two fields, rows × columns, under one name.
function pair(name, values, low, high, onpair, onerror) {
  const now = values.slice();
  const inputs = [L.rows, L.columns].map((axis, i) =>
    field(name + ", " + axis, now[i], low, high, 1, (value) => {
      now[i] = value;
      onpair(now.slice());
    }, onerror));
  const box = el("div", { class: "lf-control", role: "group", "aria-label": name },
    el("span", { class: "lf-label" }, name), inputs[0], "\u00d7", inputs[1]);
  box.put = (next) => next.forEach((value, i) => {
    now[i] = value;
    inputs[i].put(value);
  });
  return box;
}
