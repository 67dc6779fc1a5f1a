"""The longer study of the scaling law: its stored result is of the page's code and shown there."""

import importlib.util
import json
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def tool(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    path = ROOT / "tools" / "scaling_study.py"
    spec = importlib.util.spec_from_file_location("scaling_study", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_stored_result_is_of_the_pages_code_and_the_page_shows_it(tool):
    stored = json.loads(tool.RESULT.read_text(encoding="utf-8"))
    assert stored["code"] == tool.code_hash(), "stale: make scaling"
    assert stored["recipe"] == tool.RECIPE
    assert [row["seed"] for row in stored["chains"]] == tool.RECIPE["seeds"]
    page = tool.PAGE.read_text(encoding="utf-8")
    assert tool.RESULT.relative_to(tool.PAGE.parent).as_posix() in page
    for row in stored["chains"]:
        assert f"measured {row['largest']['excess']:.4f}" in page, "execute the page"
        assert len(row["runs"]) == len(tool.RECIPE["widths"]) * len(tool.RECIPE["lengths"])


def test_a_small_study_runs(tool):
    few = {"widths": [4, 6], "lengths": [1024, 2048], "largest": [8, 4096], "seeds": [3]}
    found = tool.study(tool.RECIPE | few | {"tokens_known": 8}, tool.names())
    (row,) = found["chains"]
    assert row["seed"] == 3 and len(row["runs"]) == 4
    assert row["largest"]["excess"] > 0 and set(row["laws"]) == {"E known", "E fitted"}
    for law in row["laws"].values():
        assert law["low"] <= law["high"]
    assert row["laws"]["E known"]["floor"] == 0


def test_the_hash_follows_the_functions_and_not_their_docstrings(tool, tmp_path):
    source = tool.PAGE.read_text(encoding="utf-8")
    copy = tmp_path / "scaling.ipynb"
    copy.write_text(source.replace("Rows of tokens from the chain", "Rows"), encoding="utf-8")
    assert tool.code_hash(copy) == tool.code_hash()
    copy.write_text(source.replace("rate * 0.35", "rate * 0.36"), encoding="utf-8")
    assert tool.code_hash(copy) != tool.code_hash()
