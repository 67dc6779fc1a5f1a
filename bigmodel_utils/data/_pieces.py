"""Cutting a text into the pieces whose borders byte-pair tokens never cross."""

import functools
import itertools
import re
import unicodedata

from bigmodel_utils.arguments import describe

__all__ = ["GPT2_PIECES", "PIECES", "Pieces", "special_parts"]

# Python's `re` and the `tokenizers` library read this pattern alike: it names ranges of ASCII, and
# all that is beyond ASCII counts as a letter.
PIECES = "|".join(
    [
        r" ?[^\x00-@\[-`{-\x7f]+",  # letters
        r" ?[0-9]+",
        r" ?[\x00-\x08\x0e-\x1f!-/:-@\[-`{-\x7f]+",  # signs
        r"[\t-\r ]+(?![^\t-\r ])",  # spaces, but the last one if a word follows
        r"[\t-\r ]+",
    ]
)
# Radford et al., 2019: https://github.com/openai/gpt-2/blob/master/src/encoder.py
GPT2_PIECES = "|".join(
    [
        r"'s|'t|'re|'ve|'m|'ll|'d",
        r" ?\p{L}+",
        r" ?\p{N}+",
        r" ?[^\s\p{L}\p{N}]+",
        r"\s+(?!\S)",
        r"\s+",
    ]
)
# Unicode's property White_Space, \s of other libraries; Python's counts U+001C to U+001F besides.
_WHITE_SPACE = [
    (0x09, 0x0D), (0x20, 0x20), (0x85, 0x85), (0xA0, 0xA0), (0x1680, 0x1680), (0x2000, 0x200A),
    (0x2028, 0x2029), (0x202F, 0x202F), (0x205F, 0x205F), (0x3000, 0x3000),
]  # fmt: skip
_ESCAPE = r"\\(?:[pP]\{[^}]*\}|.)"
_CLASS = r"\[\^?\]?(?:\\.|[^\]\\])*\]"
_END = 0x110000


class Pieces:
    r"""Cuts text by a pattern, a regular expression whose matches are the pieces.

    The expression is one of Python's ``re``, with the meaning that GPT-2's has: besides ``re``'s
    own, ``\p{L}`` and ``\P{L}`` are understood for every general category of Unicode and its first
    letter, and ``\s`` and ``\S`` go by Unicode's property White_Space. Categories are those of
    Python's ``unicodedata``: a character that its version of Unicode does not know yet is neither
    letter nor number, whatever another library says.

    Attributes:
        pattern: as it was given.
        unsure: at the end of a text that goes on, how many pieces may still change; None if that is
            not known, for a pattern other than the two of this module.

    Raises:
        TypeError, ValueError: ``pattern`` is no string, or no regular expression.
    """

    def __init__(self, pattern):
        if not isinstance(pattern, str):
            raise TypeError(f"pattern: expected a string, got {describe(pattern)}")
        try:
            self._matcher = re.compile(_translated(pattern))
        except (re.error, OverflowError, RecursionError) as error:
            raise ValueError(
                f"pattern: expected a regular expression, got {describe(pattern)}: {error}"
            ) from None
        self.pattern = pattern
        # Each piece ends by what comes after it at once: the last one may grow, and a run of spaces
        # give its last one to the word that follows. GPT-2's "'" and "l" become "'ll".
        self.unsure = 2 if pattern in (PIECES, GPT2_PIECES) else None

    def split(self, text, start=0):
        """Return the pieces of ``text``, a list; joined they are the text.

        Raises:
            ValueError: the matches leave characters out; names the first and its place, counted
                from ``start``.
        """
        if self._matcher.groups:
            pieces = [found.group() for found in self._matcher.finditer(text)]
        else:
            pieces = self._matcher.findall(text)
        if sum(map(len, pieces)) != len(text):
            raise ValueError(self._left_out(text, start))
        return pieces

    def _left_out(self, text, start):
        end = 0
        for found in self._matcher.finditer(text):
            if found.start() > end:
                break
            end = found.end()
        return (
            f"pattern: expected matches that cover the text, got none for {text[end]!r} "
            f"(U+{ord(text[end]):04X}) at place {start + end} of it; the pattern is {self.pattern}"
        )


def special_parts(text, names):
    """Cut ``text`` at special tokens: of those that begin in one place, the longest.

    Yields:
        tuple: the text before a special token, where it begins, and the name; last the rest of
        the text, its place and "".
    """
    start = 0
    if names:
        longest_first = sorted(names, key=len, reverse=True)
        for found in re.finditer("|".join(map(re.escape, longest_first)), text):
            yield text[start : found.start()], start, found.group()
            start = found.end()
    yield text[start:], start, ""


def _translated(pattern):
    r"""Replace \p{..}, \P{..}, \s and \S by what `re` understands."""

    def change(found):
        text = found.group()
        if text[0] == "[":
            return re.sub(_ESCAPE, lambda e: _members(e.group()) or e.group(), text, flags=re.S)
        members = _members(text)
        return f"[{members}]" if members else text

    return re.sub(f"{_CLASS}|{_ESCAPE}", change, pattern, flags=re.S)


@functools.cache
def _members(escape):
    """Return the characters of an escape as they stand between brackets; "" for other escapes."""
    kind = escape[1]
    if kind in "sS":
        ranges = _WHITE_SPACE
    elif escape[2:3] == "{":
        name = escape[3:-1]
        ranges = [r for category in _categories() if name and category[0].startswith(name)
                  for r in category[1]]  # fmt: skip
        if not ranges:
            raise ValueError(
                "pattern: expected a general category of Unicode such as L, Lu or Nd between the "
                f"braces, got {escape}"
            )
    else:
        return ""
    ranges = _joined(sorted(ranges))
    if kind in "SP":
        ends = [-1, *itertools.chain.from_iterable(ranges), _END]
        gaps = [(a + 1, b - 1) for a, b in zip(ends[::2], ends[1::2], strict=True)]
        ranges = [(a, b) for a, b in gaps if a <= b]
    return "".join(rf"\U{a:08x}-\U{b:08x}" for a, b in ranges)


@functools.cache
def _categories():
    """Return [(category, [(first, last), ...]), ...] of all code points; takes 0.2 s, once."""
    ranges = {}
    points = itertools.groupby(range(_END), lambda point: unicodedata.category(chr(point)))
    for category, run in points:
        first = last = next(run)
        for last in run:  # noqa: B007
            pass
        ranges.setdefault(category, []).append((first, last))
    return list(ranges.items())


def _joined(ranges):
    joined = []
    for first, last in ranges:
        if joined and joined[-1][1] == first - 1:
            joined[-1] = joined[-1][0], last
        else:
            joined.append((first, last))
    return joined
