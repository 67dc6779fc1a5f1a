"""Realistic wrong answers to the exercises of "Deep stacks that train"."""

import math

import torch.nn.functional as F

__all__ = ["ATTACKS"]


def _rms(grad, x, gain, eps, *, gained=True, along=True, centre=False, mean=True, inside=True,
         divide=True, rows=True, gain_of_unit=True):  # fmt: skip
    square = x.square().mean(-1, keepdim=True)
    size = (square + eps).sqrt() if inside else square.sqrt() + eps
    unit = x / size
    hat = gain * grad if gained else grad
    out = hat
    if along:
        inner = (hat * unit).mean(-1, keepdim=True) if mean else (hat * unit).sum(-1, keepdim=True)
        out = out - unit * inner
    if centre:
        out = out - hat.mean(-1, keepdim=True)
    grad_gain = grad * (unit if gain_of_unit else x)
    return out / size if divide else out, grad_gain.sum(0 if rows else 1)


def _in_place(grad, x, gain, eps):
    grad *= gain
    return _rms(grad / gain, x, gain, eps)


def _autograd(grad, x, gain, eps):
    x, gain = x.requires_grad_(), gain.requires_grad_()
    y = F.rms_norm(x, x.shape[1:], gain, eps)
    y.backward(grad)
    return x.grad, gain.grad


def _behind(blocks, start, *, half=0.5, closing=0.5, squared=True, width=True, last=False,
            added=True, hidden=True):  # fmt: skip
    for d, m, var_w, var_a, scale in blocks[-1:] if last else blocks:
        phi = half * var_w * var_a * (d if width else 1) * (m if hidden else 1)
        if scale is None:
            start = start * phi * closing
        else:
            grown = (scale**2 if squared else scale) * phi
            start = start * (1 + grown if added else grown)
    return start


def _exchanged(blocks, start):
    return _behind([(d, d, var_w, var_a, scale) for d, _, var_w, var_a, scale in blocks], start)


def _double(blocks, start):
    for d, m, var_w, var_a, scale in blocks:
        phi = 0.5 * d * m * var_w * var_a
        start = start * (phi / 2 if scale is None else (1 + scale * phi**0.5) ** 2)
    return start


ATTACKS = {
    "rms_norm_backward": {
        "gain forgotten": lambda *a: _rms(*a, gained=False),
        "size taken for a constant": lambda *a: _rms(*a, along=False),
        "layer norm's": lambda *a: _rms(*a, centre=True),
        "sum for the mean": lambda *a: _rms(*a, mean=False),
        "eps beside the root": lambda *a: _rms(*a, inside=False),
        "not divided by the size": lambda *a: _rms(*a, divide=False),
        "gain summed over features": lambda *a: _rms(*a, rows=False),
        "gain times x": lambda *a: _rms(*a, gain_of_unit=False),
        "exchanged": lambda *a: _rms(*a)[::-1],
        "in place": _in_place,
        "autograd": _autograd,
    },
    "mean_square_behind": {
        "inner ReLU forgotten": lambda blocks, start: _behind(blocks, start, half=1.0),
        "closing ReLU forgotten": lambda blocks, start: _behind(blocks, start, closing=1.0),
        "scale not squared": lambda blocks, start: _behind(blocks, start, squared=False),
        "skip connection forgotten": lambda blocks, start: _behind(blocks, start, added=False),
        "inputs forgotten": lambda blocks, start: _behind(blocks, start, width=False),
        "hidden units forgotten": lambda blocks, start: _behind(blocks, start, hidden=False),
        "hidden units taken for d": _exchanged,
        "last block only": lambda blocks, start: _behind(blocks, start, last=True),
        "sizes added, not squares": _double,
        "unchanged": lambda blocks, start: start,
    },
    "same_path": {
        "rate times c for both": lambda rate, decay, c, adam: (rate * c, decay / c),
        "rate times the square for both": lambda rate, decay, c, adam: (
            rate * c**2,
            decay / c**2,
        ),
        "Adam and descent exchanged": lambda rate, decay, c, adam: (
            rate * (c**2 if adam else c),
            decay / (c**2 if adam else c),
        ),
        "decay unchanged": lambda rate, decay, c, adam: (rate * (c if adam else c**2), decay),
        "divided": lambda rate, decay, c, adam: (
            rate / (c if adam else c**2),
            decay * (c if adam else c**2),
        ),
        "decay grows with the rate": lambda rate, decay, c, adam: (
            rate * (c if adam else c**2),
            decay * (c if adam else c**2),
        ),
        "unchanged": lambda rate, decay, c, adam: (rate, decay),
    },
    "branch_scale": {
        "the square of the scale": lambda blocks, phi, factor: (factor ** (1 / blocks) - 1) / phi,
        "one over the root of the blocks": lambda blocks, phi, factor: blocks**-0.5,
        "first order": lambda blocks, phi, factor: ((factor - 1) / blocks / phi) ** 0.5,
        "logarithm": lambda blocks, phi, factor: (math.log(factor) / blocks / phi) ** 0.5,
        "gain forgotten": lambda blocks, phi, factor: (factor ** (1 / blocks) - 1) ** 0.5,
        "gain squared": lambda blocks, phi, factor: (factor ** (1 / blocks) - 1) ** 0.5 / phi,
        "plain stack": lambda blocks, phi, factor: (2 * factor ** (1 / blocks) / phi) ** 0.5,
        "one block too many": lambda blocks, phi, factor: (
            ((factor ** (1 / (blocks + 1)) - 1) / phi) ** 0.5
        ),
    },
}
