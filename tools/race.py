"""Race the optimisers of page 6.3 for longer than a page may, with equal tuning budgets.

    python tools/race.py        (about two CPU-minutes on one thread)

Every optimiser gets five rates with two seeds, judged by the validation part, and then five fresh
seeds at the best of them, judged by the test part, with the page's own code and twice its steps.
Each run is written down as it ends (in `_build/race/`), so that a race that was stopped goes on
where it was. The result is `book/6_faq/runs/optimisers.json`.
"""

import datetime
import json
import platform
import statistics
from pathlib import Path

import files
from journal import Journal

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "book" / "6_faq" / "optimisers.ipynb"
RESULT = PAGE.parent / "runs" / "optimisers.json"
STATE = ROOT / "_build" / "race"
EXPERIMENT = "optimiser-race-text"
RECIPE = {"budget": 2.0, "tuning_seeds": [100, 101], "seeds": [0, 1, 2, 3, 4]}
# The lowest of five rates, each the factor times the one before.
FACTOR = 2.5
LOWEST = {
    "text": {
        "SGD": 0.3, "momentum": 0.06, "RMSProp": 0.004, "Adam": 0.01, "Adafactor": 0.03,
        "Lion": 0.002, "Shampoo": 0.006, "Muon": 0.02,
    },
    "digits": {
        "SGD": 0.03, "momentum": 0.005, "RMSProp": 0.0005, "Adam": 0.001, "Adafactor": 0.02,
        "Lion": 0.0002, "Shampoo": 0.001,
    },
}  # fmt: skip


def rates_of(lowest):
    """Return the five rates of a grid, rounded to three digits."""
    return [float(f"{lowest * FACTOR**k:.3g}") for k in range(5)]


class Runs:
    """Losses by what was run, kept in a file line by line."""

    def __init__(self, run, path):
        self.run, self.journal = run, Journal(path)

    def __call__(self, task, name, lr, seed, part):
        """Return the loss of a run, not its logarithm; infinity where it diverged."""

        def make():
            arm = {"task": task, "name": name, "lr": lr}
            try:
                return 2 ** self.run(arm, seed, budget=RECIPE["budget"], part=part)
            except FloatingPointError:
                return float("inf")

        return self.journal.get(f"{task} {name} {lr} {seed} {part} {RECIPE['budget']}", make)


def raced(losses, task, name, lowest):
    """Return a row of the result: the rate that validation chose, and what it gave."""
    rates = rates_of(lowest)
    tuned = {
        lr: statistics.mean(losses(task, name, lr, s, "validation") for s in RECIPE["tuning_seeds"])
        for lr in rates
    }
    best = min(tuned, key=tuned.get)
    found = [losses(task, name, best, seed, "test") for seed in RECIPE["seeds"]]
    return {
        "name": name,
        "lr": best,
        "edge": best in (rates[0], rates[-1]),
        "tuned": {f"{lr:g}": None if loss == float("inf") else loss for lr, loss in tuned.items()},
        "losses": found,
        "mean": statistics.mean(found),
        "error": statistics.stdev(found) / len(found) ** 0.5,
    }


def main():
    import torch

    from bigmodel_utils import claims, device

    device.setup(seed=0)
    torch.set_num_threads(1)
    STATE.mkdir(parents=True, exist_ok=True)
    code = claims.code_hash(claims.experiments_of(PAGE)[EXPERIMENT])
    losses = Runs(claims.load(PAGE, EXPERIMENT).run, STATE / f"{code}.jsonl")
    results = {}
    for task, optimisers in LOWEST.items():
        results[task] = []
        for name, lowest in optimisers.items():
            results[task].append(raced(losses, task, name, lowest))
            row = results[task][-1]
            print(
                f"{task} {name}: {row['lr']:g} {row['mean']:.4f} ± {row['error']:.4f}", flush=True
            )
    record = {
        "command": "make race",
        "date": datetime.date.today().isoformat(),
        "versions": {"python": platform.python_version(), "torch": torch.__version__},
        "code": code,
        **RECIPE,
        "factor": FACTOR,
        "results": results,
    }
    RESULT.parent.mkdir(exist_ok=True)
    files.write(RESULT, json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
