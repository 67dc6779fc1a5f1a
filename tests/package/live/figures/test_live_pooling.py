"""What the figure "pooling" accepts as data, and the errors that name what is wrong."""

import pytest
from schemas import follows_limits, rejected

WRONG = [
    ({"mode": "min"}, ValueError, "mode: .*'max', 'average'"),
    ({"ties": "last"}, ValueError, "ties"),
    ({"preset": "none"}, ValueError, "preset"),
    ({"kernel_size": 6}, ValueError, "kernel_size"),
]


@pytest.mark.parametrize(("data", "kind", "message"), WRONG)
def test_wrong_data_is_named(data, kind, message):
    rejected("pooling", data, kind, message)


BEYOND = {
    "value": ({"input": [[-100]]}, (-100, 99, 0.5)),
    "input": ({"input": [[0] * 13]}, (1, 13)),
    "kernel_size": ({"kernel_size": 6}, (1, 6)),
    "stride": ({"stride": 6}, (1, 6)),
}


def test_limits_are_those_of_the_figure(monkeypatch):
    follows_limits("pooling", monkeypatch, BEYOND)
