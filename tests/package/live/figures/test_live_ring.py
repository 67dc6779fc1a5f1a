"""What the figure "ring" accepts as data, and the errors that name what is wrong."""

import pytest
from schemas import follows_limits, rejected

from bigmodel_utils.live import LiveFigure


def test_data_are_completed():
    figure = LiveFigure("ring", data={"workers": 3, "step": 4}, alt="A ring.")
    assert figure.data == {"workers": 3, "size": 12.0, "step": 4}


WRONG = [
    ({"workers": 1}, ValueError, "workers: .*at least 2"),
    ({"workers": 7}, ValueError, "workers: .*at most 6"),
    ({"workers": 2.5}, TypeError, "workers: "),
    ({"size": 0.5}, ValueError, "size: expected at least 1"),
    ({"step": 7}, ValueError, "step: .*at most 6"),
    ({"workers": 2, "step": 3}, ValueError, "step: .*at most 2"),
    ({"step": -1}, ValueError, "step: .*at least 0"),
    ({"rate": 2}, ValueError, "unknown key 'rate'; the keys are size, step, workers"),
]


@pytest.mark.parametrize(("data", "kind", "message"), WRONG)
def test_wrong_data_is_named(data, kind, message):
    rejected("ring", data, kind, message)


BEYOND = {
    "workers": ({"workers": 7}, (2, 7)),
    "size": ({"size": 2000}, (1, 2000)),
    "step": ({"step": -1}, (-1, None)),
}


def test_limits_are_those_of_the_figure(monkeypatch):
    follows_limits("ring", monkeypatch, BEYOND)
