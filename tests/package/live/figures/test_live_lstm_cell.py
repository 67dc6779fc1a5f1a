"""What the figure "lstm-cell" accepts as data, and the errors that name what is wrong."""

import pytest
from schemas import follows_limits, rejected

WRONG = [
    ({"r": 1}, ValueError, "unknown key 'r'; the keys are c, f, g, i, o, steps"),
    ({"f": 1.1}, ValueError, "f: expected at most 1"),
    ({"i": -0.1}, ValueError, "i: expected at least 0"),
    ({"g": -1.5}, ValueError, "g: expected at least -1"),
    ({"c": "1"}, TypeError, "c: expected a number"),
    ({"steps": 31}, ValueError, "steps: .*at most 30"),
]


@pytest.mark.parametrize(("data", "kind", "message"), WRONG)
def test_wrong_data_is_named(data, kind, message):
    rejected("lstm-cell", data, kind, message)


BEYOND = {
    "f": ({"f": 1.1}, (0, 1.1, 0.01)),
    "i": ({"i": -0.1}, (-0.1, 1, 0.01)),
    "g": ({"g": -1.5}, (-1.5, 1, 0.02)),
    "o": ({"o": 2}, (0, 2, 0.01)),
    "c": ({"c": 4}, (-3, 4, 0.1)),
    "steps": ({"steps": 31}, (1, 31)),
}


def test_limits_are_those_of_the_figure(monkeypatch):
    follows_limits("lstm-cell", monkeypatch, BEYOND)
