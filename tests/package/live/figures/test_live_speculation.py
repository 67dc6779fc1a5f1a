"""What the figure "speculation" accepts as data, and the errors that name what is wrong."""

import pytest
from schemas import follows_limits, rejected

from bigmodel_utils.live import LiveFigure


def test_data_are_completed():
    data = {"tokens": ["x", "y"], "target": [1, 2], "draft": [0, 1], "k": 2}
    figure = LiveFigure("speculation", data=data, alt="Drafts.")
    assert figure.data == data | {"cost": 0.05}


WRONG = [
    ({"tokens": 3}, TypeError, "tokens: expected a list of names"),
    ({"tokens": ["A", ""]}, TypeError, "tokens: expected a list of names"),
    ({"tokens": ["A"]}, ValueError, "tokens, number: .*at least 2"),
    ({"target": 3}, TypeError, "target: expected a list of weights"),
    ({"target": [1, 2]}, ValueError, "target: expected 4 weights, got 2"),
    ({"draft": [1, 2, 11, 0]}, ValueError, r"draft\[2\]: .*at most 10"),
    ({"draft": [0, 0, 0, 0]}, ValueError, "draft: expected a weight of more than 0"),
    ({"k": 17}, ValueError, "k: .*at most 16"),
    ({"k": 1.5}, TypeError, "k: "),
    ({"cost": 2}, ValueError, "cost: .*at most 1"),
    ({"rate": 2}, ValueError, "unknown key 'rate'; the keys are cost, draft"),
]


@pytest.mark.parametrize(("data", "kind", "message"), WRONG)
def test_wrong_data_is_named(data, kind, message):
    rejected("speculation", data, kind, message)


BEYOND = {
    "tokens": ({"tokens": ["A"], "target": [1], "draft": [1]}, (1, 5)),
    "weight": ({"target": [11, 1, 1, 1]}, (0, 11)),
    "k": ({"k": 17}, (0, 17)),
    "cost": ({"cost": 2}, (0, 2)),
}


def test_limits_are_those_of_the_figure(monkeypatch):
    follows_limits("speculation", monkeypatch, BEYOND)
