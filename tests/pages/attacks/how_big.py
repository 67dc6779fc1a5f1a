"""Realistic wrong answers to the exercises of "How big is big"."""

import math

import torch

__all__ = ["ATTACKS"]


def _experts(
    V, d, L, n, n_kv, d_h, f, num_experts, used, tokens, *, router=True, router_used=False,
    shared_kv=True, matrices=3, tables=2, norms=2, last=1, own=True, factor=6, of="active",
    width=None, whole=False,
):  # fmt: skip
    q, kv = (n * d_h if own else d), (n_kv if shared_kv else n) * d_h
    common = 2 * d * q + 2 * d * kv + norms * d
    gate = d * num_experts if router else 0
    met = d * used if router_used else gate
    expert = matrices * d * (width or f)
    outside = tables * V * d + last * d
    total = outside + L * (common + gate + num_experts * expert)
    active = outside + L * (common + met + used * expert)
    if whole:  # the share of the experts, applied to everything
        active = total * used // num_experts
    return total, active, factor * (active if of == "active" else total) * tokens


def _line(years, logs):
    centred = years - years.mean()
    slope = (centred * (logs - logs.mean())).sum() / centred.square().sum()
    return logs.mean() - slope * years.mean(), slope


def _doubling(
    years, counts, *, base=2.0, log=torch.log10, months=12, factor="jackknife", of="time",
    raw=False, swap=False,
):  # fmt: skip
    logs = counts if raw else log(counts)

    def time(t, y):
        slope = 1 / _line(y, t)[1] if swap else _line(t, y)[1]
        if of == "slope":
            return slope.item()
        unit = log(torch.tensor(base, dtype=torch.float64))
        return (months * unit / slope).item()

    n = len(years)
    without = [time(*(values[torch.arange(n) != i] for values in (years, logs))) for i in range(n)]
    mean = sum(without) / n
    squares = sum((one - mean) ** 2 for one in without)
    scale = {"jackknife": (n - 1) / n, "spread": 1 / (n - 1), "mean": 1 / n / (n - 1), "n": 1.0}
    unit = log(torch.tensor(base, dtype=torch.float64))
    full = (months * unit / (1 / _line(logs, years)[1] if swap else _line(years, logs)[1])).item()
    return full, math.sqrt(scale[factor] * squares)


def _misses(
    years, counts, until, *, edge=1.0, how="geometric", signed=False, everything=False,
    fit_all=False, log=True, last=False,
):  # fmt: skip
    logs = counts.log10()
    past = years < until + edge
    a, b = _line(years, logs) if fit_all else _line(years[past], logs[past])
    later = torch.ones_like(past) if everything else ~past
    error = logs[later] - a - b * years[later]
    if last:
        error = error[-1:]
    if not signed:
        error = error.abs()
    if how == "mean":
        return (10**error).mean().item()
    if how == "root":
        return 10 ** error.square().mean().sqrt().item()
    if how == "median":
        return 10 ** error.median().item()
    return 10 ** error.mean().item() if log else error.mean().item()


def _break(
    years, logs, smallest, *, low=0, high=1, free=4, over=2, offset=0, pick=max, ratio=False,
    joined=False,
):  # fmt: skip
    n = len(years)

    def left(t, y):
        a, b = _line(t, y)
        return (y - a - b * t).square().sum().item()

    found = []
    for k in range(max(2, smallest + low), min(n - 1, n - smallest + high)):
        one = left(years, logs)
        start = k - 1 if joined else k
        two = left(years[:k], logs[:k]) + left(years[start:], logs[start:])
        strength = one / two if ratio else (one - two) / over / (two / (n - free))
        found.append((k + offset, strength))
    return pick(found, key=lambda pair: pair[1])


def _with(function, **options):
    return lambda *arguments: function(*arguments, **options)


ATTACKS = {
    "experts": {
        "forgets the router": _with(_experts, router=False),
        "the router's rows of the used experts alone": _with(_experts, router_used=True),
        "keys and values for every head": _with(_experts, shared_kv=False),
        "two matrices an expert": _with(_experts, matrices=2),
        "one table": _with(_experts, tables=1),
        "one norm a block": _with(_experts, norms=1),
        "forgets the last norm": _with(_experts, last=0),
        "heads as wide as the model": _with(_experts, own=False),
        "FLOPs of the forward pass": _with(_experts, factor=2),
        "FLOPs of all parameters": _with(_experts, of="total"),
        "the experts' share of everything": _with(_experts, whole=True),
        "a constant": lambda *_: (46_702_792_704, 12_879_925_248, 1),
        "total and active swapped": lambda *a: (_experts(*a)[1], _experts(*a)[0], _experts(*a)[2]),
        "two numbers": lambda *a: _experts(*a)[:2],
    },
    "doubling": {
        "in years": _with(_doubling, months=1),
        "of the natural logarithm, doubling by log10": lambda t, c: tuple(
            v * math.log10(2) / math.log(2) for v in _doubling(t, c)
        ),
        "time to ten times": _with(_doubling, base=10.0),
        "of the counts themselves": _with(_doubling, raw=True),
        "years regressed on logarithms": _with(_doubling, swap=True),
        "the spread of the refits": _with(_doubling, factor="spread"),
        "the standard error of their mean": _with(_doubling, factor="mean"),
        "without (n - 1) / n": _with(_doubling, factor="n"),
        "the error of the slope": _with(_doubling, of="slope"),
        "a constant": lambda *_: (16.2, 1.5),
        "only the time": lambda t, c: _doubling(t, c)[0],
    },
    "misses": {
        "loses the year itself": _with(_misses, edge=0.0),
        "one year too many": _with(_misses, edge=2.0),
        "the mean of the factors": _with(_misses, how="mean"),
        "the root of the mean square": _with(_misses, how="root"),
        "the median": _with(_misses, how="median"),
        "signed": _with(_misses, signed=True),
        "over all models": _with(_misses, everything=True),
        "fitted to all models": _with(_misses, fit_all=True),
        "a logarithm": _with(_misses, log=False),
        "the last model alone": _with(_misses, last=True),
        "a constant": lambda *_: 15.0,
    },
    "strongest_break": {
        "ignores smallest": lambda t, y, s: _break(t, y, 2),
        "the last break left out": _with(_break, high=0),
        "eras of more than smallest": _with(_break, low=1, high=0),
        "index of the last of the first era": _with(_break, offset=-1),
        "degrees of freedom without the break": _with(_break, free=2),
        "not divided by two": _with(_break, over=1),
        "the weakest": _with(_break, pick=min),
        "the ratio of the sums": _with(_break, ratio=True),
        "a model in both eras": _with(_break, joined=True),
        "a constant": lambda *_: (13, 10.9),
    },
}
