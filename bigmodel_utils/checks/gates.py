"""Checkers of the exercises on the page "Gates"."""

import torch

from bigmodel_utils.checks import AUTOGRAD, bisection, grade, random_tensor

__all__ = [
    "along_the_cell",
    "forget_bias",
    "minimal_step",
    "minimal_step_backward",
    "other_convention",
]


def forget_bias(function):
    """Check ``function(steps) -> bias``: half of the cell is left after so many steps."""
    return grade(
        function,
        [(steps,) for steps in (1, 2, 3, 10, 38.5, 200)],
        _bias_by_bisection,
        atol=1e-4,  # an answer in single precision is right too
        hint="Ask first for the gate f with f ** steps = 1 / 2, then for the bias that opens it.",
    )


def _bias_by_bisection(steps):
    # What is left after the steps grows with the bias.
    def left(bias):
        return torch.sigmoid(torch.tensor(bias, dtype=torch.float64)) ** steps

    return bisection(lambda bias: left(bias) < 0.5, -50.0, 50.0)


def along_the_cell(function):
    """Check ``function(f, grad)``: f (b, t, m), grad (b, m), result (b, t + 1, m)."""
    shapes = [(2, 4, 3), (1, 5, 2), (3, 1, 4), (4, 3, 1)]
    cases = [
        (random_tensor(k, b, t, m).sigmoid(), random_tensor(10 + k, b, m))
        for k, (b, t, m) in enumerate(shapes)
    ]
    return grade(
        function,
        cases,
        _cell_by_autograd,
        hint="c_T gets the gradient itself, and c_t the product of the gates after step t.",
    )


def _cell_by_autograd(f, grad):
    # Autograd through c_t = f_t c_{t-1}; what is written does not matter to the gradient.
    c = [torch.zeros_like(grad).requires_grad_()]
    for t in range(f.shape[1]):
        c.append(f[:, t] * c[-1] + 1)
    return torch.stack(torch.autograd.grad(c[-1], c, grad), dim=1)


def other_convention(function):
    """Check ``function(weight_ih, weight_hh, bias_ih, bias_hh)``: four parameters of a GRU."""
    sizes = [(2, 3), (4, 1), (3, 5)]
    cases = [
        (
            random_tensor(k, 3 * m, d),
            random_tensor(10 + k, 3 * m, m),
            random_tensor(20 + k, 3 * m),
            random_tensor(30 + k, 3 * m),
        )
        for k, (d, m) in enumerate(sizes)
    ]
    return grade(
        function,
        cases,
        _turned_by_rows,
        hint="The blocks are r, z, n; the other z must be 1 minus this one, for every input.",
    )


def _turned_by_rows(*parameters):
    # Row by row: unit k of block z, (block, row) = divmod(row number, m).
    m = parameters[1].shape[1]
    rows = range(3 * m)
    return tuple(torch.stack([-p[k] if k // m == 1 else p[k] for k in rows]) for p in parameters)


def minimal_step(function):
    """Check ``function(x, h, weight_ih, weight_hh, bias) -> h`` of the minimal gated unit."""
    return grade(
        function,
        _minimal_cases(),
        _minimal_by_loops,
        hint="The blocks are f, n. The gate multiplies h before U^n does, and f = 1 forgets.",
    )


def _minimal_cases():
    sizes = [(3, 2, 4), (1, 4, 3), (2, 5, 1), (4, 1, 2)]
    return [
        (
            random_tensor(k, b, d),
            random_tensor(10 + k, b, m),
            random_tensor(20 + k, 2 * m, d),
            random_tensor(30 + k, 2 * m, m),
            random_tensor(40 + k, 2 * m),
        )
        for k, (b, d, m) in enumerate(sizes)
    ]


def _minimal_by_loops(x, h, weight_ih, weight_hh, bias):
    # One sequence and one unit at a time.
    b, m = h.shape
    rows = []
    for n in range(b):
        a = [weight_ih[k] @ x[n] + bias[k] for k in range(2 * m)]
        f = torch.stack([torch.sigmoid(a[k] + weight_hh[k] @ h[n]) for k in range(m)])
        new = []
        for k in range(m):
            candidate = torch.tanh(a[m + k] + weight_hh[m + k] @ (f * h[n]))
            new.append(h[n, k] + f[k] * (candidate - h[n, k]))
        rows.append(torch.stack(new))
    return torch.stack(rows)


def minimal_step_backward(function):
    """Check ``function(grad, x, h, weight_ih, weight_hh, bias)``: the five gradients."""
    cases = [
        (random_tensor(50 + k, *case[1].shape), *case) for k, case in enumerate(_minimal_cases())
    ]
    return grade(
        function,
        cases,
        _minimal_by_autograd,
        forbidden=AUTOGRAD,
        hint="h is kept, stands in f * h, and in the gate, which itself stands in three places.",
    )


def _minimal_by_autograd(grad, *inputs):
    leaves = [value.requires_grad_() for value in inputs]  # grade hands over copies
    with torch.enable_grad():
        return torch.autograd.grad(_minimal_by_loops(*leaves), leaves, grad)
