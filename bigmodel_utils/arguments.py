"""Bad arguments become errors that name the argument, what came and what was expected."""

import math
import numbers
import operator
import os

import torch

__all__ = [
    "betas",
    "broadcasts",
    "describe",
    "device",
    "filled",
    "flag",
    "generator",
    "integer",
    "integers",
    "matching",
    "module",
    "one_of",
    "pair",
    "path",
    "real",
    "tensor",
]


def describe(value):
    """Return a short text for an error message: a tensor by dtype and shape, else its repr."""
    if isinstance(value, torch.Tensor):
        kind = str(value.dtype).removeprefix("torch.")
        article = "an" if kind.startswith("int") else "a"
        return f"{article} {kind} tensor of shape {tuple(value.shape)}"
    text = repr(value)
    return f"{type(value).__name__} {text if len(text) <= 60 else text[:57] + '...'}"


def integer(name, value, *, minimum=None, maximum=None):
    """Return ``value`` as int. TypeError if it is not an integer, ValueError if out of range."""
    if isinstance(value, (bool, torch.Tensor)):
        raise TypeError(f"{name}: expected an integer, got {describe(value)}")
    try:
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{name}: expected an integer, got {describe(value)}") from None
    if minimum is not None and number < minimum:
        raise ValueError(f"{name}: expected an integer of at least {minimum}, got {number}")
    if maximum is not None and number > maximum:
        raise ValueError(f"{name}: expected an integer of at most {maximum}, got {number}")
    return number


def pair(name, value, *, minimum=None):
    """Return ``value`` (an integer or two of them) as ``(vertical, horizontal)``."""
    if isinstance(value, (tuple, list)):
        if len(value) != 2:
            raise ValueError(f"{name}: expected one integer or two, got {len(value)} of them")
        return tuple(integer(f"{name}[{i}]", v, minimum=minimum) for i, v in enumerate(value))
    number = integer(name, value, minimum=minimum)
    return number, number


def real(name, value, *, minimum=None, maximum=None, above=None):
    """Return ``value`` as a finite float in ``[minimum, maximum]``, or larger than ``above``."""
    if isinstance(value, (bool, torch.Tensor)) or not isinstance(value, numbers.Real):
        raise TypeError(f"{name}: expected a number, got {describe(value)}")
    try:
        number = float(value)
    except OverflowError:  # an integer of more than 308 digits
        number = math.inf
    if not math.isfinite(number):
        raise ValueError(f"{name}: expected a finite number, got {number}")
    if minimum is not None and number < minimum:
        raise ValueError(f"{name}: expected at least {minimum}, got {number}")
    if maximum is not None and number > maximum:
        raise ValueError(f"{name}: expected at most {maximum}, got {number}")
    if above is not None and number <= above:
        raise ValueError(f"{name}: expected more than {above}, got {number}")
    return number


def flag(name, value):
    """Return ``value`` if it is a bool, else TypeError."""
    if not isinstance(value, bool):
        raise TypeError(f"{name}: expected True or False, got {describe(value)}")
    return value


def one_of(name, value, choices):
    """Return ``value`` if it is among ``choices``, else ValueError that lists them."""
    if value not in choices:
        listed = ", ".join(repr(c) for c in choices)
        raise ValueError(f"{name}: expected one of {listed}, got {describe(value)}")
    return value


def path(name, value):
    """Return ``value`` if it is a string or an ``os.PathLike``, else TypeError."""
    if not isinstance(value, (str, os.PathLike)):
        raise TypeError(f"{name}: expected a path, got {describe(value)}")
    return value


def device(name, value):
    """Return ``value`` as torch.device. ValueError if torch knows no such device."""
    if isinstance(value, bool) or not isinstance(value, (str, int, torch.device)):
        raise TypeError(f"{name}: expected a device such as 'cpu', got {describe(value)}")
    try:
        return torch.device(value)
    except RuntimeError:
        message = f"{name}: expected a device such as 'cpu' or 'cuda:0', got {describe(value)}"
        raise ValueError(message) from None


