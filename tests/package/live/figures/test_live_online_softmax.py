"""What the figure "online-softmax" accepts as data, and the errors that name what is wrong."""

import pytest
from schemas import follows_limits, rejected

WRONG = [
    ({"score": 1}, ValueError, "unknown key 'score'; the keys are rescale"),
    ({"scores": [1]}, ValueError, "scores, how many: .*at least 2, got 1"),
    ({"scores": 13 * [1]}, ValueError, "scores, how many: .*at most 12"),
    ({"scores": [[1, 2]]}, TypeError, "scores: expected a list of numbers"),
    ({"scores": [1, 2]}, ValueError, "values: expected 2, one for each score"),
    ({"values": [0] * 7 + [100]}, ValueError, r"values\[0\]\[7\]: .*99"),
    ({"tile": 0}, ValueError, "tile: .*at least 1, got 0"),
    ({"tile": 9}, ValueError, "tile: .*at most 8, got 9"),
    ({"tile": 4, "step": 3}, ValueError, "step: .*at most 2, got 3"),
    ({"rescale": 1}, TypeError, "rescale: expected True or False"),
]


@pytest.mark.parametrize(("data", "kind", "message"), WRONG)
def test_wrong_data_is_named(data, kind, message):
    rejected("online-softmax", data, kind, message)


BEYOND = {
    "value": ({"scores": [100] * 8}, (-99, 100, 0.5)),
    "keys": ({"scores": [1], "values": [1], "tile": 1}, (1, 12)),
    "tile": None,
    "step": ({"step": -1}, (-1, None)),
}


def test_limits_are_those_of_the_figure(monkeypatch):
    follows_limits("online-softmax", monkeypatch, BEYOND)
