"""The runner of pages in disguise: what it keeps, what it runs again, what it says of a failure."""

import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def tool(tmp_path, monkeypatch):
    """The tool, in a repository of two small pages; results come from ``outcomes``."""
    spec = importlib.util.spec_from_file_location("portable", ROOT / "tools" / "portable.py")
    portable = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(portable)
    (tmp_path / "docs").mkdir()
    (tmp_path / "book").mkdir()
    monkeypatch.setattr(portable, "ROOT", tmp_path)
    monkeypatch.setattr(portable, "RECORD", tmp_path / "docs" / "portability.json")
    monkeypatch.setattr(portable, "REPORT", tmp_path / "docs" / "portability.md")
    for name in ("one", "two"):
        page(tmp_path / "book" / f"{name}.ipynb")
    portable.ran, portable.failing = [], set()

    def execute(name, disguise):
        portable.ran.append((name, disguise))
        passed = (name, disguise) not in portable.failing
        result = {"passed": passed, "cpu_seconds": 12.3, "source": portable.digest(name)}
        return result, "" if passed else "what went wrong"

    monkeypatch.setattr(portable, "execute", execute)
    return portable


def page(path, *, source="print(1 + 1)", output="2\n", moves=False):
    cell = nbformat.v4.new_code_cell(source, execution_count=1)
    cell.outputs = [nbformat.v4.new_output("stream", text=output)]
    cell.metadata["tags"] = ["nbval-ignore-output"] if moves else []
    notebook = nbformat.v4.new_notebook(cells=[cell])
    notebook.cells[0].id = "a"
    nbformat.write(notebook, path)


def run(tool, monkeypatch, *options):
    monkeypatch.setattr(sys, "argv", ["portable.py", "--jobs", "1", *options])
    return tool.main()


def test_every_page_runs_under_every_disguise_and_the_report_says_so(tool, monkeypatch):
    assert run(tool, monkeypatch) == 0
    pages = {"book/one.ipynb", "book/two.ipynb"}
    assert set(tool.ran) == {(p, d) for p in pages for d in tool.DISGUISES}
    record = json.loads(tool.RECORD.read_text())
    assert set(record["pages"]) == pages
    report = tool.REPORT.read_text()
    assert record["date"] in report and f"torch {record['versions']['torch']}" in report
    row = "| one.ipynb |" + " 12 |" * len(tool.DISGUISES)
    assert row in report
    for name, variables in tool.DISGUISES.items():
        assert f"**{name}**: {tool.WHAT[name]}" in report
        assert all(f"{key}={value}" in report for key, value in variables.items())


def test_a_failure_is_told_kept_and_run_again(tool, monkeypatch, capsys):
    tool.failing.add(("book/two.ipynb", "AVX2"))
    assert run(tool, monkeypatch) == 1
    out = capsys.readouterr().out
    assert "AVX2: book/two.ipynb: FAILED" in out and "what went wrong" in out
    assert tool.REPORT.read_text().count("**failed**") == 1
    tool.ran.clear()
    tool.failing.clear()
    assert run(tool, monkeypatch, "--resume") == 0
    assert tool.ran == [("book/two.ipynb", "AVX2")]
    assert "**failed**" not in tool.REPORT.read_text()


def test_resuming_runs_changed_pages_again(tool, monkeypatch):
    run(tool, monkeypatch, "--disguise", "AVX2")
    tool.ran.clear()
    page(tool.ROOT / "book" / "one.ipynb", output="3\n")
    run(tool, monkeypatch, "--disguise", "AVX2", "--resume")
    assert tool.ran == [("book/one.ipynb", "AVX2")]


def test_pages_that_are_gone_leave_the_report(tool, monkeypatch):
    run(tool, monkeypatch, "--disguise", "AVX2")
    (tool.ROOT / "book" / "two.ipynb").unlink()
    run(tool, monkeypatch, "--disguise", "AVX2")
    assert "two.ipynb" not in tool.REPORT.read_text()


def test_without_a_report_nothing_is_written(tool, monkeypatch):
    assert run(tool, monkeypatch, "--no-report") == 0
    assert list((tool.ROOT / "docs").iterdir()) == []


def test_digest_sees_code_and_strict_outputs_only(tool):
    path = tool.ROOT / "book" / "one.ipynb"

    def digest(**options):
        page(path, **options)
        return tool.digest("book/one.ipynb")

    strict = digest()
    assert digest() == strict
    assert digest(output="3\n") != strict
    assert digest(source="print(2)") != strict
    assert digest(moves=True) == digest(moves=True, output="3\n")


@pytest.mark.parametrize(
    ("vectors", "bfloat16", "native"),
    [
        ("AVX2", "0", {"AVX2", "no bfloat16"}),
        ("AVX2", "1", {"AVX2"}),
        ("AVX512", "1", set()),
        ("DEFAULT", "0", {"no bfloat16"}),
    ],
)
def test_a_disguise_that_is_the_processor_itself_may_be_left_out(
    tool, monkeypatch, capsys, vectors, bfloat16, native
):
    monkeypatch.setattr(tool, "capability", lambda: vectors)
    monkeypatch.setenv("BIGMODEL_BFLOAT16", bfloat16)
    assert run(tool, monkeypatch, "--unless-native") == 0
    assert {disguise for _, disguise in tool.ran} == set(tool.DISGUISES) - native
    assert capsys.readouterr().out.count("this processor has no more") == len(native)
    row = next(r for r in tool.REPORT.read_text().split("\n") if r.startswith("| one.ipynb |"))
    assert row.count("native") == len(native)
    assert row.count("12") == len(tool.DISGUISES) - len(native)
    assert run(tool, monkeypatch, "--resume") == 0  # unless one asks for it
    ran = {disguise for _, disguise in tool.ran[-2 * len(native) :]} if native else set()
    assert ran == native and "native |" not in tool.REPORT.read_text()


def test_an_unknown_page_is_an_error(tool, monkeypatch, capsys):
    with pytest.raises(SystemExit):
        run(tool, monkeypatch, str(tool.ROOT / "book" / "three.ipynb"))
    assert "no page: book/three.ipynb" in capsys.readouterr().err


@pytest.mark.skipif(os.name != "posix", reason="the tool measures CPU time, which needs POSIX")
def test_a_page_is_really_executed_in_disguise():
    command = [sys.executable, "tools/portable.py", "--no-report", "--jobs", "1"]
    command += ["--disguise", "no oneDNN", "book/appendix/ledger.ipynb"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"no oneDNN: book/appendix/ledger.ipynb: passed, \d+\.\d CPU-s", done.stdout)


def test_the_stored_report_knows_every_page_and_no_failure():
    """Whether the pages have changed since is the nightly run's matter; a new page is ours."""
    spec = importlib.util.spec_from_file_location("portable", ROOT / "tools" / "portable.py")
    portable = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(portable)
    record = portable.read()
    pages = record["pages"]
    assert sorted(pages) == portable.all_pages(), "run `make test-portable`"
    for name, row in pages.items():
        assert set(row) == set(portable.DISGUISES), f"{name}: run `make test-portable`"
        assert all(result["passed"] for result in row.values()), name
    assert portable.report(record) == portable.REPORT.read_text(encoding="utf-8")
