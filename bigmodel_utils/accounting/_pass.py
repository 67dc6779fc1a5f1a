"""One forward pass, watched: which layers were called, on what shapes, and what it cost."""

import inspect
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from bigmodel_utils import arguments
from bigmodel_utils.accounting._formulas import (
    UnknownLayerError,
    check_known,
    layers,
    parameters,
)
from bigmodel_utils.accounting._report import LayerCost
from bigmodel_utils.modules import evaluating, parameter_dtype
from bigmodel_utils.sequences import check_lengths

__all__ = ["Call", "check", "new_parameters", "rows_without_call", "run"]


@dataclass
class Call:
    """A layer's call: its shapes, and the FLOPs and bytes that were counted."""

    name: str
    module: nn.Module
    input_shapes: list
    flops: int
    bytes: int = 0
    output_shape: tuple | None = None  # None while the call lasts

    @property
    def kind(self):
        return type(self.module).__name__


def run(model, input_shape, dtype, lengths, *, device):
    """Run one forward pass; return the list of its :class:`Call`s and the FLOPs outside them."""
    calls, handles = [], []
    counter = FlopCounterMode(display=False)

    def started(name):
        def hook(module, args, kwargs):
            check_known(name, module)
            bound = inspect.signature(module.forward).bind(*args, **kwargs)
            inputs = [_main(value) for value in bound.arguments.values()]
            shapes = [tuple(x.shape) for x in inputs if isinstance(x, torch.Tensor)]
            # Until the layer ends, flops holds the counter's reading at its start.
            calls.append(Call(name, module, shapes, counter.get_total_flops()))

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
        for name, module in layers(model).items():
            handles.append(module.register_forward_pre_hook(started(name), with_kwargs=True))
            handles.append(module.register_forward_hook(ended))
        # The default device serves models that make tensors in their forward pass.
        with evaluating(model), torch.no_grad(), _unfused(model), torch.device(device), counter:
            x = torch.zeros(input_shape, dtype=torch.int64 if _takes_tokens(model) else dtype)
            inputs = (x,) if lengths is None else (x, lengths)
            torch.func.functional_call(model, stand_ins, inputs)
    except UnknownLayerError:
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
    return isinstance(next(iter(layers(model).values()), None), nn.Embedding)


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


def new_parameters(module, counted):
    """Return {name: parameter} of a layer's that no row has counted, and count them.

    Shared parameters are the same object.
    """
    new = {name: p for name, p in parameters(module) if id(p) not in counted}
    counted |= {id(p) for p in new.values()}
    return new


def rows_without_call(model, counted):
    """Return rows for parameters that no called layer holds, so that the total is the model's."""
    rows = []
    for name, module in model.named_modules():
        new = [p for p in module.parameters(recurse=False) if id(p) not in counted]
        counted |= {id(p) for p in new}
        params = sum(p.numel() for p in new)
        if params:
            rows.append(LayerCost(name or "(model)", type(module).__name__, params, 0, 0, None))
    return rows


def check(model, input_shape, dtype, lengths):
    """Validate the arguments; return the dtype of the activations and the lengths."""
    arguments.module("model", model)
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
        return parameter_dtype(model, torch.get_default_dtype()), lengths
    if not isinstance(dtype, torch.dtype) or not dtype.is_floating_point:
        got = arguments.describe(dtype)
        raise TypeError(f"dtype: expected a floating torch.dtype, got {got}")
    return dtype, lengths
