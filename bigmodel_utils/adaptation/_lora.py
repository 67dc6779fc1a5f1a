"""A linear layer whose weight stays and gets a correction of low rank."""

import torch
import torch.nn.functional as F
from torch import nn

from bigmodel_utils import arguments

__all__ = ["LoRALinear"]


class LoRALinear(nn.Module):
    """y = x Wᵀ + bias + scale (x Aᵀ) Bᵀ, where A and B alone are trained.

    B is zero at first, so the layer begins as the one that it is made of. Parameters: ``weight``
    W (out_features, in_features) and ``bias``, frozen, which are those of the given layer and not
    copies; ``a`` (rank, in_features), at first drawn with variance 1 / in_features; ``b``
    (out_features, rank). Both have the weight's dtype and device.

    Args:
        layer: ``nn.Linear`` with a floating-point weight.
        rank: integer from 1 up to the smaller side of the weight.
        alpha: positive number; ``scale`` is alpha / rank. None means rank, thus a scale of 1.
        generator: ``torch.Generator`` for A's first values, on the weight's device; None takes
            PyTorch's own.

    Raises:
        TypeError, ValueError: naming the argument, what came and what was expected.

    Source: Hu et al., LoRA: low-rank adaptation of large language models, 2022
    (arXiv:2106.09685).
    """

    def __init__(self, layer, rank, *, alpha=None, generator=None):
        super().__init__()
        if not isinstance(layer, nn.Linear):
            raise TypeError(f"layer: expected nn.Linear, got {type(layer).__name__}")
        arguments.tensor("layer.weight", layer.weight, floating=True)
        self.out_features, self.in_features = layer.weight.shape
        most = min(layer.weight.shape)
        self.rank = arguments.integer("rank", rank, minimum=1, maximum=most)
        alpha = self.rank if alpha is None else arguments.real("alpha", alpha, above=0)
        self.scale = alpha / self.rank
        if generator is not None:
            arguments.generator("generator", generator, layer.weight.device)
        self.weight = layer.weight.requires_grad_(False)
        self.bias = None if layer.bias is None else layer.bias.requires_grad_(False)
        like = dict(dtype=layer.weight.dtype, device=layer.weight.device)
        first = torch.randn(self.rank, self.in_features, generator=generator, **like)
        self.a = nn.Parameter(first / self.in_features**0.5)
        self.b = nn.Parameter(torch.zeros(self.out_features, self.rank, **like))

    @property
    def update(self):
        """The correction scale B A of the weight, (out_features, in_features)."""
        return self.scale * (self.b @ self.a)

    def forward(self, x):
        """Return (..., out_features) of x (..., in_features)."""
        arguments.tensor("x", x, floating=True)
        if x.ndim == 0 or x.shape[-1] != self.in_features:
            raise ValueError(f"x: expected shape (..., {self.in_features}), got {tuple(x.shape)}")
        low = F.linear(F.linear(x, self.a), self.b)
        return F.linear(x, self.weight, self.bias) + self.scale * low

    @torch.no_grad()
    def merged(self):
        """Return an ``nn.Linear`` that computes the same, with a new weight W + scale B A."""
        return self._linear(self.weight + self.update)

    @torch.no_grad()
    def unmerged(self):
        """Return an ``nn.Linear`` with the weight and bias that the layer was made of."""
        return self._linear(self.weight)

    def _linear(self, weight):
        with torch.device("meta"):
            layer = nn.Linear(self.in_features, self.out_features, bias=self.bias is not None)
        layer.weight = nn.Parameter(weight.detach())
        if self.bias is not None:
            layer.bias = nn.Parameter(self.bias.detach())
        return layer

    def extra_repr(self):
        """Return what ``print`` shows of the layer."""
        return (
            f"in_features={self.in_features}, out_features={self.out_features}, "
            f"rank={self.rank}, scale={self.scale:g}, bias={self.bias is not None}"
        )
