"""A number bit by bit: what the bits of a format stand for, and what a number becomes in others."""

from bigmodel_utils.live._schema import number, option, settings
from bigmodel_utils.live._words import shared

__all__ = ["FORMATS", "LIMITS", "NAME", "PARTS", "WORDS", "schema"]

NAME = "number-formats"
PARTS = ("choice", "digits")
# Bits of the exponent and of the fraction; whether the largest exponent means infinity or NaN.
FORMATS = {
    "float32": (8, 23, True),
    "tf32": (8, 10, True),
    "bfloat16": (8, 7, True),
    "float16": (5, 10, True),
    "e5m2": (5, 2, True),
    "e4m3": (4, 3, False),
}
LIMITS = {"number": (-1e39, 1e39, 1e37)}
WORDS = {
    **shared("fallback", "reset", "range"),
    "format": "format",
    **shared("float32"),
    "tf32": "tf32",
    "bfloat16": "bfloat16",
    "float16": "float16",
    "e5m2": "fp8 e5m2",
    "e4m3": "fp8 e4m3",
    "number": "a number",
    "down": "next below",
    "up": "next above",
    "sign": "sign",
    "exponent": "exponent",
    "fraction": "fraction",
    "bit": "{part}, bit worth {worth}",
    "normal": "{sign}2{power} × {front} = {value}",
    "special": "This pattern stands for {value}.",
    "between": "The numbers next to it are {below} and {above}.",
    "typed_was": "You typed {typed}; the nearest number of this format is shown.",
    "becomes": "becomes",
    "error": "relative error",
    "table": "The number in every format",
    "nan": "NaN",
    "hint": "Click a bit to flip it, or type a number. The exponent's bits are worth powers of two "
    "in the exponent, the fraction's are worth halves, quarters and so on of the leading 1. A "
    "number that is too large becomes infinite; e4m3 has no infinity and stops at 448.",
}
_DEFAULTS = {"format": "float16", "number": 0.1}


def schema(data):
    """Return the data that the script reads.

    ``format``: the one whose bits are shown, one of ``FORMATS``; ``number``: what is typed.
    """
    data = settings(NAME, data, _DEFAULTS)
    return {
        "format": option("format", data["format"], tuple(FORMATS)),
        "number": number("number", data["number"], LIMITS["number"]),
        "formats": {key: list(parts) for key, parts in FORMATS.items()},
    }
