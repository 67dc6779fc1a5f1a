"""What a model costs: parameters, FLOPs and activation bytes, by formula and by counting.

:func:`predict` works out the cost from the layers' shapes, :func:`measure` counts it during a
forward pass. The two share no arithmetic, so their agreement proves the formulas.

What is counted:

- Parameters: every number in the model's parameters, once, even where layers share them.
- FLOPs: those of one forward pass in convolutions and matrix products, one multiply-add
  being 2. Biases, normalisation, activation functions, pooling and dropout count as 0:
  this is the field's convention, and that of PyTorch's ``FlopCounterMode``. A product with a
  cell of padding counts in full.
- Activation bytes: the outputs of all layers together, as if each kept its own (an
  in-place ReLU and a flattened view are counted too). Of a layer that returns
  (output, states), such as nn.LSTM, the output alone. Training keeps more: a recurrent
  layer's gates at each step, for the backward pass.

A layer that runs on a packed sequence computes real steps only, so its FLOPs and bytes follow
the sum of the lengths, and its output shape is (sum of the lengths, features). A layer that
runs on the padded tensor pays for the padding too. Attention pays for the keys that a mask hides.

A model whose first layer is an nn.Embedding gets tokens, int64, in place of numbers.
"""

import inspect
import math
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain

import torch
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from bigmodel_utils import arguments, layer_formulas
from bigmodel_utils.cost_report import LayerCost, Report
from bigmodel_utils.modes import evaluating
from bigmodel_utils.sequences import check_lengths

__all__ = ["measure", "predict"]


