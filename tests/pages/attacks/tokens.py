"""Realistic wrong answers to the exercises of "Text as tokens"."""

import math
from collections import Counter
from itertools import pairwise

__all__ = ["ATTACKS"]


def _merge_step(
    words,
    times,
    *,
    weighted=True,
    tie=lambda pair: pair,
    right=False,
    overlap=True,
    once=False,
    least=False,
    first_only=False,
):
    counts = Counter()
    for word, n in zip(words, times, strict=True):
        pairs = list(pairwise(word))
        pairs = pairs if overlap else set(pairs)
        for pair in pairs:
            counts[pair] += n if weighted else 1
    sign = 1 if least else -1
    best = min(counts, key=lambda pair: (sign * counts[pair], tie(pair)))
    merged, done = [], False
    for word in words:
        rest, new = list(word), []
        while rest:
            part = rest[-2:] if right else rest[:2]
            hit = tuple(part) == best and not (once and len(new) < len(word) - len(rest))
            hit = hit and not (first_only and done)
            size = 2 if hit else 1
            done = done or hit
            piece = "".join(rest[-size:] if right else rest[:size])
            new = [piece, *new] if right else [*new, piece]
            rest = rest[:-size] if right else rest[size:]
        merged.append(new)
    return best, merged


def _swapped(words, times):
    best, merged = _merge_step(words, times)
    return (best[1], best[0]), merged


def _joined(words, times):
    best, merged = _merge_step(words, times)
    return "".join(best), merged


def _unchanged(words, times):
    return _merge_step(words, times)[0], words


def _in_place(words, times):
    best, merged = _merge_step(words, times)
    words[:] = merged
    return best, words


def _string_replace(words, times):
    # Joins the tokens with spaces and replaces in the text, also within longer tokens.
    best, _ = _merge_step(words, times)
    merged = [" ".join(word).replace(" ".join(best), "".join(best)).split(" ") for word in words]
    return best, merged


class _Reversed:
    """Sorts the largest pair first."""

    def __init__(self, pair):
        self.pair = pair

    def __lt__(self, other):
        return self.pair > other.pair


def _all_or_nothing(tokens):
    # Shows nothing until there is no incomplete character left.
    shown, kept = [], b""
    for token in tokens:
        kept += token
        try:
            shown.append(kept.decode())
            kept = b""
        except UnicodeDecodeError:
            shown.append("")
    return shown


def _whole_text_so_far(tokens):
    return [b"".join(tokens[: i + 1]).decode(errors="ignore") for i in range(len(tokens))]


def _pairs_of_bytes(tokens):
    # Waits for one byte more, as if every character had two at most.
    shown, kept = [], b""
    for token in tokens:
        kept += token
        whole = kept.decode(errors="ignore")
        shown.append(whole)
        rest = kept[len(whole.encode()) :]
        kept = rest[:1]
    return shown


def _with_the_rest(tokens):
    # Shows what is incomplete at the end, too.
    shown, kept = [], b""
    for i, token in enumerate(tokens):
        kept += token
        whole = kept.decode(errors="replace" if i == len(tokens) - 1 else "ignore")
        shown.append(whole)
        kept = kept[len(whole.encode()) :]
    return shown


def _emptied(tokens):
    shown, kept = [], b""
    while tokens:
        kept += tokens.pop(0)
        whole = kept.decode(errors="ignore")
        shown.append(whole)
        kept = kept[len(whole.encode()) :]
    return shown


def _mean(table):
    return sum(length * n for length, n in table.items()) / sum(table.values())


def _unweighted(table):
    return sum(table) / len(table)


def _harmonic(table):
    return sum(table.values()) / sum(n / length for length, n in table.items())


def _longest_first(text, vocabulary):
    used = 0
    while text:
        text = text[max(len(t) for t in vocabulary if text.startswith(t)) :]
        used += 1
    return used


def _longest_last(text, vocabulary):
    used = 0
    while text:
        text = text[: len(text) - max(len(t) for t in vocabulary if text.endswith(t))]
        used += 1
    return used


def _longest_anywhere(text, vocabulary):
    # Cuts the longest token out wherever it stands, then goes on with both sides.
    if not text:
        return 0
    longest = max((t for t in vocabulary if t in text), key=len)
    before, _, after = text.partition(longest)
    return 1 + _longest_anywhere(before, vocabulary) + _longest_anywhere(after, vocabulary)


def _by_merging(text, vocabulary):
    # Joins neighbours whose sum is a token, from the left, until none is left.
    word, going = list(text), True
    while going:
        going = False
        for i, (a, b) in enumerate(pairwise(word)):
            if a + b in vocabulary:
                word[i : i + 2], going = [a + b], True
                break
    return len(word)


