"""A GPT: blocks on a stream of token embeddings, and the cache that makes it write fast."""

import math

import torch
from torch import nn

from bigmodel_utils import arguments
from bigmodel_utils.arguments import describe, flag, integer, one_of, real
from bigmodel_utils.models._blocks import NORMS, Block, FeedForward, MultiHeadAttention
from bigmodel_utils.models._kv_cache import KVCache
from bigmodel_utils.models._positions import RotaryScaling, rotary_tables, sinusoidal
from bigmodel_utils.models._single_step import single_steps

__all__ = ["GPT", "Block", "FeedForward", "KVCache", "MultiHeadAttention"]

_POSITIONS = ("rotary", "learned", "sinusoidal", "none")
_STARTS = ("zero_outputs", "gpt2")


class GPT(nn.Module):
    """A decoder-only Transformer: predicts each next token from those before it.

    Args:
        vocab_size: number of different tokens.
        context: longest row of tokens that it reads.
        d_model, num_heads: see :class:`MultiHeadAttention`.
        num_layers: blocks.
        d_ff: by default 4 d_model.
        positions: "rotary", "learned", "sinusoidal" or "none".
        rope_base: base of the rotary frequencies.
        rope_scaling: :class:`bigmodel_utils.models.RotaryScaling` of them, or None.
        window: each position attends to itself and the ``window - 1`` before it; None for all.
        norm, norm_eps: see :class:`Block`; for the norm before the output layer too.
        embedding_scale: factor of the token embeddings.
        tie_embeddings: True makes the output layer's weight the embedding's.
        head_bias: True gives the output layer a bias.
        init: "zero_outputs" starts the projections that end a branch, and the output layer unless
            tied, at zero: at first a block is the identity and all tokens are equally likely.
            "gpt2" draws all weights with standard deviation 0.02, those that end a branch with
            0.02 / sqrt(2 num_layers), and starts biases at 0.
        block: further options of :class:`Block` and its :class:`MultiHeadAttention`, such as
            activation, bias, dropout, num_kv_heads.

    ``forward(tokens, cache=None, *, mask=None)`` takes (b, t) integers and returns logits
    (b, t, vocab_size). With a cache, the tokens follow those that it holds. ``mask`` (b, t) is True
    for tokens and False for padding, at either end: nothing attends to padding, and positions are
    counted over real tokens, so that each row gets what it gets alone. A cache remembers it.

    ``to(dtype)`` casts the tables of positions, which cost bfloat16 no more than the rounding of
    each cosine and sine: the angles were multiplied in float64. A model made in float32 and then
    moved to float64 keeps tables of float32's precision.

    Raises:
        TypeError, ValueError: naming the argument, what came and what was expected. On a GPU a
            token out of range is not looked for, as this would wait for it: CUDA stops the process.

    Source: Radford et al., Language models are unsupervised multitask learners, 2019.
    """

    def __init__(
        self, vocab_size, *, context, d_model, num_layers, num_heads, d_ff=None, positions="rotary",
        rope_base=10000.0, rope_scaling=None, window=None, norm="rms", norm_eps=1e-5,
        embedding_scale=1.0, tie_embeddings=False, head_bias=False, init="zero_outputs", **block,
    ):  # fmt: skip
        super().__init__()
        integer("vocab_size", vocab_size, minimum=1)
        self.context = integer("context", context, minimum=1)
        integer("num_layers", num_layers, minimum=1)
        self.positions = one_of("positions", positions, _POSITIONS)
        self.window = None if window is None else integer("window", window, minimum=1)
        self.embedding_scale = real("embedding_scale", embedding_scale)
        one_of("init", init, _STARTS)
        d_ff = 4 * integer("d_model", d_model, minimum=1) if d_ff is None else d_ff
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.blocks = nn.ModuleList(
            Block(d_model, num_heads, d_ff, norm=norm, norm_eps=norm_eps, **block)
            for _ in range(num_layers)
        )
        self.norm = NORMS[norm](d_model, eps=norm_eps)
        self.head = nn.Linear(d_model, vocab_size, bias=flag("head_bias", head_bias))
        if flag("tie_embeddings", tie_embeddings):
            self.head.weight = self.embedding.weight
        self._make_positions(d_model, rope_base, rope_scaling)
        self._start(init, tie_embeddings)

    def forward(self, tokens, cache=None, *, mask=None):
        places, keys = self._read(tokens, cache, mask)
        x, rotary = self.add_positions(self.embed(tokens), places)  # (b, t, d_model)
        layers = [None] * len(self.blocks) if cache is None else cache.layers
        for block, layer in zip(self._blocks_for(tokens, cache), layers, strict=True):
            x = block(x, keys, causal=True, rotary=rotary, layer_cache=layer)
        if cache is not None:
            cache.advance(tokens.shape[1])
        return self.head(self.norm(x))

    def embed(self, tokens):
        """Return the vectors (b, t, d_model) of tokens (b, t)."""
        tokens = tokens if tokens.dtype == torch.int32 else tokens.long()
        try:
            x = self.embedding(tokens)
        except IndexError:
            low, high, known = int(tokens.min()), int(tokens.max()), self.embedding.num_embeddings
            if 0 <= low and high < known:
                raise
            raise ValueError(
                f"tokens: expected 0 to {known - 1}, as vocab_size is {known}, got {low} to {high} "
                f"in shape {tuple(tokens.shape)}"
            ) from None
        return x if self.embedding_scale == 1 else x * self.embedding_scale

    def add_positions(self, x, places):
        """Return x with its positions added, and the tables that turn queries and keys, or None.

        Args:
            x: (b, t, d_model).
            places: a slice of t positions, or each token's position, int64 (b, t).
        """
        if self.positions == "rotary":
            if isinstance(places, torch.Tensor):
                places = places[:, None]  # all heads alike: the tables are (b, 1, t, d_head / 2)
            return x, (self.rotary_cos[places], self.rotary_sin[places])
        if self.positions == "learned":
            return x + self.position_embedding.weight[places], None
        if self.positions == "sinusoidal":
            return x + self.position_table[places], None
        return x, None

    def new_cache(self, batch_size):
        """Return an empty :class:`KVCache` for ``batch_size`` rows."""
        return KVCache(*self._cache_sizes(integer("batch_size", batch_size, minimum=1)))

    def _blocks_for(self, tokens, cache):
        if cache is None:
            return self.blocks
        if cache.length == 0:
            cache.single_steps = None  # the weights may be others by now
        if tokens.shape[1] > 1 or self.training or torch.is_grad_enabled():
            return self.blocks
        if cache.single_steps is None:
            cache.single_steps = single_steps(self.blocks)
        return cache.single_steps

    def _cache_sizes(self, rows):
        layer, like = self.blocks[0].attention, self.head.weight
        shape = (rows, layer.num_kv_heads, self.context, layer.d_head)
        return len(self.blocks), shape, like.dtype, like.device

    def _read(self, tokens, cache, mask):
        # The places of the tokens, and which keys they see, broadcastable to (b, n, t, s) or None.
        first, last = self._check(tokens, cache, mask)
        places, keys, t = slice(first, last), None, last - first
        real = mask if cache is None else cache.add_mask(mask, t)  # (b, s) or None
        if real is not None:
            places = (real.cumsum(1) - 1).clamp(min=0)[:, first:]
            keys = real[:, None, None, :]
        if self.window is not None and last > self.window:
            near = torch.ones(t, last, dtype=torch.bool, device=tokens.device)
            near = near.triu(first - self.window + 1)
            keys = near if keys is None else keys & near
        return places, keys

    def _check(self, tokens, cache, mask):
        arguments.integers("tokens", tokens, ("b", "t"))
        (b, t), first = arguments.filled("tokens", tokens).shape, 0
        if cache is not None:
            if not isinstance(cache, KVCache):
                raise TypeError(f"cache: expected that of new_cache, got {describe(cache)}")
            first, wanted = cache.length, self._cache_sizes(b)
            if cache.made_for != wanted:
                raise ValueError(
                    f"cache: expected one of (layers, (rows, heads, context, d_head), dtype, "
                    f"device) {wanted}, as new_cache({b}) makes it, got {cache.made_for}"
                )
        if first + t > self.context:
            held = f" after {first} in the cache" if first else ""
            raise ValueError(
                f"tokens: expected 1 to {self.context - first} positions{held} (context "
                f"{self.context}), got {t} in shape {tuple(tokens.shape)}"
            )
        if mask is not None:
            arguments.tensor("mask", mask, (b, t), dtype=torch.bool)
            if mask.device != tokens.device:
                raise ValueError(
                    f"mask: expected a tensor on {tokens.device} as tokens, got one on "
                    f"{mask.device}"
                )
        return first, first + t

    def _make_positions(self, d_model, rope_base, rope_scaling):
        wanted = "a RotaryScaling or None" if self.positions == "rotary" else "None without rotary"
        fits = isinstance(rope_scaling, RotaryScaling) and self.positions == "rotary"
        if rope_scaling is not None and not fits:
            raise TypeError(f"rope_scaling: expected {wanted}, got {describe(rope_scaling)}")
        real("rope_base", rope_base, above=0)
        if self.positions == "learned":
            self.position_embedding = nn.Embedding(self.context, d_model)
        elif self.positions == "sinusoidal":
            table = sinusoidal(self.context, d_model)
            self.register_buffer("position_table", table, persistent=False)
        elif self.positions == "rotary":
            d_head = self.blocks[0].attention.d_head
            cos, sin = rotary_tables(self.context, d_head, base=rope_base, scaling=rope_scaling)
            self.register_buffer("rotary_cos", cos, persistent=False)
            self.register_buffer("rotary_sin", sin, persistent=False)

    @torch.no_grad()
    def _start(self, init, tied):
        ends = [
            part for b in self.blocks for part in (b.attention.out_proj, b.feed_forward.down_proj)
        ]
        if init == "zero_outputs":
            nn.init.normal_(self.embedding.weight, std=0.02)
            if self.positions == "learned":
                nn.init.normal_(self.position_embedding.weight, std=0.02)
            for layer in ends if tied else [*ends, self.head]:
                nn.init.zeros_(layer.weight)
            return
        for layer in self.modules():
            if isinstance(layer, (nn.Linear, nn.Embedding)):
                std = 0.02 / math.sqrt(len(ends)) if layer in ends else 0.02
                nn.init.normal_(layer.weight, std=std)
            if isinstance(layer, nn.Linear) and layer.bias is not None:
                nn.init.zeros_(layer.bias)
