"""Activations of a GPT, read while it runs: states, outputs of heads and attention weights."""

import contextlib

import torch

from bigmodel_utils import arguments, models

__all__ = ["capture_heads", "capture_states", "capture_weights", "hooked"]


def capture_states(model, tokens):
    """Return the states (num_layers + 1, b, t, d_model): before the first block and after each.

    Args:
        model: a :class:`bigmodel_utils.models.GPT`.
        tokens: (b, t) integers.

    Raises:
        TypeError, ValueError: naming the argument, what came and what was expected.
    """
    states = []

    def look(module, inputs, output):
        states.append(inputs[0])
        if module is model.blocks[-1]:
            states.append(output)

    hooks = [block.register_forward_hook(look) for block in check_model(model).blocks]
    with hooked(hooks):
        model(tokens)
    return torch.stack(states)


def capture_heads(model, tokens):
    """Return what each head hands to the output projection, (num_layers, b, t, n, d_head).

    Arguments and errors as for :func:`capture_states`.
    """
    found = []

    def look(module, inputs):
        found.append(inputs[0])  # (b, t, n d_head)

    layers = [block.attention for block in check_model(model).blocks]
    with hooked([layer.out_proj.register_forward_pre_hook(look) for layer in layers]):
        model(tokens)
    return torch.stack(found).unflatten(-1, (-1, layers[0].d_head))


def capture_weights(model, tokens):
    """Return the attention weights of all heads, (num_layers, b, n, t, t); rows add up to 1.

    Arguments and errors as for :func:`capture_states`. Of a model without a window.
    """
    if check_model(model).window is not None:
        raise ValueError(f"model: expected one without a window, got window {model.window}")
    found = []

    def look(module, inputs):
        q, k = inputs[:2]  # (b, n, t, d_head), (b, n_kv, t, d_head)
        k = k.repeat_interleave(q.shape[1] // k.shape[1], dim=1)
        mask = models.causal_mask(q.shape[2], device=q.device)
        found.append(models.attention_weights(q, k, mask))

    layers = [block.attention.attend for block in model.blocks]
    with hooked([layer.register_forward_pre_hook(look) for layer in layers]):
        model(tokens)
    return torch.stack(found)


@contextlib.contextmanager
def hooked(hooks):
    """Take hooks away at the end, whatever happens."""
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def check_model(model):
    """Return ``model`` if it is a GPT, else TypeError."""
    if not isinstance(model, models.GPT):
        raise TypeError(f"model: expected a GPT, got {arguments.describe(model)}")
    return model
