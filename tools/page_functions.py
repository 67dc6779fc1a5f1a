"""Functions of a page, taken out of its cells for a longer study."""

import ast
import hashlib
import json
from pathlib import Path

__all__ = ["code_hash", "functions", "names"]


def functions(path, needed):
    """Return the page's functions called ``needed``, as syntax trees without docstrings."""
    found = {}
    for cell in json.loads(Path(path).read_text(encoding="utf-8"))["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] != "code" or not any(f"def {name}(" in source for name in needed):
            continue
        for statement in ast.parse(source).body:
            if isinstance(statement, ast.FunctionDef) and statement.name in needed:
                statement.body = statement.body[1:]  # the docstring
                found[statement.name] = statement
    return [found[name] for name in needed]


def code_hash(path, needed, recipe):
    """Return a short hash of the page's functions and of the study's recipe."""
    code = "\n".join(ast.unparse(one) for one in functions(path, needed)) + json.dumps(recipe)
    return hashlib.sha256(code.encode()).hexdigest()[:12]


def names(path, needed, **known):
    """Return what the page's functions are called in a run of their own, beside ``known``."""
    space = dict(known)
    exec(compile(ast.Module(functions(path, needed), []), str(path), "exec"), space)
    return space
