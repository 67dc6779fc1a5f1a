"""Scaled dot-product attention, written out, and its masks.

A mask is boolean and True means "may attend", as for ``scaled_dot_product_attention``;
``nn.MultiheadAttention`` means the opposite. A query that may attend to nothing gets weights 0 and
output 0, and so do its gradients; the softmax alone would give it NaN.

Source: Vaswani et al., Attention is all you need, 2017 (arXiv:1706.03762), section 3.2.
"""

import torch
import torch.nn.functional as F
from torch import nn

from bigmodel_utils import arguments, sequences

__all__ = [
    "DotProductAttention",
    "attention",
    "attention_weights",
    "causal_mask",
    "padding_mask",
]

# Keys up to which the explicit product is faster on a CPU than the fused kernel.
_SHORT = 256


def attention(q, k, v, mask=None, *, scale=None):
    """Return softmax(q kᵀ · scale) v over the keys that ``mask`` allows.

    Args:
        q: queries (..., t, d_k).
        k: keys (..., s, d_k); leading axes as those of q, or broadcastable.
        v: values (..., s, d_v).
        mask: bool, broadcastable to (..., t, s), True = may attend; None allows all.
        scale: factor of the scores, by default 1 / sqrt(d_k).

    Returns:
        Tensor (..., t, d_v).

    Raises:
        TypeError, ValueError: naming the argument, what came and what was expected.
    """
    for name, value in (("k", k), ("v", v)):
        arguments.tensor(name, value, floating=True)
    if k.ndim < 2:
        raise ValueError(f"k: expected shape (..., s, d), got {tuple(k.shape)}")
    if v.ndim < 2 or v.shape[-2] != k.shape[-2]:
        raise ValueError(
            f"v: expected one row for each of the {k.shape[-2]} keys, got {tuple(v.shape)}"
        )
    return attention_weights(q, k, mask, scale=scale) @ v


def attention_weights(q, k, mask=None, *, scale=None):
    """Return softmax(q kᵀ · scale), (..., t, s); arguments as for :func:`attention`.

    Rows add up to 1, or to 0 for a query that may attend to nothing.
    """
    for name, value in (("q", q), ("k", k)):
        if arguments.tensor(name, value, floating=True).ndim < 2:
            raise ValueError(f"{name}: expected shape (..., t, d), got {tuple(value.shape)}")
    if q.shape[-1] != k.shape[-1]:
        raise ValueError(f"k: expected {q.shape[-1]} features as q has, got shape {tuple(k.shape)}")
    scale = q.shape[-1] ** -0.5 if scale is None else arguments.real("scale", scale)
    scores = (q * scale) @ k.transpose(-2, -1)  # (..., t, s)
    if mask is None:
        return scores.softmax(-1)
    _check_mask(mask, scores.shape)
    weights = scores.masked_fill(~mask, -torch.inf).softmax(-1)
    # A row without keys is NaN so far; where, not nan_to_num, also stops its gradient.
    return torch.where(mask.any(-1, keepdim=True), weights, 0)


def causal_mask(t, s=None, device=None):
    """Return the mask (t, s) under which the t queries are the last of s positions.

    Query i may attend to the keys up to ``i + s - t``. With s = t these are itself and all before
    it; with a cache of earlier keys s is larger.

    Args:
        t: number of queries.
        s: number of keys, at least t; by default t.
        device: of the mask.
    """
    t = arguments.integer("t", t, minimum=1)
    s = t if s is None else arguments.integer("s", s, minimum=t)
    return torch.ones(t, s, dtype=torch.bool, device=device).tril(s - t)


def padding_mask(lengths, s):
    """Return the mask (b, 1, 1, s) that hides the padding of ``s`` keys from heads and queries.

    Args:
        lengths: (b,) integers, real positions of each sequence.
        s: number of keys.
    """
    s = arguments.integer("s", s, minimum=1)
    arguments.tensor("lengths", lengths, ("b",))
    return sequences.mask(lengths, s)[:, None, None, :]


class DotProductAttention(nn.Module):
    """Attention as a layer without parameters, by the way that is fast for the sizes at hand.

    Attributes:
        fused: True for PyTorch's fused kernel, False for the written-out product, None (the
            default) to choose: on a CPU the fused one pays from 257 keys on, on a GPU always.

    ``forward(q, k, v, mask=None, causal=False)`` takes q (b, n, t, d_k), k and v (b, n_kv, s, ...)
    with n a multiple of n_kv, so that groups of queries share a key. ``causal=True`` adds
    :func:`causal_mask` to ``mask``. Queries without a key give 0 either way.
    """

    def __init__(self):
        super().__init__()
        self.fused = None

    def forward(self, q, k, v, mask=None, causal=False):
        t, s = q.shape[-2], k.shape[-2]
        if k.shape[1] != q.shape[1]:
            k, v = (x.repeat_interleave(q.shape[1] // x.shape[1], dim=1) for x in (k, v))
        fused = self.fused
        if fused is None:
            fused = q.device.type != "cpu" or s > _SHORT
        if causal and t == 1:
            causal = False  # the last position sees all keys
        if fused and causal and mask is None and t == s:
            return F.scaled_dot_product_attention(q, k, v, is_causal=True)
        if causal:
            allowed = causal_mask(t, s, q.device)
            mask = allowed if mask is None else mask & allowed
        if not fused:
            return attention(q, k, v, mask)
        out = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        if mask is None:
            return out
        return torch.where(mask.any(-1, keepdim=True), out, 0)


def _check_mask(mask, shape):
    arguments.tensor("mask", mask, dtype=torch.bool)
    fits = mask.ndim <= len(shape) and all(
        size in (1, want) for size, want in zip(mask.shape[::-1], shape[::-1], strict=False)
    )
    if not fits:
        raise ValueError(
            f"mask: expected a shape that broadcasts to {tuple(shape)}, got {tuple(mask.shape)}"
        )
