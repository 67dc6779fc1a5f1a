"""Realistic wrong answers to the exercises of "Generalisation"."""

import math

__all__ = ["ATTACKS"]


def _model(weights, seen, new, noise, *, sign=1, power=2, square=True, truth=True):
    bias = sign * (weights @ seen - (new if truth else 0))
    size = weights.square() if square else weights.abs()
    return bias, noise**power * size.sum(1)


def _keep(n, p, known, noise, *, over=True, under=True, bias=True, blind=True, last=False):
    def error(count):
        if abs(count - p) < 2 or (count < p and not over) or (count > p and not under):
            return math.inf
        noisy = noise**2 + (1 - known if blind else 0)
        variance = noisy * min(count, p) / (abs(count - p) - 1)
        return variance + (known * max(0, 1 - count / p) if bias else 0)

    counts = range(1, n + 1)
    return min(reversed(counts) if last else counts, key=error)


def _penalties(roots, sizes, noise, *, power=2, square=2, error=True):
    penalties = noise**power / sizes**square
    left = noise**2 / (roots + penalties)
    return penalties, left.sum() if error else (left * roots / (roots + penalties)).sum()


def _common(roots, sizes, noise):
    penalty = noise**2 / sizes.square().mean()
    left = (penalty**2 * sizes**2 + noise**2 * roots) / (roots + penalty) ** 2
    return penalty.expand(len(roots)).clone(), left.sum()


def _worth(counts, errors, error, *, log_x=True, log_y=True, factor=True, ends=False):
    def x(v):
        return math.log(v) if log_x else v

    def y(v):
        return math.log(v) if log_y else v

    i = 0
    while not ends and i < len(counts) - 2 and error < errors[i + 1]:
        i += 1
    j = len(counts) - 1 if ends else i + 1
    share = (y(errors[i]) - y(error)) / (y(errors[i]) - y(errors[j]))
    at = x(counts[i]) + share * (x(counts[j]) - x(counts[i]))
    at = math.exp(at) if log_x else at
    return at / counts[0] if factor else at


ATTACKS = {
    "linear_model": {
        "sign turned": lambda *a: _model(*a, sign=-1),
        "noise not squared": lambda *a: _model(*a, power=1),
        "weights not squared": lambda *a: _model(*a, square=False),
        "truth forgotten": lambda *a: _model(*a, truth=False),
        "bias squared": lambda *a: (_model(*a)[0] ** 2, _model(*a)[1]),
        "mean for sum": lambda w, s, n, e: (w @ s - n, e**2 * w.square().mean(1)),
        "wrong axis": lambda w, s, n, e: (w @ s - n, e**2 * w.square().sum(0)),
        "parts exchanged": lambda *a: _model(*a)[::-1],
    },
    "keep": {
        "all": lambda n, p, known, noise: n,
        "below the peak only": lambda *a: _keep(*a, over=False),
        "behind the peak only": lambda *a: _keep(*a, under=False),
        "no bias": lambda *a: _keep(*a, bias=False),
        "unseen signal is no noise": lambda *a: _keep(*a, blind=False),
        "as few as features": lambda n, p, known, noise: min(n, p),
        "two below": lambda n, p, known, noise: min(n, p - 2),
    },
    "best_penalties": {
        "noise not squared": lambda *a: _penalties(*a, power=1),
        "sizes not squared": lambda *a: _penalties(*a, square=1),
        "variance alone": lambda *a: _penalties(*a, error=False),
        "one for all": _common,
        "times the root": lambda r, s, e: (r * e**2 / s**2, _penalties(r, s, e)[1]),
        "signal over noise": lambda r, s, e: (s**2 / e**2, _penalties(r, s, e)[1]),
    },
    "worth": {
        "counts not logarithmic": lambda *a: _worth(*a, log_x=False),
        "errors not logarithmic": lambda *a: _worth(*a, log_y=False),
        "neither": lambda *a: _worth(*a, log_x=False, log_y=False),
        "number of examples": lambda *a: _worth(*a, factor=False),
        "from end to end": lambda *a: _worth(*a, ends=True),
        "ratio of errors": lambda counts, errors, error: errors[0] / error,
    },
}
