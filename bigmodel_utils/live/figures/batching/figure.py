"""Requests to a server with a few slots, as bars over time: static or continuous batches."""

from bigmodel_utils.live._schema import option, settings, whole
from bigmodel_utils.live._words import shared

__all__ = ["KINDS", "LIMITS", "NAME", "PARTS", "WAYS", "WORDS", "schema"]

NAME = "batching"
PARTS = ("dial", "digits", "plot")
WAYS = ("static", "continuous")
KINDS = ("mixed", "equal")
COUNT = 24
LIMITS = {
    "rate": (1, 200),  # requests in a hundred steps
    "length": (1, 60),
    "slots": (1, 12),
    "request": (1, COUNT),
    "seed": (1, 2**32 - 1),
}
WORDS = {
    **shared("fallback", "reset", "range", "typed", "whole"),
    "way": "batches",
    "static": "static",
    "continuous": "continuous",
    "kind": "lengths",
    "mixed": "mixed",
    "equal": "equal",
    "rate": "requests in 100 steps",
    "length": "mean length",
    "slots": "slots",
    "request": "request",
    "steps": "steps",
    "requests": "requests, in order of arrival",
    "plot": "A row for each request: a thin line while it waits, a bar while it is served.",
    "waiting": "{name}: waiting {mean} steps on average, {most} at most;",
    "rate_of": "{tokens} tokens a step, {share} % of the slots at work, all done after {done} "
    "steps.",
    "one": "Request {i} asks for {length} tokens, arrives at {arrival}, waits {wait} and is done "
    "at {end}.",
    "hint": "Thin lines wait, bars are served. Both ways get the same requests. Touch a row to "
    "read it.",
}  # fmt: skip

_DEFAULTS = {
    "rate": 20, "length": 16, "slots": 4, "way": "static", "kind": "mixed", "request": 1, "seed": 1
}  # fmt: skip


def schema(data):
    """Return the data that the script reads.

    ``rate``: requests in a hundred steps; ``length``: their mean length in tokens; ``slots``;
    ``way``: "static" or "continuous"; ``kind`` of lengths: "mixed" or "equal"; ``request``: the one
    that is read; ``seed``: as for :func:`bigmodel_utils.serving.requests`.
    """
    data = settings(NAME, data, _DEFAULTS)
    found = {key: whole(key, data[key], limit) for key, limit in LIMITS.items()}
    found["way"] = option("way", data["way"], WAYS)
    found["kind"] = option("kind", data["kind"], KINDS)
    return found | {"count": COUNT}
