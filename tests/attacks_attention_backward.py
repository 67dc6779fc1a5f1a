"""Realistic wrong answers to the exercises of "Attention, backward"."""

import torch

__all__ = ["ATTACKS"]


def _temperature(
    s, tau, grad_p, *, sign=-1.0, power=2, centred=True, axis=-1, heated=True, raw=False, mean=False
):
    p = (s / tau if heated else s).softmax(axis)
    row_sum = (p * grad_p).sum(axis, keepdim=True) if centred else 0
    grad_u = p * (grad_p - row_sum)
    total = grad_u.sum() if raw else (grad_u * s).sum()
    return sign * total / tau**power / (len(s) if mean else 1)


def _a_number_a_row(s, tau, grad_p):
    p = (s / tau).softmax(-1)
    return -(p * (grad_p - (p * grad_p).sum(-1, keepdim=True)) * s).sum(-1) / tau**2


def _merge(a, b, *, first=True, second=True, o_too=True, l_too=True, swapped=False, one_m=False):
    m = torch.maximum(a[0], b[0])
    if one_m:  # one maximum for all queries
        m = m.max().expand_as(m)
    one = torch.ones_like(m)
    r_a, r_b = (a[0] - m).exp() if first else one, (b[0] - m).exp() if second else one
    if swapped:
        r_a, r_b = r_b, r_a
    o = r_a[:, None] * a[2] + r_b[:, None] * b[2] if o_too else a[2] + b[2]
    return m, r_a * a[1] + r_b * b[1] if l_too else a[1] + b[1], o


def _unshifted(a, b):
    (m_a, l_a, o_a), (m_b, l_b, o_b) = a, b
    m = torch.maximum(m_a, m_b)
    power_a, power_b, unit = m_a.exp(), m_b.exp(), m.exp()
    o = power_a[:, None] * o_a + power_b[:, None] * o_b
    return m, (power_a * l_a + power_b * l_b) / unit, o / unit[:, None]


def _normalised(a, b):
    m, total, o = _merge(a, b)
    return m, total, o / total[:, None]


def _sum_of_maxima(a, b):
    _, total, o = _merge(a, b)
    return torch.logaddexp(a[0], b[0]), total, o


def _only_where_b_is_larger(a, b):
    # Right while the second state holds the larger score, as in a rising sequence.
    r = (a[0] - b[0]).exp()
    return torch.maximum(a[0], b[0]), r * a[1] + b[1], r[:, None] * a[2] + b[2]


def _log_softmax(s, grad_y, *, p=None, total=True, axis=-1, sign=-1.0, weighted=False, shift=True):
    powers = (s - s.amax(-1, keepdim=True)).exp() if shift else s.exp()
    p = powers / powers.sum(-1, keepdim=True)
    if weighted:
        return p * (grad_y - (p * grad_y).sum(-1, keepdim=True))
    return grad_y + sign * p * (grad_y.sum(axis, keepdim=True) if total else 1)


def _each_its_own(s, grad_y):
    return grad_y * (1 - s.softmax(-1))


def _through_the_logarithm(s, grad_y):
    # y = log(p) and the softmax one after the other: 0 / 0 where p has underflowed.
    p = s.softmax(-1)
    grad_p = grad_y / p
    return p * (grad_p - (p * grad_p).sum(-1, keepdim=True))


def _window(n, size, w, *, behind=1, last=False, whole=False, limit=True):
    count = 0
    for start in range(0, n, size):
        row = min(start + size, n) - 1 if last else start
        first = row - w + behind
        if limit:
            first = max(0, first)
        count += (start // size) - (first // size) + 1
    return count + (n // size if whole else 0)


ATTACKS = {
    "temperature_gradient": {
        "sign lost": lambda *a: _temperature(*a, sign=1.0),
        "1 / tau, not squared": lambda *a: _temperature(*a, power=1),
        "row sum forgotten": lambda *a: _temperature(*a, centred=False),
        "softmax along the wrong axis": lambda *a: _temperature(*a, axis=0),
        "weights without the temperature": lambda *a: _temperature(*a, heated=False),
        "factor s forgotten": lambda *a: _temperature(*a, raw=True),
        "mean over the rows": lambda *a: _temperature(*a, mean=True),
        "one number a row": _a_number_a_row,
        "derivative by 1 / tau": lambda *a: _temperature(*a, sign=1.0, power=0),
    },
    "merge": {
        "first not rescaled": lambda a, b: _merge(a, b, first=False),
        "second not rescaled": lambda a, b: _merge(a, b, second=False),
        "accumulator not rescaled": lambda a, b: _merge(a, b, o_too=False),
        "sum not rescaled": lambda a, b: _merge(a, b, l_too=False),
        "factors exchanged": lambda a, b: _merge(a, b, swapped=True),
        "one maximum for all queries": lambda a, b: _merge(a, b, one_m=True),
        "through exp(m), which overflows": _unshifted,
        "normalised too early": _normalised,
        "log of the sum for the maximum": _sum_of_maxima,
        "right only while scores rise": _only_where_b_is_larger,
    },
    "log_softmax_backward": {
        "sum over the row forgotten": lambda *a: _log_softmax(*a, total=False),
        "sum over the batch": lambda *a: _log_softmax(*a, axis=0),
        "sign": lambda *a: _log_softmax(*a, sign=1.0),
        "the softmax's own backward pass": lambda *a: _log_softmax(*a, weighted=True),
        "diagonal of the Jacobian alone": _each_its_own,
        "exponential without a shift": lambda *a: _log_softmax(*a, shift=False),
        "through log(p), 0 / 0 in the tails": _through_the_logarithm,
        "upstream gradient alone": lambda s, grad_y: grad_y.clone(),
    },
    "window_tiles": {
        "window one too long": lambda *a: _window(*a, behind=0),
        "window one too short": lambda *a: _window(*a, behind=2),
        "from the tile's last query": lambda *a: _window(*a, last=True),
        "keys before the first counted": lambda *a: _window(*a, limit=False),
        "causal, no window": lambda n, size, w: (-(-n // size)) * (-(-n // size) + 1) // 2,
        "all tiles": lambda n, size, w: (-(-n // size)) ** 2,
        "diagonal tiles alone": lambda n, size, w: -(-n // size),
        "last part-filled tile dropped": lambda n, size, w: _window(n // size * size, size, w),
        "pairs over the size of a tile": lambda n, size, w: -(-n * w // size**2),
    },
}
