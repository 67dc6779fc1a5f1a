"""Train the longer family of small GPTs and store what it says of the scaling law.

    python tools/scaling_study.py        (about two CPU-minutes on one thread)

It runs the functions of the page itself, taken from its cells, at larger sizes. The result is
`book/6_faq/runs/scaling.json`.
"""

import datetime
import json
import platform
import time
from pathlib import Path

import files
import page_functions

from bigmodel_utils import device

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "book" / "6_faq" / "scaling.ipynb"
RESULT = PAGE.parent / "runs" / "scaling.json"
NEEDED = ("chain", "sample", "entropy_rate", "excess", "learn", "fitted", "law", "interval")
RECIPE = {
    "tokens_known": 64,
    "seeds": [0, 1, 2],
    "widths": [8, 16, 32, 64],
    "lengths": [2**k for k in range(15, 19)],
    "largest": [96, 2**19],
}


def code_hash(path=PAGE):
    """Return a short hash of the page's functions and the recipe."""
    return page_functions.code_hash(path, NEEDED, RECIPE)


def names(path=PAGE):
    """Return what the page's functions are called in a run of their own."""
    import torch
    import torch.nn.functional as F

    from bigmodel_utils import models, optim

    known = dict(torch=torch, F=F, models=models, optim=optim)
    return page_functions.names(path, NEEDED, **known)


def one_chain(page, seed, recipe):
    """Return the runs of a chain, the laws fitted to them and the largest run."""
    import torch

    size = recipe["tokens_known"]
    P = page["chain"](size, seed)
    H = page["entropy_rate"](P)[0].item()
    width, top = recipe["largest"]
    text = page["sample"](P, top // 32, 33, seed)
    runs = []
    for w in recipe["widths"]:
        for tokens in recipe["lengths"]:
            found = page["learn"](P, w, text[: tokens // 32], seed)[tokens]
            runs.append([w, 12 * w * w + size * w, tokens, round(found, 5)])
    N, D, L = (torch.tensor([float(run[i]) for run in runs]).double() for i in (1, 2, 3))
    at = (12 * width**2 + size * width, float(top))
    laws = {}
    for name, E in (("E known", H), ("E fitted", None)):
        constants = page["fitted"](N, D, H + L, E)
        ends = page["interval"](N, D, H + L, E, at) - H
        laws[name] = {
            "predicted": page["law"](*at, constants) - H,
            "low": ends[0, 1].item(),
            "high": ends[1, 1].item(),
            "floor": constants[0] - H,
            "floor_low": ends[0, 0].item(),
            "floor_high": ends[1, 0].item(),
            **dict(zip(("A", "B", "alpha", "beta"), constants[1:], strict=True)),
        }
        laws[name] = {key: float(f"{value:.5g}") for key, value in laws[name].items()}
    # The predictions stand; now the largest model.
    result = page["learn"](P, width, text, seed)[top]
    largest = {"width": width, "tokens": top, "excess": round(result, 5)}
    return {"seed": seed, "entropy_rate": H, "laws": laws, "largest": largest, "runs": runs}


def study(recipe, page):
    """Return the record: plain numbers and texts."""
    import torch

    began = time.process_time()
    chains = [one_chain(page, seed, recipe) for seed in recipe["seeds"]]
    return {
        "command": "make scaling",
        "date": datetime.date.today().isoformat(),
        "versions": {"python": platform.python_version(), "torch": torch.__version__},
        "seeds": recipe["seeds"],
        "recipe": recipe,
        "threads": torch.get_num_threads(),
        "cpu_seconds": round(time.process_time() - began),
        "chains": chains,
    }


def main():
    """Run the study, unless its result is of this code, and store it."""
    device.setup(0, threads=1)
    stored = json.loads(RESULT.read_text(encoding="utf-8")) if RESULT.exists() else {}
    if stored.get("code") == code_hash():
        print(f"{RESULT.relative_to(ROOT)} is of this code: nothing to do")
        return
    code = code_hash()
    found = {"code": code, **study(RECIPE, names())}
    RESULT.parent.mkdir(exist_ok=True)
    files.write(RESULT, json.dumps(found, indent=1) + "\n")
    print(f"{found['cpu_seconds']} CPU-s")


if __name__ == "__main__":
    main()
