"""Checkers of the exercises on the page "How far may a step go?"."""

import torch

from bigmodel_utils.checks import bisection, grade, random_tensor

__all__ = ["edge_of", "noise_from", "plan", "top_curvature"]


def top_curvature(function):
    """Check ``function(loss, theta, v, products)``: the quotient of power iteration, a float."""
    cases = [
        (_bowl, random_tensor(1, 3), random_tensor(2, 3), 1),
        (_bowl, random_tensor(3, 5), random_tensor(4, 5), 4),
        (_saddle, random_tensor(5, 4), random_tensor(6, 4), 9),  # the largest is negative
        (_waves, random_tensor(7, 6), 3 * random_tensor(8, 6), 2),
        (_waves, random_tensor(9, 2), random_tensor(10, 2), 12),
    ]
    return grade(
        function,
        cases,
        _by_the_whole_hessian,
        atol=1e-8,
        hint="Make v of length 1 before every product, and return v H v of the last one.",
    )


def _scales(theta):
    return torch.arange(1, len(theta) + 1, dtype=theta.dtype)


def _bowl(theta):
    return (_scales(theta) * theta**2).sum() / 2 + theta.sum() ** 2 / 4 + theta[0] ** 3 / 6


def _saddle(theta):
    return (theta[0] ** 2 - 5 * theta[1] ** 2) / 2 + theta[0] * theta[-1] / 3


def _waves(theta):
    return (torch.sin(_scales(theta) * theta)).sum() + torch.exp(theta.mean())


def _by_the_whole_hessian(loss, theta, v, products):
    H = torch.autograd.functional.hessian(loss, theta)
    before = torch.linalg.matrix_power(H, products - 1) @ v
    return (before @ H @ before / (before @ before)).item()


def edge_of(function):
    """Check ``function(lr, beta, nesterov)``: the largest stable curvature, a float."""
    cases = [(0.1, 0.0, False), (0.4, 0.0, True), (0.3, 0.5, False), (0.3, 0.5, True)]
    cases += [(2.0, 0.9, False), (0.02, 0.9, True)]
    return grade(
        function,
        cases,
        _by_eigenvalues,
        atol=1e-6,
        hint="At the edge an error changes its sign in every step and keeps its size: r = -1.",
    )


def _by_eigenvalues(lr, beta, nesterov):
    def stable(h):
        # One step of an error and the memory: v' = beta v + h e, e' = e - lr (v' or h e + beta v').
        now = lr * h * (1 + beta) if nesterov else lr * h
        kept = lr * beta * (beta if nesterov else 1.0)
        step = torch.tensor([[1 - now, -kept], [h, beta]], dtype=torch.float64)
        return torch.linalg.eigvals(step).abs().max().item() <= 1 + 1e-12

    return bisection(stable, 0.0, 10 / lr)


def noise_from(function):
    """Check ``function(small, large, batch, larger)``: the noise scale of gradients, a float."""
    cases = []
    for seed, (d, draws, others, batch, larger) in enumerate(
        [(3, 50, 40, 2, 10), (5, 30, 30, 8, 64), (2, 200, 20, 1, 4), (7, 9, 25, 16, 17)]
    ):
        mean = 3 + torch.arange(d).double()
        small = mean + random_tensor(seed, draws, d) / batch**0.5
        cases.append(
            (small, mean + random_tensor(20 + seed, others, d) / larger**0.5, batch, larger)
        )
    return grade(
        function,
        cases,
        _by_a_line,
        atol=1e-7,
        hint="Average the squared lengths of the rows of each batch size first.",
    )


def _by_a_line(small, large, batch, larger):
    # The mean square is a line in 1 / batch: its height at 0 and its slope.
    places = torch.tensor([[1.0, 1 / batch], [1.0, 1 / larger]], dtype=torch.float64)
    squares = torch.stack([(rows @ rows.T).diagonal().mean() for rows in (small, large)])
    signal, noise = torch.linalg.solve(places, squares)
    return (noise / signal).item()


def plan(function):
    """Check ``function(batches, steps, deadline)``: the batch and its examples, two floats."""
    cases = [
        ((8, 512), (425.0, 27.0), 100.0),
        ((8, 512), (425.0, 27.0), 30.0),
        ((512, 8), (27.0, 425.0), 400.0),  # the order does not matter
        ((4, 64), (1000.0, 250.0), 201.0),
        ((4, 64), (1000.0, 250.0), 150.0),  # no batch makes it
        ((10, 20), (300.0, 200.0), 100.0),  # nor here: only an infinite one would
    ]
    return grade(
        function,
        cases,
        _by_search,
        atol=1e-4,
        hint="Steps are a line in 1 / batch; its height at 0 is the fewest.",
    )


def _by_search(batches, steps, deadline):
    places = torch.tensor([[1.0, 1 / n] for n in batches], dtype=torch.float64)
    fewest, examples = torch.linalg.solve(places, torch.tensor(steps, dtype=torch.float64)).tolist()
    if not deadline > fewest + 1e-9:
        return 0.0, 0.0
    # In 1 / batch, so that the search has an end.
    inverse = bisection(lambda share: fewest + examples * share <= deadline, 0.0, 10.0)
    return 1 / inverse, deadline / inverse
