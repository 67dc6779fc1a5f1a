"""What the figure "planner" accepts as data, and the errors that name what is wrong."""

import pytest
from schemas import follows_limits, rejected

from bigmodel_utils.live import LiveFigure

DEVICE = ("a", 1e12, 2e12, 8e9, 100)


def test_data_are_completed():
    figure = LiveFigure("planner", data={"devices": [DEVICE], "device": 0}, alt="A plan.")
    assert figure.data["devices"] == [["a", 1e12, 2e12, 8e9, 100.0]]
    assert figure.data["layers"] == 12 and figure.data["precision"] == "mixed"


WRONG = [
    ({"devices": 3}, TypeError, "devices: expected a list"),
    ({"devices": []}, ValueError, "devices, number: .*at least 1"),
    ({"devices": [DEVICE[:4]]}, ValueError, r"devices\[0\]: expected \(name, float32"),
    ({"devices": [(1, *DEVICE[1:])]}, TypeError, r"devices\[0\], name: expected text"),
    ({"devices": [("", *DEVICE[1:])]}, ValueError, r"devices\[0\], name, length"),
    ({"devices": [("a", 0, 1, 1, 1)]}, ValueError, r"devices\[0\], rate: .*at least 1"),
    ({"devices": [("a", 1, 1, 0, 1)]}, ValueError, r"devices\[0\], memory: .*at least 1"),
    ({"devices": [("a", 1, 1, 1, 0)]}, ValueError, r"devices\[0\], watts: .*at least 1"),
    ({"device": 3}, ValueError, "device: .*at most 2"),
    ({"layers": 0}, ValueError, "layers: .*at least 1"),
    ({"width": 32}, ValueError, "width: .*at least 64"),
    ({"rows": 1.5}, TypeError, "rows: expected an integer"),
    ({"positions": 8}, ValueError, "positions: .*at least 16"),
    ({"tokens": 15}, ValueError, "tokens: .*at most 14"),
    ({"utilisation": 0}, ValueError, "utilisation: .*at least 0.05"),
    ({"precision": "int8"}, ValueError, "precision: expected one of 'float32'"),
    ({"attention": "flash"}, ValueError, "attention: expected one of 'plain'"),
    ({"heads": 3}, ValueError, "unknown key 'heads'; the keys are attention"),
]


@pytest.mark.parametrize(("data", "kind", "message"), WRONG)
def test_wrong_data_is_named(data, kind, message):
    rejected("planner", data, kind, message)


BEYOND = {
    "layers": ({"layers": 0}, (0, 128)),
    "width": ({"width": 32}, (32, 16_384, 32)),
    "rows": ({"rows": 0}, (0, 512)),
    "positions": ({"positions": 8}, (8, 8192, 8)),
    "tokens": ({"tokens": 15}, (6, 15, 0.1)),
    "utilisation": ({"utilisation": 0.01}, (0.01, 1, 0.05)),
    "devices": ({"devices": [DEVICE] * 9}, (1, 9)),
    "text": ({"devices": [("x" * 41, *DEVICE[1:])], "device": 0}, (1, 41)),
    "rate": ({"devices": [("a", 0.5, 1, 1, 1)], "device": 0}, (0.5, 1e18)),
    "memory": ({"devices": [("a", 1, 1, 0.5, 1)], "device": 0}, (0.5, 1e15)),
    "watts": ({"devices": [("a", 1, 1, 1, 0.5)], "device": 0}, (0.5, 1e5)),
}


def test_limits_are_those_of_the_figure(monkeypatch):
    follows_limits("planner", monkeypatch, BEYOND)
