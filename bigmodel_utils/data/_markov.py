"""A source of text whose lowest possible loss is known: a Markov chain over a few tokens."""

import torch

from bigmodel_utils.arguments import describe, integer, tensor

__all__ = ["entropy_rate", "markov_chain", "markov_rows"]

_DROPPED = 20  # tokens at the start of a row, until the chain has forgotten where it began


def markov_chain(size, seed):
    """Return the probabilities of each token after each other one.

    They are the softmax of scores with ``size`` directions whose strength falls as 1.5 / k: a small
    model can learn the strong ones, and only a larger one the weak.

    Args:
        size: number of tokens.
        seed: of the directions.

    Returns:
        float64 (size, size), rows sum to 1.

    Raises:
        TypeError, ValueError: naming the argument.
    """
    size = integer("size", size, minimum=2)
    g = torch.Generator().manual_seed(integer("seed", seed, minimum=0))
    left, right = torch.randn(2, size, size, generator=g).double()
    strength = 1.5 / torch.arange(1, size + 1)
    return ((left * strength) @ right.T).softmax(1)


def markov_rows(P, rows, length, seed):
    """Return rows of tokens from a chain, int64 (rows, length).

    Args:
        P: probabilities, float64 (size, size), as :func:`markov_chain` makes them.
        rows, length: how many rows of how many tokens.
        seed: of the draws.

    Raises:
        TypeError, ValueError: naming the argument.
    """
    _chain(P)
    rows, length = integer("rows", rows, minimum=1), integer("length", length, minimum=1)
    g = torch.Generator().manual_seed(integer("seed", seed, minimum=0))
    edges, tokens = P.cumsum(1), []
    x = torch.randint(len(P), (rows,), generator=g)
    for _ in range(length + _DROPPED):
        u = torch.rand(rows, 1, generator=g).double()
        x = (edges[x] < u).sum(1).clamp(max=len(P) - 1)  # (rows,)
        tokens.append(x)
    return torch.stack(tokens[_DROPPED:], dim=1)


def entropy_rate(P):
    """Return H, nats a token, which no model's loss can be below, and the tokens' frequencies.

    Args:
        P: probabilities, float64 (size, size), all positive.

    Returns:
        float64 () and float64 (size,).

    Raises:
        TypeError, ValueError: naming the argument.
    """
    _chain(P)
    pi = torch.linalg.matrix_power(P, 1000)[0]
    return -(pi[:, None] * P * P.log()).sum(), pi


def _chain(P):
    tensor("P", P, ("size", "size"), dtype=torch.float64)
    if P.shape[0] != P.shape[1] or len(P) < 2:
        raise ValueError(f"P: expected a square of at least 2 rows, got {describe(P)}")
