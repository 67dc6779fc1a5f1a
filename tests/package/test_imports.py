"""The house: floors, doors and stairs. Who may import what, and nothing happens at import.

A folder of the package has one door, its ``__init__``; what lies behind it begins with an
underscore and is entered from inside the folder alone. Only the modules of ``checks``, one a page,
are doors of their own. Rooms import from lower floors, and inside a folder no two rooms import
each other. A new room in a folder needs no edit here.
"""

import ast
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "bigmodel_utils"
# From what stands alone to what brings all together: rooms and folders.
FLOORS = [
    {"arguments", "disguise", "drawn", "ledger", "modules", "random_state", "words"},
    {"cards", "data", "device", "live", "numerics", "plotting", "sequences"},
    {
        "adaptation",
        "claims",
        "compression",
        "distributed",
        "models",
        "optim",
        "reference",
        "serving",
        "speculation",
    },
    {"accounting", "interventions", "training"},
    {"checks", "labs", "train_gpt"},
]
MODULES = sorted(PACKAGE.glob("**/*.py"))
OUTSIDE = sorted(
    path
    for pattern in ("benchmarks/*.py", "tools/*.py", "conftest.py", "book/**/*.ipynb")
    for path in ROOT.glob(pattern)
    if ".ipynb_checkpoints" not in path.parts
)


def dotted(path, package=PACKAGE):
    parts = path.relative_to(package.parent).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


def imported(source, path=None, package=PACKAGE):
    """Return the package's modules that ``source`` imports anywhere in it, in full.

    Names are resolved as Python does it: ``from . import x`` from the place of ``path``, and
    ``from package.folder import x`` means the folder's module x if there is one, else the folder.
    """
    known = {dotted(module, package) for module in package.glob("**/*.py")}
    found = set()
    for node in ast.walk(ast.parse(source)):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                inside = dotted(path, package).split(".")
                up = node.level - (path.name == "__init__.py")
                above = inside[: len(inside) - up]
                base = ".".join([*above, *filter(None, [base])])
            names = [f"{base}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Call) and _name(node.func) in ("import_module", "__import__"):
            first = node.args[0] if node.args else None
            if isinstance(first, ast.Constant) and isinstance(first.value, str):
                names = [first.value]
        for name in names:
            while name and name not in known:
                name = name.rpartition(".")[0]
            if name.startswith(f"{package.name}."):
                found.add(name)
    return found


def _name(function):
    return getattr(function, "attr", getattr(function, "id", ""))


def floor(module):
    room = module.split(".")[1]
    for number, rooms in enumerate(FLOORS):
        if room in rooms:
            return number
    raise AssertionError(f"{module}: no floor in {Path(__file__).name}")


def objection(module, other, package=PACKAGE):
    """Return why ``module`` may not import ``other``, or None."""
    here, there = (name.split(".") for name in (module, other))
    if here[:2] == there[:2]:  # inside one folder
        if len(there) == 2 and here[1] != "checks":
            return "a room goes out by the door to come in again"
        return None
    if behind_the_door(other):
        return "it goes past the door"
    if floor(other) >= floor(module):
        return "it imports upwards"
    return None


def behind_the_door(module):
    """Return whether a module is reached only through its folder's door."""
    parts = module.split(".")
    if any(part.startswith("_") for part in parts):
        return True
    return len(parts) > 2 and parts[1] != "checks"


@pytest.mark.parametrize("path", MODULES, ids=dotted)
def test_imports_from_lower_floors_and_through_doors(path):
    module = dotted(path)
    others = imported(path.read_text(), path)
    if module == "bigmodel_utils":
        assert not others
    for other in others:
        reason = objection(module, other)
        assert reason is None, f"{module} imports {other}: {reason}"


@pytest.mark.parametrize("path", OUTSIDE, ids=lambda path: str(path.relative_to(ROOT)))
def test_pages_benchmarks_and_tools_use_doors_alone(path):
    for other in imported(code_of(path), path):
        assert not behind_the_door(other), f"{path.name} imports {other}, which is behind a door"


def code_of(path):
    """Return the Python of a file, of a notebook its cells' without magics."""
    if path.suffix == ".py":
        return path.read_text(encoding="utf-8")
    import nbformat

    cells = nbformat.read(path, 4).cells
    lines = "\n".join(cell.source for cell in cells if cell.cell_type == "code").split("\n")
    return "\n".join(
        line.replace(line.lstrip(), "pass") if line.lstrip()[:1] in ("%", "!") else line
        for line in lines
    )


def test_no_two_rooms_of_a_folder_import_each_other():
    arrows = {dotted(path): imported(path.read_text(), path) for path in MODULES}
    assert circle(arrows) is None


def circle(arrows):
    try:
        TopologicalSorter(arrows).prepare()
    except CycleError as error:
        return error.args[1]
    return None


@pytest.mark.parametrize("folder", sorted({p.parent for p in MODULES} - {PACKAGE}), ids=dotted)
def test_rooms_behind_a_door_are_named_so(folder):
    if folder.name == "checks" or "figures" in folder.parts:
        return  # one module a page, one folder a figure
    assert [p.name for p in folder.glob("*.py") if not p.name.startswith("_")] == []


# Forbidden imports of each kind, planted: (the file, what it imports).
PLANTED = {
    "upwards": ("arguments.py", "from bigmodel_utils.labs import filter_lab"),
    "upwards, the module": ("arguments.py", "import bigmodel_utils.labs"),
    "upwards, inside a function": (
        "device.py",
        "def f():\n    from bigmodel_utils import training",
    ),
    "upwards, relative": ("arguments.py", "from .labs import filter_lab"),
    "upwards, relative, bare": ("arguments.py", "from . import labs"),
    "upwards, relative, from a folder": ("data/_images.py", "from ..training import fit"),
    "upwards, relative, from a door": ("data/__init__.py", "from ..training import fit"),
    "upwards, by name": ("device.py", "importlib.import_module('bigmodel_utils.training')"),
    "sideways": ("models/_blocks.py", "from bigmodel_utils.optim import Muon"),
    "past the door": ("training/_fit.py", "from bigmodel_utils.optim._muon import Muon"),
    "past the door, the room": ("training/_fit.py", "from bigmodel_utils.optim import _muon"),
    "past the door, relative": ("training/_fit.py", "from ..optim._muon import Muon"),
    "out and in again": ("models/_blocks.py", "from bigmodel_utils.models import GPT"),
    "out and in again, relative": ("models/_blocks.py", "from . import GPT"),
}


@pytest.mark.parametrize(("file", "line"), PLANTED.values(), ids=PLANTED)
def test_a_planted_import_is_seen(file, line):
    path = PACKAGE / file
    assert path.exists()
    before, after = (imported(source, path) for source in ("", line))
    new = after - before
    assert new, "the import was not found"
    assert any(objection(dotted(path), other) for other in new)


ALLOWED = {
    "a lower floor": ("training/_fit.py", "from bigmodel_utils.optim import Muon"),
    "a neighbour": ("models/_blocks.py", "from bigmodel_utils.models._attention import attention"),
    "a neighbour, relative": ("models/_blocks.py", "from ._attention import attention"),
    "what checkers share": ("checks/gates.py", "from bigmodel_utils.checks import grade"),
}


@pytest.mark.parametrize(("file", "line"), ALLOWED.values(), ids=ALLOWED)
def test_a_good_import_is_no_objection(file, line):
    path = PACKAGE / file
    found = imported(line, path)
    assert found
    assert all(objection(dotted(path), other) is None for other in found)


def test_a_planted_circle_is_seen():
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"a"}})
    assert circle({"a": {"b", "c"}, "b": {"c"}}) is None


