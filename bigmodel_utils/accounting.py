"""What a model costs: parameters, FLOPs and activation bytes, by formula and by counting.

:func:`predict` works out the cost from shapes alone, :func:`measure` counts it during a
forward pass. The two share no arithmetic, so their agreement proves the formulas.

What is counted:

- Parameters: every number in the model's parameters, once, even where layers share them.
- FLOPs: those of one forward pass in convolutions and matrix products, one multiply-add
  being 2. Biases, normalisation, activation functions, pooling and dropout count as 0:
  this is the field's convention, and that of PyTorch's ``FlopCounterMode``. A product with a
  cell of padding counts in full.
- Activation bytes: the outputs of all layers together, as if each kept its own (an
  in-place ReLU and a flattened view are counted too).
"""

import math
from dataclasses import dataclass
from itertools import chain

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from bigmodel_utils import arguments, layer_formulas
from bigmodel_utils.cost_report import LayerCost, Report

__all__ = ["measure", "predict"]


def predict(model, input_shape, *, dtype=None):
    """Return the cost of one forward pass by formula; no number of the model is read.

    The order of the layers and the shapes between them come from a pass on PyTorch's
    ``meta`` device, which has shapes and no data.

    Args:
        model: nn.Module made of the layers in ``layer_formulas.KNOWN``.
        input_shape: sizes of the input with the batch first, such as (b, c, h, w).
        dtype: floating dtype of the activations; by default that of the parameters.

    Returns:
        Report: equal to that of :func:`measure`.

    Raises:
        TypeError: an argument of the wrong kind, or a layer without a formula (named).
        ValueError: a shape that the model refuses (with the layer), or a model that
            convolves or multiplies matrices outside its layers, which no formula covers.
    """
    dtype = _check(model, input_shape, dtype)
    calls, outside = _run(model, input_shape, dtype, device="meta")
    if outside:
        raise ValueError(
            f"model: expected all convolutions and matrix products in layers, got {outside:,} "
            f"FLOPs in functions that {type(model).__name__} calls itself; use measure"
        )
    counted, rows = set(), []
    for call in calls:
        formula = layer_formulas.KNOWN[type(call.module)]
        sizes, flops, shape = formula(call.module, call.input_shape)
        if shape != call.output_shape:  # such as a call with output_size=...
            raise ValueError(
                f"model: layer {call.name!r} ({call.kind}) makes {call.output_shape} of "
                f"{call.input_shape}, its formula {shape}; use measure"
            )
        params = sum(
            sizes[key]
            for key, parameter in call.module.named_parameters(recurse=False)
            if _first_time(parameter, counted)
        )
        size = math.prod(shape) * dtype.itemsize
        rows.append(LayerCost(call.name, call.kind, params, flops, size, shape))
    return Report(rows + _rows_without_call(model, counted))


def measure(model, input_shape, *, dtype=None):
    """Return the cost of one forward pass, counted while it runs on an input of zeros.

    FLOPs are those that ``FlopCounterMode`` sees between a layer's start and end; what it
    sees between layers gets a row ``"(outside layers)"``. It does not see fused attention on
    the CPU. The pass runs in evaluation mode, without gradients, on stand-ins for parameters
    and buffers: the model keeps its mode, statistics and gradients.

    Args, returns and raises as in :func:`predict`; work outside layers is no error here.
    """
    dtype = _check(model, input_shape, dtype)
    first = next(chain(model.parameters(), model.buffers()), torch.empty(0))
    calls, outside = _run(model, input_shape, dtype, device=first.device)
    counted, rows = set(), []
    for call in calls:
        params = sum(
            parameter.numel()
            for parameter in call.module.parameters(recurse=False)
            if _first_time(parameter, counted)
        )
        rows.append(
            LayerCost(call.name, call.kind, params, call.flops, call.bytes, call.output_shape)
        )
    if outside:
        rows.append(LayerCost("(outside layers)", "functions", 0, outside, 0, None))
    return Report(rows + _rows_without_call(model, counted))


@dataclass
class _Call:
    name: str
    module: nn.Module
    input_shape: tuple
    flops: int
    bytes: int = 0
    output_shape: tuple | None = None  # None while the call lasts

    @property
    def kind(self):
        return type(self.module).__name__


