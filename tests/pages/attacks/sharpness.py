"""Realistic wrong answers to the exercises of "How far may a step go?"."""

import torch

__all__ = ["ATTACKS"]


def _power(loss, theta, v, products, *, size=False, unit=True, extra=0, once=False, last=False):
    theta = theta.clone().requires_grad_()
    (g,) = torch.autograd.grad(loss(theta), theta, create_graph=True)
    if once:
        v = v / v.norm()
    for _ in range(products + extra):
        if unit:
            v = v / v.norm()
        (product,) = torch.autograd.grad(g @ v, theta, retain_graph=True)
        answer = product.norm() if size else v @ product
        v = product
    return (v @ v if last else answer).item()


def _gradient_again(loss, theta, v, products):
    theta = theta.clone().requires_grad_()
    (g,) = torch.autograd.grad(loss(theta), theta)
    return (g @ v / v.norm()).item()


def _largest(loss, theta, v, products):
    return torch.linalg.eigvalsh(torch.autograd.functional.hessian(loss, theta))[-1].item()


def _coarse(loss, theta, v, products):
    v = v / v.norm()
    ahead, behind = (theta + sign * 0.1 * v for sign in (1, -1))
    return ((loss(ahead) - 2 * loss(theta) + loss(behind)) / 0.01).item()


def _noise(small, large, batch, larger, *, of_mean=False, plain=False, swapped=False, root=False):
    if swapped:
        batch, larger = larger, batch
    if of_mean:
        a, b = (rows.mean(0).square().sum() for rows in (small, large))
    elif root:
        a, b = (rows.norm(dim=1).mean() ** 2 for rows in (small, large))
    else:
        a, b = (rows.square().sum(1).mean() for rows in (small, large))
    signal = b if plain else (larger * b - batch * a) / (larger - batch)
    return ((a - b) / (1 / batch - 1 / larger) / signal).item()


def _upside_down(*args):
    return 1 / _noise(*args)


def _by_pairs(small, large, batch, larger):
    n = min(len(small), len(large))
    rows = zip(small[:n, None], large[:n, None], strict=True)
    return sum(_noise(a, b, batch, larger) for a, b in rows) / n


def _plan(batches, steps, deadline, *, guard=True, total=False, straight=False):
    if straight:  # steps as a line in the batch
        slope = (steps[1] - steps[0]) / (batches[1] - batches[0])
        batch = batches[0] + (deadline - steps[0]) / slope
        return batch, batch * deadline
    examples = (steps[0] - steps[1]) / (1 / batches[0] - 1 / batches[1])
    fewest = steps[0] - examples / batches[0]
    if guard and deadline <= fewest:
        return 0.0, 0.0
    if deadline == fewest:
        return 0.0, 0.0
    batch = examples / (deadline - fewest)
    return batch, examples if total else batch * deadline


def _in_proportion(batches, steps, deadline):
    batch = batches[0] * steps[0] / deadline
    return batch, batch * deadline


def _from_the_fewest(batches, steps, deadline):
    fewest = min(steps)
    if deadline <= fewest:
        return 0.0, 0.0
    critical = batches[0] * (steps[0] / fewest - 1)
    batch = critical / (deadline / fewest - 1)
    return batch, batch * deadline


ATTACKS = {
    "top_curvature": {
        "length of the product": lambda *a: _power(*a, size=True),
        "never made of length 1": lambda *a: _power(*a, unit=False),
        "length 1 at the start alone": lambda *a: _power(*a, unit=False, once=True),
        "one product too many": lambda *a: _power(*a, extra=1),
        "one product too few": lambda *a: _power(*a, extra=-1) if a[-1] > 1 else 0.0,
        "square of the last product": lambda *a: _power(*a, last=True),
        "slope in place of curvature": _gradient_again,
        "largest eigenvalue": _largest,
        "one coarse difference": _coarse,
    },
    "edge_of": {
        "gradient descent's": lambda lr, beta, nesterov: 2 / lr,
        "momentum's for both": lambda lr, beta, nesterov: 2 * (1 + beta) / lr,
        "Nesterov's for both": lambda lr, beta, nesterov: 2 * (1 + beta) / (1 + 2 * beta) / lr,
        "by the long-run rate": lambda lr, beta, nesterov: 2 * (1 - beta) / lr,
        "r = 1": lambda lr, beta, nesterov: 0.0,
        "without the 2": lambda lr, beta, nesterov: (
            (1 + beta) / lr / (1 + 2 * beta if nesterov else 1)
        ),
        "Nesterov without momentum": lambda lr, beta, nesterov: (
            2 * (1 if nesterov else 1 + beta) / lr
        ),
    },
    "noise_from": {
        "square of the mean": lambda *a: _noise(*a, of_mean=True),
        "square of the mean length": lambda *a: _noise(*a, root=True),
        "signal with its noise": lambda *a: _noise(*a, plain=True),
        "batches exchanged": lambda *a: _noise(*a, swapped=True),
        "upside down": _upside_down,
        "a quotient for each pair": _by_pairs,
    },
    "plan": {
        "no batch overlooked": lambda *a: _plan(*a, guard=False),
        "the fewest examples": lambda *a: _plan(*a, total=True),
        "a line in the batch": lambda *a: _plan(*a, straight=True),
        "in proportion": _in_proportion,
        "the smaller number for the fewest": _from_the_fewest,
    },
}
