"""Checkers of the exercises on the page "Control: a model that does what was asked"."""

import itertools
import math

import torch

from bigmodel_utils.checks import AUTOGRAD, bisection, grade, random_tensor

__all__ = ["advantages", "best_of", "dpo_gradient", "wasted"]


def best_of(function):
    """Check ``function(p, reward, n)``: chances of the answers that best-of-n gives."""
    cases = []
    for seed, (answers, n) in enumerate([(4, 3), (5, 1), (3, 5), (6, 4)]):
        p = random_tensor(seed, answers).softmax(0)
        cases.append((p, random_tensor(seed + 20, answers), n))
    return grade(
        function,
        cases,
        _every_draw,
        hint="All n draws have at most this reward, less: all n have a smaller one.",
    )


def _every_draw(p, reward, n):
    """Go through every possible row of n draws."""
    found = torch.zeros_like(p)
    for row in itertools.product(range(len(p)), repeat=n):
        best = max(row, key=lambda i: reward[i].item())
        found[best] += math.prod(p[i].item() for i in row)
    return found


def dpo_gradient(function):
    """Check ``function(policy, reference, beta)``: the gradient of the DPO loss by the policy.

    Columns are the preferred and the other answer; no automatic differentiation.
    """
    cases = []
    for seed, (pairs, beta) in enumerate([(3, 0.5), (5, 2.0), (1, 0.1), (4, 1.0)]):
        policy, reference = random_tensor(seed, pairs, 2) - 3, random_tensor(seed + 20, pairs, 2)
        cases.append((policy, reference - 3, beta))
    return grade(
        function,
        cases,
        _by_autograd,
        hint="A pair pulls by beta times the chance that the margin gives to the wrong order.",
        forbidden=AUTOGRAD,
    )


def _by_autograd(policy, reference, beta):
    policy = policy.clone().requires_grad_()
    margin = beta * ((policy - reference) @ torch.tensor([1.0, -1.0]).double())
    loss = -margin.sigmoid().log().mean()
    return torch.autograd.grad(loss, policy)[0]


def advantages(function):
    """Check ``function(reward)``: unbiased advantages of groups, and who gets none."""
    cases = []
    for seed, (groups, size) in enumerate([(3, 4), (2, 7), (4, 2), (1, 5)]):
        reward = (random_tensor(seed, groups, size) > 0.3).double()
        if groups > 2:
            reward[1] = 1.0
        cases.append((reward + 0.5 * random_tensor(seed + 20, groups, 1) * (size == 7),))
    return grade(
        function,
        cases,
        _others_only,
        hint="Compare each answer with the mean of the other answers of its own group.",
    )


def _others_only(reward):
    answer = torch.zeros_like(reward)
    for g, row in enumerate(reward.tolist()):
        for i, own in enumerate(row):
            others = row[:i] + row[i + 1 :]
            answer[g, i] = own - sum(others) / len(others)
    silent = torch.tensor([len(set(row)) == 1 for row in reward.tolist()])
    return answer, silent


def wasted(function):
    """Check ``function(start, share, drift)``: drift beyond the least, and the beta it is at."""
    cases = [
        (0.13, 0.89, 1.6),
        (0.34, 0.81, 1.0),
        (0.5, 0.75, 0.2),
        (0.02, 0.3, 2.5),
        (0.2, 0.99, 4),
    ]
    return grade(
        function,
        cases,
        _along_the_frontier,
        hint="The odds of the share are those of the start times exp(1 / beta).",
    )


def _along_the_frontier(start, share, drift):
    """Find the beta by bisection, and the least drift from the tilted chances."""

    def reached(beta):
        return start * math.exp(1 / beta) / (start * math.exp(1 / beta) + 1 - start)

    beta = bisection(lambda beta: reached(beta) > share, 0.02, 50.0)
    z = start * math.exp(1 / beta) + 1 - start
    least = share / beta - math.log(z)
    return drift - least, beta
