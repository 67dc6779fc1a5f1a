"""The race of the optimisers: equal budgets, rates chosen in validation, a record that fits."""

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
    sys.path.insert(0, str(ROOT / "tools"))
    try:
        spec = importlib.util.spec_from_file_location("race_tool", ROOT / "tools" / "race.py")
        race = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(race)
    finally:
        sys.path.pop(0)
    return race


def test_every_optimiser_gets_five_rates(tool):
    for optimisers in tool.LOWEST.values():
        for lowest in optimisers.values():
            rates = tool.rates_of(lowest)
            assert len(rates) == 5 == len(set(rates))
            assert rates[-1] / rates[0] == pytest.approx(tool.FACTOR**4, rel=0.02)


def test_validation_chooses_and_test_judges(tool):
    asked = []
    rates = tool.rates_of(0.1)

    def losses(task, name, lr, seed, part):
        asked.append((lr, seed, part))
        place = rates.index(lr)
        if part == "validation":
            return math.inf if place == 4 else abs(place - 1) + 1.0
        return 2.0 - place / 10 + seed / 100

    row = tool.raced(losses, "text", "Adam", 0.1)
    assert row["lr"] == rates[1] and not row["edge"]
    assert row["losses"] == pytest.approx([1.9 + s / 100 for s in tool.RECIPE["seeds"]])
    assert row["mean"] == pytest.approx(1.92)
    assert row["tuned"][f"{rates[4]:g}"] is None
    tuning = [one for one in asked if one[2] == "validation"]
    assert len(tuning) == 5 * len(tool.RECIPE["tuning_seeds"])
    assert {seed for _, seed, _ in tuning}.isdisjoint(tool.RECIPE["seeds"])
    assert {lr for lr, _, part in asked if part == "test"} == {rates[1]}


def test_runs_are_remembered_and_divergence_is_infinite(tool, tmp_path):
    calls = []

    def run(arm, seed, budget, part):
        calls.append(arm["lr"])
        if arm["lr"] > 1:
            raise FloatingPointError
        return -1.0

    for _ in range(2):
        losses = tool.Runs(run, tmp_path / "runs.jsonl")
        assert losses("text", "Adam", 0.1, 0, "test") == 0.5
        assert losses("text", "Adam", 2.0, 0, "test") == math.inf
    assert calls == [0.1, 2.0]


def test_the_record_is_of_this_code(tool):
    stored = json.loads(tool.RESULT.read_text(encoding="utf-8"))
    found = claims.experiments_of(tool.PAGE)[tool.EXPERIMENT]
    assert stored["code"] == claims.code_hash(found), "stale: make race"
    assert {task: [row["name"] for row in rows] for task, rows in stored["results"].items()} == {
        task: list(optimisers) for task, optimisers in tool.LOWEST.items()
    }
    for key, value in tool.RECIPE.items():
        assert stored[key] == value
