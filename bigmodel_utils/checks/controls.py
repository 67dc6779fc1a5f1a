"""Checkers of the exercises on the page "What an accuracy hides"."""

import math
import statistics

import torch
import torch.nn.functional as F
from torch import nn

from bigmodel_utils.checks import AUTOGRAD, grade, random_tensor

__all__ = ["confusion", "occlusion", "paired_difference", "reordered", "residual_backward"]


def confusion(function):
    """Check ``function(truth, answers, classes) -> counts``: (n,), (n,), (classes, classes)."""
    generator = torch.Generator().manual_seed(0)

    def case(n, classes, missing):
        truth, answers = torch.randint(classes - missing, (2, n), generator=generator)
        return truth, answers, classes

    cases = [case(60, 4, 0), case(90, 7, 2), case(5, 3, 1), case(200, 2, 0)]
    return grade(
        function,
        cases,
        _confusion_by_loops,
        atol=0,
        most_calls=40,
        hint="Rows are the truth; a class that never occurs has its row and column too.",
    )


def _confusion_by_loops(truth, answers, classes):
    counts = [[0] * classes for _ in range(classes)]
    for one, other in zip(truth.tolist(), answers.tolist(), strict=True):
        counts[one][other] += 1
    return torch.tensor(counts)


def paired_difference(function):
    """Check ``function(first, second) -> (difference, standard error)``, both (n,) of bool."""
    generator = torch.Generator().manual_seed(0)

    def case(n, shared, p, q):
        hard = torch.rand(n, generator=generator) < shared  # both networks fail on these
        draws = torch.rand(2, n, generator=generator)
        return (draws[0] < p) & ~hard, (draws[1] < q) & ~hard

    cases = [case(50, 0.3, 0.9, 0.7), case(37, 0.1, 0.6, 0.95), case(200, 0.05, 0.97, 0.9)]
    return grade(
        function,
        cases,
        _paired_by_statistics,
        atol=1e-6,  # float32 is enough
        hint="Take the difference digit by digit first: it is -1, 0 or 1.",
    )


def _paired_by_statistics(first, second):
    differences = [int(a) - int(b) for a, b in zip(first.tolist(), second.tolist(), strict=True)]
    error = statistics.pstdev(differences) / math.sqrt(len(differences))
    return statistics.fmean(differences), error


def reordered(function):
    """Check ``function(weight, order) -> weight`` by what a dense layer then gives."""
    generator = torch.Generator().manual_seed(0)
    cases = [
        (random_tensor(units, units, pixels), torch.randperm(pixels, generator=generator))
        for units, pixels in ((3, 7), (5, 4), (2, 11))
    ]
    return grade(
        function,
        cases,
        _reordered_by_solving,
        hint="Column j must hold the weights of the pixel that now stands at place j.",
    )


def _reordered_by_solving(weight, order):
    # The layer's answers on the unit images say what its weights are.
    units = torch.eye(weight.shape[1], dtype=weight.dtype)
    return torch.linalg.lstsq(units[:, order], F.linear(units, weight)).solution.T


def occlusion(function):
    """Check ``function(model, x, target, size) -> falls``: x (c, h, w), (h / size, w / size)."""

    def case(seed, channels, h, w, size, target):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            layers = nn.Conv2d(channels, 3, 3), nn.Tanh(), nn.Flatten(), nn.LazyLinear(5)
            model = nn.Sequential(*layers)
            x = random_tensor(seed, channels, h, w)
            model(x[None].float())
        return model.double(), x, target, size

    cases = [case(0, 1, 6, 9, 3, 4), case(1, 2, 8, 4, 2, 0), case(2, 1, 4, 6, 1, 2)]
    return grade(
        function,
        cases,
        _occlusion_by_masks,
        hint="Cover each patch of the whole image by itself, and take the covered logit away.",
    )


def _occlusion_by_masks(model, x, target, size):
    rows, columns = x.shape[1] // size, x.shape[2] // size
    patches = torch.eye(rows * columns, dtype=x.dtype).reshape(-1, 1, rows, columns)
    covers = F.interpolate(patches, scale_factor=float(size), mode="nearest")  # 1 in one patch
    with torch.no_grad():
        logits = model(torch.cat([x[None], x[None] * (1 - covers)]))[:, target]
    return (logits[0] - logits[1:]).reshape(rows, columns)


def residual_backward(function):
    """Check ``function(x, weights, g) -> grad``: x and g (b, d), weights a list of (d, d)."""
    cases = [
        (random_tensor(s, b, d), [random_tensor(s + 9 + k, d, d) for k in range(n)],
         random_tensor(s + 1, b, d))
        for s, b, d, n in ((0, 4, 3, 2), (20, 2, 5, 4), (40, 3, 2, 1))
    ]  # fmt: skip
    return grade(
        function,
        cases,
        _residual_by_autograd,
        forbidden=AUTOGRAD,
        hint="From the last layer to the first: what comes in goes on, plus its way through tanh.",
    )


def _residual_by_autograd(x, weights, g):
    leaf = x.clone().requires_grad_()
    out = leaf
    for weight in weights:
        out = out + torch.tanh(F.linear(out, weight))
    return torch.autograd.grad(out, leaf, g)[0]
