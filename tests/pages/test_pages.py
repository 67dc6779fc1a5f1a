"""Anatomy of the pages: what CONTRIBUTING.md promises, read from the stored notebooks."""

import ast
import re
import statistics
import sys

import nbformat
import pytest
import yaml
from page import LESSONS, PAGES, ROOT, by_stem, cells, find, name, objectives, python, tags

from bigmodel_utils import ledger

FIGURES = ("image/png", "image/svg+xml", "image/jpeg")
FOLDED = {"hide-input", "hide-cell", "remove-input"}


def test_namesakes_are_refused(tmp_path):
    """A page that shares its stem would take over the other's checkers, attacks and taught code."""
    for folder in ("3_algorithms", "5_challenges", "5_challenges/.ipynb_checkpoints"):
        (tmp_path / folder).mkdir()
    (tmp_path / "3_algorithms" / "gates.ipynb").touch()
    (tmp_path / "5_challenges" / ".ipynb_checkpoints" / "gates.ipynb").touch()
    assert list(by_stem(find(tmp_path))) == ["gates"]
    (tmp_path / "5_challenges" / "gates.ipynb").touch()
    with pytest.raises(ValueError, match=r"3_algorithms/gates\.ipynb and .*5_challenges/gates"):
        by_stem(find(tmp_path))


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_is_in_the_table_of_contents(page):
    listed = re.findall(r"file: (\S+)", (ROOT / "_toc.yml").read_text())
    assert str(page.relative_to(ROOT).with_suffix("")) in listed


@pytest.mark.parametrize("page", LESSONS, ids=name)
def test_opens_with_title_measured_badge_and_objectives(page):
    opening = cells(page)[0].source
    assert opening.startswith("# ")
    badge = re.search(
        r"\*\*Runs in\*\* at most (\d+) CPU-seconds · \*\*memory\*\* (\d+) MB · \*\*read first\*\*",
        opening,
    )
    assert badge, "no badge line, or `make execute` did not fill it in"
    measured = nbformat.read(page, 4).metadata["book"]
    assert int(badge[1]) == measured["cpu_seconds_label"] <= 100
    assert int(badge[2]) == measured["memory_mb_label"] <= 2500
    assert 3 <= len(objectives(page)) <= 5


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_setup_cell_is_short_and_in_order(page):
    setup = cells(page, "code")[0].source
    assert len(setup.splitlines()) <= 15
    order = ['find_spec("bigmodel_utils")', "%pip install -q git+", "setup(seed=0)"]
    positions = [setup.index(part) for part in order]
    assert positions == sorted(positions)
    if "import torch" in setup:
        assert setup.index("setup(seed=0)") < setup.index("import torch")


@pytest.mark.parametrize("page", LESSONS, ids=name)
def test_has_the_parts_of_a_lesson(page):
    text = "\n".join(c.source for c in cells(page, "markdown"))
    headings = re.findall(r"(?m)^#{2,3} (?:Deeper: )?(.*)$", text)
    headings = {heading[:1].upper() + heading[1:] for heading in headings}
    missing = {"The question", "Cost", "Where it fails", "Exercises", "Summary"} - headings
    assert not missing
    assert "**Predict" in text or "predict" in text
    assert "control" in text
    assert "**References:**" in text
    code = "\n".join(c.source for c in cells(page, "code"))
    assert "LiveFigure(" in code
    assert "prove(" in code


