"""What the figure "kl-reward" accepts as data, and the errors that name what is wrong."""

import pytest
from schemas import follows_limits, page, rejected

from bigmodel_utils.live import LiveFigure

TWO = [("a", 0.25, 0), ("b", 0.75, 1)]


def test_data_are_completed():
    figure = LiveFigure("kl-reward", data={"answers": TWO, "answer": 1}, alt="Answers.")
    assert figure.data["names"] == ["a", "b"] and figure.data["rewards"] == [0, 1]
    assert figure.data["chances"] == [0.25, 0.75] and figure.data["beta"] == 0.5


def test_stays_small():
    assert len(page("kl-reward", {}).encode()) <= 30_000


WRONG = [
    ({"answers": 3}, TypeError, "answers: expected rows"),
    ({"answers": [("a", 1)]}, TypeError, "answers: expected rows"),
    ({"answers": TWO[:1]}, ValueError, "answers, number: .*at least 2"),
    ({"answers": [("", 0.25, 0), TWO[1]]}, ValueError, "answers: expected names"),
    ({"answers": [("a", 0.5, 0), TWO[1]]}, ValueError, "chances that add up to 1"),
    ({"answers": [("a", 0, 0), ("b", 1, 1)]}, ValueError, r"chance\[0\]\[0\]: .*at least 0.001"),
    ({"answers": [("a", 0.25, 2), TWO[1]]}, ValueError, r"reward\[0\]\[0\]: .*at most 1"),
    ({"answer": 7}, ValueError, "answer: .*at most 6"),
    ({"beta": 0}, ValueError, "beta: .*at least 0.05"),
    ({"gamma": 3}, ValueError, "unknown key 'gamma'; the keys are answer, answers, beta"),
]


@pytest.mark.parametrize(("data", "kind", "message"), WRONG)
def test_wrong_data_is_named(data, kind, message):
    rejected("kl-reward", data, kind, message)


BEYOND = {
    "beta": ({"beta": 3}, (0.05, 4, 0.05)),
    "reward": ({"answers": [("a", 0.25, 2), TWO[1]], "answer": 1}, (-1, 2, 0.05)),
    "chance": ({"answers": [("a", 0.0001, 0), ("b", 0.9999, 1)], "answer": 1}, (0, 1)),
    "answers": ({"answers": [("a", 1, 0)], "answer": 1}, (1, 8)),
    "answer": ({"answer": 0}, (0, None)),
}


def test_limits_are_those_of_the_figure(monkeypatch):
    follows_limits("kl-reward", monkeypatch, BEYOND)
