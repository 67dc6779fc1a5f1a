"""Receptive field of a stack of layers along one axis, without padding."""

from bigmodel_utils.live._schema import both, option, settings, whole
from bigmodel_utils.live._words import shared

__all__ = ["LIMITS", "NAME", "PARTS", "WORDS", "schema"]

NAME = "receptive-field"
PARTS = ("choice", "matrix")
LIMITS = {"kernel_size": (1, 7), "stride": (1, 3), "dilation": (1, 4), "layers": (1, 6)}
WORDS = {
    **shared("fallback", "range", "kernel_size", "stride", "reset", whole=True),
    **shared("input", "dilation"),
    "preset": "stack",
    **shared("preset_own"),
    "preset_vgg": "VGG-like: 3, 3, pool 2, 3, 3",
    "preset_plain": "four 3-wide layers",
    "preset_dilated": "dilated 1, 2, 4",
    "preset_strided": "strided 2, 2, 1",
    "preset_gridding": "dilated 2, 2, 2 (holes)",
    "layer": "layer {l}",
    "add": "Add a layer",
    "remove": "remove layer {l}",
    "size": "size r",
    "jump": "jump j",
    "units": "units of every layer",
    "unit": "layer {l}, unit {i}, {n} paths to the chosen unit",
    "paths": "paths",
    "sees": "Unit {i} of layer {l} sees inputs {from} to {to}.",
    "size_2d": "Its receptive field is {r} wide; for an image {r}×{r} = {area} pixels.",
    "holes": "It never reads {n} of them.",
    "share": "In all, {total} paths lead to it; {most} inputs carry {percent} % of them.",
    "wide": "The receptive field is {r} wide ({r}×{r} = {area} pixels): "
    "too wide to draw, and the table still holds.",
    "hint": "Choose a unit of any layer. The number in a unit counts the paths from it to the "
    "chosen one: with equal weights, its share of the gradient. No padding.",
}

_LAYER = ("kernel_size", "stride", "dilation")
_STACKS = {
    "vgg": [[3, 1, 1], [3, 1, 1], [2, 2, 1], [3, 1, 1], [3, 1, 1]],
    "plain": [[3, 1, 1]] * 4,
    "dilated": [[3, 1, 1], [3, 1, 2], [3, 1, 4]],
    "strided": [[3, 2, 1], [3, 2, 1], [3, 1, 1]],
    "gridding": [[3, 1, 2], [3, 1, 2], [3, 1, 2]],
}


def schema(data):
    """Return the data that the script reads.

    ``layers``: one to six of (kernel_size, stride, dilation), or dicts with these keys; or
    ``preset``: "vgg", "plain", "dilated", "strided" or "gridding"; ``select``: (layer, unit) lit
    at first, layer 0 being the input (default: the middle unit of the last layer).
    """
    data = settings(NAME, data, {"layers": None, "preset": "vgg", "select": None})
    preset, layers = option("preset", data["preset"], tuple(_STACKS)), data["layers"]
    if layers is None:
        layers = _STACKS[preset]
    else:
        if not isinstance(layers, (list, tuple)):
            raise TypeError(f"layers: expected a list of layers, got {layers!r:.60}")
        layers = [_layer(f"layers[{i}]", value) for i, value in enumerate(layers)]
        whole("layers, how many", len(layers), LIMITS["layers"])
        preset = "own"
    select = data["select"]
    return {
        "presets": _STACKS,
        "preset": preset,
        "layers": layers,
        # The script reads LIMITS; these two stay because the figure's id is made from the data.
        "limits": [LIMITS[key][1] for key in _LAYER],
        "most": LIMITS["layers"][1],
        "select": None if select is None else both("select", select, (0, None)),
    }


def _layer(name, value):
    """Return one layer, a triple or a dict with PyTorch's names, as ``[k, s, d]``."""
    if isinstance(value, dict):
        layer = settings(name, value, dict.fromkeys(_LAYER, 1))
        if "kernel_size" not in value:
            raise ValueError(f"{name}: expected a kernel_size, got {value!r}")
        value = [layer[key] for key in _LAYER]
    if not isinstance(value, (list, tuple)) or len(value) != 3:
        raise TypeError(f"{name}: expected (kernel_size, stride, dilation), got {value!r}")
    return [whole(f"{name}, {key}", v, LIMITS[key]) for key, v in zip(_LAYER, value, strict=True)]
