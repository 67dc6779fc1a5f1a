"""Checkers of the exercises on the page "Vanishing and exploding gradients"."""

import math
from functools import cache

import torch
import torch.nn.functional as F

from bigmodel_utils.checks import AUTOGRAD, bisection, grade, random_tensor

__all__ = ["clip_by_global_norm", "edge_gain", "jacobian_norms", "latch"]


def jacobian_norms(function):
    """Check ``function(h, weight_hh)``: the largest singular value of J_{T,t} for each t."""
    cases = [_run(1, 6, 4), _run(2, 1, 3), _run(3, 4, 5), _run(4, 9, 2)]
    return grade(
        function,
        cases,
        _norms_by_autograd,
        forbidden=AUTOGRAD,
        hint="J_{T,t} is J_{T,t+1} times D_{t+1} U, in this order; J_{T,T} is the identity.",
    )


def _run(seed, steps, m):
    # States (steps + 1, m) of one sequence, and the recurrent weights.
    weight_hh, h = random_tensor(seed, m, m), [random_tensor(seed + 10, m).tanh()]
    for into in random_tensor(seed + 20, steps, m):
        h.append((into + F.linear(h[-1], weight_hh)).tanh())
    return torch.stack(h), weight_hh


def _norms_by_autograd(h, weight_hh):
    inputs = h[1:].atanh() - F.linear(h[:-1], weight_hh)

    def last(state, first):
        for into in inputs[first:]:
            state = (into + F.linear(state, weight_hh)).tanh()
        return state

    norms = []
    for t, state in enumerate(h):
        J = torch.autograd.functional.jacobian(lambda s, t=t: last(s, t), state)
        norms.append(torch.linalg.eigvalsh(J.mT @ J)[-1].sqrt())
    return torch.stack(norms)


def edge_gain(function):
    """Check ``function(sigma) -> gain``: where the predicted slope of the page is zero."""
    return grade(
        function,
        [(sigma,) for sigma in (0.1, 0.3, 1.0)],
        _edge_by_quadrature,
        atol=1e-3,
        hint="The slope grows with the gain: halve an interval until the slope at it is zero.",
    )


@cache
def _edge_by_quadrature(sigma):
    # At the edge, log gain = -log E[slope^2] / 2. Gauss-Hermite sums replace the page's grid.
    from numpy.polynomial.hermite_e import hermegauss

    Z, weight = (torch.from_numpy(values) for values in hermegauss(120))
    weight = weight / weight.sum()
    low, high = 0.2, 6.0
    while high - low > 1e-5:
        gain = (low + high) / 2
        q = sigma**2
        for _ in range(400):
            q = gain**2 * (weight * (q**0.5 * Z).tanh() ** 2).sum().item() + sigma**2
        slope = (weight / (q**0.5 * Z).cosh() ** 4).sum().item()
        low, high = (gain, high) if math.log(gain) + math.log(slope) / 2 < 0 else (low, gain)
    return low


def latch(function):
    """Check ``function(u, n) -> (h, derivative)``: a unit's stable state and its slope there."""
    return grade(
        function,
        [(1.05, 12), (1.3, 6), (2.0, 2), (3.0, 1), (1.7, 0)],
        _latch_by_bisection,
        atol=1e-6,
        hint="Iterate until the state stays; then each step multiplies by u times tanh's slope.",
    )


def _latch_by_bisection(u, n):
    # tanh(u h) - h is positive at a small h and negative at 1.
    low = bisection(lambda h: math.tanh(u * h) > h, 1e-3, 1.0)
    start = torch.tensor(low, dtype=torch.float64, requires_grad=True)
    end = start
    for _ in range(n):
        end = (u * end).tanh()
    return low, (torch.autograd.grad(end, start)[0].item() if n else 1.0)


def clip_by_global_norm(function):
    """Check ``function(gradients, max_norm)``: a list of tensors, clipped by one common norm."""
    shapes = [(4, 3), (4, 4), (4,)]
    large = [(10.0 ** (1 - i)) * random_tensor(i, *s) for i, s in enumerate(shapes)]
    small = [0.01 * random_tensor(10 + i, *s) for i, s in enumerate(shapes)]
    zero = [torch.zeros(s, dtype=torch.float64) for s in shapes]
    cases = [(large, 1.0), (small, 1.0), (zero, 0.5), (large, 7.0), (large, 1000.0), (small, 0.02)]
    return grade(
        function,
        cases,
        _clipped_by_torch,
        atol=1e-5,  # PyTorch adds 1e-6 to the norm; both forms are right
        hint="One norm over all tensors together; one factor, at most 1, for all of them.",
    )


def _clipped_by_torch(gradients, max_norm):
    parameters = [torch.nn.Parameter(torch.zeros_like(g)) for g in gradients]
    for parameter, gradient in zip(parameters, gradients, strict=True):
        parameter.grad = gradient.clone()
    torch.nn.utils.clip_grad_norm_(parameters, max_norm)
    return [parameter.grad for parameter in parameters]
