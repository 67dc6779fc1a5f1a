"""Interactive figures that need no kernel: HTML with inline JavaScript, a few KB each.

They work in the built book without a network, in JupyterLab and in Colab. A figure's numbers are
computed by its own script; ``tests/browser`` compares them with PyTorch.
"""

import hashlib
import html
import json
import re
from pathlib import Path

from . import (
    labels,
    labels_attention,
    labels_recurrent,
    labels_rotary,
    labels_sampler,
    labels_tiles,
    schema,
    schema_attention,
    schema_recurrent,
    schema_rotary,
    schema_sampler,
    schema_tiles,
)

__all__ = ["FIGURES", "LABELS", "LiveFigure"]

LABELS = {
    **labels.LABELS,
    **labels_recurrent.LABELS,
    **labels_attention.LABELS,
    **labels_rotary.LABELS,
    **labels_sampler.LABELS,
    **labels_tiles.LABELS,
}
SCHEMAS = {
    **schema.SCHEMAS,
    **schema_recurrent.SCHEMAS,
    **schema_attention.SCHEMAS,
    **schema_rotary.SCHEMAS,
    **schema_sampler.SCHEMAS,
    **schema_tiles.SCHEMAS,
}
FIGURES = tuple(sorted(LABELS))

# The files of each figure, in the order in which they are inlined.
_BASE = ["style.css", "core.js"]
_GRIDS = [*_BASE, "sums.js", "grid.js", "pair.js", "value.js"]
_FILES = {
    "convolution": [*_GRIDS, "convolution.js"],
    "pooling": [*_GRIDS, "pooling.js"],
    "receptive-field": [*_BASE, "receptive_field.css", "receptive_field.js"],
    "unrolled": [*_BASE, "unrolled.css", "sums.js", "grid.js", "value.js", "unrolled.js"],
    "gradient-distance": [
        *_BASE, "plot.css", "gradient_distance.css", "dial.js", "plot.js", "gradient_distance.js"
    ],
    "lstm-cell": [*_BASE, "plot.css", "lstm_cell.css", "dial.js", "plot.js", "lstm_cell.js"],
    "attention": [
        *_BASE, "attention.css", "dial.js", "sums.js", "grid.js", "value.js", "attention.js"
    ],
    "sampler": [*_BASE, "plot.css", "sampler.css", "dial.js", "plot.js", "sampler.js"],
    "rotary": [
        *_BASE, "plot.css", "rotary.css", "dial.js", "plot.js", "sums.js", "grid.js", "value.js",
        "rotary.js",
    ],
    "online-softmax": [
        *_BASE, "tiles.css", "dial.js", "sums.js", "grid.js", "value.js", "tiles.js"
    ],
}  # fmt: skip
# By how much arrows, buttons and a drag change a cell of a grid, where it is not a half.
_STEPS = {"unrolled": 0.1}
_FOLDER = Path(__file__).parent
_ID = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")


class LiveFigure:
    """An interactive figure, shown when it is the last value of a cell.

    Args:
        name: one of ``FIGURES``.
        data: dict of settings, see ``live/schema.py``; a missing key takes its default.
        labels: dict that replaces words of the figure by key, see ``live/labels.py``.
        alt: what the figure shows, for readers who cannot see or run it.
        id: the HTML id. By default it is made from the name and the content, so that the same
            call always gives the same HTML. Needed where one page shows the same figure twice.

    Raises:
        TypeError: an argument of the wrong type.
        ValueError: an unknown figure, key or label, an empty ``alt``, or data out of range.
    """

    def __init__(self, name, *, data=None, labels=None, alt, id=None):
        if name not in FIGURES:
            raise ValueError(f"name: no live figure {name!r}; there are {', '.join(FIGURES)}")
        self.name = name
        self.data = SCHEMAS[name](_dictionary("data", data))
        self.labels = {**LABELS[name], **_checked_labels(name, _dictionary("labels", labels))}
        self.alt = _text("alt", alt)
        digest = hashlib.sha256(_json([self.data, self.labels, self.alt]).encode()).hexdigest()
        self.id = f"live-{name}-{digest[:8]}" if id is None else _text("id", id)
        if not _ID.fullmatch(self.id):
            raise ValueError(f"id: expected a letter, then letters, digits, - or _, got {id!r}")

    def _repr_html_(self):
        style, script = (
            "\n".join(_source(file) for file in _FILES[self.name] if file.endswith(kind))
            for kind in (".css", ".js")
        )
        constants = f"const D = {_json(self.data)};\nconst L = {_json(self.labels)};"
        if "grid.js" in _FILES[self.name]:
            constants += f"\nconst STEP = {_STEPS.get(self.name, 0.5)};"
        script = (
            f'(() => {{\n"use strict";\n{constants}\n{script}\n'
            f"start({_json(self.id)}, draw);\n}})();"
        )
        return (
            f'<figure class="live-figure" id="{self.id}" data-figure="{self.name}"'
            f' role="group" aria-label="{html.escape(self.alt)}"'
            # JupyterLab must not take the keys that are typed into the figure.
            ' data-lm-suppress-shortcuts="true">\n'
            f"<p>{html.escape(self.alt)}</p>\n"
            f"<p><em>{html.escape(self.labels['fallback'])}</em></p>\n</figure>\n"
            f"<style>\n{style}\n</style>\n<script>\n{script}\n</script>"
        )

    def _repr_mimebundle_(self, include=None, exclude=None):
        return {"text/html": self._repr_html_(), "text/plain": repr(self)}

    def __repr__(self):
        return f"LiveFigure({self.name!r}, id={self.id!r})"


def _json(value):
    """JSON that is safe inside a script element: no tag, no comment can begin in it."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def _source(file):
    """A script or style sheet without indentation, comment lines and empty lines."""
    text = (_FOLDER / file).read_text(encoding="utf-8")
    if file.endswith(".css"):
        text = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
    lines = (line.strip() for line in text.splitlines())
    return "\n".join(line for line in lines if line and not line.startswith("//"))


def _dictionary(name, value):
    if value is None:
        return {}
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        raise TypeError(f"{name}: expected a dict with text keys, got {value!r:.80}")
    return value


def _text(name, value):
    if not isinstance(value, str):
        raise TypeError(f"{name}: expected text, got {type(value).__name__}")
    if not value.strip():
        raise ValueError(f"{name}: expected text, got an empty string")
    return value


def _checked_labels(name, labels):
    """Labels must be known, be text, and keep the places that the figure fills in."""
    for key, value in labels.items():
        if key not in LABELS[name]:
            known = ", ".join(sorted(LABELS[name]))
            raise ValueError(f"labels: unknown key {key!r} for {name}; the keys are {known}")
        _text(f"labels[{key!r}]", value)
        found, expected = (set(re.findall(r"\{(\w+)\}", t)) for t in (value, LABELS[name][key]))
        if not found <= expected:
            extra = ", ".join(sorted(found - expected))
            raise ValueError(f"labels[{key!r}]: no value for the place {extra} in {value!r}")
    return labels
