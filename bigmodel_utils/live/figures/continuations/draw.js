// A tree of continuations: choose tokens and see how probable the whole path is.

function draw() {
  let heat, path, left;
  let seeds = randoms(D.seed);
  const reset = () => {
    [heat, path, left] = [D.temperatures.indexOf(D.temperature), [], false];
    seeds = randoms(D.seed);
  };
  reset();

  // Of the whole vocabulary: log_z sums over it.
  const log = (place, token) => token.logit / D.temperatures[heat] - place.log_z[heat];
  const chance = (place) => place.next.map((token) => Math.exp(log(place, token)));
  // The places along a path, the prompt's first.
  const places = (steps) => steps.reduce((all, i) => [...all, all.at(-1).next[i]], [D.tree]);
  const logs = (steps) => {
    const all = places(steps);
    return steps.map((i, n) => log(all[n], all[n].next[i]));
  };
  const seen = (token) => token.replace(/ /g, "␣").replace(/\n/g, "⏎").replace(/\t/g, "⇥");
  const named = (token) => (token.trim() ? seen(token) : L.blank);
  const percent = (p) => digits(100 * p) + " %";

  function greedy() {
    const steps = [];
    for (let place = D.tree; place.next; place = place.next[0]) steps.push(0);
    return steps;
  }

  // The stored path to an end of the tree that is the most probable as a whole.
  function best(place = D.tree) {
    if (!place.next) return { steps: [], total: 0 };
    return place.next.map((token, i) => {
      const rest = best(token);
      return { steps: [i, ...rest.steps], total: log(place, token) + rest.total };
    }).reduce((a, b) => (b.total > a.total ? b : a));
  }

  function drawn() {
    const steps = [];
    left = false;
    for (let place = D.tree; place.next; place = place.next[steps.at(-1)]) {
      let rest = (seeds(1)[0] + 1) / 2;
      const i = chance(place).findIndex((p) => (rest -= p) < 0);
      if (i < 0) {
        left = true;
        break;
      }
      steps.push(i);
    }
    return steps;
  }

  function go(steps, focus) {
    path = steps;
    render();
    if (focus) list.querySelector(focus)?.focus();
  }

  const result = resultBox();
  const text = el("div", { class: "lf-code lf-text", role: "group", "aria-label": L.path });
  const list = el("div", { class: "lf-tokens", role: "group", "aria-label": L.next });
  const heats = toggle(L.temperature, Object.fromEntries(D.temperatures.map((t, i) => ["t" + i, show(t)])),
    "t" + heat, (name) => {
      heat = Number(name.slice(1));
      left = false;
      render();
    });
  const walk = (label, steps) => button(label, () => go(steps()));
  const back = button(L.back, () => {
    left = false;
    go(path.slice(0, -1));
  });

  const bar = () => span("lf-rail", span("lf-share"));
  function row(place, p, i) {
    const { token } = place.next[i];
    return el("button", { type: "button", class: "lf-button lf-follower", "data-grid": "next", "data-row": i,
      "data-col": 0, "data-value": p, tabindex: 0, "aria-label": say("token", { token: named(token), p: percent(p) }),
      style: `--lf-p:${p}`, onclick: () => {
        left = false;
        go([...path, i], "button");
      } }, span("lf-code lf-name", seen(token)), bar(), span("lf-p", percent(p)));
  }

  function render() {
    heats.put("t" + heat);
    back.disabled = !path.length;
    const all = places(path);
    text.replaceChildren(D.prompt, ...path.map((i, n) => el("button", { type: "button", class: "lf-step",
      "data-step": n, "aria-label": say("to", { token: named(all[n].next[i].token) }), onclick: () => {
        left = false;
        go(path.slice(0, n + 1));
      } }, all[n].next[i].token.replace(/\n/g, "⏎"))));
    const place = all.at(-1);
    list.replaceChildren();
    if (place.next) {
      const shares = chance(place);
      const other = Math.max(0, 1 - sum(shares));
      list.append(...shares.map((p, i) => row(place, p, i)),
        el("div", { class: "lf-follower lf-other", "data-grid": "other", "data-row": 0, "data-col": 0,
          "data-value": other, style: `--lf-p:${other}` }, span("lf-name", L.other), bar(), span("lf-p", percent(other))));
    } else list.append(note(L.end));
    const each = logs(path);
    const total = sum(each);
    const parts = left ? [L.left, el("br")] : [];
    if (path.length) {
      const bits = -total / Math.LN2;
      parts.push(L.product, " ", ...each.flatMap((value, n) => [n ? " × " : "", term(percent(Math.exp(value)))]),
        each.length > 1 ? [" ", strong("= " + percent(Math.exp(total)))] : "", ". ",
        say("bits", { bits: digits(bits), each: digits(bits / path.length) }), " ",
        say("often", { n: digits(1e6 * Math.exp(total)) }));
    } else parts.push(L.none);
    result.put(parts.flat(), "path", Math.exp(total));
    Object.assign(result.dataset, { path: path.join(" "), left });
  }

  onKeys(list, (key, target) => {
    const by = { ArrowUp: -1, ArrowLeft: -1, ArrowDown: 1, ArrowRight: 1 }[key];
    const rows = [...list.querySelectorAll("button")];
    if (!by || !rows.length) return false;
    rows[clamp(rows.indexOf(target) + by, 0, rows.length - 1)].focus();
    return true;
  });

  render();
  return [
    div("lf-bar", span("lf-control", span("lf-label", L.temperature), heats)),
    div("lf-bar", walk(L.greedy, () => {
      left = false;
      return greedy();
    }), walk(L.best, () => {
      left = false;
      return best().steps;
    }), walk(L.draw, drawn), back, button(L.reset, () => {
      reset();
      render();
    })),
    text,
    list,
    result,
    note(L.hint),
  ];
}
