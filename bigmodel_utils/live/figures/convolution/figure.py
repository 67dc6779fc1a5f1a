"""Convolution explorer: one to three channels in, one out, no bias."""

from bigmodel_utils.live._schema import both, matrix, numbers, option, settings, shaped, whole
from bigmodel_utils.live._words import shared

__all__ = ["LIMITS", "NAME", "PARTS", "WORDS", "schema"]

NAME = "convolution"
PARTS = ("matrix", "sums", "grid", "value", "explorer", "lights", "pair")
LIMITS = {
    "value": (-99, 99, 0.5),
    "input": (1, 12),  # rows and columns, as of the kernel
    "kernel": (1, 5),
    "stride": (1, 4),
    "padding": (0, 3),
    "dilation": (1, 3),
    "channels": (1, 3),  # of the input
}
WORDS = {
    **shared("fallback", "range", "kernel_size", "stride", "reset", "too_large", whole=True),
    **shared("cell", "lit", "value", "less", "more", "rows", "columns", "input", "output"),
    **shared("grad_output", "grad_input", "view", "forward", "backward", "about_grad_output"),
    "kernel": "kernel",
    **shared("dilation"),
    "grad_weight": "gradient of the kernel",
    **shared("padding"),
    "output_size": "Output size:",
    "channels": "channels",
    "about_input": "is read by the {n} lit output cells.",
    "about_kernel": "is shared: it serves all {n} output cells.",
    "hint_forward": "Choose an output cell to see its products. Drag a cell of X or W up or "
    "down, or type a number, to change it.",
    "hint_backward": "Choose a cell of X or W to see where its gradient comes from. "
    "G can be edited too.",
    **shared("real_range", whole=True),
}

# Not square, so that rows and columns cannot be exchanged unseen.
_IMAGE = [
    [0, 0, 1, 3, 2, 0, 0],
    [0, 1, 4, 5, 4, 1, 0],
    [0, 2, 5, 6, 5, 3, 0],
    [0, 1, 4, 6, 6, 4, 1],
    [0, 0, 2, 4, 5, 3, 1],
    [0, 0, 0, 1, 2, 1, 0],
]
_DEFAULTS = {
    "input": _IMAGE,
    "kernel": [[1, -1], [2, -2], [1, -1]],
    "stride": 1,
    "padding": 0,
    "dilation": 1,
    "grad_output": None,
    "view": "forward",
    "select": (1, 2),
    "channels": None,
}


def schema(data):
    """Return the data that the script reads.

    ``input`` (at most 12 x 12) and ``kernel`` (at most 5 x 5): a matrix, or a list of up to three,
    one for each channel; ``channels``: how many are shown at first (default: as many as are
    given), one that is not given is the first with its rows moved up; ``stride``, ``padding``,
    ``dilation``: an integer or (rows, columns); ``grad_output``: the upstream gradient (default:
    a fixed mix of halves); ``view``: "forward" or "backward"; ``select``: the output cell lit at
    first.
    """
    data = settings(NAME, data, _DEFAULTS)
    largest = (1, LIMITS["input"][1] + 2 * LIMITS["padding"][1])  # of an output
    upstream = data["grad_output"]
    planes = {key: _planes(key, data[key]) for key in ("input", "kernel")}
    given = max(map(len, planes.values()))
    shown = given if data["channels"] is None else data["channels"]
    shown = whole("channels", shown, LIMITS["channels"])
    # One channel is written as a matrix, as before there were several: the figure keeps its id.
    single = shown == given == 1
    return {
        **{key: some[0] if len(some) == 1 else some for key, some in planes.items()},
        "stride": both("stride", data["stride"], LIMITS["stride"]),
        "padding": both("padding", data["padding"], LIMITS["padding"]),
        "dilation": both("dilation", data["dilation"], LIMITS["dilation"]),
        "grad_output": None
        if upstream is None
        else matrix("grad_output", upstream, LIMITS["value"], largest, largest),
        "view": option("view", data["view"], ("forward", "backward")),
        "select": both("select", data["select"], (0, None)),
        **({} if single else {"channels": shown}),
    }


def _planes(name, value):
    """Return a matrix, or one for each channel, all of one shape, as a list of matrices."""
    value = numbers(value)
    nested = isinstance(value, (list, tuple)) and value and isinstance(value[0], (list, tuple))
    if not nested or not value[0] or not isinstance(value[0][0], (list, tuple)):
        return [matrix(name, value, LIMITS["value"], LIMITS[name], LIMITS[name])]
    whole(f"{name}, channels", len(value), LIMITS["channels"])
    planes = [
        matrix(f"{name}[{c}]", plane, LIMITS["value"], LIMITS[name], LIMITS[name])
        for c, plane in enumerate(value)
    ]
    shape = (len(planes[0]), len(planes[0][0]))
    for c, plane in enumerate(planes):
        shaped(f"{name}[{c}]", plane, LIMITS["value"], shape)
    return planes
