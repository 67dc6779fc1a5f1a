"""Drafts and a target: what is accepted, what replaces the rest, and how many tokens a step."""

from bigmodel_utils.live._schema import number, settings, whole
from bigmodel_utils.live._words import shared

__all__ = ["LIMITS", "NAME", "PARTS", "WORDS", "schema"]

NAME = "speculation"
PARTS = ("digits", "dial", "plot")
LIMITS = {
    "tokens": (2, 5),
    "weight": (0, 10, 0.5),
    "k": (0, 16),
    "cost": (0, 1, 0.01),
}
WORDS = {
    **shared("fallback", "reset", "range", "real_range", "typed", whole=True),
    "side": "distribution to change",
    "target": "target p",
    "draft": "draft q",
    "weight": "weight of {token}",
    "k": "drafts a step, k",
    "cost": "cost of a draft, τ",
    "bars": "For each token its probability in the target and in the draft, what both share, and "
    "the residual distribution.",
    "bars_x": "next token",
    "bars_y": "probability",
    "kinds": "Bars of a token: draft (outline), target (outline, dashed), both (filled, left), "
    "residual (filled, right).",
    "curve": "Tokens a second with drafts over those without, over the number of drafts.",
    "curve_x": "drafts a step, k",
    "curve_y": "times as fast",
    "found": "Of the drafts {share} are accepted. A rejected one is replaced by {residual}.",
    "equal": "Both are equal: every draft is accepted.",
    "gain": "With k = {k}: {tokens} tokens a step, {speed} times as fast; the best k is {best}, "
    "{fastest} times.",
    "none": "All weights of a distribution are 0: raise one.",
    "hint": "Weights are scaled to add up to 1. The gain takes every draft of a step to be "
    "accepted with the same chance, and a step of the target to cost the same for all its places.",
}
_DEFAULTS = {
    "tokens": ["A", "B", "C", "D"],
    "target": [4, 3, 2, 1],
    "draft": [2, 4, 1, 3],
    "k": 4,
    "cost": 0.05,
}


def schema(data):
    """Return the data that the script reads.

    ``tokens``: names; ``target`` and ``draft``: a weight for each, not all 0; ``k``: drafts a step;
    ``cost``: time of a draft over that of a step of the target.
    """
    data = settings(NAME, data, _DEFAULTS)
    names = data["tokens"]
    if not isinstance(names, (list, tuple)) or not all(isinstance(n, str) and n for n in names):
        raise TypeError(f"tokens: expected a list of names, got {names!r:.60}")
    whole("tokens, number", len(names), LIMITS["tokens"])
    found = {"tokens": list(names)}
    for side in ("target", "draft"):
        weights = data[side]
        if not isinstance(weights, (list, tuple)):
            raise TypeError(f"{side}: expected a list of weights, got {weights!r:.60}")
        if len(weights) != len(names):
            raise ValueError(f"{side}: expected {len(names)} weights, got {len(weights)}")
        limit = LIMITS["weight"]
        found[side] = [number(f"{side}[{i}]", w, limit) for i, w in enumerate(weights)]
        if not sum(found[side]):
            raise ValueError(f"{side}: expected a weight of more than 0, got none")
    found["k"] = whole("k", data["k"], LIMITS["k"])
    found["cost"] = number("cost", data["cost"], LIMITS["cost"])
    return found
