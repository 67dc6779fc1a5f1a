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


def _temperature_by_autograd(s, tau, grad_p):
    leaf = torch.tensor(tau, dtype=s.dtype, requires_grad=True)
    return torch.autograd.grad((s / leaf).softmax(-1), leaf, grad_p)[0]


def _log_softmax_by_autograd(s, grad_y):
    leaf = s.clone().requires_grad_()
    leaf.log_softmax(-1).backward(grad_y)
    return leaf.grad


def _merge_of_nothing(a, b, log_sum):
    out, total = _merge(a, b)
    nothing = total == -torch.inf
    return out.where(~nothing[:, None], 0), total.where(~nothing, log_sum)


def _a_number_a_row(s, tau, grad_p):
    p = (s / tau).softmax(-1)
    return -(p * (grad_p - (p * grad_p).sum(-1, keepdim=True)) * s).sum(-1) / tau**2


def _merge(a, b, *, swapped=False, kept=False, one=False, base=None):
    total = torch.logaddexp(a[1], b[1])
    largest = torch.maximum(a[1], b[1])
    reference = {None: total, "max": largest, "first": a[1]}[base]
    if one:  # the same shares for all queries
        reference = reference.logsumexp(0).expand_as(reference)
    share_a, share_b = (a[1] - reference).exp(), (b[1] - reference).exp()
    if swapped:
        share_a, share_b = share_b, share_a
    out = share_a[:, None] * a[0] + share_b[:, None] * b[0]
    return out, largest if kept else total


def _unshifted(a, b):
    power_a, power_b = a[1].exp(), b[1].exp()
    total = power_a + power_b
    return (power_a[:, None] * a[0] + power_b[:, None] * b[0]) / total[:, None], total.log()


def _mean(a, b):
    return (a[0] + b[0]) / 2, torch.logaddexp(a[1], b[1])


def _sum(a, b):
    return a[0] + b[0], torch.logaddexp(a[1], b[1])


def _weighted_by_log_sums(a, b):
    share = (a[1] / (a[1] + b[1])).nan_to_num(0.5)[:, None]
    return share * a[0] + (1 - share) * b[0], torch.logaddexp(a[1], b[1])


def _log_sums_added(a, b):
    return _merge(a, b)[0], a[1] + b[1]


def _larger_alone(a, b):
    out = torch.where((a[1] > b[1])[:, None], a[0], b[0])
    return out, torch.logaddexp(a[1], b[1])


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


def _tile(q, k, v, log_sum, row_sum, grad_out, cap, **wrong):
    """The tile's shares of the three gradients, with one thing wrong."""
    u = q @ k.T / q.shape[1] ** 0.5
    capped = u if wrong.get("uncapped") else cap * (u / cap).tanh()
    p = capped.softmax(1) if wrong.get("own_softmax") else (capped - log_sum).exp()
    grad_p = grad_out @ v.T
    if wrong.get("row_sum") == "of the tile":
        row_sum = (p * grad_p).sum(1, keepdim=True)
    grad_s = p * (grad_p - (0 if wrong.get("row_sum") == "none" else row_sum))
    slope = {"cap": (1 - (u / cap).tanh() ** 2) * cap, "tanh": 1 - (u / cap).tanh()}
    grad_u = grad_s * slope.get(wrong.get("slope"), 1 - (u / cap).tanh() ** 2)
    if wrong.get("slope") == "none":
        grad_u = grad_s
    scale = 1 if wrong.get("unscaled") else q.shape[1] ** -0.5
    of_v = p.T @ grad_out if not wrong.get("values") else grad_u.T @ grad_out
    return grad_u @ k * scale, grad_u.T @ q * scale, of_v


def _tile_by_autograd(q, k, v, log_sum, row_sum, grad_out, cap):
    with torch.enable_grad():
        leaves = [x.clone().requires_grad_() for x in (q, k, v)]
        scores = cap * (leaves[0] @ leaves[1].T / q.shape[1] ** 0.5 / cap).tanh()
        return torch.autograd.grad((scores - log_sum).exp() @ leaves[2], leaves, grad_out)


ATTACKS = {
    "temperature_gradient": {
        "autograd": _temperature_by_autograd,
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
        "nothing seen in either half is not a number": _merge,
        "nothing seen in either half has L = 0": lambda a, b: _merge_of_nothing(a, b, 0.0),
        "nothing seen in either half has L = +inf": lambda a, b: _merge_of_nothing(a, b, torch.inf),
        "shares exchanged": lambda a, b: _merge(a, b, swapped=True),
        "larger L kept for the sum's": lambda a, b: _merge(a, b, kept=True),
        "relative to the maximum, not divided": lambda a, b: _merge(a, b, base="max"),
        "relative to the first part": lambda a, b: _merge(a, b, base="first"),
        "the same shares for all queries": lambda a, b: _merge(a, b, one=True),
        "through exp(L), which overflows": _unshifted,
        "mean of the outputs": _mean,
        "sum of the outputs": _sum,
        "weighted by L": _weighted_by_log_sums,
        "L added": _log_sums_added,
        "only the larger part": _larger_alone,
    },
    "log_softmax_backward": {
        "autograd": _log_softmax_by_autograd,
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
    "tile_backward": {
        "the plain scores' gradient": lambda *a: _tile(*a, slope="none"),
        "scores without the cap": lambda *a: _tile(*a, uncapped=True),
        "softmax of the tile alone": lambda *a: _tile(*a, own_softmax=True),
        "row sum of the tile alone": lambda *a: _tile(*a, row_sum="of the tile"),
        "no row sum": lambda *a: _tile(*a, row_sum="none"),
        "slope times the cap": lambda *a: _tile(*a, slope="cap"),
        "tanh, not squared": lambda *a: _tile(*a, slope="tanh"),
        "scale forgotten": lambda *a: _tile(*a, unscaled=True),
        "values from the scores' gradient": lambda *a: _tile(*a, values=True),
        "queries and keys exchanged": lambda *a: (_tile(*a)[1], _tile(*a)[0], _tile(*a)[2]),
        "autograd": _tile_by_autograd,
        "two of three": lambda *a: _tile(*a)[:2],
    },
}
