"""The parts of a new page, from the files in `page_template/`, and what speaks of a page."""

import hashlib
import os
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import toc

_FOLDER = Path(__file__).resolve().parent / "page_template"
_LABEL = re.compile(r"\$\$[ \t]*\(([^()\s]+)\)")


def text(part, **values):
    """Return a file of the template, "page", "checks", "attacks" or "chapter", filled in."""
    raw = (_FOLDER / f"{part}.txt").read_text(encoding="utf-8")
    if "stem" in values:
        values["label"] = values["stem"].replace("_", "-")
    return re.sub(r"\{\{(\w+)\}\}", lambda match: values[match[1]], raw)


def overview(chapter):
    """Return the overview of a new chapter, such as "7_outlook"."""
    return text("chapter", title=chapter.partition("_")[2].replace("_", " ").capitalize())


def notebook(*, stem, title, address):
    """Return the new page as a notebook without outputs.

    A line ``%% code TAG ...`` or ``%% markdown`` begins a cell. Behind a bar, divided by
    semicolons, stands which objectives an exercise trains.
    """
    raw = text("page", stem=stem, title=title, address=address)
    pieces = re.split(r"(?m)^%% (code|markdown)(.*)\n", raw)[1:]
    page = nbformat.v4.new_notebook()
    for number, (kind, line, source) in enumerate(zip(*[iter(pieces)] * 3, strict=True)):
        make = nbformat.v4.new_code_cell if kind == "code" else nbformat.v4.new_markdown_cell
        cell = make(source.strip("\n"))
        cell.id = hashlib.sha256(f"{stem} {number}".encode()).hexdigest()[:8]
        tags, _, objectives = line.partition("|")
        if tags.split():
            cell.metadata["tags"] = tags.split()
        if objectives:
            cell.metadata["objectives"] = [one.strip() for one in objectives.split(";")]
        page.cells.append(cell)
    return page


def execute(root, path):
    """Run a page in a clean kernel and store its outputs.

    Raises:
        RuntimeError: a cell failed; with its traceback.
    """
    env = os.environ | {"BIGMODEL_THREADS": "1", "OMP_NUM_THREADS": "1"}
    # The page imports its checkers from this very tree.
    env["PYTHONPATH"] = os.pathsep.join([str(root), *filter(None, [env.get("PYTHONPATH")])])
    command = [sys.executable, root / "tools" / "execute.py", "--one", path]
    done = subprocess.run(
        command, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    if done.returncode:
        raise RuntimeError(f"{path.relative_to(root)} does not run:\n{done.stderr}")


def own_labels(stem):
    """Return the labels of the equations that a new page would have."""
    return set(_LABEL.findall(text("page", stem=stem, title="", address="")))


def labels(root):
    """Return the labels of all equations in the book."""
    found = set()
    for page in toc.read(root):
        if page.path.suffix == ".ipynb":
            cells = nbformat.read(page.path, 4).cells
            for cell in cells:
                found |= set(_LABEL.findall(cell.source))
    return found


def mentions(root, stem, listed):
    """Return the files, written by hand, that name a page: by a link, or as taught code."""
    found = []
    link = re.compile(rf"(?<!\w){re.escape(stem)}\.(ipynb|html)|{re.escape(listed)}\b")
    places = [root / "README.md", root / "book" / "index.md", *(p.path for p in toc.read(root))]
    for path in places:
        if link.search(path.read_text(encoding="utf-8")):
            found.append(path.relative_to(root).as_posix())
    taught = root / "tests" / "pages" / "taught.py"
    if re.search(rf'\("{stem}",', taught.read_text(encoding="utf-8")):
        found.append(taught.relative_to(root).as_posix())
    return found
