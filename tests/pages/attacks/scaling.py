"""Realistic wrong answers to the exercises of "How many parameters?"."""

import math

import torch

__all__ = ["ATTACKS"]


def _pairs(P, steps=2000, turned=False):
    n = len(P)
    pi = torch.full((n, n), 1 / n**2, dtype=torch.float64)
    for _ in range(steps):
        pi = torch.einsum("ij,ijk->kj" if turned else "ij,ijk->jk", pi, P)
    return pi


def _rate(P, pi):
    return -(pi[:, :, None] * P * P.log()).sum()


def _first_order(P):
    pi = _pairs(P)
    T = (pi[:, :, None] * P).sum(0) / pi.sum(0)[:, None]
    return -(pi.sum(0)[:, None] * T * T.log()).sum()


def _block(P):
    p = _pairs(P)[:, :, None] * P
    return -(p * p.log()).sum()


def _cheapest(excess, served, A, B, alpha, beta, *, trained=6.0, answers=2.0, sign=1.0):
    low = math.log(A / excess) / alpha
    high = low + 60
    for _ in range(200):
        u = (low + high) / 2
        lack = A * math.exp(-alpha * u)
        rest = excess - lack
        if rest <= 0:
            low = u
            continue
        D = (B / rest) ** (1 / beta)
        slope = trained * D * (1 - sign * alpha * lack / (beta * rest)) + answers * served
        low, high = (u, high) if slope < 0 else (low, u)
    return math.exp(u)


def _training_alone(excess, served, A, B, alpha, beta):
    return (A * (1 + alpha / beta) / excess) ** (1 / alpha)


def _equal_parts(excess, served, A, B, alpha, beta):
    return (2 * A / excess) ** (1 / alpha)


def _smallest(excess, served, A, B, alpha, beta):
    return (A / excess) ** (1 / alpha)


def _vertex(N, L, *, log=True, exp=True, ends=True, every=False, shift=0):
    i = int(L.argmin())
    if ends and i in (0, len(L) - 1):
        return 0.0
    i = min(max(i, 1), len(L) - 2) + shift
    i = min(max(i, 1), len(L) - 2)
    some = slice(None) if every else slice(i - 1, i + 2)
    x, y = (N[some].log() if log else N[some] / 1e3), L[some]
    powers = torch.stack([x**2, x, torch.ones_like(x)], 1)
    a, b, _ = torch.linalg.lstsq(powers, y[:, None]).solution[:, 0].tolist()
    if a == 0:
        return 0.0
    tip = -b / (2 * a)
    return (math.exp(min(tip, 500)) if exp else tip) if log else 1e3 * tip


def _even(N, L):
    i = int(L.argmin())
    if i in (0, len(L) - 1):
        return 0.0
    p, q, r = L[i - 1 : i + 2].tolist()
    step = (N[i + 1].log() - N[i - 1].log()).item() / 2
    return math.exp(N[i].log().item() + step * (p - r) / (2 * (p - 2 * q + r)))


def _judged(constants, N, D, share, measured, *, one=False, spread=False, strict=False, swap=False):
    E, A, B, alpha, beta = constants.T
    if swap:
        alpha, beta = beta, alpha
    losses = E + A * N**-alpha + B * D**-beta
    if spread:
        low, high = (losses.mean() - 2 * losses.std()), (losses.mean() + 2 * losses.std())
        low, high = low.item(), high.item()
    else:
        levels = [1 - share, share] if one else [(1 - share) / 2, (1 + share) / 2]
        low, high = losses.quantile(torch.tensor(levels, dtype=torch.float64)).tolist()
    return low, high, (low < measured < high) if strict else (low <= measured <= high)


def _law_of_quantiles(constants, N, D, share, measured):
    levels = torch.tensor([(1 - share) / 2, (1 + share) / 2], dtype=torch.float64)
    ends = constants.quantile(levels, dim=0)
    low, high = sorted(E + A * N**-a + B * D**-b for E, A, B, a, b in ends.tolist())
    return low, high, low <= measured <= high


ATTACKS = {
    "second_order_rate": {
        "all pairs equally often": lambda P: _rate(P, _pairs(P, 0)),
        "one step only": lambda P: _rate(P, _pairs(P, 1)),
        "pairs turned around": lambda P: _rate(P, _pairs(P).T.contiguous()),
        "a chain of single tokens": _first_order,
        "the entropy of three tokens": _block,
        "in bits": lambda P: _rate(P, _pairs(P)) / math.log(2),
    },
    "cheapest": {
        "answers left out": _training_alone,
        "the excess in equal parts": _equal_parts,
        "the smallest that could do": _smallest,
        "two FLOPs in training": lambda *a: _cheapest(*a, trained=2.0),
        "six FLOPs an answer": lambda *a: _cheapest(*a, answers=6.0),
        "the logarithm": lambda *a: math.log(_cheapest(*a)),
        "exponents exchanged": lambda e, s, A, B, a, b: _cheapest(e, s, A, B, b, a),
    },
    "best_size": {
        "over N in place of its logarithm": lambda N, L: _vertex(N, L, log=False),
        "the logarithm of the answer": lambda N, L: _vertex(N, L, exp=False),
        "all runs": lambda N, L: _vertex(N, L, every=True),
        "as if evenly spaced": _even,
        "ends not looked at": lambda N, L: _vertex(N, L, ends=False),
        "the lowest run": lambda N, L: N[L.argmin()].item(),
        "one run to the right": lambda N, L: _vertex(N, L, shift=1),
    },
    "judged": {
        "one side only": lambda *a: _judged(*a, one=True),
        "two standard deviations": lambda *a: _judged(*a, spread=True),
        "the law of the quantiles": _law_of_quantiles,
        "exponents exchanged": lambda *a: _judged(*a, swap=True),
        "ends left out": lambda *a: _judged(*a, strict=True),
        "never inside": lambda *a: (*_judged(*a)[:2], False),
    },
}
