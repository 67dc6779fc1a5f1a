"""Realistic wrong answers to the exercises of the page about rates carried from width to width."""

import math

import torch

__all__ = ["ATTACKS"]


def _moved_wrong_axis(x, g, probe, lr):
    return -lr * (x.mT @ g).sign().mT.sum(1) * probe.abs().sum()


def _factors(rule):
    def factors(narrow, wide):
        return [rule(name, narrow[name], wide[name]) for name in wide]

    return factors


def _is_matrix(name, shape):
    return len(shape) == 2 and "embedding" not in name


def _tips(rates, excess, log=True):
    tips = []
    for row in excess:
        row = row.log() if log else row
        i = int(row.argmin())
        left, low, right = row[i - 1 : i + 2]
        step = (rates[i + 1] / rates[i]).log()
        tips.append(rates[i].log() + step * (left - right) / (left - 2 * low + right) / 2)
    return torch.stack(tips)


def _slope(x, y):
    return (x - x.mean()) @ (y - y.mean()) / (x - x.mean()).square().sum()


def _grid_alone(rates, excess, widths):
    return -_slope(widths.log(), rates[excess.argmin(1)].log())


def _two_ends(rates, excess, widths):
    tips = _tips(rates, excess)
    return -(tips[-1] - tips[0]) / (widths[-1] / widths[0]).log()


def _seen(N, alpha, bend, shift, tuned, *, square=True, ends=False, factor=True):
    u = shift * (N / tuned).log()
    u = u.square() if square else u.abs()
    y = -alpha * N.log() + (torch.log1p(bend * u) if factor else bend * u)
    if ends:
        return -(y[-1] - y[0]) / (N[-1] / N[0]).log()
    return -_slope(N.log(), y)


ATTACKS = {
    "moved": {
        "sign": lambda x, g, probe, lr: lr * (g.mT @ x).sign() @ probe,
        "SGD": lambda x, g, probe, lr: -lr * (g.mT @ x) @ probe,
        "a sum of signs": lambda x, g, probe, lr: -lr * (g.sign().mT @ x.sign()) @ probe,
        "the sign of the output": lambda x, g, probe, lr: -lr * ((g.mT @ x) @ probe).sign(),
        "sizes of the probe left out": lambda x, g, probe, lr: (
            -lr * (g.mT @ x).sign() @ probe.sign()
        ),
        "a mean in place of a sum": lambda x, g, probe, lr: (
            -lr * (g.mT @ x).sign() @ probe / len(probe)
        ),
        "not the inner product": _moved_wrong_axis,
    },
    "factors": {
        "everything by its last axis": _factors(lambda n, a, b: a[-1] / b[-1]),
        "by fan-out": _factors(lambda n, a, b: a[0] / b[0] if _is_matrix(n, b) else 1.0),
        "upside down": _factors(lambda n, a, b: b[-1] / a[-1] if _is_matrix(n, b) else 1.0),
        "the root": _factors(lambda n, a, b: math.sqrt(a[-1] / b[-1]) if _is_matrix(n, b) else 1.0),
        "the embedding as a matrix": _factors(
            lambda n, a, b: a[-1] / b[-1] if len(b) == 2 else 1.0
        ),
        "the narrow width is 8": _factors(lambda n, a, b: 8 / b[-1] if _is_matrix(n, b) else 1.0),
        "the output matrix left out": _factors(
            lambda n, a, b: a[-1] / b[-1] if _is_matrix(n, b) and "head" not in n else 1.0
        ),
    },
    "exponent": {
        "the best of the grid": _grid_alone,
        "the two ends": _two_ends,
        "the sign": lambda rates, excess, widths: _slope(widths.log(), _tips(rates, excess)),
        "not in logarithms of the excess": lambda rates, excess, widths: (
            -_slope(widths.log(), _tips(rates, excess, log=False))
        ),
        "against the width itself": lambda rates, excess, widths: (
            -_slope(widths, _tips(rates, excess))
        ),
        "the rate itself": lambda rates, excess, widths: (
            -_slope(widths.log(), _tips(rates, excess).exp())
        ),
    },
    "seen_exponent": {
        "not squared": lambda *a: _seen(*a, square=False),
        "the two ends": lambda *a: _seen(*a, ends=True),
        "first order": lambda *a: _seen(*a, factor=False),
        "the sign": lambda *a: -_seen(*a),
        "the rate stays": lambda N, alpha, bend, shift, tuned: _seen(N, alpha, bend, 1.0, tuned),
        "tuned at the smallest": lambda N, alpha, bend, shift, tuned: _seen(
            N, alpha, bend, shift, N[0].item()
        ),
    },
}
