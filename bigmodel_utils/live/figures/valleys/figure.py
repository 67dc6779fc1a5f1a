"""Excess over learning rate for several widths, and the rule that lays the valleys together."""

import itertools

from bigmodel_utils.live._schema import number, numbers, settings, shaped, whole
from bigmodel_utils.live._words import shared

__all__ = ["LIMITS", "NAME", "PARTS", "WORDS", "schema"]

NAME = "valleys"
PARTS = ("choice", "digits", "dial", "plot")
LIMITS = {
    "sweeps": (1, 6),
    "text": (1, 40),  # characters of a name
    "widths": (2, 5),
    "width": (1, 1_000_000),
    "rates": (3, 12),
    "rate": (1e-6, 100),
    "excess": (1e-5, 100),
    "sweep": (1, None),  # at most the sweeps
    "power": (0, 1.5, 0.05),
}
WORDS = {
    **shared("fallback", "reset", "range", "typed"),
    "sweep": "trained with",
    "power": "exponent of the rule",
    "x_axis": "rate found at width {width} (scale of twos)",
    "y_axis": "excess (nats a token)",
    "plot": "Excess over learning rate, a line for each width, moved by the rule.",
    "width": "width {width}",
    "spread": "Read on this axis, the best rates of the widths differ by a factor of {factor}.",
    "carried": "The best rate of width {narrow}, {found}, becomes {rate} at width {wide} and gives "
    "{excess} nats there; the lowest run has {best}.",
    "beyond": "The rule leads beyond the rates that were tried; the nearest is read.",
    "hint": "Dots: measured, means over chains. Crosses: best rates, from parabolas. Between two "
    "rates the line is read in logarithms.",
}

# Made up: valleys whose best rate halves with each doubling of the width.
_DEFAULTS = {
    "sweeps": [("one rate", [[0.9, 0.3, 0.2, 0.3, 0.5], [1.0, 0.8, 0.25, 0.15, 0.25]])],
    "widths": [8, 16],
    "rates": [0.4, 0.2, 0.1, 0.05, 0.025],
    "sweep": 1,
    "power": 0,
}


def schema(data):
    """Return the data that the script reads.

    ``widths``: rising; ``rates``: each half of the one before; ``sweeps``: pairs
    ``(name, excess)`` with a row of numbers for each width, one a rate; ``sweep``: which is shown,
    from 1 on; ``power``: exponent of the rule.
    """
    data = settings(NAME, data, _DEFAULTS)
    widths = [whole("widths", w, LIMITS["width"]) for w in numbers(data["widths"])]
    whole("widths, number", len(widths), LIMITS["widths"])
    if sorted(set(widths)) != widths:
        raise ValueError(f"widths: expected rising numbers, got {widths}")
    rates = [number("rates", rate, LIMITS["rate"]) for rate in numbers(data["rates"])]
    whole("rates, number", len(rates), LIMITS["rates"])
    if any(abs(a / b - 2) > 1e-6 for a, b in itertools.pairwise(rates)):
        raise ValueError(f"rates: expected each half of the one before, got {rates}")
    whole("sweeps, number", len(data["sweeps"]), LIMITS["sweeps"])
    sweeps = []
    for name, rows in data["sweeps"]:
        if not isinstance(name, str):
            raise TypeError(f"sweeps: expected names, got {name!r:.60}")
        whole("sweeps, length of a name", len(name), LIMITS["text"])
        shape = (len(widths), len(rates))
        sweeps.append([name, shaped("sweeps", rows, LIMITS["excess"], shape)])
    return {
        "sweeps": sweeps,
        "widths": widths,
        "rates": rates,
        "sweep": whole("sweep", data["sweep"], (1, len(sweeps))),
        "power": number("power", data["power"], LIMITS["power"]),
    }
