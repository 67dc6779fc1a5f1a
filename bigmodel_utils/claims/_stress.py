"""An experiment under stress: other rates for every arm, four times the budget, other seeds.

Rates are chosen for each arm by the page's own seeds, on validation data where there are some; the
effect is then measured with ten other seeds. So no rate is chosen on what it is judged by.
"""

import datetime
import importlib.metadata
import math
import platform

import torch

__all__ = ["BUDGET", "OTHER_SEEDS", "stress"]

RATES = (1 / 3, 1.0, 3.0)
BUDGET = 4.0
OTHER_SEEDS = tuple(range(100, 110))
_FURTHER = 2  # steps by which a sweep goes on where its best rate lies at an edge
_SWEEP_SEEDS = 3  # enough to choose a rate at four times the budget


def stress(experiment, run=None, disguised=None):
    """Return the record of ``experiment`` under stress, a dict of numbers.

    Args:
        experiment: an Experiment.
        run: function ``(arm, seeds, options) -> {quantity: [numbers]} or None`` that runs an arm,
            or remembers that it did; None where training diverged. By default it just runs.
        disguised: the same on a machine in disguise; without it that trial is left out.
    """
    run = run or plain(experiment)
    trials, chosen_by = {}, {}
    own = list(experiment.seeds)
    once = dict.fromkeys(experiment.arms, 1.0)
    trials["page"] = _trial(experiment, run, own, once, part="test")
    best = once
    if "rate" in experiment.knobs:
        best, chosen_by["1"] = _best(experiment, run, own, budget=1.0)
        for rate, name in ((1 / 3, "rate / 3"), (3.0, "rate x 3")):
            rates = dict.fromkeys(experiment.arms, rate)
            trials[name] = _trial(experiment, run, own, rates, part="validation")
    trials["seeds"] = _trial(experiment, run, list(OTHER_SEEDS), best, part="test")
    if "budget" in experiment.knobs:
        if "rate" in experiment.knobs:
            few = own[:_SWEEP_SEEDS]
            best, chosen_by["4"] = _best(experiment, run, few, budget=BUDGET)
        trials["budget"] = _trial(
            experiment, run, list(OTHER_SEEDS), best, part="test", budget=BUDGET
        )
    if disguised is not None:
        trials["disguise"] = _trial(experiment, disguised, own, once, part="test")
    return {
        "experiment": experiment.name,
        "date": datetime.date.today().isoformat(),
        "versions": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "numpy": importlib.metadata.version("numpy"),
        },
        "knobs": list(experiment.knobs),
        "trials": trials,
        "chosen_by": chosen_by,
        "leak": _leak(experiment, run),
        "test_seen": _test_seen(experiment, trials),
    }


def plain(experiment):
    """Return a function that runs an arm and returns None where it diverged."""

    def run(arm, seeds, options):
        try:
            return experiment.results(arm, seeds, **options)
        except FloatingPointError:  # what `fit` and `results` raise for what is not finite
            return None

    return run


def _trial(experiment, run, seeds, rates, *, part, budget=1.0):
    values = {}
    for arm in experiment.arms:
        options = {"rate": rates[arm], "budget": budget, "part": part}
        values[arm] = run(arm, seeds, options)
    part = part if "part" in experiment.knobs else ""
    return {"budget": budget, "part": part, "seeds": seeds, "rates": rates, "values": values}


def _best(experiment, run, seeds, *, budget):
    """Return the best rate of each arm, and by what means it was chosen."""
    best, means = {}, {}
    for arm in experiment.arms:
        found = {}

        def mean(rate, arm=arm, found=found):
            options = {"rate": rate, "budget": budget, "part": "validation"}
            values = run(arm, seeds, options)
            found[rate] = None if values is None else _mean(values)

        for rate in RATES:
            mean(rate)
        for _ in range(_FURTHER):
            choice = _choose(found, experiment.best)
            if choice == min(found):
                mean(choice / 3)
            elif choice == max(found):
                mean(choice * 3)
            else:
                break
        best[arm] = _choose(found, experiment.best)
        means[arm] = {f"{rate:.4g}": found[rate] for rate in sorted(found)}
    return best, means


def _choose(found, best):
    """The best mean; of equal ones the rate nearest to the page's own."""
    sign = -1 if best == "highest" else 1
    usable = {rate: mean for rate, mean in found.items() if mean is not None}
    if not usable:
        return 1.0
    top = min(sign * mean for mean in usable.values())
    near = [rate for rate, mean in usable.items() if sign * mean <= top + 1e-3 * abs(top)]
    return min(near, key=lambda rate: (abs(math.log(rate)), rate))


def _mean(values):
    numbers = [number for row in values.values() for number in row]
    return math.fsum(numbers) / len(numbers)


def _test_seen(experiment, trials):
    if "part" not in experiment.knobs:
        return None
    seen = [t for t in trials.values() if t["part"] == "test"]
    return sum(len(t["seeds"]) * len(t["rates"]) for t in seen)


def _leak(experiment, run):
    """Look for the test part in what is trained on; None where the experiment names no parts.

    Two signs: rows of the test part that stand in another part too, and a score above chance
    where the test's targets were exchanged among each other, so that nothing but having seen them
    can tell them.
    """
    if experiment.parts is None:
        return None
    *inputs, targets = experiment.parts["test"]
    rows = _rows(inputs)
    others = set()
    for name, part in experiment.parts.items():
        if name != "test":
            others |= set(_rows(part[:-1]))
    order = torch.randperm(len(targets), generator=torch.Generator().manual_seed(0))
    exchanged = dict(experiment.parts, test=(*inputs, targets[order]))
    arm = next(iter(experiment.arms))
    options = {"rate": 1.0, "budget": 1.0, "part": "test", "parts": exchanged}
    values = run(arm, list(experiment.seeds[:2]), options)
    share = float(targets.unique(return_counts=True)[1].max()) / len(targets)
    allowed = share + 5 * math.sqrt(share * (1 - share) / len(targets))
    score = None if values is None else _mean(values)
    seen = sum(row in others for row in rows)
    return {
        "rows_seen_before": seen,
        "exchanged_targets": score,
        "chance": allowed,
        "found": seen > 0 or (score is not None and score > allowed),
    }


def _rows(tensors):
    return [
        b"".join(t[i].contiguous().cpu().numpy().tobytes() for t in tensors)
        for i in range(len(tensors[0]))
    ]
