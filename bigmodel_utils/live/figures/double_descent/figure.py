"""Double descent: the error of least squares over the number of features, by its formula."""

from bigmodel_utils.live._schema import matrix, number, settings, whole
from bigmodel_utils.live._words import shared

__all__ = ["LIMITS", "NAME", "PARTS", "WORDS", "schema"]

NAME = "double-descent"
PARTS = ("digits", "dial", "plot")
FEATURES = 120  # that carry the signal, each the same share of it
LIMITS = {
    "n": (10, 100),
    "p": (1, FEATURES),
    "noise": (0.1, 2, 0.1),
    "penalty": (-3, 3, 0.1),
    "points": (1, 40),
    "error": (0, 1e6),
}
WORDS = {
    **shared("fallback", "reset", "range", "real_range", "typed", whole=True),
    "n": "examples n",
    "p": "features used p",
    "noise": "noise (standard deviation)",
    "penalty": "penalty, power of ten times the best",
    "x_axis": "features used",
    "y_axis": "error on new examples",
    "plot": "Error over the number of features: without penalty a peak where features and "
    "examples are equally many, with the penalty a second curve.",
    "plain": "{p} features from {n} examples: error {error} without a penalty, of it bias {bias}, "
    "variance {variance} and {rest} that these features cannot know.",
    "peak": "{p} features from {n} examples: without a penalty the mean error is infinite.",
    "ridge": "With the penalty: {error}.",
    "nothing": "Answering 0 always: {error}.",
    "hint": "Solid: no penalty, exact. Dashed: with the penalty, the formula for many examples. "
    "Dotted: answering 0. Points, where the settings are theirs: measured, circles without and "
    "squares with the best penalty. Drag in the plot to move p.",
}
_DEFAULTS = {
    "n": 40,
    "p": 20,
    "noise": 0.5,
    "penalty": 0,
    "measured": [],
}


def schema(data):
    """Return the data that the script reads.

    ``n``: examples; ``p``: features used; ``noise``: standard deviation of a target around the
    signal, whose variance is 1; ``penalty``: power of ten by which the penalty is the best one's
    multiple; ``measured``: rows (p, error without, error with the best penalty), measured at
    ``n`` and ``noise``, or an empty list.
    """
    data = settings(NAME, data, _DEFAULTS)
    rows = data["measured"]
    if len(rows):
        rows = matrix("measured", rows, LIMITS["error"], LIMITS["points"], (3, 3))
        rows = [[whole("measured, p", int(row[0]), LIMITS["p"]), *row[1:]] for row in rows]
    return {
        "features": FEATURES,
        "n": whole("n", data["n"], LIMITS["n"]),
        "p": whole("p", data["p"], LIMITS["p"]),
        "noise": number("noise", data["noise"], LIMITS["noise"]),
        "penalty": number("penalty", data["penalty"], LIMITS["penalty"]),
        "measured": rows,
    }
