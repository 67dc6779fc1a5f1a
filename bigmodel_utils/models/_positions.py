"""Where a token stands: sinusoidal positions, added, and rotary positions, turned."""

import math
from typing import NamedTuple

import torch

from bigmodel_utils import arguments

__all__ = ["RotaryScaling", "rotary_tables", "rotate", "sinusoidal"]


class RotaryScaling(NamedTuple):
    """Rotary positions stretched as Llama 3.1's, for a context longer than the trained one.

    With ``turns`` as a pair's full turns over ``original_context`` positions, the pair keeps its
    frequency from ``high_freq_factor`` turns on, loses a factor ``factor`` below
    ``low_freq_factor``, and between the two changes over linearly in the turns.

    Source: the configuration and code of Llama 3.1, 2024 (``rope_type: llama3``).
    """

    factor: float
    low_freq_factor: float = 1.0
    high_freq_factor: float = 4.0
    original_context: int = 8192


def sinusoidal(length, d_model, *, base=10000.0):
    """Return the table (length, d_model) of sines (even columns) and cosines (odd columns).

    Column pair i turns by ``base ** (-2 i / d_model)`` radians from one position to the next.

    Args:
        length: positions, counted from 0.
        d_model: even number of features.
        base: the slowest pair's wavelength is nearly 2 pi times this, in positions.

    Source: Vaswani et al., 2017 (arXiv:1706.03762), section 3.5.
    """
    if arguments.integer("d_model", d_model, minimum=2) % 2:
        raise ValueError(f"d_model: expected an even number of features, got {d_model}")
    cos, sin = rotary_tables(length, d_model, base=base)
    return torch.stack([sin, cos], dim=-1).flatten(-2)


def rotary_tables(length, d_head, *, base=10000.0, scaling=None):
    """Return cosines and sines (length, d_head // 2) of the angles ``position * frequency``.

    Frequency i is ``base ** (-2 i / d_head)`` radians a position. Computed in float64, returned in
    the default dtype.

    Args:
        length: positions, counted from 0.
        d_head: even number of features of a head.
        base: see :func:`sinusoidal`; Llama 3 has 500000.
        scaling: :class:`RotaryScaling` of the frequencies, or None.
    """
    length = arguments.integer("length", length, minimum=1)
    d_head = arguments.integer("d_head", d_head, minimum=2)
    if d_head % 2:
        raise ValueError(f"d_head: expected an even number of features, got {d_head}")
    base = arguments.real("base", base, above=0)
    frequencies = base ** (-torch.arange(0, d_head, 2, dtype=torch.float64) / d_head)
    if scaling is not None:
        frequencies = _scaled(frequencies, scaling)
    angles = torch.arange(length, dtype=torch.float64)[:, None] * frequencies
    dtype = torch.get_default_dtype()
    return angles.cos().to(dtype), angles.sin().to(dtype)


def rotate(x, cos, sin):
    """Turn the pairs ``(x[..., i], x[..., i + d/2])`` of queries or keys by their angles.

    Args:
        x: (..., t, d), d even.
        cos, sin: (t, d // 2), the rows of :func:`rotary_tables` for these positions, or with
            leading axes that broadcast to those of x. Used in the dtype of x.

    Returns:
        Tensor like x. The product of a turned query and a turned key depends on their positions'
        difference alone.

    Raises:
        TypeError, ValueError: naming the argument, what came and what was expected.

    Source: Su et al., RoFormer, 2021 (arXiv:2104.09864); which features form a pair is a matter of
    convention, this one is Llama's.
    """
    _check_turn(x, cos, sin)
    return turn(x, cos, sin)


def turn(x, cos, sin):
    """Return :func:`rotate` of arguments that fit each other."""
    first, second = x.chunk(2, dim=-1)
    if cos.dtype != x.dtype or sin.dtype != x.dtype:  # under autocast
        cos, sin = cos.to(x.dtype), sin.to(x.dtype)
    return torch.cat([first * cos - second * sin, second * cos + first * sin], dim=-1)


def _check_turn(x, cos, sin):
    arguments.tensor("x", x, floating=True)
    if x.ndim < 2 or x.shape[-1] % 2:
        raise ValueError(f"x: expected shape (..., t, d) with an even d, got {tuple(x.shape)}")
    t, half = x.shape[-2], x.shape[-1] // 2
    for name, table in (("cos", cos), ("sin", sin)):
        shape = arguments.tensor(name, table, floating=True).shape
        lead = zip(shape[-3::-1], x.shape[-3::-1], strict=False)  # from the right
        # One row alone would broadcast: every position turned alike, without a word.
        if (
            shape[-2:] != (t, half)
            or len(shape) > x.ndim
            or any(size not in (1, want) for size, want in lead)
        ):
            raise ValueError(
                f"{name}: expected a row for each position and a column for each pair, shape "
                f"({t}, {half}), of x with shape {tuple(x.shape)}, got {tuple(table.shape)}"
            )


def _scaled(frequencies, scaling):
    if not isinstance(scaling, RotaryScaling):
        got = arguments.describe(scaling)
        raise TypeError(f"scaling: expected a RotaryScaling, got {got}")
    factor, low, high = (
        arguments.real(f"scaling.{name}", getattr(scaling, name), above=0)
        for name in ("factor", "low_freq_factor", "high_freq_factor")
    )
    context = arguments.integer("scaling.original_context", scaling.original_context, minimum=1)
    if low >= high:
        raise ValueError(
            f"scaling.high_freq_factor: expected more than low_freq_factor = {low}, got {high}"
        )
    turns = context * frequencies / (2 * math.pi)
    kept = ((turns - low) / (high - low)).clamp(0, 1)
    return frequencies * (kept + (1 - kept) / factor)
