"""Checkers of the exercises on the page "Pooling"."""

import torch
import torch.nn.functional as F

from bigmodel_utils.checks import AUTOGRAD, grade, random_tensor

__all__ = ["average_pool_gradient", "blur_and_sample", "max_pool_gradient", "parameters"]


def average_pool_gradient(function):
    """Check ``function(grad_output, kernel_size)``: windows that touch, no padding."""
    cases = [
        (random_tensor(1, 2, 3, 4, 2), (2, 3)),
        (random_tensor(2, 1, 2, 3, 5), (3, 1)),
        (random_tensor(3, 3, 1, 2, 4), (4, 2)),
        (random_tensor(4, 2, 2, 3, 3), (2, 2)),
    ]
    return grade(
        function,
        cases,
        _average_by_autograd,
        hint="Every cell of a window takes 1 / (kh * kw) of that window's gradient.",
        forbidden=AUTOGRAD,
        most_calls=15,
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
        forbidden=AUTOGRAD,
        most_calls=25,
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


def parameters(function):
    """Check ``function(size, channels, kernel_size, classes)`` on networks that are built."""
    cases = [
        ((28, 28), (1, 32, 64), (2, 2), 10),
        ((13, 30), (3, 4, 5), (2, 3), 7),
        ((29, 15), (2, 6, 3, 4), (2, 1), 3),
        ((9, 11), (4, 2), (3, 2), 5),
        ((8, 12), (5, 3, 3), (1, 1), 2),
    ]
    return grade(
        function,
        cases,
        _parameters_of_network,
        hint="A kernel has the same weights whatever the map's size; each pooling rounds down.",
    )


def _parameters_of_network(size, channels, kernel_size, classes):
    with torch.device("meta"):
        convolutions = [
            torch.nn.Conv2d(channels[i], channels[i + 1], 3, padding=1)
            for i in range(len(channels) - 1)
        ]
        x = torch.zeros(1, channels[0], *size)
        for layer in convolutions:
            x = F.max_pool2d(layer(x), kernel_size)
        dense = torch.nn.Linear(x.flatten(1).shape[1], classes)
    return _count(torch.nn.Sequential(*convolutions)), _count(dense)


def _count(network):
    return sum(parameter.numel() for parameter in network.parameters())


def blur_and_sample(function):
    """Check ``function(x, taps, stride)``: x (b, c, n) that wraps around, taps (k,), k odd."""
    # The taps differ from their mirror image; the last case's filter reaches all around.
    sizes = [((2, 3, 12), 3, 2), ((1, 2, 15), 5, 3), ((3, 1, 10), 3, 4), ((2, 2, 7), 7, 2)]
    cases = [
        (random_tensor(seed, *shape), random_tensor(seed + 20, k), stride)
        for seed, (shape, k, stride) in enumerate(sizes)
    ]
    return grade(
        function,
        cases,
        _blur_by_convolution,
        hint="The middle tap belongs to the cell that is kept; the ends read around the corner.",
    )


def _blur_by_convolution(x, taps, stride):
    (b, c, n), reach = x.shape, len(taps) // 2
    ring = torch.cat([x[..., n - reach :], x, x[..., :reach]], dim=2)
    filtered = F.conv1d(ring.reshape(b * c, 1, n + 2 * reach), taps[None, None], stride=stride)
    return filtered.reshape(b, c, -1)
