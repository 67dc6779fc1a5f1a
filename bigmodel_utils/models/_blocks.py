"""Multi-head attention, the feed-forward layer, and the block of a Transformer made of them."""

from functools import partial

import torch
import torch.nn.functional as F
from torch import nn

from bigmodel_utils.arguments import flag, integer, one_of, real, tensor
from bigmodel_utils.models import _positions
from bigmodel_utils.models._attention import DotProductAttention

__all__ = ["NORMS", "Block", "FeedForward", "MultiHeadAttention"]

_ACTIVATIONS = {
    "relu": F.relu,
    "gelu": F.gelu,
    "gelu_tanh": partial(F.gelu, approximate="tanh"),
    "relu2": lambda x: F.relu(x).square(),
}
_GATES = {
    "swiglu": F.silu,
    "geglu": F.gelu,
    "geglu_tanh": partial(F.gelu, approximate="tanh"),
}
NORMS = {"layer": nn.LayerNorm, "rms": nn.RMSNorm}


class MultiHeadAttention(nn.Module):
    """Several attentions side by side, each on its own projection of the input.

    Args:
        d_model: features of a position.
        num_heads: heads, a divisor of d_model unless d_head is given.
        num_kv_heads: heads of keys and values, each shared by a group of query heads; by default
            num_heads.
        d_head: features of a head, by default ``d_model // num_heads``.
        bias: True gives the four projections a bias.
        qkv_bias: the same for those of queries, keys and values; by default as bias.
        out_bias: the same for the output's; by default as bias.
        qk_norm: True normalises each head's queries and keys (RMS) before they are turned.
        norm_eps: added to the mean square in that norm.
        dropout: share of the output set to zero in training.

    ``forward(x, mask=None, *, causal=False, rotary=None, layer_cache=None)`` takes x
    (b, t, d_model) and returns the same shape. ``rotary`` is the pair of
    :func:`bigmodel_utils.models.rotary_tables` at x's positions; ``layer_cache`` is called with
    the new keys and values, (b, n_kv, t, d_head) each, and returns all so far.

    Source: Vaswani et al., 2017 (arXiv:1706.03762); shared keys: Ainslie et al., GQA, 2023
    (arXiv:2305.13245); norms of queries and keys: Henry et al., 2020 (arXiv:2010.04245).
    """

    def __init__(
        self, d_model, num_heads, *, num_kv_heads=None, d_head=None, bias=False, qkv_bias=None,
        out_bias=None, qk_norm=False, norm_eps=1e-5, dropout=0.0,
    ):  # fmt: skip
        super().__init__()
        self.d_model = integer("d_model", d_model, minimum=1)
        self.num_heads = integer("num_heads", num_heads, minimum=1)
        kv_heads = num_heads if num_kv_heads is None else num_kv_heads
        self.num_kv_heads = integer("num_kv_heads", kv_heads, minimum=1, maximum=num_heads)
        if d_head is None and d_model % num_heads:
            raise ValueError(
                f"num_heads: expected a divisor of d_model = {d_model}, got {num_heads}"
            )
        if num_heads % kv_heads:
            raise ValueError(f"num_kv_heads: expected a divisor of {num_heads}, got {kv_heads}")
        d_head = d_model // num_heads if d_head is None else d_head
        self.d_head = integer("d_head", d_head, minimum=1)
        flag("bias", bias)
        qkv_bias = bias if qkv_bias is None else flag("qkv_bias", qkv_bias)
        out_bias = bias if out_bias is None else flag("out_bias", out_bias)
        d_q, d_kv = num_heads * d_head, kv_heads * d_head
        self.q_proj = nn.Linear(d_model, d_q, bias=qkv_bias)
        self.k_proj = nn.Linear(d_model, d_kv, bias=qkv_bias)
        self.v_proj = nn.Linear(d_model, d_kv, bias=qkv_bias)
        real("norm_eps", norm_eps, above=0)
        if flag("qk_norm", qk_norm):
            self.q_norm, self.k_norm = (nn.RMSNorm(d_head, eps=norm_eps) for _ in range(2))
        self.qk_norm = qk_norm
        self.attend = DotProductAttention()
        self.out_proj = nn.Linear(d_q, d_model, bias=out_bias)
        self.dropout = (
            nn.Dropout(dropout) if real("dropout", dropout, minimum=0, maximum=1) else nn.Identity()
        )

    def forward(self, x, mask=None, *, causal=False, rotary=None, layer_cache=None):
        if not isinstance(x, torch.Tensor) or x.ndim != 3 or x.shape[2] != self.d_model:
            tensor("x", x, ("b", "t", self.d_model))
        q, k, v = self.q_proj(x), self.k_proj(x), self.v_proj(x)
        q, k, v = (y.unflatten(-1, (-1, self.d_head)).transpose(1, 2) for y in (q, k, v))
        if self.qk_norm:  # q (b, n, t, d_head), k and v (b, n_kv, t, d_head)
            q, k = self.q_norm(q), self.k_norm(k)
        if rotary is not None:
            q, k = _positions.rotate(q, *rotary), _positions.rotate(k, *rotary)
        if layer_cache is not None:
            k, v = layer_cache(k, v)  # (b, n_kv, s, d_head)
        out = self.attend(q, k, v, mask, causal)  # (b, n, t, d_head)
        out = out.transpose(1, 2).flatten(2)  # (b, t, n d_head)
        return self.dropout(self.out_proj(out))


