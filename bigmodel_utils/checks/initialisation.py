"""Checkers of the exercises on the page "Initialisation"."""

import torch
import torch.nn.functional as F

from bigmodel_utils.checks import grade, random_tensor

__all__ = ["fans", "leaky_std", "mean_square_after", "unit_scale"]


def fans(function):
    """Check ``function(in_channels, out_channels, kernel_size, stride, groups)`` by counting."""
    cases = [
        (3, 8, (3, 2), (1, 1), 1),
        (8, 4, (1, 5), (1, 1), 1),
        (6, 4, (3, 3), (1, 1), 2),
        (4, 8, (3, 2), (2, 1), 4),
        (5, 5, (2, 3), (2, 3), 5),
        (7, 3, (1, 1), (2, 2), 1),
        (4, 6, (5, 3), (1, 2), 2),
    ]
    return grade(
        function,
        cases,
        _fans_by_counting,
        hint="Other groups do not count, and a stride leaves fewer outputs than inputs.",
    )


def _fans_by_counting(in_channels, out_channels, kernel_size, stride, groups):
    # With ones for weights, an output's gradient is 1 at each input that it sees; and when all
    # outputs send back a 1, a pixel counts the outputs that it entered.
    weight = torch.ones(out_channels, in_channels // groups, *kernel_size, dtype=torch.float64)
    x = torch.zeros(1, in_channels, 24, 24, dtype=torch.float64, requires_grad=True)
    y = F.conv2d(x, weight, stride=stride, groups=groups)
    seen = torch.autograd.grad(y[0, 0, 2, 2], x, retain_graph=True)[0]
    entered = torch.autograd.grad(y, x, torch.ones_like(y))[0]
    inside = entered[0, 0, 9 : 9 + stride[0], 9 : 9 + stride[1]]  # one period of the stride
    return int(seen.count_nonzero()), inside.mean().item()


def leaky_std(function):
    """Check ``function(fan_in, slope)``: deviation of weights before a leaky ReLU."""
    cases = [(2, 0.0), (27, 0.0), (27, 0.01), (64, 0.2), (9, 1.0), (100, -0.5), (12, 5**0.5)]
    return grade(
        function,
        cases,
        _std_by_gain,
        hint="What share of the mean square is left when one half is kept and one multiplied?",
    )


def _std_by_gain(fan_in, slope):
    layer = torch.nn.Linear(fan_in, 1, device="meta")
    gain = torch.nn.init.calculate_gain("leaky_relu", slope)
    return gain / layer.in_features**0.5


def mean_square_after(function):
    """Check ``function(layers, start)``; layers of (channels in, out, kernel, groups, std)."""
    stacks = [
        ([(3, 8, (3, 2), 1, 0.3)], 1.0),
        ([(4, 6, (1, 5), 2, 0.5), (6, 9, (3, 3), 3, 0.2)], 0.7),
        ([(2, 4, (2, 3), 1, 0.4), (4, 4, (3, 1), 4, 0.8), (4, 3, (2, 2), 1, 0.25)], 2.5),
        ([(5, 5, (1, 1), 1, 0.6)] * 4, 0.3),
        ([], 1.7),
    ]
    return grade(
        function,
        stacks,
        _square_by_convolving,
        hint="Each layer multiplies by its fan-in times its variance; what does the ReLU leave?",
    )


def _square_by_convolving(layers, start):
    # The expected squares of an image: a layer adds up those of its window, times the variance.
    if not layers:
        return start
    squares = torch.full((1, layers[0][0], 5, 7), start, dtype=torch.float64)
    for in_channels, out_channels, kernel_size, groups, std in layers:
        shape = out_channels, in_channels // groups, *kernel_size
        variances = torch.full(shape, std**2, dtype=torch.float64)
        around = 0, kernel_size[1] - 1, 0, kernel_size[0] - 1
        around = F.pad(squares, around, mode="circular") if max(kernel_size) > 1 else squares
        squares = F.conv2d(around, variances, groups=groups) / 2
    return squares.mean().item()


def unit_scale(function):
    """Check ``function(x, weight, padding)``: weight scaled so that the output has square 1."""
    shapes = [
        ((2, 3, 6, 5), (4, 3, 3, 2), (1, 0)),
        ((3, 1, 4, 7), (2, 1, 1, 3), (0, 1)),
        ((1, 2, 5, 5), (3, 2, 2, 4), (0, 2)),
    ]
    cases = [
        # Inputs with a mean, so that a mean square is no variance.
        (0.5 + 3 * random_tensor(seed, *x), random_tensor(seed + 40, *weight), padding)
        for seed, (x, weight, padding) in enumerate(shapes)
    ]
    return grade(
        function,
        cases,
        _scaled_by_windows,
        hint="Compute the output once: it is linear in the weight.",
    )


def _scaled_by_windows(x, weight, padding):
    windows = F.unfold(x, weight.shape[2:], padding=padding)  # (b, c kh kw, outputs)
    moments = torch.einsum("bpi,bqi->pq", windows, windows)
    rows = weight.flatten(1)
    total = torch.einsum("op,pq,oq->", rows, moments, rows)
    return weight * (len(weight) * len(x) * windows.shape[2] / total).sqrt()
