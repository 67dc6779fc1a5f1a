// A number bit by bit: flip the bits of a format, or type a number and see what it becomes.

const FORMATS = Object.fromEntries(Object.entries(D.formats).map(([key, [E, M, infinite]]) => {
  const bias = 2 ** (E - 1) - 1;
  return [key, { E, M, infinite, bias, low: 1 - bias,
    // Without infinity one more exponent is in use, and only all ones are NaN.
    largest: infinite ? (2 - 2 ** -M) * 2 ** bias : (2 - 2 ** (1 - M)) * 2 ** (bias + 1) }];
}));

const names = { float32: L.float32, tf32: L.tf32, bfloat16: L.bfloat16, float16: L.float16, e5m2: L.e5m2, e4m3: L.e4m3 };

const memory = new DataView(new ArrayBuffer(8));
function exponentOf(size) {
  memory.setFloat64(0, size);
  return ((memory.getUint32(0) >>> 20) & 0x7ff) - 1023;
}
const isNegative = (x) => x < 0 || Object.is(x, -0);

// The nearest number of a format; of two that are as near, the one whose last bit is 0.
function nearest(x, f) {
  if (Number.isNaN(x)) return x;
  const size = Math.abs(x);
  let y = size;
  if (size && Number.isFinite(size)) {
    const step = 2 ** (Math.max(exponentOf(size), f.low) - f.M);
    const steps = size / step;
    const whole = Math.floor(steps);
    const up = steps - whole > 0.5 || (steps - whole === 0.5 && whole % 2 === 1);
    y = (whole + (up ? 1 : 0)) * step;
  }
  if (y > f.largest) y = f.infinite ? Infinity : f.largest;
  return isNegative(x) ? -y : y;
}

// The pattern of bits without its sign, as a whole number, and back.
function patternOf(y, f) {
  const size = Math.abs(y);
  if (Number.isNaN(y)) return 2 ** (f.E + f.M) - 1;
  if (size === Infinity) return (2 ** f.E - 1) * 2 ** f.M;
  const e = Math.max(exponentOf(size), f.low);
  return (e - f.low) * 2 ** f.M + size / 2 ** (e - f.M);
}
function valueOf(pattern, f) {
  const [field, fraction] = [Math.floor(pattern / 2 ** f.M), pattern % 2 ** f.M];
  if (field === 2 ** f.E - 1) {
    if (f.infinite) return fraction ? NaN : Infinity;
    if (fraction === 2 ** f.M - 1) return NaN;
  }
  const front = (field ? 1 : 0) + fraction / 2 ** f.M;
  return front * 2 ** (Math.max(field, 1) - 1 + f.low);
}

const small = (exponent) => power(exponent).slice(2); // as a superscript
function shown(v) {
  if (Number.isNaN(v)) return L.nan;
  if (!Number.isFinite(v)) return v < 0 ? "−∞" : "∞";
  const [front, exponent] = String(Number(v.toPrecision(9))).split("e");
  const sign = Object.is(v, -0) ? "−" : "";
  return sign + front.replace("-", "−") + (exponent ? "×" + power(Number(exponent)) : "");
}

