// Shared by every live figure. It is inlined in front of the figure's own script, in one
// function scope, so nothing here is visible to the page. `D` holds the data, `LIMITS` what may be
// typed, `L` the words.

const NS = "http://www.w3.org/2000/svg";
const SVG_TAGS = ["svg", "g", "line", "rect", "text"];

// An element with attributes, listeners ("onclick") and children; null children are skipped.
function el(tag, attributes, ...children) {
  const svg = SVG_TAGS.includes(tag);
  const node = svg ? document.createElementNS(NS, tag) : document.createElement(tag);
  for (const [key, value] of Object.entries(attributes || {})) {
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else if (value !== null && value !== false) node.setAttribute(key, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== null));
  return node;
}

// The text `key` with its {places} filled in.
function say(key, values) {
  return L[key].replace(/\{(\w+)\}/g, (place, name) => values[name] ?? place);
}

const rounded = (value) => Math.round(value * 1000) / 1000;
// At most three decimals, with a real minus sign; the exact number is in data-value.
const show = (value) => String(rounded(value) || 0).replace("-", "−");
const sum = (values) => values.reduce((a, b) => a + b, 0);
const clamp = (value, low, high) => Math.min(high, Math.max(low, value));

const div = (kind, ...children) => el("div", { class: kind }, ...children);
const span = (kind, ...children) => el("span", { class: kind }, ...children);
const note = (...parts) => div("lf-note", ...parts);
const term = (text) => span("lf-term", text);
const strong = (text) => el("strong", { class: "lf-term" }, text);

// `press(key, target)` returns whether it used the key; the page and the notebook then do not see
// it as well.
function onKeys(box, press) {
  box.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !press(event.key, event.target)) return;
    event.preventDefault();
    event.stopPropagation();
  });
}

// A number field with its limits, [low, high, step]; without a step it takes whole numbers. A
// value outside them is reported and not used.
function field(label, value, [low, high, step = 1], onvalue, onerror) {
  const input = el("input", { type: "number", min: low, max: high, step: step === 1 ? 1 : "any",
    value, "aria-label": label, class: "lf-field" });
  const flag = (bad) => input.setAttribute("aria-invalid", bad);
  let good = value;
  input.addEventListener("input", () => {
    const bad = input.value === "" || !input.validity.valid;
    flag(bad);
    if (bad) {
      const named = { name: label, low, high };
      if (step !== 1) return onerror(L.real_range ? say("real_range", named) : say("range", named));
      return onerror(say("range", named) + (L.whole ? " " + L.whole : ""));
    }
    good = Number(input.value);
    onvalue(good);
  });
  input.addEventListener("blur", () => {
    if (input.getAttribute("aria-invalid") !== "true") return;
    input.value = good;
    flag(false);
    onvalue(good);
  });
  // `text`: where the field shows fewer digits than the value has.
  input.put = (next, text = next) => {
    good = next;
    if (document.activeElement !== input) input.value = text;
  };
  return input;
}

// Two or more buttons of which one is pressed.
function toggle(label, options, value, onvalue) {
  const buttons = Object.entries(options).map(([name, text]) =>
    el("button", { type: "button", class: "lf-button", "data-option": name, onclick: () => {
      box.put(name);
      onvalue(name);
    } }, text));
  const box = el("div", { class: "lf-toggle", role: "group", "aria-label": label }, ...buttons);
  box.put = (next) => buttons.forEach((one) =>
    one.setAttribute("aria-pressed", one.dataset.option === next));
  box.put(value);
  return box;
}

const button = (text, onclick) => el("button", { type: "button", class: "lf-button", onclick }, text);

// The line that says what is selected; read out when it changes.
function resultBox() {
  const box = el("div", { class: "lf-result", role: "status", "aria-live": "polite" });
  box.put = (parts, name, value) => {
    box.replaceChildren(...parts);
    box.classList.remove("lf-wrong");
    box.dataset.result = name || "";
    box.dataset.value = value === undefined ? "" : String(value);
  };
  box.wrong = (text) => {
    box.put([el("b", {}, "! "), text], "error");
    box.classList.add("lf-wrong");
  };
  return box;
}

// Find the figure by its id (a notebook runs the script detached, so there is no "current
// script"), wait a little if the notebook has not attached it yet, and draw it once.
function start(id, draw) {
  let tries = 100;
  (function attempt() {
    const found = [...document.querySelectorAll("figure.live-figure")]
      .filter((node) => node.id === id && !node.dataset.ready);
    for (const root of found) {
      root.dataset.ready = "true";
      const content = draw();
      root.replaceChildren(...content);
    }
    if (!found.length && tries-- > 0 && !document.getElementById(id)) setTimeout(attempt, 50);
  })();
}
