"""What the figure "batching" accepts as data, and the errors that name what is wrong."""

import pytest
from schemas import follows_limits, rejected

from bigmodel_utils.live import LiveFigure


def test_data_are_completed():
    figure = LiveFigure("batching", data={"slots": 2}, alt="A server.")
    assert figure.data["slots"] == 2 and figure.data["rate"] == 20
    assert figure.data["way"] == "static" and figure.data["count"] == 24


WRONG = [
    ({"rate": 0}, ValueError, "rate: .*at least 1"),
    ({"rate": 2.5}, TypeError, "rate: "),
    ({"length": 61}, ValueError, "length: .*at most 60"),
    ({"slots": 13}, ValueError, "slots: .*at most 12"),
    ({"request": 25}, ValueError, "request: .*at most 24"),
    ({"seed": 0}, ValueError, "seed: .*at least 1"),
    ({"way": "fair"}, ValueError, "way: expected one of 'static'"),
    ({"kind": "long"}, ValueError, "kind: expected one of 'mixed'"),
    ({"load": 3}, ValueError, "unknown key 'load'; the keys are kind, length"),
]


@pytest.mark.parametrize(("data", "kind", "message"), WRONG)
def test_wrong_data_is_named(data, kind, message):
    rejected("batching", data, kind, message)


BEYOND = {
    "rate": ({"rate": 0}, (0, 200)),
    "length": ({"length": 61}, (1, 61)),
    "slots": ({"slots": 13}, (1, 13)),
    "request": ({"request": 25}, (1, 25)),
    "seed": ({"seed": 0}, (0, 2**32 - 1)),
}


def test_limits_are_those_of_the_figure(monkeypatch):
    follows_limits("batching", monkeypatch, BEYOND)
