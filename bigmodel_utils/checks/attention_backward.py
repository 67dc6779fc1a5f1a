"""Checkers of the exercises on the page "Attention, backward"."""

import math
from decimal import Decimal

import torch

from bigmodel_utils.checks import AUTOGRAD, grade, random_tensor

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
        forbidden=AUTOGRAD,
    )


def _temperature_by_autograd(s, tau, grad_p):
    with torch.enable_grad():
        leaf = torch.tensor(tau, dtype=s.dtype, requires_grad=True)
        powers = (s / leaf).exp()
        p = powers / powers.sum(dim=1, keepdim=True)
        return torch.autograd.grad(p, leaf, grad_p)[0]


def merge(function):
    """Check ``function(a, b)``: finished states (out, L) of (t, d_v) and (t,); the result too."""
    settings = [
        # queries, width, keys of a, keys of b, size of the scores, how much higher those of b are
        (1, 2, 3, 4, 1.0, 0.0),
        (4, 3, 5, 2, 3.0, 0.0),
        (3, 1, 2, 6, 30.0, 0.0),
        (2, 4, 3, 3, 5.0, 3000.0),
        (2, 2, 3, 3, 5.0, -3000.0),
        (5, 3, 4, 1, 2.0, 2.0),
    ]
    cases = [_finished(seed, *setting) for seed, setting in enumerate(settings)]
    a, b = _finished(50, 4, 3, 5, 2, 3.0, 0.0)
    cases.append((_emptied(a, [0, 2]), _emptied(b, [1])))
    cases.append((_emptied(a, [0, 2]), _emptied(b, [1, 2])))  # query 2 saw no key in either
    return grade(
        _without_infinity(function) if callable(function) else function,
        cases,
        _without_infinity(_merge_in_decimals),
        hint="e^L is a part's whole sum. What share of both has each part, safely computed?",
    )


def _without_infinity(function):
    """The state with a large number in the place of minus infinity, which grade would refuse."""

    def merged(a, b):
        answer = function(a, b)
        if not isinstance(answer, (tuple, list)) or len(answer) != 2:
            return answer
        out, log_sum = answer
        if isinstance(log_sum, torch.Tensor) and log_sum.is_floating_point():
            log_sum = log_sum.where(log_sum != -math.inf, -1e300)
        return out, log_sum

    return merged


def _finished(seed, t, d_v, n_a, n_b, size, apart):
    """Two finished states, over n_a and n_b keys; the second's scores are higher by ``apart``."""
    states = []
    for part, n in enumerate((n_a, n_b)):
        s = size * random_tensor(100 * part + seed, t, n) + apart * part - 1000
        v = random_tensor(1000 + 100 * part + seed, n, d_v)
        states.append((s.softmax(dim=1) @ v, s.logsumexp(dim=1)))
    return tuple(states)


def _emptied(state, rows):
    """The state in which these queries have seen no key."""
    out, log_sum = (x.clone() for x in state)
    out[rows], log_sum[rows] = 0.0, -math.inf
    return out, log_sum


def _merge_in_decimals(a, b):
    # The plain sums of exponentials, which overflow floats and no decimals.
    out, log_sum = torch.zeros_like(a[0]), torch.zeros_like(a[1])
    for row in range(len(out)):
        sums = [Decimal(x[1][row].item()).exp() for x in (a, b)]
        if not sum(sums):
            log_sum[row] = -math.inf
            continue
        log_sum[row] = float(sum(sums).ln())
        for state, part in zip((a, b), sums, strict=True):
            out[row] += float(part / sum(sums)) * state[0][row]
    return out, log_sum


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
        forbidden=AUTOGRAD,
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
