"""Trust in a fast way of computing: held against the plain one before it is used.

Compilation and low-precision formats go wrong on some processors and not on others, and a NaN says
nothing by itself. So whoever computes in a fast way asks here first, on the first batch.
"""

import math

import torch

from bigmodel_utils.arguments import describe

__all__ = ["disagreement", "finite"]

_SAME_FORMAT = 0.05  # two ways of rounding to bfloat16 differ by a few per cent in a gradient


def finite(value, what):
    """Return ``value``, a number or a tensor of one, as float.

    Raises:
        FloatingPointError: it is NaN or infinite; the message begins with ``what``.
    """
    number = float(value)
    if not math.isfinite(number):
        raise FloatingPointError(f"{what} is {number}")
    return number


def disagreement(got, expected, *, tolerance=_SAME_FORMAT):
    """Return in words where two results of one computation differ too much, or None.

    Every tensor must be finite where the expected one is. The error's norm, over all tensors, is
    at most ``tolerance`` times the norm of what is expected; that of one tensor at most four times
    as much of its own norm, or a tenth of the tolerance for what is small beside the others:
    a gradient that is nothing but rounding error is no evidence.

    Args:
        got, expected: dict of a name to a floating-point tensor, the same names and shapes.
        tolerance: relative, for all together.

    Raises:
        ValueError: other names or shapes.
    """
    if got.keys() != expected.keys():
        raise ValueError(f"got: expected the names {list(expected)}, got {list(got)}")
    errors, sizes = {}, {}
    for name, wanted in expected.items():
        found = got[name]
        if found.shape != wanted.shape:
            raise ValueError(f"got: {name}: expected {describe(wanted)}, got {describe(found)}")
        wanted, found = wanted.detach().double(), found.detach().double()
        if not bool(found[wanted.isfinite()].isfinite().all()):
            share = 1 - found.isfinite().double().mean().item()
            return f"{name}: {share:.0%} of the numbers are not finite"
        known = wanted.isfinite()
        errors[name] = (found - wanted)[known].norm().item()
        sizes[name] = wanted[known].norm().item()
    error, size = (math.hypot(*parts.values()) for parts in (errors, sizes))
    for name in expected:
        allowed = 4 * tolerance * sizes[name] + 0.1 * tolerance * size
        if errors[name] > allowed:
            return f"{name}: off by {errors[name]:.2g} in norm, of {sizes[name]:.2g}"
    if error > tolerance * size:
        return f"all together: off by {error:.2g} in norm, of {size:.2g}"
    return None
