"""Realistic wrong answers to the exercises of "How is a model optimised?"."""

import math

import torch

__all__ = ["ATTACKS"]


def _rate(lr, beta, curvatures, *, pick=max, real=False, flip=False, shift=1.0):
    found = []
    for h in curvatures.tolist():
        b = shift + beta - lr * h
        inside = b * b - 4 * beta
        if inside < 0:
            found.append(abs(b) / 2 if real else math.sqrt(beta))
        else:
            found.append((b if flip else abs(b)) / 2 + math.sqrt(inside) / 2)
    return pick(found)


def _cycle(gradients, beta2, *, before=False, settle=100_000, first=0.0, sign=-1, root=True):
    average, moved = first, 0.0
    for _ in range(settle if settle < 10 else 2000):
        moved = 0.0
        for g in gradients.tolist():
            new = beta2 * average + (1 - beta2) * g * g
            by = average if before else new
            moved += sign * g / (math.sqrt(by) if root else by) if by else 0.0
            average = new
    return moved


def _by_mean_square(gradients, beta2):
    return (-gradients.sum() / gradients.square().mean().sqrt()).item()


def _signs(gradients, beta2):
    return -gradients.sign().sum().item()


def _adamw(
    w, grad, m, v, step, lr, decay, *, coupled=False, by_rate=True, corrected=True, inside=False,
    late=False, power=0, eps=1e-8,
):  # fmt: skip
    if coupled:
        grad = grad + decay * w
    m, v = 0.9 * m + 0.1 * grad, 0.999 * v + 0.001 * grad**2
    a, b = m, v
    if corrected:
        a, b = m / (1 - 0.9 ** (step - power)), v / (1 - 0.999 ** (step - power))
    move = a / ((b + eps).sqrt() if inside else b.sqrt() + eps)
    share = 0.0 if coupled else decay * (lr if by_rate else 1.0)
    if late:
        return (w - lr * move) * (1 - share), m, v
    return w * (1 - share) - lr * move, m, v


def _off_by_one(w, grad, m, v, step, lr, decay):
    return _adamw(w, grad, m, v, step + 1, lr, decay)


def _spectral(grad, norm, *, scaled=False, values=False, first=False):
    u, s, vh = torch.linalg.svd(grad, full_matrices=False)
    if norm == "frobenius":
        return grad / grad.norm()
    if norm == "largest entry":
        return grad.sign()
    if first:
        return torch.outer(u[:, 0], vh[0])
    if values:
        return grad / s[0]
    return u @ vh / (s.numel() ** 0.5 if scaled else 1.0)


def _largest(grad, norm):
    return grad / grad.abs().max() if norm == "largest entry" else _spectral(grad, norm)


def _only_largest(grad, norm):
    if norm != "largest entry":
        return _spectral(grad, norm)
    result = torch.zeros_like(grad).flatten()
    place = grad.flatten().abs().argmax()
    result[place] = grad.flatten()[place].sign()
    return result.view_as(grad)


def _squared(grad, norm):
    return grad / grad.square().sum() if norm == "frobenius" else _spectral(grad, norm)


def _compare(validation, test, *, by=None, one=False, paired=True, less=1, root=True, flip=False):
    means = (validation if by is None else test).mean(2)
    best = means.argmin(1).tolist()
    if one:
        best = [means.mean(0).argmin().item()] * 2
    a, b = test[0, best[0]], test[1, best[1]]
    apart = b - a if flip else a - b
    n = len(apart)
    if not paired:
        return apart.mean(), ((a.var() + b.var()) / n).sqrt()
    spread = apart.var(correction=less).sqrt()
    return apart.mean(), spread / (n**0.5 if root else 1.0)


def _best_seed(validation, test):
    a, b = (test[i, validation[i].amin(1).argmin()] for i in (0, 1))
    apart = a - b
    return apart.mean(), apart.std() / len(apart) ** 0.5


ATTACKS = {
    "momentum_rate": {
        "the steepest direction alone": lambda lr, b, h: _rate(lr, b, h.max()[None]),
        "the flattest direction alone": lambda lr, b, h: _rate(lr, b, h.min()[None]),
        "the fastest direction": lambda *a: _rate(*a, pick=min),
        "the root of beta always": lambda lr, b, h: math.sqrt(b),
        "the real part alone": lambda *a: _rate(*a, real=True),
        "without the sign of b": lambda *a: _rate(*a, flip=True),
        "no momentum": lambda lr, b, h: (1 - lr * h).abs().max().item(),
        "beta for the gradient too": lambda lr, b, h: _rate(lr * (1 - b), b, h),
    },
    "cycle": {
        "the average before the gradient": lambda *a: _cycle(*a, before=True),
        "the first cycle from zero": lambda *a: _cycle(*a, settle=1),
        "uphill": lambda *a: _cycle(*a, sign=1),
        "no root": lambda *a: _cycle(*a, root=False),
        "one average for all": _by_mean_square,
        "signs": _signs,
    },
    "adamw_step": {
        "decay in the gradient": lambda *a: _adamw(*a, coupled=True),
        "decay without the rate": lambda *a: _adamw(*a, by_rate=False),
        "no correction for the start": lambda *a: _adamw(*a, corrected=False),
        "epsilon under the root": lambda *a: _adamw(*a, inside=True),
        "epsilon forgotten": lambda *a: _adamw(*a, eps=0.0),
        "decay of the new weight": lambda *a: _adamw(*a, late=True),
        "steps counted from two": _off_by_one,
    },
    "steepest": {
        "singular values kept": lambda *a: _spectral(*a, values=True),
        "the first singular pair alone": lambda *a: _spectral(*a, first=True),
        "spectral step of Frobenius norm 1": lambda *a: _spectral(*a, scaled=True),
        "divided by the largest entry": _largest,
        "the largest entry alone": _only_largest,
        "divided by the squared norm": _squared,
        "the gradient as it is": lambda grad, norm: grad,
    },
    "compare": {
        "rates chosen on the test": lambda *a: _compare(*a, by="test"),
        "one rate for both": lambda *a: _compare(*a, one=True),
        "unpaired": lambda *a: _compare(*a, paired=False),
        "divided by n": lambda *a: _compare(*a, less=0),
        "the spread for the error": lambda *a: _compare(*a, root=False),
        "the other way round": lambda *a: _compare(*a, flip=True),
        "the luckiest run chooses": _best_seed,
    },
}
