"""From paired differences to a verdict: held, refuted or undecided."""

import math
from typing import NamedTuple

from bigmodel_utils import arguments

__all__ = ["Judgement", "combined", "judge"]

# Student's t for 1 to 30 degrees of freedom, to save pages the import of SciPy.
# fmt: off
_QUANTILES = (
    12.7062, 4.3027, 3.1824, 2.7764, 2.5706, 2.4469,
    2.3646, 2.3060, 2.2622, 2.2281, 2.2010, 2.1788,
    2.1604, 2.1448, 2.1314, 2.1199, 2.1098, 2.1009,
    2.0930, 2.0860, 2.0796, 2.0739, 2.0687, 2.0639,
    2.0595, 2.0555, 2.0518, 2.0484, 2.0452, 2.0423,
)
# fmt: on


class Judgement(NamedTuple):
    """A mean of paired differences, half its 95 % interval, and what follows from both."""

    effect: float
    uncertainty: float
    verdict: str


def judge(differences, *, more_than=None, within=None):
    """Judge a claim about the mean of paired differences by Student's 95 % interval.

    With ``more_than`` the claim is that the mean exceeds this margin: held if the whole interval
    does, refuted if none of it does. With ``within`` it is that the mean lies less than the margin
    from zero, on either side: held if the whole interval does, refuted if none of it does.
    Whatever straddles a margin is undecided.

    Args:
        differences: two or more finite numbers, treatment less control, one for each seed.
        more_than: the margin of a claim that something is larger, a number.
        within: the margin of a claim that nothing differs, a positive number.

    Raises:
        TypeError, ValueError: naming the argument, what came and what was expected.
    """
    if (more_than is None) == (within is None):
        raise ValueError("more_than, within: expected one of the two")
    values = [arguments.real(f"differences[{i}]", d) for i, d in enumerate(differences)]
    if len(values) < 2:
        raise ValueError(f"differences: expected at least two, got {len(values)}")
    mean = math.fsum(values) / len(values)
    spread = math.sqrt(math.fsum((v - mean) ** 2 for v in values) / (len(values) - 1))
    half = _quantile(len(values) - 1) * spread / math.sqrt(len(values))
    low, high = mean - half, mean + half
    if more_than is not None:
        margin = arguments.real("more_than", more_than)
        held, refuted = low > margin, high <= margin
    else:
        margin = arguments.real("within", within, above=0.0)
        held, refuted = -margin < low and high < margin, high <= -margin or low >= margin
    return Judgement(mean, half, "held" if held else "refuted" if refuted else "undecided")


def combined(verdicts):
    """Return the verdict of several trials of one claim: it holds only if it held in each."""
    verdicts = list(verdicts)
    if "refuted" in verdicts:
        return "refuted"
    return "held" if verdicts and set(verdicts) == {"held"} else "undecided"


def _quantile(freedom):
    """Student's t that cuts off 2.5 % on the right; the last entry serves for more."""
    return _QUANTILES[min(freedom, len(_QUANTILES)) - 1]
