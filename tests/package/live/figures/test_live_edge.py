"""What the figure "edge" accepts as data, and the errors that name what is wrong."""

import pytest
from schemas import follows_limits, rejected

from bigmodel_utils.live import LiveFigure


def test_data_are_completed():
    figure = LiveFigure("edge", alt="A chain.")
    assert figure.data == {"rate": 0.2, "a": 2.9, "b": 0.35, "step": 80}
    figure = LiveFigure("edge", data={"a": -1, "step": 7}, alt="A chain.")
    assert figure.data == {"rate": 0.2, "a": -1, "b": 0.35, "step": 7}


def test_it_stays_small():
    html = LiveFigure("edge", alt="A chain.")._repr_html_()
    assert len(html.encode()) <= 30_000


WRONG = [
    ({"rate": 0}, ValueError, "rate: .*at least 0.02"),
    ({"rate": 1.3}, ValueError, "rate: .*at most 1.2"),
    ({"rate": "1"}, TypeError, "rate: expected a number"),
    ({"a": 4}, ValueError, "a: .*at most 3.5"),
    ({"b": -4}, ValueError, "b: .*at least -3.5"),
    ({"step": 81}, ValueError, "step: .*at most 80"),
    ({"step": 2.5}, TypeError, "step"),
    ({"steps": 3}, ValueError, "unknown key 'steps'; the keys are a"),
]


@pytest.mark.parametrize(("data", "kind", "message"), WRONG)
def test_wrong_data_is_named(data, kind, message):
    rejected("edge", data, kind, message)


BEYOND = {
    "rate": ({"rate": 2}, (0.02, 3, 0.01)),
    "a": ({"a": 5}, (-6, 6, 0.05)),
    "b": ({"b": 5}, (-6, 6, 0.05)),
    "step": ({"step": 90}, (0, 90)),
}


def test_limits_are_those_of_the_figure(monkeypatch):
    follows_limits("edge", monkeypatch, BEYOND)
