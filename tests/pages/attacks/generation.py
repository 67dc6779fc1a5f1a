"""Realistic wrong answers to the exercises of "Writing with a language model"."""

import math
from collections import Counter
from itertools import pairwise

import torch

__all__ = ["ATTACKS"]


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


def _window(
    q,
    k,
    v,
    keys,
    values,
    window,
    *,
    scale=True,
    new=True,
    limit=True,
    cut_after=False,
    oldest=False,
    one_more=0,
    dim=-1,
    update=True,
    swap=False,
    root_of=-1,
):
    size = window + one_more
    old = keys, values
    if new:
        keys, values = torch.cat([keys, k], 2), torch.cat([values, v], 2)
    if limit and not cut_after:
        keep = slice(0, size) if oldest else slice(-size, None)
        keys, values = keys[:, :, keep], values[:, :, keep]
    scores = q @ keys.mT
    if scale:
        scores = scores / q.shape[root_of] ** 0.5
    out = scores.softmax(dim) @ values
    if cut_after:
        keys, values = keys[:, :, -size:], values[:, :, -size:]
    if swap:
        keys, values = values, keys
    return (out, keys, values) if update else (out, *old)


def _new_first(q, k, v, keys, values, window):
    keys, values = torch.cat([k, keys], 2)[:, :, :window], torch.cat([v, values], 2)[:, :, :window]
    return (q @ keys.mT / q.shape[-1] ** 0.5).softmax(-1) @ values, keys, values


def _written_into(q, k, v, keys, values, window):
    if keys.shape[2]:
        keys[:, :, 0] = 0
    return _window(q, k, v, keys, values, window)


def _guess(tokens, *, first=False, back=False, place=False, itself=False, missing=-1):
    guesses = []
    for row in tokens.tolist():
        places = [i for i, token in enumerate(row[: None if itself else -1]) if token == row[-1]]
        if not places:
            guesses.append(missing if missing is not None else row[-1])
            continue
        i = places[0 if first else -1]
        i = i - 1 if back else i + 1
        guesses.append(i if place else row[i % len(row)])
    return torch.tensor(guesses)


def _most_frequent(tokens):
    guesses = []
    for row in tokens.tolist():
        seen = Counter(b for a, b in pairwise(row) if a == row[-1])
        guesses.append(seen.most_common(1)[0][0] if seen else -1)
    return torch.tensor(guesses)


def _zeroed(tokens):
    guesses = _guess(tokens)
    tokens[:, 0] = -9
    return guesses


def _of_all_rows(tokens):
    row = tokens.flatten().tolist()
    followed = dict(pairwise(row))
    return torch.tensor([followed.get(t, -1) for t in tokens[:, -1].tolist()])


ATTACKS = {
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
        "changes its argument": lambda q, p: q.mul_(q > 0.1) / q.sum(1, keepdim=True),
        "always the same": lambda q, p: torch.full((4, 4), 0.25, dtype=q.dtype),
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
    "window_step": {
        "no scale": lambda *a: _window(*a, scale=False),
        "scale by the length": lambda *a: _window(*a, root_of=1),
        "no window": lambda *a: _window(*a, limit=False),
        "window beside the new one": lambda *a: _window(*a, one_more=1),
        "window of one less": lambda *a: _window(*a[:-1], a[-1] - 1 if a[-1] > 1 else 9),
        "attends to all, keeps the window": lambda *a: _window(*a, cut_after=True),
        "keeps the oldest": lambda *a: _window(*a, oldest=True),
        "the new position not seen": lambda *a: _window(*a, new=False),
        "softmax over the queries": lambda *a: _window(*a, dim=-2),
        "cache not updated": lambda *a: _window(*a, update=False),
        "keys and values swapped": lambda *a: _window(*a, swap=True),
        "the newest first": _new_first,
        "output alone": lambda *a: _window(*a)[0],
        "writes into the old keys": _written_into,
        "positions and heads swapped": lambda *a: tuple(x.transpose(1, 2) for x in _window(*a)),
    },
    "induction_guess": {
        "the first occurrence": lambda x: _guess(x, first=True),
        "the most frequent follower": _most_frequent,
        "what stood before": lambda x: _guess(x, back=True),
        "its place": lambda x: _guess(x, place=True),
        "finds itself": lambda x: _guess(x, itself=True),
        "0 for none": lambda x: _guess(x, missing=0),
        "itself for none": lambda x: _guess(x, missing=None),
        "over the batch": lambda x: _guess(x.T),
        "all rows as one": _of_all_rows,
        "the last token": lambda x: x[:, -1].clone(),
        "a list": lambda x: _guess(x).tolist(),
        "changes its argument": _zeroed,
        "always none": lambda x: torch.full((len(x),), -1),
    },
}
