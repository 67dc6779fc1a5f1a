"""Every word of a live figure can be in another language, however far one clicks.

Two ways lead there: a catalogue when the figure is made, and a script of the built page later. In
both tests every word of the figure is ⟦in brackets⟧, and no letters may stand outside of them.
"""

import json
import re

import pytest
from babel.messages import Catalog
from figures import PAGE, drawn

from bigmodel_utils.live import FIGURES, LABELS, LiveFigure

pytestmark = pytest.mark.browser

# Functions, symbols and units, the same in every language.
MATHEMATICS = {
    "tanh",
    "max",
    "exp",
    "GB",
    "TB",
    "ms",
    "min",
    *"dX dW dV dU db dh dx dw dv Uᵀā".split(),
}
# Figures that show words of their data get data without words.
DATA = {
    "sampler": {"tokens": ["1", "2", " "], "logits": [1, 2, 0.5], "context": "3"},
    "scaling": {
        "laws": [
            ("1", 1.8172, 482.01, 2085.43, 0.3478, 0.3658),
            ("2", 1.69, 406.4, 410.7, 0.34, 0.28),
        ],
        "devices": [("3", 1e11), ("4", 312e12), ("5", 989e12)],
    },
    "growth": {"models": [(str(i), 2000 + i, 10.0**i, None, None, None, "5") for i in range(4)]},
    "pronouns": {
        "templates": ["{} 1", "{} 2"],
        "occupations": ["1", "2", "3"],
        "log_odds": [[1, 2, -3], [0, 0.5, 1]],
        "neutral": [0.5, 1],
    },
    "patching": {
        "prompts": [
            {
                "tokens": ["1", " 2"],
                "donor": ["1", " 3"],
                "answers": ["4", "5"],
                "ends": [-1, 2],
                "words": ["4", " "],
                "margins": [[-1, 2], [-2, 0.5]],
                "first": [[0, 1], [0, 0]],
            }
        ]
        * 2,
    },
    "kl-reward": {"answers": [("1", 0.5, 0), ("2", 0.5, 1)], "answer": 1},
    "valleys": {"sweeps": [("1", [[0.9, 0.3, 0.2, 0.3, 0.5], [1.0, 0.8, 0.25, 0.15, 0.25]])]},
    "continuations": {
        "prompt": "3",
        "temperatures": [1],
        "tree": {"log_z": [0.5], "next": [{"token": "1", "logit": 0}, {"token": " ", "logit": -1}]},
    },
}

# What is shown, or read out: one text for each element and attribute.
TEXTS = """() => [...document.querySelectorAll("figure, figure *")].flatMap((node) => [
    ...["aria-label", "aria-valuetext", "title"].map((key) => node.getAttribute(key)),
    ...[...node.childNodes].filter((child) => child.nodeType === 3).map((child) => child.data),
]).filter(Boolean)"""


def foreign(text):
    """The text in brackets, its places kept."""
    return f"⟦{text}⟧"


def outside(text):
    """Words of two letters and more outside of brackets, which may be nested."""
    while (inner := re.sub(r"⟦[^⟦⟧]*⟧", " ", text)) != text:
        text = inner
    found = set(re.findall(r"[^\W\d_]{2,}", text)) - MATHEMATICS
    return {word for word in found if word.isalpha()}  # h₀ is none


def look(page, seen):
    for text in page.evaluate(TEXTS):
        assert outside(text) == set(), text
        seen.add(text)


def use(page):
    """Look at a figure in as many states as its controls lead to; return the texts seen."""
    seen = set()
    look(page, seen)
    page.keyboard.press("Tab")
    for select in reversed(page.locator("figure select").all()):  # one may close those after it
        for option in select.locator("option").all():
            select.select_option(option.get_attribute("value"))
            look(page, seen)
            cells(page, seen)
    for i in range(page.locator("figure button").count()):
        button = page.locator("figure button").nth(i)
        if button.count() and button.is_visible() and button.is_enabled():
            button.click()
            look(page, seen)
            cells(page, seen)
    for field in page.locator("figure input[type=number]:visible").all():
        field.fill("12345")
        look(page, seen)
        field.blur()
        for end in ("max", "min"):  # a window that does not fit, and the like
            field.fill(field.get_attribute(end))
            look(page, seen)
    return seen


def cells(page, seen):
    """Choose the first and the last cell of every grid."""
    grids = page.eval_on_selector_all(
        "figure [role=gridcell]", "cells => [...new Set(cells.map(c => c.dataset.grid))]"
    )
    for name in grids:
        found = page.locator(f"[role=gridcell][data-grid={name}]:visible")
        if found.count():
            found.first.press(" ")
            look(page, seen)
            found.last.press(" ")
            look(page, seen)


@pytest.fixture
def catalogue(publish):
    """A language in which every word of every figure is in brackets."""
    messages = Catalog(locale="de")
    for words in LABELS.values():
        for text in words.values():
            messages.add(text, foreign(text))
    publish(messages)


def page_of(open_page, name, script=""):
    figure = LiveFigure(name, data=DATA.get(name), alt="⟦⟧")._repr_html_()
    return drawn(open_page(PAGE.format(theme="light", figure=script + figure)))


@pytest.mark.parametrize("name", FIGURES)
def test_in_another_language_from_a_catalogue(open_page, name, catalogue):
    assert any("⟦" in text for text in use(page_of(open_page, name)))


@pytest.mark.parametrize("name", FIGURES)
def test_in_another_language_by_a_script_of_the_page(open_page, name):
    words = {key: foreign(text) for key, text in LABELS[name].items()}
    script = f"<script>window.bigmodelWords = {json.dumps({name: words})};</script>"
    assert any("⟦" in text for text in use(page_of(open_page, name, script)))


def test_a_script_replaces_the_words_it_has_and_no_other_figure_s(open_page):
    page = page_of(
        open_page,
        "rotary",
        '<script>window.bigmodelWords = {rotary: {reset: "Von vorn", at: "{d}, {typo}"},'
        ' attention: {m: "fremd"}};</script>',
    )
    text = page.locator("figure").inner_text()
    assert "Von vorn" in text and "Reset" not in text
    assert "4, {typo}" in text, "a place that the figure does not fill stays as it is"
    assert LABELS["rotary"]["m"] in text and "fremd" not in text
