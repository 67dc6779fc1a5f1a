// Repairs of the theme for readers with a keyboard or a screen reader, and for print.
// Only attributes and words: looks belong to book.css.
(() => {
  "use strict";

  // MathJax's menu makes every formula a Tab stop: a hundred of them between two links.
  if (window.MathJax) (window.MathJax.options ||= {}).enableMenu = false;

  // A browser forbids the search page to read other files of a book that lies on disk.
  if (location.protocol === "file:") DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;

  // Names for what the theme leaves without one.
  function nameControls() {
    const sidebar = document.getElementById("pst-primary-sidebar");
    sidebar?.setAttribute("role", "navigation"); // the logo is outside every landmark
    sidebar?.setAttribute("aria-label", "Book");
    for (const summary of document.querySelectorAll("li.has-children > details > summary")) {
      const link = summary.closest("li").querySelector("a");
      summary.setAttribute("aria-label", `Pages of ${link.textContent.trim()}`);
    }
  }

  // "Show code cell content" is the builder's language, and its hidden name differs from it.
  function nameFolds() {
    for (const summary of document.querySelectorAll("details.hide > summary")) {
      summary.removeAttribute("aria-label");
      const content = summary.closest(".tag_solution") ? "the solution" : "the cell";
      for (const text of summary.children) {
        text.textContent = text.textContent
          .replace("code cell content", content)
          .replace("code cell ", "the ")
          .replace("the source", "the code")
          .replace("the outputs", "the output");
      }
    }
  }

  // A link into a fold opens it, and the keyboard goes on from there.
  function openFolds() {
    const open = () => {
      const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
      const fold = target?.closest("details.fold");
      if (!fold) return;
      fold.open = true;
      fold.scrollIntoView();
      fold.querySelector("summary").focus({ preventScroll: true });
    };
    addEventListener("hashchange", open);
    document.addEventListener("click", (event) => {
      // The same link again changes no address; the browser, which takes the focus away, goes first.
      if (event.target.closest("a[href^='#']")?.hash === location.hash) setTimeout(open);
    });
    open();
  }

  // In the contents of a page, the sections of the short route stand out.
  function markShortRoute() {
    for (const contents of document.querySelectorAll(".page-toc")) {
      const deeper = [...contents.querySelectorAll("a")]
        .filter((link) => link.textContent.trim().startsWith("Deeper:"));
      if (!deeper.length) continue;
      for (const link of deeper) link.classList.add("deeper");
      const note = document.createElement("p");
      note.className = "short-route";
      note.textContent = 'The short route leaves out what is headed "Deeper".';
      contents.querySelector("nav, ul")?.before(note);
    }
  }

  // A formula that scrolls inside itself is a Tab stop; any other is none. The theme does the
  // same for code and tables, but does not look again when a fold opens.
  function watchScrolling() {
    let timer;
    const stop = (box, may) => {
      if (may && box.scrollWidth > box.clientWidth + 1) box.tabIndex = 0;
      else box.removeAttribute("tabindex");
    };
    const look = () => {
      for (const formula of document.querySelectorAll(".math")) {
        const box = formula.querySelector(":scope > mjx-container");
        if (!box) continue;
        const inline = formula.tagName === "SPAN";
        formula.classList.remove("wider-than-line");
        const line = formula.closest("p, li, td, th, dd, dt, h1, h2, h3") || formula.parentElement;
        const wide = inline && box.getBoundingClientRect().width > line.clientWidth;
        formula.classList.toggle("wider-than-line", wide);
        stop(formula, !inline || wide);
        stop(box, !inline);
      }
    };
    const lookSoon = () => {
      clearTimeout(timer);
      timer = setTimeout(look, 200);
    };
    new ResizeObserver(lookSoon).observe(document.getElementById("main-content"));
    document.fonts.addEventListener("loadingdone", lookSoon); // until then formulas are wider
    window.MathJax?.startup?.promise.then(lookSoon);
    document.addEventListener("toggle", () => dispatchEvent(new Event("resize")), true);
  }

  // Paper is white: the dark theme's pale text would be lost on it.
  function printInLight() {
    const root = document.documentElement.dataset;
    let theme = null;
    addEventListener("beforeprint", () => {
      theme = root.theme;
      root.theme = "light";
    });
    addEventListener("afterprint", () => {
      if (theme !== null) root.theme = theme;
    });
  }

  document.addEventListener("DOMContentLoaded", () => {
    nameControls();
    nameFolds();
    openFolds();
    markShortRoute();
    watchScrolling();
    printInLight();
  });
})();