def _each_token_once(text, vocabulary):
    if not text:
        return 0
    found = [
        1 + rest
        for i, t in enumerate(vocabulary)
        if text.startswith(t)
        and (rest := _each_token_once(text[len(t) :], vocabulary[:i] + vocabulary[i + 1 :]))
        is not None
    ]
    return min(found, default=len(text) if vocabulary else None)


def _pieces(text, vocabulary):
    # The tokens, not their number.
    best = [[]]
    for end in range(1, len(text) + 1):
        fitting = [t for t in vocabulary if text[:end].endswith(t)]
        best.append(min((best[end - len(t)] + [t] for t in fitting), key=len))
    return best[-1]


ATTACKS = {
    "merge_step": {
        "times forgotten": lambda w, t: _merge_step(w, t, weighted=False),
        "last of equals": lambda w, t: _merge_step(w, t, tie=_Reversed),
        "first seen of equals": lambda w, t: _merge_step(w, t, tie=lambda pair: 0),
        "from the right": lambda w, t: _merge_step(w, t, right=True),
        "each pair once a word": lambda w, t: _merge_step(w, t, overlap=False),
        "one merge a word": lambda w, t: _merge_step(w, t, once=True),
        "the first place in the text alone": lambda w, t: _merge_step(w, t, first_only=True),
        "the rarest pair": lambda w, t: _merge_step(w, t, least=True),
        "pair turned round": _swapped,
        "joined pair": _joined,
        "replaced in a joined text": _string_replace,
        "words unchanged": _unchanged,
        "words changed in place": _in_place,
        "always the same": lambda w, t: (("l", "o"), [["lo", "w"]]),
    },
    "decode_stream": {
        "each token alone, signs for what is cut": lambda tokens: [
            token.decode(errors="replace") for token in tokens
        ],
        "each token alone, cut bytes dropped": lambda tokens: [
            token.decode(errors="ignore") for token in tokens
        ],
        "each token alone, strictly": lambda tokens: [token.decode() for token in tokens],
        "bytes as Latin-1": lambda tokens: [token.decode("latin-1") for token in tokens],
        "one text": lambda tokens: b"".join(tokens).decode(errors="ignore"),
        "all so far, again and again": _whole_text_so_far,
        "waits until nothing is incomplete": _all_or_nothing,
        "keeps one byte only": _pairs_of_bytes,
        "shows the incomplete end": _with_the_rest,
        "empties the list": _emptied,
        "nothing for what adds nothing": lambda tokens: [
            text for text in _whole_text_so_far(tokens) if text
        ],
        "always the same": lambda tokens: ["low", "er", " 12"],
    },
    "equal_loss": {
        "ratio upside down": lambda loss, a, b: loss * _mean(a) / _mean(b),
        "unchanged": lambda loss, a, b: loss,
        "mean of the lengths, not of the tokens": lambda loss, a, b: (
            loss * _unweighted(b) / _unweighted(a)
        ),
        "harmonic mean": lambda loss, a, b: loss * _harmonic(b) / _harmonic(a),
        "as if the texts were one: ratio of the tokens": lambda loss, a, b: (
            loss * sum(a.values()) / sum(b.values())
        ),
        "ratio of the characters": lambda loss, a, b: (
            loss * sum(k * n for k, n in b.items()) / sum(k * n for k, n in a.items())
        ),
        "in bits": lambda loss, a, b: loss * _mean(b) / _mean(a) / math.log(2),
        "the longest token": lambda loss, a, b: loss * max(b) / max(a),
        "tables swapped in part": lambda loss, a, b: (
            loss * sum(k * n for k, n in b.items()) / sum(a.values())
        ),
        "changes a table": lambda loss, a, b: a.update({1: 0}) or loss * _mean(b) / _mean(a),
    },
    "fewest_tokens": {
        "the longest from the left": _longest_first,
        "the longest from the right": _longest_last,
        "the longest anywhere": _longest_anywhere,
        "pairs joined from the left": _by_merging,
        "letters": lambda text, vocabulary: len(text),
        "characters over the longest token": lambda text, vocabulary: math.ceil(
            len(text) / max(map(len, vocabulary))
        ),
        "each token once": _each_token_once,
        "the tokens themselves": _pieces,
        "one too many": lambda text, vocabulary: len(_pieces(text, vocabulary)) + 1,
        "sorts the vocabulary": lambda text, vocabulary: (
            vocabulary.sort() or len(_pieces(text, vocabulary))
        ),
        "always two": lambda text, vocabulary: 2,
    },
}
