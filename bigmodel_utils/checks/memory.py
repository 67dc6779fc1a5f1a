"""Checkers of the exercises on the page "What a state remembers"."""

from fractions import Fraction
from itertools import product

import torch

from bigmodel_utils.checks import grade
from bigmodel_utils.words import say

__all__ = [
    "best_without_memory",
    "fewest_units",
    "last_right_count",
    "parity_network",
    "vote_network",
]


def parity_network(function):
    """Check ``function() -> (weight_ih, weight_hh, bias, weight_y, bias_y)`` by running it."""
    alone = torch.zeros(1, 1000, dtype=torch.long)
    alone[0, 0] = 1  # the longest time between two ones
    generator = torch.Generator().manual_seed(1)
    cases = [
        (torch.cartesian_prod(*[torch.arange(2)] * 10),),
        (torch.randint(0, 2, (8, 1000), generator=generator),),
        (torch.ones(1, 1000, dtype=torch.long),),
        (alone,),
    ]
    return grade(
        _running(function, lambda answer, bits: _odd(answer, bits)),
        cases,
        _odd_by_counting,
        hint="Write down x + p for all four cases, and check that errors shrink from step to step.",
    )


def _odd(answer, bits):
    # Whether the network's output is positive after each step of bits (b, t).
    weight_ih, weight_hh, bias, weight_y, bias_y = _tensors(answer, 5)
    m = _units(weight_ih, 2, 3)
    _shapes(weight_hh=(weight_hh, (m, m)), bias=(bias, (m,)))
    _shapes(weight_y=(weight_y, (1, m)), bias_y=(bias_y, (1,)))
    states = _states(2.0 * bits - 1, weight_ih, weight_hh, bias)
    return (states @ weight_y.double()[0] + bias_y.double()) > 0


def _odd_by_counting(bits):
    rows = []
    for row in bits.tolist():
        odd, answers = False, []
        for bit in row:
            odd = odd != bool(bit)
            answers.append(odd)
        rows.append(answers)
    return torch.tensor(rows)


def last_right_count(function):
    """Check ``function(eps)``: the largest count that a tanh unit with coins eps gets right."""
    return grade(
        function,
        [(eps,) for eps in (0.2, 0.07, 0.03, 0.01, 0.003, 0.001)],
        _last_right_by_pytorch,
        hint="Add one coin a step, and stop at the first count that the rounded state misses.",
    )


def _last_right_by_pytorch(eps):
    # nn.RNN on ones: W = eps, U = 1, no bias.
    layer = torch.nn.RNN(1, 1, batch_first=True, dtype=torch.float64)
    with torch.no_grad():
        for parameter, value in zip(layer.parameters(), (eps, 1.0, 0.0, 0.0), strict=True):
            parameter.fill_(value)
        h = layer(torch.ones(1, 500, 1, dtype=torch.float64))[0].flatten()
    wrong = (h / eps).round() != torch.arange(1, 501)
    return int(wrong.nonzero()[0])  # the count before the first wrong one


