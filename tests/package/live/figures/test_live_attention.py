"""What the figure "attention" accepts as data, and the errors that name what is wrong."""

import pytest
import torch
from schemas import follows_limits, rejected

from bigmodel_utils.live import LiveFigure


def test_upstream_gradient_is_ones_where_vectors_are_given():
    own = [[1, 2], [3, 4], [5, 6]]
    figure = LiveFigure("attention", data={"q": own}, alt="A figure.")
    assert figure.data["g"] == [[1, 1]] * 3 and len(figure.data["k"]) == figure.data["tokens"] == 3
    default = LiveFigure("attention", alt="A figure.").data
    assert default["g"][2] == [-2, 1] and default["tokens"] == 5


WRONG = [
    ({"w": 1}, ValueError, "attention: unknown key 'w'; the keys are g, k, length, mask"),
    ({"q": torch.zeros(1, 2)}, ValueError, "q, rows: .*at least 2, got 1"),
    ({"k": torch.zeros(7, 2)}, ValueError, "k, rows: .*at most 6"),
    ({"v": torch.zeros(4, 3)}, ValueError, "v, columns: .*at most 2"),
    ({"v": torch.zeros(4, 1)}, ValueError, "v, columns: .*at least 2"),
    ({"q": torch.zeros(4, 2), "k": torch.zeros(3, 2)}, ValueError, "k: expected 4 rows"),
    ({"tokens": 7}, ValueError, "tokens: .*at most 6"),
    ({"scaled": 1}, TypeError, "scaled: expected True or False"),
    ({"temperature": 0}, ValueError, "temperature: expected at least 0.1"),
    ({"mask": "window"}, ValueError, "mask: .*'padding'"),
    ({"length": 6}, ValueError, "length: .*at most 5"),
    ({"view": "side"}, ValueError, "view: .*'backward'"),
    ({"select": 3}, TypeError, r"select: expected \(row, column\), got 3"),
    ({"select": (5, 0)}, ValueError, "select, row: .*at most 4"),
]


@pytest.mark.parametrize(("data", "kind", "message"), WRONG)
def test_wrong_data_is_named(data, kind, message):
    rejected("attention", data, kind, message)


BEYOND = {
    "value": ({"q": [[100, 0]] * 6}, (-99, 100, 0.5)),
    "tokens": ({name: [[1, 2]] * 7 for name in "qkvg"}, (2, 7)),
    "length": ({"length": -1}, (-1, None)),
    "temperature": ({"temperature": 0.05}, (0.05, 5, 0.1)),
    "select": ({"select": (0, 2)}, (0, 2)),
}


def test_limits_are_those_of_the_figure(monkeypatch):
    follows_limits("attention", monkeypatch, BEYOND)
