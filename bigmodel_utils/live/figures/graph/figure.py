"""A graph of numbers: values flow forward through it, and derivatives of the result backward."""

from bigmodel_utils.live._schema import number, option, settings, whole
from bigmodel_utils.live._words import shared

__all__ = ["GRAPHS", "LIMITS", "NAME", "PARTS", "WORDS", "schema"]

NAME = "graph"
PARTS = ("digits", "choice", "dial", "stepper", "plot")
LIMITS = {"number": (-3, 3, 0.1), "step": (0, None)}
# Inputs with their values, then each node: its name, its operation and what it reads. Places are
# (column, row); the last node is the result.
GRAPHS = {
    "paths": {
        "inputs": {"a": 2, "b": 3},
        "nodes": [["u", "mul", ["a", "b"]], ["v", "add", ["u", "a"]], ["L", "mul", ["u", "v"]]],
        "places": {"a": [0, 0], "b": [0, 2], "u": [1, 1.5], "v": [2, 0.3], "L": [3, 1]},
    },
    "unit": {
        "inputs": {"w": -0.8, "x": 1.5, "b": 0.4, "t": 0.7},
        "nodes": [
            ["p", "mul", ["w", "x"]],
            ["s", "add", ["p", "b"]],
            ["y", "tanh", ["s"]],
            ["e", "sub", ["y", "t"]],
            ["L", "mul", ["e", "e"]],
        ],
        "places": {
            "w": [0, 0], "x": [0, 1.4], "p": [1, 0.7], "b": [1, 2], "s": [2, 1.1], "y": [3, 0.7],
            "t": [3, 2], "e": [4, 1.1], "L": [5, 1.1],
        },
    },
}  # fmt: skip
WORDS = {
    **shared("fallback", "reset", "range", "typed", "first", "back", "next", "last"),
    "step": "step",
    "graph": "graph",
    "preset_paths": "(ab + a) · ab",
    "preset_unit": "one unit, squared error",
    "begin": "The inputs are known. The next step computes the first node from them.",
    "local": "Local derivatives:",
    "seed": "The result changes as fast as itself:",
    "sum": "From what reads it:",
    "paths": "Over all {n} paths:",
    "used": "Arrows used: {used} of {all}.",
    "drawing": "The graph after step {step} of {steps}.",
    "place": "{name} is {value}",
    "slope": "derivative {value}",
    "hint": "On each arrow: the local derivative. In each box: the number, and below it, with a "
    "bar, the derivative of the result L by it. Move an input to change everything at once.",
}

_DEFAULTS = {"preset": "paths", "numbers": None, "step": 0}


def schema(data):
    """Return the data that the script reads.

    ``preset``: "paths" or "unit"; ``numbers``: dict of values from -3 to 3 for its inputs, or None;
    ``step``: how many steps have been made, from 0.
    """
    data = settings(NAME, data, _DEFAULTS)
    preset = option("preset", data["preset"], list(GRAPHS))
    inputs = GRAPHS[preset]["inputs"]
    numbers = settings("numbers", data["numbers"] or {}, inputs)
    return {
        "preset": preset,
        "numbers": {
            key: number(f"numbers[{key!r}]", value, LIMITS["number"])
            for key, value in numbers.items()
        },
        "step": whole("step", data["step"], LIMITS["step"]),
        "graphs": GRAPHS,
    }
