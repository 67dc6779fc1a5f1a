"""Trust in a fast way of computing: held against the plain one before it is used.

Compilation and low-precision formats go wrong on some processors and not on others, and a NaN says
nothing by itself. So whoever computes in a fast way asks here first, on the first batch.
"""

import math

import torch

from bigmodel_utils.arguments import describe

__all__ = ["disagreement", "finite", "sound_way"]

_SAME_FORMAT = 0.05  # two ways of rounding to bfloat16 differ by a few per cent in a gradient


def finite(value, what):
    """Return ``value``, a number or a tensor of one, as float.

    Raises:
        FloatingPointError: it is NaN or infinite; the message begins with ``what``.
    """
    number = float(value.detach()) if hasattr(value, "detach") else float(value)
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


def sound_way(ways, parameters, *, tolerance=0.2):
    """Return the first of several ways to a loss that agrees with the last of them, the plain one.

    They are compared by the loss and the gradient of every parameter, twice: with the weights as
    they are, and with each moved a little, for where outputs start at zero most gradients do too,
    and two zeros agree whatever is wrong. The weights and gradients are put back.

    Args:
        ways: dict of a name to a function without arguments that returns the loss, a scalar
            tensor, of one and the same batch. The fastest first.
        parameters: dict of a name to a parameter.
        tolerance: see :func:`disagreement`; of the loss a tenth of it.

    Returns:
        tuple: (name of the way, dict of the names passed over to what was wrong with them).

    Raises:
        FloatingPointError: the plain way's own loss or a gradient is not finite.
    """
    *fast, plain = ways
    weights = {name: p.detach().clone() for name, p in parameters.items()}
    gradients = {name: p.grad for name, p in parameters.items()}
    refused = {}
    try:
        for moved in (False, True):
            if moved:
                _move(parameters)
            expected = _loss_and_gradients(ways[plain], parameters)
            for name, value in expected.items():
                if not bool(value.isfinite().all()):
                    raise FloatingPointError(f"{plain}: {name} is not finite on the first batch")
            for name in fast:
                if name not in refused:
                    got = _loss_and_gradients(ways[name], parameters)
                    problem = disagreement(
                        {"loss": got.pop("loss")},
                        {"loss": expected["loss"]},
                        tolerance=tolerance / 10,
                    )
                    rest = {key: value for key, value in expected.items() if key != "loss"}
                    problem = problem or disagreement(got, rest, tolerance=tolerance)
                    if problem is not None:
                        refused[name] = problem
    finally:
        with torch.no_grad():
            for name, parameter in parameters.items():
                parameter.copy_(weights[name])
                parameter.grad = gradients[name]
    return next(name for name in ways if name not in refused), refused


def _move(parameters):
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in parameters.values():
            parameter += 0.02 * torch.randn(parameter.shape, generator=generator).to(parameter)


def _loss_and_gradients(loss_of, parameters):
    for parameter in parameters.values():
        parameter.grad = None
    loss = loss_of()
    loss.backward()
    results = {"loss": loss.detach()}
    for name, parameter in parameters.items():
        gradient = torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
        results[f"gradient of {name}"] = gradient
    return results