def _run(model, input_shape, dtype, *, device):
    # One forward pass: the list of calls, and the FLOPs outside them.
    calls, handles = [], []
    counter = FlopCounterMode(display=False)

    def started(name):
        def hook(module, args, kwargs):
            layer_formulas.check_known(name, module)
            x = next(chain(args, kwargs.values()))
            # Until the layer ends, flops holds the counter's reading at its start.
            calls.append(_Call(name, module, tuple(x.shape), counter.get_total_flops()))

        return hook

    def ended(module, args, output):
        call = calls[-1]
        call.flops = counter.get_total_flops() - call.flops
        call.bytes = output.numel() * output.element_size()
        call.output_shape = tuple(output.shape)

    # Parameters are only read, so they may keep their memory; a layer may write to a buffer.
    stand_ins = {name: _stand_in(p, dtype, device) for name, p in model.named_parameters()}
    for name, buffer in model.named_buffers():
        stand_ins[name] = _stand_in(buffer, dtype, device).clone()
    modes = {module: module.training for module in model.modules()}
    try:
        for name, module in model.named_modules():
            if layer_formulas.is_layer(module):
                hook = started(name or "(model)")
                handles.append(module.register_forward_pre_hook(hook, with_kwargs=True))
                handles.append(module.register_forward_hook(ended))
        model.eval()
        # The default device serves models that make tensors in their forward pass.
        with torch.no_grad(), torch.device(device), counter:
            x = torch.zeros(input_shape, dtype=dtype)
            torch.func.functional_call(model, stand_ins, (x,))
    except layer_formulas.UnknownLayerError:
        raise
    except Exception as error:
        where = ""
        if calls:
            relation = "in" if calls[-1].output_shape is None else "after"
            where = f" {relation} layer {calls[-1].name!r} ({calls[-1].kind})"
        raise ValueError(
            f"input_shape: the forward pass on {tuple(input_shape)} failed{where}: {error}"
        ) from error
    finally:
        for handle in handles:
            handle.remove()
        for module, training in modes.items():
            module.training = training
    return calls, counter.get_total_flops() - sum(call.flops for call in calls)


def _stand_in(value, dtype, device):
    # A tensor in the place of a parameter or buffer, without data on the meta device.
    wanted = dtype if value.is_floating_point() else value.dtype
    return value.detach().to(device=device, dtype=wanted)


def _first_time(parameter, counted):
    # True once for each parameter object; shared parameters are the same object.
    new = id(parameter) not in counted
    counted.add(id(parameter))
    return new


def _rows_without_call(model, counted):
    # Parameters that no called layer holds, so that the total is the model's.
    rows = []
    for name, module in model.named_modules():
        params = sum(
            parameter.numel()
            for parameter in module.parameters(recurse=False)
            if _first_time(parameter, counted)
        )
        if params:
            rows.append(LayerCost(name or "(model)", type(module).__name__, params, 0, 0, None))
    return rows


def _check(model, input_shape, dtype):
    # Validate what both functions share and return the dtype of the activations.
    if not isinstance(model, nn.Module):
        raise TypeError(f"model: expected an nn.Module, got {arguments.describe(model)}")
    if not isinstance(input_shape, (tuple, list)) or not input_shape:
        got = arguments.describe(input_shape)
        raise TypeError(f"input_shape: expected a tuple of sizes, got {got}")
    for k, size in enumerate(input_shape):
        arguments.integer(f"input_shape[{k}]", size, minimum=1)
    for name, parameter in model.named_parameters():
        if isinstance(parameter, nn.parameter.UninitializedParameter):
            raise ValueError(f"model: parameter {name!r} has no shape yet; call the model once")
    if dtype is None:
        floating = (p.dtype for p in model.parameters() if p.is_floating_point())
        return next(floating, torch.get_default_dtype())
    if not isinstance(dtype, torch.dtype) or not dtype.is_floating_point:
        got = arguments.describe(dtype)
        raise TypeError(f"dtype: expected a floating torch.dtype, got {got}")
    return dtype
