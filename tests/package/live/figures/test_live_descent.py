"""What the figure "descent" accepts as data, and the errors that name what is wrong."""

import pytest
from schemas import follows_limits, rejected

from bigmodel_utils.live import LiveFigure


def test_data_are_completed():
    figure = LiveFigure("descent", alt="A valley.")
    assert figure.data == {"method": "gradient", "kappa": 20, "rate": 1.8, "beta": 0.5}
    figure = LiveFigure("descent", data={"method": "adam", "rate": 0.5}, alt="A valley.")
    assert figure.data == {"method": "adam", "kappa": 20, "rate": 0.5, "beta": 0.5}


def test_it_stays_small():
    html = LiveFigure("descent", alt="A valley.")._repr_html_()
    assert len(html.encode()) <= 30_000


WRONG = [
    ({"method": "newton"}, ValueError, "method: expected one of 'gradient'"),
    ({"kappa": 0}, ValueError, "kappa: .*at least 1"),
    ({"kappa": 201}, ValueError, "kappa: .*at most 200"),
    ({"kappa": 2.5}, TypeError, "kappa"),
    ({"rate": 0}, ValueError, "rate: .*at least 0.01"),
    ({"rate": 4.1}, ValueError, "rate: .*at most 4"),
    ({"rate": "1"}, TypeError, "rate: expected a number"),
    ({"beta": -0.1}, ValueError, "beta: .*at least 0"),
    ({"beta": 1}, ValueError, "beta: .*at most 0.99"),
    ({"steps": 3}, ValueError, "unknown key 'steps'; the keys are beta"),
]


@pytest.mark.parametrize(("data", "kind", "message"), WRONG)
def test_wrong_data_is_named(data, kind, message):
    rejected("descent", data, kind, message)


BEYOND = {
    "kappa": ({"kappa": 300}, (1, 300)),
    "rate": ({"rate": 5}, (0.01, 5, 0.01)),
    "beta": ({"beta": 1.5}, (0, 2, 0.01)),
}


def test_limits_are_those_of_the_figure(monkeypatch):
    follows_limits("descent", monkeypatch, BEYOND)
