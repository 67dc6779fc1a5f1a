"""The page runner: what it stores, what it drops, and that a failure leaves the old page."""

import json
import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))
try:
    import execute
finally:
    sys.path.pop(0)

TITLE = "# Title\n\n**Runs in** ? · **memory** ? · **read first** nothing"


def notebook(*cells, title=TITLE):
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(title), *cells])


def code(source="1", *outputs, **metadata):
    cell = nbformat.v4.new_code_cell(source, outputs=list(outputs), metadata=metadata)
    cell.execution_count = 1
    return cell


def stream(text, name="stdout"):
    return nbformat.v4.new_output("stream", name=name, text=text)


def display(data, metadata=None):
    return nbformat.v4.new_output("display_data", data=data, metadata=metadata or {})


def figure(alt, mime="image/svg+xml"):
    return display({mime: "<svg/>", "text/plain": "figure"}, {mime: {"alt": alt}})


def test_what_changes_from_run_to_run_is_dropped():
    page = notebook(code("1", execution={"iopub.execute_input": "2026-01-01T00:00:00Z"}))
    page.metadata = nbformat.from_dict(
        {"widgets": {"state": 1}, "kernelspec": {"name": "mine"}, "language_info": {"version": "3"},
         "book": {"cpu_seconds_label": 5}}
    )  # fmt: skip
    execute.normalise(page)
    assert page.metadata == {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
        "book": {"cpu_seconds_label": 5},
    }
    assert page.cells[1].metadata == {}


def test_tags_and_outputs_stay():
    kept = [stream("text"), display({"text/html": "<p>"}), figure("A falling line.")]
    page = notebook(code("1", *kept, tags=["hide-input"], jupyter={"source_hidden": True}))
    page.cells[0].metadata["tags"] = ["anything"]
    execute.normalise(page)
    assert page.cells[1].outputs == kept
    assert page.cells[1].metadata["tags"] == ["hide-input"]
    assert page.cells[1].metadata["jupyter"] == {"source_hidden": True}
    assert page.cells[0].metadata["tags"] == ["anything"]
    assert page.cells[1].execution_count == 1


def test_widgets_and_stderr_are_dropped():
    widget = display({execute.WIDGET: {"model_id": "x"}, "text/plain": "IntSlider()"})
    page = notebook(code("1", widget, stream("bar", "stderr"), stream("kept")))
    execute.normalise(page)
    assert page.cells[1].outputs == [stream("kept")]


@pytest.mark.parametrize("mime", ["image/svg+xml", "image/png"])
def test_alt_text_goes_where_the_book_looks_for_it(mime):
    page = notebook(code("1", figure("A falling line.", mime)))
    execute.normalise(page)
    assert page.cells[1].metadata["mystnb"] == {"image": {"alt": "A falling line."}}
    assert page.cells[1].outputs[0].metadata == {mime: {"alt": "A falling line."}}


def test_alt_text_of_a_figure_that_is_gone_goes_too():
    page = notebook(code("1", stream("no figure"), mystnb={"image": {"alt": "A falling line."}}))
    execute.normalise(page)
    assert page.cells[1].metadata == {}


def test_two_figures_in_one_cell_are_refused():
    page = notebook(code("draw_two()\n2", figure("A falling line."), figure("A rising line.")))
    with pytest.raises(ValueError, match=r"2 figures.*draw_two\(\)"):
        execute.normalise(page)
    page = notebook(code("1", figure("A falling line.")), code("2", figure("A rising line.")))
    execute.normalise(page)


def test_a_second_normalisation_changes_nothing():
    page = notebook(
        code(
            "1", figure("A line."), stream("x", "stderr"), execution={"shell.execute_reply": "now"}
        )
    )
    once = nbformat.writes(execute.normalise(page))
    assert nbformat.writes(execute.normalise(nbformat.reads(once, 4))) == once


def test_address_is_written_into_the_guard():
    guard = "    %pip install -q git+https://old.example/a/b\nimport torch"
    page = notebook(code(guard), title=TITLE + " git+https://old.example/a/b")
    execute.set_address(page, "https://new.example/c/d")
    assert page.cells[1].source == guard.replace("old.example/a/b", "new.example/c/d")
    assert "old.example" in page.cells[0].source  # prose is the author's
    assert execute.repository_address().startswith("https://")


def badge(page, cpu_seconds, peak_mb):
    execute.set_badge(page, cpu_seconds, peak_mb)
    label = page.metadata["book"]
    text = (
        f"**Runs in** at most {label['cpu_seconds_label']} CPU-seconds · "
        f"**memory** {label['memory_mb_label']} MB · **read first** nothing"
    )
    assert page.cells[0].source == f"# Title\n\n{text}"
    return label["cpu_seconds_label"], label["memory_mb_label"]


def test_badge_is_rounded_up():
    for cpu, peak, expected in (
        (0.2, 40, (5, 100)), (5, 400, (5, 400)), (5.01, 400.2, (10, 500)), (61, 1234, (75, 1300)),
    ):  # fmt: skip
        assert badge(notebook(), cpu, peak) == expected


def test_badge_stays_while_it_fits():
    page = notebook()
    assert badge(page, 18, 390) == (20, 400)
    for cpu, peak in ((20, 400), (8, 280), (13.3, 333)):
        assert badge(page, cpu, peak) == (20, 400)
    assert badge(page, 20.1, 390) == (30, 400)  # no longer true
    assert badge(page, 12, 390) == (30, 400)
    assert badge(page, 11.9, 390) == (15, 400)  # less than two fifths of it
    assert badge(page, 14, 279) == (15, 300)
    assert badge(page, 14, 301) == (15, 400)


