"""Realistic wrong answers to the exercises of "Interpretability: what a decision rests on"."""

import torch

__all__ = ["ATTACKS"]


def _shares(slope, x, baseline, steps, *, shift=0.5, factor=None, start=None, last=None):
    start = baseline if start is None else start
    points = [start + (k + shift) / (last or steps) * (x - start) for k in range(steps)]
    total = sum(slope(p) for p in points)
    return (x - baseline if factor is None else factor) * total / steps


def _paid(worth, orders, *, before=True):
    paid = torch.zeros(orders.shape).double()
    for row, order in enumerate(orders.tolist()):
        inside = 0
        for i in order:
            paid[row, i] = worth[inside + 2**i] - (worth[inside] if before else worth[0])
            inside += 2**i
    return paid


def _estimate(worth, orders, *, unbiased=True, root=True, before=True):
    paid = _paid(worth, orders, before=before)
    spread = paid.std(0, unbiased=unbiased)
    return paid.mean(0), spread / (len(orders) ** 0.5 if root else 1)


def _by_place(worth, orders):
    """What the k-th to join adds, not player k."""
    paid = _paid(worth, orders).gather(1, orders)
    return paid.mean(0), paid.std(0) / len(orders) ** 0.5


def _reversed_bits(worth, orders):
    return _estimate(worth, orders.shape[1] - 1 - orders)


def _mean_ranks(v):
    return (v[:, None] > v).sum(1) + (v[:, None] == v).sum(1) / 2


def _correlation(a, b):
    return torch.corrcoef(torch.stack([a, b]).double())[0, 1]


def _on_the_ink(one, other, picture, *, ranks=_mean_ranks, change=lambda v: v, everywhere=False):
    ink = picture > (-1 if everywhere else 0)
    return _correlation(*(ranks(change(v)[ink]) for v in (one, other)))


def _zeroed(one, other, picture):
    """The rest set to zero, and ranked along."""
    return _correlation(*(_mean_ranks((v * (picture > 0)).flatten()) for v in (one, other)))


def _erased(h, a, *, middle=None, square=True, reverse=False, delta=None):
    delta = h[a == 1].mean(0) - h[a == 0].mean(0) if delta is None else delta
    middle = h.mean(0) if middle is None else middle
    along = (h - middle) @ delta / (delta @ delta if square else delta.norm())
    return h + (1 if reverse else -1) * along[:, None] * delta


ATTACKS = {
    "shares": {
        "left ends": lambda *a: _shares(*a, shift=0.0),
        "right ends": lambda *a: _shares(*a, shift=1.0),
        "gradient at x": lambda slope, x, baseline, steps: (x - baseline) * slope(x),
        "times x": lambda slope, x, baseline, steps: _shares(slope, x, baseline, steps, factor=x),
        "not multiplied": lambda slope, x, baseline, steps: _shares(
            slope, x, baseline, steps, factor=1.0
        ),
        "from zero": lambda slope, x, baseline, steps: _shares(
            slope, x, baseline, steps, start=torch.zeros_like(x)
        ),
        "sum, not mean": lambda slope, x, baseline, steps: (
            steps * _shares(slope, x, baseline, steps) if steps > 1 else _shares(slope, x, x, 1)
        ),
    },
    "estimate": {
        "gain over nobody": lambda *a: _estimate(*a, before=False),
        "spread without m - 1": lambda *a: _estimate(*a, unbiased=False),
        "spread of one order": lambda *a: _estimate(*a, root=False),
        "by place in the order": _by_place,
        "bits reversed": _reversed_bits,
        "no errors": lambda *a: _estimate(*a)[0],
        "from behind": lambda worth, orders: _estimate(worth, orders.flip(1)),
    },
    "on_the_ink": {
        "all pixels": lambda *a: _on_the_ink(*a, everywhere=True),
        "not ranked": lambda *a: _on_the_ink(*a, ranks=lambda v: v),
        "without sign": lambda *a: _on_the_ink(*a, change=torch.abs),
        "ties by place": lambda *a: _on_the_ink(
            *a, ranks=lambda v: v.argsort(stable=True).argsort()
        ),
        "ties share the lowest": lambda *a: _on_the_ink(
            *a, ranks=lambda v: (v[:, None] > v).sum(1)
        ),
        "order for ranks": lambda *a: _on_the_ink(*a, ranks=lambda v: v.argsort(stable=True)),
        "the rest as zero": _zeroed,
    },
    "erased": {
        "mean not taken out": lambda h, a: _erased(h, a, middle=torch.zeros_like(h[0])),
        "length, not its square": lambda *a: _erased(*a, square=False),
        "added": lambda *a: _erased(*a, reverse=True),
        "middle of the two means": lambda h, a: _erased(
            h, a, middle=(h[a == 1].mean(0) + h[a == 0].mean(0)) / 2
        ),
        "mean of one class": lambda h, a: _erased(h, a, delta=h[a == 1].mean(0)),
        "a class moved": lambda h, a: h - a[:, None] * (h[a == 1].mean(0) - h[a == 0].mean(0)),
    },
}
