"""Realistic wrong answers to the exercises of "A language model"."""

import math
from collections import Counter
from itertools import pairwise

import torch

__all__ = ["ATTACKS"]

LN_2 = math.log(2)


def _bits(loss, tokens, *, base=LN_2, size=len, count=None, flip=False):
    characters = size("".join(tokens)) if size is not None else len(tokens)
    number = len(tokens) if count is None else count
    return loss / base * (characters / number if flip else number / characters)


def _top_p(
    probabilities,
    p,
    *,
    rescale=True,
    include=True,
    at_least_one=True,
    back=True,
    strict=False,
    softmax=False,
    across=False,
):
    probabilities = probabilities.T if across else probabilities
    ordered, tokens = probabilities.sort(dim=1, descending=True, stable=True)
    total = ordered.cumsum(1)
    before = total - ordered if include else total
    drop = before > p if strict else before >= p
    if at_least_one:
        drop[:, 0] = False
    kept = ordered.masked_fill(drop, 0)
    if softmax:
        kept = ordered.masked_fill(drop, -torch.inf).softmax(1)
    elif rescale:
        kept = kept / kept.sum(1, keepdim=True)
    result = torch.zeros_like(kept).scatter(1, tokens, kept) if back else kept
    return result.T if across else result


def _above_threshold(probabilities, p):
    kept = probabilities.masked_fill(probabilities < 1 - p, 0)
    return kept / kept.sum(1, keepdim=True).clamp(min=1e-12)


def _least_likely(probabilities, p):
    ordered, tokens = probabilities.sort(dim=1, stable=True)
    kept = ordered.masked_fill(ordered.cumsum(1) - ordered >= p, 0)
    return torch.zeros_like(kept).scatter(1, tokens, kept / kept.sum(1, keepdim=True))


def _one_cut_for_all_rows(probabilities, p):
    ordered, tokens = probabilities.sort(dim=1, descending=True, stable=True)
    number = int((ordered[0].cumsum(0) - ordered[0] < p).sum())
    kept = ordered.masked_fill(torch.arange(ordered.shape[1]) >= number, 0)
    return torch.zeros_like(kept).scatter(1, tokens, kept / kept.sum(1, keepdim=True))


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


class _Reversed:
    """Sorts the largest pair first."""

    def __init__(self, pair):
        self.pair = pair

    def __lt__(self, other):
        return self.pair > other.pair


def _temperature(logits, entropy, *, base=1.0, multiply=False, steps=200, low=1e-6, high=1e6):
    for _ in range(steps):
        middle = math.sqrt(low * high)
        z = logits * middle if multiply else (logits - logits.max()) / middle
        q = z.softmax(0)
        found = -(torch.xlogy(q, q)).sum().item() / base
        if (found < entropy) != multiply:
            low = middle
        else:
            high = middle
    return middle


def _by_power(logits, entropy):
    # Tempers the probabilities twice.
    low, high = 1e-6, 1e6
    p = logits.softmax(0).softmax(0)
    for _ in range(200):
        middle = math.sqrt(low * high)
        q = (p ** (1 / middle)) / (p ** (1 / middle)).sum()
        if -torch.xlogy(q, q).sum() < entropy:
            low = middle
        else:
            high = middle
    return middle


def _linear(logits, entropy):
    q = logits.softmax(0)
    return entropy / -torch.xlogy(q, q).sum().item()


ATTACKS = {
    "bits_per_character": {
        "nats, not bits": lambda loss, tokens: _bits(loss, tokens, base=1),
        "base 10": lambda loss, tokens: _bits(loss, tokens, base=math.log(10)),
        "bits a token": lambda loss, tokens: loss / math.log(2),
        "ratio upside down": lambda loss, tokens: _bits(loss, tokens, flip=True),
        "bytes, not characters": lambda loss, tokens: _bits(
            loss, tokens, size=lambda text: len(text.encode())
        ),
        "one token fewer": lambda loss, tokens: _bits(loss, tokens, count=max(1, len(tokens) - 1)),
        "perplexity": lambda loss, tokens: math.exp(loss),
        "mean of the tokens' lengths in place of characters": lambda loss, tokens: (
            loss / math.log(2) / (sum(map(len, tokens)) / len(tokens)) * len(tokens)
        ),
        "spaces not counted": lambda loss, tokens: _bits(
            loss, tokens, size=lambda text: len("".join(text.split())) or 1
        ),
    },
    "top_p": {
        "not rescaled": lambda q, p: _top_p(q, p, rescale=False),
        "the token that crosses is dropped": lambda q, p: _top_p(q, p, include=False),
        "nothing may stay": lambda q, p: _top_p(q, p, include=False, at_least_one=False),
        "left in sorted order": lambda q, p: _top_p(q, p, back=False),
        "one too many where the sum is exact": lambda q, p: _top_p(q, p, strict=True),
        "softmax of probabilities": lambda q, p: _top_p(q, p, softmax=True),
        "over the batch": lambda q, p: _top_p(q, p, across=True),
        "a threshold on each probability": _above_threshold,
        "the least likely": _least_likely,
        "the first row's cut for all": _one_cut_for_all_rows,
        "unchanged": lambda q, p: q.clone(),
    },
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
        "words unchanged": _unchanged,
    },
    "temperature_of_entropy": {
        "bits": lambda z, h: _temperature(z, h, base=math.log(2)),
        "inverse temperature": lambda z, h: 1 / _temperature(z, h),
        "logits multiplied": lambda z, h: _temperature(z, h, multiply=True),
        "too coarse": lambda z, h: _temperature(z, h, steps=12),
        "an interval that ends at 1": lambda z, h: _temperature(z, h, high=1.0),
        "softmax twice": _by_power,
        "entropy taken as proportional": _linear,
        "perplexity in place of entropy": lambda z, h: _temperature(z, math.log(1 + h)),
    },
}
