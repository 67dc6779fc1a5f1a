"""Realistic wrong answers to the exercises of "Neural networks and back-propagation"."""

import math

import torch
import torch.nn.functional as F

__all__ = ["ATTACKS"]


def _log_add_exp(a, b, *, shift=True, order=1, slopes=None):
    top = max(a, b) if shift else 0.0
    p, q = math.exp(a - top), math.exp(b - top)
    local = slopes or (p / (p + q), q / (p + q))
    return top + math.log(p + q), local[::order]


def _classifier(x, w, b, targets, *, mean=True, sign=1, softmax=True, observed=True):
    logits = x @ w.T + b
    p = torch.softmax(logits, 1) if softmax else logits.exp() / logits.exp().sum(1, keepdim=True)
    g = sign * (p - F.one_hot(targets, len(w)) * (1 if observed else 0))
    return g / (len(x) if mean else 1), x, w


def _gradients(*arguments, **options):
    g, x, w = _classifier(*arguments, **options)
    return g @ w, g.T @ x, g.sum(0)


def _by_autograd(x, w, b, targets):
    leaves = [v.clone().requires_grad_() for v in (x, w, b)]
    return torch.autograd.grad(F.cross_entropy(F.linear(*leaves), targets), leaves)


def _transposed(*arguments):
    g, x, w = _classifier(*arguments)
    return g @ w, x.T @ g, g.sum(0)


def _mean_of_bias(*arguments):
    g, x, w = _classifier(*arguments)
    return g @ w, g.T @ x, g.mean(0)


def _over_the_batch(x, w, b, targets):
    g = (torch.softmax(x @ w.T + b, 0) - F.one_hot(targets, len(w))) / len(x)
    return g @ w, g.T @ x, g.sum(0)


def _bump(left, peak, right, *, middle=None, end=None, sign=-1, exchanged=False):
    up, down = 1 / (peak - left), 1 / (right - peak)
    heights = [
        up,
        -up - down if middle is None else middle(up, down),
        down if end is None else end(up),
    ]
    biases = sign * torch.tensor([left, peak, right], dtype=torch.float64)
    return biases, torch.tensor(heights[::-1] if exchanged else heights, dtype=torch.float64)


ATTACKS = {
    "log_add_exp": {
        "overflows": lambda a, b: _log_add_exp(a, b, shift=False),
        "exchanged": lambda a, b: _log_add_exp(a, b, order=-1),
        "derivatives of a sum": lambda a, b: _log_add_exp(a, b, slopes=(1.0, 1.0)),
        "derivatives not divided": lambda a, b: _log_add_exp(
            a, b, slopes=(math.exp(a - max(a, b)), math.exp(b - max(a, b)))
        ),
        "forgets to add the larger": lambda a, b: (
            _log_add_exp(a, b)[0] - max(a, b),
            _log_add_exp(a, b)[1],
        ),
        "the larger alone": lambda a, b: (max(a, b), (float(a > b), float(b >= a))),
        "value alone": lambda a, b: _log_add_exp(a, b)[0],
    },
    "classifier_backward": {
        "sum for mean": lambda *a: _gradients(*a, mean=False),
        "the wrong way": lambda *a: _gradients(*a, sign=-1),
        "forgets the observed": lambda *a: _gradients(*a, observed=False),
        "overflows": lambda *a: _gradients(*a, softmax=False),
        "transposed weights": _transposed,
        "mean of the bias": _mean_of_bias,
        "softmax over the batch": _over_the_batch,
        "by autograd": _by_autograd,
        "exchanged": lambda *a: _gradients(*a)[::-1],
    },
    "bump": {
        "forgets the fall's own slope": lambda *a: _bump(*a, middle=lambda up, down: -up),
        "as for equal sides": lambda *a: _bump(
            *a, middle=lambda up, down: -2 * up, end=lambda up: up
        ),
        "never ends": lambda *a: _bump(*a, end=lambda up: 0.0),
        "wrong sign of the biases": lambda *a: _bump(*a, sign=1),
        "exchanged sides": lambda *a: _bump(*a, exchanged=True),
        "height of the bends added": lambda *a: _bump(*a, middle=lambda up, down: -(up * down)),
    },
}
