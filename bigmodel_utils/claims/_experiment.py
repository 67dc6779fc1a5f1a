"""An experiment: one function, several arms, the same seeds for each."""

import contextlib
import inspect
import math
import re
from typing import NamedTuple

import torch

from bigmodel_utils import arguments, numerics
from bigmodel_utils.words import say

__all__ = ["Experiment", "Scores", "capture", "check_name", "experiment"]

_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_KNOBS = ("rate", "budget", "part")
_capturing = []


class Experiment(NamedTuple):
    """What :func:`experiment` was asked for. ``knobs`` are those that ``run`` can turn."""

    name: str
    run: object
    arms: dict
    seeds: tuple
    best: str
    few: str
    parts: dict | None
    one_rate: str = ""

    @property
    def knobs(self):
        """Names of the optional arguments that ``run`` takes: rate, budget, part."""
        return tuple(k for k in _KNOBS if k in inspect.signature(self.run).parameters)

    @property
    def side_by_side(self):
        """Whether ``run`` takes all seeds at once."""
        return "seeds" in inspect.signature(self.run).parameters

    def results(self, arm, seeds, *, parts=None, **knobs):
        """Run an arm; return {quantity: [one number a seed]}.

        Args:
            arm: a key of ``arms``.
            seeds: integers.
            parts: another set of data than the experiment's own.
            knobs: values for ``rate``, ``budget`` and ``part``; those that ``run`` lacks are left
                out.

        Raises:
            FloatingPointError: a number is not finite.
            ValueError: the seeds give different quantities, or too few results.
        """
        options = {name: value for name, value in knobs.items() if name in self.knobs}
        if self.parts is not None:
            options["parts"] = self.parts if parts is None else parts
        value = self.arms[arm]
        if self.side_by_side:
            rows = list(self.run(value, seeds=list(seeds), **options))
            if len(rows) != len(seeds):
                raise ValueError(
                    f"{self.name}: expected one result for each of {len(seeds)} seeds, "
                    f"got {len(rows)}"
                )
        else:
            rows = [self.run(value, seed=seed, **options) for seed in seeds]
        rows = [_quantities(row) for row in rows]
        for seed, row in zip(seeds, rows, strict=True):
            if row.keys() != rows[0].keys():
                raise ValueError(f"{self.name}: seeds of {arm!r} give different quantities")
            for quantity, number in row.items():
                what = f"{arm!r}, seed {seed}, {quantity}".removesuffix(", ")
                numerics.finite(number, f"{self.name}: {what}")
        return {quantity: [row[quantity] for row in rows] for quantity in rows[0]}


class Scores(NamedTuple):
    """What an experiment gave: ``values[arm][quantity]`` is a list with one number a seed."""

    experiment: Experiment
    values: dict

    def __getitem__(self, key):
        """Return the numbers of an arm, or of a pair (arm, quantity): float64 (seeds,)."""
        arm, quantity = key if isinstance(key, tuple) else (key, None)
        arguments.one_of("arm", arm, list(self.values))
        found = self.values[arm]
        if quantity is None and len(found) > 1:
            raise ValueError(
                f"arm: expected ({arm!r}, one of {', '.join(map(repr, found))}), got {arm!r} alone"
            )
        quantity = next(iter(found)) if quantity is None else quantity
        arguments.one_of("quantity", quantity, list(found))
        return torch.tensor(found[quantity], dtype=torch.float64)

    def describe(self):
        """Return one line for each arm and quantity: its mean and its numbers, seed by seed."""
        lines = []
        for arm, found in self.values.items():
            for quantity, numbers in found.items():
                label = f"{arm}, {quantity}" if quantity else arm
                mean = math.fsum(numbers) / len(numbers)
                each = " ".join(f"{v:.4g}" for v in numbers)
                lines.append(f"{label}: mean {mean:.4g} of {each}")
        return "\n".join(lines)


def experiment(
    name, run, arms, *, seeds=5, best="highest", few="", one_rate="", parts=None, progress=True
):
    """Run every arm with the same seeds and return the Scores.

    ``make stress`` runs the same call with other seeds, rates and budgets, so all of it must stand
    in functions: what ``run`` reaches is taken from the page, what stands in loops is not.

    Args:
        name: lower-case words joined by hyphens, its own in the whole book.
        run: function ``run(arm, seed)`` that returns a number or a dict of them. It may also take
            ``rate`` and ``budget`` (factors for the arm's learning rate and number of steps, 1 by
            default) and ``part`` ("validation" or "test", on which to score). With ``seeds`` in
            place of ``seed`` it gets all seeds at once, and returns a list with one result each.
        arms: list of names, which are handed to ``run``, or dict of names and what is handed.
        seeds: how many, 0 to seeds - 1.
        best: "highest" or "lowest", which mean makes a learning rate the better one.
        few: why there are fewer than five seeds.
        one_rate: where run trains and takes no ``rate``, why not; the cards say it.
        parts: dict of tuples of tensors, targets last: the data, with a "test" entry. ``run`` then
            gets it as ``parts``, and the stress can look for leaks by exchanging the test targets.
        progress: whether to show a bar.

    Raises:
        TypeError, ValueError: naming the argument, what came and what was expected.
        FloatingPointError: a result is not finite.
    """
    check_name("name", name)
    if not callable(run):
        raise TypeError(f"run: expected a function, got {arguments.describe(run)}")
    taken = inspect.signature(run).parameters
    if ("seed" in taken) == ("seeds" in taken):
        raise ValueError("run: expected a function of an arm and of either seed or seeds")
    if (parts is not None) != ("parts" in taken):
        raise ValueError("parts: expected data if and only if run takes parts")
    if parts is not None and "test" not in parts:
        raise ValueError(f"parts: expected an entry 'test', got {', '.join(map(repr, parts))}")
    if not isinstance(arms, dict):
        arms = {arm: arm for arm in arms}
    if not arms or not all(isinstance(arm, str) for arm in arms):
        raise TypeError(f"arms: expected names, got {arguments.describe(arms)}")
    seeds = arguments.integer("seeds", seeds, minimum=2)
    if seeds < 5 and not few:
        raise ValueError(f"few: expected the reason why there are {seeds} seeds and not five")
    if not isinstance(one_rate, str):
        raise TypeError(f"one_rate: expected a text, got {arguments.describe(one_rate)}")
    if one_rate and "rate" in taken:
        raise ValueError(f"one_rate: expected no reason where run takes rate, got {one_rate!r}")
    arguments.one_of("best", best, ("highest", "lowest"))
    wanted = Experiment(name, run, arms, tuple(range(seeds)), best, few, parts, one_rate)
    if _capturing:
        _capturing[-1].append(wanted)
        return None
    values = {}
    for arm in _bar(list(arms), progress):
        values[arm] = wanted.results(arm, wanted.seeds, part="test")
    return Scores(wanted, values)


@contextlib.contextmanager
def capture():
    """Collect what calls of :func:`experiment` ask for, and run nothing."""
    found = []
    _capturing.append(found)
    try:
        yield found
    finally:
        _capturing.remove(found)


def check_name(argument, name):
    """Raise ValueError unless ``name`` is lower-case words joined by hyphens."""
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ValueError(f"{argument}: expected lower-case words joined by hyphens, got {name!r}")


def _quantities(result):
    if isinstance(result, dict):
        return {str(key): float(value) for key, value in result.items()}
    return {"": float(result)}


def _bar(arms, progress):
    from tqdm.auto import tqdm

    return tqdm(arms, desc=say("arms"), leave=False, disable=None if progress else True)
