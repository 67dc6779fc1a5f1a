"""Parameters, FLOPs and output shape of each known layer as formulas of its input's shape.

A formula takes the layer's hyperparameters and the input's shape, never a tensor. It returns
``(parameters, flops, output_shape)``: the numbers in each parameter by its name, the FLOPs
of the whole batch (a multiply-add is 2; all but products of matrices count as 0), a tuple.
Of a layer that returns (output, states) the shape is the output's.

PyTorch's layers have theirs here. Any other layer carries its own as a method
``cost(self, *shapes)``, with as many shapes as it needs of what it is called with, and needs no
edit here; what such a layer holds inside is part of it.
"""

import inspect
import math

from torch import nn

from bigmodel_utils.arguments import describe, integer

__all__ = ["KNOWN", "UnknownLayerError", "check_known", "cost", "layers", "parameters"]


class UnknownLayerError(TypeError):
    """The forward pass called a layer that has no formula."""


def layers(model):
    """Return {name: module} of what computes something itself, in the order of the model's own.

    A module that carries its cost is a layer, with all that it holds, and so is a composite of
    PyTorch's own, such as nn.MultiheadAttention, which calls functions on its children's weights.
    An empty nn.Sequential passes its input on.
    """
    found, inside = {}, set()
    for name, module in model.named_modules():
        if id(module) in inside:
            continue
        carries = _carries(module)
        if carries or _computes(module):
            found[name or "(model)"] = module
        if carries:
            inside |= {id(part) for part in module.modules()}
    return found


def parameters(module):
    """Return (name, parameter) of those that belong to a layer, what it holds included."""
    return module.named_parameters(recurse=_carries(module))


def _carries(module):
    return callable(getattr(type(module), "cost", None))


def _computes(module):
    if isinstance(module, (nn.Sequential, nn.ModuleList, nn.ModuleDict)):
        return False
    own = type(module).__module__.startswith("torch.nn.")
    return own or not any(True for _ in module.children())


def check_known(name, module):
    """Raise UnknownLayerError, naming the layer, if there is no formula for ``module``."""
    if _carries(module):
        return
    if type(module) not in KNOWN:
        known = ", ".join(kind.__name__ for kind in KNOWN)
        raise UnknownLayerError(
            f"model: layer {name!r} is of type {type(module).__name__}, which has no formula; "
            f"known are {known}, and any layer with a method cost(*shapes)"
        )
    if getattr(module, "return_indices", False):
        raise UnknownLayerError(f"model: layer {name!r} has return_indices=True: no formula")


def cost(name, module, shapes):
    """Return (parameters, FLOPs, output shape) of a call with inputs of these shapes.

    Raises:
        TypeError: the layer's own ``cost`` returned something else (the layer is named).
    """
    if not _carries(module):
        return KNOWN[type(module)](module, shapes[0])
    result = module.cost(*shapes[: _num_shapes(module)])
    expected = f"model: layer {name!r}: expected cost to return ({{name: number}}, FLOPs, shape)"
    if not isinstance(result, tuple) or len(result) != 3 or not isinstance(result[0], dict):
        raise TypeError(f"{expected}, got {describe(result)}")
    sizes, flops, shape = result
    held = {key for key, _ in module.named_parameters()}
    if set(sizes) != held:
        raise TypeError(f"{expected} with the names {sorted(held)}, got {sorted(sizes)}")
    return sizes, integer(f"model: layer {name!r}: FLOPs", flops, minimum=0), tuple(shape)


def _num_shapes(module):
    kinds = [p.kind for p in inspect.signature(module.cost).parameters.values()]
    return None if inspect.Parameter.VAR_POSITIONAL in kinds else len(kinds)


