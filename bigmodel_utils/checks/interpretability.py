"""Checkers of the exercises on the page "Interpretability: what a decision rests on"."""

import itertools

import torch

from bigmodel_utils.checks import grade, random_tensor

__all__ = ["erased", "estimate", "on_the_ink", "shares"]


def shares(function):
    """Check ``function(slope, x, baseline, steps)``: integrated gradients by the midpoint rule."""
    cases = []
    for seed, (d, steps) in enumerate([(3, 4), (5, 7), (2, 1)]):
        x, baseline = random_tensor(seed, 2, d)
        cases.append((_slope, x, baseline, steps))
    return grade(
        function,
        cases,
        _by_points,
        hint="Take the slopes at the middle of each step on the way from the baseline to x.",
    )


def _slope(x):
    """Gradient of a polynomial of degree four with mixed terms, (d,)."""
    return 4 * x**3 + 2 * x * x.sum() + x.square().sum() + torch.arange(1.0, len(x) + 1).double()


def _by_points(slope, x, baseline, steps):
    places = [(2 * k + 1) / (2 * steps) for k in range(steps)]
    slopes = torch.stack([slope((1 - t) * baseline + t * x) for t in places])
    return (x - baseline) * slopes.mean(0)


def estimate(function):
    """Check ``function(worth, orders)``: sampled Shapley values and their standard errors."""
    cases = []
    for seed, (n, m) in enumerate([(3, 4), (4, 9), (5, 2)]):
        g = torch.Generator().manual_seed(seed)
        orders = torch.rand(m, n, generator=g).argsort(1)
        cases.append((random_tensor(seed, 2**n) + 3, orders))
    return grade(
        function,
        cases,
        _by_sets,
        hint="Pay each player what the coalition gains when it joins, in every order.",
    )


def _by_sets(worth, orders):
    m, n = orders.shape
    rows = []
    for order in orders.tolist():
        totals = list(itertools.accumulate((1 << i for i in order), initial=0))
        steps = zip(order, itertools.pairwise(totals), strict=True)
        gains = {i: worth[b] - worth[a] for i, (a, b) in steps}
        rows.append(torch.stack([gains[i] for i in range(n)]))
    paid = torch.stack(rows)
    mean = paid.sum(0) / m
    return mean, ((paid - mean).square().sum(0) / (m - 1) / m).sqrt()


def on_the_ink(function):
    """Check ``function(one, other, picture)``: rank correlation over the inked pixels."""
    cases = []
    for seed, (h, w) in enumerate([(4, 6), (7, 3), (5, 5)]):
        one, other, picture = (random_tensor(10 * seed + k, h, w) for k in range(3))
        # Rounded for ties, and related, so that no correlation is near zero.
        cases.append(((2 * one).round(), one.abs() + other, picture.clamp_min(0)))
    return grade(
        function,
        cases,
        _by_counting,
        hint="Rank only the pixels with ink, give equal values their mean rank, keep the sign.",
    )


def _by_counting(one, other, picture):
    rows = (v.flatten().tolist() for v in (one, other, picture))
    pairs = [(a, b) for a, b, p in zip(*rows, strict=True) if p > 0]
    columns = []
    for values in zip(*pairs, strict=True):
        ordered = sorted(values)
        places = {v: [i for i, u in enumerate(ordered) if u == v] for v in set(values)}
        columns.append(torch.tensor([sum(places[v]) / len(places[v]) for v in values]).double())
    a, b = (v - v.mean() for v in columns)
    return (a * b).sum() / (a.square().sum() * b.square().sum()).sqrt()


def erased(function):
    """Check ``function(h, a)``: activations without the difference of two classes' means."""
    cases = []
    for seed, (n, d) in enumerate([(9, 3), (14, 5), (8, 2)]):
        a = (torch.arange(n) % 3 == 0).long()  # not half of them
        h = random_tensor(seed, n, d) + 2 + a[:, None] * random_tensor(seed + 50, d)
        cases.append((h, a))
    return grade(
        function,
        cases,
        _by_basis,
        hint="Project on the difference of the class means, after the overall mean is taken out.",
    )


def _by_basis(h, a):
    """Write h in an orthonormal basis that begins with the difference, and level its first."""
    delta = (h * a[:, None]).sum(0) / a.sum() - (h * (1 - a)[:, None]).sum(0) / (1 - a).sum()
    start = torch.cat([delta[:, None], torch.eye(len(delta)).double()], 1)
    basis = torch.linalg.qr(start)[0]  # (d, d)
    written = h @ basis
    written[:, 0] = written[:, 0].mean()
    return written @ basis.T
