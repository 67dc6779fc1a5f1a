"""A GPT: blocks on a stream of token embeddings, and the cache that makes it write fast."""

import torch
from torch import nn

from bigmodel_utils import positions as position_tables
from bigmodel_utils.arguments import describe, integer, one_of, tensor
from bigmodel_utils.blocks import NORMS, Block, FeedForward, MultiHeadAttention

__all__ = ["GPT", "Block", "FeedForward", "KVCache", "MultiHeadAttention"]

_POSITIONS = ("rotary", "learned", "sinusoidal", "none")


class KVCache:
    """Keys and values of the positions that a GPT has read, so that they are computed once.

    Made by :meth:`GPT.new_cache`; the model fills it and moves ``length`` on.

    Attributes:
        length: positions held.
        context: positions that fit.
        batch_size: rows.
    """

    def __init__(self, num_layers, shape, dtype, device):
        self.length = 0
        self.batch_size, _, self.context, _ = shape
        self._layers = [
            [torch.empty(shape, dtype=dtype, device=device) for _ in range(2)]
            for _ in range(num_layers)
        ]

    def layer(self, number):
        """Return the function (k, v) -> (all keys, all values) of one layer's attention."""

        def append(*new):
            end = self.length + new[0].shape[2]
            for kept, part in zip(self._layers[number], new, strict=True):
                kept[:, :, self.length : end] = part
            return tuple(kept[:, :, :end] for kept in self._layers[number])

        return append


class GPT(nn.Module):
    """A decoder-only Transformer: predicts each next token from those before it.

    Args:
        vocab_size: number of different tokens.
        context: longest row of tokens that it reads.
        d_model, num_heads, num_kv_heads, norm, activation, bias, dropout: see :class:`Block`.
        num_layers: blocks.
        d_ff: by default 4 d_model.
        positions: "rotary", "learned", "sinusoidal" or "none".

    The projections that end a branch, and the output layer, start at zero: at first a block is the
    identity and all tokens are equally likely. ``forward(tokens, cache=None)`` takes (b, t) int64
    and returns logits (b, t, vocab_size). With a cache, the tokens follow those that it holds.

    Source: Radford et al., Language models are unsupervised multitask learners, 2019.
    """

    def __init__(
        self, vocab_size, *, context, d_model, num_layers, num_heads, num_kv_heads=None, d_ff=None,
        positions="rotary", norm="rms", activation="relu2", bias=False, dropout=0.0,
    ):  # fmt: skip
        super().__init__()
        integer("vocab_size", vocab_size, minimum=1)
        self.context = integer("context", context, minimum=1)
        integer("num_layers", num_layers, minimum=1)
        self.positions = one_of("positions", positions, _POSITIONS)
        d_ff = 4 * integer("d_model", d_model, minimum=1) if d_ff is None else d_ff
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.blocks = nn.ModuleList(
            Block(
                d_model, num_heads, d_ff, num_kv_heads=num_kv_heads, norm=norm,
                activation=activation, bias=bias, dropout=dropout,
            )
            for _ in range(num_layers)
        )  # fmt: skip
        self.norm = NORMS[norm](d_model, eps=1e-5)
        self.head = nn.Linear(d_model, vocab_size, bias=False)
        self._add_positions(d_model)
        self._start()

    def _add_positions(self, d_model):
        if self.positions == "learned":
            self.position_embedding = nn.Embedding(self.context, d_model)
        elif self.positions == "sinusoidal":
            table = position_tables.sinusoidal(self.context, d_model)
            self.register_buffer("position_table", table, persistent=False)
        elif self.positions == "rotary":
            d_head = self.blocks[0].attention.d_head
            cos, sin = position_tables.rotary_tables(self.context, d_head)
            self.register_buffer("rotary_cos", cos, persistent=False)
            self.register_buffer("rotary_sin", sin, persistent=False)

    @torch.no_grad()
    def _start(self):
        nn.init.normal_(self.embedding.weight, std=0.02)
        if self.positions == "learned":
            nn.init.normal_(self.position_embedding.weight, std=0.02)
        for block in self.blocks:
            nn.init.zeros_(block.attention.out_proj.weight)
            nn.init.zeros_(block.feed_forward.down_proj.weight)
        nn.init.zeros_(self.head.weight)

    def new_cache(self, batch_size):
        """Return an empty :class:`KVCache` for ``batch_size`` rows."""
        integer("batch_size", batch_size, minimum=1)
        layer, like = self.blocks[0].attention, self.head.weight
        shape = (batch_size, layer.num_kv_heads, self.context, layer.d_head)
        return KVCache(len(self.blocks), shape, like.dtype, like.device)

    def forward(self, tokens, cache=None):
        first = 0 if cache is None else cache.length
        last = self._check(tokens, first, cache)
        x = self.embedding(tokens)  # (b, t, d_model)
        if self.positions == "learned":
            x = x + self.position_embedding(torch.arange(first, last, device=tokens.device))
        elif self.positions == "sinusoidal":
            x = x + self.position_table[first:last]
        rotary = None
        if self.positions == "rotary":
            rotary = self.rotary_cos[first:last], self.rotary_sin[first:last]
        for number, block in enumerate(self.blocks):
            layer_cache = None if cache is None else cache.layer(number)
            x = block(x, causal=True, rotary=rotary, layer_cache=layer_cache)
        if cache is not None:
            cache.length = last
        return self.head(self.norm(x))

    def _check(self, tokens, first, cache):
        tensor("tokens", tokens, ("b", "t"))
        if tokens.dtype not in (torch.int64, torch.int32):
            raise TypeError(f"tokens: expected integers (int64), got {describe(tokens)}")
        if cache is not None and len(tokens) != cache.batch_size:
            raise ValueError(
                f"cache: expected one for {len(tokens)} rows, got one for {cache.batch_size}"
            )
        last = first + tokens.shape[1]
        if tokens.shape[1] == 0 or last > self.context:
            held = f" after {first} in the cache" if first else ""
            raise ValueError(
                f"tokens: expected 1 to {self.context - first} positions{held} (context "
                f"{self.context}), got {tokens.shape[1]}"
            )
        return last
