"""What the figure "convolution" accepts as data, and the errors that name what is wrong."""

import numpy as np
import pytest
import torch
from schemas import follows_limits, page, rejected

from bigmodel_utils.live._figure import modules


def test_matrices_may_be_arrays_or_tensors():
    image = [[0.5, 1, 2], [3, 4, -5.25]]
    expected = page("convolution", {"input": image})
    assert expected == page("convolution", {"input": np.array(image)})
    assert expected == page("convolution", {"input": torch.tensor(image)})


WRONG = [
    ({"strides": 2}, ValueError, "unknown key 'strides'; the keys are channels, dilation"),
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
    ({"channels": 4}, ValueError, "channels: .*at most 3, got 4"),
    ({"channels": 1.5}, TypeError, "channels: expected an integer"),
    ({"input": torch.zeros(4, 2, 2)}, ValueError, "input, channels: .*at most 3, got 4"),
    ({"input": [[[1, 2]], [[1], [2]]]}, ValueError, r"input\[1\]: expected shape \(1, 2\)"),
    ({"kernel": [[[1]], [2]]}, TypeError, r"kernel\[1\]: expected a matrix"),
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
    "channels": ({"channels": 4}, (1, 4)),
}


def test_limits_are_those_of_the_figure(monkeypatch):
    follows_limits("convolution", monkeypatch, BEYOND)


def test_channels_are_as_many_as_are_given():
    image, kernel = torch.randn(2, 3, 4), torch.randn(3, 2, 2)
    assert modules()["convolution"].schema({"input": image})["channels"] == 2
    data = modules()["convolution"].schema({"input": image, "kernel": kernel})
    assert data["channels"] == 3 and len(data["input"]) == 2 and len(data["kernel"]) == 3
    assert modules()["convolution"].schema({"input": image, "channels": 1})["channels"] == 1
    assert modules()["convolution"].schema({"input": image[:1]}) == modules()["convolution"].schema(
        {"input": image[0]}
    )


def test_one_channel_keeps_the_address_of_a_figure_older_than_channels():
    assert page("convolution", {}) == page("convolution", {"channels": 1})
    assert 'id="live-convolution-a34bdbe4"' in page("convolution", {})