def test_a_badge_does_not_flip_to_and_fro():
    """A page that takes now a little more and now a little less than a step keeps one label."""
    page = notebook()
    assert badge(page, 4.9, 400) == (5, 400)
    assert badge(page, 5.1, 400) == (10, 400)
    for cpu in (4.9, 5.1, 4.1):
        assert badge(page, cpu, 400) == (10, 400)


def test_badge_of_a_page_without_one_and_of_a_page_that_takes_too_long():
    page = notebook(title="# Appendix\n\nText.")
    execute.set_badge(page, 3, 100)
    assert page.cells[0].source == "# Appendix\n\nText." and "book" not in page.metadata
    with pytest.raises(ValueError, match="601 CPU-seconds, the limit is 600"):
        execute.set_badge(notebook(), 601, 100)


def test_writing_tells_whether_anything_changed(tmp_path):
    path = tmp_path / "page.ipynb"
    page = notebook(code("'é'", stream("×")))
    assert execute.write(path, page) is True
    stored = path.read_bytes()
    os.utime(path, (1, 1))
    assert execute.write(path, nbformat.read(path, 4)) is False
    assert path.stat().st_mtime == 1
    assert "×".encode() in stored and stored.endswith(b"}\n")
    page.cells[1].source = "2"
    assert execute.write(path, page) is True
    assert path.read_bytes() != stored
    assert [p.name for p in tmp_path.iterdir()] == ["page.ipynb"]
    assert path.stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize("failing", ["replace", "chmod", "fdopen"])
@pytest.mark.parametrize("error", [OSError("disk full"), KeyboardInterrupt()])
def test_a_failed_write_leaves_the_old_page_and_nothing_else(
    tmp_path, monkeypatch, failing, error
):  # fmt: skip
    path = tmp_path / "page.ipynb"
    execute.write(path, notebook(code("1")))
    stored = path.read_bytes()

    def fail(*args, **kwargs):
        raise error

    monkeypatch.setattr(execute.os, failing, fail)
    with pytest.raises(type(error)):
        execute.write(path, notebook(code("2")))
    assert path.read_bytes() == stored
    assert [p.name for p in tmp_path.iterdir()] == ["page.ipynb"]


@pytest.fixture
def book(tmp_path, monkeypatch):
    """Pretend that the repository is in an empty folder."""
    monkeypatch.setattr(execute, "ROOT", tmp_path)
    (tmp_path / "_config.yml").write_text("repository: {url: 'https://new.example/c/d'}\n")
    (tmp_path / "book").mkdir()
    return tmp_path / "book"


def test_running_twice_gives_no_diff(book, capsys):
    source = "\n".join([
        "import pathlib, sys, IPython.display as d",
        "print('a'); print('b', file=sys.stderr)",
        "assert pathlib.Path('page.ipynb').exists()  # it starts in the page's folder",
        "d.display({'image/png': 'AA==', 'text/plain': 'f'}, raw=True,",
        "          metadata={'image/png': {'alt': 'A line that falls.'}})",
    ])  # fmt: skip
    page = notebook(code("'git+https://old.example/a/b '"), code(source))
    path = book / "page.ipynb"
    nbformat.write(page, path)
    execute.run(path)
    first = path.read_bytes()
    execute.run(path)
    assert path.read_bytes() == first
    lines = capsys.readouterr().out.splitlines()
    assert [line.rpartition(", ")[2] for line in lines] == ["changed", "unchanged"]
    stored = json.loads(first)
    assert [out["output_type"] for out in stored["cells"][2]["outputs"]] == [
        "stream",
        "display_data",
    ]
    assert stored["cells"][2]["metadata"] == {"mystnb": {"image": {"alt": "A line that falls."}}}
    assert "new.example" in "".join(stored["cells"][1]["source"])
    assert "at most 5 CPU-seconds" in "".join(stored["cells"][0]["source"])


def test_a_page_that_fails_is_left_as_it_was(book):
    path = book / "page.ipynb"
    nbformat.write(notebook(code("1 / 0")), path)
    stored = path.read_bytes()
    with pytest.raises(Exception, match="ZeroDivisionError"):
        execute.run(path)
    assert path.read_bytes() == stored


def test_a_dry_run_stores_nothing(book, capsys):
    path = book / "page.ipynb"
    nbformat.write(notebook(code("print(1)")), path)
    stored = path.read_bytes()
    execute.run(path, dry_run=True)
    assert path.read_bytes() == stored
    assert capsys.readouterr().out.endswith("passed\n")


def test_main_runs_each_page_in_a_process_and_fails_if_one_does(book, monkeypatch, capfd):
    for name in ("a.ipynb", "b.ipynb"):
        nbformat.write(notebook(), book / name)
    (book / ".ipynb_checkpoints").mkdir()
    nbformat.write(notebook(), book / ".ipynb_checkpoints" / "a-checkpoint.ipynb")
    calls = []

    def run(command, env, stdin):
        calls.append((Path(command[-1]).name, "--dry-run" in command, env["BIGMODEL_THREADS"]))
        return subprocess.CompletedProcess(command, int(command[-1].name == bad))

    monkeypatch.setattr(execute.subprocess, "run", run)
    monkeypatch.setattr(sys, "argv", ["execute.py"])
    bad = "b.ipynb"
    assert execute.main()
    assert calls == [("a.ipynb", False, "1"), ("b.ipynb", False, "1")]
    assert capfd.readouterr().err == "failed: book/b.ipynb\n"
    calls.clear()
    bad = None
    monkeypatch.setattr(sys, "argv", ["execute.py", "--dry-run", str(book / "b.ipynb")])
    assert not execute.main()
    assert calls == [("b.ipynb", True, "1")]
