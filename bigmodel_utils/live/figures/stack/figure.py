"""Mean square of a signal and of its gradient along a random stack of blocks."""

from bigmodel_utils.live._schema import number, option, settings, whole
from bigmodel_utils.live._words import shared

__all__ = ["LIMITS", "NAME", "PARTS", "WORDS", "schema"]

NAME = "stack"
PARTS = ("choice", "digits", "dial", "plot", "random")
LIMITS = {
    "blocks": (1, 40),
    "scale": (0.05, 2, 0.01),
    "seed": (1, 9),
    "read": (0, None),  # at most the blocks
}
WORDS = {
    **shared("fallback", "reset", "range", "typed"),
    "whole": "Only whole numbers of blocks and draws.",
    "blocks": "blocks",
    "scale": "variance of the weights, He = 1",
    "seed": "draw of the weights",
    "read": "read behind block",
    "skip": "skip connection",
    "plain": "none: relu(f)",
    "residual": "x + f",
    "scaled": "x + f / √blocks",
    "norm": "layer norm before each block",
    "without": "no norm",
    "with": "layer norm",
    "x_axis": "behind block",
    "y_axis": "mean square",
    "plot": "Mean square of the signal and of the gradient behind each block, logarithmic.",
    "signal": "signal",
    "gradient": "gradient",
    "here": "Behind block {l} the signal has the mean square",
    "sent": "the gradient that arrives there",
    "expected": "on average over the weights:",
    "hint": "Filled dots: the signal, from left to right. Circles: the gradient, which starts with "
    "random numbers behind the last block and runs to the left. Dashed: the mean over the "
    "weights. One draw of 16 units departs from it.",
}

_SKIPS = ("plain", "residual", "scaled")
_DEFAULTS = {
    "blocks": 15,
    "scale": 1.0,
    "seed": 1,
    "read": None,
    "skip": "plain",
    "norm": "without",
}


def schema(data):
    """Return the data that the script reads.

    ``blocks``: 1 to 40 blocks of two matrices; ``scale``: variance of the weights over He's, 0.05
    to 2; ``seed``: which draw, 1 to 9; ``read``: where the cursor is, 0 to ``blocks``, by default
    behind the last; ``skip``: "plain", "residual" or "scaled"; ``norm``: "without" or "with".
    """
    data = settings(NAME, data, _DEFAULTS)
    blocks = whole("blocks", data["blocks"], LIMITS["blocks"])
    read = blocks if data["read"] is None else data["read"]
    return {
        "blocks": blocks,
        "scale": number("scale", data["scale"], LIMITS["scale"]),
        "seed": whole("seed", data["seed"], LIMITS["seed"]),
        "read": whole("read", read, (LIMITS["read"][0], blocks)),
        "skip": option("skip", data["skip"], _SKIPS),
        "norm": option("norm", data["norm"], ("without", "with")),
    }
