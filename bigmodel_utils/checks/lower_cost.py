"""Checkers of the exercises on the page "Training at lower cost"."""

import itertools
import math

import torch

from bigmodel_utils.checks import grade, random_tensor

__all__ = ["accumulated", "format_limits", "longest_stack", "round_by_chance"]


def format_limits(function):
    """Check ``function(exponent_bits, fraction_bits)``: largest, smallest normal, smallest, u."""
    cases = [(5, 10), (8, 7), (5, 2), (3, 4), (2, 3), (4, 1), (6, 5)]
    return grade(
        function,
        cases,
        _limits_by_counting,
        hint="The exponent's field of all zeros has no leading 1, that of all ones is infinity.",
    )


def _limits_by_counting(exponent_bits, fraction_bits):
    # All positive finite numbers of the format, one pattern after the other.
    bias = 2 ** (exponent_bits - 1) - 1
    normal, small = [], []
    for field, f in itertools.product(range(2**exponent_bits - 1), range(2**fraction_bits)):
        if field:
            normal.append(math.ldexp(2**fraction_bits + f, field - bias - fraction_bits))
        elif f:
            small.append(math.ldexp(f, 1 - bias - fraction_bits))
    following = min(value for value in normal if value > 1)
    return max(normal), min(normal), min(small), (following - 1) / 2


def round_by_chance(function):
    """Check ``function(x, noise, fraction)``: x and noise float64 tensors of one shape."""
    cases = [
        # Powers of two, zeros and numbers of the format itself come among the others.
        (torch.tensor([0.3, -0.3, 1.0, 0.0, 5.3, -2.0]).double(), torch.full((6,), 0.4).double(), 2)
    ]
    for seed, (shape, fraction) in enumerate([((7,), 7), ((3, 5), 3), ((4, 2), 10), ((40,), 0)]):
        generator = torch.Generator().manual_seed(seed)
        noise = torch.rand(shape, generator=generator, dtype=torch.float64)
        cases.append((random_tensor(seed, *shape) * 10.0 ** (seed - 2), noise, fraction))
    return grade(
        function,
        cases,
        _chance_by_neighbours,
        hint="Find the spacing around each number; the share of the way up is the chance to go up.",
    )


def _chance_by_neighbours(x, noise, fraction):
    rounded = []
    for value, chance in zip(x.flatten().tolist(), noise.flatten().tolist(), strict=True):
        front, exponent = math.frexp(value)  # 1/2 <= |front| < 1
        steps = math.ldexp(front, fraction + 1)
        low = math.floor(steps)
        up = chance < steps - low
        rounded.append(math.ldexp(low + up, exponent - fraction - 1))
    return torch.tensor(rounded, dtype=torch.float64).view(x.shape)


def longest_stack(function):
    """Check ``function(most)``: layers of the longest stack, by trying every one."""
    cases = [(most,) for most in (3, 4, 5, 8, 11, 12, 21, 30)]
    return grade(
        function,
        cases,
        _longest_by_trying,
        hint="Choose the length of a segment, then the number of segments that the rest allows.",
    )


def _longest_by_trying(most):
    def fits(layers):
        return any(math.ceil(layers / s) + s + 1 <= most for s in range(1, layers + 1))

    return max(n for n in range(1, most * most) if fits(n))


def accumulated(function):
    """Check ``function(gradients, counts)``: gradients of mean losses (k, d), tokens (k,)."""
    cases = []
    for seed, counts in enumerate([[3, 1], [5, 5, 5], [1, 10, 4, 2], [7], [2, 0, 6]]):
        gradients = random_tensor(seed, len(counts), 3 + seed % 2)
        counts = torch.tensor(counts)
        gradients[counts == 0] = math.nan  # the mean of no tokens
        cases.append((gradients, counts))
    return grade(
        function,
        cases,
        _gradient_token_by_token,
        hint="A mean over all tokens is a sum over them, divided once. What is a mean of none?",
    )


def _gradient_token_by_token(gradients, counts):
    tokens = [
        row for row, count in zip(gradients, counts.tolist(), strict=True) for _ in range(count)
    ]
    return torch.stack(tokens).mean(0)
