"""Write everything that repeats the table of contents, or say what of it is stale.

    python tools/contents.py [--check]

From `_toc.yml`, and from the titles, badges and objectives of the pages themselves, come:

- README's links to Colab, the map in `book/index.md`, the list of pages in each chapter's overview
  and the API reference: in Markdown, between `<!-- generated: NAME -->` and `<!-- end -->`;
- the link in the line `**Next:** [title](file)` at the end of each page; what follows the link is
  the author's;
- the tables of the formula ledger and of the ledger of claims, in the order of the pages.
"""

import argparse
import json
import re
import sys
from pathlib import Path

import api_page
import files
import toc
import yaml

from bigmodel_utils import cards, ledger

ROOT = Path(__file__).resolve().parent.parent
LEDGER = "book/appendix/ledger.ipynb"
CLAIMS = "book/appendix/claims.ipynb"
TABLES = {LEDGER: ("ledger", ledger.table), CLAIMS: ("claims", cards.table)}
_NEXT = re.compile(r"^\*\*Next:\*\* *(.*)$", re.MULTILINE)
_LINK = re.compile(r"\[[^\]]*\]\([^)\s]+\)")


def markdown_parts(root, pages):
    """Return {file: {name of the part: its text}} of all Markdown files."""
    lessons = [page for page in pages if page.is_lesson]
    parts = {
        "README.md": {"colab": colab(root, lessons)},
        "book/index.md": {"map": the_map(root, pages)},
        "book/appendix/api.md": {"api": api_page.text(root, [p.path.stem for p in lessons])},
    }
    for chapter in (page for page in pages if page.is_chapter):
        parts[f"{chapter.name}.md"] = {"pages": chapter_table(pages, chapter)}
    return parts


def settings(root):
    """Return the book's settings, `_config.yml`."""
    return yaml.safe_load((root / "_config.yml").read_text(encoding="utf-8"))


def colab(root, lessons):
    """Return the list of links that open the pages on Colab."""
    config = settings(root)
    repository, host = config["repository"], config["launch_buttons"]["colab_url"]
    project = repository["url"].removeprefix("https://github.com/")
    start = f"{host}/github/{project}/blob/{repository['branch']}"
    return "\n".join(f"- {p.number} [{p.title()}]({start}/{p.name}.ipynb)" for p in lessons)


def the_map(root, pages):
    """Return the table of all pages, for the book's first page."""
    first = toc.Page("book/index", "", root / "book" / "index.md")
    rows = ["| Number | Page | CPU-seconds |", "|---|---|---:|"]
    for page in pages:
        link = _cell(first.link(page))
        if page.is_chapter:
            link = f"**{link}**, an overview"
        rows.append(f"| {page.number or 'Appendix'} | {link} | {_cost(page)} |")
    return "\n".join(rows)


def chapter_table(pages, chapter):
    """Return the table of the pages of a chapter, for its overview."""
    below = toc.chapter_pages(pages, chapter)
    if not below:
        return "This overview is the whole chapter."
    rows = ["| Number | Page | After it you can | CPU-seconds |", "|---|---|---|---:|"]
    for page in below:
        objective = next(iter(page.objectives()), "")
        cells = page.number, chapter.link(page), objective, _cost(page)
        rows.append(f"| {' | '.join(_cell(cell) for cell in cells)} |")
    return "\n".join(rows)


def _cost(page):
    """Return the measured time of a lesson's badge; an overview and the appendix have none."""
    seconds = page.seconds() if page.path.suffix == ".ipynb" else None
    return str(seconds or "")


def _cell(text):
    return text.replace("|", r"\|")


def filled(text, file, name, part):
    """Return a Markdown file with a generated part replaced.

    Raises:
        ValueError: the file does not have the part's two marks once.
    """
    pattern = re.compile(
        rf"(?ms)^<!-- generated: {name} -->\n(?:(?!<!-- generated).)*?^<!-- end -->$"
    )
    found = len(pattern.findall(text))
    if found != 1:
        raise ValueError(
            f"{file}: expected '<!-- generated: {name} -->' and, below it, '<!-- end -->' once, "
            f"found {found}"
        )
    new = f"<!-- generated: {name} -->\n\n{part}\n\n<!-- end -->"
    return pattern.sub(lambda _: new, text)


