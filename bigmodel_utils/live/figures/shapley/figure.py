"""Shapley values of a game of four players, whose sixteen coalitions can be edited."""

from bigmodel_utils.live._schema import option, settings, shaped, whole
from bigmodel_utils.live._words import shared

__all__ = ["GAMES", "LIMITS", "NAME", "PARTS", "WORDS", "schema"]

NAME = "shapley"
PARTS = ("choice", "sums", "grid", "value", "explorer")
LIMITS = {"value": (-99, 99, 0.5), "player": (0, 3)}
WORDS = {
    **shared("fallback", "reset", "range", "cell", "lit", "value", "less", "more", "preset_own"),
    "game": "game",
    "preset_pair": "A and B need each other",
    "preset_gloves": "one left glove, three right",
    "preset_vote": "a vote with weights 3, 2, 2, 1",
    "preset_additive": "each brings its own",
    "a": "A",
    "b": "B",
    "c": "C",
    "d": "D",
    "nobody": "∅",
    "values": "of a coalition",
    "phi": "Shapley values",
    "first": "gain when joining first",
    "last": "gain when joining last",
    "worth": "worth {value}",
    "sum": "The four Shapley values add up to {sum}, the value of all less that of nobody. Joining "
    "first adds up to {first}, joining last to {last}.",
    "hint": "Drag a number of v up or down, or type one. Choose a player in the row φ to see what "
    "its share is made of: the weight of an order times what the player adds there.",
}

# v of a coalition: A counts 1, B 2, C 4 and D 8 in the index.
_MEMBERS = [[bool(i & 2**p) for p in range(4)] for i in range(16)]
GAMES = {
    "pair": [8 * (a and b) + 2 * c for a, b, c, _ in _MEMBERS],
    "gloves": [6 * (a and (b or c or d)) for a, b, c, d in _MEMBERS],
    "vote": [12 * (3 * a + 2 * b + 2 * c + d > 4) for a, b, c, d in _MEMBERS],
    "additive": [4 * a + 3 * b + 2 * c - d for a, b, c, d in _MEMBERS],
}
_DEFAULTS = {"values": None, "game": None, "player": 0}


def schema(data):
    """Return the data that the script reads.

    ``values`` (4, 4): a game of one's own, with A and B in the column (nobody, A, B, both) and C
    and D in the row; ``game``: the one shown at first, of ``GAMES`` or "own"; ``player``: whose
    share is explained at first, 0 to 3.
    """
    data = settings(NAME, data, _DEFAULTS)
    games = {name: [values[4 * r : 4 * r + 4] for r in range(4)] for name, values in GAMES.items()}
    games = {name: [[int(v) for v in row] for row in rows] for name, rows in games.items()}
    if data["values"] is not None:
        games = {"own": shaped("values", data["values"], LIMITS["value"], (4, 4)), **games}
    game = next(iter(games)) if data["game"] is None else data["game"]
    return {
        "games": games,
        "game": option("game", game, list(games)),
        "player": whole("player", data["player"], LIMITS["player"]),
    }
