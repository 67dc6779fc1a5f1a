"""Checkers of the exercises on the page "Gradients, tested and followed"."""

import torch

from bigmodel_utils.checks import AUTOGRAD, grade, random_tensor

__all__ = ["best_rate", "complex_gradient", "trustworthy"]


def trustworthy(function):
    """Check ``function(f, gradient, shape)``: True where the gradient of the scalar f is right."""
    return grade(
        function,
        [(f, gradient, shape) for f, gradient, shape, _ in _gradients()],
        _by_many_points,
        hint="Compare with differences at random float64 points of both signs, entry by entry, "
        "relative to the size of the gradient, and hand over copies.",
        forbidden=AUTOGRAD,
    )


def _gradients():
    """``[(f, gradient, shape, what it is), ...]``: right and wrong ones."""
    mixed = random_tensor(7, 4, 4)  # not symmetric

    def spoils(x):
        return x.mul_(2).square().sum()  # 4 x², and x is twice as large afterwards

    def spoils_slope(x):
        return x.mul_(8)

    def quadratic(x):
        return (x * (mixed @ x)).sum()

    return [
        (lambda x: (x**3).sum(), lambda x: 3 * x**2, (3, 2), "right"),
        (lambda x: (x**3).sum(), lambda x: 3 * x, (3, 2), "right at 0 and 1 alone"),
        (lambda x: (x**3).sum(), lambda x: 3 * x * x.abs(), (5,), "right where x > 0"),
        (lambda x: (x**3).sum(), lambda x: -3 * x * x.abs(), (5,), "right where x < 0"),
        (lambda x: (x**2).sum(), _right_at_whole_numbers, (4,), "right at whole numbers"),
        (lambda x: x.sin().sum(), lambda x: 1.002 * x.cos(), (2, 5), "0.2 % too large"),
        (quadratic, lambda x: (mixed + mixed.T) @ x, (4, 3), "right"),
        (quadratic, lambda x: 2 * mixed @ x, (4, 3), "right for a symmetric matrix"),
        (quadratic, lambda x: 2 * mixed.T @ x, (4, 3), "the other factor"),
        (lambda x: 1e9 * x.sin().sum(), lambda x: 1e9 * x.cos(), (4,), "right and large"),
        (lambda x: 1e-9 * x.sin().sum(), lambda x: 1e-9 * x.cos(), (4,), "right and small"),
        (lambda x: 1e-9 * x.sin().sum(), lambda x: -1e-9 * x.cos(), (4,), "wrong and small"),
        (lambda x: (x * x.T).sum(), lambda x: 2 * x.T, (3, 3), "right"),
        (lambda x: (x * x.T).sum(), lambda x: 2 * x, (3, 3), "its axes exchanged"),
        (lambda x: x[0] * x[1] * x[2], lambda x: (x.prod() / x).flip(0), (3,), "turned round"),
        (lambda x: (x**2).sum(), lambda x: 2 * x.sum() + 0 * x, (4,), "summed over the entries"),
        (spoils, lambda x: 8 * x, (3,), "right, of a function that changes it"),
        (lambda x: (4 * x**2).sum(), spoils_slope, (3,), "right, but changes its argument"),
        (lambda x: x[-1] ** 2, lambda x: 0 * x, (6,), "zero where it is not"),
    ]  # fmt: skip


def _right_at_whole_numbers(x):
    return 2 * x + torch.sin(torch.pi * x)


def _by_many_points(f, gradient, shape):
    for seed in range(5):
        x = random_tensor(seed, *shape)
        leaf = x.clone().requires_grad_()
        expected = torch.autograd.grad(f(leaf * 1), leaf)[0]
        if not torch.allclose(gradient(x.clone()), expected, rtol=1e-9, atol=0):
            return False
    return True


def best_rate(function):
    """Check ``function(A)``: the best rate of descent on a quadratic, and its factor."""
    cases = []
    for seed, (n, shift) in enumerate([(2, 0.5), (3, 0.1), (5, 1.0), (4, 20.0)]):
        root = random_tensor(seed, n, n)
        cases.append((root @ root.T + shift * torch.eye(n, dtype=torch.float64),))
    return grade(
        function,
        cases,
        _by_search,
        atol=1e-6,
        hint="The flattest and the steepest direction must shrink by the same factor.",
    )


def _by_search(matrix):
    """Halve the range of the rate in which the largest |1 - rate * eigenvalue| is least."""
    eye = torch.eye(len(matrix), dtype=torch.float64)

    def factor(rate):
        return torch.linalg.matrix_norm(eye - rate * matrix, 2).item()

    low, high = 0.0, 2 / torch.linalg.matrix_norm(matrix, 2).item()
    for _ in range(200):
        third = (high - low) / 3
        if factor(low + third) < factor(high - third):
            high -= third
        else:
            low += third
    return (low + high) / 2, factor((low + high) / 2)


def complex_gradient(function):
    """Check ``function(f, x)``: the gradient of the scalar f at x by complex steps, as x."""
    mixed = random_tensor(8, 4, 4)
    cases = [
        (lambda x: (x**3).sum(), random_tensor(1, 3, 2)),
        (lambda x: (x.exp() / (1 + x * x)).sum(), random_tensor(2, 5)),
        (lambda x: (x * (mixed.to(x.dtype) @ x)).sum(), random_tensor(3, 4, 3)),
        (lambda x: (x[0] * x[1].sin() - x[2] / x[1]).sum(), random_tensor(4, 3, 1, 2)),
        (lambda x: x.prod() * 1e-3, 1 + random_tensor(5, 4).abs()),
        (lambda x: (x.sin() + 1e4).sum(), random_tensor(6, 5)),  # a difference loses digits
    ]
    return grade(
        function,
        cases,
        _gradient_by_autograd,
        atol=1e-12,
        hint="Add i * h to one entry at a time, with an h far below every rounding error.",
        forbidden=(*AUTOGRAD, "make_dual", "_make_dual"),
    )


def _gradient_by_autograd(f, x):
    leaf = x.clone().requires_grad_()
    return torch.autograd.grad(f(leaf), leaf)[0]
