"""A sum that goes round a ring of workers: whose numbers each part contains, step by step."""

from bigmodel_utils.live._schema import number, settings, whole
from bigmodel_utils.live._words import shared

__all__ = ["LIMITS", "NAME", "PARTS", "WORDS", "schema"]

NAME = "ring"
PARTS = ("digits", "dial", "stepper")
LIMITS = {
    "workers": (2, 6),
    "size": (1, 1000, 0.5),  # MB
    "step": (0, None),  # at most as many as there are
}
WORDS = {
    **shared("fallback", "reset", "range", "real_range", "typed", whole=True),
    **shared("first", "back", "next", "last"),
    "workers": "workers, n",
    "size": "gradients, MB",
    "step": "step round the ring",
    "table": "Whose numbers each worker's parts contain.",
    "worker": "worker {rank}",
    "part": "part {part}",
    "done": "all",
    "begin": "Every worker holds its own numbers in {n} parts.",
    "scatter": "Step {step} of {steps}, reduce-scatter: each worker sends one part to the next, "
    "which adds it (framed).",
    "gather": "Step {step} of {steps}, all-gather: each worker sends one finished part to the "
    "next, which keeps it (framed).",
    "sent": "Sent by each so far: {sent} MB, at the end {total} MB. Rank 0 alone would send "
    "{star} MB.",
    "hint": "A row is a worker, and the last sends to the first. The numbers in a cell are the "
    "workers whose gradients the part contains.",
}
_DEFAULTS = {"workers": 4, "size": 12.0, "step": 0}


def schema(data):
    """Return the data that the script reads.

    ``workers``: how many; ``size``: MB of gradients; ``step``: from 0, nothing sent yet, to
    2 (workers - 1).
    """
    data = settings(NAME, data, _DEFAULTS)
    workers = whole("workers", data["workers"], LIMITS["workers"])
    return {
        "workers": workers,
        "size": number("size", data["size"], LIMITS["size"]),
        "step": whole("step", data["step"], (LIMITS["step"][0], 2 * (workers - 1))),
    }
