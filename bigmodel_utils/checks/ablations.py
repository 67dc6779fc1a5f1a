"""Checkers of the exercises on the page "What each part is worth"."""

import itertools
import statistics

import torch

from bigmodel_utils.checks import grade, random_tensor

__all__ = ["best_without_order", "looks_ahead", "paired_effect", "take_apart"]


def paired_effect(function):
    """Check ``function(with_part, without)``: (n,) each to (mean difference, standard error)."""
    shared = 5 * random_tensor(9, 6)  # what a seed gives both arms: unpaired errors are larger
    cases = [
        (random_tensor(1, 5), random_tensor(2, 5)),
        (shared + random_tensor(3, 6), shared + random_tensor(4, 6)),
        (random_tensor(5, 2) + 3, random_tensor(6, 2)),
        (random_tensor(7, 12), random_tensor(8, 12) + 1),
    ]
    return grade(
        function,
        cases,
        _effect_by_statistics,
        hint="Take the differences first, seed by seed; the standard error is their standard "
        "deviation, with n - 1, over the root of n.",
    )


def _effect_by_statistics(with_part, without):
    differences = [a - b for a, b in zip(with_part.tolist(), without.tolist(), strict=True)]
    return statistics.fmean(differences), statistics.stdev(differences) / len(differences) ** 0.5


def best_without_order(function):
    """Check ``function(names, numbers, asked)``: the probability of the best guess, a float."""
    cases = [
        ([0, 1, 0, 2], [3, 1, 2, 2], 0),  # two that differ
        ([0, 1, 0, 2], [3, 1, 2, 2], 1),  # one card only
        ([2, 2, 2, 1, 2], [0, 3, 0, 0, 1], 2),  # most frequent is no majority
        ([1, 1, 1], [2, 2, 2], 1),
        ([3, 0, 3, 0, 3, 0], [1, 1, 1, 2, 0, 2], 0),
        ([3, 0, 3, 0, 3, 0], [1, 1, 1, 2, 0, 2], 3),
    ]
    return grade(
        function,
        cases,
        _best_by_orders,
        hint="Of the cards with the asked name each is the last equally often; guess the number "
        "that most of them have.",
    )


def _best_by_orders(names, numbers, asked):
    # Shuffle the cards in every way and count which number would have been right.
    right = {}
    for order in itertools.permutations(range(len(names))):
        (last,) = [i for i in order if names[i] == asked][-1:]
        right[numbers[last]] = right.get(numbers[last], 0) + 1
    return max(right.values()) / sum(right.values())


def take_apart(function):
    """Check ``function(o, m)``: (n,) to values 1 or -1, float64 (n, m)."""
    cases = []
    for seed, (n, m) in enumerate([(5, 2), (8, 3), (1, 1), (20, 4), (30, 6)]):
        values = random_tensor(seed, n, m).sign()
        weights = 2.0 ** torch.arange(m - 1, -1, -1).double()
        error = (random_tensor(20 + seed, n).tanh() / 4) * 2 / (2**m - 1)
        cases.append((values @ weights / weights.sum() + error, m))
    return grade(
        function,
        cases,
        _values_by_table,
        hint="Between -1 and 1 there are two to the power of m averages at equal distances; the "
        "number of one, written in binary, is the answer.",
    )


def _values_by_table(o, m):
    rows = torch.tensor(list(itertools.product([-1.0, 1.0], repeat=m)), dtype=torch.float64)
    weights = 2.0 ** torch.arange(m - 1, -1, -1).double()
    distance = (o[:, None] - rows @ weights / weights.sum()).abs()
    return rows[distance.argmin(1)]


def looks_ahead(function):
    """Check ``function(model, tokens, vocab_size)``: whether a later token is seen."""
    cases = []
    shapes = [(1, 6, 5), (2, 4, 3), (3, 7, 4)]
    for seed, (b, t, vocab_size) in enumerate(shapes):
        tokens = random_tensor(seed, b, t, vocab_size).argmax(2)
        seen = torch.ones(t, t).tril()
        ahead = [seen.clone() for _ in range(4)]
        ahead[0][:] = 1  # no mask at all
        ahead[1][0, 1] = 1  # one place sees the next token
        ahead[2][0, t - 1] = 1  # the first sees the last
        ahead[3][t - 2, t - 1] = 1
        for allowed in (seen, torch.eye(t), *ahead):
            cases.append((_Mixer(seed, allowed, vocab_size), tokens, vocab_size))
    return grade(
        function,
        cases,
        lambda model, tokens, vocab_size: bool(model.allowed.triu(1).any()),
        hint="Change one token at a time and compare the logits of all places before it.",
    )


class _Mixer:
    """Logits (b, t, V): sums over the allowed places, with a weight of its own for each pair."""

    def __init__(self, seed, allowed, vocab_size):
        self.allowed = allowed
        self.weight = allowed.double() * (1 + random_tensor(seed + 50, *allowed.shape).square())
        self.table = random_tensor(seed + 70, vocab_size, vocab_size)

    def __call__(self, tokens):
        return self.weight @ self.table[tokens]
