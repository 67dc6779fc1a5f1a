"""Realistic wrong answers to the exercises of "Pooling and receptive fields"."""

import math

import torch

__all__ = ["ATTACKS"]


def _average(grad_output, kernel_size, *, divisor=None, axes=(2, 3), repeat=None):
    kh, kw = kernel_size
    share = grad_output / (kh * kw if divisor is None else divisor(kh, kw))
    if repeat is not None:
        return repeat(share, kh, kw)
    return share.repeat_interleave(kh, axes[0]).repeat_interleave(kw, axes[1])


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


def _interval(layers, i, *, padded=True, jumped=True, end=0, late_jump=True, dilated=True):
    start, size, jump = 0, 1, 1
    for kernel_size, stride, dilation, padding in layers:
        if not late_jump:
            jump *= stride
        start -= padding * (jump if jumped else 1) * padded
        size += (dilation if dilated else 1) * (kernel_size - 1) * jump
        if late_jump:
            jump *= stride
    return start + i * jump, start + i * jump + size - 1 + end


def _clipped(layers, i):
    first, last = _interval(layers, i)
    return max(first, 0), last


def _layers(n, kernel_size, *, rounded=math.ceil, offset=0):
    return max(0, rounded(math.log2((n - 1) / (kernel_size - 1) + 1)) + offset)


ATTACKS = {
    "average_pool_gradient": {
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
        "overwrites a cell that wins twice": _overwritten,
        "height and width exchanged": _transposed_size,
        "channels mixed": _channels_mixed,
        "mean of the wins": _counted_once,
        "index off by one": lambda g, i, s: _added(g, (i + 1) % (s[0] * s[1]), s),
    },
    "receptive_interval": {
        "padding forgotten": lambda layers, i: _interval(layers, i, padded=False),
        "padding without the jump": lambda layers, i: _interval(layers, i, jumped=False),
        "jump updated too early": lambda layers, i: _interval(layers, i, late_jump=False),
        "one past the end": lambda layers, i: _interval(layers, i, end=1),
        "dilation forgotten": lambda layers, i: _interval(layers, i, dilated=False),
        "layers from the last": lambda layers, i: _interval(layers[::-1], i),
        "clipped to the image": _clipped,
        "always unit 0": lambda layers, i: _interval(layers, 0),
    },
    "dilated_layers": {
        "rounded down": lambda n, k: _layers(n, k, rounded=math.floor),
        "one too many": lambda n, k: _layers(n, k, offset=1),
        "more than n cells": lambda n, k: _layers(n + 1, k),
        "plain layers": lambda n, k: math.ceil((n - 1) / (k - 1)),
        "kernel size 3 assumed": lambda n, k: _layers(n, 3),
        "dilation grows by the kernel": lambda n, k: math.ceil(math.log(n, k) - 1e-12),
    },
}
