"""Realistic wrong answers to the exercises of "Many workers, one model"."""

import torch

__all__ = ["ATTACKS"]


def _order(num_examples, epoch):
    return torch.randperm(num_examples, generator=torch.Generator().manual_seed(epoch))


def _padded(num_examples, rank, n, epoch):
    order = _order(num_examples, epoch)
    total = -(-num_examples // n) * n
    return order.repeat(total)[:total][rank::n]


def _clip(shards, limit, *, each=False, always=False, square=False, added=False, mean=False):
    def norm(of):
        squares = sum(s.square().sum() for s in of)
        if mean:
            squares = squares / len(of)
        if added:
            return sum(s.norm() for s in of)
        return squares if square else squares.sqrt()

    whole = norm(shards)
    result = []
    for shard in shards:
        size = norm([shard]) if each else whole
        factor = limit / size if size > 0 else torch.ones(())
        result.append(shard * (factor if always else factor.clamp(max=1)))
    return result


def _kept(num_params, n, stage, *, up=True, order=(1, 2, 3), sizes=(12, 2, 2)):
    share = -(-num_params // n) if up else num_params / n
    return sum(
        size * (share if stage >= at else num_params) for size, at in zip(sizes, order, strict=True)
    )


ATTACKS = {
    "loss_factors": {
        "share of the tokens": lambda counts: counts.double() / counts.sum(),
        "turned over": lambda counts: counts.sum() / (len(counts) * counts.double()),
        "ones": lambda counts: torch.ones(len(counts)).double(),
        "by the mean of those that have some": lambda counts: (
            counts.double() / counts[counts > 0].double().mean()
        ),
        "by the largest": lambda counts: counts.double() / counts.max(),
        "the tokens": lambda counts: counts.double(),
    },
    "part_sent": {
        "to the right": lambda r, k, n: (r - k) % n if k < n - 1 else (r + 1 - k + n - 1) % n,
        "the second half begins with its own": lambda r, k, n: (r + k % (n - 1)) % n,
        "the second half one too far": lambda r, k, n: (
            (r + k) % n if k < n - 1 else (r + 1 + k) % n
        ),
        "always its own": lambda r, k, n: r,
        "not around the ring": lambda r, k, n: r + k,
    },
    "positions": {
        "padded": _padded,
        "blocks": lambda m, r, n, e: _order(m, e).tensor_split(n)[r],
        "own order for each rank": lambda m, r, n, e: _order(m, e + r)[r::n],
        "the epoch forgotten": lambda m, r, n, e: _order(m, 0)[r::n],
        "not shuffled": lambda m, r, n, e: torch.arange(r, m, n),
        "the rest dropped": lambda m, r, n, e: _order(m, e)[: m // n * n][r::n],
        "from one on": lambda m, r, n, e: _order(m, e)[r + 1 :: n],
    },
    "kept_bytes": {
        "not rounded up": lambda *a: _kept(*a, up=False),
        "gradients first": lambda *a: _kept(*a, order=(2, 1, 3)),
        "parameters first": lambda *a: _kept(*a, order=(3, 2, 1)),
        "one stage late": lambda *a: _kept(*a, order=(2, 3, 4)),
        "float32": lambda *a: _kept(*a, sizes=(8, 4, 4)),
        "the copy forgotten": lambda *a: _kept(*a, sizes=(8, 2, 2)),
        "stage 3 alone": lambda *a: _kept(*a, order=(3, 3, 3)),
    },
    "clipped": {
        "each by its own norm": lambda *a: _clip(*a, each=True),
        "always scaled": lambda *a: _clip(*a, always=True),
        "root forgotten": lambda *a: _clip(*a, square=True),
        "norms added": lambda *a: _clip(*a, added=True),
        "mean of squares": lambda *a: _clip(*a, mean=True),
        "entries cut": lambda shards, limit: [s.clamp(-limit, limit) for s in shards],
        "not clipped": lambda shards, limit: shards,
    },
}
