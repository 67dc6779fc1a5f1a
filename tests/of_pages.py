"""Which tests concern a page: what ``--page STEM`` keeps.

Nothing here lists pages. A test of a page, of its checkers or of its figures is parametrised by
them, stands in a file ``test_FIGURE_figure.py``, or names the page in its code.
"""

import ast
import inspect
import re
import textwrap
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
# Parameters that hold a page's stem. A page and a figure may have one name and be nothing to each
# other.
STEMS = ("page", "topic")
_FIGURE = re.compile(r'data-figure=\\"([\w-]+)\\"')


class Names(NamedTuple):
    """What the tests call pages: their stems, their names in the contents, their live figures."""

    stems: frozenset
    listed: frozenset
    figures: frozenset

    @classmethod
    def together(cls, several):
        """Return the names of several pages as one."""
        return cls(*(frozenset().union(*sets) for sets in zip(*several, strict=True)))


def names_of_pages(root=ROOT):
    """Return {stem: Names} of the notebooks in the contents, and the Names of all its pages."""
    toc = (root / "_toc.yml").read_text(encoding="utf-8")
    everything = frozenset(re.findall(r"(?:- file|root): (\S+)", toc))
    found = {}
    for listed in everything:
        path = root / f"{listed}.ipynb"
        if path.exists():
            figures = frozenset(_FIGURE.findall(path.read_text(encoding="utf-8")))
            found[path.stem] = Names(frozenset([path.stem]), frozenset([listed]), figures)
    known = Names.together([*found.values(), Names(frozenset(), everything, frozenset())])
    return found, known


def concerns(item, wanted, known):
    """Return whether a collected test is about the pages with the names ``wanted``.

    ``known`` are the names of all. A test that is about no page in particular is kept where
    the pages themselves are tested, since a page can break it too.
    """
    if not hasattr(item, "function"):  # a cell of a page
        return item.path.stem in wanted.stems
    params = getattr(getattr(item, "callspec", None), "params", {})
    for value in params.values():
        if isinstance(value, Path):
            of_page = value.suffix == ".ipynb" or {"checks", "attacks"} & set(value.parts)
            return bool(of_page) and value.stem in wanted.stems
    texts = {key: value for key, value in params.items() if isinstance(value, str)}
    for key, value in texts.items():
        if value in known.listed or (key in STEMS and value in known.stems):
            return value in wanted.listed | wanted.stems
    for value in texts.values():
        if value in known.figures:
            return value in wanted.figures
    if "browser" in item.path.parts:
        return figure_of(item.path) in wanted.figures or bool(mentioned(item) & wanted.listed)
    return item.path.parent.name == "pages"


def figure_of(path):
    """Return the live figure that a file of browser tests is about: test_lstm_cell_figure.py."""
    match = re.fullmatch(r"test_(\w+)_figure", path.stem)
    return match[1].replace("_", "-") if match else ""


def mentioned(item):
    """Return the texts that stand as such in a test's code."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(item.function)))
    values = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)]
    return {value for value in values if isinstance(value, str)}
