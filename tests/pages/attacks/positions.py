"""Realistic wrong answers to the exercises of "Positions"."""

import math

import torch

__all__ = ["ATTACKS"]


def _turn(x, cos, sin, *, sign=1, neighbours=False, slope=False):
    if slope:
        cos, sin = -sin, cos
    sin = sign * sin
    if neighbours:
        a, b = x[..., 0::2], x[..., 1::2]
        return torch.stack([a * cos - b * sin, b * cos + a * sin], dim=-1).flatten(-2)
    a, b = x.chunk(2, dim=-1)
    return torch.cat([a * cos - b * sin, b * cos + a * sin], dim=-1)


def _turn_by_autograd(grad, cos, sin):
    x = torch.zeros_like(grad).requires_grad_()
    return torch.autograd.grad(_turn(x, cos, sin), x, grad)[0]


def _swapped(x, cos, sin):
    a, b = x.chunk(2, dim=-1)
    return torch.cat([b * cos - a * sin, a * cos + b * sin], dim=-1)


def _both_plus(x, cos, sin):
    a, b = x.chunk(2, dim=-1)
    return torch.cat([a * cos + b * sin, b * cos + a * sin], dim=-1)


def _at(x, start, base, *, order=1, power=2.0, width=1, sign=1, neighbours=False, axis=2):
    d, t = x.shape[-1], x.shape[axis]
    omega = base ** (-power * torch.arange(d // 2, dtype=x.dtype) / (d // width))
    places = (start + order * torch.arange(t)).to(x.dtype)
    angles = places[:, None] * omega
    if axis == 1:
        angles = angles[:, None]
    return _turn(x, angles.cos(), angles.sin(), sign=sign, neighbours=neighbours)


def _scaled_in_place(grad, cos, sin):
    grad *= 1.0 + 1e-6
    return _turn(grad, cos, sin, sign=-1)


def _shift(d, k, base, *, sign=1, power=2.0, halves=False, order=0, same=False):
    matrix = torch.zeros(d, d, dtype=torch.float64)
    for i in range(d // 2):
        angle = k * base ** (0 if same else -power * i / d)
        cos, sin = math.cos(angle), sign * math.sin(angle)
        first, second = (i, d // 2 + i) if halves else (2 * i + order, 2 * i + 1 - order)
        matrix[first, first] = matrix[second, second] = cos
        matrix[first, second], matrix[second, first] = sin, -sin
    return matrix


def _halves(weight, n, *, inverse=False, columns=False, across=False, swapped=False):
    if columns:
        return _halves(weight.T, n).T
    heads = weight.unflatten(0, (1 if across else n, -1))
    if inverse:  # from halves to neighbours
        return heads.unflatten(1, (2, -1)).transpose(1, 2).flatten(0, 2)
    pairs = heads.unflatten(1, (-1, 2))
    pairs = pairs.flip(2) if swapped else pairs
    return pairs.transpose(1, 2).flatten(0, 2)


def _halves_in_place(weight, n):
    weight[:] = _halves(weight.clone(), n)
    return weight


ATTACKS = {
    "shift_matrix": {
        "back instead of forth": lambda *a: _shift(*a, sign=-1),
        "transposed": lambda *a: _shift(*a).T,
        "pairs of halves": lambda *a: _shift(*a, halves=True),
        "cosine first": lambda *a: _shift(*a, order=1),
        "frequency -i / d": lambda *a: _shift(*a, power=1.0),
        "one frequency for all": lambda *a: _shift(*a, same=True),
        "base forgotten": lambda d, k, base: _shift(d, k, 10000.0),
        "one place": lambda d, k, base: _shift(d, 1, base),
        "identity": lambda d, k, base: torch.eye(d).double(),
        "a row, not a matrix": lambda d, k, base: _shift(d, k, base)[0],
        "constant": lambda d, k, base: torch.zeros(d, d).double(),
    },
    "rotate_backward": {
        "autograd": _turn_by_autograd,
        "forward again": _turn,
        "neighbours": lambda g, c, s: _turn(g, c, s, sign=-1, neighbours=True),
        "halves exchanged": _swapped,
        "both signs plus": _both_plus,
        "the derivative by the angle": lambda g, c, s: _turn(g, c, s, slope=True),
        "divided by the cosine": lambda g, c, s: g / torch.cat([c, c], dim=-1),
        "not turned at all": lambda g, c, s: g,
        "minus the forward": lambda g, c, s: -_turn(g, c, s),
        "changes its gradient": _scaled_in_place,
    },
    "rotate_at": {
        "from 0 on": lambda x, start, base: _at(x, 0, base),
        "from start + 1 on": lambda x, start, base: _at(x, start + 1, base),
        "all at start": lambda x, start, base: _at(x, start, base, order=0),
        "backwards": lambda x, start, base: _at(x, start, base, order=-1),
        "other direction": lambda x, start, base: _at(x, start, base, sign=-1),
        "neighbours": lambda x, start, base: _at(x, start, base, neighbours=True),
        "frequency -i / d": lambda x, start, base: _at(x, start, base, power=1.0),
        "frequency -2 i / (d / 2)": lambda x, start, base: _at(x, start, base, width=2),
        "base forgotten": lambda x, start, base: _at(x, start, 10000.0),
        "positions along the heads": lambda x, start, base: _at(x, start, base, axis=1),
    },
    "to_halves": {
        "from halves to neighbours": lambda *a: _halves(*a, inverse=True),
        "columns": lambda *a: _halves(*a, columns=True),
        "across the heads": lambda *a: _halves(*a, across=True),
        "second features first": lambda *a: _halves(*a, swapped=True),
        "left as it is": lambda weight, n: weight.clone(),
        "transposed": lambda weight, n: _halves(weight, n).T,
        "a plain reshape": lambda weight, n: weight.reshape(2, -1, len(weight)).mT.reshape(
            weight.shape
        ),
        "heads as an axis": lambda weight, n: _halves(weight, n).unflatten(0, (n, -1)),
        "in place": _halves_in_place,
        "constant": lambda weight, n: torch.zeros_like(weight),
    },
    "base_for_length": {
        "lengths for last positions": lambda b, d, t, w: b * (w / t) ** (d / (d - 2)),
        "all pairs alike": lambda b, d, t, w: b * (w - 1) / (t - 1),
        "interpolation's factor": lambda b, d, t, w: (w - 1) / (t - 1),
        "exponent upside down": lambda b, d, t, w: b * ((w - 1) / (t - 1)) ** ((d - 2) / d),
        "a faster pair": lambda b, d, t, w: b * ((t - 1) / (w - 1)) ** (d / (d - 2)),
        "last pair d / 2": lambda b, d, t, w: b * ((w - 1) / (t - 1)) ** (d / (d - 1)),
        "the paper's base": lambda b, d, t, w: 10000.0 * ((w - 1) / (t - 1)) ** (d / (d - 2)),
        "unchanged": lambda b, d, t, w: b,
    },
}
