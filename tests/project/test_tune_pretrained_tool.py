"""Tuning the pretrained model: its stored result is of its code, and holds what it says."""

import importlib.util
import json
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "book" / "6_faq" / "transfer.ipynb"


@pytest.fixture
def tool(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    path = ROOT / "tools" / "tune_pretrained.py"
    spec = importlib.util.spec_from_file_location("tune_pretrained_tool", path)
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("- one two\n- three four\n- five six", True),
        ("- one two\n- three four", False),
        ("- one two\n- one two\n- five six", False),
        ("- one\n- three four\n- five six", False),
        ("- one two\n- three four\n- five six\n", False),
        ("one two\n- three four\n- five six", False),
        ("- a b c d e f g h\n- three four\n- five six", True),
        ("- a b c d e f g h i\n- three four\n- five six", False),
        ("- a  b\n- three four\n- five six", False),
    ],
)
def test_the_rule(tool, text, right):
    assert tool.meets(text) == right


def test_the_stored_result_is_of_the_tools_code_and_the_page_reads_it(tool):
    stored = json.loads(tool.RESULT.read_text(encoding="utf-8"))
    assert stored["code"] == tool.code_hash(), "stale: make tune-pretrained"
    assert stored["recipe"] == tool.RECIPE
    assert all(tool.meets(answer) for _, answer in stored["examples"]["pairs"])
    recipe = stored["recipe"]
    assert len(stored["runs"]) == len(recipe["rates"]) * len(recipe["seeds"])
    topics = [set(recipe[part]) for part in ("train", "validation", "test")]
    assert len(set.union(*topics)) == sum(map(len, topics))
    page = json.loads(PAGE.read_text(encoding="utf-8"))
    code = "\n".join("".join(c["source"]) for c in page["cells"] if c["cell_type"] == "code")
    assert tool.RESULT.relative_to(PAGE.parent).as_posix() in code
    printed = json.dumps(page)
    for run in stored["runs"].values():
        assert f"{run['met']:.2f}, reworded" in printed, "execute the page"
