"""What the figure "number-formats" accepts as data, and the errors that name what is wrong."""

import pytest
import torch
from schemas import follows_limits, rejected

from bigmodel_utils.live import LiveFigure, _figure

DTYPES = {
    "float32": torch.float32,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
    "e5m2": torch.float8_e5m2,
    "e4m3": torch.float8_e4m3fn,
}


def test_data_are_completed():
    figure = LiveFigure("number-formats", data={"number": 3}, alt="Bits.")
    assert figure.data["format"] == "float16" and figure.data["number"] == 3.0
    assert figure.data["formats"]["e4m3"] == [4, 3, False]


def test_formats_are_those_of_pytorch():
    formats = _figure.modules()["number-formats"].FORMATS
    assert {name for name in formats if name not in DTYPES} == {"tf32"}
    for name, dtype in DTYPES.items():
        exponent, fraction, _ = formats[name]
        assert 1 + exponent + fraction == 8 * dtype.itemsize
        assert 2.0**-fraction == torch.finfo(dtype).eps


WRONG = [
    ({"format": "float64"}, ValueError, "format: expected one of 'float32'"),
    ({"number": "1"}, TypeError, "number: expected a number"),
    ({"number": 1e40}, ValueError, "number: .*at most"),
    ({"bits": 3}, ValueError, "unknown key 'bits'; the keys are format, number"),
]


@pytest.mark.parametrize(("data", "kind", "message"), WRONG)
def test_wrong_data_is_named(data, kind, message):
    rejected("number-formats", data, kind, message)


BEYOND = {"number": ({"number": 1e40}, (-1e41, 1e41, 1e37))}


def test_limits_are_those_of_the_figure(monkeypatch):
    follows_limits("number-formats", monkeypatch, BEYOND)
