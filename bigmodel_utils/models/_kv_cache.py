"""The keys and values that a Transformer keeps while it writes."""

import torch

from bigmodel_utils.arguments import integer

__all__ = ["KVCache"]


class KVCache:
    """Keys and values of the positions that a GPT has read, so that they are computed once.

    Made by :meth:`GPT.new_cache`; the model fills it. It is for reading without gradients.

    Its rows belong to the model's weights as they were when it read them: a cache of before a
    training step is no use after it, unless its length is set to 0.

    Attributes:
        length: positions held, padding included. A smaller number makes it forget the last ones.
        context: positions that fit.
        batch_size: rows.
        layers: for each block, the function (k, v) of its new keys and values that keeps them and
            returns all so far.
        single_steps: what the model computes its blocks with for one position, None before that.
    """

    def __init__(self, num_layers, shape, dtype, device):
        self.batch_size, _, self.context, _ = shape
        self.made_for = (num_layers, tuple(shape), dtype, device)
        self.layers = [_LayerCache(self, shape, dtype, device) for _ in range(num_layers)]
        self._length = self._written = 0
        self.single_steps = None
        self._real = None  # (b, context), or None while there was no padding

    @property
    def length(self):
        return self._length

    @length.setter
    def length(self, value):
        self._length = integer("length", value, minimum=0, maximum=self._written)

    def add_mask(self, mask, t):
        """Keep which of ``t`` new positions are real, None for all; return (b, s) of all so far."""
        if mask is None and self._real is None:
            return None
        if self._real is None:
            like = self.layers[0].keys
            self._real = like.new_ones(self.batch_size, self.context, dtype=torch.bool)
        end = self._length + t
        self._real[:, self._length : end] = True if mask is None else mask
        return self._real[:, :end]

    def advance(self, t):
        """Count ``t`` positions more, once every layer has kept them."""
        self._length = self._written = self._length + t


class _LayerCache:
    """Keys and values (b, n_kv, context, d_head) of one layer, filled up to the cache's length."""

    def __init__(self, cache, shape, dtype, device):
        self.cache = cache
        self.keys, self.values = (torch.empty(shape, dtype=dtype, device=device) for _ in range(2))

    def __call__(self, k, v):
        start, end = self.cache.length, self.cache.length + k.shape[2]
        self.keys[:, :, start:end], self.values[:, :, start:end] = k, v
        return self.keys[:, :, :end], self.values[:, :, :end]
