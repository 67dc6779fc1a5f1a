"""Checkers of the exercises on the page "Text as tokens"."""

import codecs
from fractions import Fraction
from itertools import pairwise

from bigmodel_utils.checks import grade

__all__ = ["decode_stream", "equal_loss", "fewest_tokens", "merge_step"]


def merge_step(function):
    """Check ``function(words, times)``: words as lists of texts; ((left, right), new words)."""
    cases = [
        ([list("low"), list("lower"), list("newest")], [5, 2, 6]),
        ([list("aaab"), list("aa")], [2, 1]),  # overlapping pairs; merged from the left
        ([list("aaaa"), list("bc")], [1, 2]),  # "aa" stands three times in "aaaa"
        ([list("ab"), list("cd"), list("cd")], [2, 1, 1]),  # equal counts: ("a", "b")
        ([list("xy"), list("ab")], [3, 3]),
        ([["lo", "w"], ["lo", "w", "e"], ["w", "lo"]], [1, 4, 3]),
        ([list("abababa"), ["b"]], [1, 9]),
        ([list("banana"), list("an")], [3, 1]),
        ([["xlo", "wy"], ["lo", "w"]], [1, 5]),  # the letters of the pair, in other tokens
    ]
    return grade(
        function,
        cases,
        _merge_by_strings,
        hint="A word counts as often as it occurs; of equal counts take the smallest pair, and "
        "merge from the left.",
    )


def _merge_by_strings(words, times):
    total = {}
    for word, n in zip(words, times, strict=True):
        for left, right in pairwise(word):
            total[left, right] = total.get((left, right), 0) + n
    best = sorted(total, key=lambda pair: (-total[pair], *pair))[0]
    merged = []
    for word in words:
        rest, new = list(word), []
        while rest:
            size = 2 if tuple(rest[:2]) == best else 1
            new.append("".join(rest[:size]))
            rest = rest[size:]
        merged.append(new)
    return best, merged


def decode_stream(function):
    """Check ``function(tokens)``: a list of bytes to the text that each of them adds."""
    cases = [
        ([b"low", b"er", b" 12"],),
        ([b"na", b"\xc3", b"\xaf", b"ve"],),  # a character of two bytes in two tokens
        ([b"\xf0", b"\x9f", b"\x99", b"\x82", b"!"],),  # one of four bytes, token by token
        ([b"a\xe4", b"\xb8\xad\xe6", b"\x96\x87b"],),  # ends one character and begins another
        ([b"\xc3\xa9t", b"", b"ud\xc3"],),  # an empty token; incomplete at the end
        ([b"\xf0\x9f\x99\x82\xf0\x9f"],),
        ([],),
        ([b"x", b"\xe2\x82", b"\xac", b" = \xcf\x80", b"\n"],),
    ]
    return grade(
        function,
        cases,
        _decoded_by_codec,
        hint="Keep the bytes of a character that is not complete, and show it with the token that "
        "completes it.",
    )


def _decoded_by_codec(tokens):
    decoder = codecs.getincrementaldecoder("utf-8")()
    return [decoder.decode(token) for token in tokens]


def equal_loss(function):
    """Check ``function(loss, ours, theirs)``: nats a token; {characters: how many tokens}."""
    cases = [
        (2.0, {1: 10}, {2: 5}),
        (1.3, {1: 7}, {1: 2, 3: 4, 8: 1}),
        (5.9, {1: 5, 2: 3, 7: 1}, {4: 2, 2: 9}),
        (0.7, {2: 3, 5: 11}, {1: 30, 2: 4, 3: 1}),
        (3.1, {6: 2, 1: 1}, {1: 1, 6: 2}),  # the same tokens: the same loss
        (0.0, {1: 1}, {9: 3}),
    ]
    return grade(
        function,
        cases,
        _loss_by_characters,
        hint="Both need the same nats a character; a token has so many characters on average.",
    )


def _loss_by_characters(loss, ours, theirs):
    # Write every token down, spread the loss over the characters, and collect it again.
    written = [[n for n, times in table.items() for _ in range(times)] for table in (ours, theirs)]
    each = Fraction(loss) * len(written[0]) / sum(written[0])
    return float(sum(each * n for n in written[1]) / len(written[1]))


def fewest_tokens(function):
    """Check ``function(text, vocabulary)``: a string and a list of strings to a whole number."""
    letters = list("abcde")
    cases = [
        ("abcde", [*letters, "ab", "abc", "cde"]),  # the longest first token is a mistake
        ("edcba", [*letters, "cba", "edc", "ba"]),  # and so is the longest last one
        ("abcabc", [*letters, "bca", "abc"]),  # the same token twice
        ("aaaaa", ["a", "aa", "aaaa"]),
        ("deed", ["ee", *letters]),  # the longest one stands in the middle
        ("abcd", letters),
        ("bacadaeb", ["ba", *letters, "acada", "ac", "ada", "aeb", "eb", "bac"]),
        ("", ["a"]),
        ("abab", ["ba", "a", "b"]),
    ]
    return grade(
        function,
        cases,
        _fewest_by_reach,
        hint="What are the fewest for the first one, two, three ... characters? The last token of "
        "each can be any that fits.",
    )


def _fewest_by_reach(text, vocabulary):
    # Which places can be reached with 0, 1, 2, ... tokens?
    reached, used = {0}, 0
    while len(text) not in reached:
        used += 1
        reached = {i + len(t) for i in reached for t in vocabulary if text[i:].startswith(t)}
    return used
