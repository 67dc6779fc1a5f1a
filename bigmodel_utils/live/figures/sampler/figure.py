"""One distribution over the next token, under temperature, top-k and top-p."""

from bigmodel_utils.live._schema import number, numbers, settings, whole
from bigmodel_utils.live._words import shared

__all__ = ["LIMITS", "NAME", "PARTS", "WORDS", "schema"]

NAME = "sampler"
PARTS = ("digits", "dial", "plot", "random")
LIMITS = {
    "temperature": (0, 3, 0.05),
    "top_k": (1, None),  # at most the tokens
    "top_p": (0.01, 1, 0.01),
    "seed": (0, 2**32 - 1),
    "tokens": (2, 40),
    "token": (1, 24),  # characters
    "logit": (-1000, 1000),
    "context": (0, 300),  # characters
    "draws": (0, 10_000),
}
WORDS = {
    **shared("fallback", "reset", "range", "typed"),
    "temperature": "temperature τ",
    "top_k": "top-k",
    "top_p": "top-p",
    "greedy": "greedy",
    **shared("all"),
    "whole": "Only whole tokens can be kept.",
    "draw": "Draw {n}",
    "clear": "Clear draws",
    "chart": "tokens, the most likely first: outline before, bar after, dot drawn",
    **shared("blank"),
    "place": "{name}: before {before}, after {after}, drawn {n} times",
    "entropy": "Entropy",
    "bits": "bits (before: {before}).",
    "kept": "{n} of {total} tokens kept,",
    "mass": "with {mass} of the probability at this temperature.",
    "token": "{before} before, {after} after.",
    "drawn": "Drawn {n} of {draws} times; expected {expected} ± {spread}.",
    "hint": "Outline: the model's own distribution. Bar: what is drawn from. Dot: share of the "
    "draws. Dashed line: the cut. Every setting gets the same random numbers.",
}

# A made-up distribution, for a figure without data.
_DEFAULTS = {
    "tokens": [" mat", " floor", " roof", " bed", " table", " dog", " moon", "."],
    "logits": [3.1, 2.4, 1.6, 1.9, 0.8, -0.5, -2.0, -3.0],
    "context": "The cat sat on the",
    "temperature": 1,
    "top_k": None,
    "top_p": 1,
    "seed": 1,
}


def schema(data):
    """Return the data that the script reads.

    ``tokens``: 2 to 40 different texts of at most 24 characters; ``logits``: as many numbers, in
    any order; ``context``: the text before; ``temperature``: 0 to 3; ``top_k``: at least 1, or None
    for all; ``top_p``: 0.01 to 1; ``seed``: of the draws.
    """
    data = settings(NAME, data, _DEFAULTS)
    tokens = data["tokens"]
    if not isinstance(tokens, (list, tuple)) or not all(isinstance(t, str) for t in tokens):
        raise TypeError(f"tokens: expected a list of texts, got {tokens!r:.60}")
    whole("tokens, number", len(tokens), LIMITS["tokens"])
    if len(set(tokens)) < len(tokens):
        raise ValueError("tokens: expected different texts, got one twice")
    for i, token in enumerate(tokens):
        whole(f"tokens[{i}], length", len(token), LIMITS["token"])
    logits = numbers(data["logits"])
    if not isinstance(logits, (list, tuple)) or len(logits) != len(tokens):
        raise ValueError(f"logits: expected {len(tokens)} numbers, one a token, got {logits!r:.60}")
    context, longest = data["context"], LIMITS["context"][1]
    if not isinstance(context, str) or len(context) > longest:
        raise TypeError(
            f"context: expected text of at most {longest} characters, got {context!r:.60}"
        )
    top_k = len(tokens) if data["top_k"] is None else data["top_k"]
    return {
        "tokens": list(tokens),
        "logits": [number(f"logits[{i}]", z, LIMITS["logit"]) for i, z in enumerate(logits)],
        "context": context,
        "temperature": number("temperature", data["temperature"], LIMITS["temperature"]),
        "top_k": whole("top_k", top_k, LIMITS["top_k"]),
        "top_p": number("top_p", data["top_p"], LIMITS["top_p"]),
        "seed": whole("seed", data["seed"], LIMITS["seed"]),
    }
