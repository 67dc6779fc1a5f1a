"""What the figure "unrolled" accepts as data, and the errors that name what is wrong."""

import pytest
import torch
from schemas import follows_limits, page, rejected

from bigmodel_utils.live import LiveFigure


def test_a_network_may_be_tensors_and_completes_what_is_missing():
    rnn = torch.nn.RNN(2, 2)
    x = torch.rand(3, 2)
    state = {"W": rnn.weight_ih_l0, "U": rnn.weight_hh_l0, "b": rnn.bias_ih_l0}
    figure = LiveFigure("unrolled", data={**state, "x": x}, alt="A figure.")
    assert figure.data["U"] == rnn.weight_hh_l0.tolist()
    assert figure.data["b"] == rnn.bias_ih_l0.tolist()
    assert figure.data["g"] == [[0, 0], [0, 0], [1, 0.5]]
    lists = {key: value.tolist() for key, value in state.items()}
    expected = page("unrolled", {**state, "x": x})
    assert page("unrolled", {**lists, "x": x.tolist()}) == expected


WRONG = [
    ({"V": 1}, ValueError, "unrolled: unknown key 'V'; the keys are U, W, b, g, h0"),
    ({"x": [[1]]}, ValueError, "x, rows: .*at least 2, got 1"),
    ({"x": torch.zeros(9, 1)}, ValueError, "x, rows: .*at most 8"),
    ({"x": torch.zeros(4, 3)}, ValueError, "x, columns: .*at most 2"),
    ({"x": torch.zeros(4, 2)}, ValueError, r"W: expected shape \(2, 2\), got \(2, 1\)"),
    ({"U": [[1, 2, 3], [4, 5, 6]]}, ValueError, r"U: expected shape \(2, 2\)"),
    ({"b": [1]}, TypeError, r"b: expected a list of two numbers, got \[1\]"),
    ({"h0": [0, float("inf")]}, ValueError, r"h0\[0\]\[1\]: .*finite"),
    ({"h0": 3}, TypeError, "h0: expected a list of two numbers, got 3"),
    ({"g": [[1, 2]]}, ValueError, r"g: expected shape \(5, 2\), got \(1, 2\)"),
    ({"view": "both"}, ValueError, "view: .*'forward', 'backward'"),
    ({"step": 6}, ValueError, "step: .*at most 5, got 6"),
    ({"step": 0}, ValueError, "step: .*at least 1, got 0"),
]


@pytest.mark.parametrize(("data", "kind", "message"), WRONG)
def test_wrong_data_is_named(data, kind, message):
    rejected("unrolled", data, kind, message)


BEYOND = {
    "value": ({"b": [100, 0]}, (-99, 100, 0.1)),
    "steps": ({"x": [[1]] * 9}, (2, 9)),
    "inputs": ({"x": [[1, 2, 3]] * 5, "W": [[1, 2, 3]] * 2}, (1, 3)),
    "step": ({"step": 0}, (0, None)),
}


def test_limits_are_those_of_the_figure(monkeypatch):
    follows_limits("unrolled", monkeypatch, BEYOND)
