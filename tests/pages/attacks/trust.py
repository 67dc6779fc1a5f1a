"""Realistic wrong answers to the exercises of "How far to trust a number"."""

import math

import torch

__all__ = ["ATTACKS"]


def _needed(error, delta, models, *, share=True, up=True, small=False):
    goal = math.log(delta / models if share else delta)
    n = goal / (-error if small else math.log(1 - error))
    return math.ceil(n - 1e-9) if up else math.floor(n)


def _groups(confidence, right, bins, *, order=True, size=True, absolute="groups", by=None):
    gaps = right - confidence
    if order:
        gaps = gaps[(confidence if by is None else by(confidence, right)).argsort()]
    means = gaps.reshape(bins, -1).mean(1)
    if absolute == "none":
        return means.mean()
    if absolute == "answers":
        return gaps.abs().mean()
    return means.abs().mean() if size else means.abs().sum()


def _equal_widths(confidence, right, bins):
    place = (confidence * bins).ceil().clamp(1, bins).long() - 1
    gaps = torch.zeros(bins).double().index_add(0, place, right - confidence)
    return gaps.abs().sum() / len(right)


def _sets(old, y, new, alpha, *, plus=1, each=True, all_scores=False, empty=False, less=False):
    limits = []
    for c in range(old.shape[1]):
        own = old[y == c, c] if each else old.gather(1, y[:, None])[:, 0]
        own = old[:, c] if all_scores else own
        scores = (1 - own).sort().values
        k = math.ceil((1 - alpha) * (len(scores) + plus) - 1e-9)
        last = -1.0 if empty else math.inf
        limits.append(scores[k - 1].item() if k <= len(scores) else last)
    limits = torch.tensor(limits).double()
    return 1 - new < limits if less else 1 - new <= limits


def _alarms(clean, distances, alpha, *, itself=1, more=1, far=False, ties=True):
    if far:
        count = (clean >= distances[:, None]).sum(1)
    elif ties:
        count = (clean <= distances[:, None]).sum(1)
    else:
        count = (clean < distances[:, None]).sum(1)
    return count + itself <= alpha * (len(clean) + more) + 1e-9


ATTACKS = {
    "digits_needed": {
        "models forgotten": lambda *a: _needed(*a, share=False),
        "rounded down": lambda *a: _needed(*a, up=False),
        "rule of three": lambda e, d, m: math.ceil(3 / e),
        "logarithm of one plus": lambda *a: _needed(*a, small=True),
        "delta raised, not shared": lambda e, d, m: _needed(e, d**m, 1),
        "one too many": lambda *a: _needed(*a) + 1,
    },
    "equal_groups": {
        "not sorted": lambda *a: _groups(*a, order=False),
        "sum of groups": lambda *a: _groups(*a, size=False),
        "no absolute value": lambda *a: _groups(*a, absolute="none"),
        "absolute value of each answer": lambda *a: _groups(*a, absolute="answers"),
        "sorted by right": lambda *a: _groups(*a, by=lambda c, r: r + c / 100),
        "equal widths": _equal_widths,
    },
    "sets_by_class": {
        "one threshold": lambda *a: _sets(*a, each=False),
        "n in place of n + 1": lambda *a: _sets(*a, plus=0),
        "scores of all digits": lambda *a: _sets(*a, all_scores=True),
        "impossible is never": lambda *a: _sets(*a, empty=True),
        "truth turned": lambda *a: ~_sets(*a),
        "alpha for its rest": lambda o, y, n, a: _sets(o, y, n, 1 - a),
    },
    "alarms": {
        "itself forgotten": lambda *a: _alarms(*a, itself=0),
        "n in place of n + 1": lambda *a: _alarms(*a, more=0),
        "far ones": lambda *a: _alarms(*a, far=True),
        "ties not counted": lambda *a: _alarms(*a, ties=False),
        "nearer than all": lambda clean, d, alpha: d < clean.min(),
        "distance under alpha": lambda clean, d, alpha: d <= alpha,
    },
}
