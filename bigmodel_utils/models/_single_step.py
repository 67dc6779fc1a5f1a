"""Blocks for one more position: the same numbers as a block's own, by fewer calls.

While a model writes, a step has one position a row, and calling a layer costs more time than its
arithmetic. Here one product makes queries, keys and values, one turn places queries and keys, and
PyTorch's fused kernel attends.
"""

import math

import torch
import torch.nn.functional as F
from torch import nn

from bigmodel_utils.models import _positions
from bigmodel_utils.models._attention import DotProductAttention
from bigmodel_utils.models._blocks import NORMS, Block, FeedForward, MultiHeadAttention

__all__ = ["single_steps"]

_KNOWN = {
    Block, MultiHeadAttention, DotProductAttention, FeedForward, nn.Linear, nn.Dropout, nn.Identity,
    *NORMS.values(),
}  # fmt: skip
_HOOKS = ("_forward_hooks", "_forward_pre_hooks")


def single_steps(blocks):
    """Return what computes ``blocks`` for one position, called as they are, or ``blocks``.

    The projections' weights are copied: a change of them later is not seen. Blocks are returned
    as they are if a part of them is not the book's own (a subclass, an adapter in the place of a
    projection), is watched by a hook, trains, or is told which attention to use.
    """
    parts = [part for block in blocks for part in block.modules()]
    return [_SingleStep(block) for block in blocks] if all(map(_is_plain, parts)) else blocks


def _is_plain(part):
    if type(part) not in _KNOWN or "forward" in vars(part) or part.training:
        return False
    if isinstance(part, DotProductAttention) and part.fused is not None:
        return False
    return not any(getattr(part, hooks) for hooks in _HOOKS)


def _quick(norm):
    # A few vectors: x / √(|x|² + ε d) · w √d is four calls, and the module's own a dozen.
    if not isinstance(norm, nn.RMSNorm) or norm.weight.dtype not in (torch.float32, torch.float64):
        return norm.forward
    root = math.sqrt(norm.weight.numel())
    weight, floor = norm.weight * root, norm.weight.new_tensor(math.sqrt(norm.eps) * root)
    return lambda x: (
        x / torch.hypot(torch.linalg.vector_norm(x, dim=-1, keepdim=True), floor) * weight
    )


class _SingleStep:
    """A block for x (b, 1, d_model), without gradients and in evaluation mode."""

    def __init__(self, block):
        attention = block.attention
        self.attention, self.pre_norm = attention, block.pre_norm
        self.norm1, self.norm2 = _quick(block.norm1), _quick(block.norm2)
        self.feed_forward = block.feed_forward.forward
        projections = (attention.q_proj, attention.k_proj, attention.v_proj)
        self.weight = torch.cat([projection.weight for projection in projections])
        biases = [projection.bias for projection in projections]
        self.bias = None if biases[0] is None else torch.cat(biases)
        self.sizes = (attention.num_heads + attention.num_kv_heads, attention.num_kv_heads)

    def __call__(self, x, mask, *, causal, rotary, layer_cache):
        # Causal or not is one: the last position sees all before it.
        if self.pre_norm:
            x = x + self._attend(self.norm1(x), mask, rotary, layer_cache)
            return x + self.feed_forward(self.norm2(x))
        x = self.norm1(x + self._attend(x, mask, rotary, layer_cache))
        return self.norm2(x + self.feed_forward(x))

    def _attend(self, x, mask, rotary, layer_cache):
        own, n = self.attention, self.attention.num_heads
        heads = F.linear(x, self.weight, self.bias).unflatten(-1, (-1, own.d_head)).transpose(1, 2)
        turned, v = heads.split(self.sizes, dim=1)  # (b, n + n_kv, 1, d_head), (b, n_kv, ...)
        if own.qk_norm:
            turned = torch.cat([own.q_norm(turned[:, :n]), own.k_norm(turned[:, n:])], dim=1)
        if rotary is not None:
            turned = _positions.turn(turned, *rotary)
        q, (k, v) = turned[:, :n], layer_cache(turned[:, n:], v)  # k and v (b, n_kv, s, d_head)
        if mask is None and own.num_kv_heads == n:
            out = F.scaled_dot_product_attention(q, k, v)
        else:
            out = own.attend.forward(q, k, v, mask)
        return own.out_proj.forward(out.transpose(1, 2).flatten(2))
