"""A linear layer that keeps codes in place of weights."""

import torch
import torch.nn.functional as F
from torch import nn

from bigmodel_utils import arguments
from bigmodel_utils.arguments import one_of
from bigmodel_utils.compression._grid import Codes, to_codes

__all__ = ["QuantizedLinear"]


class QuantizedLinear(nn.Module):
    """y = x Wᵀ + bias with W (out_features, in_features) kept in codes of 8 or 4 bits.

    Two codes of four bits share a byte, as code + 8 (or the code itself where there is a minimum):
    the even column in the low half. The weights are decoded while the layer runs and not kept, so
    it saves memory in any case, and time only through :func:`packed_product`.

    Make it from a layer with :meth:`of`. Buffers: ``packed`` uint8 or int8, ``scale``, ``least``
    (None for a symmetric grid), ``bias`` (None without one). It has no parameters.

    Args:
        codes: :class:`Codes` with 8 or 4 bits.
        bias: floating-point tensor (out_features,), or None.

    Raises:
        TypeError, ValueError: naming the argument.
    """

    def __init__(self, codes, bias=None):
        super().__init__()
        if not isinstance(codes, Codes):
            raise TypeError(f"codes: expected Codes, got {arguments.describe(codes)}")
        self.bits = one_of("bits", codes.bits, (8, 4))
        self.out_features, self.in_features = codes.codes.shape
        if bias is not None:
            arguments.tensor("bias", bias, (self.out_features,), floating=True)
            bias = bias.detach()
        packed = codes.codes
        if self.bits == 4:
            if self.in_features % 2:
                raise ValueError(
                    f"codes: expected an even number of columns for 4 bits, got {self.in_features}"
                )
            shift = 8 if codes.least is None else 0
            nibbles = (packed.to(torch.int16) + shift).to(torch.uint8)
            packed = nibbles[:, 0::2] | nibbles[:, 1::2] << 4  # (rows, columns / 2)
        for name, value in dict(
            packed=packed, scale=codes.scale, least=codes.least, bias=bias
        ).items():
            self.register_buffer(name, value)

    @classmethod
    def of(cls, layer, *, bits, group_size=None, symmetric=True, scale_dtype=torch.float16):
        """Return the layer with the rounded weights of an ``nn.Linear``; see :func:`to_codes`."""
        if not isinstance(layer, nn.Linear):
            raise TypeError(f"layer: expected nn.Linear, got {type(layer).__name__}")
        options = dict(group_size=group_size, symmetric=symmetric, scale_dtype=scale_dtype)
        return cls(to_codes(layer.weight, bits=bits, **options), layer.bias)

    @property
    def codes(self):
        """The :class:`Codes`, unpacked."""
        codes = self.packed
        if self.bits == 4:
            halves = torch.stack([codes & 15, codes >> 4], dim=2).flatten(1)  # (rows, columns)
            codes = (halves.to(torch.int8) - 8) if self.least is None else halves
        return Codes(codes, self.scale, self.least, self.bits)

    @property
    def num_bytes(self):
        """Bytes of all that is stored."""
        return sum(buffer.numel() * buffer.element_size() for buffer in self.buffers())

    def forward(self, x):
        """Return (..., out_features) of x (..., in_features), in the format of x."""
        arguments.tensor("x", x, floating=True)
        if x.ndim == 0 or x.shape[-1] != self.in_features:
            raise ValueError(f"x: expected shape (..., {self.in_features}), got {tuple(x.shape)}")
        bias = None if self.bias is None else self.bias.to(x.dtype)
        return F.linear(x, self.codes.decode(x.dtype), bias)

    def extra_repr(self):
        """Return what ``print`` shows of the layer."""
        groups = self.scale.shape[1]
        return (
            f"in_features={self.in_features}, out_features={self.out_features}, bits={self.bits}, "
            f"groups={groups}, symmetric={self.least is None}, bias={self.bias is not None}"
        )
