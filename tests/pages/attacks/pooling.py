"""Realistic wrong answers to the exercises of "Pooling"."""

from itertools import pairwise

import torch
import torch.nn.functional as F

__all__ = ["ATTACKS"]


def _average(grad_output, kernel_size, *, divisor=None, axes=(2, 3), repeat=None):
    kh, kw = kernel_size
    share = grad_output / (kh * kw if divisor is None else divisor(kh, kw))
    if repeat is not None:
        return repeat(share, kh, kw)
    return share.repeat_interleave(kh, axes[0]).repeat_interleave(kw, axes[1])


def _by_loops(grad_output, kernel_size):
    (b, c, h, w), (kh, kw) = grad_output.shape, kernel_size
    grad_x = grad_output.new_zeros(b, c, h * kh, w * kw)
    for i in range(h):
        for j in range(w):
            window = ..., slice(i * kh, (i + 1) * kh), slice(j * kw, (j + 1) * kw)
            grad_x[window] = grad_output[:, :, i, j, None, None] / (kh * kw)
    return grad_x


def _by_autograd(grad_output, kernel_size):
    (b, c, h, w), (kh, kw) = grad_output.shape, kernel_size
    x = grad_output.new_zeros(b, c, h * kh, w * kw).requires_grad_()
    return torch.autograd.grad(F.avg_pool2d(x, kernel_size), x, grad_output)[0]


def _routed_by_loops(grad_output, indices, size):
    grad_x = grad_output.new_zeros(*grad_output.shape[:2], size[0] * size[1])
    for i in range(grad_output.shape[2]):
        for j in range(grad_output.shape[3]):
            for n in range(grad_output.shape[0]):
                for c in range(grad_output.shape[1]):
                    grad_x[n, c, indices[n, c, i, j]] += grad_output[n, c, i, j]
    return grad_x.reshape(*grad_output.shape[:2], *size)


def _in_place(grad_output, kernel_size):
    grad_output /= kernel_size[0] * kernel_size[1]
    return grad_output.repeat_interleave(kernel_size[0], 2).repeat_interleave(kernel_size[1], 3)


def _one_cell_a_window(grad_output, kernel_size):
    kh, kw = kernel_size
    grad_x = torch.zeros_like(_average(grad_output, kernel_size))
    grad_x[:, :, ::kh, ::kw] = grad_output
    return grad_x


def _overwritten(grad_output, indices, size):
    h, w = size
    grad_x = grad_output.new_zeros(*grad_output.shape[:2], h * w)
    grad_x.scatter_(2, indices.flatten(2), grad_output.flatten(2))
    return grad_x.reshape(*grad_output.shape[:2], h, w)


def _transposed_size(grad_output, indices, size):
    h, w = size
    grad_x = grad_output.new_zeros(*grad_output.shape[:2], h * w)
    grad_x.scatter_add_(2, indices.flatten(2), grad_output.flatten(2))
    return grad_x.reshape(*grad_output.shape[:2], w, h).mT


def _channels_mixed(grad_output, indices, size):
    grad_x = grad_output.new_zeros(grad_output.shape[0], 1, size[0] * size[1])
    grad_x.scatter_add_(2, indices.flatten(1)[:, None], grad_output.flatten(1)[:, None])
    grad_x = grad_x.expand(-1, grad_output.shape[1], -1)
    return grad_x.reshape(*grad_output.shape[:2], *size)


def _counted_once(grad_output, indices, size):
    # The mean of what a cell wins in place of the sum.
    ones = torch.ones_like(grad_output)
    total, wins = (_added(g, indices, size) for g in (grad_output, ones))
    return total / wins.clamp(min=1)


def _added(grad_output, indices, size):
    grad_x = grad_output.new_zeros(*grad_output.shape[:2], size[0] * size[1])
    grad_x.scatter_add_(2, indices.flatten(2), grad_output.flatten(2))
    return grad_x.reshape(*grad_output.shape[:2], *size)


