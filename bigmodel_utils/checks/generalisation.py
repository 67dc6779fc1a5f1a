"""Checkers of the exercises on the page "Generalisation"."""

import math

import torch

from bigmodel_utils.checks import grade, random_tensor

__all__ = ["best_penalties", "keep", "linear_model", "worth"]


def linear_model(function):
    """Check ``function(weights, seen, new, noise)``: bias and variance of sums of the targets."""
    cases = []
    for seed, (m, n, noise) in enumerate([(3, 5, 0.5), (4, 2, 2.0), (1, 6, 1.5)]):
        cases.append(
            (
                random_tensor(seed, m, n),
                random_tensor(seed + 20, n),
                random_tensor(seed + 40, m),
                noise,
            )
        )
    return grade(
        function,
        cases,
        _by_all_signs,
        hint="The mean answer is what the true values give; each target's noise is independent.",
    )


def _by_all_signs(weights, seen, new, noise):
    """All 2^n draws of noise that is plus or minus its standard deviation."""
    n = len(seen)
    bits = torch.arange(2**n)[:, None] >> torch.arange(n) & 1
    answers = (seen + noise * (2.0 * bits.double() - 1)) @ weights.T  # (2^n, m)
    return answers.mean(0) - new, answers.var(0, correction=0)


def keep(function):
    """Check ``function(n, p, known, noise)``: how many examples have the least expected error."""
    cases = [
        (40, 60, 0.5, 0.5), (40, 40, 0.3, 0.5), (41, 40, 1.0, 0.2), (100, 40, 0.3, 0.5),
        (60, 59, 0.9, 0.1), (30, 10, 0.1, 2.0), (52, 50, 0.5, 1.0), (6, 8, 1.0, 0.05),
        (100, 10, 1.0, 0.3),
    ]  # fmt: skip
    return grade(
        function,
        cases,
        _by_looking_at_all,
        hint="Try every number of examples, on both sides of the peak, with its bias.",
    )


def _by_looking_at_all(n, p, known, noise):
    best, found = 0, math.inf
    for count in range(1, n + 1):
        unseen = noise * noise + (1 - known)
        if count >= p + 2:
            error = unseen * (count - 1) / (count - p - 1)
        elif count <= p - 2:
            error = unseen * (p - 1) / (p - count - 1) + known * (p - count) / p
        else:
            continue
        if error < found - 1e-12:
            best, found = count, error
    return best


def best_penalties(function):
    """Check ``function(roots, sizes, noise)``: a penalty for each weight, and what is left."""
    cases = []
    for seed, (p, noise) in enumerate([(3, 0.5), (5, 2.0), (1, 1.5)]):
        roots, sizes = (random_tensor(seed + k, p).abs() + 0.2 for k in (0, 20))
        cases.append((roots, sizes, noise))
    return grade(
        function,
        cases,
        _by_shrinking,
        hint="Each weight is a problem of its own, and its best penalty is noise over signal.",
    )


def _by_shrinking(roots, sizes, noise):
    """The best linear answer is the signal's share of what is seen, weight by weight."""
    seen = roots * sizes**2 + noise**2  # variance of a sum of products, over its root
    share = roots * sizes**2 / seen
    left = (1 - share) ** 2 * sizes**2 + share**2 * noise**2 / roots
    return roots * (1 - share) / share, left.sum()


def worth(function):
    """Check ``function(counts, errors, error)``: the factor of data with the same error."""
    cases = [
        ([300, 600, 1200], [0.13, 0.1, 0.07], 0.085),
        ([300, 600, 1200], [0.13, 0.1, 0.07], 0.1),
        ([300, 600, 1200], [0.13, 0.1, 0.07], 0.13),
        ([100, 1000], [0.4, 0.1], 0.2),
        ([50, 80, 200, 900], [0.5, 0.45, 0.2, 0.19], 0.22),
        ([50, 80, 200, 900], [0.5, 0.45, 0.2, 0.19], 0.19),
    ]
    return grade(
        function,
        cases,
        _by_bisection,
        hint="Take logarithms of counts and errors, and a straight line between two points.",
    )


def _by_bisection(counts, errors, error):
    low, high = math.log(counts[0]), math.log(counts[-1])
    for _ in range(200):
        middle = (low + high) / 2
        i = max(k for k in range(len(counts) - 1) if math.log(counts[k]) <= middle)
        a, b = math.log(counts[i]), math.log(counts[i + 1])
        height = ((b - middle) * math.log(errors[i]) + (middle - a) * math.log(errors[i + 1])) / (
            b - a
        )
        low, high = (middle, high) if height > math.log(error) else (low, middle)
    return math.exp(high) / counts[0]