def vote_network(function):
    """Check ``function(k) -> (weight_ih, weight_hh, weight_y)`` by running it, k odd."""
    generator = torch.Generator().manual_seed(2)
    every = torch.cartesian_prod(*[torch.arange(2)] * 12)
    mixed = torch.randint(0, 2, (50, 40), generator=generator)
    cases = [(k, bits) for k in (1, 3, 5, 7, 9, 11) for bits in (every, mixed)]
    for k in (21, 51):  # the narrowest votes: a voice that fades, even a little, turns them over
        old = torch.tensor([[1] * (k // 2 + 1) + [0] * (k // 2)])
        cases.append((k, torch.cat([old, 1 - old])))
    return grade(
        _running(function, lambda answer, k, bits: _votes(answer, k, bits), arguments=1),
        cases,
        _votes_by_sums,
        hint="Keep the last k inputs in a delay line, and let each of them count the same.",
    )


def _votes(answer, k, bits):
    # Whether the output is positive, at the steps from the k-th on.
    weight_ih, weight_hh, weight_y = _tensors(answer, 3)
    m = _units(weight_ih, 1, k)
    _shapes(weight_hh=(weight_hh, (m, m)), weight_y=(weight_y, (1, m)))
    states = _states(2.0 * bits - 1, weight_ih, weight_hh, weight_ih.new_zeros(m))
    return (states @ weight_y.double()[0])[:, k - 1 :] > 0


def _votes_by_sums(k, bits):
    # bits (b, t): more than half of each window of k are ones.
    return bits.unfold(1, k, 1).sum(-1) * 2 > k


def fewest_units(function):
    """Check ``function(r)``: units of the smallest linear network with impulse response r."""
    responses = [
        [0, 0, 0, 1, 0, 0, 0, 0, 0],  # a delay
        [1, 2, 4, 8, 16, 32, 64],
        [1, 1, 2, 3, 5, 8, 13, 21, 34],
        [3, 1, 3, 1, 3, 1, 3],
        [0, 0, 0, 0, 0],
        [1, 0, 0, 0, 0, 0, 0],
        [1, 4, 9, 16, 25, 36, 49, 64, 81],  # squares
        [7],
    ]
    return grade(
        function,
        [(torch.tensor(r, dtype=torch.float64),) for r in responses],
        _rank_by_elimination,
        hint="The matrix with entries r[i + j] has a row for each i: how many are independent?",
    )


def _rank_by_elimination(r):
    # Gauss on fractions: nothing is rounded.
    n = (len(r) + 1) // 2
    rows = [[Fraction(int(r[i + j])) for j in range(n)] for i in range(n)]
    rank = 0
    for column in range(n):
        pivot = next((row for row in rows[rank:] if row[column]), None)
        if pivot is None:
            continue
        rows.remove(pivot)
        rows.insert(rank, pivot)
        for row in rows[rank + 1 :]:
            factor = row[column] / pivot[column]
            row[:] = [a - factor * b for a, b in zip(row, pivot, strict=True)]
        rank += 1
    return rank


def best_without_memory(function):
    """Check ``function(x, y)``: share of y that the best table from x to y gets right."""
    bits = torch.cartesian_prod(*[torch.arange(2)] * 5)  # (32, 5)
    generator = torch.Generator().manual_seed(3)
    signs = 2 * torch.randint(0, 2, (7, 9), generator=generator) - 1
    loaded = (torch.rand(6, 8, generator=generator) < 0.2).long()
    symbols = torch.randint(0, 3, (4, 11), generator=generator)
    cases = [
        (bits, bits.cumsum(1) % 2),  # parity
        (bits, bits.cumsum(1)),  # the count
        (signs, signs.roll(1, dims=1)),  # a delay
        (loaded, loaded.cumsum(1) % 2),  # mostly zeros
        (symbols, (symbols * symbols + 1) % 4),  # needs no memory
        (symbols, torch.randint(-1, 2, (4, 11), generator=generator)),
        (torch.zeros(3, 4, dtype=torch.long), torch.tensor([[5, 6, 5, 5]] * 3)),
    ]
    return grade(
        function,
        cases,
        _best_by_trying,
        hint="For each value of the input, take the answer that is right most often.",
    )


def _best_by_trying(x, y):
    # Every table from inputs to answers.
    seen = list(zip(x.flatten().tolist(), y.flatten().tolist(), strict=True))
    inputs, answers = sorted({a for a, _ in seen}), sorted({b for _, b in seen})
    best = 0
    for choice in product(answers, repeat=len(inputs)):
        table = dict(zip(inputs, choice, strict=True))
        best = max(best, sum(table[a] == b for a, b in seen))
    return best / len(seen)


def _running(function, run, arguments=0):
    # The reader's function returns weights: call it, and run the network on the other arguments.
    if not callable(function):
        return function

    def answer(*case):
        weights = function(*case[:arguments])
        return weights if weights is None or weights is ... else run(weights, *case)

    return answer


def _states(x, weight_ih, weight_hh, bias):
    # States (b, t, m) of a tanh nn.RNN on x (b, t), started at zero, in float64.
    m = len(bias)
    layer = torch.nn.RNN(1, m, batch_first=True, dtype=torch.float64)
    given = (weight_ih, weight_hh, bias, torch.zeros(m))
    with torch.no_grad():
        for parameter, weight in zip(layer.parameters(), given, strict=True):
            parameter.copy_(weight)
        return layer(x.double()[..., None])[0]


def _tensors(answer, number):
    if not isinstance(answer, (tuple, list)) or len(answer) != number:
        raise ValueError(say("expected {number} tensors", number=number))
    for value in answer:
        if not isinstance(value, torch.Tensor) or not value.is_floating_point():
            raise ValueError(say("expected {number} tensors of real numbers", number=number))
        if not torch.isfinite(value).all():
            raise ValueError(say("a weight is not finite"))
    return answer


def _units(weight_ih, fewest, most):
    if weight_ih.ndim != 2 or weight_ih.shape[1] != 1:
        got = tuple(weight_ih.shape)
        raise ValueError(say("weight_ih: expected shape (m, 1), got {got}", got=got))
    m = len(weight_ih)
    if not fewest <= m <= most:
        text = say("expected {fewest} to {most} units, got {m}", fewest=fewest, most=most, m=m)
        raise ValueError(text)
    return m


def _shapes(**weights):
    for name, (value, shape) in weights.items():
        if tuple(value.shape) != shape:
            values = {"name": name, "shape": shape, "got": tuple(value.shape)}
            raise ValueError(say("{name}: expected shape {shape}, got {got}", **values))