def predict(model, input_shape, *, dtype=None, lengths=None):
    """Return the cost of one forward pass by formula, from the layers' shapes.

    The order of the layers and the shapes between them come from a pass on PyTorch's ``meta``
    device, which has shapes and no data. Lengths are data: with them the pass runs on the CPU.

    Args:
        model: nn.Module made of the layers in ``layer_formulas.KNOWN``.
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
    dtype, lengths = _check(model, input_shape, dtype, lengths)
    device = "meta" if lengths is None else "cpu"
    calls, outside = _run(model, input_shape, dtype, lengths, device=device)
    if outside:
        raise ValueError(
            f"model: expected all convolutions and matrix products in layers, got {outside:,} "
            f"FLOPs in functions that {type(model).__name__} calls itself; use measure"
        )
    counted, rows = set(), []
    for call in calls:
        formula = layer_formulas.KNOWN[type(call.module)]
        inputs = call.input_shapes[: layer_formulas.NUM_INPUTS.get(type(call.module), 1)]
        sizes, flops, shape = formula(call.module, *inputs)
        if shape != call.output_shape:  # such as a call with output_size=...
            raise ValueError(
                f"model: layer {call.name!r} ({call.kind}) makes {call.output_shape} of "
                f"{', '.join(str(i) for i in inputs)}, its formula {shape}; use measure"
            )
        params = sum(
            sizes[key]
            for key, parameter in call.module.named_parameters(recurse=False)
            if _first_time(parameter, counted)
        )
        size = math.prod(shape) * dtype.itemsize
        rows.append(LayerCost(call.name, call.kind, params, flops, size, shape))
    return Report(rows + _rows_without_call(model, counted))


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
    dtype, lengths = _check(model, input_shape, dtype, lengths)
    first = next(chain(model.parameters(), model.buffers()), torch.empty(0))
    calls, outside = _run(model, input_shape, dtype, lengths, device=first.device)
    counted, rows = set(), []
    for call in calls:
        if isinstance(call.module, nn.RNNBase) and not call.flops:
            raise ValueError(
                f"model: layer {call.name!r} ({call.kind}) runs in one fused kernel on "
                f"{first.device}, which hides its FLOPs; move the model to the CPU or use predict"
            )
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
    input_shapes: list
    flops: int
    bytes: int = 0
    output_shape: tuple | None = None  # None while the call lasts

    @property
    def kind(self):
        return type(self.module).__name__


def _run(model, input_shape, dtype, lengths, *, device):
    # One forward pass: the list of calls, and the FLOPs outside them.
    calls, handles = [], []
    counter = FlopCounterMode(display=False)

    def started(name):
        def hook(module, args, kwargs):
            layer_formulas.check_known(name, module)
            bound = inspect.signature(module.forward).bind(*args, **kwargs)
            inputs = [_main(value) for value in bound.arguments.values()]
            shapes = [tuple(x.shape) for x in inputs if isinstance(x, torch.Tensor)]
            # Until the layer ends, flops holds the counter's reading at its start.
            calls.append(_Call(name, module, shapes, counter.get_total_flops()))

        return hook

    def ended(module, args, output):
        call = calls[-1]
        call.flops = counter.get_total_flops() - call.flops
        output = _main(output)
        call.bytes = output.numel() * output.element_size()
        call.output_shape = tuple(output.shape)

    # Parameters are only read, so they may keep their memory; a layer may write to a buffer.
    stand_ins = {name: _stand_in(p, dtype, device) for name, p in model.named_parameters()}
    for name, buffer in model.named_buffers():
        stand_ins[name] = _stand_in(buffer, dtype, device).clone()
    try:
        for name, module in model.named_modules():
            if layer_formulas.is_layer(module):
                hook = started(name or "(model)")
                handles.append(module.register_forward_pre_hook(hook, with_kwargs=True))
                handles.append(module.register_forward_hook(ended))
        # The default device serves models that make tensors in their forward pass.
        with evaluating(model), torch.no_grad(), _unfused(model), torch.device(device), counter:
            x = torch.zeros(input_shape, dtype=torch.int64 if _takes_tokens(model) else dtype)
            inputs = (x,) if lengths is None else (x, lengths)
            torch.func.functional_call(model, stand_ins, inputs)
    except layer_formulas.UnknownLayerError:
        raise
    except Exception as error:
        where = ""
        if calls:
            relation = "in" if calls[-1].output_shape is None else "after"
            where = f" {relation} layer {calls[-1].name!r} ({calls[-1].kind})"
        hint = ""
        if str(device) == "meta" and "meta" in str(error):
            hint = "; predict has shapes and no numbers: if the model reads some, use measure"
        raise ValueError(
            f"input_shape: the forward pass on {tuple(input_shape)} failed{where}: {error}{hint}"
        ) from error
    finally:
        for handle in handles:
            handle.remove()
    return calls, counter.get_total_flops() - sum(call.flops for call in calls)


def _takes_tokens(model):
    return isinstance(next(filter(layer_formulas.is_layer, model.modules()), None), nn.Embedding)


def _main(value):
    # The tensor that a layer takes or returns: the output of (output, states), the data of a
    # PackedSequence, which is a tuple too.
    return _main(value[0]) if isinstance(value, tuple) else value


@contextmanager
def _unfused(model):
    # A fused recurrent layer is one operation without FLOPs to the counter, and so is fused
    # attention; step by step they multiply the same matrices. Other layers keep their kernels.
    recurrent = any(isinstance(module, nn.RNNBase) for module in model.modules())
    backends = (torch.backends.mkldnn, torch.backends.cudnn) if recurrent else ()
    before = [backend.enabled for backend in backends]
    try:
        for backend in backends:
            backend.enabled = False
        with sdpa_kernel(SDPBackend.MATH):
            yield
    finally:
        for backend, enabled in zip(backends, before, strict=True):
            backend.enabled = enabled


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


def _check(model, input_shape, dtype, lengths):
    # Validate what both functions share; return the dtype of the activations and the lengths.
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
    if lengths is not None:
        if len(input_shape) < 2:
            got = tuple(input_shape)
            raise ValueError(f"input_shape: expected (b, t, ...) with lengths, got {got}")
        lengths = check_lengths(lengths, *input_shape[:2])
    if dtype is None:
        floating = (p.dtype for p in model.parameters() if p.is_floating_point())
        return next(floating, torch.get_default_dtype()), lengths
    if not isinstance(dtype, torch.dtype) or not dtype.is_floating_point:
        got = arguments.describe(dtype)
        raise TypeError(f"dtype: expected a floating torch.dtype, got {got}")
    return dtype, lengths
