"""Checkers of the exercises on the page "Linear recurrence and the parallel scan"."""

import torch

from bigmodel_utils.checks import AUTOGRAD, grade, random_tensor

__all__ = ["combine_matrices", "lamp", "min_gru_backward", "prefixes"]


def combine_matrices(function):
    """Check ``function(later, earlier)``: pairs of A (b, m, m) and b (b, m), and one again."""
    sizes = [(2, 3), (1, 4), (3, 2), (4, 1)]
    cases = [
        tuple(
            (random_tensor(seed + k, b, m, m), random_tensor(20 + seed + k, b, m)) for k in (0, 10)
        )
        for seed, (b, m) in enumerate(sizes)
    ]
    return grade(
        function,
        cases,
        _combined_by_steps,
        hint="Write A2 (A1 h + b1) + b2 and collect what stands before h; the order matters.",
    )


def _combined_by_steps(later, earlier):
    # Let a state of zeros and each unit vector go through both steps, one sequence at a time.
    (a2, b2), (a1, b1) = later, earlier
    batch, m = b1.shape
    product, added = torch.empty_like(a1), torch.empty_like(b1)
    for n in range(batch):

        def both(h, n=n):
            return torch.mv(a2[n], torch.mv(a1[n], h) + b1[n]) + b2[n]

        added[n] = both(torch.zeros(m, dtype=b1.dtype))
        for k in range(m):
            product[n, :, k] = both(torch.eye(m, dtype=b1.dtype)[k]) - added[n]
    return product, added


def prefixes(function):
    """Check ``function(x, op)``: elements (t, ...), ``op(later, earlier)``, prefixes as x."""
    lengths = [(1, 2), (2, 3), (5, 1), (13, 2), (8, 4), (37, 3)]
    cases = [(random_tensor(k, t, m), torch.maximum) for k, (t, m) in enumerate(lengths)]
    cases += [
        (random_tensor(10, 700, 2), torch.add),
        (random_tensor(11, 6, 3, 3), _product),
        (random_tensor(12, 600, 2, 2) / 2, _product),
        (torch.stack([random_tensor(13, 90, 4).tanh(), random_tensor(14, 90, 4)], 1), _step),
    ]
    return grade(
        function,
        cases,
        _prefixes_by_loop,
        atol=1e-8,
        most_calls=200,
        hint="Combine each element with the one 1, 2, 4 ... places before, the later one first.",
    )


def _product(later, earlier):
    return later @ earlier


def _step(later, earlier):
    # Pairs (a, b) of a linear recurrence, stacked along the second axis.
    return torch.stack([later[:, 0] * earlier[:, 0], later[:, 0] * earlier[:, 1] + later[:, 1]], 1)


def _prefixes_by_loop(x, op):
    rows = [x[:1]]
    for t in range(1, len(x)):
        rows.append(op(x[t : t + 1], rows[-1]))
    return torch.cat(rows)


def min_gru_backward(function):
    """Check ``function(q, z, c, h0)``: the gradients of z and c (b, t, m) and of h0 (b, m)."""
    sizes = [(2, 4, 3), (1, 1, 2), (3, 7, 1), (2, 300, 2), (1, 5, 4)]
    cases = [
        (
            random_tensor(k, b, t, m),
            random_tensor(10 + k, b, t, m).sigmoid(),
            random_tensor(20 + k, b, t, m),
            random_tensor(30 + k, b, m),
        )
        for k, (b, t, m) in enumerate(sizes)
    ]
    return grade(
        function,
        cases,
        _min_gru_by_autograd,
        forbidden=AUTOGRAD,
        most_calls=500,
        hint="The factor is 1 - z, and z stands in two places: in the factor and before c.",
    )


def _min_gru_by_autograd(q, z, c, h0):
    leaves = [value.requires_grad_() for value in (z, c, h0)]  # grade hands over copies
    with torch.enable_grad():
        h, states = h0, []
        for t in range(z.shape[1]):
            h = h + z[:, t] * (c[:, t] - h)
            states.append(h)
        return torch.autograd.grad(torch.stack(states, 1), leaves, q)


def lamp(function):
    """Check ``function(x)``: buttons (b, t) from 0 to 3, factors and additions (b, t) each."""
    shapes = [(1, 4), (3, 5), (2, 9), (5, 1)]
    cases = [
        (torch.randint(4, shape, generator=torch.Generator().manual_seed(k)),)
        for k, shape in enumerate(shapes)
    ]
    cases.append((torch.arange(4).repeat(2, 2),))
    return grade(
        function,
        cases,
        _lamp_by_cases,
        hint="For each button write down what becomes of the states 0 and 1, and solve for a, b.",
    )


def _lamp_by_cases(x):
    # a and b of each button from what it does to a lamp that is off and to one that is on.
    after = {0: (0, 1), 1: (1, 1), 2: (0, 0), 3: (1, 0)}
    pairs = [[after[button] for button in row] for row in x.tolist()]
    off_on = torch.tensor(pairs, dtype=torch.float64)
    return off_on[..., 1] - off_on[..., 0], off_on[..., 0].clone()
