"""A pipeline as a timeline: stages, micro-batches and three schedules; its bubble and memory."""

from bigmodel_utils.live._schema import option, settings, whole
from bigmodel_utils.live._words import shared

__all__ = ["LIMITS", "NAME", "PARTS", "WAYS", "WORDS", "schema"]

NAME = "bubble"
PARTS = ("dial", "digits", "plot")
WAYS = ("gpipe", "turns", "interleaved")
LIMITS = {
    "stages": (1, 8),
    "batches": (1, 32),
    "chunks": (2, 4),
}
WORDS = {
    **shared("fallback", "reset", "range", "typed", "whole"),
    "way": "schedule",
    "gpipe": "GPipe",
    "turns": "1F1B",
    "interleaved": "interleaved",
    "stages": "stages p",
    "batches": "micro-batches m",
    "chunks": "chunks a stage v",
    "time": "time, in forward steps of a stage",
    "stage": "stage",
    "plot": "A row for each stage, a box for each forward and backward step.",
    "waiting": "Each stage waits {share} % of the time; formula: {top} / {bottom} = {formula} %.",
    "kept": "Most activations kept, by stage: {peaks} (in stages' worth).",
    "done": "All done at {end}.",
    "rounded": "Interleaving takes micro-batches in groups of {p}: {m} instead of {asked}.",
    "hint": "Thin boxes are forward, thick ones backward steps, which take twice as long; numbers "
    "are micro-batches. Fainter boxes belong to later chunks.",
}

_DEFAULTS = {"stages": 4, "batches": 8, "chunks": 2, "way": "gpipe"}


def schema(data):
    """Return the data that the script reads.

    ``stages``, ``batches`` (micro-batches of a batch), ``chunks`` a stage, which the interleaved
    schedule alone has, and ``way``, the schedule: "gpipe", "turns" (1F1B) or "interleaved".
    """
    data = settings(NAME, data, _DEFAULTS)
    found = {key: whole(key, data[key], limit) for key, limit in LIMITS.items()}
    return found | {"way": option("way", data["way"], WAYS)}
