"""A live figure as HTML, made of the shared parts in ``host`` and of its folder in ``figures``.

A folder holds ``figure.py`` (``NAME``, ``PARTS``, ``LIMITS``, ``WORDS`` and ``schema``),
``draw.js`` (a function ``draw`` that returns the figure's elements) and, where needed,
``style.css`` and ``data.json``, data too large for code. Its script sees three constants: ``D``,
the data that ``schema`` returns; ``LIMITS``; and ``L``, the words.
"""

import functools
import hashlib
import html
import importlib
import json
import re
from pathlib import Path

from bigmodel_utils.words import say

__all__ = ["LiveFigure", "modules"]

_FOLDER = Path(__file__).parent
# Words that came after the ids were given: an id is an address in the book, and stays.
_NEW = {"real_range", "plane", "channels"}
_ID = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")


@functools.cache
def modules():
    """Return ``{name: module}`` of all figures, sorted by name."""
    found = sorted(path.parent.name for path in _FOLDER.glob("figures/*/figure.py"))
    figures = (importlib.import_module(f"{__package__}.figures.{name}.figure") for name in found)
    return dict(sorted((figure.NAME, figure) for figure in figures))


class LiveFigure:
    """An interactive figure, shown when it is the last value of a cell.

    Args:
        name: one of ``FIGURES``.
        data: dict of settings, see ``schema`` in the figure's ``figure.py``; a missing key takes
            its default.
        labels: dict that replaces words of the figure by key, see ``LABELS[name]``.
        alt: what the figure shows, for readers who cannot see or run it.
        id: the HTML id. By default it is made from the name and the content, so that the same
            call always gives the same HTML, and the same id in every language. Needed where one
            page shows the same figure twice.

    Raises:
        TypeError: an argument of the wrong type.
        ValueError: an unknown figure, key or label, an empty ``alt``, or data out of range.
    """

    def __init__(self, name, *, data=None, labels=None, alt, id=None):
        if name not in modules():
            raise ValueError(f"name: no live figure {name!r}; there are {', '.join(modules())}")
        self.name = name
        figure = modules()[name]
        self.data = figure.schema(_dictionary("data", data))
        words = {**figure.WORDS, **_checked(name, figure.WORDS, _dictionary("labels", labels))}
        alt = _text("alt", alt)
        old = {key: text for key, text in words.items() if key not in _NEW}
        digest = hashlib.sha256(_json([self.data, old, alt]).encode()).hexdigest()
        self.labels = {key: say(text) for key, text in words.items()}
        self.alt = say(alt)
        self.id = f"live-{name}-{digest[:8]}" if id is None else _text("id", id)
        if not _ID.fullmatch(self.id):
            raise ValueError(f"id: expected a letter, then letters, digits, - or _, got {id!r}")

    def _repr_html_(self):
        figure = modules()[self.name]
        style, script = _sources(figure)
        words = {key: text for key, text in self.labels.items() if key != "fallback"}
        # The last line lets a built page be in another language than its stored outputs.
        script = (
            f'(() => {{\n"use strict";\nconst D = {_json(self.data)};\n'
            f"const LIMITS = {_json(figure.LIMITS)};\nconst L = {_json(words)};\n"
            f"Object.assign(L, window.bigmodelWords?.[{_json(self.name)}]);\n"
            f"{script}\nstart({_json(self.id)}, draw);\n}})();"
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


def _sources(figure):
    """Style sheet and script of a figure: the parts that it names, then its own."""
    own = _FOLDER / "figures" / figure.__name__.split(".")[-2]
    places = [_FOLDER / "host" / part for part in ("style", "core", *figure.PARTS)]
    for place in places:
        if not any(place.with_suffix(kind).exists() for kind in (".css", ".js")):
            raise FileNotFoundError(f"{figure.NAME}: there is no part {place.name!r} in host")
    styles = [*(place.with_suffix(".css") for place in places), own / "style.css"]
    scripts = [*(place.with_suffix(".js") for place in places), own / "draw.js"]
    return tuple("\n".join(map(_short, filter(Path.exists, files))) for files in (styles, scripts))


def _short(file):
    """A script or style sheet without indentation, comment lines and empty lines."""
    text = file.read_text(encoding="utf-8")
    if file.suffix == ".css":
        text = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
        text = re.sub(r": +", ":", re.sub(r" *([{};,>]) *", r"\1", text))
    lines = (line.strip() for line in text.splitlines())
    return "\n".join(line for line in lines if line and not line.startswith("//"))


def _json(value):
    """JSON that is safe inside a script element: no tag, no comment can begin in it."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


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


def _checked(name, words, labels):
    """Labels must be known, be text, and keep the places that the figure fills in."""
    for key, value in labels.items():
        if key not in words:
            known = ", ".join(sorted(words))
            raise ValueError(f"labels: unknown key {key!r} for {name}; the keys are {known}")
        _text(f"labels[{key!r}]", value)
        found, expected = (set(re.findall(r"\{(\w+)\}", t)) for t in (value, words[key]))
        if not found <= expected:
            extra = ", ".join(sorted(found - expected))
            raise ValueError(f"labels[{key!r}]: no value for the place {extra} in {value!r}")
    return labels
