"""Realistic wrong answers to the exercises of "Vanishing and exploding gradients"."""

import math

import torch

__all__ = ["ATTACKS"]


def _norms(h, weight_hh, *, slope=True, side="right", shift=0, norm=None, flip=True, start=True):
    norm = norm or (lambda J: torch.linalg.matrix_norm(J, 2))
    J = torch.eye(len(weight_hh), dtype=h.dtype)
    norms = [norm(J)] if start else []
    for t in range(len(h) - 1, 0, -1):
        slopes = (1 - h[t - shift] ** 2) if slope else torch.ones_like(h[0])
        step = weight_hh * slopes if side == "columns" else slopes[:, None] * weight_hh
        J = step @ J if side == "left" else J @ step
        norms.append(norm(J))
    return torch.stack(norms[::-1] if flip else norms)


def _bounds(h, weight_hh, *, slope=True):
    bound, bounds = torch.ones((), dtype=h.dtype), [torch.ones((), dtype=h.dtype)]
    for state in h[1:].flip(0):
        most = (1 - state**2).max() if slope else 1
        bound = bound * torch.linalg.matrix_norm(weight_hh, 2) * most
        bounds.append(bound)
    return torch.stack(bounds[::-1])


def _each_step(h, weight_hh):
    steps = [torch.linalg.matrix_norm((1 - s**2)[:, None] * weight_hh, 2) for s in h[1:]]
    return torch.stack([*steps, torch.ones((), dtype=h.dtype)])


def _spectral_radius(J):
    return torch.linalg.eigvals(J).abs().max()


def _edge(sigma, *, fixed=True, square=True, half=True, own=True, level=1.0):
    Z = torch.linspace(-9, 9, 901, dtype=torch.float64)
    weight = torch.exp(-(Z**2) / 2)
    weight /= weight.sum()
    low, high = 0.2, 6.0
    for _ in range(15):
        gain = (low + high) / 2
        q = sigma**2 if own else 0.0
        for _ in range(200 if fixed else 0):
            q = gain**2 * (weight * torch.tanh(q**0.5 * Z) ** 2).sum().item() + own * sigma**2
        slope = 1 - torch.tanh(q**0.5 * Z) ** 2
        mean = (weight * (slope**2 if square else slope)).sum().item()
        value = gain * (mean**0.5 if half else mean)
        low, high = (gain, high) if value < level else (low, gain)
    return low


def _latch(u, n, *, steps=2000, power=0, gain=True, squared=True, sign=1.0):
    h = 1.0
    for _ in range(steps):
        h = math.tanh(u * h)
    slope = 1 - (h**2 if squared else h)
    return sign * h, ((u if gain else 1) * slope) ** (n + power)


def _norm(gradients):
    return torch.sqrt(sum((g**2).sum() for g in gradients))


def _norms_by_autograd(h, weight_hh):
    into = h[1:].atanh() - h[:-1] @ weight_hh.T

    def last(state, first):
        for one in into[first:]:
            state = (one + weight_hh @ state).tanh()
        return state

    jacobian = torch.autograd.functional.jacobian
    matrices = [jacobian(lambda s, t=t: last(s, t), state) for t, state in enumerate(h)]
    return torch.stack([torch.linalg.matrix_norm(J, 2) for J in matrices])  # not allowed


def _scaled(gradients, factor):
    return [g * factor for g in gradients]


def _per_tensor(gradients, max_norm):
    return [g * min(1.0, max_norm / (g.norm().item() + 1e-6)) for g in gradients]


def _clip_in_place(gradients, max_norm):
    for g in gradients:
        g *= min(1.0, max_norm / (_norm(gradients).item() + 1e-6))
    return gradients


def _sum_of_norms(gradients, max_norm):
    total = sum(g.norm().item() for g in gradients)
    return _scaled(gradients, min(1.0, max_norm / (total + 1e-6)))


