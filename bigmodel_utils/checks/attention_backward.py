"""Checkers of the exercises on the page "Attention, backward"."""

import math
from decimal import Decimal

import torch

from bigmodel_utils.checks import grade, random_tensor

__all__ = ["log_softmax_backward", "merge", "temperature_gradient", "window_tiles"]


def temperature_gradient(function):
    """Check ``function(s, tau, grad_p)``: s and grad_p (b, n), the result a tensor ()."""
    shapes = [(1, 3), (3, 5), (4, 2), (2, 1), (2, 7)]
    taus = [1.0, 0.5, 2.5, 0.7, 4.0]
    cases = [
        (2 * random_tensor(k, *shape), tau, random_tensor(10 + k, *shape))
        for k, (shape, tau) in enumerate(zip(shapes, taus, strict=True))
    ]
    return grade(
        function,
        cases,
        _temperature_by_autograd,
        hint="Go through u = s / tau: first the gradient of u, then du / dtau = -s / tau**2.",
    )


def _temperature_by_autograd(s, tau, grad_p):
    with torch.enable_grad():
        leaf = torch.tensor(tau, dtype=s.dtype, requires_grad=True)
        powers = (s / leaf).exp()
        p = powers / powers.sum(dim=1, keepdim=True)
        return torch.autograd.grad(p, leaf, grad_p)[0]


def merge(function):
    """Check ``function(a, b)``: states (m, l, o) of (t,), (t,) and (t, d_v); the result too."""
    settings = [
        # queries, width, keys of a, keys of b, size of the scores, size of their difference
        (1, 2, 3, 4, 1.0, 0.0),
        (4, 3, 5, 2, 3.0, 0.0),
        (3, 1, 2, 6, 30.0, 0.0),
        (2, 4, 3, 3, 5.0, 3000.0),
        (2, 2, 3, 3, 5.0, -3000.0),
        (5, 3, 4, 1, 2.0, 2.0),
    ]
    cases = [_states(seed, *setting) for seed, setting in enumerate(settings)]
    a, b = _states(50, 4, 3, 5, 2, 3.0, 0.0)
    cases.append((_emptied(a, [0, 2]), _emptied(b, [1])))
    return grade(
        function,
        cases,
        _merge_in_decimals,
        hint="Bring both sums to the larger of the two maxima, row by row, then add.",
    )


def _states(seed, t, d_v, n_a, n_b, size, apart):
    """Two states, over n_a and n_b keys; the scores of the second are higher by ``apart``."""
    states = []
    for part, n in enumerate((n_a, n_b)):
        s = size * random_tensor(100 * part + seed, t, n) + apart * part
        v = random_tensor(1000 + 100 * part + seed, n, d_v)
        m = s.amax(dim=1)
        p = (s - m[:, None]).exp()
        states.append((m, p.sum(dim=1), p @ v))
    return tuple(states)


def _emptied(state, rows):
    """The state in which these queries have seen no key."""
    m, total, o = (x.clone() for x in state)
    m[rows], total[rows], o[rows] = -math.inf, 0.0, 0.0
    return m, total, o


def _merge_in_decimals(a, b):
    # The plain sums of exponentials, which overflow floats and no decimals.
    m, total, o = torch.maximum(a[0], b[0]), torch.zeros_like(a[1]), torch.zeros_like(a[2])
    for row in range(len(m)):
        unit = Decimal(m[row].item()).exp()
        for state in (a, b):
            if state[0][row] == -math.inf:
                continue
            share = Decimal(state[0][row].item()).exp() / unit
            total[row] += float(share * Decimal(state[1][row].item()))
            for column in range(o.shape[1]):
                o[row, column] += float(share * Decimal(state[2][row, column].item()))
    return m, total, o


def log_softmax_backward(function):
    """Check ``function(s, grad_y)``: s and grad_y (b, n), the result (b, n)."""
    shapes = [(1, 3), (3, 5), (4, 2), (2, 1), (2, 6), (3, 4)]
    sizes = [1, 3, 2, 1, 2000, 100]
    cases = [
        (size * random_tensor(k, *shape), random_tensor(10 + k, *shape))
        for k, (shape, size) in enumerate(zip(shapes, sizes, strict=True))
    ]
    return grade(
        function,
        cases,
        _log_softmax_by_autograd,
        hint="dy_i / ds_j is [i = j] - p_j: what is summed over i, and what is p multiplied by?",
    )


def _log_softmax_by_autograd(s, grad_y):
    leaf = s.requires_grad_()  # grade hands over copies
    with torch.enable_grad():
        y = leaf - torch.logsumexp(leaf, dim=1, keepdim=True)
        return torch.autograd.grad(y, leaf, grad_y)[0]


def window_tiles(function):
    """Check ``function(n, size, w)``: the number of tiles that are not skipped."""
    cases = [
        (12, 4, 1),
        (12, 4, 2),
        (12, 4, 4),
        (12, 4, 5),
        (12, 4, 6),
        (13, 5, 6),
        (10, 3, 100),
        (7, 1, 3),
        (9, 16, 4),
        (40, 6, 13),
    ]
    return grade(
        function,
        cases,
        _tiles_by_pairs,
        hint="For each tile of queries: which is the earliest key that its first query sees?",
    )


def _tiles_by_pairs(n, size, w):
    allowed = ((i, j) for i in range(n) for j in range(n) if i - w < j <= i)
    return len({(i // size, j // size) for i, j in allowed})
