"""A model with rounded weights, for as long as it is measured."""

import contextlib

from torch import nn

from bigmodel_utils import arguments
from bigmodel_utils.compression._grid import to_codes

__all__ = ["rounded_weights"]


@contextlib.contextmanager
def rounded_weights(module, **scheme):
    """Round the weights of all ``nn.Linear`` inside a module, and put them back afterwards.

    The layers stay ``nn.Linear``; their weights become what the codes stand for. So the cost in
    quality is measured without any change of how the model computes.

    Args:
        module: nn.Module. Hand over the part that is to be rounded, such as ``model.blocks``.
        scheme: the options of :func:`to_codes`; none of them leaves the weights as they are.

    Yields:
        The bits a weight, on average over the entries; None for no options.

    Raises:
        TypeError, ValueError: naming the argument; a weight that two layers share is refused.
    """
    arguments.module("module", module)
    layers = [part for part in module.modules() if isinstance(part, nn.Linear)]
    if not layers:
        raise ValueError(f"module: expected an nn.Linear in it, got {type(module).__name__}")
    before = [layer.weight.data for layer in layers]
    if len({kept.data_ptr() for kept in before}) < len(before):
        raise ValueError("module: expected layers with weights of their own, got a shared one")
    total = held = 0
    try:
        for layer in layers if scheme else ():
            codes = to_codes(layer.weight, **scheme)
            layer.weight.data = codes.decode(layer.weight.dtype)
            held += codes.bits_a_weight * codes.codes.numel()
            total += codes.codes.numel()
        yield held / total if scheme else None
    finally:
        for layer, kept in zip(layers, before, strict=True):
            layer.weight.data = kept
