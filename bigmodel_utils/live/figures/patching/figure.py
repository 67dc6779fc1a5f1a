"""Patches of a model's states: what each position after each block brings of another prompt."""

import json
from pathlib import Path

from bigmodel_utils.live._schema import numbers, settings, shaped, whole
from bigmodel_utils.live._words import shared

__all__ = ["LIMITS", "NAME", "PARTS", "WORDS", "schema"]

NAME = "patching"
PARTS = ("choice", "dial", "plot")
LIMITS = {
    "prompts": (1, 8),
    "tokens": (2, 16),
    "text": (1, 24),  # characters of a token or a word
    "blocks": (2, 40),  # rows: before the first block, and after each
    "words": (1, 60),
    "margin": (-100, 100),
    "prompt": (1, None),  # at most the prompts
    "place": (1, None),  # at most the tokens
    "after": (0, None),  # at most the blocks
}
WORDS = {
    **shared("fallback", "reset", "range", "typed", "blank", "whole"),
    "prompt": "prompt",
    "place": "token whose state is exchanged",
    "after": "after how many blocks",
    "grid": "A square for each token and each number of blocks passed; the darker, the more of "
    "the way to the donor's answer the exchange goes.",
    "axis": "blocks passed",
    "runs": "The prompt says {own} (margin {low}), the donor {donor} (margin {high}).",
    "here": "State of {token} after {after} blocks, from the donor: margin {margin}.",
    "effect": "{effect} of the way; the first choice is {word}.",
    "hint": "Margin: logit of the donor's answer less that of the prompt's own. Underlined: "
    "the donor's token, where it is another. Click a square, or move the sliders.",
}

# What SmolLM2-135M-Instruct says, as the page "Inside a real model" computes it.
_STORED = Path(__file__).with_name("data.json")
_KEYS = {"tokens", "donor", "answers", "ends", "words", "margins", "first"}
_DEFAULTS = {"prompt": 1, "place": None, "after": 0}


def schema(data):
    """Return the data that the script reads.

    ``prompts``: 1 to 8 dicts with ``tokens`` and ``donor``, 2 to 16 texts each; ``answers``: the
    two words that the margin compares, the prompt's own first; ``ends``: the margin of the prompt
    and of the donor, as they are, which differ; ``margins``: after an exchange, (blocks + 1,
    tokens), row k after k blocks; ``words`` and ``first``: the different first choices, and which
    of them each exchange gives, counted from 0. ``prompt``: the one to begin with, from 1 on;
    ``place``: the token, from 1 on, the last by default; ``after``: blocks passed.
    """
    stored = json.loads(_STORED.read_text(encoding="utf-8"))
    data = settings(NAME, data, {**stored, **_DEFAULTS})
    prompts = data["prompts"]
    if not isinstance(prompts, (list, tuple)):
        raise TypeError(f"prompts: expected a list of dicts, got {prompts!r:.60}")
    whole("prompts, number", len(prompts), LIMITS["prompts"])
    prompts = [_prompt(f"prompts[{i}]", one) for i, one in enumerate(prompts)]
    prompt = whole("prompt", data["prompt"], (LIMITS["prompt"][0], len(prompts)))
    shown = prompts[prompt - 1]
    places = len(shown["tokens"])
    place = places if data["place"] is None else data["place"]
    place = whole("place", place, (LIMITS["place"][0], places))
    after = whole("after", data["after"], (LIMITS["after"][0], len(shown["margins"]) - 1))
    return {"prompts": prompts, "prompt": prompt, "place": place, "after": after}


def _prompt(name, one):
    if not isinstance(one, dict):
        raise TypeError(f"{name}: expected a dict, got {one!r:.60}")
    if set(one) != _KEYS:
        raise ValueError(f"{name}: expected the keys {sorted(_KEYS)}, got {sorted(one)}")
    tokens = _texts(f"{name}.tokens", one["tokens"], LIMITS["tokens"])
    donor = _texts(f"{name}.donor", one["donor"], (len(tokens), len(tokens)))
    words = _texts(f"{name}.words", one["words"], LIMITS["words"])
    ends = shaped(f"{name}.ends", [numbers(one["ends"])], LIMITS["margin"], (1, 2))[0]
    if ends[0] == ends[1]:
        raise ValueError(f"{name}.ends: expected two different margins, got {ends}")
    rows = numbers(one["margins"])
    count = whole(f"{name}.margins, rows", len(rows), LIMITS["blocks"])
    shape = count, len(tokens)
    return {
        "tokens": tokens,
        "donor": donor,
        "answers": _texts(f"{name}.answers", one["answers"], (2, 2)),
        "ends": ends,
        "words": words,
        "margins": shaped(f"{name}.margins", rows, LIMITS["margin"], shape),
        "first": shaped(f"{name}.first", one["first"], (0, len(words) - 1), shape),
    }


def _texts(name, value, limit):
    if not isinstance(value, (list, tuple)):
        raise TypeError(f"{name}: expected a list of texts, got {value!r:.60}")
    whole(f"{name}, number", len(value), limit)
    for i, text in enumerate(value):
        if not isinstance(text, str):
            raise TypeError(f"{name}[{i}]: expected text, got {text!r:.60}")
        whole(f"{name}[{i}], length", len(text), LIMITS["text"])
    return list(value)
