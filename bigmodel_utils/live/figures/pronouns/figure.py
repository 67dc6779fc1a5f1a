"""Log odds of two pronouns after sentences with an occupation: one sentence, or one against one."""

import json
from pathlib import Path

from bigmodel_utils.live._schema import numbers, settings, shaped, switch, whole
from bigmodel_utils.live._words import shared

__all__ = ["LIMITS", "NAME", "PARTS", "WORDS", "schema"]

NAME = "pronouns"
PARTS = ("choice", "digits", "dial", "plot")
LIMITS = {
    "templates": (1, 40),
    "occupations": (3, 40),
    "text": (1, 60),  # characters of a template or an occupation
    "log_odds": (-60, 60),
    "template": (1, None),  # at most the templates
    "place": (1, None),  # at most the occupations
}
WORDS = {
    **shared("fallback", "reset", "range", "typed"),
    "whole": "Only whole places.",
    "x": "first sentence",
    "y": "second sentence",
    "alone": "none",
    "scale": "what is shown",
    "plain": "log odds",
    "relative": "less the neutral subject",
    "place": "occupation, by its place after the first sentence",
    "x_axis": "log odds of she, first sentence",
    "y_axis": "log odds of she, second sentence",
    "x_relative": "log odds of she less the person's, first",
    "y_relative": "log odds of she less the person's, second",
    "dots": "A dot for each occupation, in the order of the log odds.",
    "scatter": "A dot for each occupation: log odds after the first and the second sentence.",
    "here": "{name}: place {place} of {n} after the first sentence.",
    "odds": '"{sentence}": log odds {odds}, p(she) / (p(she) + p(he)) = {share}.',
    "above": '"{sentence}": log odds {odds}, less {neutral} for the person: {above}; '
    "p(she) / (p(she) + p(he)) = {share}.",
    "ranks": "Rank correlation of the two sentences over {n} occupations: {r}.",
    "level": "No rank correlation: after one sentence all occupations are level.",
    "hint": "Log odds: ln p(she) − ln p(he). Solid line: both are as likely. Dashed: the person, "
    "in place of an occupation. Click a dot, or move the slider.",
}

# What SmolLM2-135M says, as page 1.1.1 computed it.
_STORED = Path(__file__).with_name("data.json")
_DEFAULTS = {"x": 1, "y": None, "place": 1, "relative": False}


def schema(data):
    """Return the data that the script reads.

    ``templates``: 1 to 40 texts with one ``{}``, the occupation's place; ``occupations``: 3 to 40
    different ones; ``log_odds``: ln p(she) - ln p(he), (templates, occupations); ``neutral``: the
    same for "person", one for each template. ``x``: the first sentence, from 1 on, and ``y``: the
    second or None; ``place``: of the occupation that is read, from 1 on, the highest log odds
    after the first sentence first; ``relative``: whether the neutral subject's are subtracted.
    """
    stored = json.loads(_STORED.read_text(encoding="utf-8"))
    data = settings(NAME, data, {**stored, **_DEFAULTS})
    templates = _texts("templates", data["templates"])
    occupations = _texts("occupations", data["occupations"])
    for i, text in enumerate(templates):
        if text.count("{}") != 1:
            raise ValueError(f"templates[{i}]: expected one {{}}, got {text!r}")
    rows, columns = len(templates), len(occupations)
    one = (LIMITS["template"][0], rows)
    neutral = [numbers(data["neutral"])]
    return {
        "templates": templates,
        "occupations": occupations,
        "log_odds": shaped("log_odds", data["log_odds"], LIMITS["log_odds"], (rows, columns)),
        "neutral": shaped("neutral", neutral, LIMITS["log_odds"], (1, rows))[0],
        "x": whole("x", data["x"], one),
        "y": None if data["y"] is None else whole("y", data["y"], one),
        "place": whole("place", data["place"], (LIMITS["place"][0], columns)),
        "relative": switch("relative", data["relative"]),
    }


def _texts(name, values):
    if not isinstance(values, (list, tuple)):
        raise TypeError(f"{name}: expected a list of texts, got {values!r:.60}")
    whole(f"{name}, number", len(values), LIMITS[name])
    for i, text in enumerate(values):
        if not isinstance(text, str):
            raise TypeError(f"{name}[{i}]: expected text, got {text!r:.60}")
        whole(f"{name}[{i}], length", len(text), LIMITS["text"])
    if len(set(values)) < len(values):
        raise ValueError(f"{name}: expected different texts, got one twice")
    return list(values)
