"""Wrong answers that the checkers of the convolution page must reject."""

import torch
import torch.nn.functional as F


def _add_bias_by_column(x, weight, bias):
    y = torch.einsum("bchw,oc->bohw", x, weight)
    return y + bias.reshape(-1, 1) if bias.numel() == y.shape[2] else y + bias.mean()


def _scale_input(x, weight):
    x *= 2  # changes the caller's tensor
    return F.conv2d(x, weight[:, None], groups=x.shape[1]) / 2


ATTACKS = {
    "same_padding": {
        "forgets dilation": lambda kernel_size, dilation: kernel_size // 2,
        "half the span, rounded": lambda kernel_size, dilation: dilation * (kernel_size - 1) // 2,
        "kernel times dilation": lambda kernel_size, dilation: dilation * kernel_size // 2,
        "forgets to halve": lambda kernel_size, dilation: dilation * (kernel_size - 1),
    },
    "depthwise_conv2d": {
        "flipped kernel": lambda x, w: F.conv2d(x, w.flip(1, 2)[:, None], groups=x.shape[1]),
        "sums over channels": lambda x, w: F.conv2d(x, w[None]).expand(-1, x.shape[1], -1, -1),
        "first kernel for all": lambda x, w: F.conv2d(
            x, w[:1, None].expand(x.shape[1], -1, -1, -1), groups=x.shape[1]
        ),
        "reversed channels": lambda x, w: F.conv2d(x, w.flip(0)[:, None], groups=x.shape[1]),
        "mean instead of sum": lambda x, w: (
            F.conv2d(x, w[:, None], groups=x.shape[1]) / w[0].numel()
        ),
        "changes its argument": _scale_input,
    },
    "compose_kernels": {
        "product of the two": lambda a, b: F.conv2d(
            F.pad(a, (9, 9, 9, 9))[None, None], b[None, None]
        )[0, 0],
        "correlates instead of convolving": lambda a, b: F.conv2d(
            a[None, None], b[None, None], padding=(b.shape[0] - 1, b.shape[1] - 1)
        )[0, 0],
        "turned by half a circle": lambda a, b: F.conv_transpose2d(a[None, None], b[None, None])[
            0, 0
        ].flip(0, 1),
        "transposed": lambda a, b: F.conv_transpose2d(a[None, None], b[None, None])[0, 0].T,
    },
    "conv1x1": {
        "forgets the bias": lambda x, w, b: torch.einsum("bchw,oc->bohw", x, w),
        "transposed weight": lambda x, w, b: (
            torch.einsum("bchw,co->bohw", x, w.reshape(w.shape[1], w.shape[0])) + b[:, None, None]
        ),
        "bias along the image": _add_bias_by_column,
        "channels last": lambda x, w, b: torch.einsum("bchw,oc->bhwo", x, w) + b,
    },
}
