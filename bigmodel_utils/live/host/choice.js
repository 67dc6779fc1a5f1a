// A native drop-down list; `options` maps a value to its text.
function choice(label, options, value, onvalue) {
  const select = el("select", { class: "lf-field", "aria-label": label,
    onchange: () => onvalue(select.value) },
    ...Object.entries(options).map(([name, text]) => el("option", { value: name }, text)));
  const box = el("label", { class: "lf-control" }, span("lf-label", label), select);
  box.put = (next) => { select.value = next; };
  box.put(value);
  return Object.assign(box, { select });
}
