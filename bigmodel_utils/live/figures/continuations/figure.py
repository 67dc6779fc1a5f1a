"""A tree of continuations that a language model gives a prompt, walked token by token."""

import json
from pathlib import Path

from bigmodel_utils.live._schema import number, numbers, settings, whole
from bigmodel_utils.live._words import shared

__all__ = ["LIMITS", "NAME", "PARTS", "WORDS", "schema"]

NAME = "continuations"
PARTS = ("digits", "random")
LIMITS = {
    "temperature": (0.05, 5),
    "temperatures": (1, 6),  # how many
    "depth": (1, 8),  # tokens on a path
    "width": (1, 8),  # stored tokens after one text
    "nodes": (1, 400),
    "token": (1, 24),  # characters
    "prompt": (1, 300),  # characters
    "logit": (-1000, 0),
    "log_z": (0, 1000),
    "seed": (0, 2**32 - 1),
}
WORDS = {
    **shared("fallback", "reset", "range", "back", "blank"),
    "temperature": "temperature τ",
    "path": "the text so far",
    "to": "back to {token}",
    "next": "next tokens, the most likely first",
    "token": "{token}: {p}",
    "other": "all other tokens",
    "greedy": "Greedy path",
    "best": "Likeliest stored path",
    "draw": "Draw a path",
    "none": "Nothing is chosen yet: the text ends where the prompt does.",
    "product": "Probability of the whole path:",
    "bits": "{bits} bits, {each} a token.",
    "often": "Of a million texts written at this temperature, about {n} begin like this.",
    "left": "The draw took a token that is not stored here.",
    "end": "The stored tree ends here.",
    "hint": "Choose a token to walk on, or one of the text to walk back. Probabilities are those "
    "of the whole vocabulary, stored tokens or not.",
}

# Without data the figure shows what SmolLM2-135M-Instruct says, as page 1.1 computed it.
_STORED = Path(__file__).with_name("data.json")


def schema(data):
    """Return the data that the script reads.

    ``prompt``: 1 to 300 characters. ``temperatures``: 1 to 6 different numbers from 0.05 to 5;
    ``temperature``: the one to begin with. ``seed``: of the draws. ``tree``: what follows the
    prompt, a dict with ``next``, a list of at most 8 tokens, and ``log_z``, for each temperature
    the logarithm of the sum of exp(logit / temperature) over the whole vocabulary. A token is a
    dict with ``token``, at most 24 characters, ``logit``, relative to the largest one of its place,
    and, unless the tree ends with it, ``next`` and ``log_z`` again. At most 8 tokens deep, 400 in
    all; the stored tokens of a place may have no more probability than 1 together.
    """
    data = settings(NAME, data, json.loads(_STORED.read_text(encoding="utf-8")))
    prompt = _text("prompt", data["prompt"], LIMITS["prompt"])
    heats = numbers(data["temperatures"])
    if not isinstance(heats, (list, tuple)):
        raise TypeError(f"temperatures: expected a list of numbers, got {heats!r:.60}")
    whole("temperatures, number", len(heats), LIMITS["temperatures"])
    heats = [number(f"temperatures[{i}]", t, LIMITS["temperature"]) for i, t in enumerate(heats)]
    if len(set(heats)) < len(heats):
        raise ValueError(f"temperatures: expected different numbers, got {heats}")
    temperature = number("temperature", data["temperature"], LIMITS["temperature"])
    if temperature not in heats:
        raise ValueError(f"temperature: expected one of {heats}, got {temperature}")
    counted = [0]
    return {
        "prompt": prompt,
        "temperatures": heats,
        "temperature": temperature,
        "seed": whole("seed", data["seed"], LIMITS["seed"]),
        "tree": _place("tree", data["tree"], heats, 1, counted),
    }


def _place(name, node, heats, depth, counted):
    # What follows one text: its tokens, each with what follows it.
    from math import exp

    _keys(name, node, {"log_z", "next"} | ({"token", "logit"} if depth > 1 else set()))
    whole(f"{name}, depth", depth, LIMITS["depth"])
    following = node["next"]
    if not isinstance(following, (list, tuple)):
        raise TypeError(f"{name}.next: expected a list of tokens, got {following!r:.60}")
    whole(f"{name}.next, number", len(following), LIMITS["width"])
    log_z = numbers(node["log_z"])
    if not isinstance(log_z, (list, tuple)) or len(log_z) != len(heats):
        raise ValueError(
            f"{name}.log_z: expected {len(heats)} numbers, one a temperature, got {log_z!r:.60}"
        )
    log_z = [number(f"{name}.log_z[{i}]", z, LIMITS["log_z"]) for i, z in enumerate(log_z)]
    tokens = [
        _token(f"{name}.next[{i}]", one, heats, depth, counted) for i, one in enumerate(following)
    ]
    if len({one["token"] for one in tokens}) < len(tokens):
        raise ValueError(f"{name}.next: expected different tokens, got one twice")
    logits = [one["logit"] for one in tokens]
    if logits != sorted(logits, reverse=True):
        raise ValueError(f"{name}.next: expected the most likely token first, got logits {logits}")
    for t, z in zip(heats, log_z, strict=True):
        stored = sum(exp(logit / t - z) for logit in logits)
        if stored > 1 + 1e-3:  # data are stored with a few digits
            raise ValueError(
                f"{name}: expected probabilities of at most 1 in all at temperature {t}, got "
                f"{stored:.4f}"
            )
    return {"log_z": log_z, "next": tokens}


def _token(name, node, heats, depth, counted):
    ends = isinstance(node, dict) and "next" not in node
    _keys(name, node, {"token", "logit"} if ends else {"token", "logit", "log_z", "next"})
    counted[0] += 1
    whole("tree, tokens in all", counted[0], LIMITS["nodes"])
    made = {
        "token": _text(f"{name}.token", node["token"], LIMITS["token"]),
        "logit": number(f"{name}.logit", node["logit"], LIMITS["logit"]),
    }
    return made if ends else {**made, **_place(name, node, heats, depth + 1, counted)}


def _keys(name, node, wanted):
    if not isinstance(node, dict):
        raise TypeError(f"{name}: expected a dict, got {node!r:.60}")
    if set(node) != wanted:
        raise ValueError(f"{name}: expected the keys {sorted(wanted)}, got {sorted(node)}")


def _text(name, value, limit):
    if not isinstance(value, str):
        raise TypeError(f"{name}: expected text, got {value!r:.60}")
    whole(f"{name}, length", len(value), limit)
    return value
