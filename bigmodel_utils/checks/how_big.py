"""Checkers of the exercises on the page "How big is big"."""

import torch

from bigmodel_utils.checks import grade, random_tensor

__all__ = ["doubling", "experts", "misses", "strongest_break"]


def experts(function):
    """Check ``function(V, d, L, n, n_kv, d_h, f, num_experts, used, tokens)``: three numbers.

    All parameters, those that one token meets, and the FLOPs of training.
    """
    cases = [
        (11, 12, 2, 3, 1, 4, 20, 5, 2, 70),
        (7, 10, 3, 4, 2, 3, 9, 3, 1, 41),
        (30, 6, 1, 2, 2, 5, 16, 8, 3, 1000),
        (32_000, 4096, 32, 32, 8, 128, 14_336, 8, 2, 10**12),
    ]
    return grade(
        function,
        cases,
        _experts_built,
        hint="The router is one matrix without a bias; every expert has three matrices; both "
        "tables and the router count as met; training takes 6 FLOPs a parameter met and token.",
    )


def _experts_built(V, d, L, n, n_kv, d_h, f, num_experts, used, tokens):
    # One block of layers without data; what a token meets are as many of its experts as are used.
    from torch import nn

    def size(*layers):
        return sum(p.numel() for layer in layers for p in layer.parameters())

    with torch.device("meta"):
        shared = [nn.Linear(d, n * d_h, bias=False), nn.Linear(n * d_h, d, bias=False)]
        shared += [nn.Linear(d, n_kv * d_h, bias=False) for _ in range(2)]
        shared += [nn.RMSNorm(d), nn.RMSNorm(d), nn.Linear(d, num_experts, bias=False)]
        expert = [nn.Linear(d, f, bias=False), nn.Linear(d, f, bias=False)]
        expert += [nn.Linear(f, d, bias=False)]
        outside = [nn.Embedding(V, d), nn.RMSNorm(d), nn.Linear(d, V, bias=False)]
    total, active = (
        size(*outside) + L * (size(*shared) + k * size(*expert)) for k in (num_experts, used)
    )
    return total, active, 6 * active * tokens


def _history(seed, n):
    """Years in order, not evenly spread, and counts that grow with noise."""
    years = 1990 + (30 * random_tensor(seed, n).sigmoid()).sort().values
    logs = 3 + 0.3 * (years - 1990) + random_tensor(seed + 50, n)
    return years, logs


def doubling(function):
    """Check ``function(years, counts)``: the doubling time in months, its jackknife error."""
    cases = []
    for seed, n in enumerate((5, 8, 13, 3)):
        years, logs = _history(seed, n)
        cases.append((years, 10**logs))
    return grade(
        function,
        cases,
        _doubling_by_refits,
        atol=1e-6,
        hint="The logarithm of the counts is fitted; one doubling is log10(2) along it; 12 months "
        "are a year; the squared differences are summed, times (n - 1) / n, before the root.",
    )


def _slope(years, logs):
    design = torch.stack([years, torch.ones_like(years)], dim=1)
    return torch.linalg.lstsq(design, logs[:, None]).solution[0, 0].item()


def _doubling_by_refits(years, counts):
    import math

    logs, centred = counts.log2(), years - 2000  # another base, and a well-conditioned design
    n = len(years)
    without = []
    for i in range(n):
        kept = [j for j in range(n) if j != i]
        without.append(12 / _slope(centred[kept], logs[kept]))
    mean = sum(without) / n
    error = math.sqrt((n - 1) / n * sum((one - mean) ** 2 for one in without))
    return 12 / _slope(centred, logs), error


def misses(function):
    """Check ``function(years, counts, until)``: the factor by which later counts are missed."""
    cases = []
    for seed, (n, share) in enumerate([(9, 0.6), (14, 0.5), (7, 0.45), (20, 0.8)]):
        years, logs = _history(20 + seed, n)
        until = int(years[int(share * n)])
        cases.append((years, 10**logs, until))
    # A model of the last year itself belongs to the past, and a December is no January.
    years = torch.tensor([2000.0, 2004.25, 2010.0, 2010.92, 2011.0, 2015.5], dtype=torch.float64)
    counts = torch.tensor([1e3, 2e4, 4e5, 3e7, 2e6, 1e9], dtype=torch.float64)
    cases.append((years, counts, 2010))
    return grade(
        function,
        cases,
        _misses_one_by_one,
        atol=1e-6,
        hint="The line knows the models of the year `until` and before; a model is missed by the "
        "same factor above and below; the factors' geometric mean is asked for.",
    )


def _misses_one_by_one(years, counts, until):
    import numpy

    past = years < until + 1
    line = numpy.polyfit((years[past] - 2000).numpy(), counts[past].log().numpy(), 1)
    product, later = 1.0, 0
    for year, count in zip(years[~past].tolist(), counts[~past].tolist(), strict=True):
        said = float(numpy.exp(numpy.polyval(line, year - 2000)))
        product *= max(count / said, said / count)
        later += 1
    return product ** (1 / later)


def strongest_break(function):
    """Check ``function(years, logs, smallest)``: the place of the break, and its F."""
    cases = []
    for seed, (n, smallest) in enumerate([(10, 3), (15, 4), (9, 4), (24, 3)]):
        years, logs = _history(40 + seed, n)
        cases.append((years, logs + 4 * (years > years[n // 2]), smallest))
    # The strongest break of all lies outside what `smallest` allows.
    years, logs = _history(60, 12)
    logs[0] += 30
    cases.append((years, logs, 4))
    return grade(
        function,
        cases,
        _break_by_designs,
        atol=1e-6,
        hint="The break is the index of the first model of the second era; both eras have at "
        "least `smallest` models; four numbers are fitted with the break, two without.",
    )


def _break_by_designs(years, logs, smallest):
    # One regression with columns of its own for the second era.
    n, best = len(years), (0, -1.0)
    t = years - years.mean()
    plain = torch.stack([torch.ones_like(t), t], dim=1)

    def left(design):
        fitted = design @ torch.linalg.lstsq(design, logs[:, None]).solution
        return (logs - fitted[:, 0]).square().sum().item()

    for k in range(smallest, n - smallest + 1):
        second = (torch.arange(n) >= k).double()
        with_break = torch.cat([plain, plain * second[:, None]], dim=1)
        one, two = left(plain), left(with_break)
        strength = (one - two) / 2 / (two / (n - 4))
        best = max(best, (k, strength), key=lambda pair: pair[1])
    return best
