"""Low-rank corrections for the layers of a whole model."""

from torch import nn

from bigmodel_utils import arguments
from bigmodel_utils.adaptation._lora import LoRALinear

__all__ = ["add_lora", "lora_parameters", "merge_lora", "remove_lora"]


def add_lora(model, rank, *, names, alpha=None, generator=None):
    """Freeze a model and put a :class:`LoRALinear` in the place of some of its linear layers.

    Args:
        model: nn.Module, changed in place: all its parameters stop requiring gradients.
        rank, alpha, generator: see :class:`LoRALinear`.
        names: list of the last parts of the names of the layers, such as ``["q_proj", "v_proj"]``
            for ``blocks.0.attention.q_proj`` and its like.

    Returns:
        list: the names of the layers that were replaced, in the model's order.

    Raises:
        TypeError, ValueError: naming the argument; ValueError also where a name meets no layer, a
            layer that is not an nn.Linear, or one that has a correction already. The model is then
            as it was.
    """
    arguments.module("model", model)
    if not isinstance(names, (list, tuple)) or not names:
        raise TypeError(f"names: expected a list of names, got {arguments.describe(names)}")
    found = {}
    for wanted in names:
        if not isinstance(wanted, str):
            raise TypeError(f"names: expected texts, got {arguments.describe(wanted)}")
        some = {n: m for n, m in model.named_modules() if n.rpartition(".")[2] == wanted and n}
        if not some:
            raise ValueError(f"names: expected names of layers, got {wanted!r}, which none has")
        found.update(some)
    for name, layer in found.items():
        if not isinstance(layer, nn.Linear):
            kind = type(layer).__name__
            raise ValueError(f"names: expected names of nn.Linear, {name} is of type {kind}")
        arguments.integer("rank", rank, minimum=1, maximum=min(layer.weight.shape))
    alpha = alpha if alpha is None else arguments.real("alpha", alpha, above=0)
    order = [name for name, _ in model.named_modules() if name in found]
    model.requires_grad_(False)
    for name in order:
        _put(model, name, LoRALinear(found[name], rank, alpha=alpha, generator=generator))
    return order


def lora_parameters(model):
    """Return the list of A and B of all corrections in a model; ValueError if it has none."""
    return [p for layer in _layers(model).values() for p in (layer.a, layer.b)]


def merge_lora(model):
    """Put plain layers with the weights W + scale B A in place of the corrections.

    The weights of the layers before are not changed. Returns the model, changed in place.
    """
    for name, layer in _layers(model).items():
        _put(model, name, layer.merged())
    return model


def remove_lora(model):
    """Put the layers back that the corrections were added to. Returns the model.

    What :func:`merge_lora` merged is gone: copy a model first to keep both.
    """
    for name, layer in _layers(model).items():
        _put(model, name, layer.unmerged())
    return model


def _layers(model):
    arguments.module("model", model)
    found = {n: m for n, m in model.named_modules() if isinstance(m, LoRALinear) and n}
    if not found:
        raise ValueError(f"model: expected one with LoRALinear, {type(model).__name__} has none")
    return found


def _put(model, name, layer):
    parent, _, last = name.rpartition(".")
    setattr(model.get_submodule(parent), last, layer)
