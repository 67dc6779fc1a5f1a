// Two fields, rows × columns, under one name.
function pair(name, values, limits, onpair, onerror) {
  const now = values.slice();
  const inputs = [L.rows, L.columns].map((axis, i) =>
    field(name + ", " + axis, now[i], limits, (value) => {
      now[i] = value;
      onpair(now.slice());
    }, onerror));
  const box = el("div", { class: "lf-control", role: "group", "aria-label": name },
    span("lf-label", name), inputs[0], "×", inputs[1]);
  box.put = (next) => next.forEach((value, i) => {
    now[i] = value;
    inputs[i].put(value);
  });
  return box;
}
