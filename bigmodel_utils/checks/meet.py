"""Checkers of the exercises on the page "Meet a big model"."""

import math
from collections import Counter

import torch

from bigmodel_utils.checks import grade, random_tensor

__all__ = ["control", "draw", "path_at", "text_bits"]


def text_bits(function):
    """Check ``function(logits, tokens)``: (T, vocab), (T,) -> bits of all tokens but the first."""
    cases = [
        (random_tensor(1, 4, 7), torch.tensor([6, 0, 3, 3])),
        (3 * random_tensor(2, 6, 3), torch.tensor([0, 2, 2, 1, 0, 1])),
        (random_tensor(3, 2, 9) + 50, torch.tensor([8, 1])),
        (40 * random_tensor(4, 5, 4), torch.tensor([1, 2, 3, 0, 1])),
    ]
    return grade(
        lambda logits, tokens: _number(function(logits, tokens)),
        cases,
        _bits_by_loops,
        hint="The logits at place t are about the token at place t + 1; a bit is a logarithm to "
        "base 2.",
    )


def _bits_by_loops(logits, tokens):
    bits = 0.0
    for row, token in zip(logits[:-1].tolist(), tokens[1:].tolist(), strict=True):
        largest = max(row)
        total = math.fsum(math.exp(z - largest) for z in row)
        bits -= (row[token] - largest) / math.log(2) - math.log2(total)
    return torch.tensor(bits, dtype=torch.float64)


def path_at(function):
    """Check ``function(logits, path, temperature)``: (T, vocab), (T,) -> the path's probability."""
    cases = [
        (random_tensor(1, 3, 5), torch.tensor([4, 0, 2]), 1.0),
        (random_tensor(1, 3, 5), torch.tensor([4, 0, 2]), 0.5),
        (2 * random_tensor(2, 2, 8), torch.tensor([7, 7]), 2.0),
        (random_tensor(3, 1, 3), torch.tensor([1]), 0.3),
        (random_tensor(4, 5, 2), torch.tensor([0, 1, 1, 0, 1]), 1.7),
    ]
    return grade(
        lambda logits, path, temperature: _number(function(logits, path, temperature)),
        cases,
        _path_by_loops,
        hint="Divide the logits by the temperature, make probabilities of each row, and multiply "
        "those of the tokens on the path.",
    )


def _path_by_loops(logits, path, temperature):
    probability = 1.0
    for row, token in zip(logits.tolist(), path.tolist(), strict=True):
        heated = [math.exp((z - max(row)) / temperature) for z in row]
        probability *= heated[token] / math.fsum(heated)
    return torch.tensor(probability, dtype=torch.float64)


def draw(function):
    """Check ``function(logits, temperature, u)``: the token that inverse sampling draws."""
    equal = torch.zeros(4, dtype=torch.float64)
    cases = [(equal, 1.0, u) for u in (0.0, 0.2, 0.25, 0.3, 0.6, 0.75, 0.99)]
    cases += [(random_tensor(1, 6), 0.7, u) for u in (0.05, 0.5, 0.9)]
    cases += [(3 * random_tensor(2, 9), 2.0, u) for u in (0.1, 0.45, 0.8)]
    cases += [(3 * random_tensor(2, 9), 0.4, u) for u in (0.1, 0.45, 0.8)]
    return grade(
        lambda logits, temperature, u: _number(function(logits, temperature, u)),
        cases,
        _draw_by_loop,
        hint="Add the probabilities up in the order of the vocabulary until the sum is more than "
        "u.",
    )


def _number(value):
    return value if value is None or value is ... else torch.as_tensor(value, dtype=torch.float64)


def _draw_by_loop(logits, temperature, u):
    heated = [math.exp((z - max(logits.tolist())) / temperature) for z in logits.tolist()]
    rest = u * math.fsum(heated)
    for token, weight in enumerate(heated):
        rest -= weight
        if rest < 0:
            return torch.tensor(token, dtype=torch.float64)
    raise AssertionError("u is at least 1")


def control(function):
    """Check ``function(pairs, seed)``: the same questions, no answer at its own one."""
    lists = [[(f"q{i}", f"a{i}") for i in range(n)] for n in (2, 3, 4, 7, 12)]
    cases = [(pairs, seed) for pairs in lists for seed in range(6)]

    def faults(pairs, seed):
        made = function(pairs, seed)
        if made is None or made is ...:
            return made
        made, own = [tuple(pair) for pair in made], set(pairs)
        return torch.tensor(
            [
                [question for question, _ in made] != [question for question, _ in pairs],
                Counter(answer for _, answer in made) != Counter(answer for _, answer in pairs),
                sum(pair in own for pair in made),
            ],
            dtype=torch.float64,
        )

    return grade(
        faults,
        cases,
        lambda pairs, seed: torch.zeros(3, dtype=torch.float64),
        hint="The questions stay where they are, every answer is used once, and a random order "
        "alone leaves some answers at their own question.",
    )
