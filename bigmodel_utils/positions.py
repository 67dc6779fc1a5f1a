"""Where a token stands: sinusoidal positions, added, and rotary positions, turned."""

import torch

from bigmodel_utils import arguments

__all__ = ["rotary_tables", "rotate", "sinusoidal"]


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


def rotary_tables(length, d_head, *, base=10000.0):
    """Return cosines and sines (length, d_head // 2) of the angles ``position * frequency``.

    Frequency i is ``base ** (-2 i / d_head)`` radians a position. Computed in float64, returned in
    the default dtype.

    Args:
        length: positions, counted from 0.
        d_head: even number of features of a head.
        base: see :func:`sinusoidal`.
    """
    length = arguments.integer("length", length, minimum=1)
    d_head = arguments.integer("d_head", d_head, minimum=2)
    if d_head % 2:
        raise ValueError(f"d_head: expected an even number of features, got {d_head}")
    base = arguments.real("base", base, above=0)
    frequencies = base ** (-torch.arange(0, d_head, 2, dtype=torch.float64) / d_head)
    angles = torch.arange(length, dtype=torch.float64)[:, None] * frequencies
    dtype = torch.get_default_dtype()
    return angles.cos().to(dtype), angles.sin().to(dtype)


def rotate(x, cos, sin):
    """Turn the pairs ``(x[..., i], x[..., i + d/2])`` of queries or keys by their angles.

    Args:
        x: (..., t, d), d even.
        cos, sin: (t, d // 2), the rows of :func:`rotary_tables` for these positions.

    Returns:
        Tensor like x. The product of a turned query and a turned key depends on their positions'
        difference alone.

    Source: Su et al., RoFormer, 2021 (arXiv:2104.09864); which features form a pair is a matter of
    convention, this one is Llama's.
    """
    first, second = x.chunk(2, dim=-1)
    cos, sin = cos.to(x.dtype), sin.to(x.dtype)
    return torch.cat([first * cos - second * sin, second * cos + first * sin], dim=-1)
