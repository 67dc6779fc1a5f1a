"""Realistic wrong answers to the exercises of "Splitting the model"."""

import math

import torch
from torch.nn import functional

__all__ = ["ATTACKS"]


def _output(x, parts, b2, *, each=False, bias=True, mean=False, curve=True, last=True):
    outputs = []
    for w1, b1, w2 in parts:
        h = x @ w1.T + (b1 if bias else 0)
        outputs.append((functional.gelu(h) if curve else h) @ w2.T + (b2 if each else 0))
    total = sum(outputs) / (len(outputs) if mean else 1)
    total = total if curve else functional.gelu(total)
    return total if each or not last else total + b2


def _fewest(p, v, percent, *, up=True, multiple=True, ideal=False, chunks=True, strict=False):
    v = v if chunks else 1
    m = (p - 1) * (100 if ideal else 100 - percent) / (percent * v)
    m = math.floor(m + 1) if strict else math.ceil(m) if up else math.floor(m)
    m = max(m, 1)
    return p * math.ceil(m / p) if multiple else m


def _pairs(t, n, owner, *, one=1):
    size, work = t // (2 * n), [0] * n
    for query in range(t):
        work[owner(query, size)] += query + one
    return work


def _zigzag(query, size, n):
    piece = query // size
    return min(piece, 2 * n - 1 - piece)


def _table(choices, least=None):
    n = len(choices) if least is None else least
    return [c.bincount(minlength=n).tolist() for c in choices]


def _counts(rank, choices, *, swap=False):
    table = _table(choices)
    sent, got = table[rank], [row[rank] for row in table]
    return (got, sent) if swap else (sent, got)


def _bytes(layers, b, t, d, n, size, *, sums=4, ring=2, own=1):
    return layers * sums * ring * (n - own) / n * b * t * d * size


ATTACKS = {
    "output_of": {
        "output bias on every rank": lambda *a: _output(*a, each=True),
        "mean of the ranks": lambda *a: _output(*a, mean=True),
        "curve after the sum": lambda *a: _output(*a, curve=False),
        "hidden bias left out": lambda *a: _output(*a, bias=False),
        "output bias left out": lambda *a: _output(*a, last=False),
        "first rank alone": lambda x, parts, b2: _output(x, parts[:1], b2),
        "outputs side by side": lambda x, parts, b2: torch.cat(
            [functional.gelu(x @ w1.T + b1) @ w2.T for w1, b1, w2 in parts], -1
        ),
    },
    "fewest_micro_batches": {
        "not a multiple of p": lambda *a: _fewest(*a, multiple=False),
        "share of the work": lambda *a: _fewest(*a, ideal=True),
        "chunks forgotten": lambda *a: _fewest(*a, chunks=False),
        "less than percent": lambda *a: _fewest(*a, strict=True),
        "rounded down": lambda p, v, s: max(p, p * ((100 - s) * (p - 1) // (s * v * p))),
        "groups for micro-batches": lambda *a: _fewest(*a) // a[0],
        "none for one stage": lambda p, v, s: p * math.ceil((100 - s) * (p - 1) / (s * v * p)),
    },
    "zigzag_work": {
        "in one piece each": lambda t, n: _pairs(t, n, lambda i, size: i // (2 * size)),
        "dealt in turn": lambda t, n: _pairs(t, n, lambda i, size: i % n),
        "pieces r and r + n": lambda t, n: _pairs(t, n, lambda i, size: i // size % n),
        "own key left out": lambda t, n: _pairs(t, n, lambda i, s: _zigzag(i, s, n), one=0),
        "half of all pairs": lambda t, n: [t * t / 2 / n] * n,
        "masked pairs too": lambda t, n: [t * t // n] * n,
        "first piece alone": lambda t, n: [
            sum(range(r * (t // (2 * n)) + 1, (r + 1) * (t // (2 * n)) + 1)) for r in range(n)
        ],
    },
    "counts_of": {
        "exchanged": lambda *a: _counts(*a, swap=True),
        "sent twice": lambda rank, choices: (_counts(rank, choices)[0],) * 2,
        "without zeros at the end": lambda rank, choices: (
            choices[rank].bincount().tolist(),
            _counts(rank, choices)[1],
        ),
        "own tokens left out": lambda rank, choices: tuple(
            [0 if r == rank else k for r, k in enumerate(some)] for some in _counts(rank, choices)
        ),
        "all tokens of each rank": lambda rank, choices: (
            _counts(rank, choices)[0],
            [len(c) for c in choices],
        ),
        "tensors": lambda rank, choices: tuple(map(torch.tensor, _counts(rank, choices))),
    },
    "tensor_bytes": {
        "forward alone": lambda *a: _bytes(*a, sums=2),
        "a sum for q, k and v each": lambda *a: _bytes(*a, sums=6),
        "half a ring": lambda *a: _bytes(*a, ring=1),
        "own part sent": lambda *a: _bytes(*a, own=0),
        "numbers for bytes": lambda *a: _bytes(*a[:-1], 1),
        "of all ranks": lambda *a: a[4] * _bytes(*a),
    },
}