@pytest.mark.parametrize(
    "line",
    ["from bigmodel_utils.optim._muon import Muon", "import bigmodel_utils.live.host",
     "from bigmodel_utils.training import _fit"],
)  # fmt: skip
def test_a_page_that_goes_past_a_door_is_seen(line):
    found = imported(line, ROOT / "book" / "page.ipynb")
    if line.startswith("import"):  # a folder without Python: its door is found
        assert found == {"bigmodel_utils.live"}
    else:
        assert any(behind_the_door(other) for other in found)


@pytest.mark.parametrize("path", MODULES, ids=dotted)
def test_nothing_happens_at_import(path):
    """A module's top level holds imports, definitions, constants and its docstring only.

    What is said under ``if __name__ == "__main__"`` does not happen at import.
    """
    allowed = (
        ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef, ast.Assign, ast.AnnAssign
    )  # fmt: skip
    for node in ast.parse(path.read_text()).body:
        docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        program = isinstance(node, ast.If) and ast.unparse(node.test) == "__name__ == '__main__'"
        assert docstring or program or isinstance(node, allowed), (
            f"line {node.lineno} runs at import"
        )


@pytest.mark.parametrize("path", MODULES, ids=dotted)
def test_is_small_and_documented(path):
    source = path.read_text()
    tree = ast.parse(source)
    assert ast.get_docstring(tree), "no docstring"
    assert len(source.splitlines()) <= 280
    public = set(_all(tree))
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and node.name in public:
            assert ast.get_docstring(node), f"{node.name} has no docstring"


def _all(tree):
    for node in tree.body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "__all__":
            return ast.literal_eval(node.value)
    return []


@pytest.mark.parametrize(
    "path", [m for m in MODULES if m.parent != PACKAGE or m.stem[0] != "_"], ids=dotted
)
def test_says_what_is_public(path):
    assert _all(ast.parse(path.read_text())), "no __all__"


def test_each_thing_has_one_door():
    """A name that a door offers is defined in that folder; no door hands on another's things."""
    for door in PACKAGE.glob("*/__init__.py"):
        tree = ast.parse(door.read_text())
        sources = {
            alias.asname or alias.name: node.module
            for node in tree.body
            if isinstance(node, ast.ImportFrom) and not node.level
            for alias in node.names
        }
        for name in _all(tree):
            home = sources.get(name, dotted(door))
            assert home.startswith(dotted(door)), f"{dotted(door)} hands on {name} of {home}"


def test_only_the_labs_import_ipywidgets():
    users = {dotted(p).split(".")[1] for p in MODULES if "import ipywidgets" in p.read_text()}
    assert users == {"labs"}


def test_importing_the_package_costs_nothing():
    code = (
        "import sys, bigmodel_utils, bigmodel_utils.device, bigmodel_utils.ledger;"
        "heavy = {'torch', 'numpy', 'matplotlib', 'sklearn', 'ipywidgets', 'mlxtend'};"
        "sys.exit(bool(heavy & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_training_brings_nothing_heavy_besides_torch():
    code = (
        "import torch, sys; before = set(sys.modules);"
        "from bigmodel_utils import accounting, data, models, optim, reference, training;"
        "new = {m.split('.')[0] for m in set(sys.modules) - before};"
        "heavy = {'matplotlib', 'sklearn', 'ipywidgets', 'mlxtend', 'pandas', 'scipy'};"
        "sys.exit(str(heavy & new) if heavy & new else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