@pytest.mark.parametrize("page", LESSONS, ids=name)
def test_has_three_to_five_exercises_each_with_a_folded_solution(page):
    found = [tags(c) & {"exercise", "solution"} for c in cells(page, "code")]
    order = [next(iter(t)) for t in found if t]
    assert 3 <= len(order) / 2 <= 5
    assert order == ["exercise", "solution"] * (len(order) // 2)
    for cell in cells(page, "code"):
        if "solution" in tags(cell):
            assert "hide-cell" in tags(cell)


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_code_cells_are_short(page):
    lengths = [len(c.source.splitlines()) for c in cells(page, "code")]
    assert max(lengths) <= 30
    visible = [len(c.source.splitlines()) for c in cells(page, "code") if not (tags(c) & FOLDED)]
    if page in LESSONS:
        assert statistics.median(visible) <= 8


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_code_cell_was_run_in_order_and_is_compared(page):
    for number, cell in enumerate(cells(page, "code"), start=1):
        assert cell.execution_count == number, "execute the page from a clean kernel"
        for output in cell.outputs:
            assert output.output_type != "error" or "raises-exception" in tags(cell)
            assert output.get("name") != "stderr", output.get("text")


def is_strict_verdict(cell):
    """Whether a cell is compared and asserts. A claim asserts too, and its numbers may move."""
    if "nbval-ignore-output" in tags(cell):
        return False
    return "assert " in cell.source or "True" in str(cell.outputs)


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_moving_outputs_end_in_a_verdict(page):
    code = [c for c in cells(page, "code") if "lab" not in tags(c)]
    moving = [i for i, c in enumerate(code) if "nbval-ignore-output" in tags(c)]
    verdicts = [
        i for i, c in enumerate(code) if c.outputs and ("claim" in tags(c) or is_strict_verdict(c))
    ]
    if moving:
        assert any(i > moving[0] for i in verdicts), (
            "no strict cell and no claim judges the moving cells"
        )
    moving = [i for i in moving if "claim" not in tags(code[i])]
    assert len(moving) <= len(code) / 2, "more than half of the page is not compared"


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_figure_has_an_alt_text(page):
    for cell in cells(page, "code"):
        shown = [o for o in cell.outputs if set(o.get("data", {})) & set(FIGURES)]
        if shown:
            alt = cell.metadata.get("mystnb", {}).get("image", {}).get("alt", "")
            assert len(alt) >= 20, cell.source
        for output in cell.outputs:
            html = output.get("data", {}).get("text/html", "")
            assert "<img" not in html


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_no_function_reads_a_global_variable(page):
    """Functions may use imports, other functions and builtins, not the page's data."""
    import builtins

    allowed = set(dir(builtins)) | {"device"}
    trees = [ast.parse(python(c)) for c in cells(page, "code")]
    for tree in trees:
        for node in ast.walk(tree):
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                allowed |= {(a.asname or a.name).split(".")[0] for a in node.names}
    for tree in trees:
        allowed |= {n.name for n in tree.body if isinstance(n, (ast.FunctionDef, ast.ClassDef))}
    for tree in trees:
        for function in tree.body:
            if not isinstance(function, (ast.FunctionDef, ast.ClassDef)):
                continue
            bound = {n.arg for n in ast.walk(function) if isinstance(n, ast.arg)}
            bound |= {
                n.id
                for n in ast.walk(function)
                if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
            }
            bound |= {
                n.name
                for n in ast.walk(function)
                if isinstance(n, (ast.FunctionDef, ast.ClassDef, ast.ExceptHandler)) and n.name
            }
            read = {
                n.id
                for n in ast.walk(function)
                if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)
            }
            assert read <= bound | allowed, f"{function.name} reads {read - bound - allowed}"


@pytest.mark.parametrize("page", LESSONS, ids=name)
def test_ledger_is_complete_in_both_directions(page):
    entries = ledger.read_page(page)
    assert entries, "the page proves nothing"
    unproved = [e.label for e in entries if e.tex and not e.cases]
    orphans = [e.label for e in entries if not e.tex]
    assert unproved == [], "equations without a proof"
    assert orphans == [], "proofs without an equation"


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_display_equation_is_labelled(page):
    for cell in cells(page, "markdown"):
        text = re.sub(r"```.*?```", "", cell.source, flags=re.DOTALL)
        fences = re.findall(r"(?m)^\$\$.*$", text)
        assert len(fences) % 2 == 0
        for closing in fences[1::2]:
            assert re.fullmatch(r"\$\$ \([a-z0-9-]+\)", closing.strip()), f"unlabelled: {closing}"


def labels(page):
    """Return the labels of a page's equations."""
    text = "\n\n".join(cell.source for cell in cells(page, "markdown"))
    return re.findall(r"(?m)^\$\$[ \t]*\(([^()\s]+)\)", text)


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_labels_are_unique_in_the_book(page):
    own = labels(page)
    assert len(own) == len(set(own))
    for other in PAGES:
        assert other == page or not set(own) & set(labels(other)), f"also in {other.name}"


def test_a_missing_proof_would_be_noticed(tmp_path):
    page = nbformat.read(LESSONS[0], 4)
    cell = next(c for c in page.cells if "proved " in str(c.get("outputs", "")))
    cell.outputs = []
    nbformat.write(page, tmp_path / "page.ipynb")
    assert any(e.tex and not e.cases for e in ledger.read_page(tmp_path / "page.ipynb"))
    page = nbformat.read(LESSONS[0], 4)
    for cell in page.cells:
        if cell.cell_type == "markdown":
            cell.source = re.sub(r"(?m)^\$\$ \((?!def-)[^)]+\)", "$$", cell.source, count=1)
    nbformat.write(page, tmp_path / "page.ipynb")
    assert any(not e.tex for e in ledger.read_page(tmp_path / "page.ipynb"))


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_is_stored_as_make_execute_stores_it(page, tmp_path):
    sys.path.insert(0, str(ROOT / "tools"))
    try:
        import execute
    finally:
        sys.path.pop(0)
    stored = page.read_bytes()
    assert len(stored) <= 2**20
    notebook = nbformat.read(page, 4)
    execute.set_address(notebook, execute.repository_address())
    execute.normalise(notebook)
    copy = tmp_path / page.name
    execute.write(copy, notebook)
    assert copy.read_bytes() == stored, "run `make execute` on the page"


def test_launch_buttons_and_guards_name_one_address():
    address = yaml.safe_load((ROOT / "_config.yml").read_text())["repository"]["url"]
    for page in PAGES:
        guard = re.findall(r"git\+(\S+)", cells(page, "code")[0].source)
        assert guard == [address]
    readme = (ROOT / "README.md").read_text()
    short = address.removeprefix("https://github.com/")
    colab = re.findall(r"colab\.research\.google\.com/github/([^/]+/[^/]+)/", readme)
    assert colab and set(colab) == {short}
    assert set(re.findall(r"github\.com/([\w-]+/[\w-]+)", readme)) <= {short}
