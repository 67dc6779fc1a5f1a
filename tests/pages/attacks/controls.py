"""Wrong answers to the exercises of the page "What an accuracy hides": all are rejected."""

import math

import torch


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


def _counts(truth, answers, classes):
    pairs = classes * truth + answers
    return torch.bincount(pairs, minlength=classes**2).reshape(classes, classes)


def _only_seen_classes(truth, answers, classes):
    seen = int(torch.maximum(truth, answers).max()) + 1
    return _counts(truth, answers, seen)


def _by_rows(truth, answers, classes):
    counts = _counts(truth, answers, classes).double()
    return counts / counts.sum(1, keepdim=True).clamp(min=1)


def _loop_over_examples(truth, answers, classes):
    counts = torch.zeros(classes, classes, dtype=torch.int64)
    for one, other in zip(truth, answers, strict=True):
        counts[one, other] += 1
    return counts


def _last_one_counts(truth, answers, classes):
    counts = torch.zeros(classes, classes, dtype=torch.int64)
    counts[truth, answers] += 1
    return counts


def _falls(model, x, target, size, *, sign=1, others=False, channel=None, probability=False, to=0):
    rows, columns = x.shape[1] // size, x.shape[2] // size
    out = torch.zeros(rows, columns, dtype=x.dtype)
    with torch.no_grad():
        for i in range(rows):
            for j in range(columns):
                patch = slice(i * size, (i + 1) * size), slice(j * size, (j + 1) * size)
                covered = torch.zeros_like(x) if others else x.clone()
                where = slice(None) if channel is None else channel
                covered[(where, *patch)] = x[(where, *patch)] if others else to
                logits = model(torch.stack([x, covered]))  # (2, classes)
                whole, left = (logits.softmax(1) if probability else logits)[:, target]
                out[i, j] = sign * (whole - left)
    return out


def _changes_the_image(model, x, target, size):
    falls = _falls(model, x, target, size)
    x[:, :size, :size] = 0
    return falls


def _largest_logit(model, x, target, size):
    return _falls(model, x, int(model(x[None]).argmax()), size)


def _way_back(x, weights, g, *, identity=True, transposed=False, order=-1, last=False, inner=False):
    outputs = []
    for weight in weights:
        outputs.append((x @ weight.T).tanh())
        x = x + outputs[-1]
    steps = list(zip(weights, outputs, strict=True))[::order]
    for weight, out in steps[:1] if last else steps:
        slope = 1 - (out if inner else out**2)
        through = (g * slope) @ (weight.T if transposed else weight)
        g = g + through if identity else through
    return g


def _only_the_identity(x, weights, g):
    return g.clone()


def _no_slope(x, weights, g):
    for weight in reversed(weights):
        g = g + g @ weight
    return g


def _by_autograd(x, weights, g):
    x = x.clone().requires_grad_()
    out = x
    for weight in weights:
        out = out + (out @ weight.T).tanh()
    return torch.autograd.grad(out, x, g)[0]


ATTACKS = {
    "confusion": {
        "transposed": lambda t, a, c: _counts(a, t, c),
        "only classes that occur": _only_seen_classes,
        "shares instead of counts": _by_rows,
        "a loop over the examples": _loop_over_examples,
        "repeated pairs counted once": _last_one_counts,
        "only the errors": lambda t, a, c: _counts(t, a, c).fill_diagonal_(0),
    },
    "paired_difference": {
        "as if the test sets were different": _two_independent_errors,
        "not divided by the root of n": _without_root_n,
        "n - 1": _sample_deviation,
        "variance": _variance,
        "sign": _second_minus_first,
        "share of disagreement": _unsigned,
    },
    "reordered": {
        "unchanged": lambda weight, order: weight,
        "the other way round": lambda weight, order: weight[:, order.argsort()],
        "rows": lambda weight, order: weight[order % len(weight)],
        "backwards": lambda weight, order: weight[:, order.flip(0)],
        "transposed": lambda weight, order: weight[:, order].T,
    },
    "occlusion": {
        "rise instead of fall": lambda *a: _falls(*a, sign=-1),
        "all but the patch covered": lambda *a: _falls(*a, others=True),
        "covered with ones": lambda *a: _falls(*a, to=1),
        "first channel only": lambda *a: _falls(*a, channel=0),
        "probability instead of logit": lambda *a: _falls(*a, probability=True),
        "largest logit instead of the target's": _largest_logit,
        "rows and columns swapped": lambda *a: _falls(*a).T,
        "changes the image": _changes_the_image,
    },
    "residual_backward": {
        "no identity path": lambda *a: _way_back(*a, identity=False),
        "weights transposed": lambda *a: _way_back(*a, transposed=True),
        "first layer first": lambda *a: _way_back(*a, order=1),
        "last layer only": lambda *a: _way_back(*a, last=True),
        "slope 1 - tanh": lambda *a: _way_back(*a, inner=True),
        "no slope": _no_slope,
        "identity alone": _only_the_identity,
        "autograd": _by_autograd,
    },
}
