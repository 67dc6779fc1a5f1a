"""A plan for training a GPT: parameters, FLOPs, memory piece by piece, time and energy."""

from bigmodel_utils.live._schema import number, numbers, option, settings, whole
from bigmodel_utils.live._words import shared

__all__ = ["LIMITS", "NAME", "PARTS", "WORDS", "schema"]

NAME = "planner"
PARTS = ("choice", "digits", "dial", "plot")
LIMITS = {
    "layers": (1, 128),
    "width": (64, 16_384, 64),
    "rows": (1, 512),
    "positions": (16, 8192, 16),
    "tokens": (6, 14, 0.1),  # powers of ten
    "utilisation": (0.05, 1, 0.05),
    "devices": (1, 8),
    "text": (1, 40),
    "rate": (1, 1e18),
    "memory": (1, 1e15),
    "watts": (1, 1e5),
}
WORDS = {
    **shared("fallback", "reset", "range", "typed"),
    **shared("real_range", whole=True),
    "whole": "Only whole numbers here.",
    "layers": "layers L",
    "width": "width d",
    "rows": "rows in a batch b",
    "positions": "positions in a row t",
    "tokens": "training tokens D, power of ten",
    "utilisation": "share of the peak",
    "precision": "precision",
    **shared("float32"),
    "mixed": "bfloat16 with float32 weights",
    "attention": "attention",
    "plain": "written out",
    "fused": "fused",
    "device": "device",
    "bars": "Memory of training, a bar for each piece, and the device's own.",
    "weights": "weights",
    "gradients": "gradients",
    "optimizer": "Adam's two moments",
    "activations": "activations",
    "loss": "work on the logits",
    "available": "the device",
    "model": "{n} parameters, {flops} FLOPs.",
    "fits": "{need} needed, {have} there: it fits.",
    "too_big": "{need} needed, {have} there: it does not fit.",
    "time": "At {rate} FLOPs a second it takes {time} and {energy} on one device.",
    "hint": "A GPT with a vocabulary of 50,257, heads of 64 features, a feed-forward layer of "
    "width 4d, and no biases. Peak numbers are the makers'; the share of the peak is yours to "
    "assume. The bars are never all there at one time: their sum is an upper bound. With bfloat16 "
    "the loss is in float32; PyTorch's autocast keeps norms in float32 as well and needs more. The "
    "energy is the device's own at full power.",
}

# name, FLOPs a second in float32 and in bfloat16, bytes of memory, watts
_DEFAULTS = {
    "devices": [
        ("1e11", 1e11, 1e11, 16e9, 30),
        ("A100 80GB", 19.5e12, 312e12, 80e9, 400),
        ("H100 80GB", 67e12, 989e12, 80e9, 700),
    ],
    "device": 1,
    "layers": 12,
    "width": 768,
    "rows": 8,
    "positions": 1024,
    "tokens": 10,
    "utilisation": 0.4,
    "precision": "mixed",
    "attention": "fused",
}


def schema(data):
    """Return the data that the script reads.

    ``devices``: 1 to 8 of ``(name, FLOPs a second in float32, in bfloat16, bytes, watts)``;
    ``device``: the one chosen, from 0 on; ``layers``, ``width``, ``rows``, ``positions``: sizes;
    ``tokens``: a power of ten; ``utilisation``: share of the peak; ``precision``: "float32" or
    "mixed"; ``attention``: "plain" or "fused".
    """
    data = settings(NAME, data, _DEFAULTS)
    rows = numbers(data["devices"])
    if not isinstance(rows, (list, tuple)):
        raise TypeError(f"devices: expected a list, got {rows!r:.60}")
    whole("devices, number", len(rows), LIMITS["devices"])
    found = {
        key: whole(key, data[key], LIMITS[key]) for key in ("layers", "width", "rows", "positions")
    }
    return {
        "devices": [_device(f"devices[{i}]", row) for i, row in enumerate(rows)],
        "device": whole("device", data["device"], (0, len(rows) - 1)),
        **found,
        "tokens": number("tokens", data["tokens"], LIMITS["tokens"]),
        "utilisation": number("utilisation", data["utilisation"], LIMITS["utilisation"]),
        "precision": option("precision", data["precision"], ("float32", "mixed")),
        "attention": option("attention", data["attention"], ("plain", "fused")),
    }


def _device(name, row):
    if not isinstance(row, (list, tuple)) or len(row) != 5:
        raise ValueError(
            f"{name}: expected (name, float32, bfloat16, bytes, watts), got {row!r:.60}"
        )
    if not isinstance(row[0], str):
        raise TypeError(f"{name}, name: expected text, got {row[0]!r:.60}")
    whole(f"{name}, name, length", len(row[0]), LIMITS["text"])
    limits = ("rate", "rate", "memory", "watts")
    sizes = [number(f"{name}, {k}", v, LIMITS[k]) for k, v in zip(limits, row[1:], strict=True)]
    return [row[0], *sizes]
