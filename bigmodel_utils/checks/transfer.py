"""Checkers of the exercises on the page "How is a model transferred?"."""

import math

import torch

from bigmodel_utils.checks import AUTOGRAD, grade, random_tensor

__all__ = ["as_correction", "from_full_gradient", "judged", "memory"]


def as_correction(function):
    """Check ``function(before, after, rank)``: A (rank, m) and B (n, rank), by their product."""

    def product(before, after, rank):
        answer = function(before, after, rank)
        if answer is None or answer is ...:
            return answer
        a, b = answer
        shapes = (rank, before.shape[1]), (before.shape[0], rank)
        if (tuple(a.shape), tuple(b.shape)) != shapes:
            raise ValueError(f"expected shapes {shapes}, got {tuple(a.shape)}, {tuple(b.shape)}")
        return before + b @ a

    cases = []
    for seed, (n, m, rank) in enumerate([(5, 3, 1), (4, 7, 2), (6, 6, 4), (3, 8, 3)]):
        cases.append((random_tensor(seed, n, m), random_tensor(10 + seed, n, m), rank))
    return grade(
        product,
        cases,
        _nearest_by_power,
        atol=1e-6,
        hint="The nearest matrix of a rank keeps the largest singular values of the difference.",
    )


def _nearest_by_power(before, after, rank):
    # Largest directions one after the other, by power iteration in place of an SVD.
    rest, total = after - before, torch.zeros_like(before)
    for _ in range(rank):
        v = torch.ones(rest.shape[1], dtype=rest.dtype) + random_tensor(99, rest.shape[1]) / 2
        square = rest.mT @ rest
        for _ in range(12):  # squared each time: 2^12 steps of the power iteration
            square = square @ square / (square @ square).norm()
        v = square @ v
        v = v / v.norm()
        part = torch.outer(rest @ v, v)
        rest, total = rest - part, total + part
    return before + total


def from_full_gradient(function):
    """Check ``function(gradient, a, b, scale)``: the gradients of A and B."""
    cases = []
    for seed, (n, m, r, scale) in enumerate([(5, 3, 2, 0.5), (4, 7, 1, 2.0), (3, 3, 3, 1.5)]):
        gradient, a = random_tensor(seed, n, m), random_tensor(10 + seed, r, m)
        cases.append((gradient, a, random_tensor(20 + seed, n, r), scale))
    return grade(
        function,
        cases,
        _by_autograd,
        forbidden=AUTOGRAD,
        hint="W + scale B A is a weight whose gradient you have; each factor sees it through "
        "the other.",
    )


def _by_autograd(gradient, a, b, scale):
    a, b = a.requires_grad_(), b.requires_grad_()
    return torch.autograd.grad((scale * (b @ a) * gradient).sum(), (a, b))


def memory(function):
    """Check ``function(shapes, rank, bits)``: bytes of full fine-tuning and of LoRA."""
    cases = [
        ([(10, 30), (7, 5)], 2, 32),
        ([(4096, 4096)] * 3, 8, 4),
        ([(64, 64), (6, 4), (100, 2)], 3, 8),
        ([(8, 8), (12, 12)], 4, 16),
    ]
    return grade(
        function,
        cases,
        _number_by_number,
        hint="Decide layer by layer; a layer that is trained in full has no frozen weight.",
    )


def _number_by_number(shapes, rank, bits):
    full = lora = 0
    for n, m in shapes:
        full += sum(4 + 4 + 8 for _ in range(n)) * m
        corrected = len(range(rank * n)) + len(range(rank * m))
        if corrected < n * m:
            lora += n * m * bits // 8 + sum((4, 4, 8)) * corrected
        else:
            lora += sum((4, 4, 8)) * n * m
    return full, lora


def judged(function):
    """Check ``function(with_it, without, before, after)``: gain, its error, loss, its error."""
    cases = []
    for seed, k in enumerate([5, 3, 8]):
        shared = 3 * random_tensor(seed, k)  # what the seeds share makes pairing matter
        four = [shared + 0.3 * random_tensor(10 * seed + i, k) + i for i in range(1, 5)]
        cases.append(tuple(four))
    return grade(
        function,
        cases,
        _seed_by_seed,
        hint="Take differences seed by seed before you take means or deviations.",
    )


def _seed_by_seed(with_it, without, before, after):
    found = []
    for high, low in ((with_it, without), (before, after)):
        gaps = [a - b for a, b in zip(high.tolist(), low.tolist(), strict=True)]
        mean = math.fsum(gaps) / len(gaps)
        spread = math.fsum((g - mean) ** 2 for g in gaps) / (len(gaps) - 1)
        found += [mean, math.sqrt(spread / len(gaps))]
    return tuple(found)
