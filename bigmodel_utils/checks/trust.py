"""Checkers of the exercises on the page "How far to trust a number"."""

from fractions import Fraction

import torch

from bigmodel_utils.checks import grade, random_tensor

__all__ = ["alarms", "digits_needed", "equal_groups", "sets_by_class"]


def digits_needed(function):
    """Check ``function(error, delta, models)``: errorless test digits that prove an error rate."""
    cases = [(0.01, 0.05, 1), (0.01, 0.05, 100), (0.1, 0.01, 7), (0.5, 0.25, 1), (0.003, 0.1, 3)]
    return grade(
        function,
        cases,
        _by_trying,
        hint="No error in n digits has the chance (1 - e)^n; each model has its share of delta.",
    )


def _by_trying(error, delta, models):
    """Multiply exactly until what is left is rare enough."""
    right, left, n = 1 - Fraction(str(error)), Fraction(1), 0
    while left > Fraction(str(delta)) / models:
        left, n = left * right, n + 1
        left = left.limit_denominator(10**30)
    return n


def equal_groups(function):
    """Check ``function(confidence, right, bins)``: the ECE in groups of equally many answers."""
    cases = []
    for seed, (n, bins) in enumerate([(12, 3), (20, 4), (15, 5), (8, 1)]):
        confidence = random_tensor(seed, n).sigmoid()
        cases.append((confidence, (random_tensor(seed + 20, n) > -0.5).double(), bins))
    return grade(
        function,
        cases,
        _group_by_group,
        hint="Sort by confidence first; within a group the gaps cancel, between groups not.",
    )


def _group_by_group(confidence, right, bins):
    pairs = sorted(zip(confidence.tolist(), right.tolist(), strict=True))
    size, total = len(pairs) // bins, 0.0
    for b in range(bins):
        group = pairs[b * size : (b + 1) * size]
        total += abs(sum(r for _, r in group) - sum(c for c, _ in group)) / len(pairs)
    return torch.tensor(total, dtype=torch.float64)


def sets_by_class(function):
    """Check ``function(old, y, new, alpha)``: conformal sets with a threshold for each class."""
    cases = []
    for seed, (n, m, classes, alpha) in enumerate(
        [(60, 7, 3, 0.1), (40, 5, 4, 0.3), (12, 6, 3, 0.05), (50, 9, 2, 0.2)]
    ):
        old = random_tensor(seed, n, classes).softmax(1)
        new = random_tensor(seed + 20, m, classes).softmax(1)
        y = torch.arange(n) ** 2 % classes if classes > 3 else torch.arange(n) % classes
        cases.append((old, y, new, alpha))
    return grade(
        function,
        cases,
        _by_ranks,
        hint="Per class: k = ceil((1 - alpha)(its digits + 1)), the k-th smallest of its scores.",
    )


def _by_ranks(old, y, new, alpha):
    """A class stays out if too many of its calibration scores are smaller."""
    answer = torch.zeros(new.shape, dtype=torch.bool)
    for c in range(old.shape[1]):
        scores = [1 - p for p in old[y == c, c].tolist()]
        for i, p in enumerate(new[:, c].tolist()):
            smaller = sum(score < 1 - p for score in scores)
            answer[i, c] = smaller < Fraction(str(1 - alpha)) * (len(scores) + 1)
    return answer


def alarms(function):
    """Check ``function(clean, distances, alpha)``: items whose p-value is at most alpha."""
    cases = []
    for seed, (n, m, alpha) in enumerate([(19, 9, 0.1), (30, 8, 0.05), (9, 7, 0.2), (12, 5, 0.01)]):
        clean = random_tensor(seed, n).abs() + 0.1
        distances = random_tensor(seed + 20, m).abs()
        distances[:2] = clean.sort().values[:2]  # as near as the nearest clean ones
        distances[2] = 0
        cases.append((clean, distances, alpha))
    return grade(
        function,
        cases,
        _by_counting,
        hint="Count the clean distances that are at most the item's, add the item itself.",
    )


def _by_counting(clean, distances, alpha):
    answer = []
    for d in distances.tolist():
        among = 1 + sum(c <= d for c in clean.tolist())
        answer.append(Fraction(among, len(clean) + 1) <= Fraction(str(alpha)))
    return torch.tensor(answer)
