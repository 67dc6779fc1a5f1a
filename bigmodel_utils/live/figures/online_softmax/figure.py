"""One query over its keys, read tile by tile: the online softmax."""

from bigmodel_utils.live._schema import numbers, settings, shaped, switch, whole
from bigmodel_utils.live._words import shared

__all__ = ["LIMITS", "NAME", "PARTS", "WORDS", "schema"]

NAME = "online-softmax"
PARTS = ("digits", "dial", "grid", "value", "explorer", "stepper")
LIMITS = {
    "value": (-99, 99, 0.5),
    "keys": (2, 12),
    "tile": (1, None),  # at most the keys
    "step": (0, None),  # at most the tiles
}
WORDS = {
    **shared("fallback", "reset", "lit", "cell", "value", "range", "typed", "less", "more"),
    "tile": "tile size (keys)",
    "step": "tiles read",
    "progress": "{step} of {steps}",
    **shared("first", "back", "next", "last"),
    "rescaling": "past",
    "rescaled": "rescaled",
    "forgotten": "not rescaled",
    "begin": "Nothing read yet",
    "at": "Tile {step} of {steps}: keys {first} to {last}",
    "same": "All at once, the softmax gives {dense}: the same.",
    "other": "All at once, the softmax gives {dense}: off by {off}.",
    "about_scores": "scores",
    "about_values": "values",
    "about_powers": "relative to the maximum so far",
    "about_m": "maximum",
    "about_r": "rescale factor",
    "about_l": "sum",
    "about_o": "accumulator",
    "key": "{name}, key {n}: {value}",
    "tile_at": "{name} after tile {n}: {value}",
    **shared("later"),
    "hint": "Drag a score or a value up or down, or type a number. Columns of the lower rows "
    "are tiles; choose one to go there.",
}

_DEFAULTS = {
    "scores": [1, -0.5, 2, 0.5, 3, 1, -1, 2.5],
    "values": [2, -1, 0.5, 3, -2, 1, 4, 0],
    "tile": 2,
    "step": 1,
    "rescale": True,
}


def schema(data):
    """Return the data that the script reads.

    ``scores``: 2 to 12 numbers; ``values``: one for each score; ``tile``: keys of a tile;
    ``step``: how many tiles are read at first; ``rescale``: whether the past is rescaled when the
    maximum rises. With other scores, ``values`` is needed unless there are eight of them.
    """
    data = settings(NAME, data, _DEFAULTS)
    scores, values = _row("scores", data["scores"]), _row("values", data["values"])
    if len(values) != len(scores):
        raise ValueError(f"values: expected {len(scores)}, one for each score, got {len(values)}")
    tile = whole("tile", data["tile"], (LIMITS["tile"][0], len(scores)))
    tiles = -(-len(scores) // tile)
    return {
        "scores": scores,
        "values": values,
        "tile": tile,
        "step": whole("step", data["step"], (LIMITS["step"][0], tiles)),
        "rescale": switch("rescale", data["rescale"]),
    }


def _row(name, value):
    """Return a vector of bounded numbers."""
    values = numbers(value)
    nested = not isinstance(values, (list, tuple)) or any(
        isinstance(v, (list, tuple)) for v in values
    )
    if nested:
        raise TypeError(f"{name}: expected a list of numbers, got {value!r:.60}")
    whole(f"{name}, how many", len(values), LIMITS["keys"])
    return shaped(name, [values], LIMITS["value"], (1, len(values)))[0]
