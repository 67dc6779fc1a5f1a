"""The package's levels: a module imports only from lower ones, and nothing happens at import."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "bigmodel_utils"
# From what stands alone to what brings all together. A new module is added here on purpose.
LEVELS = [
    {
        "arguments",
        "batch",
        "byte_pairs",
        "disguise",
        "drawn",
        "idx",
        "modes",
        "packaged",
        "ts",
        "live.labels",
        "live.defaults",
        "ledger",
    },
    {
        "_devices",
        "_integers",
        "device",
        "numerics",
        "plotting",
        "cost_report",
        "rng",
        "sequences",
        "speech",
        "text",
        "schedule",
        "pieces",
        "token_arguments",
        "live.schema",
        "live.labels_attention",
        "live.labels_recurrent",
        "live.labels_rotary",
        "live.labels_sampler",
        "live.labels_tiles",
    },
    {
        "_kv_cache",
        "_sources",
        "attention",
        "positions",
        "tiled_attention",
        "reference_attention",
        "memory",
        "settings",
        "tokenizer_files",
    },
    {"blocks", "tokenizer"},
    {"transformer"},
    {
        "reference",
        "reference_steps",
        "data",
        "models",
        "augment",
        "history",
        "checkpoint",
        "layer_formulas",
        "muon",
        "live.schema_attention",
        "live.schema_recurrent",
        "live.schema_rotary",
        "live.schema_sampler",
        "live.schema_tiles",
    },
    {
        "reference_pooling",
        "reference_recurrent",
        "batches",
        "forward",
        "optimizers",
        "accounting",
        "live",
        "checks",
    },
    {"evaluation", "generation", "checks.*"},
    {"run"},
    {"training", "labs"},
    {"widgets"},
]
MODULES = sorted(PACKAGE.glob("**/*.py"))


def dotted(path):
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(p for p in parts if p != "__init__")


def level(module):
    for number, members in enumerate(LEVELS):
        if module in members:
            return number
        if module.startswith("checks.") and "checks.*" in members:
            return number
    raise AssertionError(f"{module} has no level in tests/test_imports.py")


def imported(path):
    """Return the package's modules that a file imports anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        for name in names:
            if name.startswith("bigmodel_utils."):
                inner = name.removeprefix("bigmodel_utils.")
                known = {dotted(m) for m in MODULES}
                while inner and inner not in known:
                    inner = inner.rpartition(".")[0]
                if inner:
                    found.add(inner)
    return found


@pytest.mark.parametrize("path", MODULES, ids=dotted)
def test_imports_only_from_lower_levels(path):
    module = dotted(path)
    if not module:
        assert imported(path) == set()
        return
    for other in imported(path):
        assert level(other) < level(module), f"{module} imports {other}"


@pytest.mark.parametrize("path", MODULES, ids=dotted)
def test_nothing_happens_at_import(path):
    """A module's top level holds imports, definitions, constants and its docstring only."""
    allowed = (
        ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef, ast.Assign, ast.AnnAssign
    )  # fmt: skip
    for node in ast.parse(path.read_text()).body:
        docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        assert docstring or isinstance(node, allowed), f"line {node.lineno} runs at import"


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


@pytest.mark.parametrize("path", [m for m in MODULES if dotted(m)], ids=dotted)
def test_says_what_is_public(path):
    assert _all(ast.parse(path.read_text())), "no __all__"


def test_only_widgets_imports_ipywidgets():
    users = {dotted(p) for p in MODULES if "import ipywidgets" in p.read_text()}
    assert users == {"widgets"}


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
        "import bigmodel_utils.training, bigmodel_utils.models, bigmodel_utils.accounting;"
        "new = {m.split('.')[0] for m in set(sys.modules) - before};"
        "heavy = {'matplotlib', 'sklearn', 'ipywidgets', 'mlxtend', 'pandas', 'scipy'};"
        "sys.exit(str(heavy & new) if heavy & new else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
