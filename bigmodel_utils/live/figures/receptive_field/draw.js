// Receptive field of a stack of layers, along one axis and without padding: the table of the
// recurrence is the editor of the stack, the picture shows one unit's inputs and the number of
// paths that lead to it from each of them.

const PITCH = 26;
const UNIT = 24;
const LEFT = 58;
const ROW = 62;
const BARS = 46;
const WIDEST = 64;
const ORDER = ["kernel_size", "stride", "dilation"];

function draw() {
  let preset, layers, picked;

  function reset() {
    preset = D.preset;
    layers = copy(D.layers);
    picked = D.select;
  }
  reset();

  // Size and jump after each layer: r = r + d (k - 1) j, then j = j s.
  function recurrence() {
    const rows = [{ size: 1, jump: 1 }];
    for (const [k, s, d] of layers) {
      const { size, jump } = rows[rows.length - 1];
      rows.push({ size: size + d * (k - 1) * jump, jump: jump * s });
    }
    return rows;
  }

  // Units in each layer, so that the last has three of them (one where that gets too wide).
  function counts(rows) {
    const last = rows[rows.length - 1];
    const inputs = (top) => last.size + (top - 1) * last.jump;
    const n = [inputs(3) <= WIDEST ? inputs(3) : inputs(1)];
    for (const [k, s, d] of layers) n.push(Math.floor((n[n.length - 1] - d * (k - 1) - 1) / s) + 1);
    return n;
  }

  // paths[l][i]: in how many ways unit i of layer l leads to the picked unit.
  function countPaths(n) {
    const paths = n.map((count) => zeros(1, count)[0]);
    const edges = [];
    const [top, unit] = picked;
    paths[top][unit] = 1;
    for (let l = top; l > 0; l--) {
      const [k, s, d] = layers[l - 1];
      paths[l].forEach((count, i) => {
        if (!count) return;
        for (let u = 0; u < k; u++) {
          paths[l - 1][i * s + u * d] += count;
          edges.push([l, i, i * s + u * d]);
        }
      });
    }
    return { paths, edges };
  }

  const result = resultBox();
  const table = el("table", { class: "lf-table" });
  const strip = div("lf-scroll");
  const names = Object.fromEntries(Object.keys(D.presets).map((key) => [key, L["preset_" + key]]));
  if (preset === "own") names.own = L.preset_own;
  const presets = choice(L.preset, names, preset, (next) => {
    preset = next;
    layers = copy(next === "own" ? D.layers : D.presets[next]);
    picked = null;
    rebuild();
  });
  const changed = () => {
    picked = null;
    render();
  };
  const add = button(L.add, () => {
    layers.push([3, 1, 1]);
    picked = null;
    rebuild();
  });
  let outputs = [];

  // The table is built anew only when a layer comes or goes, so that its fields keep the focus.
  function rebuild() {
    presets.put(preset);
    add.disabled = layers.length >= LIMITS.layers[1];
    outputs = [];
    const head = ["", "k", "s", "d", L.size, L.jump, ""].map((text, i) =>
      el(i % 6 ? "th" : "td", i % 6 ? { scope: "col" } : {}, text));
    const number = (name, row) => {
      const box = el("b", { "data-grid": name, "data-row": row, "data-col": 0 });
      const calc = span("lf-calc");
      return { box, calc, cell: el("td", {}, calc, box) };
    };
    const lines = [null, ...layers].map((layer, l) => {
      const [size, jump] = [number("size", l), number("jump", l)];
      outputs.push({ size, jump });
      const title = el("th", { scope: "row" }, l ? say("layer", { l }) : L.input);
      if (!layer) return el("tr", {}, title, ...[0, 1, 2].map(() => el("td", {}, "–")), size.cell, jump.cell, el("td"));
      const fields = [L.kernel_size, L.stride, L.dilation].map((text, i) =>
        el("td", {}, field(say("layer", { l }) + ", " + text, layer[i], LIMITS[ORDER[i]], (value) => {
          layer[i] = value;
          changed();
        }, result.wrong)));
      const remove = el("button", { type: "button", class: "lf-button lf-nudge",
        "aria-label": say("remove", { l }), onclick: () => {
          layers.splice(l - 1, 1);
          picked = null;
          rebuild();
          add.focus();
        } }, "×");
      remove.disabled = layers.length <= LIMITS.layers[0];
      return el("tr", {}, title, ...fields, size.cell, jump.cell, el("td", {}, remove));
    });
    table.replaceChildren(el("thead", {}, el("tr", {}, ...head)), el("tbody", {}, ...lines));
    render();
  }

  function fillTable(rows) {
    rows.forEach(({ size, jump }, l) => {
      const put = (into, value, calc) => {
        into.box.textContent = value;
        into.box.dataset.value = value;
        into.calc.textContent = calc;
      };
      const before = rows[l - 1];
      const [k, s, d] = layers[l - 1] || [];
      put(outputs[l].size, size, l ? before.size + " + " + d + "·(" + k + " − 1)·" + before.jump + " = " : "");
      put(outputs[l].jump, jump, l ? before.jump + "·" + s + " = " : "");
    });
  }

  const short = (count) => (count > 999 ? Math.round(count / 1000) + "k" : String(count));

  function picture(rows, n, { paths, edges }) {
    const top = layers.length;
    const middle = (l, i) => LEFT + PITCH * (rows[l].jump * i + rows[l].size / 2);
    const above = (l) => 6 + (top - l) * ROW;
    const height = above(0) + UNIT + BARS + 34;
    const most = Math.max(...paths[0]);
    const units = el("g", { role: "grid", "aria-label": L.units });
    const svg = el("svg", { width: LEFT + PITCH * n[0] + 4, height, class: "lf-strip" },
      ...edges.map(([l, i, below]) => el("line", { x1: middle(l, i), y1: above(l) + UNIT,
        x2: middle(l - 1, below), y2: above(l - 1), class: "lf-link" })), units);
    const text = (x, y, content, kind) => el("text", { x, y, class: kind }, content);
    for (let l = top; l >= 0; l--) {
      svg.append(text(0, above(l) + 16, l ? say("layer", { l }) : L.input, "lf-name"));
      const line = el("g", { role: "row" });
      paths[l].forEach((count, i) => {
        const chosen = l === picked[0] && i === picked[1];
        const kind = chosen ? " lf-pick" : count ? " lf-lit" : "";
        line.append(el("g", { role: "gridcell", class: "lf-unit" + kind, tabindex: chosen ? 0 : -1,
          "aria-selected": chosen, "data-grid": "unit", "data-row": l, "data-col": i,
          "data-value": count, "aria-label": say("unit", { l, i, n: count }) },
        el("rect", { x: middle(l, i) - UNIT / 2, y: above(l), width: UNIT, height: UNIT, rx: 3 }),
        text(middle(l, i), above(l) + 16, count ? short(count) : "", "lf-count")));
      });
      units.append(line);
    }
    const base = above(0) + UNIT + BARS + 10;
    svg.append(text(0, base - 2, L.paths, "lf-name"));
    paths[0].forEach((count, i) => {
      const tall = most ? BARS * count / most : 0;
      svg.append(el("rect", { x: middle(0, i) - 8, y: base - tall, width: 16, height: tall,
        class: "lf-path", "data-grid": "path", "data-row": 0, "data-col": i, "data-value": count }),
      text(middle(0, i), base + 14, i, "lf-count lf-faint"));
    });
    svg.append(el("line", { x1: LEFT, y1: base, x2: LEFT + PITCH * n[0], y2: base, class: "lf-base" }));
    return svg;
  }

  function describe(rows, paths) {
    const [l, i] = picked;
    const seen = paths[0].map((count, at) => (count ? at : -1)).filter((at) => at >= 0);
    const { size } = rows[l];
    const total = sum(paths[0]);
    let [most, carried] = [0, 0];
    for (const count of paths[0].slice().sort((a, b) => b - a)) {
      if (carried >= 0.9 * total) break;
      carried += count;
      most += 1;
    }
    const parts = [el("b", {}, say("sees", { l, i, from: seen[0], to: seen[seen.length - 1] })), " ",
      say("size_2d", { r: size, area: size * size })];
    if (seen.length < size) parts.push(" ", say("holes", { n: size - seen.length }));
    parts.push(" ", say("share", { total, most, percent: Math.round(100 * carried / total) }));
    result.put(parts, "size", size);
    result.dataset.most = most;
  }

  function render(focus) {
    const rows = recurrence();
    fillTable(rows);
    const n = counts(rows);
    strip.hidden = n[0] > WIDEST;
    if (strip.hidden) {
      const { size } = rows[layers.length];
      return result.wrong(say("wide", { r: size, area: size * size }));
    }
    const [l, i] = picked || [layers.length, n[layers.length] >> 1];
    const layer = clamp(l, 0, layers.length);
    picked = [layer, clamp(i, 0, n[layer] - 1)];
    const counted = countPaths(n);
    strip.replaceChildren(picture(rows, n, counted));
    describe(rows, counted.paths);
    if (focus) strip.querySelector(".lf-pick").focus({ preventScroll: false });
  }

  // Left and right along a layer; up and down to the unit nearest above or below.
  function move(key) {
    const rows = recurrence();
    const n = counts(rows);
    const [l, i] = picked;
    const step = { ArrowLeft: -1, ArrowRight: 1, Home: -n[l], End: n[l] }[key];
    if (step) return [l, clamp(i + step, 0, n[l] - 1)];
    const next = clamp(l + (key === "ArrowUp" ? 1 : -1), 0, layers.length);
    const at = rows[l].jump * i + (rows[l].size - rows[next].size) / 2;
    return [next, clamp(Math.round(at / rows[next].jump), 0, n[next] - 1)];
  }

  const place = (node) => {
    const unit = node.closest("[role=gridcell]");
    return unit && [Number(unit.dataset.row), Number(unit.dataset.col)];
  };
  strip.addEventListener("click", (event) => {
    const at = place(event.target);
    if (!at) return;
    picked = at;
    render(true);
  });
  onKeys(strip, (key, node) => {
    if (!place(node) || !/^(Arrow|Home$|End$|Enter$| $)/.test(key)) return false;
    if (/^(Arrow|Home|End)/.test(key)) picked = move(key);
    render(true);
    return true;
  });

  rebuild();
  // On a phone the strip is wider than the screen: begin with the chosen unit in its middle.
  requestAnimationFrame(() => {
    strip.scrollLeft = (strip.scrollWidth - strip.clientWidth) / 2;
  });
  return [
    div("lf-bar", presets, add, button(L.reset, () => {
      reset();
      rebuild();
    })),
    div("lf-scroll", table),
    strip,
    result,
    note(L.hint),
  ];
}
