"""Features laid out as a star in a plane, read back by a ReLU, beside the best linear code."""

from bigmodel_utils.live._schema import number, settings, whole
from bigmodel_utils.live._words import shared

__all__ = ["LIMITS", "NAME", "PARTS", "WORDS", "schema"]

NAME = "superposition"
PARTS = ("digits", "dial", "plot")
LIMITS = {
    "n": (2, 8),
    "length": (0.3, 1.5, 0.01),
    "bias": (-1, 0, 0.01),
    "p": (0.01, 0.99, 0.01),
}
WORDS = {
    **shared("fallback", "reset", "range", "real_range", "typed", whole=True),
    "n": "features n",
    "length": "length of each direction",
    "bias": "bias b",
    "p": "chance p that a feature is present",
    "present": "features that are present",
    "feature": "feature {i}",
    "best": "Best length and bias for this p",
    "h1": "unit 1",
    "h2": "unit 2",
    "plane": "The directions of the features in the plane of two units, and the activation that "
    "the present ones add up to.",
    "features": "feature",
    "read": "read back",
    "bars": "What is read back for each feature, as a bar; a ring at 1 or 0 says whether it is "
    "present.",
    "chance": "chance p",
    "error": "mean squared error a feature",
    "curves": "Mean error of this code and of the best linear code, by the chance p.",
    "now": "Present: {who}. Squared error of what is read back, a feature: {now}.",
    "mean": "Over all {count} combinations at this p:",
    "linear": "the best linear code in two units has {linear}.",
    "nobody": "none",
    "hint": "Press the features to make them present. Last plot: solid is this code, dashed the "
    "best linear one, which keeps two features whole and gives the mean for the others.",
}

_DEFAULTS = {"n": 5, "length": 1, "bias": 0, "p": 0.1, "present": 1}


def schema(data):
    """Return the data that the script reads.

    ``n``: features, laid out evenly around the plane; ``length`` of each direction; ``bias`` of
    the reading; ``p``: how often a feature is present; ``present``: which are so at first, as a
    sum of 1 for the first feature, 2 for the second, 4 for the third, and so on.
    """
    data = settings(NAME, data, _DEFAULTS)
    n = whole("n", data["n"], LIMITS["n"])
    return {
        "n": n,
        **{key: number(key, data[key], LIMITS[key]) for key in ("length", "bias", "p")},
        "present": whole("present", data["present"], (0, 2**n - 1)),
    }
