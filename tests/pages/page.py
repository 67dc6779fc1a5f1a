"""The book's pages as the tests read them: one reader, and one name for each page.

A page's stem is its name everywhere: in the ids of tests, in `bigmodel_utils/checks/`, in
`attacks/` and in `taught.py`. So no two pages may share one.
"""

import functools
import re
import sys
from pathlib import Path

import nbformat

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))
try:
    import toc
finally:
    sys.path.pop(0)


def find(book):
    """Return the notebooks below a folder, without JupyterLab's copies."""
    paths = sorted(book.glob("**/*.ipynb"))
    return [path for path in paths if ".ipynb_checkpoints" not in path.parts]


def by_stem(paths):
    """Return {stem: path}.

    Raises:
        ValueError: two pages have the same stem, and tests of one would be taken for the other's.
    """
    found = {}
    for path in paths:
        if path.stem in found:
            raise ValueError(
                f"pages: expected a stem for each of its own, got {found[path.stem]} and {path}"
            )
        found[path.stem] = path
    return found


def name(path):
    """Return the id of a page in a parametrised test."""
    return path.stem


def cells(path, kind=None):
    """Return a page's cells, all or those of one kind: "code" or "markdown". Only to read."""
    return [cell for cell in _read(path) if kind is None or cell.cell_type == kind]


@functools.cache
def _read(path):
    return nbformat.read(path, 4).cells


def objectives(path):
    """Return the objectives that a page states, as the tools read them: one text each."""
    return toc.Page(path.stem, "", path).objectives()


def tags(cell):
    """Return a cell's tags as a set."""
    return set(cell.metadata.get("tags", []))


def python(cell):
    """Return a cell's source as plain Python: magics become ``pass``."""
    return re.sub(r"(?m)^(\s*)[%!].*$", r"\1pass", cell.source)


PAGES = list(by_stem(find(ROOT / "book")).values())
# Appendix pages list what the others hold; they teach nothing and have no exercises.
LESSONS = [path for path in PAGES if path.parent.name != "appendix"]
