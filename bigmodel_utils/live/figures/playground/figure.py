"""A network with one hidden layer, trained in the page on points of the plane."""

from bigmodel_utils.live._schema import number, option, settings, whole
from bigmodel_utils.live._words import shared

__all__ = ["LIMITS", "NAME", "PARTS", "POINTS", "WORDS", "schema"]

NAME = "playground"
PARTS = ("digits", "choice", "dial", "plot", "random")
LIMITS = {"width": (1, 8), "rate": (0.1, 5, 0.1), "seed": (1, 9)}
# Points of two classes, [across, up, class], drawn once.
POINTS = {
    "moons": [
        [0.38, -0.32, 0], [-0.43, -0.02, 1], [0.46, -0.25, 0], [-0.36, 0.04, 1], [0.56, 0.11, 0],
        [-0.38, -0.19, 1], [0.28, 0.34, 0], [-0.48, -0.36, 1], [0.33, 0.49, 0], [-0.30, -0.26, 1],
        [0.16, 0.55, 0], [-0.13, -0.66, 1], [-0.02, 0.69, 0], [0.18, -0.72, 1], [-0.10, 0.88, 0],
        [0.32, -0.83, 1], [-0.33, 1.11, 0], [0.12, -0.90, 1], [-0.35, 1.12, 0], [0.33, -1.14, 1],
        [-0.51, 0.84, 0], [0.54, -0.85, 1], [-0.71, 0.90, 0], [0.69, -0.74, 1], [-0.73, 0.81, 0],
        [0.84, -0.74, 1], [-0.97, 0.62, 0], [0.98, -0.62, 1], [-1.16, 0.58, 0], [1.17, -0.62, 1],
        [-1.26, 0.29, 0], [1.44, -0.46, 1], [-1.44, 0.42, 0], [1.38, -0.33, 1], [-1.32, 0.39, 0],
        [1.48, -0.00, 1], [-1.26, -0.12, 0], [1.42, 0.10, 1], [-1.67, -0.23, 0], [1.63, 0.31, 1],
    ],
    "circle": [
        [0.36, -1.18, 0], [0.52, 0.12, 1], [0.84, 0.54, 0], [-0.40, -0.34, 1], [-0.68, 1.07, 0],
        [-0.30, -0.09, 1], [-0.38, 0.85, 0], [0.19, 0.10, 1], [-0.48, -1.20, 0], [0.06, 0.10, 1],
        [1.09, -0.09, 0], [-0.22, 0.15, 1], [-1.02, -0.68, 0], [-0.34, 0.10, 1], [1.19, 0.43, 0],
        [0.38, 0.08, 1], [0.48, -0.77, 0], [-0.06, -0.53, 1], [-0.82, -0.88, 0], [0.28, 0.23, 1],
        [0.73, 0.99, 0], [-0.10, 0.36, 1], [1.23, -0.01, 0], [0.37, -0.06, 1], [-1.18, 0.09, 0],
        [-0.29, 0.04, 1], [-0.75, 0.52, 0], [-0.39, 0.38, 1], [1.10, -0.28, 0], [-0.32, 0.00, 1],
        [0.82, 0.52, 0], [0.10, -0.50, 1], [-0.77, 0.92, 0], [0.07, -0.45, 1], [-0.61, -1.02, 0],
        [-0.30, 0.35, 1], [-0.21, 1.05, 0], [0.06, -0.45, 1], [-0.35, 1.23, 0], [-0.25, -0.34, 1],
    ],
    "xor": [
        [0.16, 0.75, 1], [-0.43, -0.89, 1], [0.66, -1.05, 0], [-0.86, 1.03, 0], [0.53, 0.86, 1],
        [-0.96, -1.06, 1], [0.54, -1.08, 0], [-1.11, 0.91, 0], [1.22, 1.20, 1], [-0.72, -0.73, 1],
        [0.33, -1.07, 0], [-1.18, 0.67, 0], [0.91, 0.94, 1], [-0.95, -0.34, 1], [1.01, -0.79, 0],
        [-0.88, 0.61, 0], [0.84, 1.00, 1], [-0.85, -0.94, 1], [0.18, -0.33, 0], [-0.64, 0.87, 0],
        [0.39, 0.90, 1], [-0.84, -0.20, 1], [0.67, -0.40, 0], [-0.21, 0.30, 0], [0.50, 0.35, 1],
        [-0.36, -0.19, 1], [0.66, -0.57, 0], [-0.82, 0.80, 0], [0.41, 1.14, 1], [-0.15, -0.60, 1],
        [0.46, -0.60, 0], [-0.28, 1.06, 0], [0.56, 0.19, 1], [-0.82, -0.25, 1], [0.75, -0.52, 0],
        [-0.79, 1.20, 0], [1.05, 0.61, 1], [-1.04, -0.86, 1], [0.56, -0.31, 0], [-0.81, 0.77, 0],
    ],
}  # fmt: skip
WORDS = {
    **shared("fallback", "reset", "typed"),
    **shared("range", whole=True),
    **shared("real_range", whole=True),
    "set": "points",
    "preset_moons": "two moons",
    "preset_circle": "circle",
    "preset_xor": "four corners",
    "activation": "activation",
    "tanh": "tanh",
    "relu": "ReLU",
    "width": "hidden units",
    "rate": "rate",
    "seed": "start",
    "one": "1 step",
    "ten": "10 steps",
    "run": "Run",
    "pause": "Pause",
    "plane": "The plane after {step} steps: {right} of {all} points are on the right side.",
    "curve": "loss after each step",
    "x_axis": "step",
    "y_axis": "loss",
    "state": "After {step} steps:",
    "loss": "loss",
    "gradient": "length of the gradient",
    "right": "{right} of {all} points on the right side.",
    "diverged": "The loss is no longer a number: the rate is too high.",
    "hint": "Colour: the class that the network sees there, the fainter the less sure. Dashed: "
    "where the sum of a hidden unit is zero. Each step is gradient descent on all points.",
}

_DEFAULTS = {"set": "moons", "activation": "tanh", "width": 3, "rate": 1, "seed": 1}


def schema(data):
    """Return the data that the script reads.

    ``set``: "moons", "circle" or "xor"; ``activation``: "tanh" or "relu"; ``width``: 1 to 8 hidden
    units; ``rate``: 0.1 to 5; ``seed``: 1 to 9, which weights it starts with.
    """
    data = settings(NAME, data, _DEFAULTS)
    return {
        "set": option("set", data["set"], list(POINTS)),
        "activation": option("activation", data["activation"], ["tanh", "relu"]),
        "width": whole("width", data["width"], LIMITS["width"]),
        "rate": number("rate", data["rate"], LIMITS["rate"]),
        "seed": whole("seed", data["seed"], LIMITS["seed"]),
        "points": POINTS,
    }
