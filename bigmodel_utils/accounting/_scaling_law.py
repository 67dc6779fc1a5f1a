"""The law of loss over parameters and tokens, fitted to runs.

Source: Hoffmann et al., Training compute-optimal large language models, 2022 (arXiv:2203.15556).
"""

import torch

from bigmodel_utils.arguments import describe, real, tensor

__all__ = ["fit_scaling_law"]


def fit_scaling_law(num_params, num_tokens, losses, floor=None):
    """Return (E, A, B, alpha, beta) of L = E + A / N^alpha + B / D^beta by least squares.

    For given exponents the law is linear in the rest; the exponents, from 0.02 on, are searched on
    a grid that shrinks around its best point. Errors count relative to the loss above ``floor``,
    or to the loss itself where E is fitted.

    Args:
        num_params, num_tokens: N and D of the runs, float64 (runs,), positive.
        losses: float64 (runs,), above ``floor``.
        floor: E where it is known; None to fit it.

    Raises:
        TypeError, ValueError: naming the argument.
    """
    tensor("num_params", num_params, ("runs",), dtype=torch.float64)
    for name, value in (("num_tokens", num_tokens), ("losses", losses)):
        tensor(name, value, (len(num_params),), dtype=torch.float64)
    E = 0.0 if floor is None else real("floor", floor)
    N, D, y = num_params, num_tokens, losses - E
    for name, value in (("num_params", N), ("num_tokens", D)):
        if not (value > 0).all():
            raise ValueError(f"{name}: expected positive numbers, got {describe(value)}")
    if not (y > 0).all():
        raise ValueError(f"losses: expected more than floor={E}, got {describe(losses)}")
    weight = 1 / y
    centre, step = torch.tensor([1.1, 1.1]).double(), 0.25
    around = torch.arange(-4, 5).double()
    around = torch.cartesian_prod(around, around)  # (81, 2)
    for _ in range(12):
        grid = (centre + step * around).clamp(min=0.02)
        terms = [(N / N[0]) ** -grid[:, :1], (D / D[0]) ** -grid[:, 1:]]
        terms += [torch.ones_like(terms[0])] if floor is None else []
        x = weight[:, None] * torch.stack(terms, -1)  # (81, runs, 2 or 3)
        solved = torch.linalg.lstsq(x, (weight * y)[None, :, None]).solution
        errors = (x @ solved - (weight * y)[:, None]).square().sum((1, 2))
        best = errors.argmin()
        centre, step = grid[best], step / 2
    (a, b), (A, B, *rest) = centre.tolist(), solved[best, :, 0].tolist()
    found = rest[0] if floor is None else E
    return found, A * N[0].item() ** a, B * D[0].item() ** b, a, b
