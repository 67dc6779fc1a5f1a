"""Which tests concern a page: what ``--page STEM`` keeps.

Nothing here lists pages. A test of a page, of its checkers or of its figures is parametrised by
them, or names them in its code.
"""

import ast
import inspect
import re
import textwrap
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
# The parameters that say what a test is about, the first of them that does.
SUBJECTS = ("page", "topic", "path", "figure", "name")
_FIGURE = re.compile(r'data-figure=\\"([\w-]+)\\"')


class Names(NamedTuple):
    """What the tests call a page: its stem, its name in the contents, its live figures."""

    stem: str
    listed: str
    figures: frozenset

    def all(self):
        """Return them as one set."""
        return {self.stem, self.listed, *self.figures}


def names_of_pages(root=ROOT):
    """Return {stem: Names} of all notebooks of the table of contents."""
    found = {}
    for listed in re.findall(r"- file: (\S+)", (root / "_toc.yml").read_text(encoding="utf-8")):
        path = root / f"{listed}.ipynb"
        if path.exists():
            text = path.read_text(encoding="utf-8")
            found[path.stem] = Names(path.stem, listed, frozenset(_FIGURE.findall(text)))
    return found


def concerns(item, wanted, known):
    """Return whether a collected test is about one of the ``wanted`` names.

    ``known`` are the names of all pages. A test that is about no page in particular is kept where
    the pages themselves are tested, since a page can break it too.
    """
    if not hasattr(item, "function"):  # a cell of a page
        return item.path.stem in wanted
    params = getattr(getattr(item, "callspec", None), "params", {})
    for key in SUBJECTS:
        value = params.get(key)
        if isinstance(value, Path):
            return value.stem in wanted and (value.suffix == ".ipynb" or "checks" in value.parts)
        if isinstance(value, str) and value in known:
            return value in wanted
    mentioned = mentions(item.function, known) or mentions(item.module, known)
    if "browser" in item.path.parts:
        return bool(mentioned & wanted)
    return item.path.parent.name == "pages"


def mentions(thing, known):
    """Return which of the known names a function or module has as texts in its code."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(thing)))
    texts = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)}
    return {text for text in texts if isinstance(text, str) and text in known}
