"""Wrong answers that the checkers of the convolution page must reject."""

import torch
import torch.nn.functional as F


def _add_bias_by_column(x, weight, bias):
    y = torch.einsum("bchw,oc->bohw", x, weight)
    return y + bias.reshape(-1, 1) if bias.numel() == y.shape[2] else y + bias.mean()


def _seen(layer, h, w, row=0, column=0):
    """What an image shows that is zero but for one pixel."""
    image = torch.zeros(h, w, dtype=torch.float64)
    image[row, column] = 1
    return layer(image)


def _probed(layer, h, w):
    answers = [_seen(layer, h, w, i, j)[0, 0] for i in range(h) for j in range(w)]
    return torch.stack(answers).reshape(h, w)


def _loops_over_outputs(x, weight, bias, stride, padding):
    (top, left), (K, L) = padding, weight.shape[2:]
    padded = F.pad(x, (left, left, top, top))
    h = (padded.shape[2] - K) // stride[0] + 1
    w = (padded.shape[3] - L) // stride[1] + 1
    y = x.new_zeros(len(x), len(weight), h, w)
    for i in range(h):
        for j in range(w):
            place = slice(stride[0] * i, stride[0] * i + K), slice(stride[1] * j, stride[1] * j + L)
            y[:, :, i, j] = torch.einsum("bckl,ockl->bo", padded[:, :, *place], weight) + bias
    return y


def _taps(x, weight, bias, stride, padding, *, flip=False, crop=0, swapped=False, biased=True):
    (top, left), (K, L) = padding[::-1] if swapped else padding, weight.shape[2:]
    padded = F.pad(x, (left, left, top, top))
    h = (padded.shape[2] - K) // stride[0] + 1 - crop
    w = (padded.shape[3] - L) // stride[1] + 1
    y = bias[:, None, None] * biased
    for k in range(K):
        for m in range(L):
            rows = slice(k, k + stride[0] * (h - 1) + 1, stride[0])
            columns = slice(m, m + stride[1] * (w - 1) + 1, stride[1])
            tap = weight[:, :, K - 1 - k, L - 1 - m] if flip else weight[:, :, k, m]
            y = y + torch.einsum("bchw,oc->bohw", padded[:, :, rows, columns], tap)
    return y


def _product(strides):
    down = right = 1
    for vertical, horizontal in strides:
        down, right = down * vertical, right * horizontal
    return down, right


ATTACKS = {
    "kernel_of": {
        "the response itself": _seen,
        "turned, not moved back": lambda *a: _seen(*a).flip(0, 1),
        "moved the wrong way": lambda *a: _seen(*a).flip(0, 1).roll((-1, -1), (0, 1)),
        "columns alone": lambda *a: _seen(*a).flip(1).roll(1, 1),
        "rows alone": lambda *a: _seen(*a).flip(0).roll(1, 0),
        "last pixel, then moved": lambda *a: _seen(*a, -1, -1).flip(0, 1).roll((1, 1), (0, 1)),
        "one image for each weight": _probed,
        "an image of ones": lambda layer, h, w: layer(torch.ones(h, w, dtype=torch.float64)),
        "transposed": lambda *a: _seen(*a).flip(0, 1).roll((1, 1), (0, 1)).T,
    },
    "conv2d": {
        "PyTorch's own": F.conv2d,
        "loops over the outputs": _loops_over_outputs,
        "flipped kernel": lambda *a: _taps(*a, flip=True),
        "last row missing": lambda *a: _taps(*a, crop=1),
        "paddings exchanged": lambda *a: _taps(*a, swapped=True),
        "bias forgotten": lambda *a: _taps(*a, biased=False),
        "without the stride": lambda x, w, b, s, p: _taps(x, w, b, (1, 1), p),
        "without the padding": lambda x, w, b, s, p: _taps(x, w, b, s, (0, 0)),
    },
    "smallest_shift": {
        "largest stride": lambda strides: tuple(map(max, zip((1, 1), *strides, strict=True))),
        "sum of the strides": lambda strides: tuple(map(sum, zip((0, 0), *strides, strict=True))),
        "last layer": lambda strides: strides[-1] if strides else (1, 1),
        "exchanged": lambda strides: _product(strides)[::-1],
        "one pixel": lambda strides: (1, 1),
        "one for both": lambda strides: (max(_product(strides)),) * 2,
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
        "a convolution": lambda x, w, b: F.conv2d(x, w[:, :, None, None], b),
    },
}
