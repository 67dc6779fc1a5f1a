"""The table of contents as data: the pages of `_toc.yml` in order, with numbers and titles.

A page's number is its place, as ``page_numbers.py`` writes it into the book: 3.1.2 is the second
page below the first page of the third chapter.
"""

import functools
import json
import os
import re
from pathlib import Path
from typing import NamedTuple

import yaml

FILE = "_toc.yml"
_BADGE = re.compile(r"\*\*Runs in\*\* at most (\d+) CPU-seconds")


class Page(NamedTuple):
    """One page of the book.

    ``name`` is what `_toc.yml` calls it, such as "book/3_algorithms/attention"; ``number`` is
    "3.3", or "" in the appendix; ``path`` is its file.
    """

    name: str
    number: str
    path: Path

    @property
    def is_chapter(self):
        """Whether it is the overview of a numbered chapter."""
        return self.number != "" and "." not in self.number

    @property
    def is_lesson(self):
        """Whether it is a numbered notebook."""
        return self.number != "" and self.path.suffix == ".ipynb"

    def opening(self):
        """Return the page's first cell, or the whole of a Markdown page."""
        return _opening(self.path, self.path.stat().st_mtime_ns)

    def title(self):
        """Return the first heading."""
        found = re.search(r"^# (.+)$", self.opening(), re.MULTILINE)
        if not found:
            raise ValueError(f"{self.name}: expected a title, a line that begins with '# '")
        return found[1].strip()

    def seconds(self):
        """Return the CPU-seconds of the badge line, or None before the page was executed."""
        found = _BADGE.search(self.opening())
        return int(found[1]) if found else None

    def objectives(self):
        """Return what the reader can do after the page, one text each."""
        _, _, after = self.opening().partition("After this page you can")
        return [line.strip().rstrip(";.") for line in re.findall(r"(?m)^- (.+)$", after)]

    def address(self, to):
        """Return the address of another page, from this one."""
        return Path(os.path.relpath(to.path, self.path.parent)).as_posix()

    def link(self, to):
        """Return a Markdown link from this page to another."""
        return f"[{to.title()}]({self.address(to)})"


@functools.cache
def _opening(path, changed):
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".md":
        return text
    return "".join(json.loads(text)["cells"][0]["source"])


def read(root):
    """Return every page of the book but the first, in order.

    Raises:
        ValueError: a page is listed twice, or its file is not there.
    """
    toc = yaml.safe_load((root / FILE).read_text(encoding="utf-8"))
    found, chapters = [], 0

    def walk(entries, prefix):
        for place, entry in enumerate(entries, start=1):
            number = f"{prefix}{place}" if prefix is not None else ""
            found.append(Page(entry["file"], number, _file(root, entry["file"])))
            walk(entry.get("sections") or [], f"{number}." if number else None)

    for part in toc["parts"]:
        if not part.get("numbered"):
            walk(part["chapters"], None)
            continue
        for entry in part["chapters"]:
            chapters += 1
            found.append(Page(entry["file"], f"{chapters}", _file(root, entry["file"])))
            walk(entry.get("sections") or [], f"{chapters}.")
    names = [page.name for page in found]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"{FILE}: {', '.join(twice)} is listed twice")
    return found


def _file(root, name):
    for suffix in (".ipynb", ".md"):
        if (path := root / f"{name}{suffix}").exists():
            return path
    raise ValueError(f"{FILE}: expected a file {name}.ipynb or {name}.md, found neither")


def chapter_pages(pages, chapter):
    """Return the pages below a chapter's overview, in order."""
    return [page for page in pages if page.number.startswith(f"{chapter.number}.")]


# Lines are changed, not data: the file's comments stay.


def with_page(text, name, place):
    """Return `_toc.yml` with a page put in.

    Args:
        text: the file as it is.
        name: what to call the page: "book/5_challenges/interpretability".
        place: (name of the page or chapter above it, how many of its pages come before).
    """
    above, before = place
    lines = text.splitlines()
    start = _line_of(lines, above)
    indent = _indent(lines[start])
    end = _end(lines, start)
    children = [i for i in range(start + 1, end) if _indent(lines[i]) == indent + 4]
    children = [i for i in children if lines[i].lstrip().startswith("- file:")]
    new = f"{' ' * (indent + 4)}- file: {name}"
    if not children:
        lines[start + 1 : start + 1] = [f"{' ' * (indent + 2)}sections:", new]
    elif before < len(children):
        lines.insert(children[before], new)
    else:
        lines.insert(end, new)
    return "\n".join(lines) + "\n"


def with_chapter(text, name, last):
    """Return `_toc.yml` with the overview ``name`` of a new chapter after the chapter ``last``."""
    lines = text.splitlines()
    start = _line_of(lines, last)
    lines.insert(_end(lines, start), f"{' ' * _indent(lines[start])}- file: {name}")
    return "\n".join(lines) + "\n"


def without(text, name):
    """Return `_toc.yml` without a page that has no pages below it."""
    lines = text.splitlines()
    line = _line_of(lines, name)
    indent = _indent(lines[line])
    del lines[line]
    alone = lines[line - 1].strip() == "sections:" and (
        line == len(lines) or _indent(lines[line]) < indent
    )
    if alone:
        del lines[line - 1]
    return "\n".join(lines) + "\n"


def _line_of(lines, name):
    entry = re.compile(rf"\s*- file: {re.escape(name)}\s*(#|$)")
    found = [number for number, line in enumerate(lines) if entry.match(line)]
    if len(found) != 1:
        raise ValueError(f"{FILE}: expected one line '- file: {name}', found {len(found)}")
    return found[0]


def _end(lines, start):
    """Return the line after an entry and all that is below it."""
    inside = start + 1
    while inside < len(lines) and _indent(lines[inside]) > _indent(lines[start]):
        inside += 1
    return inside


def _indent(line):
    return len(line) - len(line.lstrip())
