"""The tent map in the reader's hand, applied several times, beside a shallow network's fit."""

from bigmodel_utils.live._schema import number, settings, whole
from bigmodel_utils.live._words import shared

__all__ = ["LIMITS", "NAME", "PARTS", "WORDS", "schema"]

NAME = "folds"
PARTS = ("digits", "dial", "plot")
LIMITS = {
    "tip": (0.1, 0.9, 0.01),
    "height": (0.1, 1, 0.01),
    "folds": (1, 7),
    "units": (1, 64),
}
WORDS = {
    **shared("fallback", "reset", "range", "typed", "whole"),
    "tip": "place of the corner",
    "height": "height of the corner",
    "folds": "folds (layers of two units)",
    "units": "units of the shallow network",
    "same": "As many as the deep network",
    "x_axis": "input",
    "y_map": "one fold",
    "y_deep": "output",
    "map": "The tent: rises to its corner and falls to zero; dashed, the diagonal.",
    "plot": "The tent applied several times, and the best fit of the shallow network.",
    "deep": "Deep, {layers} layers: {units} units, {pieces} pieces.",
    "shallow": "Shallow, one layer: {units} units, mean error",
    "bound": "No network of one layer with so many units comes below {bound}.",
    "none": "The bound is for the corner in the middle at height 1.",
    "hint": "Solid: the deep network, exactly. Dashed: the shallow network, corners at equal "
    "distances, heights by least squares. Drag the corner of the tent, or use the sliders.",
}

_DEFAULTS = {"tip": 0.5, "height": 1, "folds": 3, "units": 6}


def schema(data):
    """Return the data that the script reads.

    ``tip`` and ``height``: the corner of the tent; ``folds``: how often it is applied; ``units``:
    of the shallow network.
    """
    data = settings(NAME, data, _DEFAULTS)
    return {
        **{key: number(key, data[key], LIMITS[key][:2]) for key in ("tip", "height")},
        **{key: whole(key, data[key], LIMITS[key]) for key in ("folds", "units")},
    }
