"""What the figure "adapter" accepts as data, and the errors that name what is wrong."""

import pytest
from schemas import follows_limits, rejected

from bigmodel_utils.live import LiveFigure


def test_data_are_completed():
    figure = LiveFigure("adapter", data={"rank": 3}, alt="LoRA.")
    assert figure.data == {"inputs": 4096, "outputs": 4096, "layers": 64, "rank": 3}


WRONG = [
    ({"inputs": 0}, ValueError, "inputs: .*at least 1"),
    ({"outputs": 16385}, ValueError, "outputs: .*at most 16384"),
    ({"layers": 1.5}, TypeError, "layers: expected an integer"),
    ({"layers": 1001}, ValueError, "layers: .*at most 1000"),
    ({"rank": 513}, ValueError, "rank: .*at most 512"),
    ({"rank": True}, TypeError, "rank: expected an integer"),
    ({"alpha": 3}, ValueError, "unknown key 'alpha'; the keys are inputs, layers"),
]


@pytest.mark.parametrize(("data", "kind", "message"), WRONG)
def test_wrong_data_is_named(data, kind, message):
    rejected("adapter", data, kind, message)


BEYOND = {
    "inputs": ({"inputs": 0}, (0, 16384)),
    "outputs": ({"outputs": 16385}, (1, 20000)),
    "layers": ({"layers": 1001}, (1, 1001)),
    "rank": ({"rank": 513}, (1, 513)),
}


def test_limits_are_those_of_the_figure(monkeypatch):
    follows_limits("adapter", monkeypatch, BEYOND)
