"""What the figure "receptive-field" accepts as data, and the errors that name what is wrong."""

import pytest
from schemas import follows_limits, page, rejected


def test_layers_may_be_triples_or_dicts():
    layers = [(3, 2, 1), (2, 1, 1)]
    named = [{"kernel_size": 3, "stride": 2}, {"kernel_size": 2}]
    assert page("receptive-field", {"layers": layers}) == page("receptive-field", {"layers": named})


WRONG = [
    ({"layers": [(3, 1)]}, TypeError, r"layers\[0\]: expected \(kernel_size"),
    ({"layers": [(3, 1, 9)]}, ValueError, r"layers\[0\], dilation"),
    ({"layers": [{"stride": 2}]}, ValueError, "expected a kernel_size"),
    ({"layers": [(3, 1, 1)] * 7}, ValueError, "layers, how many"),
    ({"layers": []}, ValueError, "layers, how many"),
    ({"layers": 3}, TypeError, "layers: expected a list"),
]


@pytest.mark.parametrize(("data", "kind", "message"), WRONG)
def test_wrong_data_is_named(data, kind, message):
    rejected("receptive-field", data, kind, message)


BEYOND = {
    "kernel_size": ({"layers": [(8, 1, 1)]}, (1, 8)),
    "stride": ({"layers": [(3, 4, 1)]}, (1, 4)),
    "dilation": ({"layers": [(3, 1, 0)]}, (0, 4)),
    "layers": ({"layers": [(3, 1, 1)] * 7}, (1, 7)),
}


def test_limits_are_those_of_the_figure(monkeypatch):
    follows_limits("receptive-field", monkeypatch, BEYOND)
