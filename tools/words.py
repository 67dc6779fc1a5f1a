"""Collect what the package shows its readers, for translators.

    python tools/words.py [FILE.pot]        (by default _build/bigmodel_utils.pot)

The texts are the literal arguments of ``say``, the hints of checkers, and the tables of words of
live figures and labs. A translator turns the file into a catalogue with the usual tools; where it
goes is said in ``bigmodel_utils/words.py``.
"""

import argparse
import ast
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.pofile import write_po

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "bigmodel_utils"
# Tables whose words are given to `say` one by one: their name, and where the words are.
TABLES = {"WORDS": "values", "FILTERS": "keys"}


def collect(package=PACKAGE):
    """Return {text: [(file, line), ...]} of all texts, in the order of the files."""
    found = {}
    for path in sorted(package.glob("**/*.py")):
        if path.name == "words.py" and path.parent == package:
            continue
        for text, line in texts(ast.parse(path.read_text(encoding="utf-8"))):
            found.setdefault(text, []).append((str(path.relative_to(package.parent)), line))
    return found


def texts(tree):
    """Yield (text, line) of what one file shows."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _called(node) == "say" and node.args:
            yield from _literal(node.args[0])
        if isinstance(node, ast.Call):
            for keyword in node.keywords:
                if keyword.arg == "hint":
                    yield from _literal(keyword.value)
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Dict):
            where = TABLES.get(getattr(node.targets[0], "id", ""))
            for entry in getattr(node.value, where) if where else ():
                yield from _literal(entry)


def _called(node):
    return getattr(node.func, "id", getattr(node.func, "attr", ""))


def _literal(node):
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value:
        yield node.value, node.lineno


def catalogue(language=None, translate=lambda text: ""):
    """Return Babel's Catalog of all texts, translated by ``translate``."""
    result = Catalog(locale=language, project="Big Models", charset="utf-8")
    for text, places in collect().items():
        # Python's own braces, not its percent format: Babel must not judge them.
        result.add(text, translate(text), locations=places)
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    default = ROOT / "_build" / "bigmodel_utils.pot"
    parser.add_argument("file", nargs="?", type=Path, default=default)
    file = parser.parse_args().file
    file.parent.mkdir(parents=True, exist_ok=True)
    words = catalogue()
    with open(file, "wb") as stream:
        write_po(stream, words, width=100)
    print(f"{len(words)} texts in {file}")


if __name__ == "__main__":
    main()
