"""A recurrent network of two units, unrolled: h_t = tanh(W x_t + U h_{t-1} + b)."""

from bigmodel_utils.live._schema import matrix, numbers, option, settings, shaped, whole
from bigmodel_utils.live._words import shared

__all__ = ["LIMITS", "NAME", "PARTS", "WORDS", "schema"]

NAME = "unrolled"
PARTS = ("matrix", "sums", "grid", "value", "explorer", "stepper")
LIMITS = {
    "value": (-99, 99, 0.1),
    "steps": (2, 8),
    "inputs": (1, 2),  # of a step
    "step": (1, None),  # at most as many as there are
}
WORDS = {
    **shared("fallback", "reset", "range", "cell", "lit", "value", "view", "forward", "backward"),
    "less": "lower the value by 0.1",
    "more": "raise the value by 0.1",
    "step": "step t",
    "at": "Step {step} of {steps}",
    **shared("first", "back", "next", "last"),
    "place": "row {row}, step {step}, value {value}",
    **shared("later"),
    "about_x": "input",
    "about_a": "pre-activation",
    "about_h": "hidden state",
    "about_W": "input",
    "about_U": "recurrent",
    "about_b": "bias",
    "about_h0": "start",
    "about_g": "direct",
    "about_through": "through time",
    "about_dh": "total at h",
    "about_norm": "its length",
    "about_da": "total at a",
    "grad": "so far",
    "loss": "read by the loss",
    "in_loss": "the loss reads step {step}",
    "hint_forward": "Drag a cell of x, W, U, b or h₀ up or down, or type a number, to change it.",
    "hint_backward": "Next goes back in time. Wide bar: length of the total gradient; thin "
    "bar: of its direct part. dW, dU, db: the sum so far and, small, what this step adds. "
    "g can be edited too.",
}

_DEFAULTS = {
    "x": [[1], [-0.5], [2], [0.5], [-1]],
    "W": [[0.8], [-0.5]],
    "U": [[0.6, -0.4], [0.9, 0.3]],
    "b": [0.1, -0.2],
    "h0": [0, 0.5],
    "g": [[0, 0], [0, 0], [0.5, -1], [0, 0], [1, 0.5]],
    "view": "forward",
    "step": None,
}


def schema(data):
    """Return the data that the script reads.

    ``x`` (t, d), two to eight steps of one or two numbers; ``W`` (2, d), ``U`` (2, 2), ``b``
    (2,), ``h0`` (2,); ``g`` (t, 2), the direct gradient of the loss with respect to each h_t: a
    row of zeros is a step that the loss does not read; ``view``: "forward" or "backward";
    ``step``: from 1 (default: where the view begins). With another ``x``, ``g`` is by default
    zero but for the last step, and with two inputs ``W`` is needed.
    """
    given, data = data, settings(NAME, data, _DEFAULTS)
    value = LIMITS["value"]
    x = matrix("x", data["x"], value, LIMITS["steps"], LIMITS["inputs"])
    steps = len(x)
    if "g" not in given and steps != len(_DEFAULTS["g"]):
        data["g"] = [[0, 0]] * (steps - 1) + [[1, 0.5]]
    step = data["step"]
    return {
        "x": x,
        "W": shaped("W", data["W"], value, (2, len(x[0]))),
        "U": shaped("U", data["U"], value, (2, 2)),
        "b": _two("b", data["b"]),
        "h0": _two("h0", data["h0"]),
        "g": shaped("g", data["g"], value, (steps, 2)),
        "view": option("view", data["view"], ("forward", "backward")),
        "step": None if step is None else whole("step", step, (LIMITS["step"][0], steps)),
    }


def _two(name, value):
    """Return a vector of two numbers."""
    values = numbers(value)
    if not isinstance(values, (list, tuple)) or len(values) != 2:
        raise TypeError(f"{name}: expected a list of two numbers, got {values!r:.60}")
    return shaped(name, [values], LIMITS["value"], (1, 2))[0]
