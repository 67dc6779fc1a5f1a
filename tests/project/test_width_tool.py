"""The study of rates over widths: its stored result is of the page's code and shown there."""

import importlib.util
import json
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def tool(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    path = ROOT / "tools" / "width_study.py"
    spec = importlib.util.spec_from_file_location("width_study", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_stored_result_is_of_the_pages_code_and_the_page_shows_it(tool):
    stored = json.loads(tool.RESULT.read_text(encoding="utf-8"))
    assert stored["code"] == tool.code_hash(), "stale: make width"
    assert stored["recipe"] == tool.RECIPE
    page = tool.PAGE.read_text(encoding="utf-8")
    assert tool.RESULT.relative_to(tool.PAGE.parent).as_posix() in page
    assert stored["results"].keys() == tool.RECIPE["sweeps"].keys()
    for name, (*_, widths, seeds) in tool.RECIPE["sweeps"].items():
        assert f"{name}: best" in page, "execute the page"
        rows = stored["results"][name]
        assert [int(width) for width in rows] == widths
        for row in rows.values():
            assert [int(seed) for seed in row] == seeds
            assert all(len(one) == len(tool.RECIPE["rates"]) for one in row.values())


def test_a_small_study_runs_and_goes_on_where_it_was(tool, tmp_path):
    sweeps = {"a, b": ["adam", 1, 1024, 1, [4, 8], [3]], "c": ["muon", 0, 1024, 1, [8], [3]]}
    recipe = {"rates": [0.1, 0.05], "sweeps": sweeps}
    found = tool.study(recipe, tool.names(), tmp_path)
    assert set(found) == set(sweeps) and len(found["a, b"]["4"]["3"]) == 2
    assert all(loss > 0 for loss in found["c"]["8"]["3"])
    (tmp_path / "c.json").write_text('{"8": {"3": [1.0, 2.0]}}', encoding="utf-8")
    assert tool.study(recipe, tool.names(), tmp_path)["c"] == {"8": {"3": [1.0, 2.0]}}


def test_the_hash_follows_the_functions_and_not_their_docstrings(tool, tmp_path):
    source = tool.PAGE.read_text(encoding="utf-8")
    copy = tmp_path / "width.ipynb"
    copy.write_text(source.replace("log2 of the best rate;", "The best rate;"), encoding="utf-8")
    assert tool.code_hash(copy) == tool.code_hash()
    copy.write_text(source.replace("std=0.5", "std=0.6"), encoding="utf-8")
    assert tool.code_hash(copy) != tool.code_hash()
