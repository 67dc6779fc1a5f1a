"""The API reference as text, from a walk over the package: every public name once.

A single room (``bigmodel_utils/device.py``) and a folder's door (its ``__init__``) have a section
each; so have the modules of ``checks``, one a page. Functions and classes come with their module;
values have no docstring of their own and are named one by one.
"""

import ast
import functools

PACKAGE = "bigmodel_utils"


def doors(root):
    """Return the modules that a page may import, in three lists: rooms, folders, checkers."""
    package = root / PACKAGE
    rooms = [path for path in package.glob("*.py") if not path.stem.startswith("_")]
    folders = list(package.glob("*/__init__.py"))
    checkers = [p for p in (package / "checks").glob("*.py") if not p.stem.startswith("_")]
    return sorted(rooms), sorted(folders), sorted(checkers)


def public(path):
    """Return the names in ``__all__`` of a module, each with "function", "class" or "data".

    Raises:
        ValueError: the module does not say what is public.
    """
    tree = _parsed(path, path.stat().st_mtime_ns)
    names = _values(tree).get("__all__")
    if names is None:
        raise ValueError(f"{path}: expected a list __all__, found none")
    return {name: _kind(path, tree, name) for name in ast.literal_eval(names)}


@functools.cache
def _parsed(path, changed):
    return ast.parse(path.read_text(encoding="utf-8"))


def _values(tree):
    return {
        target.id: node.value
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }


def _kind(path, tree, name):
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and node.name == name:
            return "class" if isinstance(node, ast.ClassDef) else "function"
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                if (alias.asname or alias.name) == name:
                    home = path.parent / f"{(node.module or '').rpartition('.')[2]}.py"
                    if home.exists():
                        return _kind(home, _parsed(home, home.stat().st_mtime_ns), alias.name)
    return "data"


def text(root, lessons):
    """Return the sections of the reference.

    Args:
        root: the repository.
        lessons: stems of the pages in order, in which their checkers are listed.
    """
    rooms, folders, checkers = doors(root)
    order = {stem: place for place, stem in enumerate(lessons)}
    checkers.sort(key=lambda path: (order.get(path.stem, len(order)), path.stem))
    sections = ["## Rooms that everybody uses", *(_section(path, path.stem) for path in rooms)]
    sections += ["## Folders, each with one door"]
    sections += [_section(path, path.parent.name) for path in folders]
    sections += ["## Checkers, one module a page"]
    sections += [_section(path, f"checks.{path.stem}") for path in checkers]
    return "\n\n".join(sections)


def _section(path, module):
    kinds = public(path)
    lines = [f".. automodule:: {PACKAGE}.{module}", "   :members:"]
    values = [name for name, kind in kinds.items() if kind == "data"]
    if values:
        lines[-1] += " " + ", ".join(name for name in kinds if name not in values)
    for name in values:
        lines += ["", f".. py:data:: {name}", f"   :module: {PACKAGE}.{module}"]
    return "\n".join([f"### {module}", "", "```{eval-rst}", *lines, "```"])
