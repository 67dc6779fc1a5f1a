"""The study of compression: equal bytes, rates chosen in validation, a record that fits."""

import importlib.util
import json
from pathlib import Path

import pytest
import torch

from bigmodel_utils import claims

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def tool(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    path = ROOT / "tools" / "compress_study.py"
    spec = importlib.util.spec_from_file_location("compress_study", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(("rows", "columns", "group"), [(576, 1536, 64), (64, 256, None)])
def test_every_plan_takes_its_budget_and_no_more(tool, rows, columns, group):
    for budget in tool.RECIPE["budgets"]:
        for name, options in tool.plans(budget, columns, rows, group).items():
            bits = tool.bits_of(options, rows, columns) / (rows * columns)
            if name == "8 bits":
                budget = 8
            scales = 16 / (group or columns)
            assert budget - 0.3 < bits < budget + scales + 0.15, (name, bits)


def test_plans_keep_what_they_count(tool):
    w = torch.randn(16, 64)
    x = torch.randn(200, 64)
    compressed = tool.compressed_of_the_page()
    for name, options in tool.plans(2, 64, 16, None).items():
        found = compressed(w, x, **options)
        assert found.shape == w.shape and torch.isfinite(found).all()
        if "gone" in options:  # rounding may send a kept weight to zero
            share = (found != 0).float().mean().item()
            assert share <= 1 - options["gone"] + 1e-6, name
            assert share > 0.7 * (1 - options["gone"]), name
        if "rank" in options:
            assert torch.linalg.matrix_rank(found) == options["rank"]
    kept = compressed(w, x, **tool.plans(2, 64, 16, None)["columns, 8 bits"]) != 0
    assert kept.any(0).sum() == 16


def test_arrivals_of_a_convolution_are_what_it_multiplies(tool):
    layer = torch.nn.Conv2d(3, 5, 3, padding=1, bias=False)
    x = torch.randn(2, 3, 6, 7)
    seen = tool.arrivals([layer], lambda: layer(x))[layer]
    expected = layer(x).flatten(2).transpose(1, 2).flatten(0, 1)
    torch.testing.assert_close(seen @ layer.weight.flatten(1).T, expected)


def test_runs_are_remembered(tool, tmp_path):
    calls = []
    for _ in range(2):
        runs = tool.Runs(tmp_path / "runs.jsonl")
        assert runs("one", lambda: calls.append(1) or [2.0, 0.5]) == [2.0, 0.5]
    assert calls == [1]


def test_the_record_is_of_this_code_and_the_page_shows_it(tool):
    stored = json.loads(tool.RESULT.read_text(encoding="utf-8"))
    found = claims.experiments_of(tool.PAGE)[tool.EXPERIMENT]
    assert stored["code"] == claims.code_hash(found), "stale: make compress"
    for key, value in tool.RECIPE.items():
        assert stored[key] == value, key
    assert set(stored["results"]) == {"CNN", "GPT", "SmolLM2"}
    for model, result in stored["results"].items():
        names = [row["name"] for row in result["rows"]]
        if model == "SmolLM2":
            shown = [[row["name"], row["budget"]] for row in result["rows"][1:]]
            assert shown == tool.RECIPE["pretrained"]
        else:
            assert names.count("in turn") == len(tool.RECIPE["budgets"])
        assert (set(tool.TRAINED) <= set(names)) == (model == "CNN")
        for row in result["rows"]:
            if row["name"] in tool.TRAINED:
                assert row["rate"] in tool.RECIPE["rates"]
    page = tool.PAGE.read_text(encoding="utf-8")
    assert tool.RESULT.relative_to(tool.PAGE.parent).as_posix() in page
