// The field that holds the value of the cell last touched: for a phone's keyboard, and for
// whoever cannot drag.
function valueBox(onvalue) {
  const name = el("span", { class: "lf-label lf-code" });
  const input = field(L.value, 0, -LIMIT, LIMIT, STEP, onvalue, () => {});
  const nudge = (sign, text) => el("button", { type: "button", class: "lf-button lf-nudge",
    "aria-label": text, onclick: () => onvalue(clamp(rounded(Number(input.value) + sign * STEP),
      -LIMIT, LIMIT)) }, sign < 0 ? "\u2212" : "+");
  const box = el("div", { class: "lf-control", role: "group", "aria-label": L.value },
    name, nudge(-1, L.less), input, nudge(1, L.more));
  box.put = (text, value) => {
    name.textContent = text + " =";
    input.put(rounded(value));
  };
  return box;
}
