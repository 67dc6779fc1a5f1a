// Axes of a plot that is drawn anew at the width it gets, so that its text keeps its size.

SVG_TAGS.push("circle", "path");
const svgText = (x, y, content, anchor, kind) =>
  el("text", { x, y, "text-anchor": anchor, class: kind || null }, content);

// spec: width, height, x and y: [low, high], xTicks and yTicks: {place: text}, xLabel (null: no
// room for it), yLabel, title
function axes(spec) {
  const { width, height } = spec;
  const [left, right, top, bottom] = [44, 10, 24, spec.xLabel ? 36 : 6];
  const scale = ([low, high], from, to) => (value) => from + (to - from) * (value - low) / (high - low);
  const x = scale(spec.x, left, width - right);
  const y = scale(spec.y, height - bottom, top);
  const svg = el("svg", { width, height, class: "lf-plot", role: "img", "aria-label": spec.title });
  for (const [at, text] of Object.entries(spec.yTicks)) {
    svg.append(el("line", { x1: left, x2: width - right, y1: y(at), y2: y(at), class: "lf-rule" }),
      svgText(left - 6, y(at) + 4, text, "end"));
  }
  for (const [at, text] of Object.entries(spec.xTicks)) {
    svg.append(el("line", { x1: x(at), x2: x(at), y1: y(spec.y[0]), y2: y(spec.y[0]) + 4, class: "lf-axis" }),
      svgText(x(at), height - bottom + 17, text, "middle"));
  }
  svg.append(el("line", { x1: left, x2: width - right, y1: y(spec.y[0]), y2: y(spec.y[0]), class: "lf-axis" }),
    svgText(0, 12, spec.yLabel, "start"));
  if (spec.xLabel) svg.append(svgText((left + width - right) / 2, height - 3, spec.xLabel, "middle"));
  // Where on the x axis a pointer is.
  const at = (event) => spec.x[0] + (event.clientX - svg.getBoundingClientRect().left - left)
    / (width - right - left) * (spec.x[1] - spec.x[0]);
  return { svg, x, y, at };
}

// Calls `paint` as soon as the box has a width and whenever it gets another one; `box.width` is it.
function whenSized(box, paint) {
  new ResizeObserver(() => {
    const width = Math.floor(box.clientWidth);
    if (!width || width === box.width) return;
    box.width = width;
    paint();
  }).observe(box);
}

// Calls `use(event)` where a pointer goes down on the box, and for its moves until it is lifted.
function onDrag(box, use) {
  box.onpointerdown = box.onpointermove = (event) => {
    if (event.type === "pointerdown") box.setPointerCapture(event.pointerId);
    if (box.hasPointerCapture(event.pointerId)) use(event);
  };
}
