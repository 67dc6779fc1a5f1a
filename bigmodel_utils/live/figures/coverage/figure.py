"""Coverage of conformal sets: its distribution over the draws of the calibration examples."""

from bigmodel_utils.live._schema import number, settings, whole
from bigmodel_utils.live._words import shared

__all__ = ["LIMITS", "NAME", "PARTS", "WORDS", "schema"]

NAME = "coverage"
PARTS = ("digits", "dial", "plot")
LIMITS = {
    "n": (1, 500),
    "promise": (0.5, 0.99, 0.01),
    "floor": (0.4, 0.99, 0.01),
}
WORDS = {
    **shared("fallback", "reset", "range", "real_range", "typed", whole=True),
    "n": "calibration examples n",
    "promise": "share promised",
    "floor": "coverage asked about",
    "x_axis": "coverage of the threshold that was drawn",
    "y_axis": "density",
    "plot": "Density of the coverage over the draws of the calibration examples; what lies "
    "below the coverage asked about is filled.",
    "found": "Threshold: number {k} of the {n} sorted scores. Coverage {mean} on average; below "
    "{floor} in {below} of the draws.",
    "none": "With {n} calibration examples {promise} cannot be promised: only the set of all "
    "answers keeps it. It takes {least} examples.",
    "hint": "Solid line: the average coverage. Dashed: the share promised. Drag in the plot to "
    "ask about another coverage.",
}
_DEFAULTS = {"n": 50, "promise": 0.9, "floor": 0.85}


def schema(data):
    """Return the data that the script reads.

    ``n``: calibration examples; ``promise``: the share of sets that shall hold the truth;
    ``floor``: the coverage of which the figure says how often a draw stays below it.
    """
    data = settings(NAME, data, _DEFAULTS)
    return {
        "n": whole("n", data["n"], LIMITS["n"]),
        "promise": number("promise", data["promise"], LIMITS["promise"]),
        "floor": number("floor", data["floor"], LIMITS["floor"]),
    }
