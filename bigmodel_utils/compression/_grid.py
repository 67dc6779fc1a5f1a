"""Rounding to a grid: each group of neighbours in a row has a scale and codes."""

from typing import NamedTuple

import torch

from bigmodel_utils import arguments
from bigmodel_utils.arguments import flag, integer, one_of

__all__ = ["SCALE_DTYPES", "Codes", "to_codes"]

SCALE_DTYPES = (torch.float16, torch.bfloat16, torch.float32)


class Codes(NamedTuple):
    """A matrix on a grid: in group g of row o, w = scale[o, g] * code + least[o, g].

    Attributes:
        codes: uint8 or int8 (rows, columns), one code an entry, not packed.
        scale: (rows, groups), in the format in which it is stored.
        least: the same shape, or None for a symmetric grid, whose codes go from -n to n.
        bits: of a code.
    """

    codes: torch.Tensor
    scale: torch.Tensor
    least: torch.Tensor | None
    bits: int

    @property
    def group_size(self):
        """Entries that share a scale."""
        return self.codes.shape[1] // self.scale.shape[1]

    @property
    def bits_a_weight(self):
        """Bits that are stored for an entry, those of its group's scale and minimum included."""
        shared = 8 * self.scale.element_size() * (1 if self.least is None else 2)
        return self.bits + shared / self.group_size

    def decode(self, dtype=torch.float32):
        """Return the weights (rows, columns) in ``dtype``, computed in float32 or finer."""
        work = torch.promote_types(dtype, torch.float32)
        grouped = self.codes.unflatten(1, (-1, self.group_size)).to(work)  # (rows, groups, size)
        found = grouped.mul_(self.scale.to(work)[..., None])
        if self.least is not None:
            found = found.add_(self.least.to(work)[..., None])
        return found.flatten(1).to(dtype)


def to_codes(weight, *, bits, group_size=None, symmetric=True, scale_dtype=torch.float16):
    """Round the rows of a matrix to codes of few bits, group by group.

    A symmetric grid has a level at zero and codes from -n to n with n = 2^(bits - 1) - 1; its
    scale is the group's largest size over n. The other kind has codes from 0 to 2^bits - 1 between
    the group's smallest and largest entry. Codes are rounded by the scale as it is stored.

    Args:
        weight: floating-point tensor (rows, columns), finite.
        bits: 2 to 8.
        group_size: neighbours in a row that share a scale, a divisor of columns; None for the row.
        symmetric: True for a grid without a minimum.
        scale_dtype: float16, bfloat16 or float32, in which scales and minima are stored.

    Returns:
        Codes: a group of zeros has scale 1.

    Raises:
        TypeError, ValueError: naming the argument; also where a scale does not fit its format.
    """
    arguments.tensor("weight", weight, ("rows", "columns"), floating=True)
    arguments.filled("weight", weight)
    integer("bits", bits, minimum=2, maximum=8)
    columns = weight.shape[1]
    size = columns if group_size is None else integer("group_size", group_size, minimum=1)
    if columns % size:
        raise ValueError(f"group_size: expected a divisor of {columns} columns, got {size}")
    flag("symmetric", symmetric)
    one_of("scale_dtype", scale_dtype, SCALE_DTYPES)
    grouped = weight.detach().unflatten(1, (-1, size))  # (rows, groups, size)
    grouped = grouped.to(torch.promote_types(weight.dtype, torch.float32))
    low, high = grouped.aminmax(dim=2)  # (rows, groups)
    if not bool((low.isfinite() & high.isfinite()).all()):
        raise ValueError("weight: expected finite numbers, got NaN or infinity")
    if symmetric:
        top, least = 2 ** (bits - 1) - 1, None
        exact, bottom = torch.maximum(high, -low) / top, -top
    else:
        top, bottom = 2**bits - 1, 0
        exact, least = (high - low) / top, _stored("minimum", low, scale_dtype)
    scale = _stored("scale", torch.where(exact == 0, 1, exact), scale_dtype)
    if least is not None:
        grouped = grouped - least.to(grouped.dtype)[..., None]
    codes = (grouped / scale.to(grouped.dtype)[..., None]).round_().clamp_(bottom, top)
    kind = torch.int8 if symmetric else torch.uint8
    return Codes(codes.flatten(1).to(kind), scale, least, bits)


def _stored(what, exact, dtype):
    found = exact.to(dtype)
    lost = ~found.isfinite() | ((found == 0) & (exact != 0))
    if what == "minimum":  # one that becomes 0 is beside the scale no loss
        lost = ~found.isfinite()
    if bool(lost.any()):
        number = exact[lost][0].item()
        short = str(dtype).removeprefix("torch.")
        raise ValueError(f"scale_dtype: {short} cannot hold a {what} of {number:.3g}")
    return found