function draw() {
  let s; // format, the number as typed, sign and pattern of the bits
  const f = () => FORMATS[s.format];
  const put = (x) => {
    const y = nearest(x, f());
    Object.assign(s, { x, negative: isNegative(y), pattern: patternOf(y, f()) });
  };
  const value = () => (s.negative ? -1 : 1) * valueOf(s.pattern, f());
  const reset = () => {
    s = { format: D.format };
    put(D.number);
  };
  reset();

  const result = resultBox();
  const act = (change) => (argument) => {
    change(argument);
    render();
  };
  const typed = field(L.number, s.x, LIMITS.number, act(put), result.wrong);
  const kinds = choice(L.format, names, s.format,
    act((next) => {
      s.format = next;
      put(s.x);
    }));
  // The neighbours of a number, below and above; none for NaN, nothing beyond infinity.
  function neighbour(way) {
    const here = value();
    if (Number.isNaN(here)) return NaN;
    const away = s.negative === way < 0;
    if (s.pattern === 0 && !away) return way * valueOf(1, f());
    const next = valueOf(s.pattern + (away ? 1 : -1), f());
    if (Number.isNaN(next)) return NaN;
    return (s.negative ? -1 : 1) * next;
  }
  const walk = (way) => act(() => {
    const next = neighbour(way);
    if (!Number.isNaN(next)) put(next);
  });
  const bits = div("lf-bits");
  bits.addEventListener("keydown", (event) => {
    const move = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!move) return;
    event.preventDefault();
    const all = [...bits.querySelectorAll("button")];
    all[all.indexOf(document.activeElement) + move]?.focus();
  });
  const table = el("table", { class: "lf-becomes" });

  function flip(place) {
    const { E, M } = f();
    if (place === E + M) s.negative = !s.negative;
    else s.pattern += Math.floor(s.pattern / 2 ** place) % 2 ? -(2 ** place) : 2 ** place;
    s.x = value();
  }
  const bitButtons = () => {
    const { E, M } = f();
    const one = (place, part, worth) => {
      const on = place === E + M ? s.negative : Math.floor(s.pattern / 2 ** place) % 2 === 1;
      return el("button", { type: "button", class: "lf-button lf-bit", "aria-pressed": String(on),
        "data-row": 0, "data-col": place, "aria-label": say("bit", { part, worth }), onclick: () => {
          flip(place);
          render();
          bits.querySelector(`[data-col='${place}']`).focus();
        } }, on ? "1" : "0");
    };
    const group = (part, places, worth) => div("lf-part", span("lf-label", part),
      div("lf-row", ...places.map((place) => one(place, part, worth(place)))));
    const down = (from, count) => Array.from({ length: count }, (_, i) => from - 1 - i);
    return [group(L.sign, [E + M], () => "−1"), group(L.exponent, down(E + M, E), (p) => 2 ** (p - M)),
      group(L.fraction, down(M, M), (p) => "2" + small(p - M))];
  };
  const rows = () => Object.entries(FORMATS).map(([key, format], i) => {
    const y = nearest(s.x, format);
    const error = s.x && Number.isFinite(s.x) && Number.isFinite(y) ? Math.abs(y - s.x) / Math.abs(s.x) : "";
    return el("tr", key === s.format ? { class: "lf-chosen" } : {},
      el("th", { scope: "row" }, names[key]),
      el("td", { "data-grid": "becomes", "data-row": i, "data-col": 0, "data-value": y }, shown(y)),
      el("td", { "data-error": error }, error === "" ? "" : digits(error)));
  });

  function render() {
    kinds.put(s.format);
    const here = value();
    typed.put(Number.isFinite(s.x) ? s.x : "");
    bits.replaceChildren(...bitButtons());
    table.replaceChildren(el("tr", {}, el("th", { scope: "col" }, L.format), el("th", { scope: "col" }, L.becomes),
      el("th", { scope: "col" }, L.error)), ...rows());
    const [field_, fraction] = [Math.floor(s.pattern / 2 ** f().M), s.pattern % 2 ** f().M];
    const words = { sign: s.negative ? "−" : "+", value: shown(here),
      power: small(Math.max(field_, 1) - 1 + f().low),
      front: shown((field_ ? 1 : 0) + fraction / 2 ** f().M) };
    const [below, above] = [neighbour(-1), neighbour(1)];
    const between = Number.isFinite(here) ? say("between", { below: shown(below), above: shown(above) }) : "";
    const was = Number.isFinite(s.x) && s.x !== here ? say("typed_was", { typed: shown(s.x) }) : "";
    result.put([el("b", {}, Number.isFinite(here) ? say("normal", words) : say("special", words)), " ", between, " ", was],
      "value", here);
    Object.assign(result.dataset, { below, above, format: s.format, x: s.x });
  }

  // On a narrow screen the table scrolls; arrow keys reach it.
  const scrolled = el("div", { class: "lf-scroll", tabindex: 0, role: "group", "aria-label": L.table }, table);
  render();
  return [
    div("lf-bar", kinds, el("label", { class: "lf-control" }, span("lf-label", L.number), typed),
      button(L.down, walk(-1)), button(L.up, walk(1)), button(L.reset, () => {
        reset();
        render();
      })),
    bits,
    result,
    scrolled,
    note(L.hint),
  ];
}
