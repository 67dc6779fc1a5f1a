"""Checkers of the exercises on the page "Image recognition with a CNN"."""

import math
import statistics
from fractions import Fraction

import torch
import torch.nn.functional as F

from bigmodel_utils.checks import grade
from bigmodel_utils.models import RecognitionCNN

__all__ = ["count_parameters", "cross_entropy", "examples_needed", "paired_difference"]


def cross_entropy(function):
    """Check ``function(logits, targets) -> loss``: logits (b, classes), targets (b,)."""
    generator = torch.Generator().manual_seed(0)

    def case(b, classes, scale, offset=0.0):
        logits = scale * torch.randn(b, classes, generator=generator, dtype=torch.float64) + offset
        return logits, torch.randint(classes, (b,), generator=generator)

    sure = torch.tensor([[0.0, 2000.0, -500.0], [-3000.0, -2990.0, -4000.0]], dtype=torch.float64)
    cases = [
        case(7, 3, 1),
        case(3, 7, 1),
        case(5, 4, 1, offset=1000.0),
        case(4, 6, 1, offset=-1000.0),
        (sure, torch.tensor([0, 0])),
        (sure, torch.tensor([1, 2])),
    ]
    return grade(
        function,
        cases,
        F.cross_entropy,
        hint="The mean over the batch; subtract each row's largest logit before the exponential.",
    )


def examples_needed(function):
    """Check ``function(accuracy, standard_error) -> n`` against a search in exact fractions."""
    cases = [(0.9, 0.07), (0.5, 0.3), (0.98, 0.0123), (0.75, 0.021), (0.995, 0.0011), (0.6, 0.9)]
    return grade(
        function,
        cases,
        _smallest_by_search,
        atol=0,
        hint="Round up to a whole number of examples.",
    )


def _smallest_by_search(accuracy, standard_error):
    # Doubling and halving, with the formula's inequality in whole numbers only.
    a, e = Fraction(accuracy), Fraction(standard_error)
    high = 1
    while a * (1 - a) > e * e * high:
        high *= 2
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if a * (1 - a) > e * e * middle else (low, middle)
    return high


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
        hint="Take the difference digit by digit first: it is -1, 0 or 1.",
    )


def _paired_by_statistics(first, second):
    differences = [int(a) - int(b) for a, b in zip(first.tolist(), second.tolist(), strict=True)]
    error = statistics.pstdev(differences) / math.sqrt(len(differences))
    return statistics.fmean(differences), error


def count_parameters(function):
    """Check ``function(height, width, in_channels, num_classes, c1, c2)`` against real networks."""
    cases = [
        (28, 28, 1, 10, 32, 64),
        (30, 23, 3, 7, 5, 6),
        (9, 14, 2, 4, 8, 3),
        (4, 63, 1, 2, 1, 2),
    ]

    def build(height, width, in_channels, num_classes, c1, c2):
        model = RecognitionCNN(
            image_size=(height, width),
            in_channels=in_channels,
            num_classes=num_classes,
            channels=(c1, c2),
        )
        return sum(p.numel() for p in model.parameters())

    return grade(
        function,
        cases,
        build,
        atol=0,
        hint="Each side is divided by 4 and rounded down on its own; every layer has biases.",
    )
