"""A query and a key of a few pairs of features, turned by their positions."""

from bigmodel_utils.live._schema import matrix, option, settings, shaped, whole
from bigmodel_utils.live._words import shared

__all__ = ["LIMITS", "NAME", "PARTS", "WORDS", "schema"]

NAME = "rotary"
PARTS = ("choice", "digits", "dial", "plot", "sums", "grid", "value", "explorer")
LIMITS = {
    "value": (-99, 99, 0.5),
    "pairs": (1, 4),
    "position": (0, 32),
    "bases": (10, 100, 10000),  # not a range: these three
}
WORDS = {
    **shared("fallback", "reset", "lit", "cell", "value", "range", "typed"),
    "whole": "Only whole positions.",
    **shared("less", "more"),
    "m": "position m of the query",
    "n": "position j of the key",
    "shift": "move both by",
    "base": "base",
    "turning": "positions",
    "on": "turned",
    "off": "not turned",
    "about_q": "query, a pair a column",
    "about_k": "key, a pair a column",
    "pair": "pair {i}: {speed} rad a step, a round in {every}",
    "clock": "pair {i}: query at ({q}), key at ({k})",
    "x_axis": "distance m − j (positions)",
    "y_axis": "score q·k",
    "plot": "Score against distance; sliders m and j choose it.",
    "at": "Query at {m}, key at {n}, distance {d}: score",
    "same": "Not moved, at {m} and {n}: {score}, the same.",
    "still": "Without turning, the score is the same at every distance.",
    "hint": "Solid: query, dashed: key, both turned; dotted: at position 0. Click the plot "
    "to choose a distance; drag a number of q or k, or type.",
}

_DEFAULTS = {
    "q": [[1.5, 1, -0.5, 1], [0.5, -1, 1, 0.5]],
    "k": [[1, 1.5, 0.5, 1], [1, -0.5, 1, -1]],
    "m": 6,
    "n": 2,
    "shift": 0,
    "base": 100,
    "turn": "on",
}


def schema(data):
    """Return the data that the script reads.

    ``q``, ``k`` (2, pairs): first and second feature of each pair, 1 to 4 pairs, as many in both;
    ``m``, ``n``: positions of the query and the key, 0 to 32; ``shift``: moves both, 0 to 32;
    ``base``: 10, 100 or 10000; pair i turns by ``base ** (-i / pairs)`` radians a position;
    ``turn``: "on" or "off".
    """
    data = settings(NAME, data, _DEFAULTS)
    q = matrix("q", data["q"], LIMITS["value"], (1, 2), LIMITS["pairs"])
    shape = (2, len(q[0]))
    return {
        "q": shaped("q", q, LIMITS["value"], shape),
        "k": shaped("k", data["k"], LIMITS["value"], shape),
        **{name: whole(name, data[name], LIMITS["position"]) for name in ("m", "n", "shift")},
        "base": option("base", data["base"], LIMITS["bases"]),
        "turn": option("turn", data["turn"], ("on", "off")),
        # The script reads LIMITS; this stays because the figure's id is made from the data.
        "most": LIMITS["position"][1],
    }
