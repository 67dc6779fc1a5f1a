"""Multi-head attention, the feed-forward layer, and the block of a Transformer made of them."""

import torch.nn.functional as F
from torch import nn

from bigmodel_utils import positions
from bigmodel_utils.arguments import flag, integer, one_of, real
from bigmodel_utils.attention import DotProductAttention

__all__ = ["NORMS", "Block", "FeedForward", "MultiHeadAttention"]

_ACTIVATIONS = {
    "relu": F.relu,
    "gelu": F.gelu,
    "relu2": lambda x: F.relu(x).square(),
    "swiglu": F.silu,
}
NORMS = {"layer": nn.LayerNorm, "rms": nn.RMSNorm}


class MultiHeadAttention(nn.Module):
    """Several attentions side by side, each on its own projection of the input.

    Args:
        d_model: features of a position.
        num_heads: heads of ``d_model // num_heads`` features.
        num_kv_heads: heads of keys and values, each shared by a group of query heads; by default
            num_heads.
        bias: True gives the four projections a bias.
        dropout: share of the output set to zero in training.

    ``forward(x, mask=None, *, causal=False, rotary=None, layer_cache=None)`` takes x
    (b, t, d_model) and returns the same shape. ``rotary`` is the pair of
    :func:`bigmodel_utils.positions.rotary_tables` at x's positions; ``layer_cache`` is called with
    the new keys and values, (b, n_kv, t, d_head) each, and returns all so far.

    Source: Vaswani et al., 2017 (arXiv:1706.03762); shared keys: Ainslie et al., GQA, 2023
    (arXiv:2305.13245).
    """

    def __init__(self, d_model, num_heads, *, num_kv_heads=None, bias=False, dropout=0.0):
        super().__init__()
        integer("d_model", d_model, minimum=1)
        flag("bias", bias)
        self.num_heads = integer("num_heads", num_heads, minimum=1)
        kv_heads = num_heads if num_kv_heads is None else num_kv_heads
        self.num_kv_heads = integer("num_kv_heads", kv_heads, minimum=1, maximum=num_heads)
        if d_model % num_heads:
            raise ValueError(
                f"num_heads: expected a divisor of d_model = {d_model}, got {num_heads}"
            )
        if num_heads % kv_heads:
            raise ValueError(f"num_kv_heads: expected a divisor of {num_heads}, got {kv_heads}")
        self.d_head = d_model // num_heads
        d_kv = self.num_kv_heads * self.d_head
        self.q_proj = nn.Linear(d_model, d_model, bias=bias)
        self.k_proj = nn.Linear(d_model, d_kv, bias=bias)
        self.v_proj = nn.Linear(d_model, d_kv, bias=bias)
        self.attend = DotProductAttention()
        self.out_proj = nn.Linear(d_model, d_model, bias=bias)
        self.dropout = (
            nn.Dropout(dropout) if real("dropout", dropout, minimum=0, maximum=1) else nn.Identity()
        )

    def forward(self, x, mask=None, *, causal=False, rotary=None, layer_cache=None):
        q, k, v = self.q_proj(x), self.k_proj(x), self.v_proj(x)
        q, k, v = (y.unflatten(-1, (-1, self.d_head)).transpose(1, 2) for y in (q, k, v))
        if rotary is not None:  # q (b, n, t, d_head), k and v (b, n_kv, t, d_head)
            q, k = positions.rotate(q, *rotary), positions.rotate(k, *rotary)
        if layer_cache is not None:
            k, v = layer_cache(k, v)  # (b, n_kv, s, d_head)
        out = self.attend(q, k, v, mask, causal)  # (b, n, t, d_head)
        out = out.transpose(1, 2).flatten(2)  # (b, t, d_model)
        return self.dropout(self.out_proj(out))


class FeedForward(nn.Module):
    """Two linear layers and a nonlinearity, at each position alone.

    Args:
        d_model: features of a position.
        d_ff: features between the two layers.
        activation: "relu", "gelu", "relu2" (the square of ReLU) or "swiglu" (a third layer whose
            SiLU multiplies the first one's output; d_ff features each).
        bias: True gives the layers a bias.

    Sources: squared ReLU, So et al., Primer, 2021 (arXiv:2109.08668); SwiGLU, Shazeer, GLU variants
    improve Transformer, 2020 (arXiv:2002.05202).
    """

    def __init__(self, d_model, d_ff, *, activation="relu2", bias=False):
        super().__init__()
        integer("d_model", d_model, minimum=1)
        integer("d_ff", d_ff, minimum=1)
        flag("bias", bias)
        self.activation = one_of("activation", activation, tuple(_ACTIVATIONS))
        self.up_proj = nn.Linear(d_model, d_ff, bias=bias)
        if activation == "swiglu":
            self.gate_proj = nn.Linear(d_model, d_ff, bias=bias)
        self.down_proj = nn.Linear(d_ff, d_model, bias=bias)

    def forward(self, x):
        activate = _ACTIVATIONS[self.activation]
        if self.activation == "swiglu":
            return self.down_proj(activate(self.gate_proj(x)) * self.up_proj(x))
        return self.down_proj(activate(self.up_proj(x)))


class Block(nn.Module):
    """One layer of a Transformer: attention and a feed-forward layer on a residual stream.

    With ``norm="layer", activation="relu" or "gelu", bias=True`` it computes what
    ``nn.TransformerEncoderLayer(norm_first=pre_norm)`` does.

    Args:
        d_model, num_heads, num_kv_heads, bias, dropout: see :class:`MultiHeadAttention`.
        d_ff, activation: see :class:`FeedForward`.
        norm: "rms" or "layer".
        pre_norm: True normalises what each part reads, False the sum after it.

    ``forward`` takes and returns (b, t, d_model); further arguments go to the attention.
    """

    def __init__(
        self, d_model, num_heads, d_ff, *, num_kv_heads=None, norm="rms", pre_norm=True,
        activation="relu2", bias=False, dropout=0.0,
    ):  # fmt: skip
        super().__init__()
        self.pre_norm = flag("pre_norm", pre_norm)
        norm = NORMS[one_of("norm", norm, tuple(NORMS))]
        self.attention = MultiHeadAttention(
            d_model, num_heads, num_kv_heads=num_kv_heads, bias=bias, dropout=dropout
        )
        self.feed_forward = FeedForward(d_model, d_ff, activation=activation, bias=bias)
        self.norm1, self.norm2 = norm(d_model, eps=1e-5), norm(d_model, eps=1e-5)
        self.dropout = nn.Dropout(dropout) if dropout else nn.Identity()

    def forward(self, x, mask=None, **options):
        if self.pre_norm:
            x = x + self.attention(self.norm1(x), mask, **options)
            return x + self.dropout(self.feed_forward(self.norm2(x)))
        x = self.norm1(x + self.attention(x, mask, **options))
        return self.norm2(x + self.dropout(self.feed_forward(x)))
