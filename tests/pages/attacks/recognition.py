"""Wrong answers to the exercises of the page "Image recognition with a CNN": all are rejected."""

import math

import torch
import torch.nn.functional as F


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


def _ready_made(logits, targets):
    return F.cross_entropy(logits, targets)


def _ready_logsumexp(logits, targets):
    return (logits.logsumexp(1) - logits[range(len(targets)), targets]).mean()


def _ready_softmax(logits, targets):
    return -logits.double().log_softmax(1)[range(len(targets)), targets].mean()


def _same_row_number(x, queries):
    n = min(len(x), len(queries))
    return (x[:n] == queries[:n]).flatten(1).all(1).nonzero()[:, 0]


def _rows_of_x(x, queries):
    return (x[:, None] == queries[None]).flatten(2).all(2).any(1).nonzero()[:, 0]


def _any_number_shared(x, queries):
    return (x[None] == queries[:, None]).flatten(2).any(2).any(1).nonzero()[:, 0]


def _nearly(x, queries):
    distance = torch.cdist(queries.flatten(1).double(), x.flatten(1).double())
    return (distance.amin(1) < 1e-3).nonzero()[:, 0]


def _same_sorted(x, queries):
    seen = {tuple(sorted(row)) for row in x.flatten(1).tolist()}
    found = [tuple(sorted(row)) in seen for row in queries.flatten(1).tolist()]
    return torch.tensor(found).nonzero()[:, 0]


def _repeated_queries_too(x, queries):
    rows = torch.cat([x, queries]).flatten(1).tolist()
    return torch.tensor([i for i in range(len(queries)) if rows.count(rows[len(x) + i]) > 1]).long()


def _mask(x, queries):
    return (x[None] == queries[:, None]).flatten(2).all(2).any(1)


def _epoch(weight, x, y, order, size, lr, *, first=False, mean=True, whole=False, sign=1, drop=0):
    losses, start = [], weight
    for rows in order.split(size):
        if drop and len(rows) < size:
            continue
        p = (x[rows] @ (start if first else weight).T).softmax(1)
        losses.append(-p[range(len(rows)), y[rows]].log().mean().item())
        grad = p - F.one_hot(y[rows], len(weight))
        grad = grad / (size if whole else len(rows) if mean else 1)
        weight = weight - sign * lr * grad.T @ x[rows]
    return weight, losses


def _late_losses(weight, x, y, order, size, lr):
    weights, losses = [], []
    for rows in order.split(size):
        weight, _ = _epoch(weight, x, y, rows, size, lr)
        p = (x[rows] @ weight.T).softmax(1)
        weights, losses = weight, [*losses, -p[range(len(rows)), y[rows]].log().mean().item()]
    return weights, losses


def _in_storage_order(weight, x, y, order, size, lr):
    return _epoch(weight, x, y, order.sort()[0], size, lr)


def _by_autograd(weight, x, y, order, size, lr):
    weight, losses = weight.clone().requires_grad_(), []
    for rows in order.split(size):
        p = (x[rows] @ weight.T).softmax(1)
        loss = -p[range(len(rows)), y[rows]].log().mean()
        (grad,) = torch.autograd.grad(loss, weight)
        weight = (weight - lr * grad).detach().requires_grad_()
        losses.append(loss.item())
    return weight.detach(), losses


def _changes_the_weight(weight, x, y, order, size, lr):
    new, losses = _epoch(weight, x, y, order, size, lr)
    weight.copy_(new)
    return weight, losses


def _count(height, width, in_channels, num_classes, c1, c2, *, cells=None, norms=None, bias=1):
    cells = (height // 4) * (width // 4) if cells is None else cells
    norms = 2 * (c1 + c2) if norms is None else norms
    convolutions = c1 * (9 * in_channels + bias) + c2 * (9 * c1 + bias)
    return convolutions + norms + num_classes * (c2 * cells + 1)


ATTACKS = {
    "copies": {
        "only the same row number": _same_row_number,
        "row numbers of x": _rows_of_x,
        "one equal number is enough": _any_number_shared,
        "nearly equal": _nearly,
        "order of the numbers ignored": _same_sorted,
        "queries that repeat each other": _repeated_queries_too,
        "a mask": _mask,
    },
    "sgd_epoch": {
        "always the first weight": lambda *a: _epoch(*a, first=True),
        "sum instead of mean": lambda *a: _epoch(*a, mean=False),
        "divided by the full batch": lambda *a: _epoch(*a, whole=True),
        "uphill": lambda *a: _epoch(*a, sign=-1),
        "last batch dropped": lambda *a: _epoch(*a, drop=1),
        "losses after the step": _late_losses,
        "order ignored": _in_storage_order,
        "autograd": _by_autograd,
        "weight changed in place": _changes_the_weight,
    },
    "cross_entropy": {
        "exponential of the raw logits": _overflows,
        "small number added to the probability": _clipped_probability,
        "one maximum for the whole batch": _global_maximum,
        "sum instead of mean": _sum_over_batch,
        "softmax over the batch": _wrong_axis,
        "every target for every row": _all_pairs,
        "changes the logits in place": _in_place,
        "maximum not added back": _forgets_to_add_the_maximum,
        "the forbidden function": _ready_made,
        "the forbidden logsumexp": _ready_logsumexp,
        "the forbidden log_softmax": _ready_softmax,
    },
    "examples_needed": {
        "rounds down": lambda a, e: math.floor(a * (1 - a) / e**2),
        "not rounded": lambda a, e: a * (1 - a) / e**2,
        "error not squared": lambda a, e: math.ceil(a * (1 - a) / e),
        "accuracy alone": lambda a, e: math.ceil(a / e**2),
        "one too many where it is whole": lambda a, e: int(a * (1 - a) / e**2) + 1,
        "floats": lambda a, e: math.ceil(float(a) * (1 - float(a)) / float(e) ** 2),
        "rounded to hundreds": lambda a, e: round(a * (1 - a) / e**2, -2),
        "one too many": lambda a, e: math.floor(a * (1 - a) / e**2) + 2,
        "worst case for every accuracy": lambda a, e: math.ceil(0.25 / e**2),
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
