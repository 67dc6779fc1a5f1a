"""What the figure "shapley" accepts as data, and the errors that name what is wrong."""

import pytest
import torch
from schemas import follows_limits, rejected

from bigmodel_utils.live import LiveFigure
from bigmodel_utils.live.figures.shapley.figure import GAMES


def test_games_are_those_that_their_names_say():
    worth = {name: dict(enumerate(values)) for name, values in GAMES.items()}
    assert worth["pair"][0b0011] == 8 and worth["pair"][0b0001] == worth["pair"][0b1000] == 0
    assert worth["gloves"][0b0001] == worth["gloves"][0b1110] == 0 < worth["gloves"][0b1001]
    assert worth["vote"][0b1110] == 12 and worth["vote"][0b0110] == 0 == worth["vote"][0b1001]
    additive = worth["additive"]
    assert all(additive[i] == sum(additive[i & 2**p] for p in range(4)) for i in range(16))


def test_own_values_come_first():
    own = torch.arange(16.0).view(4, 4)
    data = LiveFigure("shapley", data={"values": own}, alt="A figure.").data
    assert data["game"] == "own" and data["games"]["own"] == own.tolist()
    default = LiveFigure("shapley", alt="A figure.").data
    assert list(default["games"]) == list(GAMES) and default["game"] == "pair"


WRONG = [
    ({"worth": 1}, ValueError, "shapley: unknown key 'worth'; the keys are game, player, values"),
    ({"values": torch.zeros(2, 8)}, ValueError, r"values: expected shape \(4, 4\), got \(2, 8\)"),
    ({"values": [1, 2]}, TypeError, "values: expected a matrix"),
    ({"game": "own"}, ValueError, "game: .*'vote'"),
    ({"player": 4}, ValueError, "player: .*at most 3"),
]


@pytest.mark.parametrize(("data", "kind", "message"), WRONG)
def test_wrong_data_is_named(data, kind, message):
    rejected("shapley", data, kind, message)


BEYOND = {
    "value": ({"values": [[100] * 4] * 4}, (-99, 100, 0.5)),
    "player": ({"player": 4}, (0, 4)),
}


def test_limits_are_those_of_the_figure(monkeypatch):
    follows_limits("shapley", monkeypatch, BEYOND)
