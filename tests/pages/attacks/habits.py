"""Realistic wrong answers to the exercises of "What a model picked up"."""

import torch

__all__ = ["ATTACKS"]


def _pick(z, tokens):
    return z[torch.arange(len(z)), tokens]


def _subsequence(first, second):
    table = [[0] * (len(second) + 1) for _ in range(len(first) + 1)]
    for i, a in enumerate(first):
        for j, b in enumerate(second):
            longer = max(table[i][j + 1], table[i + 1][j])
            table[i + 1][j + 1] = table[i][j] + 1 if a == b else longer
    return table[-1][-1]


def _from_the_start(first, second):
    run = 0
    for a, b in zip(first, second, strict=False):
        if a != b:
            break
        run += 1
    return run


def _same_places(first, second):
    best = run = 0
    for a, b in zip(first, second, strict=False):
        run = run + 1 if a == b else 0
        best = max(best, run)
    return best


ATTACKS = {
    "mean_margin": {
        "the wrong sign": lambda z, a, b: (_pick(z, b) - _pick(z, a)).mean(),
        "a difference of probabilities": lambda z, a, b: (
            _pick(z.softmax(1), a) - _pick(z.softmax(1), b)
        ).mean(),
        "a sum": lambda z, a, b: (_pick(z, a) - _pick(z, b)).sum(),
        "bits": lambda z, a, b: (_pick(z, a) - _pick(z, b)).mean() / torch.tensor(2.0).log(),
        "every row with every pair": lambda z, a, b: (z[:, a] - z[:, b]).mean(),
        "softmax over the prompts": lambda z, a, b: (
            _pick(z.log_softmax(0), a) - _pick(z.log_softmax(0), b)
        ).mean(),
    },
    "ranks": {
        "places in the order": lambda x: x.argsort().double() + 1,
        "ties by their place": lambda x: x.argsort(stable=True).argsort().double() + 1,
        "ties share the lowest": lambda x: (x[None] < x[:, None]).sum(1).double() + 1,
        "ties share the highest": lambda x: (x[None] <= x[:, None]).sum(1).double(),
        "from 0": lambda x: (
            (x[None] < x[:, None]).sum(1) + ((x[None] == x[:, None]).sum(1) - 1) / 2
        ).double(),
        "the largest first": lambda x: (
            (x[None] > x[:, None]).sum(1) + ((x[None] == x[:, None]).sum(1) + 1) / 2
        ).double(),
    },
    "area": {
        "ties count nothing": lambda c, r: (c[r][:, None] > c[~r]).double().mean(),
        "ties count whole": lambda c, r: (c[r][:, None] >= c[~r]).double().mean(),
        "the other way round": lambda c, r: (
            (c[r][:, None] < c[~r]).double() + 0.5 * (c[r][:, None] == c[~r])
        ).mean(),
        "the share right": lambda c, r: r.double().mean(),
        "a difference of means": lambda c, r: c[r].mean() - c[~r].mean(),
    },
    "longest_run": {
        "gaps allowed": _subsequence,
        "from the start only": _from_the_start,
        "the same places only": _same_places,
        "tokens in both": lambda first, second: len(set(first) & set(second)),
    },
}
