"""Accept a draft or replace it, so that what comes out has the target's distribution.

Leviathan, Kalman and Matias, Fast inference from transformers via speculative decoding, 2023
(arXiv:2211.17192); Chen et al., Accelerating large language model decoding with speculative
sampling, 2023 (arXiv:2302.01318).
"""

import torch

from bigmodel_utils import arguments
from bigmodel_utils.arguments import generator as check_generator
from bigmodel_utils.arguments import integer, real

__all__ = ["acceptance", "expected_tokens", "residual", "speculative_tokens", "speedup"]


def _distributions(name, value):
    arguments.tensor(name, value, floating=True)
    if value.ndim == 0 or value.numel() == 0:
        raise ValueError(f"{name}: expected shape (..., vocab_size), got {tuple(value.shape)}")
    sums = value.sum(-1)
    if bool((value < 0).any()) or not bool(((sums - 1).abs() < 1e-3).all()):
        raise ValueError(f"{name}: expected distributions, no number below 0 and each sum 1")
    return value


def _pair(p, q):
    _distributions("p", p)
    _distributions("q", q)
    if p.shape != q.shape:
        raise ValueError(f"q: expected the shape of p, {tuple(p.shape)}, got {tuple(q.shape)}")


def acceptance(p, q):
    """Return how often a token drawn from q is accepted where p is the target: sum of minima.

    Args:
        p, q: distributions (..., vocab_size).

    Returns:
        Tensor (...).
    """
    _pair(p, q)
    return torch.minimum(p, q).sum(-1)


def residual(p, q):
    """Return the distribution that replaces a rejected token: (p - q) where positive, scaled.

    Args:
        p, q: distributions (..., vocab_size). Where they are equal nothing is rejected, and p
            comes back.
    """
    _pair(p, q)
    left = (p - q).clamp(min=0)
    total = left.sum(-1, keepdim=True)
    return torch.where(total > 0, left / total.clamp(min=torch.finfo(p.dtype).tiny), p)


def speculative_tokens(p, q, drafted, generator):
    """Return the tokens of one step: accepted drafts, and one of the target's own.

    Args:
        p: target's distributions (k + 1, vocab_size): after the text, and after each draft.
        q: the draft's (k, vocab_size), from which ``drafted`` came.
        drafted: integer tensor (k,).
        generator: torch.Generator of the draws.

    Returns:
        list: of 1 to k + 1 integers, distributed as if the target had written them.

    Raises:
        TypeError, ValueError: naming the argument; also a draft that q says is impossible.
    """
    _distributions("p", p)
    arguments.integers("drafted", drafted, ("k",))
    k = len(drafted)
    if p.ndim != 2 or len(p) != k + 1:
        raise ValueError(f"p: expected shape ({k + 1}, vocab_size), got {tuple(p.shape)}")
    if k:
        _pair(p[:k], q)
    check_generator("generator", generator)
    kept = []
    for i, token in enumerate(drafted.tolist()):
        if not 0 <= token < p.shape[1] or q[i, token] <= 0:
            raise ValueError(f"drafted: expected tokens that q can draw, got {token} at {i}")
        chance = p[i, token] / q[i, token]
        if torch.rand((), generator=generator, dtype=p.dtype) >= chance:
            left = residual(p[i], q[i])
            return [*kept, int(torch.multinomial(left, 1, generator=generator))]
        kept.append(token)
    return [*kept, int(torch.multinomial(p[k], 1, generator=generator))]


def expected_tokens(a, k):
    """Return the mean number of tokens of a step with k drafts, each accepted with chance a.

    Args:
        a: 0 to 1, the same for every draft, independent of the others.
        k: drafts, from 0 up.
    """
    real("a", a, minimum=0, maximum=1)
    integer("k", k, minimum=0)
    return float(k + 1) if a == 1 else (1 - a ** (k + 1)) / (1 - a)


def speedup(a, k, cost):
    """Return tokens a second with drafts over those without.

    Args:
        a, k: see :func:`expected_tokens`.
        cost: time of one draft over that of one step of the target, which is taken to need the
            same time for k + 1 positions as for one.
    """
    real("cost", cost, minimum=0)
    return expected_tokens(a, k) / (1 + k * cost)
