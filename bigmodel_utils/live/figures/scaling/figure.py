"""What a budget of FLOPs buys under a scaling law: size, tokens, predicted loss, time, cost."""

from bigmodel_utils.live._schema import number, numbers, settings, whole
from bigmodel_utils.live._words import shared

__all__ = ["LIMITS", "NAME", "PARTS", "WORDS", "schema"]

NAME = "scaling"
PARTS = ("choice", "digits", "dial", "plot")
LIMITS = {
    "budget": (6, 28, 0.1),  # powers of ten, FLOPs
    "size": (-5, 5, 0.25),  # powers of two, of the best number of parameters
    "utilisation": (0.05, 1, 0.05),
    "machines": (0, 6, 0.1),  # powers of ten
    "price": (0, 20, 0.1),  # of a device-hour
    "laws": (1, 8),
    "devices": (1, 8),
    "text": (1, 40),
    "floor": (0, 100),  # E
    "factor": (1e-6, 1e12),  # A, B
    "exponent": (0.01, 5),  # alpha, beta
    "rate": (1, 1e18),
}
WORDS = {
    **shared("fallback", "reset", "range", "typed"),
    "law": "law",
    "device": "kind of device",
    "budget": "budget in FLOPs, power of ten",
    "size": "parameters, powers of two from the best",
    "utilisation": "used share of the peak",
    "machines": "devices, power of ten",
    "price": "dollars for a device-hour",
    "x_axis": "parameters N",
    "y_axis": "predicted loss (nats a token)",
    "plot": "The loss at this budget over the number of parameters, its lowest point and yours.",
    "model": "{n} parameters, {d} tokens: {ratio} tokens a parameter.",
    "best": "Predicted loss {loss}, the lowest at this budget.",
    "worse": "Predicted loss {loss}, {more} more than the lowest at this budget.",
    "floor": "The floor E is {floor}.",
    "time": "{count} devices take {time}, for {cost} dollars.",
    "hint": "Along the curve the budget stays: a larger model reads fewer tokens, C = 6 N D. "
    "Filled dot: the best size. Ring: yours. Peak numbers are the makers', in bfloat16; the share "
    "of the peak and the price are yours to assume. Far from the sizes that a law was fitted to, "
    "it says what would be if it held there.",
}

_DEFAULTS = {
    "laws": [
        ("Besiroglu 2024", 1.8172, 482.01, 2085.43, 0.3478, 0.3658),
        ("Hoffmann 2022, as printed", 1.69, 406.4, 410.7, 0.34, 0.28),
    ],
    "law": 0,
    "devices": [("1e11", 1e11), ("A100", 312e12), ("H100", 989e12)],
    "device": 2,
    "budget": 23.8,
    "size": 0,
    "utilisation": 0.4,
    "machines": 3,
    "price": 2,
}


def schema(data):
    """Return the data that the script reads.

    ``laws``: 1 to 8 of ``(name, E, A, B, alpha, beta)`` for L = E + A N^-alpha + B D^-beta;
    ``devices``: 1 to 8 of ``(name, FLOPs a second)``; ``law``, ``device``: those chosen, from 0
    on; ``budget`` and ``machines``: powers of ten; ``size``: a power of two times the best number
    of parameters; ``utilisation``: share of the peak; ``price``: of a device-hour.
    """
    data = settings(NAME, data, _DEFAULTS)
    laws = _rows("laws", data["laws"], "E, A, B, alpha, beta")
    devices = _rows("devices", data["devices"], "FLOPs a second")
    found = {
        key: number(key, data[key], LIMITS[key])
        for key in ("budget", "size", "utilisation", "machines", "price")
    }
    return {
        "laws": [_law(f"laws[{i}]", row) for i, row in enumerate(laws)],
        "devices": [
            [row[0], number(f"devices[{i}], rate", row[1], LIMITS["rate"])]
            for i, row in enumerate(devices)
        ],
        "law": whole("law", data["law"], (0, len(laws) - 1)),
        "device": whole("device", data["device"], (0, len(devices) - 1)),
        **found,
    }


def _rows(name, rows, what):
    rows = numbers(rows)
    if not isinstance(rows, (list, tuple)):
        raise TypeError(f"{name}: expected a list, got {rows!r:.60}")
    whole(f"{name}, number", len(rows), LIMITS[name])
    for i, row in enumerate(rows):
        if not isinstance(row, (list, tuple)) or len(row) != 2 + what.count(","):
            raise ValueError(f"{name}[{i}]: expected (name, {what}), got {row!r:.60}")
        if not isinstance(row[0], str):
            raise TypeError(f"{name}[{i}], name: expected text, got {row[0]!r:.60}")
        whole(f"{name}[{i}], name, length", len(row[0]), LIMITS["text"])
    return rows


def _law(name, row):
    keys = ("E", "A", "B", "alpha", "beta")
    limits = ("floor", "factor", "factor", "exponent", "exponent")
    found = zip(keys, limits, row[1:], strict=True)
    return [row[0], *(number(f"{name}, {key}", v, LIMITS[limit]) for key, limit, v in found)]
