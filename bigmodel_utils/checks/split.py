"""Checkers of the exercises on the page "Splitting the model"."""

from fractions import Fraction

import torch
from torch.nn import functional

from bigmodel_utils.checks import grade, random_tensor

__all__ = [
    "counts_of",
    "fewest_micro_batches",
    "output_of",
    "tensor_bytes",
    "zigzag_work",
]


def output_of(function):
    """Check ``function(x, parts, b2)``: x (b, d), parts of (h, d), (h,) and (d, h), b2 (d,)."""
    cases = []
    for seed, (b, d, widths) in enumerate([(3, 5, [4, 4]), (2, 3, [6]), (4, 2, [1, 3, 2, 5])]):
        parts = [
            (
                random_tensor(100 * seed + i, h, d),
                random_tensor(100 * seed + 10 + i, h),
                random_tensor(100 * seed + 20 + i, d, h),
            )
            for i, h in enumerate(widths)
        ]
        cases.append((random_tensor(seed, b, d), parts, random_tensor(50 + seed, d)))
    return grade(
        function,
        cases,
        _joined,
        hint="The ranks' outputs are added; what is a copy on every rank must count once.",
    )


def _joined(x, parts, b2):
    w1, b1, w2 = (torch.cat([part[k] for part in parts], dim) for k, dim in enumerate((0, 0, 1)))
    hidden = functional.gelu(functional.linear(x, w1, b1))
    return functional.linear(hidden, w2, b2)


def fewest_micro_batches(function):
    """Check ``function(p, v, percent)``: the smallest m, by trying every one."""
    cases = [(4, 1, 10), (4, 2, 10), (1, 1, 5), (3, 1, 20), (8, 3, 7), (2, 5, 90), (16, 2, 1)]
    cases += [(2, 1, 20), (6, 2, 25)]  # the first is met exactly
    return grade(
        function,
        cases,
        _fewest_by_trying,
        hint="The share is of all the time, bubble included, and m is a whole number of groups.",
    )


def _fewest_by_trying(p, v, percent):
    m = p
    while Fraction(p - 1, v * m + p - 1) > Fraction(percent, 100):
        m += p
    return m


def zigzag_work(function):
    """Check ``function(t, n)``: pairs of a query and a key for each rank."""
    return grade(
        function,
        [(8, 4), (12, 2), (12, 3), (2, 1), (40, 4)],
        _pairs_one_by_one,
        hint="The query at position i reads i + 1 keys. Which positions does a rank hold?",
    )


def _pairs_one_by_one(t, n):
    size, work = t // (2 * n), [0] * n
    for query in range(t):
        piece = query // size
        rank = piece if piece < n else 2 * n - 1 - piece
        work[rank] += sum(1 for key in range(t) if key <= query)
    return work


def counts_of(function):
    """Check ``function(rank, choices)``: tokens sent to and got from every rank."""
    cases = []
    for seed, (rank, tokens) in enumerate([(0, [5, 4]), (2, [7, 0, 6, 3]), (1, [2, 9, 4])]):
        generator = torch.Generator().manual_seed(seed)
        choices = [torch.randint(len(tokens), (k,), generator=generator) for k in tokens]
        cases.append((rank, choices))
    cases.append((1, [torch.tensor([0, 0, 0]), torch.tensor([0]), torch.tensor([1, 0])]))
    return grade(
        function,
        cases,
        _counted_one_by_one,
        hint="Make the table of all counts. What a rank sends and what it gets are a row and a "
        "column of it, zeros included.",
    )


def _counted_one_by_one(rank, choices):
    sent, got = [0] * len(choices), [0] * len(choices)
    for source, chosen in enumerate(choices):
        for expert in chosen.tolist():
            if source == rank:
                sent[expert] += 1
            if expert == rank:
                got[source] += 1
    return sent, got


def tensor_bytes(function):
    """Check ``function(layers, b, t, d, n, size)``: bytes sent by one rank."""
    cases = [(1, 2, 8, 12, 4, 8), (3, 1, 5, 7, 2, 2), (2, 4, 16, 10, 5, 4), (6, 2, 3, 5, 1, 2)]
    return grade(
        function,
        cases,
        _bytes_of_rings,
        atol=1e-6,
        hint="Count the all-reduces of a layer, forward and backward; a ring sends 2 (n - 1) "
        "parts of each, and a part is 1/n of the tensor.",
    )


def _bytes_of_rings(layers, b, t, d, n, size):
    total = Fraction(0)
    part = Fraction(b * t * d * size, n)
    for _ in range(layers):
        for _forward_and_backward in range(2):
            for _attention_and_feed_forward in range(2):
                total += (n - 1) * part  # add up
                total += (n - 1) * part  # pass on
    return float(total)
