"""Max or average pooling without padding, and the way back of its gradient."""

from bigmodel_utils.live._schema import both, matrix, option, settings
from bigmodel_utils.live._words import shared

__all__ = ["LIMITS", "NAME", "PARTS", "WORDS", "schema"]

NAME = "pooling"
PARTS = ("choice", "matrix", "sums", "grid", "value", "explorer", "lights", "pair")
LIMITS = {
    "value": (-99, 99, 0.5),
    "input": (1, 12),  # rows and columns
    "kernel_size": (1, 5),
    "stride": (1, 5),
}
WORDS = {
    **shared("fallback", "range", "kernel_size", "stride", "reset", "too_large", whole=True),
    **shared("cell", "lit", "value", "less", "more", "rows", "columns", "input", "output"),
    **shared("grad_output", "grad_input", "view", "forward", "backward", "about_grad_output"),
    "preset": "input",
    **shared("preset_own"),
    "preset_ties": "with ties",
    "preset_distinct": "all different",
    "mode": "pooling",
    "max": "max",
    "average": "average",
    "ties": "ties",
    "first": "first (max_pool2d)",
    "split": "shared (amax)",
    "winner": "receives the gradient",
    "tied": "tied, receives no gradient",
    "routed": "passes {value} to {places}.",
    "about_input": "lies in the windows of the {n} lit output cells.",
    "kept": "Sum of G {above}, sum of dX {below}.",
    "hint_forward": "Choose an output cell to see its window. ★ takes the gradient; "
    "☆ is tied and takes none. Drag a cell of X up or down, or type a number, to change it.",
    "hint_backward": "Choose a cell of G to see where its gradient goes, or a cell of X to "
    "see where its gradient comes from.",
    **shared("real_range", whole=True),
}

# Windows with two, three and four equal maxima; and no two values of a window equal.
_PRESETS = {
    "ties": [
        [2, 2, 0, 5, 1, 1],
        [0, 1, 5, 5, 1, 1],
        [3, 0, 0, 0, 4, 2],
        [3, 3, 0, 0, 2, 4],
    ],
    "distinct": [
        [3, 1, 4, 1.5, 5, 9],
        [2, 6, 5.5, 3.5, 8, 7],
        [9.5, 0, 2.5, 8.5, 4.5, 6.5],
        [1, 7.5, 0.5, 5, 3, 2],
    ],
}
_DEFAULTS = {
    "input": None,
    "mode": "max",
    "kernel_size": 2,
    "stride": None,
    "ties": "first",
    "grad_output": None,
    "view": "forward",
    "select": (0, 0),
    "preset": "ties",
}


def schema(data):
    """Return the data that the script reads.

    ``input`` (at most 12 x 12) or ``preset``: "ties" or "distinct"; ``mode``: "max" or "average";
    ``kernel_size``, ``stride``: an integer or (rows, columns), the stride by default the kernel
    size; ``ties``: "first" (as max_pool2d) or "split" (as amax); ``grad_output``: the upstream
    gradient (default: a fixed mix of halves); ``view``: "forward" or "backward"; ``select``: the
    output cell lit at first.
    """
    data = settings(NAME, data, _DEFAULTS)

    def image(name):
        return matrix(name, data[name], LIMITS["value"], LIMITS["input"], LIMITS["input"])

    preset = option("preset", data["preset"], tuple(_PRESETS))
    own = {} if data["input"] is None else {"own": image("input")}
    kernel_size = both("kernel_size", data["kernel_size"], LIMITS["kernel_size"])
    return {
        "presets": {**own, **_PRESETS},
        "preset": "own" if own else preset,
        "mode": option("mode", data["mode"], ("max", "average")),
        "kernel_size": kernel_size,
        "stride": kernel_size
        if data["stride"] is None
        else both("stride", data["stride"], LIMITS["stride"]),
        "ties": option("ties", data["ties"], ("first", "split")),
        "grad_output": None if data["grad_output"] is None else image("grad_output"),
        "view": option("view", data["view"], ("forward", "backward")),
        "select": both("select", data["select"], (0, None)),
    }
