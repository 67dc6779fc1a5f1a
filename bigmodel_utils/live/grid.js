// Matrices that are read and changed cell by cell, for the figures that show them.

const PIXELS_PER_STEP = 8;
const LIMIT = 99;

// A matrix as a keyboard grid (one tab stop, arrows move). An editable one is changed by
// dragging a cell up or down, by typing, or with the arrows after Enter.
//   spec: name (data-grid), symbol, title, editable, gray (shade like an image),
//         onselect(row, column), onedit(row, column, value), onactive(row, column)
function grid(spec) {
  const body = el("div", { role: "grid", "aria-label": spec.title, class: "lf-grid" });
  const shape = el("span", { class: "lf-shape" });
  const box = el("div", { class: "lf-block" + (spec.editable ? " lf-editable" : "") },
    el("div", { class: "lf-title" }, el("b", {}, spec.symbol), " " + spec.title + " ", shape),
    el("div", { class: "lf-scroll" }, body));
  const self = { box, values: [], set, mark };
  let cells = {};
  let built = "";
  let active = null;
  let edit = null;
  let drag = null;

  const key = (row, column) => row + "," + column;
  const where = (cell) => [Number(cell.dataset.row), Number(cell.dataset.col)];
  const target = (event) => event.target.closest("[role=gridcell]");

  function build(rows, columns, [top, left]) {
    cells = {};
    const index = (text) => el("span", { class: "lf-index", "aria-hidden": "true" }, text);
    const head = el("div", { class: "lf-row lf-head", "aria-hidden": "true" }, index(""));
    for (let c = -left; c < columns + left; c++) head.append(index(c < 0 || c >= columns ? "" : c));
    const lines = [];
    for (let r = -top; r < rows + top; r++) {
      const outside = r < 0 || r >= rows;
      const line = el("div", { class: "lf-row", role: outside ? null : "row",
        "aria-hidden": outside ? "true" : null }, index(outside ? "" : r));
      for (let c = -left; c < columns + left; c++) {
        const ring = outside || c < 0 || c >= columns;
        const cell = ring
          ? el("div", { class: "lf-cell lf-ring", "aria-hidden": "true" })
          : el("div", { class: "lf-cell", role: "gridcell", tabindex: -1,
            "data-grid": spec.name, "data-row": r, "data-col": c });
        cell.append(el("span", { class: "lf-num" }, ring ? spec.ring : ""),
          el("span", { class: "lf-sub" }));
        cells[key(r, c)] = cell;
        line.append(cell);
      }
      lines.push(line);
    }
    body.replaceChildren(head, ...lines);
    const [row, column] = active || [0, 0];
    activate(clamp(row, 0, rows - 1), clamp(column, 0, columns - 1));
  }

  function activate(row, column, focus) {
    for (const cell of body.querySelectorAll("[tabindex='0']")) cell.tabIndex = -1;
    active = [row, column];
    const cell = cells[key(row, column)];
    if (!cell) return;
    cell.tabIndex = 0;
    if (focus) cell.focus();
  }

  function write(cell, value) {
    const text = edit && edit.cell === cell && edit.text !== null ? edit.text + "|" : show(value);
    cell.dataset.value = String(value);
    cell.firstChild.textContent = text;
    cell.classList.toggle("lf-long", text.length > 4);
    cell.classList.toggle("lf-edit", Boolean(edit && edit.cell === cell));
  }

  // `ring`: how many cells of padding to draw around the matrix, (rows, columns).
  function set(values, ring) {
    const pad = ring || [0, 0];
    const rows = values.length;
    const columns = rows ? values[0].length : 0;
    const plan = [rows, columns, ...pad].join();
    self.values = values;
    if (plan !== built) build(rows, columns, pad);
    built = plan;
    shape.textContent = rows + "\u00d7" + columns;
    const largest = Math.max(1e-9, ...values.flat().map(Math.abs));
    values.forEach((line, r) => line.forEach((value, c) => {
      const cell = cells[key(r, c)];
      write(cell, value);
      cell.style.setProperty("--lf-tint", (Math.abs(value) / largest * 26).toFixed(0) + "%");
      cell.classList.toggle("lf-negative", value < 0);
      cell.classList.toggle("lf-gray", Boolean(spec.gray));
    }));
  }

  // `look(row, column)` returns null or {pick, sub, note}: pick marks the chosen cell, any other
  // answer lights the cell, with `sub` printed under its number and `note` read out.
  function mark(look) {
    for (const [place, cell] of Object.entries(cells)) {
      const [row, column] = place.split(",").map(Number);
      const seen = look ? look(row, column) : null;
      cell.classList.toggle("lf-lit", Boolean(seen && !seen.pick));
      cell.classList.toggle("lf-pick", Boolean(seen && seen.pick));
      cell.lastChild.textContent = (seen && seen.sub) || "";
      if (!cell.dataset.grid) continue;
      const value = show(Number(cell.dataset.value));
      const note = seen ? seen.note || seen.sub || (seen.pick ? "" : L.lit) : "";
      cell.setAttribute("aria-selected", Boolean(seen && seen.pick));
      cell.setAttribute("aria-label", say("cell", { row, column, value }) + (note ? ", " + note : ""));
    }
  }

  function change(cell, value) {
    const [row, column] = where(cell);
    spec.onedit(row, column, clamp(value, -LIMIT, LIMIT));
  }

  function begin(cell, text) {
    edit = { cell, text, before: Number(cell.dataset.value) };
    write(cell, edit.before);
  }

  function end(cancel) {
    if (!edit) return;
    const { cell, before } = edit;
    edit = null;
    if (cancel) change(cell, before);
    else write(cell, Number(cell.dataset.value));
  }

  function type(cell, text) {
    edit.text = text.slice(0, 7);
    const value = Number(edit.text.replace(",", "."));
    if (edit.text && Number.isFinite(value)) change(cell, value);
    else write(cell, Number(cell.dataset.value));
  }

  const MOVES = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1],
    Home: [0, -LIMIT], End: [0, LIMIT], PageUp: [-LIMIT, 0], PageDown: [LIMIT, 0] };

  // Returns whether the key was used, so that the page and the notebook do not see it as well.
  function press(cell, name) {
    const [row, column] = where(cell);
    if (edit) {
      if (name === "Enter" || name === "Escape") end(name === "Escape");
      else if (name === "ArrowUp" || name === "ArrowDown") {
        edit.text = null;
        change(cell, Number(cell.dataset.value) + (name === "ArrowUp" ? STEP : -STEP));
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
  }

  body.addEventListener("keydown", (event) => {
    const cell = target(event);
    if (!cell || event.ctrlKey || event.metaKey || event.altKey || !press(cell, event.key)) return;
    event.preventDefault();
    event.stopPropagation();
  });
  body.addEventListener("focusout", () => end(false));
  body.addEventListener("focusin", (event) => {
    const cell = target(event);
    if (!cell) return;
    activate(...where(cell));
    if (spec.onactive) spec.onactive(...where(cell));
  });
  body.addEventListener("click", (event) => {
    const cell = target(event);
    if (!cell || (drag && drag.moved)) return;
    activate(...where(cell), true);
    spec.onselect(...where(cell));
  });
  if (spec.editable) {
    body.addEventListener("pointerdown", (event) => {
      const cell = target(event);
      drag = null;
      if (!cell || event.button) return;
      end(false);
      drag = { cell, start: event.clientY, value: Number(cell.dataset.value), moved: false };
      cell.setPointerCapture(event.pointerId);
    });
    body.addEventListener("pointermove", (event) => {
      if (!drag || !drag.cell.hasPointerCapture(event.pointerId)) return;
      const steps = Math.trunc((drag.start - event.clientY) / PIXELS_PER_STEP);
      if (!steps && !drag.moved) return;
      if (!drag.moved) activate(...where(drag.cell), true);
      drag.moved = true;
      change(drag.cell, drag.value + steps * STEP);
    });
  }
  return self;
}