def _count(size, channels, kernel_size, classes, *, taps=lambda c: 9 * c, bias=1, up=False):
    convolutions = sum(o * (taps(c) + bias) for c, o in pairwise(channels))
    (h, w), (kh, kw) = size, kernel_size
    for _ in channels[1:]:
        h, w = (-(-h // kh), -(-w // kw)) if up else (h // kh, w // kw)
    return convolutions, classes * (channels[-1] * h * w + bias)


def _rounded_once(size, channels, kernel_size, classes):
    convolutions, _ = _count(size, channels, kernel_size, classes)
    power = len(channels) - 1
    cells = (size[0] * size[1]) // (kernel_size[0] * kernel_size[1]) ** power
    return convolutions, classes * (channels[-1] * cells + 1)


def _pooled_once(size, channels, kernel_size, classes):
    convolutions, _ = _count(size, channels, kernel_size, classes)
    _, dense = _count(size, (channels[-1],) * 2, kernel_size, classes)
    return convolutions, dense


def _pooling_saves_weights(size, channels, kernel_size, classes):
    convolutions, dense = _count(size, channels, kernel_size, classes)
    return convolutions // (kernel_size[0] * kernel_size[1]), dense


def _blurred(x, taps, stride, *, centred=True, circular=True, first=0, mirrored=False):
    reach = len(taps) // 2
    if mirrored:
        taps = taps.flip(0)
    left, right = (reach, reach) if centred else (0, 2 * reach)
    ring = F.pad(x, (left, right), mode="circular") if circular else F.pad(x, (left, right))
    windows = ring.unfold(2, len(taps), 1)  # (b, c, n, k)
    return (windows @ taps)[..., first::stride]


def _sampled_first(x, taps, stride):
    kept = x[..., ::stride]
    return sum(tap * kept.roll(len(taps) // 2 - k, -1) for k, tap in enumerate(taps))


def _blurred_in_place(x, taps, stride):
    y = _blurred(x, taps, stride)
    taps /= taps.sum()
    return y


ATTACKS = {
    "average_pool_gradient": {
        "loops over windows": _by_loops,
        "autograd": _by_autograd,
        "missing scale": lambda g, k: _average(g, k, divisor=lambda kh, kw: 1),
        "divided by one side": lambda g, k: _average(g, k, divisor=lambda kh, kw: kh),
        "sides exchanged": lambda g, k: _average(g, (k[1], k[0])),
        "wrong axes": lambda g, k: _average(g, k, axes=(3, 2)),
        "tiled, not repeated": lambda g, k: _average(
            g, k, repeat=lambda s, kh, kw: s.repeat(1, 1, kh, kw)
        ),
        "one cell takes all": _one_cell_a_window,
        "in place": _in_place,
    },
    "max_pool_gradient": {
        "loops over entries": _routed_by_loops,
        "overwrites a cell that wins twice": _overwritten,
        "height and width exchanged": _transposed_size,
        "channels mixed": _channels_mixed,
        "mean of the wins": _counted_once,
        "index off by one": lambda g, i, s: _added(g, (i + 1) % (s[0] * s[1]), s),
    },
    "parameters": {
        "pooling divides the kernels": _pooling_saves_weights,
        "window's sides exchanged": lambda s, c, k, n: _count(s, c, k[::-1], n),
        "without biases": lambda s, c, k, n: _count(s, c, k, n, bias=0),
        "rounded up": lambda s, c, k, n: _count(s, c, k, n, up=True),
        "rounded once, at the end": _rounded_once,
        "one pooling for all": _pooled_once,
        "one kernel for all channels in": lambda s, c, k, n: _count(s, c, k, n, taps=lambda c: 9),
        "the window as the kernel": lambda s, c, k, n: _count(
            s, c, k, n, taps=lambda c: k[0] * k[1] * c
        ),
        "exchanged": lambda s, c, k, n: _count(s, c, k, n)[::-1],
    },
    "blur_and_sample": {
        "sampled, then blurred": _sampled_first,
        "window not centred": lambda x, t, s: _blurred(x, t, s, centred=False),
        "zeros around": lambda x, t, s: _blurred(x, t, s, circular=False),
        "taps turned round": lambda x, t, s: _blurred(x, t, s, mirrored=True),
        "starts one cell late": lambda x, t, s: _blurred(x, t, s, first=1),
        "no sampling": lambda x, t, s: _blurred(x, t, 1),
        "taps made to add up to 1": lambda x, t, s: _blurred(x, t / t.sum(), s),
        "changes the taps in place": _blurred_in_place,
        "constant": lambda x, t, s: torch.zeros_like(x[..., ::s]),
    },
}
