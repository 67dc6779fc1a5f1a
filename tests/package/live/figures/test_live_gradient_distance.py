"""What the figure "gradient-distance" accepts as data, and the errors that name what is wrong."""

import pytest
from schemas import follows_limits, page, rejected


def test_all_steps_are_the_widest_window():
    assert page("gradient-distance", {"steps": 20, "window": "all"}) == page(
        "gradient-distance", {"steps": 20, "window": 20}
    )


WRONG = [
    ({"radius": 1}, ValueError, "unknown key 'radius'; the keys are activ"),
    ({"rho": 1.6}, ValueError, "rho: expected at most 1.5"),
    ({"window": 0}, ValueError, "window: .*at least 1"),
    ({"window": 41}, ValueError, "window: .*at most 40"),
    ({"window": "none"}, TypeError, "window: expected an integer"),
    ({"steps": 61}, ValueError, "steps: .*at most 60"),
    ({"steps": 10, "distance": 10}, ValueError, "distance: .*at most 9"),
    ({"matrix": "random 4"}, ValueError, "matrix: .*'random 3'"),
    ({"activation": "relu"}, ValueError, "activation: .*'tanh', 'linear'"),
    ({"scale": -1}, ValueError, "scale: expected at least 0"),
]


@pytest.mark.parametrize(("data", "kind", "message"), WRONG)
def test_wrong_data_is_named(data, kind, message):
    rejected("gradient-distance", data, kind, message)


BEYOND = {
    "rho": ({"rho": 1.6}, (0.3, 1.6, 0.01)),
    "window": ({"window": 0}, (0, None)),
    "scale": ({"scale": 3.5}, (0, 3.5, 0.1)),
    "distance": ({"distance": -1}, (-1, None)),
    "steps": ({"steps": 61}, (10, 61)),
    "units": None,
}


def test_limits_are_those_of_the_figure(monkeypatch):
    follows_limits("gradient-distance", monkeypatch, BEYOND)
