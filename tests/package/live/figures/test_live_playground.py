"""What the figure "playground" accepts as data, and the errors that name what is wrong."""

import pytest
from schemas import follows_limits, rejected

from bigmodel_utils.live.figures.playground.figure import POINTS

WRONG = [
    (
        {"units": 3},
        ValueError,
        "unknown key 'units'; the keys are activation, rate, seed, set, width",
    ),
    ({"set": "spiral"}, ValueError, "set: expected one of 'moons', 'circle', 'xor'"),
    ({"activation": "gelu"}, ValueError, "activation: expected one of 'tanh', 'relu'"),
    ({"width": 9}, ValueError, "width: .*at most 8, got 9"),
    ({"width": 2.5}, TypeError, "width: expected an integer"),
    ({"rate": 0}, ValueError, "rate: expected at least 0.1"),
    ({"seed": 10}, ValueError, "seed: .*at most 9, got 10"),
]


@pytest.mark.parametrize(("data", "kind", "message"), WRONG)
def test_wrong_data_is_named(data, kind, message):
    rejected("playground", data, kind, message)


BEYOND = {
    "width": ({"width": 9}, (1, 9)),
    "rate": ({"rate": 6}, (0.1, 6, 0.1)),
    "seed": ({"seed": 10}, (1, 10)),
}


def test_limits_are_those_of_the_figure(monkeypatch):
    follows_limits("playground", monkeypatch, BEYOND)


@pytest.mark.parametrize("name", POINTS)
def test_points_fit_the_plane_and_both_classes_are_there(name):
    points = POINTS[name]
    assert all(abs(x) < 1.7 and abs(y) < 1.7 for x, y, _ in points)
    assert sorted(t for _, _, t in points) == [0] * 20 + [1] * 20
