"""Realistic wrong answers to the exercises of "Receptive fields"."""

import math

import torch

__all__ = ["ATTACKS"]


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


def _unread(layers, *, jumped=True, dilated=True, late_jump=True):
    cells, jump = {0}, 1
    for kernel_size, stride, dilation in layers:
        if not late_jump:
            jump *= stride
        step = (dilation if dilated else 1) * (jump if jumped else 1)
        cells = {cell + step * k for cell in cells for k in range(kernel_size)}
        if late_jump:
            jump *= stride
    return max(cells) - min(cells) + 1 - len(cells)


def _size_less_paths(layers):
    # Counts paths, not cells: paths that meet in a cell are counted twice.
    size, jump, paths = 1, 1, 1
    for kernel_size, stride, dilation in layers:
        size += dilation * (kernel_size - 1) * jump
        jump, paths = jump * stride, paths * kernel_size
    return max(0, size - paths)


def _share(depth, kernel_size, width, *, half=None, root=False):
    profile = torch.ones(1, dtype=torch.float64)
    for _ in range(depth):
        ends = torch.zeros(kernel_size - 1, dtype=torch.float64)
        profile = torch.cat([ends, profile, ends]).unfold(0, kernel_size, 1).sum(1)
    profile = profile.sqrt() if root else profile
    middle = len(profile) // 2
    half = width // 2 if half is None else half
    kept = profile[max(0, middle - half) : middle + half + 1]
    return (kept.sum() / profile.sum()).item()


def _gaussian(depth, kernel_size, width):
    sigma = math.sqrt(depth * (kernel_size**2 - 1) / 12)
    return math.erf(width / 2 / sigma / math.sqrt(2))


ATTACKS = {
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
    "unread_cells": {
        "field less paths": _size_less_paths,
        "stride forgotten": lambda layers: _unread(layers, jumped=False),
        "jump updated too early": lambda layers: _unread(layers, late_jump=False),
        "dilation forgotten": lambda layers: _unread(layers, dilated=False),
        "layers from the last": lambda layers: _unread(layers[::-1]),
        "gaps of each layer, added": lambda layers: sum((d - 1) * (k - 1) for k, _, d in layers),
        "one too many": lambda layers: _unread(layers) + 1,
        "never any": lambda layers: 0,
    },
    "share_in_middle": {
        "share of the cells": lambda n, k, w: min(1.0, w / (n * (k - 1) + 1)),
        "Gaussian": _gaussian,
        "width to each side": lambda n, k, w: _share(n, k, w, half=w),
        "square root of the paths": lambda n, k, w: _share(n, k, w, root=True),
        "one layer too few": lambda n, k, w: _share(n - 1, k, w),
        "kernel size 3 assumed": lambda n, k, w: _share(n, 3, w),
        "share outside": lambda n, k, w: 1 - _share(n, k, w),
        "always all": lambda n, k, w: 1.0,
    },
}
