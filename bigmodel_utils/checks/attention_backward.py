"""Checkers of the exercises on the page "Attention, backward"."""

import math
from decimal import Decimal

import torch

from bigmodel_utils.checks import AUTOGRAD, grade, random_tensor
from bigmodel_utils.words import say

__all__ = [
    "log_softmax_backward",
    "merge",
    "temperature_gradient",
    "tile_backward",
    "window_tiles",
]


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


def tile_backward(function):
    """Check ``function(q, k, v, log_sum, row_sum, grad_out, cap)`` on a tile of capped scores.

    q, grad_out, log_sum and row_sum are those of the tile's queries, (b_q, d), (b_q, d_v), (b_q, 1)
    and (b_q, 1); k and v of its keys. The result: the tile's shares of three gradients.
    """
    settings = [
        # queries, keys, d, d_v, size of a tile, cap
        (5, 7, 3, 2, (2, 3), 1.0),
        (4, 6, 2, 5, (4, 6), 3.0),
        (3, 5, 4, 1, (2, 1), 0.5),
        (6, 4, 5, 3, (1, 3), 20.0),
    ]
    cases = []
    for seed, (t, s, d, d_v, size, cap) in enumerate(settings):
        shapes = (t, d), (s, d), (s, d_v), (t, d_v)
        tensors = [2 * random_tensor(10 * seed + i, *shape) for i, shape in enumerate(shapes)]
        cases.append((*tensors, size, cap))
    return grade(
        _summed_over_tiles(function) if callable(function) else function,
        cases,
        _capped_by_autograd,
        hint="With u = q k / sqrt(d), a score is cap * tanh(u / cap); its derivative by u is "
        "1 - tanh(u / cap)**2.",
        forbidden=AUTOGRAD,
    )


def _summed_over_tiles(function):
    """Three whole gradients from the reader's tiles."""

    def gradients(q, k, v, grad_out, size, cap):
        scores = cap * (q @ k.T / math.sqrt(q.shape[1]) / cap).tanh()
        log_sum = scores.logsumexp(dim=1, keepdim=True)
        row_sum = (grad_out * ((scores - log_sum).exp() @ v)).sum(dim=1, keepdim=True)
        whole = [torch.zeros_like(x) for x in (q, k, v)]
        for i in range(0, len(q), size[0]):
            for j in range(0, len(k), size[1]):
                rows, columns = slice(i, i + size[0]), slice(j, j + size[1])
                of_queries = (log_sum[rows].clone(), row_sum[rows].clone(), grad_out[rows].clone())
                parts = function(
                    q[rows].clone(), k[columns].clone(), v[columns].clone(), *of_queries, cap
                )
                if parts is None or parts is ...:
                    return None
                if not isinstance(parts, (tuple, list)) or len(parts) != 3:
                    raise TypeError(say("expected three tensors, got {parts!r}", parts=parts))
                for total, part, place in zip(whole, parts, (rows, columns, columns), strict=True):
                    if part.shape != total[place].shape:
                        shapes = tuple(part.shape), tuple(total[place].shape)
                        text = say("got shape {got}, expected {expected}", got=shapes[0],
                                   expected=shapes[1])  # fmt: skip
                        raise ValueError(text)
                    total[place] += part
        return tuple(whole)

    return gradients


def _capped_by_autograd(q, k, v, grad_out, size, cap):
    with torch.enable_grad():
        leaves = [x.clone().requires_grad_() for x in (q, k, v)]
        scores = cap * (leaves[0] @ leaves[1].T / math.sqrt(q.shape[1]) / cap).tanh()
        return torch.autograd.grad(scores.softmax(dim=1) @ leaves[2], leaves, grad_out)
