"""The checker of single pages: what it runs, in which order, and what it says of a failure."""

import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import of_pages
import pytest
from tool_copies import ROOT, check, toc

from bigmodel_utils.live import FIGURES

ATTENTION = "book/3_algorithms/attention.ipynb"
LESSONS = [page for page in toc.read(ROOT) if page.is_lesson]


def command_of(name, *pages):
    return next(step.command for step in check.steps(list(pages)) if step.name == name)


def test_every_step_is_about_the_pages_that_were_asked_for():
    pages = [ATTENTION, "book/3_algorithms/gates.ipynb"]
    names = [step.name for step in check.steps(pages)]
    assert sorted(names) == sorted(
        ["lint", "format", "contents", "execute", "build", "browser", "page", "ledger"]
    )
    for name in ("lint", "format", "execute"):
        assert [w for w in command_of(name, *pages) if w.endswith(".ipynb")] == pages
    for name in ("page", "browser"):
        assert command_of(name, *pages)[-4:] == ("--page", "attention", "--page", "gates")
    assert "bigmodel_utils/checks/gates.py" in command_of("lint", *pages)
    assert "--nbval" in command_of("execute", *pages) and "-W" in command_of("build", *pages)
    assert "book/appendix/ledger.ipynb" in command_of("ledger", *pages)


def test_the_browser_waits_for_the_build():
    assert {step.name: step.after for step in check.steps([ATTENTION]) if step.after} == {
        "browser": "build"
    }


def test_commands_are_those_of_make_test():
    makefile = re.sub(r"\\\s+", "", (ROOT / "Makefile").read_text())
    assert "-W -n --keep-going" in makefile and "tests/sanitize.cfg" in makefile
    for option in check.NBVAL:
        assert option in makefile


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([], r'PAGES: expected pages, such as PAGES="book/.*", got none'),
        (["book/3_algorithms/nothing.ipynb"], r"expected a notebook of _toc.yml, got .*nothing"),
        (["book/3_algorithms/index.md"], r"expected a notebook of _toc.yml, got .*index.md"),
        ([ATTENTION, "gone.ipynb"], r"got gone.ipynb"),
    ],
)
def test_pages_that_are_not_there_are_named(given, message, monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    with pytest.raises(ValueError, match=message):
        check.known(given)
    monkeypatch.setattr(sys, "argv", ["check.py", *given])
    assert check.main() == 2
    assert re.search(message, capsys.readouterr().err)


def test_pages_are_known_from_any_folder_and_once(monkeypatch):
    monkeypatch.chdir(ROOT / "book")
    assert check.known(["3_algorithms/attention.ipynb", str(ROOT / ATTENTION)]) == [ATTENTION]


def step(name, code, after=""):
    return check.Step(name, (sys.executable, "-c", code), after)


def test_steps_go_on_after_a_failure_and_say_what_failed(tmp_path, capsys):
    note = f"open({str(tmp_path / 'order')!r}, 'a').write"
    plan = [
        step("last", f"{note}('last ')", after="slow"),
        step("slow", f"import time; time.sleep(0.5); {note}('slow ')"),
        step("bad", "import sys; print('\\x1b[31mwhat went wrong\\x1b[0m'); sys.exit(3)"),
        step("good", "import os; assert os.environ['OMP_NUM_THREADS'] == '1'"),
    ]
    assert check.run(plan) == ["bad"]
    assert (tmp_path / "order").read_text() == "slow last "
    lines = capsys.readouterr().out.splitlines()
    heads = [line.split()[:2] for line in lines if not line.startswith("    ")]
    assert sorted(heads) == sorted(
        [["FAILED", "bad"], ["passed", "good"], ["passed", "slow"], ["passed", "last"]]
    )
    assert "    what went wrong" in lines
    bad = next(line for line in lines if " bad " in line)
    assert re.search(r"\d\.\d s ", bad) and "-c 'import sys; print" in bad


@pytest.mark.parametrize(("failed", "status"), [([], 0), (["build"], 1)])
def test_the_command_tells_success_from_failure(monkeypatch, capsys, failed, status):
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(check, "run", lambda plan: failed)
    monkeypatch.setattr(sys, "argv", ["check.py", ATTENTION])
    assert check.main() == status
    said = capsys.readouterr().out
    assert said.startswith("failed: build (" if failed else "all passed (")


# Which tests concern a page


def collected(*options):
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider",
         "-o", "addopts=", *options],
        cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip
    return {line for line in done.stdout.splitlines() if "::" in line}, done


