"""Attention by its definition: slow, readable loops that serve as the oracle.

One loop runs over the leading axes, one over the queries, one over the keys. The backward pass
uses the whole Jacobian of each softmax and none of the identities that make it short. Everything
is computed in float64, whatever the dtype of the inputs; results are float64.

Source: Vaswani et al., Attention is all you need, 2017 (arXiv:1706.03762), section 3.2.1. A query
that may attend to nothing gives output 0 and gradients 0: that is this book's definition.
"""

import itertools
import math

import torch

from bigmodel_utils import arguments

__all__ = ["attention", "attention_backward"]


def attention(q, k, v, mask=None, *, scale=None):
    """Return the mean of the values v_j, weighted by exp(scale q_i . k_j), for each query.

    Args:
        q: (..., t, d).
        k: (..., s, d), the same leading axes.
        v: (..., s, d_v), the same leading axes.
        mask: bool, True = may attend, broadcastable to (..., t, s), or None.
        scale: factor of the scores; by default 1 / sqrt(d).

    Returns:
        (..., t, d_v), float64.

    Raises:
        TypeError, ValueError: naming the argument, what came and what was expected.
    """
    q, k, v, mask, scale = _checked(q, k, v, mask, scale)
    out = q.new_zeros(*q.shape[:-1], v.shape[-1])
    for place in _places(q):
        for i in range(q.shape[-2]):
            for j, weight in _weights(q[place][i], k[place], mask[place][i], scale).items():
                out[place][i] += weight * v[place][j]
    return out


def attention_backward(q, k, v, grad_output, mask=None, *, scale=None):
    """Return the gradients of sum(grad_output * attention(q, k, v, mask)).

    Args:
        grad_output: (..., t, d_v), what arrives from above.
        q, k, v, mask, scale: as given to :func:`attention`.

    Returns:
        tuple: the gradients of q, k and v, of their shapes, float64.

    Raises:
        TypeError, ValueError: naming the argument, what came and what was expected.
    """
    q, k, v, mask, scale = _checked(q, k, v, mask, scale)
    arguments.tensor("grad_output", grad_output, (*q.shape[:-1], v.shape[-1]), floating=True)
    grad_output = grad_output.double()
    grad_q, grad_k, grad_v = (torch.zeros_like(x) for x in (q, k, v))
    for place in _places(q):
        for i in range(q.shape[-2]):
            weights = _weights(q[place][i], k[place], mask[place][i], scale)
            for j, p_j in weights.items():
                grad_v[place][j] += p_j * grad_output[place][i]
                # d p_m / d score_j = p_m (1 - p_j) where m is j, and -p_m p_j elsewhere.
                grad_score = 0.0
                for m, p_m in weights.items():
                    grad_p = torch.dot(grad_output[place][i], v[place][m])
                    grad_score += grad_p * p_m * ((1.0 if m == j else 0.0) - p_j)
                grad_q[place][i] += scale * grad_score * k[place][j]
                grad_k[place][j] += scale * grad_score * q[place][i]
    return grad_q, grad_k, grad_v


def _weights(query, keys, keep, scale):
    """Return {j: weight} over the keys that the query may attend to."""
    scores = {
        j: scale * sum(a * b for a, b in zip(query.tolist(), key, strict=True))
        for j, key in enumerate(keys.tolist())
        if keep[j]
    }
    largest = max(scores.values(), default=0.0)
    powers = {j: math.exp(score - largest) for j, score in scores.items()}
    total = sum(powers.values())
    return {j: power / total for j, power in powers.items()}


def _places(q):
    return itertools.product(*(range(size) for size in q.shape[:-2]))


def _checked(q, k, v, mask, scale):
    arguments.tensor("q", q, floating=True)
    if q.ndim < 2:
        raise ValueError(f"q: expected at least 2 axes, (..., t, d), got shape {tuple(q.shape)}")
    lead, (t, d) = q.shape[:-2], q.shape[-2:]
    arguments.tensor("k", k, (*lead, "s", d), floating=True)
    arguments.tensor("v", v, (*lead, k.shape[-2], "d_v"), floating=True)
    for name, value in (("q", q), ("k", k), ("v", v)):
        arguments.filled(name, value)
    scale = 1 / math.sqrt(d) if scale is None else arguments.real("scale", scale)
    shape = (*lead, t, k.shape[-2])
    if mask is None:
        mask = torch.ones(shape, dtype=torch.bool)
    arguments.tensor("mask", mask, dtype=torch.bool)
    mask = arguments.broadcasts("mask", mask, shape).expand(shape)
    return q.detach().double(), k.detach().double(), v.detach().double(), mask, scale
