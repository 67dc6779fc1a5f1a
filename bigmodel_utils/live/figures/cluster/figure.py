"""A cluster for one run: time of a step piece by piece, memory of a GPU, days, cost, saves."""

from bigmodel_utils.live._schema import number, numbers, option, settings, whole
from bigmodel_utils.live._words import shared

__all__ = ["LIMITS", "NAME", "PARTS", "WORDS", "schema"]

NAME = "cluster"
PARTS = ("choice", "digits", "dial", "plot")
LIMITS = {
    "gpus": (0, 15),  # powers of two
    "size": (8, 13, 0.1),  # powers of ten, parameters
    "batch": (16, 27),  # powers of two, tokens a step
    "tokens": (9, 14, 0.1),  # powers of ten
    "tensor": (0, 4),  # powers of two
    "stages": (0, 6),  # powers of two
    "pieces": (0, 3),  # powers of two
    "outside": (5, 400, 5),  # GB/s
    "share": (0.1, 1, 0.01),
    "years": (0.5, 50, 0.5),  # between failures of one GPU
    "save": (1, 600),  # seconds
    "price": (0, 20, 0.1),  # of a GPU-hour
    "devices": (1, 8),
    "text": (1, 40),
    "rate": (1, 1e18),
    "memory": (1, 1e15),
}
WORDS = {
    **shared("fallback", "reset", "range", "typed", "whole"),
    **shared("real_range", whole=True),
    "device": "kind of GPU",
    "gpus": "GPUs, power of two",
    "size": "parameters N, power of ten",
    "batch": "tokens a step, power of two",
    "tokens": "training tokens, power of ten",
    "tensor": "tensor parallel, power of two",
    "stages": "stages, power of two",
    "pieces": "pieces a stage, power of two",
    "outside": "GB/s between servers",
    "share": "kernels' share of the peak",
    "years": "years between failures of a GPU",
    "save": "seconds to save",
    "price": "dollars for a GPU-hour",
    "zero": "ZeRO",
    "stage1": "stage 1",
    "stage3": "stage 3",
    "again": "activations",
    "kept": "all kept",
    "computed": "computed again",
    "bars": "A step's seconds and a GPU's memory, a bar for each piece.",
    "compute": "computing",
    "inside": "tensor parallel",
    "bubble": "bubble",
    "exposed": "exchange",
    "state": "state",
    "activations": "for backward",
    "available": "one GPU has",
    "lay": "{gpus} GPUs: {tp} × {pp} × {dp} copies, each {m} micro-batches a step; {n} parameters.",
    "fits": "{need} needed of {have}: it fits.",
    "too_big": "{need} needed of {have}: it does not fit.",
    "step": "A step takes {time}, utilisation {share}.",
    "run": "A failure every {mean}; saved every {apart}, {useful} of the time is useful: "
    "{days}, {cost} dollars.",
    "few": "Tensor parallel times stages is {parts}, more than {gpus} GPUs.",
    "rows": "{dp} copies, but a step has {rows} rows of 8,192: a copy has no row.",
    "hint": "Seconds above, bytes below; each has its own scale. Assumed: layers 1/128 of the "
    "width, rows of 8,192 positions, fused attention, a restart of 10 minutes. Pieces count only "
    "where a copy has at least as many micro-batches as stages. The peak, the link inside a server "
    "and the memory are the makers'.",
}

# name, FLOPs a second in bfloat16, bytes of memory, bytes a second inside a server
_DEFAULTS = {
    "devices": [("A100", 312e12, 80e9, 300e9), ("H100", 989e12, 80e9, 450e9)],
    "device": 1,
    "gpus": 10,
    "size": 10.8,
    "batch": 22,
    "tokens": 12,
    "tensor": 3,
    "stages": 2,
    "pieces": 2,
    "outside": 50,
    "share": 0.5,
    "years": 6,
    "save": 60,
    "price": 2,
    "zero": "stage1",
    "again": "kept",
}


def schema(data):
    """Return the data that the script reads.

    ``devices``: 1 to 8 of ``(name, FLOPs a second, bytes, bytes a second inside a server)``;
    ``device``: the one chosen, from 0 on; ``gpus``, ``batch``, ``tensor``, ``stages``, ``pieces``:
    powers of two; ``size``, ``tokens``: powers of ten; ``outside``: GB a second between servers;
    ``share``: of the peak; ``years`` between failures of a GPU; ``save``: seconds; ``price`` of a
    GPU-hour; ``zero``: "stage1" or "stage3"; ``again``: "kept" or "computed".
    """
    data = settings(NAME, data, _DEFAULTS)
    devices = numbers(data["devices"])
    if not isinstance(devices, (list, tuple)):
        raise TypeError(f"devices: expected a list, got {devices!r:.60}")
    whole("devices, number", len(devices), LIMITS["devices"])
    wholes = ("gpus", "batch", "tensor", "stages", "pieces", "save")
    reals = ("size", "tokens", "outside", "share", "years", "price")
    return {
        "devices": [_device(f"devices[{i}]", row) for i, row in enumerate(devices)],
        "device": whole("device", data["device"], (0, len(devices) - 1)),
        **{key: whole(key, data[key], LIMITS[key]) for key in wholes},
        **{key: number(key, data[key], LIMITS[key]) for key in reals},
        "zero": option("zero", data["zero"], ("stage1", "stage3")),
        "again": option("again", data["again"], ("kept", "computed")),
    }


def _device(name, row):
    if not isinstance(row, (list, tuple)) or len(row) != 4:
        raise ValueError(f"{name}: expected (name, FLOPs, bytes, inside), got {row!r:.60}")
    if not isinstance(row[0], str):
        raise TypeError(f"{name}, name: expected text, got {row[0]!r:.60}")
    whole(f"{name}, name, length", len(row[0]), LIMITS["text"])
    limits = (("peak", "rate"), ("memory", "memory"), ("inside", "rate"))
    found = zip(limits, row[1:], strict=True)
    return [row[0], *(number(f"{name}, {key}", v, LIMITS[limit]) for (key, limit), v in found)]
