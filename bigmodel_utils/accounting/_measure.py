"""What a call costs, counted while it runs: FLOPs, bytes, and what autograd keeps."""

from itertools import chain

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from bigmodel_utils.accounting._pass import check, new_parameters, rows_without_call, run
from bigmodel_utils.accounting._report import LayerCost, Report
from bigmodel_utils.arguments import describe

__all__ = ["counted_flops", "measure", "saved_tensors"]


def measure(model, input_shape, *, dtype=None, lengths=None):
    """Return the cost of one forward pass, counted while it runs on an input of zeros.

    FLOPs are those that ``FlopCounterMode`` sees between a layer's start and end; what it
    sees between layers gets a row ``"(outside layers)"``. It does not see into fused kernels, so
    attention is written out during the pass and the recurrent layers of oneDNN and cuDNN are
    off; a ValueError says where another library hides one. The pass runs in evaluation mode,
    without gradients, on stand-ins for parameters and buffers: the model keeps its mode,
    statistics and gradients.

    Args, returns and raises as in :func:`predict`; work outside layers is no error here.
    """
    dtype, lengths = check(model, input_shape, dtype, lengths)
    first = next(chain(model.parameters(), model.buffers()), torch.empty(0))
    calls, outside = run(model, input_shape, dtype, lengths, device=first.device)
    counted, rows = set(), []
    for call in calls:
        if isinstance(call.module, nn.RNNBase) and not call.flops:
            raise ValueError(
                f"model: layer {call.name!r} ({call.kind}) runs in one fused kernel on "
                f"{first.device}, which hides its FLOPs; move the model to the CPU or use predict"
            )
        params = sum(p.numel() for p in new_parameters(call.module, counted).values())
        rows.append(
            LayerCost(call.name, call.kind, params, call.flops, call.bytes, call.output_shape)
        )
    if outside:
        rows.append(LayerCost("(outside layers)", "functions", 0, outside, 0, None))
    return Report(rows + rows_without_call(model, counted))


def counted_flops(function):
    """Return the FLOPs that PyTorch counts while ``function()`` runs, and what it returned.

    Those of convolutions and products of matrices, forward and backward; a fused kernel hides
    them (see :func:`measure`).

    Args:
        function: called once, without arguments.

    Raises:
        TypeError: ``function`` cannot be called.
    """
    _callable(function)
    with FlopCounterMode(display=False) as counter:
        result = function()
    return counter.get_total_flops(), result


def saved_tensors(function):
    """Return what autograd keeps for the backward pass of ``function()``, and its result.

    Args:
        function: called once, without arguments; returns a tensor that requires a gradient.

    Returns:
        tuple: a list with one tensor for each block of memory that is kept (their bytes:
        ``t.untyped_storage().nbytes()``), and what ``function`` returned.

    Raises:
        TypeError: ``function`` cannot be called or does not return a tensor.
        ValueError: its result requires no gradient, so nothing is kept.
    """
    _callable(function)
    kept = {}

    def pack(tensor):
        kept.setdefault(tensor.untyped_storage().data_ptr(), tensor)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        result = function()
    if not isinstance(result, torch.Tensor):
        raise TypeError(f"function: expected a tensor as its result, got {describe(result)}")
    if not result.requires_grad:
        raise ValueError("function: expected a result that requires a gradient, got one without")
    return list(kept.values()), result


def _callable(function):
    if not callable(function):
        raise TypeError(f"function: expected a function, got {describe(function)}")
