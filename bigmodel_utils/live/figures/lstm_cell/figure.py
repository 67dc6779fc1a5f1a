"""One LSTM cell of one unit, its gates held for a run of steps."""

from bigmodel_utils.live._schema import number, settings, whole
from bigmodel_utils.live._words import shared

__all__ = ["LIMITS", "NAME", "PARTS", "WORDS", "schema"]

NAME = "lstm-cell"
PARTS = ("digits", "dial", "plot")
LIMITS = {
    "f": (0, 1, 0.01),
    "i": (0, 1, 0.01),
    "g": (-1, 1, 0.02),
    "o": (0, 1, 0.01),
    "c": (-3, 3, 0.1),
    "steps": (1, 30),
}
WORDS = {
    **shared("fallback", "reset", "range"),
    "about_f": "forget",
    "about_i": "input",
    "about_g": "candidate",
    "about_o": "output",
    "about_c": "old cell",
    **shared("typed"),
    "gates": "gates",
    "kept": "kept",
    "written": "written",
    "new": "new cell",
    "read": "read",
    "steps": "steps with these gates",
    "run": "the cell over the steps",
    "cell": "cell c",
    "hidden": "hidden state h",
    "gradient": "gradient ∂cₙ/∂c₀",
    "x_axis": "step n",
    "place": "{name} after {n} steps: {value}",
    "at": "After {n} steps:",
    "half": "The gradient halves every {n} steps; the cell tends to {limit}.",
    "hint": "Drag a valve up or down, use the arrow keys, or type. Below each: what the "
    "sigmoid, or tanh for g, was given. The gates are held for all steps.",
}

_DEFAULTS = {"f": 0.9, "i": 0.5, "g": 0.6, "o": 0.7, "c": -1, "steps": 20}


def schema(data):
    """Return the data that the script reads.

    ``f``, ``i``, ``o``: 0 to 1; ``g``: -1 to 1; ``c``: the cell before, -3 to 3; ``steps``: 1 to
    30.
    """
    data = settings(NAME, data, _DEFAULTS)
    gates = {key: number(key, data[key], LIMITS[key]) for key in ("f", "i", "o", "g", "c")}
    return {**gates, "steps": whole("steps", data["steps"], LIMITS["steps"])}
