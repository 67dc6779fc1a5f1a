"""A small layer, pruned or rounded to a number of bytes, and the error of its outputs."""

from bigmodel_utils.live._schema import matrix, number, option, settings, whole
from bigmodel_utils.live._words import shared

__all__ = ["HELPS", "LIMITS", "METHODS", "NAME", "PARTS", "WORDS", "schema"]

NAME = "prune"
PARTS = ("choice", "digits", "dial", "plot")
METHODS = ("prune", "round")
HELPS = ("alone", "helped")
LIMITS = {
    "rows": (1, 8),
    "columns": (2, 8),
    "weight": (-9, 9),
    "bytes": (16, 40),
    "alike": (0, 0.95, 0.01),
}
WORDS = {
    **shared("fallback", "reset", "range", "typed"),
    "whole": "Only whole bytes.",
    "method": "way",
    "prune": "remove the smallest weights",
    "round": "round all weights",
    "help": "the other weights",
    "alone": "stay as they are",
    "helped": "make up for the change",
    "bytes": "bytes at most",
    "alike": "correlation of neighbouring inputs",
    "table": "weights after compression, above what they were",
    "removed": "removed",
    "before": "before: {value}",
    "x_axis": "bytes at most",
    "y_axis": "error of the outputs, relative",
    "plot": "The outputs' error over bytes for four ways: pruned or rounded, alone or helped. "
    "A ring marks the chosen one.",
    "pruned": "{kept} of {all} weights stay, in 16 bits, with one bit a place: {used} bytes.",
    "rounded": "Each weight gets {bits} bits, each row a scale of 16 bits: {used} bytes.",
    "error": "The outputs are wrong by {error} of their size.",
    "rival": "Without help: {alone}; with it: {helped}.",
    "hint": "Thin lines: without help; thick lines: with it. Solid: pruned, the kept weights "
    "solved anew by least squares; dashed: rounded column by column, later columns making up for "
    "earlier ones. Inputs i and j have the correlation r to the power |i − j|.",
}

_DEFAULTS = {
    "weight": [
        [0.91, -0.38, 0.05, 0.47, -1.13, 0.26, 0.62, -0.09],
        [-0.21, 0.74, 0.83, -0.55, 0.12, 0.39, -0.97, 0.31],
        [0.18, 0.07, -0.66, 1.34, 0.41, -0.29, 0.03, 0.58],
        [-0.72, -0.44, 0.25, 0.11, 0.86, 0.69, -0.16, -1.02],
    ],
    "method": "prune",
    "help": "alone",
    "bytes": 24,
    "alike": 0.6,
}


def schema(data):
    """Return the data that the script reads.

    ``weight``: 1 to 8 rows of 2 to 8 weights; ``method``: one of ``METHODS``; ``help``: one of
    ``HELPS``; ``bytes``: at most so many; ``alike``: the correlation of neighbouring inputs.
    """
    data = settings(NAME, data, _DEFAULTS)
    return {
        "weight": matrix(
            "weight", data["weight"], LIMITS["weight"], LIMITS["rows"], LIMITS["columns"]
        ),
        "method": option("method", data["method"], METHODS),
        "help": option("help", data["help"], HELPS),
        "bytes": whole("bytes", data["bytes"], LIMITS["bytes"]),
        "alike": number("alike", data["alike"], LIMITS["alike"]),
    }
