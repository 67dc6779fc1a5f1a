"""Checkers of the exercises on the page "Receptive fields"."""

from itertools import product

import torch
import torch.nn.functional as F

from bigmodel_utils.checks import grade

__all__ = ["dilated_layers", "receptive_interval", "share_in_middle", "unread_cells"]


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


def unread_cells(function):
    """Check ``function(layers)``: cells inside the field that a unit never reads."""
    stacks = [
        ((3, 1, 1), (3, 1, 2), (3, 1, 4)),
        ((3, 1, 2), (3, 1, 2), (3, 1, 2)),
        ((2, 1, 3), (3, 1, 2)),
        ((3, 2, 1), (3, 1, 2), (2, 3, 1)),
        ((1, 3, 1), (3, 1, 1), (2, 2, 2)),
        ((2, 1, 1), (2, 3, 4), (3, 1, 2)),
        ((5, 1, 3), (4, 1, 1)),
        ((1, 2, 1), (1, 1, 3)),
    ]
    return grade(
        function,
        [(stack,) for stack in stacks],
        _unread_by_gradient,
        hint="Follow the set of cells that are read, layer by layer, with each layer's jump.",
    )


def _unread_by_gradient(layers):
    # A unit's gradient is positive where it reads, since all weights are; 0 where it does not.
    x = torch.zeros(1, 1, 200, dtype=torch.float64, requires_grad=True)
    y = x
    for kernel_size, stride, dilation in layers:
        weight = torch.ones(1, 1, kernel_size, dtype=torch.float64)
        y = F.conv1d(y, weight, stride=stride, dilation=dilation)
    read = torch.autograd.grad(y[0, 0, 0], x)[0][0, 0].nonzero().flatten()
    return int(read[-1] - read[0]) + 1 - len(read)


def share_in_middle(function):
    """Check ``function(depth, kernel_size, width)``: part of the paths from the middle cells."""
    cases = [(1, 3, 1), (2, 3, 3), (4, 3, 5), (6, 3, 3), (3, 5, 3), (2, 7, 9), (3, 3, 7), (2, 3, 9)]
    return grade(
        function,
        cases,
        _share_by_paths,
        hint="With equal weights every path counts the same. Where do the paths begin?",
    )


def _share_by_paths(depth, kernel_size, width):
    # Every path: one tap a layer, counted from the middle tap.
    reach = kernel_size // 2
    paths = list(product(range(-reach, reach + 1), repeat=depth))
    return sum(abs(sum(path)) <= width // 2 for path in paths) / len(paths)
