"""What the figure "superposition" accepts as data, and the errors that name what is wrong."""

import pytest
from schemas import follows_limits, rejected

from bigmodel_utils.live import LiveFigure


def test_data_are_completed():
    figure = LiveFigure("superposition", data={"n": 3, "present": 7}, alt="Three features.")
    assert figure.data["n"] == 3 and figure.data["present"] == 7
    assert figure.data["bias"] == 0 and figure.data["p"] == 0.1


WRONG = [
    ({"n": 1}, ValueError, "n: .*at least 2"),
    ({"n": 2.5}, TypeError, "n: "),
    ({"n": 3, "present": 8}, ValueError, "present: .*at most 7"),
    ({"length": 2}, ValueError, "length: .*at most 1.5"),
    ({"bias": 0.1}, ValueError, "bias: .*at most 0"),
    ({"p": 0}, ValueError, "p: .*at least 0.01"),
    ({"m": 2}, ValueError, "unknown key 'm'; the keys are bias, length"),
]


@pytest.mark.parametrize(("data", "kind", "message"), WRONG)
def test_wrong_data_is_named(data, kind, message):
    rejected("superposition", data, kind, message)


BEYOND = {
    "n": ({"n": 9}, (2, 9)),
    "length": ({"length": 1.6}, (0.3, 1.6)),
    "bias": ({"bias": 0.1}, (-1, 0.1)),
    "p": ({"p": 1}, (0, 1)),
}


def test_limits_are_those_of_the_figure(monkeypatch):
    follows_limits("superposition", monkeypatch, BEYOND)
