"""What the figure "bubble" accepts as data, and the errors that name what is wrong."""

import pytest
from schemas import follows_limits, rejected

from bigmodel_utils.live import LiveFigure


def test_data_are_completed():
    figure = LiveFigure("bubble", data={"stages": 3}, alt="A pipeline.")
    assert figure.data == {"stages": 3, "batches": 8, "chunks": 2, "way": "gpipe"}


WRONG = [
    ({"stages": 0}, ValueError, "stages: .*at least 1"),
    ({"stages": 2.5}, TypeError, "stages: "),
    ({"batches": 33}, ValueError, "batches: .*at most 32"),
    ({"chunks": 1}, ValueError, "chunks: .*at least 2"),
    ({"way": "zero"}, ValueError, "way: expected one of 'gpipe'"),
    ({"ranks": 3}, ValueError, "unknown key 'ranks'; the keys are batches, chunks"),
]


@pytest.mark.parametrize(("data", "kind", "message"), WRONG)
def test_wrong_data_is_named(data, kind, message):
    rejected("bubble", data, kind, message)


BEYOND = {
    "stages": ({"stages": 9}, (1, 9)),
    "batches": ({"batches": 33}, (1, 33)),
    "chunks": ({"chunks": 5}, (2, 5)),
}


def test_limits_are_those_of_the_figure(monkeypatch):
    follows_limits("bubble", monkeypatch, BEYOND)
