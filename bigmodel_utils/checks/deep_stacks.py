"""Checkers of the exercises on the page "Deep stacks that train"."""

import math

import torch
import torch.nn.functional as F

from bigmodel_utils.checks import AUTOGRAD, bisection, grade, random_tensor

__all__ = ["branch_scale", "mean_square_behind", "rms_norm_backward", "same_path"]


def rms_norm_backward(function):
    """Check ``function(grad, x, gain, eps)``: gradients of x (b, d) and of gain (d,)."""
    shapes = [((3, 5), 1e-5), ((6, 2), 0.3), ((1, 7), 1e-3), ((4, 3), 1.0)]
    cases = [
        # Inputs with a mean, so that an RMS norm is no layer norm.
        (
            random_tensor(seed, *shape),
            0.7 + 2 * random_tensor(10 + seed, *shape),
            random_tensor(20 + seed, shape[1]),
            eps,
        )
        for seed, (shape, eps) in enumerate(shapes)
    ]
    return grade(
        function,
        cases,
        _rms_by_autograd,
        hint="The gain comes first on the way back; then x acts directly and through the size.",
        forbidden=AUTOGRAD,
    )


def _rms_by_autograd(grad, x, gain, eps):
    leaves = x.requires_grad_(), gain.requires_grad_()
    y = F.rms_norm(leaves[0], x.shape[1:], leaves[1], eps)
    return torch.autograd.grad(y, leaves, grad)


def mean_square_behind(function):
    """Check ``function(blocks, start)``; blocks of (d, m, var_w, var_a, scale or None)."""
    cases = [
        ([(3, 5, 0.4, 0.3, None)], 1.0),
        ([(4, 2, 0.5, 0.7, 1.0)], 0.7),
        ([(2, 6, 0.3, 0.2, 0.5), (2, 3, 0.8, 0.4, None), (2, 5, 0.6, 0.1, -1.5)], 2.5),
        ([(5, 4, 0.4, 0.2, 0.0)] * 3, 0.3),
        ([(3, 3, 2 / 3, 2 / 3, None)] * 4, 1.7),
        ([], 1.3),
    ]
    return grade(
        function,
        cases,
        _square_by_walking,
        hint="What does the branch make of the square, and what does it meet behind it?",
    )


def _square_by_walking(blocks, start):
    # The expected squares, entry by entry, through each matrix of variances.
    if not blocks:
        return start
    squares = torch.full((blocks[0][0],), start, dtype=torch.float64)
    for d, m, var_w, var_a, scale in blocks:
        hidden = torch.full((m, d), var_w, dtype=torch.float64) @ squares
        out = torch.full((d, m), var_a, dtype=torch.float64) @ (hidden / 2)
        squares = out / 2 if scale is None else squares + scale * scale * out
    return squares.mean().item()


def same_path(function):
    """Check ``function(rate, decay, c, adam)`` by turning weights and comparing angles."""
    cases = [
        (0.1, 0.0, 2.0, False),
        (0.1, 0.5, 3.0, False),
        (0.02, 0.1, 0.5, False),
        (0.1, 0.0, 2.0, True),
        (0.05, 0.8, 4.0, True),
        (0.3, 0.2, 0.25, True),
        (0.2, 0.3, 1.0, True),
    ]
    return grade(
        function,
        cases,
        _path_by_bisection,
        hint="Write the step for c w and divide it by c; what is left must be the step for w.",
    )


def _path_by_bisection(rate, decay, c, adam):
    # In front of a norm the gradient is orthogonal to the weights, and 1 / c as large for c w.
    w = random_tensor(0, 5)
    v = random_tensor(1, 5)
    v = v - w * (w @ v) / (w @ w)

    def angle(size, kept, rate):
        """By how much a step turns size * w, after what decay has kept of it."""
        new = kept * size * w - rate * (v if adam else v / size)
        return math.atan2(abs((new @ v).item()) / v.norm(), (new @ w).item() / w.norm())

    # The weights keep the same share and turn by the same angle.
    kept = 1 - rate * decay
    wanted = angle(1.0, kept, rate)
    new_rate = bisection(lambda r: angle(c, kept, r) < wanted, 0.0, 100.0)
    return new_rate, (1 - kept) / new_rate


def branch_scale(function):
    """Check ``function(blocks, phi, factor)`` by multiplying block by block."""
    cases = [
        (15, 1.0, 2.0),
        (1, 1.0, 2.0),
        (4, 0.5, 1.3),
        (40, 2.0, 10.0),
        (7, 1 / 18, 1.1),
        (3, 0.25, 100.0),
    ]
    return grade(
        function,
        cases,
        _scale_by_bisection,
        hint="Each block multiplies by the same number, and their product is the factor.",
    )


def _scale_by_bisection(blocks, phi, factor):
    def below(scale):
        square = 1.0
        for _ in range(blocks):
            square += scale * scale * phi * square
        return square < factor

    return bisection(below, 0.0, 100.0)
