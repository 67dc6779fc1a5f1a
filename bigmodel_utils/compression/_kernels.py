"""Products that read the codes themselves, by kernels that PyTorch has for some processors."""

import torch

from bigmodel_utils import numerics
from bigmodel_utils.compression._linear import QuantizedLinear

__all__ = ["packed_product"]

_GROUPS = (32, 64, 128, 256)  # that the kernel of four bits knows


def packed_product(layer):
    """Return a function x (b, in_features) -> (b, out_features) in bfloat16 on the layer's codes.

    Such a kernel exists for eight bits by rows on a symmetric grid, and for four bits in groups of
    32, 64, 128 or 256 on either grid. They are private to PyTorch and differ between processors, so
    the function is held against the layer itself before it is returned.

    Args:
        layer: :class:`QuantizedLinear` on the CPU.

    Returns:
        The function, or None: no such kernel for this layer, this processor or this PyTorch, or
        one that gives other numbers. Scales are rounded to bfloat16.

    Raises:
        TypeError: naming the argument.
    """
    if not isinstance(layer, QuantizedLinear):
        raise TypeError(f"layer: expected QuantizedLinear, got {type(layer).__name__}")
    known = layer.codes
    try:
        product = _eight(known) if layer.bits == 8 else _four(known)
        if product is None or layer.packed.device.type != "cpu":
            return None
        bias = None if layer.bias is None else layer.bias.bfloat16()
        run = product if bias is None else lambda x: product(x) + bias
        draw = torch.Generator().manual_seed(0)
        for rows in (1, 3):
            x = torch.randn(rows, layer.in_features, generator=draw).bfloat16()
            got, expected = {"y": run(x).float()}, {"y": layer(x.float())}
            if numerics.disagreement(got, expected, tolerance=0.03) is not None:
                return None
    except (AttributeError, NotImplementedError, RuntimeError):
        return None
    return run


def _eight(codes):
    if codes.least is not None or codes.scale.shape[1] != 1:
        return None
    stored, scale = codes.codes.contiguous(), codes.scale[:, 0].bfloat16()
    return lambda x: torch.ops.aten._weight_int8pack_mm(x, stored, scale)


def _four(codes):
    if codes.group_size not in _GROUPS:
        return None
    scale, numbers = codes.scale.float(), codes.codes.int()
    if codes.least is None:  # the kernel takes w = scale (c - 8) + zero
        numbers, zero = numbers + 8, torch.zeros_like(scale)
    else:
        zero = codes.least.float() + 8 * scale
    stored = torch.ops.aten._convert_weight_to_int4pack_for_cpu(numbers.contiguous(), 1)
    both = torch.stack([scale, zero], dim=-1).transpose(0, 1).bfloat16().contiguous()
    size = codes.group_size
    return lambda x: torch.ops.aten._weight_int4pack_mm_for_cpu(x, stored, size, both)
