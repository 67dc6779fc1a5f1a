"""Checkers of the exercises on the page "How is a model compressed?"."""

import math

import torch
import torch.nn.functional as F

from bigmodel_utils.checks import AUTOGRAD, grade, random_tensor

__all__ = ["fewest_bits", "one_step", "rank_for", "remove_one", "student_gradient"]


def _moment(seed, n, m):
    x = random_tensor(seed, n, m) * torch.linspace(0.3, 2, m).double()
    x[:, 0] += x[:, -1]  # inputs that have something in common
    return x.T @ x


def _solved(w, moment, fixed, change):
    """Row after the weights ``fixed`` moved by ``change``, the others by least squares."""
    root = torch.linalg.cholesky(moment).T
    free = [i for i in range(len(w)) if i not in fixed]
    delta = torch.zeros_like(w)
    delta[fixed] = change
    if free:
        lost = -(root[:, fixed] @ delta[fixed])[:, None]
        delta[free] = torch.linalg.lstsq(root[:, free], lost).solution[:, 0]
    return w + delta, (root @ delta).square().sum().item()


def remove_one(function):
    """Check ``function(w, moment)``: index of the cheapest weight, and the row without it."""
    cases = [
        (random_tensor(seed, m), _moment(20 + seed, n, m))
        for seed, (n, m) in enumerate([(9, 4), (20, 7), (12, 3), (30, 6), (15, 5), (40, 8)])
    ]
    return grade(
        function,
        cases,
        _by_trying_each,
        hint="The cost of a removal is its squared weight over an entry of the inverse.",
    )


def _by_trying_each(w, moment):
    tried = [_solved(w, moment, [q], -w[q]) for q in range(len(w))]
    best = min(range(len(w)), key=lambda q: tried[q][1])
    return best, tried[best][0]


def one_step(function):
    """Check ``function(w, moment, q, new)``: the row after weight q became new."""
    cases = [
        (random_tensor(seed, m), _moment(40 + seed, n, m), q, 0.5 * seed - 1.0)
        for seed, (n, m, q) in enumerate([(9, 4, 0), (20, 7, 3), (12, 3, 2), (30, 6, 1)])
    ]
    return grade(
        function,
        cases,
        lambda w, h, q, new: _solved(
            w, h, list(range(q + 1)), torch.cat([torch.zeros(q).double(), (new - w[q])[None]])
        )[0],
        hint="What is rounded stays: only the part of the moment from q on counts.",
    )


def rank_for(function):
    """Check ``function(weight, moment, share)``: the smallest rank that is good enough."""
    cases = []
    for seed, (o, m) in enumerate([(4, 6), (7, 5), (6, 9), (3, 8)]):
        for share in (0.3, 0.1, 0.02):
            cases.append((random_tensor(seed, o, m), _moment(60 + seed, 3 * m, m), share))
    return grade(
        function,
        cases,
        _rank_by_eigenvalues,
        hint="The outputs' squared size is a sum of squares, and a rank leaves its tail.",
    )


def _rank_by_eigenvalues(weight, moment, share):
    values = torch.linalg.eigvalsh(weight @ moment @ weight.T).flip(0)
    for rank in range(1, len(values) + 1):
        if values[rank:].sum() <= share * values.sum():
            return rank
    return len(values)


def student_gradient(function):
    """Check ``function(z, t, y, temperature, share)``: gradient (b, c) by the logits z."""
    cases = []
    for seed, (b, c, temperature, share) in enumerate(
        [(3, 5, 1.0, 0.5), (6, 4, 4.0, 0.7), (1, 7, 2.5, 1.0), (5, 3, 3.0, 0.0)]
    ):
        y = torch.arange(b) * 2 % c
        z, t = random_tensor(seed, b, c), 2 * random_tensor(10 + seed, b, c)
        cases.append((z, t, y, temperature, share))
    return grade(
        function,
        cases,
        _by_autograd,
        hint="The squared temperature meets one over the temperature.",
        forbidden=AUTOGRAD,
    )


def _by_autograd(z, t, y, temperature, share):
    z = z.detach().requires_grad_()
    wanted, got = (t / temperature).softmax(1), (z / temperature).log_softmax(1)
    apart = F.kl_div(got, wanted, reduction="batchmean") * temperature**2
    loss = share * apart + (1 - share) * F.cross_entropy(z, y)
    return torch.autograd.grad(loss, z)[0]


def fewest_bits(function):
    """Check ``function(rows, columns, kept, bits)``: bits of the shortest of three formats."""
    cases = [
        (64, 128, 819, 16), (64, 128, 20, 16), (64, 128, 8000, 16), (10, 9, 3, 8), (3, 1000, 30, 4),
        (5, 64, 40, 16), (5, 65, 12, 16), (128, 196, 25_088, 3), (1, 1024, 100, 16),
    ]  # fmt: skip
    return grade(
        function,
        cases,
        lambda r, c, k, b: min(
            r * c * b, k * b + r * c, k * (b + math.ceil(math.log2(c))) + 32 * r
        ),
        hint="Three formats, the dense one among them.",
    )
