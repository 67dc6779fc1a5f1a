"""Checkers of the exercises on the page "How many parameters?"."""

import math

import torch

from bigmodel_utils.checks import grade, random_tensor

__all__ = ["best_size", "cheapest", "judged", "second_order_rate"]


def second_order_rate(function):
    """Check ``function(P)``: P float64 (n, n, n), the entropy rate in nats a token."""
    cases = [
        ((2 * random_tensor(seed, n, n, n)).softmax(2),)
        for seed, n in enumerate((2, 3, 4, 3, 5, 2))
    ]
    return grade(
        function,
        cases,
        _rate_of_pairs,
        hint="Find how often each pair comes in the long run; not all pairs come equally often.",
    )


def _rate_of_pairs(P):
    n = len(P)
    pairs = torch.zeros(n * n, n * n, dtype=torch.float64)
    for i in range(n):
        for j in range(n):
            for k in range(n):
                pairs[i * n + j, j * n + k] = P[i, j, k]
    equations = torch.cat([pairs.T - torch.eye(n * n), torch.ones(1, n * n)])
    right = torch.zeros(n * n + 1, 1, dtype=torch.float64)
    right[-1] = 1
    often = torch.linalg.lstsq(equations, right).solution[:, 0]
    return torch.special.entr(P.flatten(0, 1)).sum(1) @ often


def cheapest(function):
    """Check ``function(excess, served, A, B, alpha, beta)``: the parameters, to four digits."""
    cases = [
        (0.25, 1e12, 406.4, 410.7, 0.34, 0.28),
        (0.15, 1e13, 482.01, 2085.43, 0.3478, 0.3658),
        (0.2, 1.0, 482.01, 2085.43, 0.3478, 0.3658),
        (0.05, 1e6, 80.0, 900.0, 1.1, 0.8),
        (0.3, 1e16, 406.4, 410.7, 0.34, 0.28),
        (0.1, 3e3, 30.0, 7.0, 0.4, 0.7),
    ]

    def logarithm(*arguments):
        answer = function(*arguments)
        if isinstance(answer, torch.Tensor) and answer.numel() == 1:
            answer = answer.item()
        return math.log(answer) if isinstance(answer, (int, float)) and answer > 0 else answer

    return grade(
        logarithm,
        cases,
        _cheapest_by_trying,
        atol=3e-4,
        hint="Write the tokens as a function of N, for the excess that is given; the logarithm "
        "of N is compared.",
    )


def _cheapest_by_trying(excess, served, A, B, alpha, beta):
    # The lowest of many sizes, then of many around it, and so on.
    low = math.log(A / excess) / alpha
    high = low + 60
    for _ in range(12):
        u = torch.linspace(low, high, 2001, dtype=torch.float64)
        rest = excess - A * torch.exp(-alpha * u)
        tokens = (rest.clamp(min=0) / B).log() / -beta  # logarithm
        cost = u + torch.logaddexp(
            tokens + math.log(6), torch.tensor(math.log(2 * served)).to(tokens)
        )
        cost[rest <= 0] = math.inf
        best, step = u[cost.argmin()].item(), (high - low) / 2000
        if step < 1e-5:
            break
        low, high = best - 3 * step, best + 3 * step
    return best


def best_size(function):
    """Check ``function(N, L)``: float64 (runs,) each, the vertex, or 0.0 where there is none."""
    cases = []
    for seed, (runs, place, lean) in enumerate(
        [(5, 2, 0.1), (6, 1, 0.3), (7, 5, -0.2), (3, 1, 0.0), (4, 3, 0.0), (5, 0, 0.1), (8, 3, 0.4)]
    ):
        N = (6 + random_tensor(seed, runs).abs().cumsum(0)).exp()
        middle = N[place].log() + 0.05
        u = N.log() - middle
        L = 2.5 + 0.1 * u.square() + 0.02 * lean * u.square() * u.abs().sqrt()
        if place in (0, runs - 1):
            L = 2.5 + 0.1 * (u if place == 0 else -u)
        cases.append((N, L))
    return grade(
        function,
        cases,
        _vertex_by_solving,
        atol=1e-6,
        hint="Three points in log N and L; at either end of the row there are no two neighbours.",
    )


def _vertex_by_solving(N, L):
    i = int(L.argmin())
    if i in (0, len(L) - 1):
        return 0.0
    x, y = N[i - 1 : i + 2].log(), L[i - 1 : i + 2]
    a, b, _ = torch.linalg.solve(torch.stack([x**2, x, torch.ones_like(x)], 1), y).tolist()
    return math.exp(-b / (2 * a))


def judged(function):
    """Check ``function(constants, N, D, share, measured)``: (low, high, inside)."""
    cases = []
    for seed, (draws, share, shift) in enumerate(
        [(9, 0.5, 0.0), (20, 0.95, 0.5), (7, 0.8, -0.4), (41, 0.9, 0.01), (5, 1.0, 0.0)]
    ):
        noise = 1 + 0.02 * random_tensor(seed, draws, 5)
        constants = torch.tensor([1.7, 400.0, 900.0, 0.35, 0.3], dtype=torch.float64) * noise
        at = (1e7 * (seed + 1), 3e8)
        middle = _middle(constants, *at, 0.5)
        cases.append((constants, *at, share, sum(middle) / 2 + shift))
    low, high = _middle(cases[0][0], *cases[0][1:3], 0.5)
    cases += [(*cases[0][:4], low), (*cases[0][:4], high)]  # the ends count
    return grade(
        function,
        cases,
        _judged_by_sorting,
        hint="A quantile of the predictions, not the prediction of quantiles; half of what is "
        "left out lies on either side.",
    )


def _middle(constants, N, D, share):
    losses = sorted(E + A / N**a + B / D**b for E, A, B, a, b in constants.tolist())
    ends = []
    for level in ((1 - share) / 2, (1 + share) / 2):
        place = level * (len(losses) - 1)
        below = min(int(place), len(losses) - 2)
        part = place - below
        ends.append(losses[below] * (1 - part) + losses[below + 1] * part)
    return tuple(ends)


def _judged_by_sorting(constants, N, D, share, measured):
    low, high = _middle(constants, N, D, share)
    return low, high, bool(low - 1e-12 <= measured <= high + 1e-12)
