"""Checkers of the exercises on the page "Convolution, backward"."""

import torch
import torch.nn.functional as F

from bigmodel_utils.checks import grade, random_tensor

__all__ = ["fans", "grad_input_1d", "row_bias_gradient", "upsampling_padding"]


def row_bias_gradient(function):
    """Check ``function(g)``: g (b, o, h', w'), the gradient of a bias added to each row (h',)."""
    # The last case has equal axes, so that an answer cannot choose its axes by their lengths.
    cases = [
        (random_tensor(1, 2, 3, 4, 5),),
        (random_tensor(2, 1, 6, 5, 2),),
        (random_tensor(3, 3, 3, 3, 3),),
    ]
    return grade(
        function,
        cases,
        _row_bias_by_autograd,
        hint="Sum over every axis along which one bias value is repeated.",
    )


def _row_bias_by_autograd(g):
    bias = torch.zeros(g.shape[2], dtype=g.dtype, requires_grad=True)
    return torch.autograd.grad(torch.zeros_like(g) + bias[:, None], bias, g)[0]


def grad_input_1d(function):
    """Check ``function(g, weight, size, stride)``: g (h',), weight (k,), result (size,)."""
    cases = []
    # Windows that overlap, touch and leave gaps; with and without an unread end.
    for seed, (size, k, stride) in enumerate(
        [(7, 3, 1), (9, 3, 2), (10, 3, 2), (11, 4, 3), (11, 2, 4), (6, 1, 3), (5, 5, 2)]
    ):
        h_out = (size - k) // stride + 1
        cases.append((random_tensor(seed, h_out), random_tensor(seed + 50, k), size, stride))
    return grade(
        function,
        cases,
        _grad_input_by_autograd,
        hint="Output i read the inputs i * stride to i * stride + K - 1: send g[i] back to them.",
    )


def _grad_input_by_autograd(g, weight, size, stride):
    x = torch.zeros(1, 1, size, dtype=g.dtype, requires_grad=True)
    y = F.conv1d(x, weight[None, None], stride=stride)
    return torch.autograd.grad(y, x, g[None, None])[0][0, 0]


def upsampling_padding(function):
    """Check ``function(kernel_size, stride) -> (padding, output_padding)`` by trying them all."""
    cases = [(4, 2), (3, 2), (5, 2), (2, 2), (1, 2), (3, 3), (4, 3), (5, 3), (6, 3), (2, 3), (7, 4)]
    cases += [(1, 3), (2, 5)]  # kernels that leave gaps
    return grade(
        function,
        cases,
        _upsampling_by_trial,
        hint="Set the transposed convolution's output size equal to stride times its input size.",
    )


def _upsampling_by_trial(kernel_size, stride):
    for output_padding in range(stride):
        for padding in range(kernel_size + 1):
            sizes = []
            for size in (5, 8):
                made = (size - 1) * stride - 2 * padding + kernel_size + output_padding
                layer = torch.nn.ConvTranspose1d(
                    1, 1, kernel_size, stride, padding, output_padding, device="meta"
                )
                sizes.append(made > 0 and layer(torch.zeros(1, 1, size, device="meta")).shape[-1])
            if sizes == [5 * stride, 8 * stride]:
                return padding, output_padding
    raise ValueError("no padding multiplies every length by the stride")


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
