"""Length of the gradient of the last state with respect to earlier ones, by distance."""

from bigmodel_utils.live._schema import number, option, settings, whole
from bigmodel_utils.live._words import shared

__all__ = ["LIMITS", "NAME", "PARTS", "WORDS", "randoms", "schema"]

NAME = "gradient-distance"
PARTS = ("choice", "digits", "dial", "plot", "matrix", "random")
LIMITS = {
    "rho": (0.3, 1.5, 0.01),
    "window": (1, None),  # at most the steps
    "scale": (0, 3, 0.1),
    "distance": (0, None),  # less than the steps
    "steps": (10, 60),
    "units": (8, 8),  # as many as the radii below belong to
}
WORDS = {
    **shared("fallback", "reset", "range", "typed"),
    "rho": "spectral radius ρ of U",
    "window": "window k (steps)",
    **shared("all"),
    "whole": "Only whole steps.",
    "scale": "size of the inputs",
    "distance": "distance d (steps)",
    "matrix": "recurrent weights U",
    "rotation": "ρ × rotation",
    "random": "random {n}",
    "activation": "activation",
    "linear": "linear",
    "x_axis": "distance d from the last state (steps)",
    "y_axis": "length of the gradient, relative to d = 0",
    "plot": "Length of the gradient against distance, logarithmic; the slider below reads it.",
    "cut": "cut off: zero",
    "at": "Distance {d}: simulated",
    "closed": "closed form",
    "compared": "ρ to the power d:",
    "lost": "Outside the window: counted as zero.",
    "biased": "Window of {k} steps: the gradient of U is wrong by",
    "unbiased": "No window: the gradient of U is wrong by",
    "hint": "Dots: the gradient of the last state with respect to the state d steps before, "
    "through eight units. Dashed: ρ to the power d, exact for the linear rotation. The error "
    "of the gradient of U is relative to its length.",
}

_SEEDS = (1, 2, 3)
_DEFAULTS = {
    "rho": 0.9,
    "window": "all",
    "steps": 40,
    "matrix": "random 1",
    "activation": "tanh",
    "scale": 0.5,
    "distance": 10,
}


def schema(data):
    """Return the data that the script reads.

    ``rho``: spectral radius of U, 0.3 to 1.5; ``window``: 1 to ``steps``, or "all"; ``steps``: 10
    to 60; ``matrix``: "rotation", "random 1", "random 2" or "random 3"; ``activation``: "tanh" or
    "linear"; ``scale``: size of the inputs, 0 to 3; ``distance``: where the cursor is at first.
    """
    data = settings(NAME, data, _DEFAULTS)
    steps = whole("steps", data["steps"], LIMITS["steps"])
    window = steps if data["window"] == "all" else data["window"]
    matrices = ("rotation", *(f"random {seed}" for seed in _SEEDS))
    return {
        "rho": number("rho", data["rho"], LIMITS["rho"]),
        "window": whole("window", window, (LIMITS["window"][0], steps)),
        "steps": steps,
        "matrix": option("matrix", data["matrix"], matrices),
        "activation": option("activation", data["activation"], ("tanh", "linear")),
        "scale": number("scale", data["scale"], LIMITS["scale"]),
        "distance": whole("distance", data["distance"], (LIMITS["distance"][0], steps - 1)),
        "radii": [_spectral_radius(seed) for seed in _SEEDS],
    }


def randoms(seed, count):
    """Return ``count`` numbers from -1 to 1; ``host/random.js`` makes the same ones."""
    state, found = seed, []
    for _ in range(count):
        state = (state * 1664525 + 1013904223) % 2**32
        found.append(state / 2**31 - 1)
    return found


def _spectral_radius(seed):
    """Return that of the random matrix of this seed, to ten digits."""
    import torch

    units = LIMITS["units"][1]
    weights = torch.tensor(randoms(seed, units**2), dtype=torch.float64).view(units, units)
    return float(f"{torch.linalg.eigvals(weights).abs().max().item():.10g}")
