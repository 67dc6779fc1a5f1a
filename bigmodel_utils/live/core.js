// Shared by every live figure. It is inlined in front of the figure's own script, in one
// function scope, so nothing here is visible to the page. `L` holds the labels.

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

// The label `key` with its {places} filled in.
function say(key, values) {
  return L[key].replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

const rounded = (value) => Math.round(value * 1000) / 1000;
// At most three decimals, with a real minus sign; the exact number is in data-value.
const show = (value) => String(rounded(value) || 0).replace("-", "\u2212");
const clamp = (value, low, high) => Math.min(high, Math.max(low, value));

// A number field with its limits. A value outside them is reported and not used.
function field(label, value, low, high, step, onvalue, onerror) {
  const input = el("input", { type: "number", min: low, max: high, step: step === 1 ? 1 : "any",
    value, "aria-label": label, class: "lf-field" });
  let good = value;
  input.addEventListener("input", () => {
    const bad = input.value === "" || !input.validity.valid;
    input.setAttribute("aria-invalid", bad);
    if (bad) return onerror(say("range", { name: label, low, high }));
    good = Number(input.value);
    onvalue(good);
  });
  input.addEventListener("blur", () => {
    if (input.getAttribute("aria-invalid") !== "true") return;
    input.value = good;
    input.setAttribute("aria-invalid", false);
    onvalue(good);
  });
  input.put = (next) => {
    good = next;
    if (document.activeElement !== input) input.value = next;
  };
  return input;
}

// A native drop-down list; `options` maps a value to its text.
function choice(label, options, value, onvalue) {
  const select = el("select", { class: "lf-field", "aria-label": label,
    onchange: () => onvalue(select.value) },
    ...Object.entries(options).map(([name, text]) => el("option", { value: name }, text)));
  select.value = value;
  const box = el("label", { class: "lf-control" }, el("span", { class: "lf-label" }, label), select);
  return Object.assign(box, { select });
}

// Two or more buttons of which one is pressed.
function toggle(label, options, value, onvalue) {
  const buttons = Object.entries(options).map(([name, text]) =>
    el("button", { type: "button", class: "lf-button", "data-option": name, onclick: () => {
      put(name);
      onvalue(name);
    } }, text));
  const put = (name) => buttons.forEach((button) =>
    button.setAttribute("aria-pressed", button.dataset.option === name));
  put(value);
  return el("div", { class: "lf-toggle", role: "group", "aria-label": label }, ...buttons);
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
