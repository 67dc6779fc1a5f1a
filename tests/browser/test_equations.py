r"""What MathJax drew of every displayed equation is what its source holds.

A bracket at the start of an aligned line is read as an option of the line break before it, and what
stands in it is lost without an error. So the letters and digits of the source are compared with
those of the drawn formula, as a screen reader gets it.
"""

import re
from collections import Counter

import pytest
from test_book import NOTEBOOKS, ROOT, html_of, ready

from bigmodel_utils import ledger

# Commands that draw letters of their own, those that draw none, and arguments that are no content.
NAMES = "log ln exp max min sin cos tan tanh arg det dim lim sup inf Pr gcd".split()
HIDDEN = re.compile(
    r"\\(?:begin|end)\{[a-z*]+\}(?:\{[^}]*\})?|\\(?:h|v)?phantom\{[^{}]*\}|"
    r"\\[hv]space\*?\{[^}]*\}|\\(?:color|label|tag)\{[^}]*\}|\\\\\[[-\d.]+[a-z]+\]"
)
LETTER = re.compile(r"[A-Za-z0-9]")


def content(tex):
    """Return how often each letter and digit has to be seen in the drawn formula."""
    text = HIDDEN.sub(" ", tex)
    text = re.sub(rf"\\({'|'.join(NAMES)})(?![A-Za-z])", r" \1 ", text)
    return Counter(LETTER.findall(re.sub(r"\\[A-Za-z]+", " ", text)))


def lost(equations, drawn):
    """Return the labels of equations of which something was not drawn, and what."""
    found = {}
    for label, tex in equations.items():
        missing = content(tex) - Counter(LETTER.findall(drawn.get(label, "")))
        if missing:
            found[label] = "".join(sorted(missing.elements()))
    return found


SEEN = """() => Object.fromEntries(
    [...document.querySelectorAll('.math[id^="equation-"]')].map((one) => [
        one.id.replace("equation-", ""),
        [...one.querySelectorAll("mjx-assistive-mml mi, mjx-assistive-mml mn, "
            + "mjx-assistive-mml mo, mjx-assistive-mml mtext, mjx-assistive-mml ms")]
            .map((part) => part.textContent.normalize("NFKC")).join(" "),
    ])
)"""


def equations(name):
    """Return {label: source} of a page's displayed equations, definitions too."""
    return {
        label: tex for label, tex in ledger.equations(ROOT / f"{name}.ipynb").items() if tex.strip()
    }


@pytest.mark.parametrize("name", [n for n in NOTEBOOKS if "appendix" not in n])
def test_every_equation_is_drawn_whole(open_page, name):
    wanted = equations(name)
    assert wanted
    drawn = ready(open_page(html_of(name))).evaluate(SEEN)
    assert set(wanted) <= set(drawn)
    assert lost(wanted, drawn) == {}


def test_what_is_lost_would_be_seen():
    tex = r"\begin{aligned} a &= b \\ [Q, K]\, \log x &= 2c \end{aligned}"
    assert lost({"one": tex}, {"one": "a = b [ Q , K ] log x = 2 c"}) == {}
    assert lost({"one": tex}, {"one": "a = b log x = 2 c"}) == {"one": "KQ"}
    assert lost({"one": tex}, {}) == {"one": "2KQabcglox"}
