"""What each live figure accepts as data: checked, completed with defaults, ready for JSON."""

from .defaults import DISTINCT, IMAGE, KERNEL, STACKS, TIES

__all__ = ["SCHEMAS"]

# The checks come from `arguments`, which imports torch: imported when a figure is made, so that
# importing `bigmodel_utils.live` stays free of torch.

LARGEST_IMAGE = 12
LARGEST_KERNEL = 5
LARGEST_VALUE = 99
MOST_LAYERS = 6
LAYER_LIMITS = (7, 3, 4)  # kernel_size, stride, dilation


def keys(name, data, known):
    """Reject a key that the figure does not have."""
    for key in data:
        if key not in known:
            raise ValueError(
                f"{name}: unknown key {key!r}; the keys are {', '.join(sorted(known))}"
            )


def matrix(name, value, largest=(LARGEST_IMAGE, LARGEST_IMAGE)):
    """Return a nested list, array or tensor of bounded numbers as a list of equal rows."""
    from bigmodel_utils.arguments import integer, real

    rows = value.tolist() if hasattr(value, "tolist") else value
    nested = isinstance(rows, (list, tuple)) and all(isinstance(r, (list, tuple)) for r in rows)
    if not nested or not rows:
        raise TypeError(f"{name}: expected a matrix (a list of rows), got {rows!r:.60}")
    widths = sorted({len(row) for row in rows})
    if len(widths) > 1:
        raise ValueError(f"{name}: expected rows of one length, got lengths {widths}")
    integer(f"{name}, rows", len(rows), minimum=1, maximum=largest[0])
    integer(f"{name}, columns", widths[0], minimum=1, maximum=largest[1])

    def number(r, c, v):
        v = real(f"{name}[{r}][{c}]", v, minimum=-LARGEST_VALUE, maximum=LARGEST_VALUE)
        return int(v) if v.is_integer() else v

    return [[number(r, c, v) for c, v in enumerate(row)] for r, row in enumerate(rows)]


def both(name, value, minimum, maximum):
    """Return an integer or a pair of them, each within the limits, as ``[rows, columns]``."""
    from bigmodel_utils.arguments import integer, pair

    return [integer(name, v, minimum=minimum, maximum=maximum) for v in pair(name, value)]


def convolution(data):
    """One channel, no bias.

    ``input`` (at most 12 x 12) and ``kernel`` (at most 5 x 5); ``stride``, ``padding``,
    ``dilation``: an integer or (rows, columns); ``grad_output``: the upstream gradient (default:
    a fixed mix of halves); ``view``: "forward" or "backward"; ``select``: the output cell lit at
    first.
    """
    from bigmodel_utils.arguments import one_of

    defaults = {
        "input": IMAGE,
        "kernel": KERNEL,
        "stride": 1,
        "padding": 0,
        "dilation": 1,
        "grad_output": None,
        "view": "forward",
        "select": (1, 2),
    }
    keys("convolution", data, defaults)
    data = {**defaults, **data}
    return {
        "input": matrix("input", data["input"]),
        "kernel": matrix("kernel", data["kernel"], (LARGEST_KERNEL, LARGEST_KERNEL)),
        "stride": both("stride", data["stride"], 1, 4),
        "padding": both("padding", data["padding"], 0, 3),
        "dilation": both("dilation", data["dilation"], 1, 3),
        "grad_output": upstream(data["grad_output"]),
        "view": one_of("view", data["view"], ("forward", "backward")),
        "select": both("select", data["select"], 0, None),
    }


def upstream(value):
    """An upstream gradient may be absent (the figure then makes one) and as large as padded."""
    return None if value is None else matrix("grad_output", value, (18, 18))


def pooling(data):
    """Max or average pooling without padding.

    ``input`` (at most 12 x 12) or ``preset``: "ties" or "distinct"; ``mode``: "max" or "average";
    ``kernel_size``, ``stride``: an integer or (rows, columns), the stride by default the kernel
    size; ``ties``: "first" (as max_pool2d) or "split" (as amax); ``grad_output``, ``view`` and
    ``select`` as for the convolution.
    """
    from bigmodel_utils.arguments import one_of

    defaults = {
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
    keys("pooling", data, defaults)
    data = {**defaults, **data}
    presets = {"ties": TIES, "distinct": DISTINCT}
    one_of("preset", data["preset"], tuple(presets))
    if data["input"] is not None:
        presets = {"own": matrix("input", data["input"]), **presets}
    kernel_size = both("kernel_size", data["kernel_size"], 1, LARGEST_KERNEL)
    stride = kernel_size if data["stride"] is None else both("stride", data["stride"], 1, 5)
    return {
        "presets": presets,
        "preset": "own" if data["input"] is not None else data["preset"],
        "mode": one_of("mode", data["mode"], ("max", "average")),
        "kernel_size": kernel_size,
        "stride": stride,
        "ties": one_of("ties", data["ties"], ("first", "split")),
        "grad_output": upstream(data["grad_output"]),
        "view": one_of("view", data["view"], ("forward", "backward")),
        "select": both("select", data["select"], 0, None),
    }


def receptive_field(data):
    """A stack of layers along one axis, without padding.

    ``layers``: one to six of (kernel_size, stride, dilation), or dicts with these keys; or
    ``preset``, a key of ``STACKS``; ``select``: (layer, unit) lit at first, layer 0 being the
    input (default: the middle unit of the last layer).
    """
    from bigmodel_utils.arguments import integer, one_of

    defaults = {"layers": None, "preset": "vgg", "select": None}
    keys("receptive-field", data, defaults)
    data = {**defaults, **data}
    one_of("preset", data["preset"], tuple(STACKS))
    layers = STACKS[data["preset"]]
    if data["layers"] is not None:
        if not isinstance(data["layers"], (list, tuple)):
            raise TypeError(f"layers: expected a list of layers, got {data['layers']!r:.60}")
        layers = [layer(f"layers[{i}]", value) for i, value in enumerate(data["layers"])]
        integer("layers, how many", len(layers), minimum=1, maximum=MOST_LAYERS)
    select = data["select"]
    return {
        "presets": STACKS,
        "preset": data["preset"] if data["layers"] is None else "own",
        "layers": layers,
        "limits": LAYER_LIMITS,
        "most": MOST_LAYERS,
        "select": None if select is None else both("select", select, 0, None),
    }


def layer(name, value):
    """Return one layer, a triple or a dict with PyTorch's names, as ``[k, s, d]``."""
    from bigmodel_utils.arguments import integer

    names = ("kernel_size", "stride", "dilation")
    if isinstance(value, dict):
        keys(name, value, names)
        if "kernel_size" not in value:
            raise ValueError(f"{name}: expected a kernel_size, got {value!r}")
        value = [value.get(key, 1) for key in names]
    if not isinstance(value, (list, tuple)) or len(value) != 3:
        raise TypeError(f"{name}: expected (kernel_size, stride, dilation), got {value!r}")
    return [
        integer(f"{name}, {key}", v, minimum=1, maximum=limit)
        for key, v, limit in zip(names, value, LAYER_LIMITS, strict=True)
    ]


SCHEMAS = {
    "convolution": convolution,
    "pooling": pooling,
    "receptive-field": receptive_field,
}
