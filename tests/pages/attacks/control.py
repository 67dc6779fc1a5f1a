"""Realistic wrong answers to the exercises of "Control: a model that does what was asked"."""

import math

import torch

__all__ = ["ATTACKS"]


def _best_of(p, reward, n, *, descending=False, power=None, below=True, restore=True):
    order = reward.argsort(descending=descending)
    total = p[order].cumsum(0)
    less = total - p[order]
    k = n if power is None else power(n)
    chance = total**k - (less**k if below else 0)
    answer = torch.zeros_like(p)
    if not restore:
        return chance
    answer[order] = chance
    return answer


def _dpo(policy, reference, beta, *, scale=True, mean=True, right=False, ref=True, sign=1.0):
    ratio = policy - reference if ref else policy
    margin = beta * (ratio[:, 0] - ratio[:, 1])
    pull = margin.sigmoid() if right else (-margin).sigmoid()
    pull = pull * (beta if scale else 1) / (len(policy) if mean else 1)
    return sign * torch.stack([-pull, pull], 1)


def _advantages(reward, *, own=False, std=False, every=False, axis=1, swapped=False):
    size = reward.shape[axis]
    mean = reward.mean() if every else reward.mean(axis, keepdim=True)
    answer = reward - mean
    if not own:
        answer = answer * size / (size - 1)
    if std:
        answer = answer / (reward.std(axis, keepdim=True) + 1e-6)
    silent = (reward == reward[:, :1]).all(1)
    return answer, ~silent if swapped else silent


def _wasted(start, share, drift, *, base=1.0, other=False, turned=False, less=False, odds=True):
    least = share * math.log(share / start) + (1 - share) * math.log((1 - share) / (1 - start))
    if other:
        least = start * math.log(start / share) + (1 - start) * math.log((1 - start) / (1 - share))
    if less:
        least = math.log(1 / start)
    tilt = math.log(share / start)
    if odds:
        tilt -= math.log((1 - share) / (1 - start))
    return drift - least / base, tilt if turned else 1 / tilt


ATTACKS = {
    "best_of": {
        "worst of n": lambda *a: _best_of(*a, descending=True),
        "one draw fewer": lambda *a: _best_of(*a, power=lambda n: n - 1),
        "not less the smaller ones": lambda *a: _best_of(*a, below=False),
        "left in sorted order": lambda *a: _best_of(*a, restore=False),
        "chances to the power n": lambda p, r, n: p**n / (p**n).sum(),
        "tilted by n rewards": lambda p, r, n: (p.log() + n * r).softmax(0),
    },
    "dpo_gradient": {
        "beta forgotten": lambda *a: _dpo(*a, scale=False),
        "sum over pairs": lambda *a: _dpo(*a, mean=False),
        "chance of the right order": lambda *a: _dpo(*a, right=True),
        "reference forgotten": lambda *a: _dpo(*a, ref=False),
        "uphill": lambda *a: _dpo(*a, sign=-1.0),
    },
    "advantages": {
        "itself among the others": lambda r: _advantages(r, own=True),
        "divided by the deviation": lambda r: _advantages(r, std=True),
        "mean of all groups": lambda r: _advantages(r, every=True),
        "across groups": lambda r: (r - r.mean(0, keepdim=True), (r == r[:, :1]).all(1)),
        "silent turned": lambda r: _advantages(r, swapped=True),
    },
    "wasted": {
        "in bits": lambda *a: _wasted(*a, base=math.log(2)),
        "divergence turned": lambda *a: _wasted(*a, other=True),
        "one over beta": lambda *a: _wasted(*a, turned=True),
        "drift of rejecting": lambda *a: _wasted(*a, less=True),
        "shares for odds": lambda *a: _wasted(*a, odds=False),
    },
}
