"""Wrong answers to the exercises of the page "Image recognition with a CNN": all are rejected."""

import math

import torch


def _overflows(logits, targets):
    return (logits.exp().sum(1).log() - logits[range(len(targets)), targets]).mean()


def _clipped_probability(logits, targets):
    p = logits.softmax(1)[range(len(targets)), targets]
    return -(p + 1e-12).log().mean()


def _global_maximum(logits, targets):
    top = logits.max()
    log_sum = top + (logits - top).exp().sum(1).log()
    return (log_sum - logits[range(len(targets)), targets]).mean()


def _sum_over_batch(logits, targets):
    return -logits.log_softmax(1)[range(len(targets)), targets].sum()


def _wrong_axis(logits, targets):
    return -logits.log_softmax(0)[range(len(targets)), targets].mean()


def _all_pairs(logits, targets):
    return -logits.log_softmax(1)[:, targets].mean()


def _in_place(logits, targets):
    logits -= logits.amax(1, keepdim=True)
    return (logits.exp().sum(1).log() - logits[range(len(targets)), targets]).mean()


def _forgets_to_add_the_maximum(logits, targets):
    shifted = logits - logits.amax(1, keepdim=True)
    return (shifted.exp().sum(1).log() - logits[range(len(targets)), targets]).mean()


def _two_independent_errors(first, second):
    a, b, n = first.double().mean(), second.double().mean(), len(first)
    return (a - b).item(), math.sqrt((a * (1 - a) + b * (1 - b)) / n)


def _without_root_n(first, second):
    d = first.double() - second.double()
    return d.mean().item(), d.std(correction=0).item()


def _sample_deviation(first, second):
    d = first.double() - second.double()
    return d.mean().item(), d.std().item() / math.sqrt(len(d))


def _variance(first, second):
    d = first.double() - second.double()
    return d.mean().item(), d.var(correction=0).item() / len(d)


def _second_minus_first(first, second):
    d = second.double() - first.double()
    return d.mean().item(), d.std(correction=0).item() / math.sqrt(len(d))


def _unsigned(first, second):
    d = (first ^ second).double()
    return d.mean().item(), d.std(correction=0).item() / math.sqrt(len(d))


def _count(height, width, in_channels, num_classes, c1, c2, *, cells=None, norms=None, bias=1):
    cells = (height // 4) * (width // 4) if cells is None else cells
    norms = 2 * (c1 + c2) if norms is None else norms
    convolutions = c1 * (9 * in_channels + bias) + c2 * (9 * c1 + bias)
    return convolutions + norms + num_classes * (c2 * cells + 1)


ATTACKS = {
    "cross_entropy": {
        "exponential of the raw logits": _overflows,
        "small number added to the probability": _clipped_probability,
        "one maximum for the whole batch": _global_maximum,
        "sum instead of mean": _sum_over_batch,
        "softmax over the batch": _wrong_axis,
        "every target for every row": _all_pairs,
        "changes the logits in place": _in_place,
        "maximum not added back": _forgets_to_add_the_maximum,
    },
    "examples_needed": {
        "rounds down": lambda a, e: math.floor(a * (1 - a) / e**2),
        "not rounded": lambda a, e: a * (1 - a) / e**2,
        "error not squared": lambda a, e: math.ceil(a * (1 - a) / e),
        "accuracy alone": lambda a, e: math.ceil(a / e**2),
        "one too many": lambda a, e: math.floor(a * (1 - a) / e**2) + 2,
        "worst case for every accuracy": lambda a, e: math.ceil(0.25 / e**2),
    },
    "paired_difference": {
        "as if the test sets were different": _two_independent_errors,
        "not divided by the root of n": _without_root_n,
        "n - 1": _sample_deviation,
        "variance": _variance,
        "sign": _second_minus_first,
        "share of disagreement": _unsigned,
    },
    "count_parameters": {
        "size of the article, 7 x 7": lambda *sizes: _count(*sizes, cells=49),
        "product divided by 16": lambda h, w, *rest: _count(h, w, *rest, cells=h * w // 16),
        "rounds up": lambda h, w, *rest: _count(h, w, *rest, cells=-(-h // 4) * -(-w // 4)),
        "no batch norm": lambda *sizes: _count(*sizes, norms=0),
        "running averages counted": lambda *sizes: _count(*sizes, norms=4 * sum(sizes[-2:])),
        "no bias in the convolutions": lambda *sizes: _count(*sizes, bias=0),
        "one input channel": lambda h, w, c, *rest: _count(h, w, 1, *rest),
        "channels swapped": lambda h, w, c, k, c1, c2: _count(h, w, c, k, c2, c1),
        "a tensor of sizes": lambda *sizes: torch.tensor(sizes),
    },
}
