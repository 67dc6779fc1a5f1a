"""Realistic wrong answers to the exercises of "Gradients, tested and followed"."""

import torch
from torch.autograd import forward_ad

__all__ = ["ATTACKS"]


def _compared(f, gradient, x, *, h=1e-5, relative=1e-5, absolute=0.0, total=False, copy=True):
    point = x.clone() if copy else x
    given = gradient(point)
    steps = (h * torch.eye(x.numel(), dtype=x.dtype)).reshape(-1, *x.shape)
    found = [(f(x + step) - f(x - step)) / (2 * h) for step in steps]
    found = torch.stack(found).reshape(x.shape)
    if total:
        found, given = found.sum(), given.sum()
    return bool((found - given).norm() <= absolute + relative * (found.norm() + given.norm()))


def _random(shape):
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(3))


def _rate(matrix, chosen):
    values = torch.linalg.eigvalsh(matrix)
    return chosen(values[0].item(), values[-1].item())


def _by_complex(f, x, *, step=1e-100, part="imag", divide=True, all_at_once=False, scale=1.0):
    slopes = torch.zeros_like(x)
    for place in range(x.numel()):
        move = torch.zeros_like(x)
        if all_at_once:
            move += step
        else:
            move.view(-1)[place] = step
        slopes.view(-1)[place] = scale * getattr(f(torch.complex(x, move)), part)
    return slopes / step if divide else slopes


def _by_differences(f, x):
    slopes = torch.zeros_like(x)
    for place in range(x.numel()):
        move = torch.zeros_like(x)
        move.view(-1)[place] = 1e-5
        slopes.view(-1)[place] = (f(x + move) - f(x - move)) / 2e-5
    return slopes


def _by_better_differences(f, x):
    """Three central differences, whose errors cancel up to the sixth power of the step."""
    slopes = torch.zeros_like(x)
    for place in range(x.numel()):
        move = torch.zeros_like(x)
        move.view(-1)[place] = 0.0025
        near, middle, far = ((f(x + k * move) - f(x - k * move)) / (0.005 * k) for k in (1, 2, 4))
        slopes.view(-1)[place] = (64 * near - 20 * middle + far) / 45
    return slopes


def _by_dual_numbers(f, x):
    slopes = torch.zeros_like(x)
    for place in range(x.numel()):
        direction = torch.zeros_like(x)
        direction.view(-1)[place] = 1
        with forward_ad.dual_level():
            value = f(forward_ad.make_dual(x, direction))
            slopes.view(-1)[place] = forward_ad.unpack_dual(value).tangent
    return slopes


def _by_autograd(f, x):
    leaf = x.clone().requires_grad_()
    return torch.autograd.grad(f(leaf), leaf)[0]


ATTACKS = {
    "trustworthy": {
        "always": lambda f, gradient, shape: True,
        "never": lambda f, gradient, shape: False,
        "at ones": lambda f, gradient, shape: _compared(
            f, gradient, torch.ones(shape, dtype=torch.float64)
        ),
        "at zeros": lambda f, gradient, shape: _compared(
            f, gradient, torch.zeros(shape, dtype=torch.float64)
        ),
        "positive numbers": lambda f, gradient, shape: _compared(f, gradient, _random(shape).abs()),
        "negative numbers": lambda f, gradient, shape: _compared(
            f, gradient, -_random(shape).abs()
        ),
        "whole numbers": lambda f, gradient, shape: _compared(
            f, gradient, (2 * _random(shape)).round()
        ),
        "the sum of the entries": lambda f, gradient, shape: _compared(
            f, gradient, _random(shape), total=True
        ),
        "absolute tolerance": lambda f, gradient, shape: _compared(
            f, gradient, _random(shape), relative=0.0, absolute=1e-6
        ),
        "loose tolerance": lambda f, gradient, shape: _compared(
            f, gradient, _random(shape), relative=0.05
        ),
        "step too small": lambda f, gradient, shape: _compared(
            f, gradient, _random(shape), h=1e-15
        ),
        "in float32": lambda f, gradient, shape: _compared(
            f, gradient, _random(shape).float(), h=1e-6
        ),
    },
    "best_rate": {
        "the limit": lambda matrix: _rate(matrix, lambda low, high: (2 / high, 1.0)),
        "one over the steepest": lambda matrix: _rate(
            matrix, lambda low, high: (1 / high, 1 - low / high)
        ),
        "factor of the flattest alone": lambda matrix: _rate(
            matrix, lambda low, high: (2 / (low + high), 1 - 2 * high / (low + high))
        ),
        "condition number for the factor": lambda matrix: _rate(
            matrix, lambda low, high: (2 / (low + high), high / low)
        ),
        "the mean of all eigenvalues": lambda matrix: (
            len(matrix) / matrix.trace().item(),
            _rate(matrix, lambda low, high: (high - low) / (high + low)),
        ),
        "the diagonal for the eigenvalues": lambda matrix: (
            2 / (matrix.diagonal().min() + matrix.diagonal().max()).item(),
            _rate(matrix, lambda low, high: (high - low) / (high + low)),
        ),
    },
    "complex_gradient": {
        "central differences": _by_differences,
        "better differences": _by_better_differences,
        "dual numbers": _by_dual_numbers,
        "a real step's size": lambda f, x: _by_complex(f, x, step=1e-4),
        "the real part": lambda f, x: _by_complex(f, x, part="real"),
        "not divided": lambda f, x: _by_complex(f, x, divide=False),
        "all entries at once": lambda f, x: _by_complex(f, x, all_at_once=True),
        "divided by two steps": lambda f, x: _by_complex(f, x, scale=0.5),
        "flattened": lambda f, x: _by_complex(f, x).flatten()[None],
        "by autograd": _by_autograd,
    },
}
