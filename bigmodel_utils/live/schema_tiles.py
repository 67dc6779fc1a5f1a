"""What the live figure about the online softmax accepts as data; see ``schema``."""

from .schema import keys, matrix

__all__ = ["SCHEMAS"]

MOST_KEYS = 12
SCORES = [1, -0.5, 2, 0.5, 3, 1, -1, 2.5]
VALUES = [2, -1, 0.5, 3, -2, 1, 4, 0]


def row(name, value):
    """Return a vector of 2 to 12 bounded numbers."""
    from bigmodel_utils.arguments import integer

    values = value.tolist() if hasattr(value, "tolist") else value
    nested = not isinstance(values, (list, tuple)) or any(
        isinstance(v, (list, tuple)) for v in values
    )
    if nested:
        raise TypeError(f"{name}: expected a list of numbers, got {value!r:.60}")
    integer(f"{name}, how many", len(values), minimum=2, maximum=MOST_KEYS)
    return matrix(name, [values])[0]


def online_softmax(data):
    """One query over its keys, read tile by tile.

    ``scores``: 2 to 12 numbers; ``values``: one for each score; ``tile``: keys of a tile;
    ``step``: how many tiles are read at first; ``rescale``: whether the past is rescaled when the
    maximum rises. With other scores, ``values`` is needed unless there are eight of them.
    """
    from bigmodel_utils.arguments import flag, integer

    defaults = {"scores": SCORES, "values": VALUES, "tile": 2, "step": 1, "rescale": True}
    keys("online-softmax", data, defaults)
    data = {**defaults, **data}
    scores, values = row("scores", data["scores"]), row("values", data["values"])
    if len(values) != len(scores):
        raise ValueError(f"values: expected {len(scores)}, one for each score, got {len(values)}")
    tile = integer("tile", data["tile"], minimum=1, maximum=len(scores))
    return {
        "scores": scores,
        "values": values,
        "tile": tile,
        "step": integer("step", data["step"], minimum=0, maximum=-(-len(scores) // tile)),
        "rescale": flag("rescale", data["rescale"]),
    }


SCHEMAS = {"online-softmax": online_softmax}
