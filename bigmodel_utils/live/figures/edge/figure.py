"""Gradient descent on a chain of two weights: path, sharpness and the limit, two over the rate."""

from bigmodel_utils.live._schema import number, settings, whole
from bigmodel_utils.live._words import shared

__all__ = ["LIMITS", "NAME", "PARTS", "WORDS", "schema"]

NAME = "edge"
PARTS = ("digits", "dial", "plot")
LIMITS = {
    "rate": (0.02, 1.2, 0.01),
    "a": (-3.5, 3.5, 0.05),
    "b": (-3.5, 3.5, 0.05),
    "step": (0, 80),
}
WORDS = {
    **shared("fallback", "reset", "range", "typed"),
    "rate": "rate η",
    "a": "start a",
    "b": "start b",
    "step": "step shown",
    "plane": "Weights a and b, the curve of all minima, and the path of gradient descent.",
    "a_axis": "a",
    "b_axis": "b",
    "steep": "Sharpness at every step, and the limit of two over the rate as a dashed line.",
    "step_axis": "step",
    "sharpness_axis": "sharpness",
    "limit": "2/η",
    "here": "Step {step}: loss {loss}, sharpness {sharpness}.",
    "below": "Below 2/η = {limit}: a step shrinks a small error.",
    "above": "Above 2/η = {limit}: a step makes an error grow.",
    "rose": "The loss rose in {rises} of {steps} steps.",
    "gone": "After step {step} the weights leave for infinity.",
    "hint": "The curve is where ab = 1, all of it minima. The imbalance a² − b² at this step is "
    "{imbalance}.",
}

_DEFAULTS = {"rate": 0.2, "a": 2.9, "b": 0.35, "step": 80}


def schema(data):
    """Return the data that the script reads.

    ``rate``: learning rate; ``a`` and ``b``: the weights at the start; ``step``: the one that is
    read.
    """
    data = settings(NAME, data, _DEFAULTS)
    return {
        **{key: number(key, data[key], LIMITS[key]) for key in ("rate", "a", "b")},
        "step": whole("step", data["step"], LIMITS["step"]),
    }
