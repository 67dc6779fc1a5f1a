"""The experiments of a page: found in its cells, taken out of it, and hashed.

A slice is the page's top-level statements that an ``experiment(...)`` call depends on, by name. It
can be run without the rest of the page. The hash covers the slice and every definition of the
package that it reaches, without docstrings, annotations and comments, and the data files that
these name: it changes when the experiment does.
"""

import ast
import builtins
import hashlib
import json
import os
import re
import symtable
from pathlib import Path

from bigmodel_utils.claims._definitions import Package, names_stored
from bigmodel_utils.claims._experiment import capture

__all__ = ["code_hash", "experiments_of", "load"]

PACKAGE = Path(__file__).resolve().parents[1]
_BUILTINS = set(dir(builtins))
_WORDS = {"one_rate"}  # what a call of experiment() only says


def experiments_of(path):
    """Return {name: slice} of the experiments of a page; a slice is a list of statements.

    Raises:
        ValueError: two have one name, or one is not called by a plain name at the top level.
    """
    statements = _statements(path)
    found = {}
    for place, statement in enumerate(statements):
        for call in ast.walk(statement):
            if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Name)):
                continue
            if call.func.id != "experiment":
                continue
            first = call.args[0] if call.args else None
            if not isinstance(first, ast.Constant):
                raise ValueError(f"{path}: an experiment's name has to be written out")
            if not isinstance(statement, (ast.Assign, ast.Expr)):
                raise ValueError(f"{path}: {first.value} has to stand alone at the top level")
            if first.value in found:
                raise ValueError(f"{path}: two experiments are called {first.value!r}")
            found[first.value] = _slice(statements[:place], statement)
    return found


def load(path, name):
    """Return the Experiment ``name`` of a page, from a slice of the page run in its folder."""
    found = experiments_of(path)
    if name not in found:
        raise ValueError(f"{path}: expected one of {', '.join(found)}, got {name!r}")
    code = compile(ast.Module(found[name], []), str(path), "exec")
    before = os.getcwd()
    os.chdir(Path(path).parent)
    try:
        with capture() as asked:
            exec(code, {"__name__": "page"})  # the page's own code, as its kernel runs it
    finally:
        os.chdir(before)
    return next(one for one in asked if one.name == name)


def code_hash(statements, package=PACKAGE):
    """Return a short hash of a slice and of what it reaches in the package, data files too."""
    kept, package = [_plain(statement) for statement in statements], Package(package)
    reached = package.reached_from(statements)
    kept += [[module, name, _plain(node)] for (module, name), node in sorted(reached.items())]
    for file in package.files_of(reached):
        kept.append([file.name, hashlib.sha256(file.read_bytes()).hexdigest()])
    return hashlib.sha256(json.dumps(kept).encode()).hexdigest()[:12]


def _statements(path):
    cells = json.loads(Path(path).read_text(encoding="utf-8"))["cells"]
    found = []
    for cell in cells:
        if cell["cell_type"] == "code":
            source = re.sub(r"(?m)^(\s*)[%!].*$", r"\1pass", "".join(cell["source"]))
            found += ast.parse(source).body
    return found


def _slice(before, target):
    """Return the statements of ``before`` on which ``target`` depends, and ``target``.

    A function looks its names up when it is called, so what it needs may stand below it. Hence the
    walk is repeated with what the functions found so far need.
    """
    wanted = _loads(target)
    while True:
        needed, kept, late = set(wanted), [], set()
        for statement in reversed(before):
            stored, changed = names_stored(statement)
            if not needed & (stored | changed):
                continue
            kept.append(statement)
            if not isinstance(statement, (ast.If, ast.For, ast.While, ast.With, ast.Try)):
                needed -= stored - changed
            needed |= _loads(statement)
            if isinstance(statement, (ast.FunctionDef, ast.ClassDef)):
                late |= _loads(statement)
        if late <= wanted:
            return [*reversed(kept), target]
        wanted |= late


def _loads(statement):
    """Return the global names that a statement reads, also in the functions that it defines."""
    found = set()

    def visit(table, top):
        for symbol in table.get_symbols():
            if symbol.is_referenced() and (top or symbol.is_global()):
                found.add(symbol.get_name())
        for child in table.get_children():
            visit(child, False)

    visit(symtable.symtable(ast.unparse(statement), "page", "exec"), True)
    return found - _BUILTINS


def _plain(node):
    """Return a syntax tree as lists, equal on every version of Python, without what has no effect.

    Docstrings and annotations are dropped, and what a call of experiment() only says.
    """
    if isinstance(node, list):
        return [_plain(item) for item in node]
    if not isinstance(node, ast.AST):
        return repr(node)
    fields = []
    for name, value in ast.iter_fields(node):
        if name in ("ctx", "annotation", "returns", "type_params", "type_comment", "kind"):
            continue
        if name == "body" and isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            first = value[0]
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                value = value[1:]
        if name == "keywords" and getattr(getattr(node, "func", None), "id", "") == "experiment":
            value = [keyword for keyword in value if keyword.arg not in _WORDS]
        if value is None or value == []:
            continue
        fields.append([name, _plain(value)])
    return [type(node).__name__, fields]
