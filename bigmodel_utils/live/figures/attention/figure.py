"""Attention of a few tokens over themselves, with queries, keys and values of two numbers."""

from bigmodel_utils.live._schema import matrix, number, option, settings, switch, whole
from bigmodel_utils.live._words import shared

__all__ = ["LIMITS", "NAME", "PARTS", "WORDS", "schema"]

NAME = "attention"
PARTS = ("choice", "dial", "sums", "grid", "value", "explorer", "lights")
LIMITS = {
    "value": (-99, 99, 0.5),
    "tokens": (2, 6),
    "length": (0, None),  # at most the tokens
    "temperature": (0.1, 5, 0.1),
    "select": (0, 1),  # of the two numbers of a token
}
WORDS = {
    **shared("fallback", "reset", "cell", "lit", "value", "less", "more"),
    **shared("view", "forward", "backward", "range", "typed"),
    "tokens": "tokens",
    "plane": "Queries solid, keys dashed. Drag a query.",
    **shared("whole"),
    "temperature": "temperature τ",
    "scale": "scores",
    "scaled": "÷ √2",
    "raw": "unscaled",
    "mask": "mask",
    "none": "none",
    "causal": "causal",
    **shared("padding"),
    "length": "real tokens",
    "about_q": "queries",
    "about_k": "keys",
    "about_v": "values",
    "about_s": "scores",
    "about_p": "weights",
    "about_o": "output",
    "about_g": "upstream",
    "about_dv": "gradient of V",
    "masked": "masked",
    "nothing": "No key may be seen: weights and output are 0 by definition.",
    "about_use_q": "is compared with every key: row {row} of S and P.",
    "about_use_k": "is compared with every query: column {row} of S and P.",
    "about_use_v": "enters {n} outputs, with the weights in column {row} of P.",
    "about_use_g": "flows into {n} values, with the weights in row {row} of P.",
    "shut": "Masked: this query must not see this key, whatever the score.",
    "flow": "Row {row} of P: Σ p(1 − p) = {value}, the trace of the softmax Jacobian.",
    "hint_forward": "Choose an output, a weight or a score to see what it is made of. Drag a "
    "number of Q, K or V up or down, or type one, to change it.",
    "hint_backward": "Choose a number of V or dV to see where its gradient comes from, or of G "
    "to see where it goes. G can be edited too.",
}

# Row i belongs to token i: no two alike, so that rows cannot be exchanged unseen.
_VECTORS = {
    "q": [[2, 0], [1, 1.5], [-1, 2], [0.5, -2], [3, 1], [0, 0]],
    "k": [[1.5, 0.5], [-1, 1], [0, 2], [2, -1], [0.5, 1.5], [1, -2]],
    "v": [[4, 0], [0, 3], [-2, 1], [1, -4], [2, 5], [-3, -1]],
    "g": [[1, 0], [0.5, -1], [-2, 1], [0, 2], [1.5, -0.5], [1, 1]],
}
_SETTINGS = {
    "tokens": None,
    "scaled": True,
    "temperature": 1,
    "mask": "none",
    "length": None,
    "view": "forward",
    "select": (1, 0),
}
_SHOWN = 5


def schema(data):
    """Return the data that the script reads.

    ``q``, ``k``, ``v`` (t, 2), one row a token, two to six tokens, the same number in each; ``g``
    (t, 2): upstream gradient of the outputs, by default ones where vectors are given; ``tokens``:
    how many of them are shown at first; ``scaled``: whether scores are divided by the root of
    d_k; ``temperature``: 0.1 to 5; ``mask``: "none", "causal" or "padding"; ``length``: real
    tokens under the padding mask, from 0; ``view``: "forward" or "backward"; ``select``: the
    (row, column) lit at first, of the output or, backward, of the gradient of the values.
    """
    given, data = data, settings(NAME, data, {**_VECTORS, **_SETTINGS})
    vectors = _vectors(given)
    most = len(vectors["q"])
    shown = most if any(name in given for name in _VECTORS) else min(_SHOWN, most)
    if data["tokens"] is not None:
        shown = whole("tokens", data["tokens"], (LIMITS["tokens"][0], most))
    length = max(1, shown - 2) if data["length"] is None else data["length"]
    select = data["select"]
    if not isinstance(select, (list, tuple)) or len(select) != 2:
        raise TypeError(f"select: expected (row, column), got {select!r:.60}")
    return {
        **vectors,
        "tokens": shown,
        "scaled": switch("scaled", data["scaled"]),
        "temperature": number("temperature", data["temperature"], LIMITS["temperature"]),
        "mask": option("mask", data["mask"], ("none", "causal", "padding")),
        "length": whole("length", length, (LIMITS["length"][0], shown)),
        "view": option("view", data["view"], ("forward", "backward")),
        "select": [
            whole("select, row", select[0], (0, shown - 1)),
            whole("select, column", select[1], LIMITS["select"]),
        ],
    }


def _vectors(given):
    """Return q, k, v and g, each with a row of two numbers for every token."""
    own = [name for name in _VECTORS if name in given]
    found = {
        name: matrix(name, given[name], LIMITS["value"], LIMITS["tokens"], (2, 2)) for name in own
    }
    most = len(found[own[0]]) if own else min(LIMITS["tokens"][1], len(_VECTORS["q"]))
    for name, rows in _VECTORS.items():
        found.setdefault(name, [[1, 1]] * most if own and name == "g" else rows[:most])
        if len(found[name]) != most:
            raise ValueError(f"{name}: expected {most} rows as in {own[0]}, got {len(found[name])}")
    return found
