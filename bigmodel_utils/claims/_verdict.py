"""From paired differences to a verdict: held, refuted or undecided."""

import math
from typing import NamedTuple

from bigmodel_utils import arguments

__all__ = ["Judgement", "combined", "judge"]


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
    """Student's t that cuts off 2.5 % on the right."""
    from scipy import special  # slow, and no page without a claim needs it

    return float(special.stdtrit(freedom, 0.975))
