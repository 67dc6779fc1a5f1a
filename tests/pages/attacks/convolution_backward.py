"""Wrong answers that the checkers of the page "Convolution, backward" must reject."""

import torch.nn.functional as F


def _from_autograd_without_the_end(g, weight, size, stride):
    return F.conv_transpose1d(g[None, None], weight[None, None], stride=stride)[0, 0]


def _padded_in_front(g, weight, size, stride):
    grad = _from_autograd_without_the_end(g, weight, size, stride)
    return F.pad(grad, (size - len(grad), 0))


def _overwrites(g, weight, size, stride):
    grad = g.new_zeros(size)
    for i in range(len(g)):
        grad[stride * i : stride * i + len(weight)] = g[i] * weight
    return grad


def _forgets_the_stride(g, weight, size, stride):
    grad = g.new_zeros(size)
    for i in range(len(g)):
        grad[i : i + len(weight)] += g[i] * weight
    return grad


def _flipped(g, weight, size, stride):
    grad = g.new_zeros(size)
    for i in range(len(g)):
        grad[stride * i : stride * i + len(weight)] += g[i] * weight.flip(0)
    return grad


def _scales_upstream_in_place(g, weight, size, stride):
    grad = g.new_zeros(size)
    g *= 2
    for i in range(len(g)):
        grad[stride * i : stride * i + len(weight)] += g[i] * weight / 2
    return grad


def _row_axis_by_length(g):
    # Finds the axis by its length instead of its place.
    axes = [a for a in range(4) if g.shape[a] != g.shape[2]]
    return g.sum(dim=axes).reshape(-1)[: g.shape[2]] if axes else g.sum().expand(g.shape[2])


ATTACKS = {
    "row_bias_gradient": {
        "gradient of a channel bias": lambda g: g.sum(dim=(0, 2, 3)),
        "gradient of a column bias": lambda g: g.sum(dim=(0, 1, 2)),
        "one bias for each channel and row": lambda g: g.sum(dim=(0, 3)),
        "mean over the batch": lambda g: g.mean(0).sum(dim=(0, 2)),
        "forgets the batch": lambda g: g[0].sum(dim=(0, 2)),
        "keeps the axes": lambda g: g.sum(dim=(0, 1, 3), keepdim=True),
        "finds the axis by its length": _row_axis_by_length,
    },
    "grad_input_1d": {
        "forgets the unread end": _from_autograd_without_the_end,
        "unread cells in front": _padded_in_front,
        "overwrites where windows overlap": _overwrites,
        "forgets the stride": _forgets_the_stride,
        "flipped kernel": _flipped,
        "changes g in place": _scales_upstream_in_place,
        "the forward pass again": lambda g, weight, size, stride: F.conv1d(
            F.pad(g, (0, size))[None, None], weight[None, None]
        )[0, 0, :size],
    },
    "upsampling_padding": {
        "padding as for equal size": lambda kernel_size, stride: ((kernel_size - 1) // 2, 0),
        "always output padding 1": lambda kernel_size, stride: ((kernel_size - 1) // 2, 1),
        "rounds down": lambda kernel_size, stride: (
            max(0, (kernel_size - stride) // 2),
            (kernel_size - stride) % 2,
        ),
        "forgets short kernels": lambda kernel_size, stride: (
            (kernel_size - stride + 1) // 2,
            (kernel_size - stride) % 2,
        ),
        "stride 2 only": lambda kernel_size, stride: (
            max(0, (kernel_size - 1) // 2),
            2 * max(0, (kernel_size - 1) // 2) - kernel_size + 2,
        ),
        "exchanged": lambda kernel_size, stride: (
            2 * max(0, (kernel_size - stride + 1) // 2) - (kernel_size - stride),
            max(0, (kernel_size - stride + 1) // 2),
        ),
    },
    "fans": {
        "forgets the groups": lambda c, o, k, s, groups: (
            c * k[0] * k[1],
            o * k[0] * k[1] / (s[0] * s[1]),
        ),
        "PyTorch's fan-out": lambda c, o, k, s, groups: (
            c // groups * k[0] * k[1],
            o * k[0] * k[1],
        ),
        "forgets the stride": lambda c, o, k, s, groups: (
            c // groups * k[0] * k[1],
            o // groups * k[0] * k[1],
        ),
        "divides both by the stride": lambda c, o, k, s, groups: (
            c // groups * k[0] * k[1] / (s[0] * s[1]),
            o // groups * k[0] * k[1] / (s[0] * s[1]),
        ),
        "exchanged": lambda c, o, k, s, groups: (
            o // groups * k[0] * k[1] / (s[0] * s[1]),
            c // groups * k[0] * k[1],
        ),
        "rounds the average down": lambda c, o, k, s, groups: (
            c // groups * k[0] * k[1],
            o // groups * k[0] * k[1] // (s[0] * s[1]),
        ),
        "a square kernel": lambda c, o, k, s, groups: (
            c // groups * k[0] ** 2,
            o // groups * k[0] ** 2 / (s[0] * s[1]),
        ),
        "adds the bias": lambda c, o, k, s, groups: (
            c // groups * k[0] * k[1] + 1,
            o // groups * k[0] * k[1] / (s[0] * s[1]),
        ),
    },
}
