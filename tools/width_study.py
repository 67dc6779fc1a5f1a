"""Sweep rates over more widths, more text and more layers than page 6.1.1 may, and store them.

    python tools/width_study.py        (about a CPU-minute on one thread)

It runs the functions of the page itself, taken from its cells, on other chains than the page's
claims. Each sweep is written down as it ends (in `_build/width/`), so that a study that was stopped
goes on where it was. The result is `book/6_faq/runs/width.json`.
"""

import datetime
import json
import platform
from pathlib import Path

import files
import page_functions

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "book" / "6_faq" / "width.ipynb"
RESULT = PAGE.parent / "runs" / "width.json"
STATE = ROOT / "_build" / "width"
NEEDED = ("adam", "muon", "learn", "tip")
WIDTHS = [8, 16, 32, 64]
# Each row: optimiser, exponent of the rule, tokens, layers, widths, seeds.
RECIPE = {
    "rates": [0.4 / 2**k for k in range(7)],
    "sweeps": {
        "one rate": ["adam", 0, 2**13, 1, WIDTHS, [10, 11, 12]],
        "by fan-in": ["adam", 1, 2**13, 1, WIDTHS, [10, 11, 12]],
        "Muon": ["muon", 0, 2**13, 1, WIDTHS, [10, 11]],
        "by fan-in, 4 layers": ["adam", 1, 2**13, 4, [8, 32], [10, 11]],
        "by fan-in, 4 x text": ["adam", 1, 2**15, 1, [8, 32], [10, 11]],
    },
}


def code_hash(path=PAGE):
    """Return a short hash of the page's functions and the recipe."""
    return page_functions.code_hash(path, NEEDED, RECIPE)


def names(path=PAGE):
    """Return what the page's functions are called in a run of their own."""
    import math

    import torch
    import torch.nn.functional as F

    from bigmodel_utils import data, models, optim

    known = dict(torch=torch, F=F, math=math, data=data, models=models, optim=optim)
    return page_functions.names(path, NEEDED, **known)


def sweep(page, rates, make, power, tokens, layers, widths, seeds):
    """Return {width: {seed: [excess at each rate]}}; None where a run diverged."""
    from bigmodel_utils import data

    found = {str(width): {} for width in widths}
    for seed in seeds:
        P = data.markov_chain(64, seed)
        rows = data.markov_rows(P, tokens // 32, 33, seed)
        for width in widths:
            options = {"layers": layers, "make": page[make]}
            losses = [page["learn"](P, rows, width, lr, power, seed, **options) for lr in rates]
            found[str(width)][str(seed)] = [
                round(loss, 5) if loss < float("inf") else None for loss in losses
            ]
    return found


def study(recipe, page, folder=None):
    """Return {name of a sweep: its excesses}; sweeps found in ``folder`` are not run again."""
    results = {}
    for name, row in recipe["sweeps"].items():
        path = folder and folder / f"{name.replace(' ', '_').replace(',', '')}.json"
        if path and path.exists():
            results[name] = json.loads(path.read_text(encoding="utf-8"))
            continue
        results[name] = sweep(page, recipe["rates"], *row)
        if path:
            files.write(path, json.dumps(results[name]))
    return results


def main():
    """Run the study, unless its result is of this code, and store it."""
    import torch

    from bigmodel_utils import device

    device.setup(0, threads=1)
    code = code_hash()
    stored = json.loads(RESULT.read_text(encoding="utf-8")) if RESULT.exists() else {}
    if stored.get("code") == code:
        print(f"{RESULT.relative_to(ROOT)} is of this code: nothing to do")
        return
    folder = STATE / code
    folder.mkdir(parents=True, exist_ok=True)
    found = {
        "command": "make width",
        "date": datetime.date.today().isoformat(),
        "versions": {"python": platform.python_version(), "torch": torch.__version__},
        "code": code,
        "recipe": RECIPE,
        "results": study(RECIPE, names(), folder),
    }
    RESULT.parent.mkdir(exist_ok=True)
    files.write(RESULT, json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