def set_next(notebook, page, target):
    """Point a page's line **Next:** at the page that follows; return what stood behind a link
    that changed, since it may speak of the other page.

    Raises:
        ValueError: there is not one such line, or it does not begin with a link.
    """
    cells = [
        c for c in notebook["cells"] if c["cell_type"] == "markdown" and _NEXT.search(_text(c))
    ]
    lines = [match[1] for cell in cells for match in _NEXT.finditer(_text(cell))]
    if len(lines) != 1 or not (old := _LINK.match(lines[0])):
        found = f"{lines[0]!r}" if len(lines) == 1 else f"{len(lines)} lines"
        raise ValueError(
            f"{page.name}: expected one line '**Next:** [title](file)' in a Markdown cell, with "
            f"or without a sentence after the link, found {found}"
        )
    why = lines[0][old.end() :]
    link = page.link(target)
    new = _NEXT.sub(lambda _: f"**Next:** {link}{why}", _text(cells[0]))
    cells[0]["source"] = new.splitlines(keepends=True)
    return why.strip(" .") if link != old[0] else ""


def _text(cell):
    return "".join(cell["source"])


def set_table(notebook, page, lessons, table):
    """Write a ledger's ``table`` of pages into its page as if the page had been executed.

    Raises:
        ValueError: the page stores no table, or more than one.
    """
    links = {page.address(lesson): lesson.path for lesson in lessons}
    tables = [
        output
        for cell in notebook["cells"]
        for output in cell.get("outputs", [])
        if "text/markdown" in output.get("data", {})
    ]
    if len(tables) != 1:
        raise ValueError(f"{page.name}: expected one stored table, found {len(tables)}")
    tables[0]["data"]["text/markdown"] = table(links).splitlines(keepends=True)


def generated(root):
    """Return ({file: (its text, the parts that are stale)}, sentences to be read again)."""
    pages = toc.read(root)
    found, doubts = {}, []
    for file, parts in markdown_parts(root, pages).items():
        old = text = (root / file).read_text(encoding="utf-8")
        stale = []
        for name, part in parts.items():
            before, text = text, filled(text, file, name, part)
            stale += [name] if text != before else []
        if text != old:
            found[file] = text, stale
    lessons = [page for page in pages if page.is_lesson]
    for page, target in zip(pages, [*pages[1:], None], strict=True):
        changes = []
        if page.is_lesson and target is not None:
            changes.append(("next", lambda nb, p=page, t=target: set_next(nb, p, t)))
        if f"{page.name}.ipynb" in TABLES:
            name, table = TABLES[f"{page.name}.ipynb"]
            changes.append((name, lambda nb, p=page, t=table: set_table(nb, p, lessons, t)))
        for name, change in changes:
            text, why = _changed(page.path, change)
            if text is not None:
                found[f"{page.name}.ipynb"] = text, [name]
            if why:
                doubts.append(f"{page.name}.ipynb: read again what follows the link: {why!r}")
    return found, doubts


def _changed(path, change):
    """Return a notebook's new text, None if nothing changed, and what ``change`` returned."""
    old = path.read_text(encoding="utf-8")
    notebook = json.loads(old)
    result = change(notebook)
    return (None if notebook == json.loads(old) else files.of_notebook(notebook)), result


def write(root, changes=files):
    """Write what is stale; return lines that say what was written, and sentences to read again."""
    found, doubts = generated(root)
    for file, (text, _) in found.items():
        changes.write(root / file, text)
    return [f"{file}: {', '.join(parts)}" for file, (_, parts) in found.items()], doubts


def main():
    """Write, or with ``--check`` only look; return 1 if something is stale or wrong."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing, name what is stale")
    options = parser.parse_args()
    try:
        if not options.check:
            written, doubts = write(ROOT)
            print("\n".join([*written, *doubts]) or "nothing to write")
            return 0
        found, _ = generated(ROOT)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 1
    for file, (_, parts) in found.items():
        print(f"stale: {file}: {', '.join(parts)} (run: make contents)", file=sys.stderr)
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
