// Matrices that are read and changed cell by cell, for the figures that show them.

const PIXELS_PER_STEP = 8;
const STEP = LIMITS.value[2];
const place = (row, column) => "[" + row + ", " + column + "]";

// A matrix as a keyboard grid (one tab stop, arrows move). An editable one is changed by
// dragging a cell up or down, by typing, or with the arrows after Enter.
//   spec: name (data-grid), symbol, title, editable, gray (shade like an image), ring (what the
//         cells of padding show),
//         from: the numbers of the first row and column, [0, 0]; null: these are not written,
//         gap(column): whether a gap stands before it,
//         unknown(row, column): whether a cell is not computed yet,
//         text(value): how a cell writes its number,
//         speak(row, column, value): what is read out for a cell; the value is null if unknown,
//         onselect(row, column), onedit(row, column, value), onactive(row, column)
function grid(spec) {
  const body = el("div", { role: "grid", "aria-label": spec.title, class: "lf-grid" });
  const shape = span("lf-shape");
  const box = el("div", { class: "lf-block" + (spec.editable ? " lf-editable" : "") },
    div("lf-title", el("b", {}, spec.symbol), " " + spec.title + " ", shape),
    div("lf-scroll", body));
  const self = { box, values: [], set, mark };
  const [firstRow, firstColumn] = spec.from || [0, 0];
  const gap = (column) => (spec.gap && spec.gap(column) ? " lf-cut" : "");
  let cells = {};
  let heads = [];
  let built = "";
  let largest = 1;
  let look = null;
  let active = null;
  let edit = null;
  let drag = null;

  const valueOf = ({ at: [row, column] }) => self.values[row][column];
  const target = (node) => node.closest("[role=gridcell]");

  function build(rows, columns, [top, left]) {
    cells = {};
    edit = null;
    const index = (text) => el("span", { class: "lf-index", "aria-hidden": "true" }, text);
    const number = (i, count, first) => (i < 0 || i >= count || first === null ? "" : i + first);
    heads = [];
    for (let c = -left; c < columns + left; c++) heads.push(index(number(c, columns, firstColumn)));
    const lines = [];
    for (let r = -top; r < rows + top; r++) {
      const outside = r < 0 || r >= rows;
      const line = el("div", { class: "lf-row", role: outside ? null : "row",
        "aria-hidden": outside ? "true" : null }, index(number(r, rows, firstRow)));
      for (let c = -left; c < columns + left; c++) {
        const ring = outside || c < 0 || c >= columns;
        const cell = el("div", ring ? { "aria-hidden": "true" }
          : { role: "gridcell", tabindex: -1, "data-grid": spec.name, "data-row": r, "data-col": c },
        span("lf-num", ring ? spec.ring : ""), span("lf-sub"));
        cell.at = [r, c];
        cells[place(r, c)] = cell;
        line.append(cell);
      }
      lines.push(line);
    }
    body.replaceChildren(el("div", { class: "lf-row lf-head", "aria-hidden": "true" }, index(""), ...heads), ...lines);
    const [row, column] = active || [0, 0];
    activate(clamp(row, 0, rows - 1), clamp(column, 0, columns - 1));
  }

  function activate(row, column, focus) {
    for (const cell of body.querySelectorAll("[tabindex='0']")) cell.tabIndex = -1;
    active = [row, column];
    const cell = cells[place(row, column)];
    if (!cell) return;
    cell.tabIndex = 0;
    if (focus) cell.focus();
  }

  // `ring`: how many cells of padding to draw around the matrix, (rows, columns). `mark` draws.
  function set(values, ring = [0, 0]) {
    const [rows, columns] = [values.length, values.length ? values[0].length : 0];
    const plan = [rows, columns, ...ring].join();
    self.values = values;
    if (plan !== built) build(rows, columns, ring);
    built = plan;
    shape.textContent = rows + "×" + columns;
    largest = Math.max(1e-9, ...values.flat().map(Math.abs));
  }

  // `look(row, column)` returns null or {pick, lit, sub, note, kind, css}: pick marks the chosen
  // cell, any other answer lights the cell unless lit is false; `sub` is printed under its number,
  // `note` read out, `kind` is a class and `css` are properties of its own.
  function mark(next) {
    look = next;
    heads.forEach((head, c) => { head.className = "lf-index" + gap(c); });
    Object.values(cells).forEach(paint);
  }

  function paint(cell) {
    const [row, column] = cell.at;
    const seen = (look && look(row, column)) || { lit: false };
    const lit = !seen.pick && seen.lit !== false;
    const marks = (lit ? " lf-lit" : "") + (seen.pick ? " lf-pick" : "") + (seen.kind ? " " + seen.kind : "");
    cell.lastChild.textContent = seen.sub || "";
    if (!cell.dataset.grid) {
      cell.className = "lf-cell lf-ring" + marks;
      return;
    }
    const later = Boolean(spec.unknown && spec.unknown(row, column));
    const value = later ? null : self.values[row][column];
    const editing = Boolean(edit && edit.cell === cell);
    const text = editing && edit.text !== null ? edit.text + "|" : later ? "·" : (spec.text || show)(value);
    cell.firstChild.textContent = text;
    if (later) delete cell.dataset.value;
    else cell.dataset.value = String(value);
    cell.className = "lf-cell" + marks + gap(column) + (text.length > 4 ? " lf-long" : "") + (value < 0 ? " lf-negative" : "")
      + (spec.gray ? " lf-gray" : "") + (later ? " lf-later" : "") + (editing ? " lf-edit" : "");
    const css = { "--lf-tint": (Math.abs(value) / largest * 26).toFixed(0) + "%", ...seen.css };
    for (const [key, to] of Object.entries(css)) cell.style.setProperty(key, to);
    const said = spec.speak ? spec.speak(row, column, value)
      : say("cell", { row: row + firstRow, column: column + firstColumn, value: show(value) });
    const more = seen.note || seen.sub || (lit ? L.lit : "");
    cell.setAttribute("aria-selected", Boolean(seen.pick));
    cell.setAttribute("aria-label", said + (more ? ", " + more : ""));
  }

  const change = (cell, value) => spec.onedit(...cell.at, value);

  function begin(cell, text) {
    edit = { cell, text, before: valueOf(cell) };
    paint(cell);
  }

  function end(cancel) {
    if (!edit) return;
    const { cell, before } = edit;
    edit = null;
    if (cancel) change(cell, before);
    else paint(cell);
  }

  function type(cell, text) {
    edit.text = text.slice(0, 7);
    const value = Number(edit.text.replace(",", "."));
    if (edit.text && Number.isFinite(value)) change(cell, value);
    else paint(cell);
  }

  const MOVES = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1],
    Home: [0, -Infinity], End: [0, Infinity], PageUp: [-Infinity, 0], PageDown: [Infinity, 0] };

  onKeys(body, (name, node) => {
    const cell = target(node);
    if (!cell) return false;
    const [row, column] = cell.at;
    if (edit) {
      if (name === "Enter" || name === "Escape") end(name === "Escape");
      else if (name === "ArrowUp" || name === "ArrowDown") {
        edit.text = null;
        change(cell, valueOf(cell) + (name === "ArrowUp" ? STEP : -STEP));
      } else if (name === "Backspace") type(cell, (edit.text || "").slice(0, -1));
      else if (/^[-0-9.,]$/.test(name)) type(cell, (edit.text || "") + name);
      else return name.startsWith("Arrow");
      return true;
    }
    if (MOVES[name]) {
      const [down, right] = MOVES[name];
      activate(clamp(row + down, 0, self.values.length - 1),
        clamp(column + right, 0, self.values[0].length - 1), true);
    } else if (name === "Enter" || name === " ") {
      spec.onselect(row, column);
      if (name === "Enter" && spec.editable) begin(cell, null);
    } else if (spec.editable && name === "F2") begin(cell, null);
    else if (spec.editable && /^[-0-9.,]$/.test(name)) {
      begin(cell, "");
      type(cell, name);
    } else return false;
    return true;
  });
  body.addEventListener("focusout", () => end(false));
  body.addEventListener("focusin", (event) => {
    const cell = target(event.target);
    if (!cell) return;
    activate(...cell.at);
    if (spec.onactive) spec.onactive(...cell.at);
  });
  body.addEventListener("click", (event) => {
    const cell = target(event.target);
    if (!cell || (drag && drag.moved)) return;
    activate(...cell.at, true);
    spec.onselect(...cell.at);
  });
  if (spec.editable) {
    body.addEventListener("pointerdown", (event) => {
      const cell = target(event.target);
      drag = null;
      if (!cell || event.button) return;
      end(false);
      drag = { cell, start: event.clientY, value: valueOf(cell), moved: false };
      cell.setPointerCapture(event.pointerId);
    });
    body.addEventListener("pointermove", (event) => {
      if (!drag || !drag.cell.hasPointerCapture(event.pointerId)) return;
      const steps = Math.trunc((drag.start - event.clientY) / PIXELS_PER_STEP);
      if (!steps && !drag.moved) return;
      if (!drag.moved) activate(...drag.cell.at, true);
      drag.moved = true;
      change(drag.cell, drag.value + steps * STEP);
    });
  }
  return self;
}
