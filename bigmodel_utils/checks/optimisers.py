"""Checkers of the exercises on the page "How is a model optimised?"."""

import math

import torch

from bigmodel_utils.checks import grade, random_tensor

__all__ = ["adamw_step", "compare", "cycle", "momentum_rate", "steepest"]


def momentum_rate(function):
    """Check ``function(lr, beta, curvatures)``: the factor a step of heavy ball, a float."""
    cases = [
        (0.1, 0.5, torch.tensor([1.0, 4.0]).double()),  # slow: the flattest direction
        (0.1, 0.0, torch.tensor([1.0, 19.0]).double()),  # the steepest one flips its sign
        (0.4, 0.9, torch.tensor([1.0, 2.0, 5.0]).double()),  # all turn
        (0.7, 0.3, torch.tensor([0.2, 3.0]).double()),
        (1.1, 0.2, torch.tensor([0.5, 2.0]).double()),
        (1.0, 0.5, torch.tensor([0.3, 4.0]).double()),  # diverges
        (0.02, 0.8, torch.tensor([3.0, 0.1, 7.0]).double()),
    ]
    return grade(
        function,
        cases,
        _largest_eigenvalue,
        atol=1e-7,
        hint="Each curvature has two roots, complex where the discriminant is negative; the "
        "slowest direction decides.",
    )


def _largest_eigenvalue(lr, beta, curvatures):
    # One step of a position and of the difference to the last one, as a matrix.
    found = []
    for h in curvatures.tolist():
        step = torch.tensor([[1 - lr * h, beta], [-lr * h, beta]], dtype=torch.float64)
        found.append(torch.linalg.eigvals(step).abs().max().item())
    return max(found)


def cycle(function):
    """Check ``function(gradients, beta2)``: how far Adam without momentum moves in a cycle."""
    cases = [([3.0, -1.0, -1.0], 0.1), ([3.0, -1.0, -1.0], 0.9), ([10.0, -1.0, -4.0, 0.5], 0.5)]
    cases += [([-2.0, 1.0], 0.3), ([5.0, -1.0, -1.0, -1.0, -1.0], 0.05), ([1.0, 2.0], 0.99)]
    cases = [(torch.tensor(g).double(), beta2) for g, beta2 in cases]
    return grade(
        function,
        cases,
        _by_walking,
        atol=1e-8,
        hint="Find the average of squares that comes back after one cycle; each step divides by "
        "the root of the average that has seen its own gradient.",
    )


def _by_walking(gradients, beta2):
    average, moved = 0.0, 0.0
    rounds = math.ceil(math.log(1e-14) / math.log(beta2) / len(gradients)) + 1
    for _ in range(rounds):
        moved = 0.0
        for g in gradients.tolist():
            average = beta2 * average + (1 - beta2) * g * g
            moved -= g / math.sqrt(average)
    return moved


def adamw_step(function):
    """Check ``function(w, grad, m, v, step, lr, decay)``: the new w, m and v."""
    cases = []
    for seed, (step, lr, decay) in enumerate([(1, 0.1, 0.0), (1, 0.3, 0.5), (7, 0.05, 0.2)]):
        w, grad, m, v = (random_tensor(4 * seed + i, 3 + seed) for i in range(4))
        if step == 1:
            m, v = torch.zeros_like(m), torch.zeros_like(v)
        cases.append((w, grad, m, v.square(), step, lr, decay))
    tiny = 1e-8 * random_tensor(90, 4)
    zeros = torch.zeros(4, dtype=torch.float64)
    cases.append((random_tensor(91, 4), tiny, zeros, zeros, 1, 0.2, 0.1))
    return grade(
        function,
        cases,
        _by_torch,
        hint="The decay takes lr times decay of the old weight and never meets m and v.",
    )


def _by_torch(w, grad, m, v, step, lr, decay):
    w = w.clone().requires_grad_()
    w.grad = grad
    optimizer = torch.optim.AdamW([w], lr=lr, weight_decay=decay)
    optimizer.state[w] = {
        "step": torch.tensor(step - 1.0), "exp_avg": m.clone(), "exp_avg_sq": v.clone()
    }  # fmt: skip
    optimizer.step()
    state = optimizer.state[w]
    return w.detach(), state["exp_avg"], state["exp_avg_sq"]


def steepest(function):
    """Check ``function(grad, norm)``: the step (rows, columns) of norm 1 along the gradient."""
    names = ("frobenius", "largest entry", "spectral")
    shapes = [(3, 5), (4, 2), (1, 4), (3, 3)]
    cases = [(random_tensor(i, *s), name) for i, s in enumerate(shapes) for name in names]
    return grade(
        function,
        cases,
        _steepest_by_powers,
        atol=1e-7,
        hint="Each norm limits something else: the sum of squares, every entry, or every singular "
        "value. Take all that the limit allows.",
    )


def _steepest_by_powers(grad, norm):
    if norm == "frobenius":
        return grad / (grad * grad).sum().sqrt()
    if norm == "largest entry":
        return torch.where(grad > 0, 1.0, -1.0).double()
    # (G Gᵀ)^(-1/2) G, on the shorter side.
    g = grad if grad.shape[0] <= grad.shape[1] else grad.mT
    values, vectors = torch.linalg.eigh(g @ g.mT)
    unit = (vectors * values**-0.5) @ vectors.mT @ g
    return unit if g is grad else unit.mT


def compare(function):
    """Check ``function(validation, test)``: the paired difference of two arms and its error.

    Both are losses (2, rates, seeds).
    """
    cases = []
    for seed, (rates, runs) in enumerate([(5, 5), (3, 4), (2, 6), (5, 3)]):
        validation = random_tensor(seed, 2, rates, runs).exp()
        noise = random_tensor(20 + seed, 1, 1, runs)  # what a seed does to all of them
        cases.append((validation, (random_tensor(10 + seed, 2, rates, runs) / 3 + noise).exp()))
    return grade(
        function,
        cases,
        _paired_by_loops,
        hint="Choose each arm's rate by its mean in validation, then subtract seed by seed.",
    )


def _paired_by_loops(validation, test):
    rows = []
    for arm in (0, 1):
        means = [sum(row) / len(row) for row in validation[arm].tolist()]
        rows.append(test[arm].tolist()[means.index(min(means))])
    apart = [a - b for a, b in zip(*rows, strict=True)]
    mean = sum(apart) / len(apart)
    variance = sum((d - mean) ** 2 for d in apart) / (len(apart) - 1)
    return mean, math.sqrt(variance / len(apart))
