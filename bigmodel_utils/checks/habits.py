"""Checkers of the exercises on the page "What a model picked up"."""

import math

import torch

from bigmodel_utils.checks import grade, random_tensor

__all__ = ["area", "longest_run", "mean_margin", "ranks"]


def mean_margin(function):
    """Check ``function(logits, right, wrong)``: (b, vocab), (b,), (b,) -> mean log ratio."""
    cases = [
        (random_tensor(1, 3, 7), torch.tensor([6, 0, 3]), torch.tensor([1, 5, 2])),
        (9 * random_tensor(2, 5, 4), torch.tensor([0, 1, 2, 3, 0]), torch.tensor([3, 3, 0, 1, 2])),
        (random_tensor(3, 1, 9) + 80, torch.tensor([8]), torch.tensor([2])),
    ]
    return grade(
        function,
        cases,
        _margin_by_loops,
        hint="The softmax divides both by the same sum, so the logarithm of the ratio is a "
        "difference of logits; each row has its own pair.",
    )


def _margin_by_loops(logits, right, wrong):
    margins = []
    for row, a, b in zip(logits.tolist(), right.tolist(), wrong.tolist(), strict=True):
        heated = [math.exp(z - max(row)) for z in row]
        total = math.fsum(heated)
        margins.append(math.log(heated[a] / total) - math.log(heated[b] / total))
    return torch.tensor(math.fsum(margins) / len(margins), dtype=torch.float64)


def ranks(function):
    """Check ``function(x)``: (n,) -> ranks from 1, ties share the mean."""
    cases = [
        (random_tensor(1, 6),),
        (torch.tensor([2.0, 1.0, 2.0, 3.0, 2.0, 0.5], dtype=torch.float64),),
        (torch.tensor([1.0, 1.0, 4.0, 4.0], dtype=torch.float64),),
        (random_tensor(2, 11).round(),),
    ]
    return grade(
        function,
        cases,
        _ranks_by_sorting,
        hint="Three equal numbers on the ranks 3, 4 and 5 all get 4.",
    )


def _ranks_by_sorting(x):
    ordered = sorted(x.tolist())
    places = {v: [i + 1 for i, w in enumerate(ordered) if w == v] for v in ordered}
    return torch.tensor([sum(places[v]) / len(places[v]) for v in x.tolist()], dtype=torch.float64)


def area(function):
    """Check ``function(confidence, right)``: (n,), (n,) bool -> the area under the curve."""
    ties = torch.tensor([0.9, 0.5, 0.5, 0.2, 0.5, 0.9], dtype=torch.float64)
    cases = [
        (random_tensor(1, 9), random_tensor(2, 9) > 0),
        (ties, torch.tensor([True, True, False, False, True, False])),
        (random_tensor(3, 12).round(), torch.arange(12) % 5 == 1),
        (torch.full((5,), 0.3, dtype=torch.float64), torch.arange(5) < 2),
    ]
    return grade(
        lambda confidence, right: _number(function(confidence, right)),
        cases,
        _area_by_curve,
        hint="Compare each right answer with each wrong one; a tie is half a win.",
    )


def _number(value):
    return value if value is None or value is ... else torch.as_tensor(value).double()


def _area_by_curve(confidence, right):
    # The trapezoids under the curve that a falling threshold draws.
    values, kinds = confidence.tolist(), right.tolist()
    total = 0.0
    x = y = 0.0
    for threshold in sorted(set(values), reverse=True):
        new_x = sum(v >= threshold and not k for v, k in zip(values, kinds, strict=True))
        new_y = sum(v >= threshold and k for v, k in zip(values, kinds, strict=True))
        total += (new_x - x) * (new_y + y) / 2
        x, y = new_x, new_y
    return torch.tensor(total / (x * y), dtype=torch.float64)


def longest_run(function):
    """Check ``function(first, second)``: lists of tokens -> length of the longest common run."""
    cases = [
        ([1, 2, 3, 4, 5], [9, 2, 3, 4, 8]),
        ([1, 2, 3], [1, 5, 2, 5, 3]),
        ([4, 4, 4, 1], [4, 4, 2, 4, 4, 4, 4]),
        ([7], [8, 9]),
        ([3, 1, 2, 3, 1, 2, 3, 4], [2, 3, 1, 2, 3, 4, 3, 1]),
        ([5, 6, 7, 8], [1, 2, 5, 6]),
    ]
    return grade(
        lambda first, second: _number(function(first, second)),
        cases,
        _longest_by_pieces,
        hint="A run is without gaps, and may begin at different places in the two texts.",
    )


def _longest_by_pieces(first, second):
    def pieces(tokens, size):
        return {tuple(tokens[i : i + size]) for i in range(len(tokens) - size + 1)}

    sizes = range(1, min(len(first), len(second)) + 1)
    found = [size for size in sizes if pieces(first, size) & pieces(second, size)]
    return torch.tensor(max(found, default=0), dtype=torch.float64)
