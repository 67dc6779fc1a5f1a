"""A valley with two curvatures and the path of an optimiser in it."""

from bigmodel_utils.live._schema import number, option, settings, whole
from bigmodel_utils.live._words import shared

__all__ = ["LIMITS", "METHODS", "NAME", "PARTS", "WORDS", "schema"]

NAME = "descent"
PARTS = ("choice", "digits", "dial", "plot")
METHODS = ("gradient", "momentum", "nesterov", "adam", "sign")
LIMITS = {
    "kappa": (1, 200),
    "rate": (0.01, 4, 0.01),  # times the largest curvature
    "beta": (0, 0.99, 0.01),
}
WORDS = {
    **shared("fallback", "reset", "range", "typed"),
    "method": "method",
    "gradient": "gradient descent",
    "momentum": "momentum",
    "nesterov": "Nesterov",
    "adam": "Adam",
    "sign": "sign descent",
    "kappa": "condition number",
    "rate": "rate times L",
    "beta": "momentum β",
    "best": "Best settings",
    "plot": "Lines of equal loss, and the path of an optimiser from the left to the middle.",
    "x_axis": "along the valley",
    "y_axis": "across",
    "shrinks": "A step shrinks the error by the factor {measured} in the long run.",
    "grows": "A step makes the error grow by the factor {measured} in the long run.",
    "formula": "The formula says {formula}.",
    "left": "After {steps} steps the error is {error}.",
    "no_formula": "Its steps do not shrink with the gradient: there is no such factor.",
    "hint": "The curvatures are 1 along and κ = L across. Momentum β does not change gradient "
    "descent and sign descent; Adam takes it for its mean, and 0.999 for its mean square.",
}

_DEFAULTS = {"method": "gradient", "kappa": 20, "rate": 1.8, "beta": 0.5}


def schema(data):
    """Return the data that the script reads.

    ``method``: one of ``METHODS``; ``kappa``: the condition number; ``rate``: learning rate times
    the largest curvature; ``beta``: momentum.
    """
    data = settings(NAME, data, _DEFAULTS)
    return {
        "method": option("method", data["method"], METHODS),
        "kappa": whole("kappa", data["kappa"], LIMITS["kappa"]),
        "rate": number("rate", data["rate"], LIMITS["rate"]),
        "beta": number("beta", data["beta"], LIMITS["beta"]),
    }
