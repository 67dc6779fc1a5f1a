"""Checkers of the exercises on the page "Inside a real model"."""

import torch

from bigmodel_utils.checks import grade, random_tensor

__all__ = ["chance", "estimate", "exchange_output", "stand_in_for"]


def exchange_output(function):
    """Check ``function(out, donor, head, d, places)``: (b, t, n d) twice -> (b, t, n d)."""
    cases = [
        (random_tensor(1, 2, 5, 12), random_tensor(2, 2, 5, 12), 1, 3, [4]),
        (random_tensor(3, 1, 4, 10), random_tensor(4, 1, 4, 10), 0, 5, [0, 3]),
        (random_tensor(5, 3, 6, 8), random_tensor(6, 3, 6, 8), 3, 2, [2, -1]),
    ]
    return grade(
        function,
        cases,
        _exchange_by_loops,
        hint="Head number h has the features h d to h d + d - 1; only the places change, and out "
        "itself stays as it was.",
    )


def _exchange_by_loops(out, donor, head, d, places):
    made = out.tolist()
    for row in range(out.shape[0]):
        for place in places:
            for feature in range(out.shape[2]):
                if feature // d == head:
                    made[row][place][feature] = donor[row, place, feature].item()
    return torch.tensor(made, dtype=out.dtype)


def stand_in_for(function):
    """Check ``function(heads, lengths)``: (b, t, n, d), (b,) -> means (n, d)."""
    cases = [
        (random_tensor(1, 3, 6, 2, 4), torch.tensor([6, 2, 4])),
        (random_tensor(2, 2, 5, 3, 2) + 1, torch.tensor([3, 5])),
        (random_tensor(3, 4, 7, 1, 5), torch.tensor([2, 7, 3, 3])),
    ]
    return grade(
        function,
        cases,
        _mean_by_loops,
        hint="A text of length 4 gives the tokens 1, 2 and 3; a long text weighs more than a "
        "short one.",
    )


def _mean_by_loops(heads, lengths):
    total, count = torch.zeros(heads.shape[2:], dtype=heads.dtype), 0
    for text, length in zip(heads, lengths.tolist(), strict=True):
        for place in range(1, length):
            total += text[place]
            count += 1
    return total / count


def estimate(function):
    """Check ``function(margin, own, donor)``: a function of (n, d), (n, d), (n, d) -> (n,)."""
    cases = []
    for seed, (n, d) in enumerate([(3, 4), (5, 2), (1, 6)]):
        mix = random_tensor(10 + seed, n * d, n * d)
        margin = _Margin(mix)
        cases.append((margin, random_tensor(20 + seed, n, d), random_tensor(30 + seed, n, d)))
    return grade(
        function,
        cases,
        _estimate_by_differences,
        atol=1e-5,
        hint="The gradient is taken at the prompt's own outputs, and each head sums over its "
        "features alone.",
    )


class _Margin:
    """A smooth function of (n, d) that is far from linear."""

    def __init__(self, mix):
        self.mix = mix

    def __call__(self, h):
        x = h.reshape(-1)
        return (self.mix @ x).tanh() @ x + (x @ x) / 2


def _estimate_by_differences(margin, own, donor):
    found, small = [], 1e-5
    for head in range(len(own)):
        step = torch.zeros_like(own)
        step[head] = small * (donor[head] - own[head])
        found.append((margin(own + step) - margin(own - step)) / (2 * small))
    return torch.stack(found)


def chance(function):
    """Check ``function(effects, circuit)``: (layers, n), pairs -> a number."""
    effects = random_tensor(1, 4, 5)
    low = random_tensor(2, 3, 4)
    high = random_tensor(3, 3, 3)
    high[1, 2] = 9
    ties = torch.tensor([[1.0, 2.0, 2.0], [5.0, 2.0, 0.0]], dtype=torch.float64)
    cases = [
        (effects, [(1, 2), (3, 0)]),
        (low, [(0, 1), (2, 3), (2, 0)]),
        (high, [(1, 2)]),
        (ties, [(0, 1), (1, 0)]),
    ]
    return grade(
        lambda effects, circuit: _number(function(effects, circuit)),
        cases,
        _chance_by_counting,
        hint="Blocks of the circuit only, its own heads left out; an equal effect counts as "
        "much; the circuit's head itself is one of the draws.",
    )


def _number(value):
    if value is None or value is ...:
        return value
    return torch.as_tensor(value, dtype=torch.float64)


def _chance_by_counting(effects, circuit):
    weakest = min(float(effects[pair]) for pair in circuit)
    as_much = draws = 1
    for block in range(effects.shape[0]):
        for head in range(effects.shape[1]):
            if block in [one for one, _ in circuit] and (block, head) not in circuit:
                draws += 1
                as_much += float(effects[block, head]) >= weakest
    return torch.tensor(as_much / draws, dtype=torch.float64)
