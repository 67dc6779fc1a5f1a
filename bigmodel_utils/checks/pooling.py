"""Checkers of the exercises on the page "Pooling and receptive fields"."""

import torch
import torch.nn.functional as F

from bigmodel_utils.checks import grade, random_tensor

__all__ = [
    "average_pool_gradient",
    "dilated_layers",
    "max_pool_gradient",
    "receptive_interval",
]


def average_pool_gradient(function):
    """Check ``function(grad_output, kernel_size)``: windows that touch, no padding."""
    cases = [
        (random_tensor(1, 2, 3, 4, 2), (2, 3)),
        (random_tensor(2, 1, 2, 3, 5), (3, 1)),
        (random_tensor(3, 3, 1, 1, 4), (4, 2)),
        (random_tensor(4, 2, 2, 3, 3), (2, 2)),
    ]
    return grade(
        function,
        cases,
        _average_by_autograd,
        hint="Every cell of a window takes 1 / (kh * kw) of that window's gradient.",
    )


def _average_by_autograd(grad_output, kernel_size):
    (b, c, h, w), (kh, kw) = grad_output.shape, kernel_size
    x = grad_output.new_zeros(b, c, h * kh, w * kw).requires_grad_()
    return torch.autograd.grad(F.avg_pool2d(x, kernel_size), x, grad_output)[0]


def max_pool_gradient(function):
    """Check ``function(grad_output, indices, size)`` on overlapping windows with ties."""
    cases = [
        _pooled(1, (2, 3, 6, 7), (3, 2), (1, 2), (1, 0)),
        _pooled(2, (1, 2, 5, 9), (2, 3), (1, 1), (0, 1)),
        _pooled(3, (3, 1, 4, 6), (2, 2), (2, 2), (0, 0)),
        _pooled(4, (2, 2, 7, 5), (2, 3), (3, 1), (1, 1)),
    ]
    return grade(
        function,
        cases,
        _routed_by_loops,
        hint="Each window adds its gradient to its winner; a cell that wins twice gets both.",
    )


def _pooled(seed, shape, kernel_size, stride, padding):
    # Integers from a small range make ties; the indices then name the first tied cell.
    x = torch.randint(0, 4, shape, generator=torch.Generator().manual_seed(seed)).double()
    y, indices = F.max_pool2d(x, kernel_size, stride, padding, return_indices=True)
    return random_tensor(seed + 10, *y.shape), indices, tuple(shape[2:])


def _routed_by_loops(grad_output, indices, size):
    grad_x = grad_output.new_zeros(*grad_output.shape[:2], *size)
    for n, c, i, j in torch.cartesian_prod(*map(torch.arange, grad_output.shape)).tolist():
        row, column = divmod(indices[n, c, i, j].item(), size[1])
        grad_x[n, c, row, column] += grad_output[n, c, i, j]
    return grad_x


def receptive_interval(function):
    """Check ``function(layers, i) -> (first, last)``; layers of (kernel, stride, dilation, pad)."""
    stacks = [
        ((3, 1, 1, 1),),
        ((3, 1, 1, 1), (2, 2, 1, 0), (3, 1, 1, 1), (2, 2, 1, 0)),
        ((3, 2, 1, 1), (5, 1, 2, 3), (2, 3, 1, 1)),
        ((4, 3, 2, 0), (1, 2, 1, 0), (3, 1, 3, 2)),
        ((2, 2, 1, 1), (3, 2, 2, 2), (3, 1, 1, 0)),
        (),
    ]
    return grade(
        function,
        [(stack, i) for stack in stacks for i in (0, 1, 5)],
        _interval_by_cells,
        hint="Follow the start of unit 0: a layer's padding counts in the layer below's jumps.",
    )


def _interval_by_cells(layers, i):
    # All the cells that a unit reads, layer by layer downwards: no recurrence.
    cells = {i}
    for kernel_size, stride, dilation, padding in reversed(layers):
        cells = {stride * c + dilation * k - padding for c in cells for k in range(kernel_size)}
    return min(cells), max(cells)


def dilated_layers(function):
    """Check ``function(n, kernel_size)``: layers with dilation 1, 2, 4 ... that see n cells."""
    edges = [(n, 3) for n in (1, 2, 3, 4, 7, 8, 15, 16, 100)]
    return grade(
        function,
        [*edges, (8, 2), (9, 2), (13, 5), (14, 5), (29, 5), (30, 5), (300, 7)],
        _layers_by_trial,
        hint="Write down the field after each layer: with kernel size 3 it is 3, 7, 15 ...",
    )


def _layers_by_trial(n, kernel_size):
    # Reach of a unit, grown cell by cell; none of the reached cells is left out for these n.
    cells, depth = {0}, 0
    while max(cells) - min(cells) + 1 < n:
        cells = {c + 2**depth * k for c in cells for k in range(kernel_size)}
        depth += 1
    return depth
