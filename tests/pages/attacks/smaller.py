"""Realistic wrong answers to the exercises of "How is a model compressed?"."""

import torch
import torch.nn.functional as F

__all__ = ["ATTACKS"]


def _remove(w, moment, *, cost=None, help_=True):
    inverse = torch.linalg.inv(moment)
    each = w.square() / inverse.diagonal() if cost is None else cost(w, moment)
    q = int(each.argmin())
    new = w - w[q] / inverse[q, q] * inverse[:, q] if help_ else w.clone()
    new[q] = 0
    return q, new


def _step(w, moment, q, new, *, first=None, flip=1, divide=True):
    start = q if first is None else first
    inverse = torch.linalg.inv(moment[start:, start:])
    found, at = w.clone(), q - start
    scale = inverse[at, at] if divide else 1.0
    found[start:] += flip * (new - w[q]) / scale * inverse[at]
    return found


def _rank(weight, moment, share, *, root=True, square=True, more=0):
    sizes = torch.linalg.svdvals(weight @ torch.linalg.cholesky(moment) if root else weight)
    sizes = sizes.square() if square else sizes
    return int((1 - sizes.cumsum(0) / sizes.sum() > share).sum()) + 1 + more


def _gradient(z, t, y, temperature, share, *, power=1, mean=True, swap=False):
    soft = (z / temperature).softmax(1) - (t / temperature).softmax(1)
    hard = z.softmax(1) - F.one_hot(y, z.shape[1])
    a, b = (1 - share, share) if swap else (share, 1 - share)
    found = a * temperature**power * soft + b * hard
    return found / len(z) if mean else found


ATTACKS = {
    "remove_one": {
        "the smallest weight": lambda w, h: _remove(w, h, cost=lambda w, h: w.abs()),
        "cost without help": lambda w, h: _remove(
            w, h, cost=lambda w, h: w.square() * h.diagonal()
        ),
        "nobody makes up": lambda w, h: _remove(w, h, help_=False),
        "multiplied by the inverse": lambda w, h: _remove(
            w, h, cost=lambda w, h: w.square() * torch.linalg.inv(h).diagonal()
        ),
    },
    "one_step": {
        "rounded weights move too": lambda *a: _step(*a, first=0),
        "wrong direction": lambda *a: _step(*a, flip=-1),
        "not divided": lambda *a: _step(*a, divide=False),
    },
    "rank_for": {
        "without the inputs": lambda *a: _rank(*a, root=False),
        "sizes not squared": lambda *a: _rank(*a, square=False),
        "one too many": lambda *a: _rank(*a, more=1),
        "one too few": lambda *a: _rank(*a, more=-1),
    },
    "student_gradient": {
        "one over the temperature": lambda *a: _gradient(*a, power=-1),
        "without the temperature": lambda *a: _gradient(*a, power=0),
        "squared": lambda *a: _gradient(*a, power=2),
        "not averaged": lambda *a: _gradient(*a, mean=False),
        "shares exchanged": lambda *a: _gradient(*a, swap=True),
    },
    "fewest_bits": {
        "no index": lambda r, c, k, b: min(r * c * b, k * b),
        "never dense": lambda r, c, k, b: min(
            k * b + r * c, k * (b + (c - 1).bit_length()) + 32 * r
        ),
        "always the map": lambda r, c, k, b: k * b + r * c,
        "one bit more for a power of two": lambda r, c, k, b: min(
            r * c * b, k * b + r * c, k * (b + c.bit_length()) + 32 * r
        ),
        "rows forgotten": lambda r, c, k, b: min(
            r * c * b, k * b + r * c, k * (b + (c - 1).bit_length())
        ),
    },
}