TESTS = ("tests/pages", "tests/browser", "tests/package/test_imports.py")


@pytest.fixture(scope="module")
def every_test():
    return collected(*TESTS)[0]


def test_no_test_of_a_page_is_left_out_and_no_other_is_kept(every_test):
    stem = "pooling"
    kept, _ = collected(*TESTS, "--page", stem)
    assert kept < every_test
    others = "|".join(page.path.stem for page in LESSONS if page.path.stem != stem)
    # Ids begin with the page: [attention], [attention-causal_mask], [book/3_algorithms/attention].
    own = re.compile(rf"\[(book/\w+/)?{stem}(\]|-)")
    foreign = re.compile(rf"\[(book/\w+/)?({others})(\]|-)")
    of_figures = re.compile(r"/test_(\w+_figure|live_\w+)\.")
    in_pages = {test for test in every_test if not of_figures.search(test)}
    assert {test for test in in_pages if own.search(test)} <= kept
    assert [test for test in kept & in_pages if foreign.search(test)] == []
    # Tests of the whole book, and those of the page's own figures.
    assert any("test_labels_are_unique" in test for test in kept)
    on_page = of_pages.names_of_pages()[0][stem].figures
    for name in FIGURES:
        file = f"test_{name.replace('-', '_')}_figure.py"
        assert any(file in test for test in kept) is (name in on_page), name


def test_a_page_that_is_not_there_is_an_error():
    _, done = collected("tests/pages/test_pages.py", "--page", "nothing")
    assert done.returncode == 4
    assert "--page: expected the stem of a page in _toc.yml, got 'nothing'" in done.stderr


def test_each_live_figure_has_a_file_of_browser_tests():
    files = (ROOT / "tests" / "browser").glob("test_*_figure.py")
    assert {of_pages.figure_of(path) for path in files} == set(FIGURES)


WANTED = of_pages.Names(
    frozenset({"gates"}), frozenset({"book/3_algorithms/gates"}), frozenset({"lstm-cell"})
)
OTHER = of_pages.Names(frozenset({"pooling"}), frozenset({"book/index"}), frozenset({"gates"}))
KNOWN = of_pages.Names.together([WANTED, OTHER])


def about_gates():
    return "book/3_algorithms/gates"


def about_nothing():
    return "book"


ITEMS = {
    "a page": ({"page": Path("book/gates.ipynb")}, "tests/pages/test_x.py", about_nothing, True),
    "another": ({"page": Path("book/pooling.ipynb")}, "tests/pages/test_x.py", about_gates, False),
    "its checkers": ({"path": Path("checks/gates.py")}, "tests/package/x.py", about_nothing, True),
    "a namesake": ({"path": Path("a/models/gates.py")}, "tests/package/x.py", about_nothing, False),
    "a topic": ({"topic": "gates", "name": "x"}, "tests/pages/test_x.py", about_nothing, True),
    "its figure": ({"name": "lstm-cell"}, "tests/browser/test_x.py", about_nothing, True),
    "a figure of its name": ({"name": "gates"}, "tests/browser/test_x.py", about_nothing, False),
    "the built page": (
        {"page": "book/3_algorithms/gates"}, "tests/browser/test_x.py", about_nothing, True,
    ),
    "another built page": ({"page": "book/index"}, "tests/browser/x.py", about_gates, False),
    "a file of its figure": ({}, "tests/browser/test_lstm_cell_figure.py", about_nothing, True),
    "a file of another": ({}, "tests/browser/test_gates_figure.py", about_nothing, False),
    "code that names it": ({}, "tests/browser/test_x.py", about_gates, True),
    "code that does not": ({}, "tests/browser/test_x.py", about_nothing, False),
    "the whole book": ({}, "tests/pages/test_x.py", about_nothing, True),
    "the whole package": ({}, "tests/package/test_x.py", about_nothing, False),
}  # fmt: skip


@pytest.mark.parametrize(("params", "path", "function", "kept"), ITEMS.values(), ids=ITEMS)
def test_what_a_test_is_about(params, path, function, kept):
    item = SimpleNamespace(
        path=Path(path), function=function, callspec=SimpleNamespace(params=params)
    )
    assert of_pages.concerns(item, WANTED, KNOWN) is kept


def test_a_cell_of_a_page_is_about_the_page():
    for stem, kept in (("gates", True), ("pooling", False)):
        cell = SimpleNamespace(path=Path(f"book/{stem}.ipynb"))
        assert of_pages.concerns(cell, WANTED, KNOWN) is kept
