"""Realistic wrong answers to the exercises of "Speech with an RNN"."""

import math

import torch

__all__ = ["ATTACKS"]


def _real(x, lengths, offset=0):
    return (torch.arange(x.shape[1]) < lengths[:, None] + offset)[..., None]  # (b, t, 1)


def _summed(x, lengths, offset=0):
    return x.masked_fill(~_real(x, lengths, offset), 0).sum(1)


def _as_printed(x, lengths):
    return (x * _real(x, lengths)).mean(1)


def _half_mended(x, lengths):
    return (x * _real(x, lengths)).sum(1) / lengths[:, None]


def _nan_as_number(x, lengths):
    return x.nan_to_num(0).sum(1) / lengths[:, None]


def _ends(out, lengths, *, forward=-1, backward=0, swapped=False):
    m, n = out.shape[2] // 2, torch.arange(len(out))
    first, second = slice(None, m), slice(m, None)
    if swapped:
        first, second = second, first
    ends = out[n, (lengths + forward) % out.shape[1]][:, first]
    return torch.cat([ends, out[n, (backward * lengths) % out.shape[1]][:, second]], 1)


def _states_in_place(out, lengths):
    result = _ends(out, lengths)
    out[:] = 0
    return result


def _interleaved(out, lengths):
    m = out.shape[2] // 2
    return _ends(out, lengths).unflatten(1, (2, m)).transpose(1, 2).flatten(1)


def _centred(x, lengths, mean, *, cleared=True):
    result = x - mean
    return result.masked_fill(~_real(x, lengths), 0) if cleared else result


def _own_mean(x, lengths):
    return (_summed(x, lengths) / lengths[:, None])[:, None]


def _all_rows(x, lengths):
    return (_summed(x, lengths).sum(0) / lengths.sum())[None, None]


def _width(budget, gates, directions, d, classes, *, biases=2, dense=True, pick=min, both=True):
    def count(m):
        inner = directions * gates * m * (d + m + biases)
        return inner + (classes * ((directions if both else 1) * m + 1) if dense else 0)

    widths = range(1, 3 + math.isqrt(budget))
    if pick == "below":
        return max((m for m in widths if count(m) <= budget), default=1)
    if pick == "above":
        return next(m for m in widths if count(m) >= budget)
    if pick is max:
        widths = widths[::-1]  # of equally near ones the larger
    return min(widths, key=lambda m: abs(count(m) - budget))


def _root(budget, gates, directions, d, classes):
    a, b = directions * gates, directions * gates * (d + 2) + classes * directions
    return max(1, int((math.sqrt(b * b + 4 * a * max(0, budget - classes)) - b) / (2 * a)))


ATTACKS = {
    "masked_mean": {
        "as printed": _as_printed,
        "divided by t": lambda x, n: _summed(x, n) / x.shape[1],
        "multiplied by the mask": _half_mended,
        "NaN taken for 0": _nan_as_number,
        "no mask": lambda x, n: x.mean(1),
        "one step short": lambda x, n: _summed(x, n, -1) / (n[:, None] - 1).clamp(min=1),
        "one step more": lambda x, n: _summed(x, n, 1) / n[:, None],
        "divided by the longest": lambda x, n: _summed(x, n) / n.max(),
        "mean over the batch": lambda x, n: _all_rows(x, n)[0].expand(len(x), -1),
        "steps kept": lambda x, n: _own_mean(x, n),
    },
    "readout": {
        "last step of the batch": lambda out, n: out[:, -1],
        "both at the last real step": lambda out, n: out[torch.arange(len(out)), n - 1],
        "both at the first step": lambda out, n: out[:, 0],
        "one step late": lambda out, n: _ends(out, n, forward=0),
        "one step early": lambda out, n: _ends(out, n, forward=-2),
        "directions swapped": lambda out, n: _ends(out, n, swapped=True),
        "numbers interleaved": _interleaved,
        "changes the states": _states_in_place,
    },
    "subtract_mean": {
        "mean over t": lambda x, n: _centred(x, n, x.mean(1, keepdim=True)),
        "divided by t": lambda x, n: _centred(x, n, _summed(x, n)[:, None] / x.shape[1]),
        "padding not cleared": lambda x, n: _centred(x, n, _own_mean(x, n), cleared=False),
        "cleared before": lambda x, n: x.masked_fill(~_real(x, n), 0) - _own_mean(x, n),
        "mean over the batch": lambda x, n: _centred(x, n, _all_rows(x, n)),
        "multiplied by the mask": lambda x, n: (x - _own_mean(x, n)) * _real(x, n),
        "first step": lambda x, n: _centred(x, n, x[:, :1]),
        "mean over features": lambda x, n: _centred(x, n, x.mean(2, keepdim=True)),
    },
    "width_for": {
        "one bias a gate": lambda *a: _width(*a, biases=1),
        "no bias": lambda *a: _width(*a, biases=0),
        "last layer forgotten": lambda *a: _width(*a, dense=False),
        "last layer sees one direction": lambda *a: _width(*a, both=False),
        "one direction": lambda b, g, n, d, c: _width(b, g, 1, d, c),
        "gates forgotten": lambda b, g, n, d, c: _width(b, 1, n, d, c),
        "largest below": lambda *a: _width(*a, pick="below"),
        "smallest above": lambda *a: _width(*a, pick="above"),
        "the larger of two": lambda *a: _width(*a, pick=max),
        "root rounded down": _root,
        "square root": lambda b, g, n, d, c: round(math.sqrt(b / (g * n))),
    },
}
