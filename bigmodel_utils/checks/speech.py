"""Checkers of the exercises on the page "Speech with an RNN"."""

import math

import torch

from bigmodel_utils.checks import grade, padded_batch

__all__ = ["masked_mean", "readout", "subtract_mean", "width_for"]


def _cases():
    return [
        padded_batch(1, [3, 5, 1], 5, 2, 0.0),
        padded_batch(2, [2, 4], 7, 3, 9.0),
        padded_batch(3, [4, 4, 4, 4], 4, 2, 0.0),
        padded_batch(4, [1, 6, 3, 2], 6, 1, math.nan),
        padded_batch(5, [5], 8, 4, math.inf),
        padded_batch(6, [2, 3, 3], 3, 3, -1e3),
    ]


def masked_mean(function):
    """Check ``function(x, lengths)``: the mean over the real steps, NaN in the padding."""
    return grade(
        function,
        _cases(),
        lambda x, lengths: torch.stack([row[:n].mean(0) for row, n in _rows(x, lengths)]),
        hint="Divide by each row's own length, and keep 0 * nan out of the sum.",
    )


def readout(function):
    """Check ``function(out, lengths)``: the final state of each direction of a packed layer."""
    return grade(
        function,
        [
            padded_batch(seed, lengths, size, 2 * m, fill)
            for seed, lengths, size, m, fill in _STATES
        ],
        _by_directions,
        atol=0,
        hint="Forward ends at step lengths[n] - 1; backward runs the other way and ends at step 0.",
    )


_STATES = [
    (1, [3, 5, 1], 5, 2, 0.0),
    (2, [2, 4], 7, 3, 9.0),
    (3, [4, 4, 4, 4], 4, 1, 0.0),
    (4, [1, 6, 3, 2], 6, 4, math.nan),
    (5, [5], 8, 2, math.inf),
]


def _by_directions(out, lengths):
    m = out.shape[2] // 2
    return torch.stack([torch.cat([row[:n, :m][-1], row[0, m:]]) for row, n in _rows(out, lengths)])


def subtract_mean(function):
    """Check ``function(x, lengths)``: every sequence minus the mean of its real steps."""
    return grade(
        function,
        _cases(),
        _centred,
        hint="The mean is over the real steps; the padding of the result is zero.",
    )


def _rows(x, lengths):
    return list(zip(x, lengths.tolist(), strict=True))


def _centred(x, lengths):
    result = torch.zeros_like(x)
    for out, (row, n) in zip(result, _rows(x, lengths), strict=True):
        out[:n] = row[:n] - row[:n].sum(0) / n
    return result


def width_for(function):
    """Check ``function(budget, gates, directions, d, classes)``: the width nearest a budget."""
    cases = [
        (6200, 1, 1, 12, 9),
        (6200, 4, 1, 12, 9),
        (6200, 3, 2, 12, 9),
        (20000, 3, 1, 5, 3),
        (1000, 4, 2, 7, 4),
        (500, 1, 2, 30, 2),
        (9000, 1, 2, 3, 60),
        (5, 4, 2, 12, 9),
        (30_000, 1, 1, 1, 40),
        (17, 1, 1, 2, 1),  # 1, 2 and 3 units have 7, 15 and 25 parameters
        (20, 1, 1, 2, 1),
    ]
    return grade(
        function,
        cases,
        _width_by_counting,
        atol=0,
        hint="Two biases a gate; the last layer has one row of weights and a bias a class.",
    )


def _width_by_counting(budget, gates, directions, d, classes):
    # Counted on real layers, of the plain cell, and multiplied by the gates.
    best = None
    for m in range(1, 2 + int(math.sqrt(budget / (directions * gates)))):
        cell = torch.nn.RNN(d, m, bidirectional=directions == 2, device="meta")
        dense = torch.nn.Linear(directions * m, classes, device="meta")
        count = gates * sum(p.numel() for p in cell.parameters())
        error = abs(count + sum(p.numel() for p in dense.parameters()) - budget)
        if best is None or error < best[0]:
            best = error, m
    return best[1]
