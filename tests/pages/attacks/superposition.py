"""Realistic wrong answers to the exercises of "More features than dimensions"."""

import torch
import torch.nn.functional as F

__all__ = ["ATTACKS"]


def _ratio(W, b, x, *, relu=torch.relu, centre=True, keep=None, mean=False):
    off = (relu(x @ W.T @ W + b) - x).square()
    centred = x - x.mean(0) if centre else x
    values = torch.linalg.eigvalsh(centred.T @ centred)
    left = values[: -(keep or len(W))]
    return (off.mean() if mean else off.sum()) / left.sum()


def _upside_down(W, b, x):
    """The largest eigenvalues left over, not the smallest."""
    centred = x - x.mean(0)
    left = torch.linalg.eigvalsh(centred.T @ centred)[len(W) :]
    return (torch.relu(x @ W.T @ W + b) - x).square().sum() / left.sum()


def _covariance(W, b, x):
    """The sum of squares over one more than the number of examples."""
    return _ratio(W, b, x) * (len(x) - 1)


def _above(D, *, unit=True, diagonal=True, square=True, pairs=True, bound=True):
    n, d = D.shape
    D = F.normalize(D, dim=1) if unit else D
    cosines = D @ D.T
    total = cosines.square().sum() if square else cosines.abs().sum()
    total = total - n if diagonal else total
    mean = total / (n * (n - 1) if pairs else n * n)
    return mean * d * (n - 1) / (n - d) if bound else mean


def _score(D, h, A, b, c, U, *, unit=True, absolute=False, other_way=False, relu=True, shift=True):
    size = (lambda v: F.normalize(v, dim=1)) if unit else (lambda v: v)
    cosines = size(D) @ size(U).T
    cosines = cosines.abs() if absolute else cosines
    near = cosines.amax(0 if other_way else 1).mean()
    z = (h - c if shift else h) @ A.T + b
    on = (z > 0) if relu else (z != 0)
    return near, on.double().mean()


ATTACKS = {
    "against_the_linear_code": {
        "no ReLU": lambda *a: _ratio(*a, relu=lambda v: v),
        "not centred": lambda *a: _ratio(*a, centre=False),
        "one dimension more": lambda W, b, x: _ratio(W, b, x, keep=len(W) + 1),
        "mean over sum": lambda *a: _ratio(*a, mean=True),
        "the largest left over": _upside_down,
        "covariance": _covariance,
        "bias forgotten": lambda W, b, x: _ratio(W, 0 * b, x),
    },
    "above_the_bound": {
        "lengths left in": lambda D: _above(D, unit=False),
        "pairs with itself": lambda D: _above(D, diagonal=False),
        "not squared": lambda D: _above(D, square=False),
        "n squared pairs": lambda D: _above(D, pairs=False),
        "without the bound": lambda D: _above(D, bound=False),
        "columns for rows": lambda D: _above(D.T) if D.shape[1] > 2 else _above(D, bound=False),
    },
    "score": {
        "dot products": lambda *a: _score(*a, unit=False),
        "sign lost": lambda *a: _score(*a, absolute=True),
        "nearest truth of each found": lambda *a: _score(*a, other_way=True),
        "all that is not zero": lambda *a: _score(*a, relu=False),
        "offset left in": lambda *a: _score(*a, shift=False),
        "best only": lambda D, h, A, b, c, U: (
            (F.normalize(D, dim=1) @ F.normalize(U, dim=1).T).max(),
            _score(D, h, A, b, c, U)[1],
        ),
    },
}