def tensor(name, value, shape=None, *, floating=False, dtype=None):
    """Return ``value`` if it is a tensor of the named shape.

    ``shape`` is a tuple with one entry per axis: a letter for a free size
    (``("b", "c", "h", "w")``), an integer for a fixed one. ``floating`` asks for
    any floating-point dtype, ``dtype`` for one in particular.
    """
    if not isinstance(value, torch.Tensor):
        raise TypeError(f"{name}: expected a tensor, got {describe(value)}")
    if shape is not None:
        expected = "(" + ", ".join(str(s) for s in shape) + ("," if len(shape) == 1 else "") + ")"
        fits = value.ndim == len(shape) and all(
            not isinstance(want, int) or size == want
            for want, size in zip(shape, value.shape, strict=True)
        )
        if not fits:
            raise ValueError(
                f"{name}: expected shape {expected}, got {tuple(value.shape)}"
                + (
                    f" ({value.ndim} axes instead of {len(shape)})"
                    if value.ndim != len(shape)
                    else ""
                )
            )
    if floating and not value.is_floating_point():
        raise TypeError(f"{name}: expected a floating-point tensor, got {describe(value)}")
    if dtype is not None and value.dtype != dtype:
        raise TypeError(f"{name}: expected dtype {dtype}, got {describe(value)}")
    return value


def filled(name, value):
    """Return the tensor ``value`` if no axis of it is empty, else ValueError."""
    if value.numel() == 0:
        raise ValueError(f"{name}: expected no empty axis, got shape {tuple(value.shape)}")
    return value


def matching(name, value, shape, x, hint=""):
    """Return ``value`` if it is a filled tensor of the named shape, with dtype and device of ``x``.

    ``shape`` is as in :func:`tensor`; ``hint`` is added to the message about a wrong one.
    """
    try:
        tensor(name, value, shape, dtype=x.dtype)
    except ValueError as error:
        raise ValueError(f"{error}{hint}") from None
    filled(name, value)
    if value.device != x.device:
        raise ValueError(f"{name}: expected a tensor on {x.device} as x, got one on {value.device}")
    return value


def betas(name, value):
    """Return ``value`` if it is a pair of shares in [0, 1), as Adam's averages have them."""
    if not isinstance(value, (tuple, list)) or len(value) != 2:
        raise TypeError(f"{name}: expected two numbers, got {describe(value)}")
    shares = tuple(real(name, share, minimum=0, maximum=1) for share in value)
    if 1 in shares:
        raise ValueError(f"{name}: expected less than 1, got {shares}")
    return shares


def integers(name, value, shape=None):
    """Return ``value`` if it is a tensor of integers (no bool) of the named shape.

    ``shape`` is as in :func:`tensor`.
    """
    tensor(name, value, shape)
    if value.is_floating_point() or value.is_complex() or value.dtype == torch.bool:
        raise TypeError(f"{name}: expected integers (int64), got {describe(value)}")
    return value


def module(name, value):
    """Return ``value`` if it is a torch.nn.Module, else TypeError."""
    if not isinstance(value, torch.nn.Module):
        raise TypeError(f"{name}: expected a torch.nn.Module, got {describe(value)}")
    return value


def generator(name, value, device=None):
    """Return ``value`` if it is a torch.Generator, for tensors on ``device`` if that is given."""
    if not isinstance(value, torch.Generator):
        raise TypeError(f"{name}: expected a torch.Generator, got {describe(value)}")
    if device is not None and value.device != torch.device(device):
        raise ValueError(f"{name}: expected one for {device}, got one for {value.device}")
    return value


def broadcasts(name, value, shape):
    """Return the tensor ``value`` if it broadcasts to ``shape`` without making that larger."""
    shape = tuple(shape)
    try:
        fits = torch.broadcast_shapes(value.shape, shape) == shape
    except RuntimeError:
        fits = False
    if not fits:
        raise ValueError(
            f"{name}: expected a shape that broadcasts to {shape}, got {tuple(value.shape)}"
        )
    return value
