"""What the figure "scaling" accepts as data, and the errors that name what is wrong."""

import pytest
from schemas import follows_limits, rejected

from bigmodel_utils.live import LiveFigure

LAW = ("a", 1.5, 400, 500.0, 0.3, 0.25)
DEVICE = ("b", 1e12)


def test_data_are_completed():
    data = {"laws": [LAW], "devices": [DEVICE], "device": 0}
    figure = LiveFigure("scaling", data=data, alt="A plan.")
    assert figure.data["laws"] == [["a", 1.5, 400.0, 500.0, 0.3, 0.25]]
    assert figure.data["devices"] == [["b", 1e12]] and figure.data["law"] == 0
    assert figure.data["budget"] == 23.8 and figure.data["size"] == 0


def law(**changes):
    place = {"name": 0, "E": 1, "A": 2, "B": 3, "alpha": 4, "beta": 5}
    row = list(LAW)
    for key, value in changes.items():
        row[place[key]] = value
    return {"laws": [tuple(row)]}


WRONG = [
    ({"laws": 3}, TypeError, "laws: expected a list"),
    ({"laws": []}, ValueError, "laws, number: .*at least 1"),
    ({"laws": [LAW[:5]]}, ValueError, r"laws\[0\]: expected \(name, E, A, B, alpha, beta\)"),
    (law(name=1), TypeError, r"laws\[0\], name: expected text"),
    (law(name=""), ValueError, r"laws\[0\], name, length: .*at least 1"),
    (law(E=-1), ValueError, r"laws\[0\], E: .*at least 0"),
    (law(A=0), ValueError, r"laws\[0\], A: .*at least"),
    (law(B="1"), TypeError, r"laws\[0\], B: expected a number"),
    (law(alpha=0), ValueError, r"laws\[0\], alpha: .*at least 0.01"),
    (law(beta=6), ValueError, r"laws\[0\], beta: .*at most 5"),
    ({"devices": [("a", 1, 1)]}, ValueError, r"devices\[0\]: expected \(name, FLOPs a second\)"),
    ({"devices": [("a", 0)]}, ValueError, r"devices\[0\], rate: .*at least 1"),
    ({"law": 2}, ValueError, "law: .*at most 1"),
    ({"device": 3}, ValueError, "device: .*at most 2"),
    ({"budget": 5}, ValueError, "budget: .*at least 6"),
    ({"size": 6}, ValueError, "size: .*at most 5"),
    ({"utilisation": 0}, ValueError, "utilisation: .*at least 0.05"),
    ({"machines": -1}, ValueError, "machines: .*at least 0"),
    ({"price": 21}, ValueError, "price: .*at most 20"),
    ({"flops": 3}, ValueError, "unknown key 'flops'; the keys are budget"),
]


@pytest.mark.parametrize(("data", "kind", "message"), WRONG)
def test_wrong_data_is_named(data, kind, message):
    rejected("scaling", data, kind, message)


BEYOND = {
    "budget": ({"budget": 5}, (5, 28, 0.1)),
    "size": ({"size": 6}, (-5, 6, 0.25)),
    "utilisation": ({"utilisation": 0.01}, (0.01, 1, 0.05)),
    "machines": ({"machines": 7}, (0, 7, 0.1)),
    "price": ({"price": 21}, (0, 21, 0.1)),
    "laws": ({"laws": [LAW] * 9}, (1, 9)),
    "devices": ({"devices": [DEVICE] * 9}, (1, 9)),
    "text": (law(name="x" * 41), (1, 41)),
    "floor": (law(E=-1), (-1, 100)),
    "factor": (law(A=0), (0, 1e12)),
    "exponent": (law(beta=6), (0.01, 6)),
    "rate": ({"devices": [("a", 0.5)], "device": 0}, (0.5, 1e18)),
}


def test_limits_are_those_of_the_figure(monkeypatch):
    follows_limits("scaling", monkeypatch, BEYOND)
