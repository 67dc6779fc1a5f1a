"""Realistic wrong answers to the exercises of "Training at lower cost"."""

import math

import torch

__all__ = ["ATTACKS"]


def _limits(e, m, *, top=1, low=1, half=1, normal=0, front=0):
    bias = 2 ** (e - 1) - top
    largest = (2 - 2.0 ** -(m + front)) * 2.0**bias
    smallest = 2.0 ** (low - (2 ** (e - 1) - 1))
    return largest, smallest, smallest * 2.0 ** -(m + normal), 2.0 ** -(m + half)


def _chance(x, noise, fraction, *, up=False, away=False, nearest=False, spacing=0, flip=False):
    exponent = torch.frexp(x).exponent - 1
    step = torch.ldexp(torch.ones_like(x), exponent - fraction + spacing)
    steps = x.abs() / step if away else x / step
    low = steps.floor()
    share = steps - low
    if nearest:
        went = share > 0.5
    elif up:
        went = noise < 0.5
    elif flip:
        went = noise > share
    else:
        went = noise < share
    result = (low + went) * step
    return result * x.sign() if away else result


def _fixed(x, noise, fraction):
    step = 2.0**-fraction
    return (x / step + noise).floor() * step


def _in_place(x, noise, fraction):
    result = _chance(x, noise, fraction)
    x.copy_(result)
    return result


def _weighted(gradients, counts):
    return (gradients * counts[:, None]).sum(0) / counts.sum()


def _clean(gradients, counts):
    kept = counts > 0
    return gradients[kept], counts[kept]


def _mean(gradients, counts):
    return _clean(gradients, counts)[0].mean(0)


def _sum(gradients, counts):
    return _clean(gradients, counts)[0].sum(0)


def _not_divided(gradients, counts):
    gradients, counts = _clean(gradients, counts)
    return (gradients * counts[:, None]).sum(0)


def _divided_by_pieces(gradients, counts):
    gradients, counts = _clean(gradients, counts)
    return (gradients * counts[:, None]).sum(0) / len(counts)


def _inverse(gradients, counts):
    gradients, counts = _clean(gradients, counts)
    share = 1 / counts
    return (gradients * share[:, None]).sum(0) / share.sum()


def _largest_share(gradients, counts):
    return gradients[counts.argmax()]


ATTACKS = {
    "format_limits": {
        "the field of all ones counted as numbers": lambda e, m: _limits(e, m, top=0),
        "exponents from minus the bias": lambda e, m: _limits(e, m, low=0),
        "the spacing for half of it": lambda e, m: _limits(e, m, half=0),
        "half of the smallest": lambda e, m: _limits(e, m, normal=1),
        "one bit more in the front": lambda e, m: _limits(e, m, front=1),
        "exchanged": lambda e, m: _limits(m, e),
        "no numbers below the normal": lambda e, m: (*_limits(e, m)[:2], *_limits(e, m)[1::2]),
    },
    "round_by_chance": {
        "to nearest": lambda *a: _chance(*a, nearest=True),
        "up with chance one half": lambda *a: _chance(*a, up=True),
        "away from zero for up": lambda *a: _chance(*a, away=True),
        "down with the share of the way up": lambda *a: _chance(*a, flip=True),
        "spacing twice as wide": lambda *a: _chance(*a, spacing=1),
        "spacing half as wide": lambda *a: _chance(*a, spacing=-1),
        "one spacing for all": _fixed,
        "in place": _in_place,
    },
    "longest_stack": {
        "gradient forgotten": lambda most: most**2 // 4,
        "not a whole number": lambda most: (most - 1) ** 2 / 4,
        "rounded up": lambda most: math.ceil((most - 1) ** 2 / 4),
        "square root rounded first": lambda most: ((most - 1) // 2) ** 2,
        "without checkpoints": lambda most: most - 2,
        "square": lambda most: (most - 1) ** 2,
        "two gradients": lambda most: (most - 2) ** 2 // 4,
    },
    "accumulated": {
        "mean of means": _mean,
        "sum of means": _sum,
        "not divided": _not_divided,
        "divided by the pieces": _divided_by_pieces,
        "weighted by one over the tokens": _inverse,
        "the largest piece alone": _largest_share,
        "the piece without tokens": _weighted,
        "mean with the piece without tokens": lambda gradients, counts: gradients.mean(0),
    },
}
