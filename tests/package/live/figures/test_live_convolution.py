"""What the figure "convolution" accepts as data, and the errors that name what is wrong."""

import numpy as np
import pytest
import torch
from schemas import follows_limits, page, rejected


def test_matrices_may_be_arrays_or_tensors():
    image = [[0.5, 1, 2], [3, 4, -5.25]]
    expected = page("convolution", {"input": image})
    assert expected == page("convolution", {"input": np.array(image)})
    assert expected == page("convolution", {"input": torch.tensor(image)})


WRONG = [
    ({"strides": 2}, ValueError, "unknown key 'strides'; the keys are dilation"),
    ({"stride": 0}, ValueError, "stride: .*at least 1, got 0"),
    ({"stride": (1, 5)}, ValueError, "stride: .*at most 4, got 5"),
    ({"stride": 1.5}, TypeError, "stride: expected an integer"),
    ({"input": [1, 2]}, TypeError, "input: expected a matrix"),
    ({"input": []}, TypeError, "input: expected a matrix"),
    ({"input": [[1, 2], [3]]}, ValueError, r"one length, got lengths \[1, 2\]"),
    ({"input": torch.zeros(3, 13)}, ValueError, "input, columns: .*at most 12"),
    ({"kernel": torch.zeros(6, 2)}, ValueError, "kernel, rows: .*at most 5"),
    ({"kernel": [[float("nan")]]}, ValueError, r"kernel\[0\]\[0\]: .*finite"),
    ({"kernel": [["1"]]}, TypeError, r"kernel\[0\]\[0\]: expected a number"),
    ({"kernel": [[100]]}, ValueError, r"kernel\[0\]\[0\]"),
    ({"view": "sideways"}, ValueError, "view: .*'forward', 'backward'"),
    ({"select": (0, -1)}, ValueError, "select"),
]


@pytest.mark.parametrize(("data", "kind", "message"), WRONG)
def test_wrong_data_is_named(data, kind, message):
    rejected("convolution", data, kind, message)


BEYOND = {
    "value": ({"kernel": [[100]]}, (-99, 100, 0.5)),
    "input": ({"input": [[0] * 13]}, (1, 13)),
    "kernel": ({"kernel": [[0] * 6]}, (1, 6)),
    "stride": ({"stride": (1, 5)}, (1, 5)),
    "padding": ({"padding": -1}, (-1, 3)),
    "dilation": ({"dilation": 4}, (1, 4)),
}


def test_limits_are_those_of_the_figure(monkeypatch):
    follows_limits("convolution", monkeypatch, BEYOND)
