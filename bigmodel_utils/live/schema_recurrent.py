"""What the live figures about recurrent networks accept as data; see ``schema``."""

from .schema import keys, matrix

__all__ = ["SCHEMAS"]

MOST_STEPS = 8
MOST_RUN = 30
UNITS = 8
SEEDS = (1, 2, 3)
UNROLLED = {
    "x": [[1], [-0.5], [2], [0.5], [-1]],
    "W": [[0.8], [-0.5]],
    "U": [[0.6, -0.4], [0.9, 0.3]],
    "b": [0.1, -0.2],
    "h0": [0, 0.5],
    "g": [[0, 0], [0, 0], [0.5, -1], [0, 0], [1, 0.5]],
}


def shaped(name, value, rows, columns):
    """Return a matrix that must have exactly this shape."""
    found = matrix(name, value)
    shape = (len(found), len(found[0]))
    if shape != (rows, columns):
        raise ValueError(f"{name}: expected shape ({rows}, {columns}), got {shape}")
    return found


def two(name, value):
    """Return a vector of two numbers."""
    values = value.tolist() if hasattr(value, "tolist") else value
    if not isinstance(values, (list, tuple)) or len(values) != 2:
        raise TypeError(f"{name}: expected a list of two numbers, got {values!r:.60}")
    return matrix(name, [values])[0]


def unrolled(data):
    """A network of two units, h_t = tanh(W x_t + U h_{t-1} + b).

    ``x`` (t, d), two to eight steps of one or two numbers; ``W`` (2, d), ``U`` (2, 2), ``b``
    (2,), ``h0`` (2,); ``g`` (t, 2), the direct gradient of the loss with respect to each h_t: a
    row of zeros is a step that the loss does not read; ``view``: "forward" or "backward";
    ``step``: from 1 (default: where the view begins). With another ``x``, ``g`` is by default
    zero but for the last step, and with two inputs ``W`` is needed.
    """
    from bigmodel_utils.arguments import integer, one_of

    defaults = {**UNROLLED, "view": "forward", "step": None}
    keys("unrolled", data, defaults)
    x = matrix("x", data.get("x", UNROLLED["x"]), (MOST_STEPS, 2))
    steps = integer("x, rows", len(x), minimum=2)
    if steps != len(UNROLLED["x"]):
        defaults["g"] = [[0, 0]] * (steps - 1) + [[1, 0.5]]
    data = {**defaults, **data}
    step = data["step"]
    return {
        "x": x,
        "W": shaped("W", data["W"], 2, len(x[0])),
        "U": shaped("U", data["U"], 2, 2),
        "b": two("b", data["b"]),
        "h0": two("h0", data["h0"]),
        "g": shaped("g", data["g"], steps, 2),
        "view": one_of("view", data["view"], ("forward", "backward")),
        "step": None if step is None else integer("step", step, minimum=1, maximum=steps),
    }


def randoms(seed, count):
    """Return ``count`` numbers from -1 to 1; gradient_distance.js makes the same ones."""
    state, numbers = seed, []
    for _ in range(count):
        state = (state * 1664525 + 1013904223) % 2**32
        numbers.append(state / 2**31 - 1)
    return numbers


def spectral_radius(seed):
    """Return that of the random matrix of this seed, to ten digits."""
    import torch

    matrix = torch.tensor(randoms(seed, UNITS**2), dtype=torch.float64).view(UNITS, UNITS)
    return float(f"{torch.linalg.eigvals(matrix).abs().max().item():.10g}")


def gradient_distance(data):
    """Length of the gradient of the last state with respect to earlier ones.

    ``rho``: spectral radius of U, 0.3 to 1.5; ``window``: 1 to ``steps``, or "all"; ``steps``: 10
    to 60; ``matrix``: "rotation", "random 1", "random 2" or "random 3"; ``activation``: "tanh" or
    "linear"; ``scale``: size of the inputs, 0 to 3; ``distance``: where the cursor is at first.
    """
    from bigmodel_utils.arguments import integer, one_of, real

    defaults = {
        "rho": 0.9,
        "window": "all",
        "steps": 40,
        "matrix": "random 1",
        "activation": "tanh",
        "scale": 0.5,
        "distance": 10,
    }
    keys("gradient-distance", data, defaults)
    data = {**defaults, **data}
    steps = integer("steps", data["steps"], minimum=10, maximum=60)
    window = steps if data["window"] == "all" else data["window"]
    matrices = ("rotation", *(f"random {seed}" for seed in SEEDS))
    return {
        "rho": real("rho", data["rho"], minimum=0.3, maximum=1.5),
        "window": integer("window", window, minimum=1, maximum=steps),
        "steps": steps,
        "matrix": one_of("matrix", data["matrix"], matrices),
        "activation": one_of("activation", data["activation"], ("tanh", "linear")),
        "scale": real("scale", data["scale"], minimum=0, maximum=3),
        "distance": integer("distance", data["distance"], minimum=0, maximum=steps - 1),
        "radii": [spectral_radius(seed) for seed in SEEDS],
    }


def lstm_cell(data):
    """One LSTM cell of one unit, its gates held for a run of steps.

    ``f``, ``i``, ``o``: 0 to 1; ``g``: -1 to 1; ``c``: the cell before, -3 to 3; ``steps``: 1 to
    30.
    """
    from bigmodel_utils.arguments import integer, real

    defaults = {"f": 0.9, "i": 0.5, "g": 0.6, "o": 0.7, "c": -1, "steps": 20}
    keys("lstm-cell", data, defaults)
    data = {**defaults, **data}
    lowest = {"f": 0, "i": 0, "o": 0, "g": -1, "c": -3}
    found = {
        key: real(key, data[key], minimum=low, maximum=-low or 1) for key, low in lowest.items()
    }
    return {**found, "steps": integer("steps", data["steps"], minimum=1, maximum=MOST_RUN)}


SCHEMAS = {"unrolled": unrolled, "gradient-distance": gradient_distance, "lstm-cell": lstm_cell}
