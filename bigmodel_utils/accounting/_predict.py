"""The cost of a model by formula, from the layers' shapes."""

import math

from bigmodel_utils.accounting._formulas import cost
from bigmodel_utils.accounting._pass import check, new_parameters, rows_without_call, run
from bigmodel_utils.accounting._report import LayerCost, Report

__all__ = ["predict"]


def predict(model, input_shape, *, dtype=None, lengths=None):
    """Return the cost of one forward pass by formula, from the layers' shapes.

    The order of the layers and the shapes between them come from a pass on PyTorch's ``meta``
    device, which has shapes and no data. Lengths are data: with them the pass runs on the CPU.

    Args:
        model: nn.Module made of PyTorch's common layers and of such as carry their own ``cost``.
        input_shape: sizes of the input with the batch first, such as (b, c, h, w).
        dtype: floating dtype of the activations; by default that of the parameters.
        lengths: integer tensor (b,) for an input (b, t, ...) of padded sequences: the model
            is called as model(x, lengths), with the lengths on the CPU. None: as model(x).

    Returns:
        Report: equal to that of :func:`measure`.

    Raises:
        TypeError: an argument of the wrong kind, or a layer without a formula (named).
        ValueError: a shape that the model refuses (with the layer), or a model that
            convolves or multiplies matrices outside its layers, which no formula covers,
            or one that reads numbers, which that device has not.
    """
    dtype, lengths = check(model, input_shape, dtype, lengths)
    device = "meta" if lengths is None else "cpu"
    calls, outside = run(model, input_shape, dtype, lengths, device=device)
    if outside:
        raise ValueError(
            f"model: expected all convolutions and matrix products in layers, got {outside:,} "
            f"FLOPs in functions that {type(model).__name__} calls itself; use measure"
        )
    counted, rows = set(), []
    for call in calls:
        sizes, flops, shape = cost(call.name, call.module, call.input_shapes)
        if shape != call.output_shape:  # such as a call with output_size=...
            raise ValueError(
                f"model: layer {call.name!r} ({call.kind}) makes {call.output_shape} of "
                f"{', '.join(map(str, call.input_shapes))}, its formula {shape}; use measure"
            )
        params = sum(sizes[name] for name in new_parameters(call.module, counted))
        size = math.prod(shape) * dtype.itemsize
        rows.append(LayerCost(call.name, call.kind, params, flops, size, shape))
    return Report(rows + rows_without_call(model, counted))