def _largest_entry(gradients, max_norm):
    largest = max(g.abs().max().item() for g in gradients)
    return _scaled(gradients, min(1.0, max_norm / (largest + 1e-6)))


def _divides_zero(gradients, max_norm):
    unit = _scaled(gradients, 1 / _norm(gradients))
    return _scaled(unit, _norm(gradients).clamp(max=max_norm))


ATTACKS = {
    "jacobian_norms": {
        "factors in the other order": lambda *a: _norms(*a, side="left"),
        "U D in place of D U": lambda *a: _norms(*a, side="columns"),
        "no slope of tanh": lambda *a: _norms(*a, slope=False),
        "slopes of the state before": lambda *a: _norms(*a, shift=1),
        "Frobenius norm": lambda *a: _norms(*a, norm=torch.linalg.matrix_norm),
        "spectral radius": lambda *a: _norms(*a, norm=_spectral_radius),
        "the last first": lambda *a: _norms(*a, flip=False),
        "identity forgotten": lambda *a: _norms(*a, start=False),
        "the bound": _bounds,
        "powers of the largest singular value": lambda *a: _bounds(*a, slope=False),
        "each step alone": _each_step,
        "ones": lambda h, u: torch.ones(len(h), dtype=h.dtype),
        "autograd": _norms_by_autograd,
    },
    "edge_gain": {
        "one, as for a linear net": lambda sigma: 1.0,
        "inputs only: no fixed point": lambda sigma: _edge(sigma, fixed=False),
        "inputs forgotten": lambda sigma: _edge(sigma, own=False),
        "mean of the slope, not of its square": lambda sigma: _edge(sigma, square=False),
        "mean square, not its root": lambda sigma: _edge(sigma, half=False),
        "slope one, not its logarithm": lambda sigma: _edge(sigma, level=math.e),
        "variance for deviation": lambda sigma: _edge(sigma**0.5),
        "the slope at the edge": lambda sigma: 0.0,
    },
    "latch": {
        "one step from 1": lambda u, n: _latch(u, n, steps=1),
        "the unstable state": lambda u, n: (0.0, u**n),
        "the state below zero": lambda u, n: _latch(u, n, sign=-1.0),
        "one step too many": lambda u, n: _latch(u, n, power=1),
        "one step too few": lambda u, n: _latch(u, n, power=-1),
        "one step only": lambda u, n: (_latch(u, n)[0], _latch(u, 1)[1]),
        "u forgotten": lambda u, n: _latch(u, n, gain=False),
        "1 - h": lambda u, n: _latch(u, n, squared=False),
        "small-signal rule": lambda u, n: (
            math.sqrt(3 * (u - 1) / u**3),
            (u * (1 - 3 * (u - 1) / u**3)) ** n,
        ),
        "the state alone": lambda u, n: _latch(u, n)[0],
    },
    "clip_by_global_norm": {
        "each tensor by its own norm": _per_tensor,
        "a large number against division by zero": lambda g, c: _scaled(
            g, min(1.0, c / (_norm(g).item() + 1e-4))
        ),
        "by value": lambda g, c: [v.clamp(-c, c) for v in g],
        "small gradients scaled up": lambda g, c: _scaled(g, c / (_norm(g).item() + 1e-6)),
        "the largest norm for the common one": lambda g, c: _scaled(
            g, min(1.0, c / (max(v.norm().item() for v in g) + 1e-6))
        ),
        "the largest entry": _largest_entry,
        "the sum of norms": _sum_of_norms,
        "the squared norm": lambda g, c: _scaled(g, min(1.0, c / (_norm(g).item() ** 2 + 1e-6))),
        "the norm without its bound": lambda g, c: _scaled(g, 1 / max(1.0, _norm(g).item())),
        "nothing": lambda g, c: [v.clone() for v in g],
        "in place": _clip_in_place,
        "no guard: zero over zero": _divides_zero,
    },
}
