"""Activations of a GPT, exchanged while it runs.

Sources: Vig et al., Investigating gender bias in language models using causal mediation analysis,
2020 (arXiv:2004.12265); Meng et al., Locating and editing factual associations in GPT, 2022
(arXiv:2202.05262).
"""

import contextlib
import numbers

import torch

from bigmodel_utils import arguments
from bigmodel_utils.interventions._capture import check_model, hooked

__all__ = ["replaced_heads", "run_from", "without_heads"]


def run_from(model, x, block):
    """Return the logits (b, t, vocab) of the rest of a model, from the states before a block.

    ``run_from(model, capture_states(model, tokens)[block], block)`` is ``model(tokens)``.

    Args:
        model: a :class:`bigmodel_utils.models.GPT`.
        x: states (b, t, d_model), of positions 0 to t - 1.
        block: number of the first block to run, 0 to num_layers; num_layers runs the head alone.

    Raises:
        TypeError, ValueError: naming the argument, what came and what was expected.
    """
    layers = check_model(model).blocks
    width = layers[0].attention.d_model
    t = arguments.filled("x", arguments.tensor("x", x, ("b", "t", width), floating=True)).shape[1]
    if t > model.context:
        raise ValueError(f"x: expected at most {model.context} positions, got {t}")
    block = arguments.integer("block", block, minimum=0, maximum=len(layers))
    rotary, near = None, None
    if model.positions == "rotary":
        rotary = model.rotary_cos[:t], model.rotary_sin[:t]
    if model.window is not None and t > model.window:
        near = torch.ones(t, t, dtype=torch.bool, device=x.device).triu(1 - model.window)
    for layer in layers[block:]:
        x = layer(x, near, causal=True, rotary=rotary)
    return model.head(model.norm(x))


@contextlib.contextmanager
def replaced_heads(model, changes, places=slice(None)):
    """Run the model with the outputs of some heads replaced; afterwards it is as before.

    A head's output is what it hands to the output projection, d_head numbers at each position. A
    model that reads a cache one token at a time goes past its modules, and so past this.

    Args:
        model: a :class:`bigmodel_utils.models.GPT`.
        changes: dict of pairs (block, head), counted from 0, and a value for each: a number, or
            a tensor that broadcasts to (b, t, d_head), t being the number of ``places``.
        places: positions at which to replace, a slice or a list of integers; by default all.

    Raises:
        TypeError, ValueError: naming the argument, what came and what was expected.
    """
    by_block = _checked(check_model(model), changes)
    if not isinstance(places, (slice, list)):
        raise TypeError(f"places: expected a slice or a list, got {arguments.describe(places)}")
    if isinstance(places, list):
        places = [arguments.integer(f"places[{i}]", p) for i, p in enumerate(places)]

    def change(block):
        size = model.blocks[block].attention.d_head

        def exchange(module, inputs):
            out = inputs[0].clone()  # (b, t, n d_head)
            _inside(places, out.shape[1])
            for head, value in by_block[block].items():
                part = out[:, places, size * head : size * head + size]
                if isinstance(value, torch.Tensor):
                    arguments.broadcasts(f"changes[{block}, {head}]", value, part.shape)
                out[:, places, size * head : size * head + size] = value
            return (out,)

        return model.blocks[block].attention.out_proj.register_forward_pre_hook(exchange)

    with hooked([change(block) for block in by_block]):
        yield model


def without_heads(model, heads, means=None):
    """Run the model with heads switched off, to be used in ``with``.

    Args:
        model: a :class:`bigmodel_utils.models.GPT`.
        heads: pairs (block, head), counted from 0.
        means: what to put in their places, (num_layers, n, d_head), such as
            ``capture_heads(model, tokens).mean((1, 2))``; None puts zeros.

    Raises:
        TypeError, ValueError: naming the argument, what came and what was expected.
    """
    layer = check_model(model).blocks[0].attention
    if means is not None:
        shape = len(model.blocks), layer.num_heads, layer.d_head
        arguments.tensor("means", means, shape, floating=True)
    heads = _pairs("heads", model, heads)
    return replaced_heads(model, {pair: 0.0 if means is None else means[pair] for pair in heads})


def _checked(model, changes):
    # The changes, block by block.
    if not isinstance(changes, dict):
        raise TypeError(f"changes: expected a dict, got {arguments.describe(changes)}")
    found = {}
    for block, head in _pairs("changes", model, changes):
        value = changes[block, head]
        name = f"changes[{block}, {head}]"
        if isinstance(value, bool) or not isinstance(value, (numbers.Real, torch.Tensor)):
            got = arguments.describe(value)
            raise TypeError(f"{name}: expected a number or a tensor, got {got}")
        found.setdefault(block, {})[head] = value
    return found


def _inside(places, t):
    for i, place in enumerate(places if isinstance(places, list) else []):
        if not -t <= place < t:
            raise ValueError(f"places[{i}]: expected {-t} to {t - 1}, got {place}")


def _pairs(name, model, heads):
    layers, found = model.blocks, []
    if not isinstance(heads, (list, tuple, set, dict)):
        raise TypeError(f"{name}: expected pairs (block, head), got {arguments.describe(heads)}")
    for pair in heads:
        if not isinstance(pair, tuple) or len(pair) != 2:
            got = arguments.describe(pair)
            raise TypeError(f"{name}: expected pairs (block, head), got {got}")
        block = arguments.integer(f"{name}, block", pair[0], minimum=0, maximum=len(layers) - 1)
        most = layers[block].attention.num_heads - 1
        found.append((block, arguments.integer(f"{name}, head", pair[1], minimum=0, maximum=most)))
    return found
