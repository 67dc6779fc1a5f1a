"""Checkers of the exercises on the page "Fast convolution"."""

import torch
import torch.nn.functional as F

from bigmodel_utils.checks import AUTOGRAD, CONVOLUTIONS, grade, random_tensor

__all__ = ["circular_gradients", "depthwise_conv2d", "separate", "winograd_row"]

_WITHOUT_VIEWS = tuple(name for name in CONVOLUTIONS if name != "unfold")


def separate(function):
    """Check ``function(kernel) -> (column, row)`` on kernels (kh, kw) of rank 1."""
    shapes = [(3, 2), (1, 4), (5, 5), (4, 1), (2, 6)]
    cases = [
        (random_tensor(seed, h, 1) * random_tensor(seed + 20, 1, w),)
        for seed, (h, w) in enumerate(shapes)
    ]
    cases[2][0][0] = 0  # an entry may be zero, and so may a whole row
    return grade(
        _multiplied(function) if callable(function) else function,
        cases,
        lambda kernel: kernel,
        hint="All rows of the kernel are multiples of one of them; which, if one may be zero?",
    )


def _multiplied(function):
    def kernel_of(kernel):
        answer = function(kernel)
        if answer is None or answer is ...:
            return answer
        column, row = answer
        if column.shape != kernel.shape[:1] or row.shape != kernel.shape[1:]:
            raise ValueError(
                f"expected shapes {tuple(kernel.shape[:1])} and {tuple(kernel.shape[1:])}, "
                f"got {tuple(column.shape)} and {tuple(row.shape)}"
            )
        return column[:, None] * row

    return kernel_of


def depthwise_conv2d(function):
    """Check ``function(x, weight)``: x (b, c, h, w), weight (c, kh, kw), stride 1, no padding."""
    cases = [
        (random_tensor(1, 2, 3, 6, 7), random_tensor(2, 3, 3, 2)),
        (random_tensor(3, 1, 4, 5, 9), random_tensor(4, 4, 1, 4)),
        (random_tensor(5, 3, 1, 4, 6), random_tensor(6, 1, 4, 1)),
        (random_tensor(7, 1, 3, 5, 5), random_tensor(8, 3, 3, 3)),
    ]
    return grade(
        function,
        cases,
        lambda x, weight: F.conv2d(x, weight[:, None], groups=x.shape[1]),
        hint="Each channel meets its own kernel only, and the kernel is not flipped.",
        forbidden=_WITHOUT_VIEWS,
    )


def winograd_row(function):
    """Check ``function(x, w)``: x (..., n), n even, w (3,); the result is (..., n - 2)."""
    shapes = [(4,), (3, 10), (2, 5, 6), (8,)]
    cases = [
        (random_tensor(seed, *shape), random_tensor(seed + 30, 3))
        for seed, shape in enumerate(shapes)
    ]
    return grade(
        function,
        cases,
        _row_by_convolution,
        hint="Tile t reads x[2t] to x[2t + 3] and gives the outputs 2t and 2t + 1.",
        forbidden=CONVOLUTIONS,
        most_calls=60,
    )


def _row_by_convolution(x, w):
    rows = x.reshape(-1, 1, x.shape[-1])
    return F.conv1d(rows, w[None, None]).reshape(*x.shape[:-1], x.shape[-1] - 2)


def circular_gradients(function):
    """Check ``function(x, w, g) -> (grad_x, grad_w)`` of a circular correlation, all (n,)."""
    cases = [
        tuple(random_tensor(10 * seed + part, n) for part in range(3))
        for seed, n in enumerate([5, 8, 1, 12])
    ]
    return grade(
        function,
        cases,
        _circular_by_autograd,
        hint="Transposing a real circulant conjugates its eigenvalues; keep the real part.",
        forbidden=(*AUTOGRAD, *CONVOLUTIONS),
    )


def _circular_by_autograd(x, w, g):
    x, w = x.requires_grad_(), w.requires_grad_()
    ring = torch.cat([x, x[:-1]])[None, None]
    return torch.autograd.grad(F.conv1d(ring, w[None, None])[0, 0], (x, w), g)
