"""Scaled dot-product attention, written out, and its masks.

A mask is boolean and True means "may attend", as for ``scaled_dot_product_attention``;
``nn.MultiheadAttention`` means the opposite. A query that may attend to nothing gets weights 0 and
output 0, and so do its gradients; the softmax alone would give it NaN.

Source: Vaswani et al., Attention is all you need, 2017 (arXiv:1706.03762), section 3.2.
"""

import math

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
    _check_tensors(q=q, k=k, v=v)
    _check_leading_axes(q=q, k=k, v=v)
    return _weights(q, k, mask, scale) @ v


def attention_weights(q, k, mask=None, *, scale=None):
    """Return softmax(q kᵀ · scale), (..., t, s); arguments as for :func:`attention`.

    Rows add up to 1, or to 0 for a query that may attend to nothing.
    """
    _check_tensors(q=q, k=k)
    _check_leading_axes(q=q, k=k)
    return _weights(q, k, mask, scale)


def _weights(q, k, mask, scale):
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
    :func:`causal_mask` to ``mask``, which is as for :func:`attention`. Queries without a key give 0
    either way.
    """

    def __init__(self):
        super().__init__()
        self.fused = None

    def forward(self, q, k, v, mask=None, causal=False):
        t, s = _check_heads(q, k, v, mask, causal)
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
            return _weights(q, k, mask, None) @ v
        out = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        if mask is None:
            return out
        return torch.where(mask.any(-1, keepdim=True), out, 0)

    def cost(self, q, k, v):
        """Return (parameters, FLOPs, output shape) for inputs of these shapes.

        Each query meets each key, and each of its weights a value: a mask saves no product.
        """
        *_, s, d_v = v
        flops = 2 * math.prod(q) * s + 2 * math.prod(q[:-1]) * s * d_v
        return {}, flops, (*q[:-1], d_v)


def _check_tensors(**named):
    # q, k and perhaps v, of at least two axes, fit each other in all but the leading ones.
    q = named["q"]
    for name, x in named.items():
        if arguments.tensor(name, x, floating=True).ndim < 2:
            rows = "t" if name == "q" else "s"
            raise ValueError(f"{name}: expected shape (..., {rows}, d), got {tuple(x.shape)}")
        arguments.filled(name, x)
        # Autocast makes them one dtype in the products.
        if x.dtype != q.dtype and not torch.is_autocast_enabled(q.device.type):
            got = arguments.describe(x)
            raise TypeError(f"{name}: expected dtype {q.dtype} as q has, got {got}")
    d_k, (s, d) = q.shape[-1], named["k"].shape[-2:]
    if d != d_k:
        shape = tuple(named["k"].shape)
        raise ValueError(f"k: expected {d_k} features as q has, got shape {shape}")
    if "v" in named and named["v"].shape[-2] != s:
        shape = tuple(named["v"].shape)
        raise ValueError(f"v: expected one row for each of the {s} keys, got {shape}")


def _check_leading_axes(**named):
    lead = named["q"].shape[:-2]
    for name, x in named.items():
        if x.shape[:-2] == lead:
            continue
        try:
            lead = torch.broadcast_shapes(lead, x.shape[:-2])
        except RuntimeError:
            raise ValueError(
                f"{name}: expected leading axes that broadcast with {tuple(lead)}, got shape "
                f"{tuple(x.shape)}"
            ) from None


def _check_heads(q, k, v, mask, causal):
    """Return t and s if q, k and v are heads of one batch and ``mask`` fits their scores."""
    _check_tensors(q=q, k=k, v=v)
    for name, x in (("q", q), ("k", k), ("v", v)):
        if x.ndim != 4:
            raise ValueError(f"{name}: expected shape (b, n, t, d), got {tuple(x.shape)}")
    (b, n, t, _), (b_k, n_kv, s, _) = q.shape, k.shape
    if b_k != b or n % n_kv:
        raise ValueError(
            f"k: expected {b} rows and a number of heads that divides the {n} of q, got shape "
            f"{tuple(k.shape)}"
        )
    if v.shape[:2] != k.shape[:2]:
        raise ValueError(f"v: expected {b} rows and {n_kv} heads as k, got shape {tuple(v.shape)}")
    if mask is not None:
        _check_mask(mask, (b, n, t, s))
    if arguments.flag("causal", causal) and t > s:
        raise ValueError(
            f"k: expected at least {t} keys, as causal queries are the last of them, got shape "
            f"{tuple(k.shape)}"
        )
    return t, s


def _check_mask(mask, shape):
    arguments.tensor("mask", mask, dtype=torch.bool)
    arguments.broadcasts("mask", mask, shape)
