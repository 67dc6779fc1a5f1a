"""A page that was just begun passes every test: it runs, proves, checks, is attacked and built."""

import os
import re
import subprocess
import sys

import pytest
from tool_copies import ROOT, contents, copy_of, new_page

from bigmodel_utils import ledger

PAGE = "book/5_challenges/begun.ipynb"
WHOLE = ("README.md", "_toc.yml", "_config.yml", "book", "bigmodel_utils", "tools", "tests",
         "pyproject.toml", "conftest.py")  # fmt: skip
# What else changes with it, and is built with it.
REPEATS = ("book/index.md", "5_challenges/index.md", "appendix/api.md", "appendix/ledger.ipynb")


@pytest.fixture(scope="module")
def begun(tmp_path_factory):
    """A whole copy of the repository with a page that was just begun."""
    root = copy_of(ROOT, tmp_path_factory.mktemp("begun"), *WHOLE)
    new_page.create(root, "5_challenges/begun")
    return root


def run(root, *command, **env):
    """Run a command in a copy of the repository; return its status and what it said."""
    env |= {"PYTHONPATH": str(root), "BIGMODEL_THREADS": "1", "OMP_NUM_THREADS": "1"}
    env = os.environ | env
    done = subprocess.run(command, cwd=root, env=env, capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


PYTEST = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider")


def test_a_page_that_was_begun_has_the_anatomy_and_right_checkers(begun):
    tests = ("tests/pages", "tests/package/test_imports.py")
    status, said = run(begun, *PYTEST, *tests, "-k", "begun", "-o", "addopts=")
    assert status == 0, said
    assert int(re.search(r"(\d+) passed", said)[1]) >= 20


def test_a_page_that_was_begun_runs_strictly(begun):
    nbval = ("--nbval", "--nbval-current-env", "--nbval-sanitize-with", "tests/sanitize.cfg")
    status, said = run(begun, *PYTEST, *nbval, PAGE, contents.LEDGER)
    assert status == 0, said


def test_a_page_that_was_begun_is_formatted(begun):
    own = (PAGE, "bigmodel_utils/checks/begun.py", "tests/pages/attacks/begun.py")
    for command in (("check",), ("format", "--check")):
        status, said = run(begun, sys.executable, "-m", "ruff", *command, *own)
        assert status == 0, said


def test_a_page_that_was_begun_proves_what_it_states(begun):
    entries = ledger.read_page(begun / PAGE)
    names = ("nearest", "gradient", "excess", "descent", "distances")
    assert [entry.label for entry in entries] == [f"begun-{name}" for name in names]
    assert all(entry.tex and entry.cases >= 4 for entry in entries)


def test_a_page_that_was_begun_is_built_without_a_warning(begun):
    build = ("-c", "from jupyter_book.cli.main import main; main()", "build", ".")
    status, said = run(begun, sys.executable, *build, "-q", "-W", "-n", "--keep-going")
    names = ("begun.ipynb", *REPEATS)
    own = [line for line in said.splitlines() if any(name in line for name in names)]
    assert own == []
    assert status == 0 or "WARNING" in said, said  # of a page that is not this one
    assert (begun / "_build/html/book/5_challenges/begun.html").exists()


@pytest.mark.browser
def test_a_page_that_was_begun_works_in_a_browser(begun):
    if not (begun / "_build/html/book/5_challenges/begun.html").exists():
        pytest.skip("the page was not built")
    env = {"BOOK_HTML": str(begun / "_build" / "html")}
    tests = ("tests/browser/test_book.py", "--page", "begun")
    status, said = run(begun, *PYTEST, *tests, **env)
    assert status == 0, said
