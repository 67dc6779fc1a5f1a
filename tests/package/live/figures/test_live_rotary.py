"""What the figure "rotary" accepts as data, and the errors that name what is wrong."""

import pytest
from schemas import follows_limits, rejected

WRONG = [
    ({"angle": 1}, ValueError, "unknown key 'angle'; the keys are base"),
    ({"q": [[1, 2]]}, ValueError, r"q: expected shape \(2, 2\), got \(1, 2\)"),
    ({"k": [[1], [2]]}, ValueError, r"k: expected shape \(2, 4\), got \(2, 1\)"),
    ({"q": [[1] * 5] * 2}, ValueError, "q, columns: .*at most 4, got 5"),
    ({"m": 33}, ValueError, "m: .*at most 32, got 33"),
    ({"shift": -1}, ValueError, "shift: .*at least 0, got -1"),
    ({"base": 50}, ValueError, "base: expected one of 10, 100, 10000"),
    ({"turn": True}, ValueError, "turn: expected one of 'on', 'off'"),
]


@pytest.mark.parametrize(("data", "kind", "message"), WRONG)
def test_wrong_data_is_named(data, kind, message):
    rejected("rotary", data, kind, message)


BEYOND = {
    "value": ({"q": [[100] * 4, [0] * 4]}, (-99, 100, 0.5)),
    "pairs": ({"q": [[1] * 5] * 2, "k": [[1] * 5] * 2}, (1, 5)),
    "position": ({"m": 33}, (0, 33)),
    "bases": ({"base": 50}, (10, 50)),
}


def test_limits_are_those_of_the_figure(monkeypatch):
    follows_limits("rotary", monkeypatch, BEYOND)
