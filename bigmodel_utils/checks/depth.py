"""Checkers of the exercises on the page "Deep learning: why depth"."""

from fractions import Fraction
from itertools import pairwise

import torch

from bigmodel_utils.checks import grade, random_tensor

__all__ = ["crooked", "pieces", "readout", "units_needed"]


def readout(function):
    """Check ``function(features, y, penalty)``: ridge weights (H,) and a bias without penalty."""
    cases = []
    for seed, (n, width, penalty) in enumerate(
        [(7, 3, 0.5), (4, 6, 0.1), (5, 5, 3.0), (9, 1, 1.0)]
    ):
        features = random_tensor(seed, n, width) + 2
        cases.append((features, random_tensor(seed + 20, n) - 3, penalty))
    return grade(
        function,
        cases,
        _by_least_squares,
        hint="The bias pays no penalty: fit what is left after the means are taken out.",
    )


def _by_least_squares(features, y, penalty):
    n, width = features.shape
    rows = torch.cat([features, torch.ones(n, 1).double()], 1)
    more = penalty**0.5 * torch.eye(width, width + 1).double()
    target = torch.cat([y, torch.zeros(width).double()])[:, None]
    solution = torch.linalg.lstsq(torch.cat([rows, more]), target).solution[:, 0]
    return solution[:-1], solution[-1]


def pieces(function):
    """Check ``function(w1, b1, w2, low, high)``: the straight pieces of a hidden layer's output."""
    rows = [
        # Corners -1, 0.5, 2, of which the last is outside; one unit looks to the left.
        ([1, -2, 1], [1, 1, -2], [1, 3, -1], -2, 1),
        ([2, 0, 1, 4], [1, 1, 0, -4], [1, 5, 0, 1], -3, 3),  # without weight, before and behind
        ([1, 2, -4], [-1, -2, 4], [1, 1, 1], 0, 2),  # three corners at one place
        ([1, -2, 1], [-1, 2, 0], [2, -1, 1], -2, 2),  # two of which cancel
        ([1, 1], [4, -4], [1, 1], -1, 1),  # all outside
        ([1, -1, 3], [0, 0, -3], [1, 1, 1], -2, 2),  # both sides of zero: a bend
        ([1, 2, 1], [2, -4, 0], [1, 1, 1], -2, 2),  # two corners at the very ends: no piece more
    ]
    cases = [
        (*(torch.tensor(v, dtype=torch.float64) for v in row[:3]), float(row[3]), float(row[4]))
        for row in rows
    ]
    return grade(
        function,
        cases,
        _pieces_by_slopes,
        hint="A unit bends the output at -b1 / w1, by w2 |w1|; add up the bends at one place.",
    )


def _pieces_by_slopes(w1, b1, w2, low, high):
    """Count changes of the slope in exact arithmetic; all corners of the cases are eighths."""
    low, count = Fraction(low), int(8 * (high - low))
    units = list(zip(w1.tolist(), b1.tolist(), w2.tolist(), strict=True))
    places = [low + Fraction(i, 8) for i in range(count + 1)]
    values = [
        sum(Fraction(v) * max(Fraction(w) * x + Fraction(b), 0) for w, b, v in units)
        for x in places
    ]
    steps = [b - a for a, b in pairwise(values)]
    return 1 + sum(a != b for a, b in pairwise(steps))


def crooked(function):
    """Check ``function(tip, folds)``: layers of two units that apply a tent with that tip."""
    cases = [(0.25, 1), (0.75, 2), (0.3, 3), (0.5, 4), (0.8, 5)]

    def drawn(tip, folds):
        layers = function(tip, folds)
        if layers is None or layers is ...:
            return layers
        sizes = [len(bias) for _, bias in layers]
        if sizes != [2] * folds + [1]:
            raise ValueError(f"expected {folds} layers of two units and one output, got {sizes}")
        x = _places()[:, None]
        for weight, bias in layers[:-1]:
            x = torch.relu(x @ weight.T + bias)
        weight, bias = layers[-1]
        return (x @ weight.T + bias)[:, 0]

    return grade(
        drawn if callable(function) else function,
        cases,
        _folded,
        hint="The slope is 1 / tip before the tip and -1 / (1 - tip) behind it.",
    )


def _places():
    return torch.linspace(0, 1, 401, dtype=torch.float64)


def _folded(tip, folds):
    x = _places()
    for _ in range(folds):
        x = torch.minimum(x / tip, (1 - x) / (1 - tip))
    return x


def units_needed(function):
    """Check ``function(folds, error)``: the least number of units that the bound allows."""
    cases = [(1, 0.1), (5, 0.125), (8, 0.01), (10, 0.2), (20, 0.125), (4, 0.25), (6, 0.3), (7, 0.0)]
    return grade(
        function,
        cases,
        _by_trying,
        hint="H units make at most H bends, and the bound is 1/4 - H / 2^(k + 1).",
    )


def _by_trying(folds, error):
    low, high = -1, 2 ** (folds + 1)
    while high - low > 1:
        middle = (low + high) // 2
        allowed = Fraction(1, 4) - Fraction(middle, 2 ** (folds + 1)) <= Fraction(error)
        low, high = (low, middle) if allowed else (middle, high)
    return high
