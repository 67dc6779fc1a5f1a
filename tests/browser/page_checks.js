// What a page of the book must not show. Each check returns the faults it found, as texts.
window.pageChecks = (() => {
  const TEX = /\$\$|\\[()[\]]|\\(?:frac|sum|begin|end|left|right|text|math\w+|cdot|times)\b|\$[^\s$][^$]*\$/;
  const article = () => document.querySelector(".bd-article") || document.body;
  const all = (selector, root = article()) => [...root.querySelectorAll(selector)];
  const name = (node) => `<${node.tagName.toLowerCase()} class="${node.getAttribute("class") || ""}">`
    + ` ${node.textContent.trim().slice(0, 60)}`;
  const scrolls = (node) => ["auto", "scroll"].includes(getComputedStyle(node).overflowX);
  const tooWide = (node) => node.scrollWidth > node.clientWidth + 1 && node.clientWidth > 1;

  return {
    rawTex() {
      const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
      const found = [];
      while (walker.nextNode()) {
        const node = walker.currentNode;
        const skip = "code, pre, script, style, noscript, mjx-container, .live-figure";
        if (!node.parentElement.closest(skip) && TEX.test(node.data)) found.push(node.data.trim());
      }
      return found;
    },
    formulas() {
      return all(".math")
        .filter((node) => !node.querySelector("mjx-container mjx-math"))
        .map((node) => `not typeset: ${name(node)}`)
        .concat(all("mjx-merror, [data-mjx-error]").map((node) => `error in ${name(node)}`));
    },
    images() {
      return all("img", document.body).flatMap((node) => {
        const faults = [];
        if (!(node.getAttribute("alt") || "").trim()) faults.push(`no alt: ${node.src.slice(-80)}`);
        if (!node.complete || !node.naturalWidth) faults.push(`not loaded: ${node.src.slice(-80)}`);
        return faults;
      });
    },
    headings() {
      const seen = all("h1, h2, h3, h4, h5, h6").filter((node) => node.checkVisibility());
      const levels = seen.map((node) => Number(node.tagName[1]));
      const faults = [];
      const titles = all("h1", document.body).filter((node) => node.checkVisibility());
      if (titles.length !== 1 || levels[0] !== 1) faults.push(`${titles.length} visible h1`);
      levels.forEach((level, i) => {
        if (i && level > levels[i - 1] + 1) faults.push(`h${levels[i - 1]} then ${name(seen[i])}`);
      });
      return faults;
    },
    overflow() {
      const root = document.documentElement;
      const faults = [];
      if (root.scrollWidth > innerWidth) faults.push(`page: ${root.scrollWidth} px in ${innerWidth}`);
      const container = document.querySelector(".bd-article-container") || document.body;
      for (const node of all("*", container)) {
        if (!node.checkVisibility() || node.closest("mjx-assistive-mml")) continue;
        let box = node;
        while (box && box !== container && !scrolls(box)) box = box.parentElement;
        const outside = node.getBoundingClientRect().right > innerWidth + 1;
        if (outside && (!box || box === container)) faults.push(`beyond the edge: ${name(node)}`);
      }
      return faults;
    },
    // Text that is cut and that nobody can scroll to.
    cut() {
      const hides = (node) => ["hidden", "clip"].includes(getComputedStyle(node).overflowX);
      return all("*")
        .filter((node) => node.checkVisibility() && !node.closest("mjx-container, svg"))
        .filter((node) => tooWide(node) && hides(node))
        .filter((node) => !(node.firstElementChild && all("*", node).some((child) => scrolls(child)
          && child.getBoundingClientRect().right <= node.getBoundingClientRect().right + 1)))
        .map(name);
    },
    unreachable() {
      const stop = (node) => node.tabIndex >= 0;
      return all("*")
        .filter((node) => node.checkVisibility() && tooWide(node) && scrolls(node))
        .filter((node) => !stop(node) && !all("*", node).some(stop))
        .map(name);
    },
    formulaStops() {
      return all(".math, .math :not(a)")
        .filter((node) => node.tabIndex >= 0 && !(scrolls(node) && tooWide(node)))
        .map((node) => `a Tab stop without a use: ${name(node)}`);
    },
    narrowCode(columns) {
      const pen = document.createElement("canvas").getContext("2d");
      return all(".cell_input pre").slice(0, 1).flatMap((node) => {
        const style = getComputedStyle(node);
        pen.font = `${style.fontSize} ${style.fontFamily}`;
        const room = node.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
        const fits = Math.floor(room / pen.measureText("0").width);
        return fits < columns ? [`${fits} columns of code fit, not ${columns}`] : [];
      });
    },
    outside() {
      return all("script[src], link[href], img[src], iframe[src], source[src]", document)
        .map((node) => node.getAttribute("src") || node.getAttribute("href"))
        .filter((address) => /^(https?:)?\/\//.test(address));
    },
  };
})();

// One element of each kind that holds text, where a kind is what style sheets can see of it:
// axe needs seconds for the contrast of thousands of alike elements. (tr: rows alternate.)
window.textOfEachKind = () => {
  for (const fold of document.querySelectorAll(".bd-article details")) fold.open = true;
  const kinds = new Map();
  for (const node of document.body.querySelectorAll("*")) {
    const own = [...node.childNodes].some((child) => child.nodeType === 3 && child.data.trim());
    // axe cannot tell what lies behind a drawn formula or a text in a drawing.
    if (!own || node.closest("mjx-container, svg") || !node.checkVisibility()) continue;
    let kind = "";
    for (let each = node; each !== document.body; each = each.parentElement) {
      const odd = each.tagName === "TR" ? each.rowIndex % 2 : "";
      kind += `${each.tagName}${odd}.${each.getAttribute("class") || ""} `;
    }
    if (!kinds.has(kind)) kinds.set(kind, node);
  }
  return [...kinds.values()];
};

// Empties what axe has no rule for but walks through, coloured words of code and drawn formulas,
// and keeps the first of many that are made alike: rows of a table, entries of a reference.
window.thinOut = () => {
  const alike = [["tbody", "tr", 20], [".bd-article section", ":scope > dl", 4]];
  for (const [parent, child, kept] of alike) {
    for (const node of document.querySelectorAll(parent)) {
      for (const each of [...node.querySelectorAll(child)].slice(kept)) each.remove();
    }
  }
  for (const code of document.querySelectorAll("pre, .sig-param")) code.textContent = code.textContent;
  const formulas = [...document.querySelectorAll("mjx-container mjx-math")];
  for (const formula of formulas.slice(3)) formula.textContent = "x";
};
