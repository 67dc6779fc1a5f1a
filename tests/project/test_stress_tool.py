"""The stress of experiments: what it runs, what it keeps when it is killed, what it runs again."""

import importlib.util
import json
import sys
from pathlib import Path

import pytest

from bigmodel_utils import claims

ROOT = Path(__file__).resolve().parents[2]
CELLS = [
    "from bigmodel_utils.claims import experiment",
    "def run(arm, seed, rate=1.0, budget=1.0):\n"
    "    with open('runs.txt', 'a') as file:\n"
    "        file.write('x')\n"
    "    return {'a': 0.1, 'b': 0.2}[arm] + 0.001 * seed - abs(rate - 1) * 0.01",
    "scores = experiment('one', run, ['a', 'b'])",
]


@pytest.fixture
def tool(tmp_path, monkeypatch):
    """The tool, in a repository of one small page."""
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    spec = importlib.util.spec_from_file_location("stress_tool", ROOT / "tools" / "stress.py")
    stress = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(stress)
    (tmp_path / "book" / "1_chapter").mkdir(parents=True)
    monkeypatch.setattr(stress, "ROOT", tmp_path)
    monkeypatch.setattr(stress, "RUNS", tmp_path / "_build" / "stress")
    monkeypatch.chdir(tmp_path)
    write(tmp_path, CELLS)
    return stress


PAGE = "book/1_chapter/page.ipynb"


def write(root, sources):
    content = [{"cell_type": "code", "source": text, "outputs": []} for text in sources]
    (root / PAGE).write_text(json.dumps({"cells": content}))


def made(root):
    """How many runs were made."""
    path = root / "runs.txt"
    return len(path.read_text()) if path.exists() else 0


def test_a_record_says_what_was_run_and_where(tool, tmp_path):
    tool.run_disguised(PAGE, "one")
    tool.run_one(PAGE, "one")
    record = claims.read("one", tmp_path / "book" / "1_chapter")
    code = claims.code_hash(claims.experiments_of(tmp_path / PAGE)["one"])
    assert record["code"] == code and record["page"] == PAGE
    assert set(record["trials"]) == {
        "page", "rate / 3", "rate x 3", "seeds", "budget", "disguise",
    }  # fmt: skip
    assert record["trials"]["budget"]["budget"] == 4
    assert record["trials"]["seeds"]["seeds"] == list(range(100, 110))
    assert record["trials"]["seeds"]["rates"] == {"a": 1.0, "b": 1.0}
    values = record["trials"]["page"]["values"]["b"][""]
    assert values == pytest.approx([0.2, 0.201, 0.202, 0.203, 0.204])
    assert tool.wanted([PAGE], again=False) == []


def test_a_changed_experiment_is_wanted_again(tool, tmp_path):
    assert tool.wanted([PAGE], again=False) == [(PAGE, "one")]
    tool.run_disguised(PAGE, "one")
    tool.run_one(PAGE, "one")
    assert tool.wanted([PAGE], again=True) == [(PAGE, "one")]
    write(tmp_path, [text.replace("0.01", "0.02") for text in CELLS])
    assert tool.wanted([PAGE], again=False) == [(PAGE, "one")]


def test_what_was_killed_goes_on_where_it_was(tool, tmp_path):
    tool.run_disguised(PAGE, "one")
    tool.run_one(PAGE, "one")
    whole = made(tmp_path)
    (path,) = [p for p in tool.RUNS.glob("*.jsonl") if "disguised" not in p.name]
    lines = path.read_text().splitlines()
    path.write_text("\n".join(lines[:20]) + "\n" + lines[20][:15])  # the last line cut short
    before = claims.read("one", tmp_path / "book" / "1_chapter")
    tool.run_one(PAGE, "one")
    after = claims.read("one", tmp_path / "book" / "1_chapter")
    assert made(tmp_path) - whole == len(lines) - 20
    assert before["trials"] == after["trials"]


def test_without_the_disguised_runs_there_is_no_record(tool, tmp_path):
    with pytest.raises(ValueError, match="it was not made"):
        tool.run_one(PAGE, "one")
    assert claims.read("one", tmp_path / "book" / "1_chapter") is None


def test_an_unknown_page_is_named(tool, tmp_path, monkeypatch, capsys):
    (tmp_path / "_toc.yml").write_text("root: book/index\nchapters: []\n")
    (tmp_path / "book" / "index.md").write_text("# Index\n")
    monkeypatch.setattr(sys, "argv", ["stress.py", "book/none.ipynb"])
    monkeypatch.setattr(tool.toc, "read", lambda root: [])
    assert tool.main() == 2
    assert "got book/none.ipynb" in capsys.readouterr().err


def test_a_record_is_written_whole_or_not_at_all(tool, tmp_path):
    record = {"experiment": "a", "trials": {}, "x": [1.0, 2.0, None]}
    tool.store(record, tmp_path)
    path = claims.record_path("a", tmp_path)
    before = path.read_text()
    assert '"x": [1.0, 2.0, null]' in before
    with pytest.raises(TypeError):
        tool.store(record | {"x": {"y": {1, 2}}}, tmp_path)
    assert path.read_text() == before
    assert [p.name for p in path.parent.iterdir()] == ["a.json"]
