"""Measure how many steps page 6.3.1's network needs with batches of many sizes.

    python tools/critical_batch.py        (about three CPU-minutes on one thread)

Every batch gets rates a factor of 2 apart with two seeds, and then five fresh seeds at the best of
them, with the page's own code, for both losses. Rates beyond one that is three times as slow as
the best are left out. Each run is written down as it ends (in `_build/critical_batch/`), so that
what was stopped goes on where it was. The result is `book/6_faq/runs/critical_batch.json`.
"""

import datetime
import json
import math
import platform
import statistics
from pathlib import Path

import files
from journal import Journal

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "book" / "6_faq" / "sharpness.ipynb"
RESULT = PAGE.parent / "runs" / "critical_batch.json"
STATE = ROOT / "_build" / "critical_batch"
EXPERIMENT = "batch-pays"
RECIPE = {"tuning_seeds": [100, 101], "seeds": [0, 1, 2, 3, 4]}
KINDS = ("cross-entropy", "squared error")
BATCHES = [2**k for k in range(3, 12)]
RATES = [0.05 * 2**k for k in range(9)]
MOST = 3000  # steps that stand for a run that never arrived
SLOW = 3  # times the steps of the best rate, beyond which higher rates are not tried


class Runs:
    """Steps by what was run, kept in a file line by line."""

    def __init__(self, run, path):
        self.run, self.journal = run, Journal(path)

    def __call__(self, kind, batch, lr, seed):
        """Return the steps of a run; ``MOST`` where it did not arrive."""

        def make():
            found = 2 ** self.run({"kind": kind, "batch": batch, "lr": lr}, seed)
            return round(found) if math.isfinite(found) else MOST

        return self.journal.get(f"{kind} {batch} {lr:g} {seed}", make)


def measured(steps, kind, batch):
    """Return a row of the result: the rate that two seeds chose, and the steps of five others."""
    tuned = {}
    for lr in RATES:
        few = [steps(kind, batch, lr, seed) for seed in RECIPE["tuning_seeds"]]
        tuned[lr] = statistics.geometric_mean(few)
        best = min(tuned, key=tuned.get)
        if lr > best and tuned[lr] > SLOW * tuned[best]:
            break
    found = [steps(kind, batch, best, seed) for seed in RECIPE["seeds"]]
    return {
        "batch": batch,
        "lr": best,
        "edge": best in (RATES[0], RATES[-1]),
        "tuned": {f"{lr:g}": round(mean, 1) for lr, mean in tuned.items()},
        "steps": found,
        "arrived": sum(one < MOST for one in found),
        "mean": statistics.geometric_mean(found),
    }


def main():
    import torch

    from bigmodel_utils import claims, device

    device.setup(seed=0)
    torch.set_num_threads(1)
    STATE.mkdir(parents=True, exist_ok=True)
    code = claims.code_hash(claims.experiments_of(PAGE)[EXPERIMENT])
    steps = Runs(claims.load(PAGE, EXPERIMENT).run, STATE / f"{code}.jsonl")
    results = {}
    for kind in KINDS:
        results[kind] = []
        for batch in BATCHES:
            results[kind].append(measured(steps, kind, batch))
            row = results[kind][-1]
            print(f"{kind} {batch}: {row['lr']:g} {row['mean']:.1f} {row['steps']}", flush=True)
    record = {
        "command": "make critical-batch",
        "date": datetime.date.today().isoformat(),
        "versions": {"python": platform.python_version(), "torch": torch.__version__},
        "code": code,
        **RECIPE,
        "rates": RATES,
        "results": results,
    }
    RESULT.parent.mkdir(exist_ok=True)
    files.write(RESULT, json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