class FeedForward(nn.Module):
    """Two linear layers and a nonlinearity, at each position alone.

    Args:
        d_model: features of a position.
        d_ff: features between the two layers.
        activation: "relu", "gelu", "gelu_tanh" (GPT-2's approximation of GELU), "relu2" (the square
            of ReLU), or a gated one, where a third layer's output multiplies the first one's, d_ff
            features each: "swiglu" (by its SiLU), "geglu" (by its GELU), "geglu_tanh".
        bias: True gives the layers a bias.

    Sources: squared ReLU, So et al., Primer, 2021 (arXiv:2109.08668); gates, Shazeer, GLU variants
    improve Transformer, 2020 (arXiv:2002.05202).
    """

    def __init__(self, d_model, d_ff, *, activation="relu2", bias=False):
        super().__init__()
        integer("d_model", d_model, minimum=1)
        integer("d_ff", d_ff, minimum=1)
        flag("bias", bias)
        self.activation = one_of("activation", activation, (*_ACTIVATIONS, *_GATES))
        self.up_proj = nn.Linear(d_model, d_ff, bias=bias)
        if activation in _GATES:
            self.gate_proj = nn.Linear(d_model, d_ff, bias=bias)
        self.down_proj = nn.Linear(d_ff, d_model, bias=bias)

    def forward(self, x):
        if self.activation in _GATES:
            gate = _GATES[self.activation](self.gate_proj(x))
            return self.down_proj(gate * self.up_proj(x))
        return self.down_proj(_ACTIVATIONS[self.activation](self.up_proj(x)))


class Block(nn.Module):
    """One layer of a Transformer: attention and a feed-forward layer on a residual stream.

    With ``norm="layer", activation="relu" or "gelu", bias=True`` it computes what
    ``nn.TransformerEncoderLayer(norm_first=pre_norm)`` does.

    Args:
        d_model, num_heads: see :class:`MultiHeadAttention`.
        d_ff, activation: see :class:`FeedForward`.
        norm: "rms" or "layer".
        norm_eps: added to the mean square, or the variance, in the norms.
        pre_norm: True normalises what each part reads, False the sum after it.
        bias: True gives all linear layers a bias.
        ff_bias: the same for the feed-forward layer; by default as bias.
        dropout: share of each part's output set to zero in training.
        attention: further options of :class:`MultiHeadAttention`, such as num_kv_heads.

    ``forward`` takes and returns (b, t, d_model); further arguments go to the attention.
    """

    def __init__(
        self, d_model, num_heads, d_ff, *, norm="rms", norm_eps=1e-5, pre_norm=True,
        activation="relu2", bias=False, ff_bias=None, dropout=0.0, **attention,
    ):  # fmt: skip
        super().__init__()
        self.pre_norm = flag("pre_norm", pre_norm)
        norm = NORMS[one_of("norm", norm, tuple(NORMS))]
        norm_eps = real("norm_eps", norm_eps, above=0)
        self.attention = MultiHeadAttention(
            d_model, num_heads, bias=bias, norm_eps=norm_eps, dropout=dropout, **attention
        )
        ff_bias = bias if ff_bias is None else flag("ff_bias", ff_bias)
        self.feed_forward = FeedForward(d_model, d_ff, activation=activation, bias=ff_bias)
        self.norm1, self.norm2 = (norm(d_model, eps=norm_eps) for _ in range(2))
        self.dropout = nn.Dropout(dropout) if dropout else nn.Identity()

    def forward(self, x, mask=None, **options):
        if self.pre_norm:
            x = x + self.attention(self.norm1(x), mask, **options)
            return x + self.dropout(self.feed_forward(self.norm2(x)))
        x = self.norm1(x + self.attention(x, mask, **options))
        return self.norm2(x + self.dropout(self.feed_forward(x)))
