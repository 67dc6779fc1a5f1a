r"""What MathJax drew of every displayed equation is what its source holds.

A bracket at the start of an aligned block is read as its option, and what stands in it is lost
without an error. So the letters and digits of the source are compared with those of the drawn
formula, as a screen reader gets it. What stands in an error message is not drawn.
"""

import re
from collections import Counter

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
            .filter((part) => !part.closest("merror"))
            .map((part) => part.textContent.normalize("NFKC"))
            .join(" "),
    ])
)"""
