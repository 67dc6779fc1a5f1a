"""The measured critical batch: rates chosen by seeds of their own, a record that fits."""

import importlib.util
import json
import math
import sys
from pathlib import Path

import pytest

from bigmodel_utils import claims

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def tool():
    path = ROOT / "tools" / "critical_batch.py"
    sys.path.insert(0, str(ROOT / "tools"))
    try:
        spec = importlib.util.spec_from_file_location("critical_batch_tool", path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    finally:
        sys.path.pop(0)
    return module


def test_two_seeds_choose_and_five_others_are_reported(tool):
    asked = []

    def steps(kind, batch, lr, seed):
        asked.append((lr, seed))
        slow = 1 + abs(tool.RATES.index(lr) - 3)
        return 100 * slow if seed in tool.RECIPE["tuning_seeds"] else 50 + seed

    row = tool.measured(steps, "cross-entropy", 64)
    assert row["lr"] == tool.RATES[3] and not row["edge"]
    assert row["steps"] == [50, 51, 52, 53, 54]
    assert row["mean"] == pytest.approx(math.prod(row["steps"]) ** (1 / 5))
    fresh = {lr for lr, seed in asked if seed in tool.RECIPE["seeds"]}
    assert fresh == {row["lr"]}
    assert set(tool.RECIPE["seeds"]).isdisjoint(tool.RECIPE["tuning_seeds"])
    # Rates are tried up to the first that is more than three times as slow.
    assert max(lr for lr, _ in asked) == tool.RATES[6]


def test_a_best_rate_at_an_end_is_said(tool):
    row = tool.measured(lambda kind, batch, lr, seed: round(100 * lr), "squared error", 8)
    assert row["lr"] == tool.RATES[0] and row["edge"]


def test_runs_are_remembered_and_those_that_never_arrive_count_most(tool, tmp_path):
    calls = []

    def run(arm, seed):
        calls.append(arm)
        return math.inf if arm["lr"] > 1 else math.log2(37)

    for _ in range(2):
        steps = tool.Runs(run, tmp_path / "runs.jsonl")
        assert steps("cross-entropy", 8, 0.1, 0) == 37
        assert steps("cross-entropy", 8, 2.0, 0) == tool.MOST
    assert calls == [
        {"kind": "cross-entropy", "batch": 8, "lr": 0.1},
        {"kind": "cross-entropy", "batch": 8, "lr": 2.0},
    ]


def test_the_record_is_of_this_code(tool):
    stored = json.loads(tool.RESULT.read_text(encoding="utf-8"))
    found = claims.experiments_of(tool.PAGE)[tool.EXPERIMENT]
    assert stored["code"] == claims.code_hash(found), "stale: make critical-batch"
    assert list(stored["results"]) == list(tool.KINDS)
    for rows in stored["results"].values():
        assert [row["batch"] for row in rows] == tool.BATCHES
        assert not any(row["edge"] for row in rows)
        assert all(row["arrived"] == len(tool.RECIPE["seeds"]) for row in rows)
