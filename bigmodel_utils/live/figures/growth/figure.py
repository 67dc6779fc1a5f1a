"""Models over time: a quantity of each, logarithmic, and the line fitted to a span of years."""

from bigmodel_utils.live._schema import number, numbers, option, settings, whole
from bigmodel_utils.live._words import shared

__all__ = ["AXES", "LIMITS", "NAME", "PARTS", "WORDS", "schema"]

NAME = "growth"
PARTS = ("choice", "digits", "dial", "plot")
AXES = ("parameters", "active", "tokens", "flops")
LIMITS = {
    "year": (1950, 2030),
    "models": (2, 60),
    "text": (1, 160),  # characters of a name or a source
    "size": (1, 1e30),
    "model": (1, None),  # at most the models
}
WORDS = {
    **shared("fallback", "reset", "range", "typed"),
    "whole": "Only whole years and models.",
    "axis": "quantity",
    "parameters": "parameters",
    "active": "parameters met by a token",
    "tokens": "tokens or words read in training",
    "flops": "FLOPs of training",
    "start": "fit from the year",
    "stop": "to the year",
    "model": "model",
    "x_axis": "year of publication",
    "plot": "A dot for each model, by year, logarithmic; a line fitted to the span of years.",
    "doubles": "Doubling every {months} months, a factor of {factor} a year, fitted to {n} models.",
    "halves": "Halving every {months} months, a factor of {factor} a year, fitted to {n} models.",
    "few": "A line takes three models or more at different times; this span has {n}.",
    "here": "{name}, {year}:",
    "unknown": "not published.",
    "over": "{times} times what the line says.",
    "under": "The line says {times} times as much.",
    "hint": "Filled dots: models that the line is fitted to. Circles: the others. The line is "
    "dashed outside its span, where it is a forecast.",
}

# A few models, for a figure without data.
_DEFAULTS = {
    "models": [
        ("LeNet-5", 1998 + 10 / 12, 60_000, 60_000, None, None, "LeCun et al. 1998"),
        ("AlexNet", 2012 + 11 / 12, 60_000_000, 60_000_000, None, None, "Krizhevsky et al. 2012"),
        ("GPT-3", 2020 + 4 / 12, 174_604_259_328, 174_604_259_328, 3e11, 3.14e23,
         "Brown et al. 2020"),
        ("Chinchilla", 2022 + 2 / 12, 7e10, 7e10, 1.4e12, 5.76e23, "Hoffmann et al. 2022"),
        ("Llama 3.1", 2024.5, 405_853_388_800, 405_853_388_800, 1.56e13, 3.8e25,
         "Grattafiori et al. 2024"),
    ],
    "axis": "parameters",
    "start": None,
    "stop": None,
    "model": 1,
}  # fmt: skip


def schema(data):
    """Return the data that the script reads.

    ``models``: 2 to 60 of ``(name, year, parameters, active, tokens, flops, source)`` with None for
    what is not known, in the order of time; ``axis``: the quantity, one of ``AXES``; ``start`` and
    ``stop``: first and last year of the fit, by default those of the models; ``model``: the one
    that is read, from 1 on.
    """
    data = settings(NAME, data, _DEFAULTS)
    rows = numbers(data["models"])
    if not isinstance(rows, (list, tuple)):
        raise TypeError(f"models: expected a list, got {rows!r:.60}")
    whole("models, number", len(rows), LIMITS["models"])
    models = [_model(f"models[{i}]", row) for i, row in enumerate(rows)]
    years = [model[1] for model in models]
    if years != sorted(years):
        raise ValueError("models: expected the order of time")
    first, last = int(years[0]), int(years[-1])
    start = first if data["start"] is None else data["start"]
    stop = last if data["stop"] is None else data["stop"]
    return {
        "models": models,
        "axis": option("axis", data["axis"], AXES),
        "start": whole("start", start, LIMITS["year"]),
        "stop": whole("stop", stop, LIMITS["year"]),
        "model": whole("model", data["model"], (LIMITS["model"][0], len(models))),
    }


def _model(name, row):
    if not isinstance(row, (list, tuple)) or len(row) != 3 + len(AXES):
        raise ValueError(
            f"{name}: expected (name, year, {', '.join(AXES)}, source), got {row!r:.60}"
        )
    title, year, *sizes, source = row
    for key, text in (("name", title), ("source", source)):
        if not isinstance(text, str):
            raise TypeError(f"{name}, {key}: expected text, got {text!r:.60}")
        whole(f"{name}, {key}, length", len(text), LIMITS["text"])
    year = number(f"{name}, year", year, LIMITS["year"])
    found = [
        None if size is None else _short(number(f"{name}, {key}", size, LIMITS["size"]))
        for key, size in zip(AXES, sizes, strict=True)
    ]
    return [title, round(year, 4), *found, source]


def _short(size):
    return int(size) if size.is_integer() and size < 2**53 else size