def _conv2d(layer, shape):
    *batch, c_in, h, w = shape
    kh, kw = layer.kernel_size
    if layer.padding == "same":
        size = (h, w)
    else:
        padding = (0, 0) if layer.padding == "valid" else layer.padding
        settings = zip((h, w), (kh, kw), layer.stride, padding, layer.dilation, strict=True)
        size = tuple(_places(*axis) for axis in settings)
    weight = layer.out_channels * (c_in // layer.groups) * kh * kw
    # Each weight meets each place of its output channel once.
    flops = 2 * math.prod(batch) * math.prod(size) * weight
    return _sizes(weight, layer.out_channels), flops, (*batch, layer.out_channels, *size)


def _conv_transpose2d(layer, shape):
    *batch, c_in, h, w = shape
    kh, kw = layer.kernel_size
    size = tuple(
        (n - 1) * s - 2 * p + d * (k - 1) + extra + 1
        for n, k, s, p, d, extra in zip(
            (h, w),
            (kh, kw),
            layer.stride,
            layer.padding,
            layer.dilation,
            layer.output_padding,
            strict=True,
        )
    )
    weight = c_in * (layer.out_channels // layer.groups) * kh * kw
    # Each weight meets each place of its input channel once.
    flops = 2 * math.prod(batch) * h * w * weight
    return _sizes(weight, layer.out_channels), flops, (*batch, layer.out_channels, *size)


def _linear(layer, shape):
    *batch, d_in = shape
    weight = layer.out_features * d_in
    flops = 2 * math.prod(batch) * weight
    return _sizes(weight, layer.out_features), flops, (*batch, layer.out_features)


def _recurrent(gates):
    # nn.RNN and its kin: every weight meets every step of every sequence once. A packed
    # sequence has shape (steps of all sequences, features); the formula is the same.
    def formula(layer, shape):
        *steps, d_in = shape
        rows, proj_size = gates * layer.hidden_size, getattr(layer, "proj_size", 0)
        size_out = proj_size or layer.hidden_size  # what a step hands on: to itself and upwards
        directions = ("", "_reverse") if layer.bidirectional else ("",)
        sizes, flops = {}, 0
        for k in range(layer.num_layers):
            for direction in directions:
                weights = {"ih": rows * d_in, "hh": rows * size_out}
                weights["hr"] = proj_size * layer.hidden_size
                flops += 2 * math.prod(steps) * sum(weights.values())
                sizes |= {f"weight_{key}_l{k}{direction}": n for key, n in weights.items()}
                sizes |= {f"bias_{key}_l{k}{direction}": rows for key in ("ih", "hh")}
            d_in = len(directions) * size_out
        return sizes, flops, (*steps, d_in)

    return formula


def _recurrent_cell(gates):
    # One step of one layer. nn.LSTMCell returns (h, c): the shape is that of h.
    def formula(layer, shape):
        *batch, d_in = shape
        rows = gates * layer.hidden_size
        sizes = {"weight_ih": rows * d_in, "weight_hh": rows * layer.hidden_size}
        flops = 2 * math.prod(batch) * sum(sizes.values())
        sizes |= {"bias_ih": rows, "bias_hh": rows}
        return sizes, flops, (*batch, layer.hidden_size)

    return formula


def _layer_norm(layer, shape):
    size = math.prod(layer.normalized_shape)
    return _sizes(size, size), 0, shape


def _rms_norm(layer, shape):
    return {"weight": math.prod(layer.normalized_shape)}, 0, shape


def _embedding(layer, shape):
    # Rows are looked up, not multiplied.
    size = layer.num_embeddings * layer.embedding_dim
    return {"weight": size}, 0, (*shape, layer.embedding_dim)


def _batch_norm2d(layer, shape):
    # Scale and shift; the running statistics are buffers, not parameters.
    return _sizes(layer.num_features, layer.num_features), 0, shape


def _pool2d(layer, shape):
    kernel_size, padding, dilation = (
        _pair(value) for value in (layer.kernel_size, layer.padding, getattr(layer, "dilation", 1))
    )
    stride = _pair(layer.stride)
    settings = zip(shape[-2:], kernel_size, stride, padding, dilation, strict=True)
    size = (_places(*axis, ceil_mode=layer.ceil_mode) for axis in settings)
    return {}, 0, (*shape[:-2], *size)


def _adaptive_pool2d(layer, shape):
    wanted = _pair(layer.output_size)
    size = (n if want is None else want for n, want in zip(shape[-2:], wanted, strict=True))
    return {}, 0, (*shape[:-2], *size)


def _flatten(layer, shape):
    first, last = layer.start_dim % len(shape), layer.end_dim % len(shape)
    return {}, 0, (*shape[:first], math.prod(shape[first : last + 1]), *shape[last + 1 :])


def _same(layer, shape):
    return {}, 0, shape


def _sizes(weight, bias):
    return {"weight": weight, "bias": bias}


def _places(size, kernel_size, stride, padding, dilation, *, ceil_mode=False):
    # On how many places of one axis the kernel stops.
    room = size + 2 * padding - dilation * (kernel_size - 1) - 1
    places = room // stride + 1
    # ceil_mode adds a last window that juts out, if it starts before the padding at the end.
    if ceil_mode and room % stride and places * stride < size + padding:
        places += 1
    return places


def _pair(value):
    return tuple(value) if isinstance(value, (tuple, list)) else (value, value)


KNOWN = {
    nn.Conv2d: _conv2d,
    nn.ConvTranspose2d: _conv_transpose2d,
    nn.Linear: _linear,
    nn.RNN: _recurrent(gates=1),
    nn.LSTM: _recurrent(gates=4),
    nn.GRU: _recurrent(gates=3),
    nn.RNNCell: _recurrent_cell(gates=1),
    nn.LSTMCell: _recurrent_cell(gates=4),
    nn.GRUCell: _recurrent_cell(gates=3),
    nn.BatchNorm2d: _batch_norm2d,
    nn.LayerNorm: _layer_norm,
    nn.RMSNorm: _rms_norm,
    nn.Embedding: _embedding,
    nn.MaxPool2d: _pool2d,
    nn.AvgPool2d: _pool2d,
    nn.AdaptiveAvgPool2d: _adaptive_pool2d,
    nn.ReLU: _same,
    nn.Sigmoid: _same,
    nn.Tanh: _same,
    nn.GELU: _same,
    nn.SiLU: _same,
    nn.Flatten: _flatten,
    nn.Dropout: _same,
    nn.Identity: _same,
}
