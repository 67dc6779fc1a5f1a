"""Checkers of the exercises on the page "Image recognition with a CNN"."""

from fractions import Fraction

import torch
import torch.nn.functional as F

from bigmodel_utils.checks import AUTOGRAD, grade, random_tensor
from bigmodel_utils.models import RecognitionCNN

__all__ = ["copies", "count_parameters", "cross_entropy", "examples_needed", "sgd_epoch"]

# What would write the exponentials and logarithms of the exercise itself.
_READY = (
    *("cross_entropy", "nll_loss", "kl_div", "binary_cross_entropy"),
    *("softmax", "log_softmax", "softmin", "logsumexp", "logaddexp", "logcumsumexp"),
)


def copies(function):
    """Check ``function(x, queries) -> rows``: x (n, ...), queries (m, ...), rows (k,) integers."""
    generator = torch.Generator().manual_seed(0)

    def case(n, m, shape, planted):
        x, queries = (torch.randn(k, *shape, generator=generator) for k in (n, m))
        for row, source in planted:
            queries[row] = x[source]
        return x, queries

    near = case(6, 5, (2, 3), [(4, 0), (1, 3)])
    near[1][2] = near[0][2]
    near[1][2, 1, 2] += 1e-6  # all but equal
    flipped = case(4, 3, (1, 3, 2), [])
    flipped[1][0] = flipped[0][1].flip(2)  # the same numbers in another order
    flipped[1][1] = flipped[0][1]
    twice = case(5, 7, (3,), [(0, 2), (6, 2), (3, 4)])
    within = case(3, 4, (2, 2), [(2, 0)])
    within[1][3] = within[1][1]  # queries that repeat each other, but nothing of x
    constant = case(3, 4, (2,), [])
    constant[0][0], constant[1][2] = 0.25, torch.tensor([0.25, 0.75])
    cases = [near, flipped, twice, within, constant, case(4, 3, (2, 2), [])]
    return grade(
        function,
        cases,
        _copies_by_loops,
        atol=0,
        hint="Whole rows are compared, number by number; a row number counts the queries from 0.",
    )


def _copies_by_loops(x, queries):
    rows = [i for i, query in enumerate(queries) if any(torch.equal(query, row) for row in x)]
    return torch.tensor(rows, dtype=torch.int64)


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
        forbidden=_READY,
        hint="The mean over the batch; subtract each row's largest logit before the exponential.",
    )


def examples_needed(function):
    """Check ``function(accuracy, standard_error) -> n`` against a search in exact fractions."""
    texts = [
        *(("0.9", "0.07"), ("0.5", "0.3"), ("0.98", "0.0123"), ("0.75", "0.021")),
        *(("0.995", "0.0011"), ("0.6", "0.9")),
        *(("0.5", "0.25"), ("0.98", "0.0005"), ("0.9", "0.01")),  # whole: 4, 78,400 and 900
    ]
    return grade(
        function,
        [(Fraction(a), Fraction(e)) for a, e in texts],
        _smallest_by_search,
        atol=0,
        hint="Round up to a whole number of examples, and stay with exact fractions.",
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


def sgd_epoch(function):
    """Check ``function(weight, x, y, order, batch_size, lr) -> (weight, losses)``."""
    generator = torch.Generator().manual_seed(0)

    def case(n, d, classes, batch_size, lr):
        y = torch.randint(classes, (n,), generator=generator)
        order = torch.randperm(n, generator=generator)
        weight, x = random_tensor(n, classes, d), random_tensor(n + 1, n, d)
        return weight, x, y, order, batch_size, lr

    cases = [case(7, 3, 4, 3, 0.5), case(12, 5, 3, 4, 0.1), case(5, 2, 6, 5, 1.0)]
    return grade(
        function,
        cases,
        _sgd_by_torch,
        forbidden=(*AUTOGRAD, "cross_entropy", "nll_loss"),
        hint="Each step uses the weight of the step before and the mean over its own batch.",
    )


def _sgd_by_torch(weight, x, y, order, batch_size, lr):
    weight = weight.clone().requires_grad_()
    optimizer, losses = torch.optim.SGD([weight], lr=lr), []
    for start in range(0, len(order), batch_size):
        rows = order[start : start + batch_size]
        loss = F.cross_entropy(F.linear(x[rows], weight), y[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return weight.detach(), losses


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
