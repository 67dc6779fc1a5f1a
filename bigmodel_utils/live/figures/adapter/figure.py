"""LoRA: what it trains and what its training keeps in memory, beside full fine-tuning."""

from bigmodel_utils.live._schema import settings, whole
from bigmodel_utils.live._words import shared

__all__ = ["LIMITS", "NAME", "PARTS", "WORDS", "schema"]

NAME = "adapter"
PARTS = ("digits", "dial", "plot")
LIMITS = {
    "inputs": (1, 16384),
    "outputs": (1, 16384),
    "layers": (1, 1000),
    "rank": (1, 512),
}
WORDS = {
    **shared("fallback", "reset", "range", "typed", "whole"),
    "inputs": "inputs of a layer",
    "outputs": "outputs of a layer",
    "layers": "such layers",
    "rank": "rank",
    "table": "numbers and bytes of each way",
    "head_way": "way",
    "head_trained": "trained numbers",
    "head_weights": "bytes of weights",
    "head_gradients": "of gradients",
    "head_adam": "of Adam's two moments",
    "head_total": "bytes in all",
    "full": "full fine-tuning",
    "lora": "LoRA",
    "merged": "LoRA, merged for use",
    "x_axis": "gigabytes",
    "plot": "Two bars, stacked from the bytes of weights, gradients and Adam's moments: "
    "of full fine-tuning and of LoRA.",
    "says": "LoRA of rank {rank} trains {share} % of the numbers in {memory} % of the bytes.",
    "break": "From rank {rank} on it would train as many numbers as the layers have.",
    "cannot": "A layer of this size has no correction of a rank above {rank}.",
    "hint": "float32, four bytes a number: each weight, each gradient of a trained number and two "
    "moments for it. Activations are not counted. Full: weights; pale: gradients; "
    "framed: moments.",
}

_DEFAULTS = {"inputs": 4096, "outputs": 4096, "layers": 64, "rank": 8}


def schema(data):
    """Return the data that the script reads: ``inputs``, ``outputs``, ``layers`` and ``rank``."""
    data = settings(NAME, data, _DEFAULTS)
    return {key: whole(key, data[key], LIMITS[key]) for key in _DEFAULTS}
