// The field that holds the value of the cell last touched: for a phone's keyboard, and for
// whoever cannot drag.
function valueBox(onvalue, onerror) {
  let now = 0;
  const name = span("lf-label lf-code");
  const input = field(L.value, 0, LIMITS.value, onvalue, onerror);
  const nudge = (step, label, sign) => el("button", { type: "button", class: "lf-button lf-nudge",
    "aria-label": label, onclick: () => onvalue(now + step) }, sign);
  const box = el("div", { class: "lf-control", role: "group", "aria-label": L.value },
    name, nudge(-STEP, L.less, "−"), input, nudge(STEP, L.more, "+"));
  box.put = (text, value) => {
    now = value;
    name.textContent = text + " =";
    input.put(value, rounded(value));
  };
  return box;
}
