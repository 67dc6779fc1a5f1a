"""Checkers of the exercises on the page "Writing with a recurrent network"."""

import math

import torch

from bigmodel_utils.checks import grade, random_tensor

__all__ = ["pairs", "share_of_new_runs", "tempered", "write_wave"]


def pairs(function):
    """Check ``function(tokens, length) -> (inputs, targets)``: rows that do not overlap."""
    return grade(
        function,
        [(_tokens(seed, n), length) for seed, (n, length) in enumerate(_SIZES)],
        _pairs_by_slices,
        hint="A row of inputs from start to start + length has its targets one place further on.",
    )


# The last row fits exactly; misses its last target by one; leaves some over; has one step.
_SIZES = [(13, 4), (12, 4), (17, 5), (8, 1), (30, 7)]


def _tokens(seed, n, kinds=50):
    return torch.randint(kinds, (n,), generator=torch.Generator().manual_seed(seed))


def _pairs_by_slices(tokens, length):
    inputs, targets, start = [], [], 0
    while start + length + 1 <= len(tokens):
        inputs.append(tokens[start : start + length])
        targets.append(tokens[start + 1 : start + length + 1])
        start += length
    return torch.stack(inputs), torch.stack(targets)


def write_wave(function):
    """Check ``function(first, second, frequency, n)``: the points of a sine that follow."""
    return grade(
        function,
        [(0.3, 0.8, 0.06, 12), (1.0, 0.2, 0.21, 7), (-0.5, -0.9, 0.13, 1), (0.0, 2.0, 0.4, 20)],
        _wave_by_its_phase,
        hint="Each point is 2 cos(2 pi f) times the one before it, less the one before that.",
    )


def _wave_by_its_phase(first, second, frequency, n):
    # A sin(2 pi f t) + B cos(2 pi f t) through both points; no recurrence.
    turn = 2 * math.pi * frequency
    B = first
    A = (second - B * math.cos(turn)) / math.sin(turn)
    points = [A * math.sin(turn * t) + B * math.cos(turn * t) for t in range(2, n + 2)]
    return torch.tensor(points, dtype=torch.float64)


def share_of_new_runs(function):
    """Check ``function(tokens, length)``: different runs, divided by all runs."""
    repeated = torch.tensor([1, 2, 3, 1, 2, 3, 1, 2, 3, 1])
    cases = [
        (repeated, 3),
        (repeated, 1),
        (_tokens(1, 60, kinds=3), 3),
        (_tokens(2, 60, kinds=2), 5),
        (torch.zeros(20, dtype=torch.long), 4),
        (torch.arange(15), 2),
        (torch.tensor([4, 4, 7]), 3),
    ]
    return grade(
        function,
        cases,
        _share_by_sets,
        hint="n tokens have n - length + 1 runs, which overlap; count each kind once.",
    )


def _share_by_sets(tokens, length):
    tokens = tokens.tolist()
    every = [tuple(tokens[i : i + length]) for i in range(len(tokens) - length + 1)]
    return len(set(every)) / len(every)


def tempered(function):
    """Check ``function(logits, temperature)``: probabilities (B, V); temperature 0 is greedy."""
    tied = torch.tensor([[1.0, 3.0, 3.0], [2.0, 2.0, 0.0]], dtype=torch.float64)
    cases = [
        (random_tensor(1, 3, 5), 1.0),
        (random_tensor(2, 2, 7), 0.5),
        (random_tensor(3, 4, 3), 1.7),
        (random_tensor(4, 3, 4), 0),
        (tied, 0),
        (1000 * random_tensor(5, 2, 6), 0.8),
    ]
    return grade(
        function,
        cases,
        _tempered_by_floats,
        hint="Divide the logits, then normalise each row; 0 cannot be divided by.",
    )


def _tempered_by_floats(logits, temperature):
    rows = []
    for row in logits.tolist():
        best = max(row)
        if temperature == 0:
            rows.append([float(i == row.index(best)) for i in range(len(row))])
            continue
        powers = [math.exp((z - best) / temperature) for z in row]
        rows.append([power / sum(powers) for power in powers])
    return torch.tensor(rows, dtype=logits.dtype)
