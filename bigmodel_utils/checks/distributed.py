"""Checkers of the exercises on the page "Many workers, one model"."""

import math

import torch

from bigmodel_utils.checks import grade, random_tensor

__all__ = ["clipped", "kept_bytes", "loss_factors", "part_sent", "positions"]


def loss_factors(function):
    """Check ``function(counts)``: tokens of each worker (n,), the factors of their means (n,)."""
    counts = ([3, 1], [5, 5, 5], [1, 10, 4, 2], [7], [2, 0, 6])
    return grade(
        function,
        [(torch.tensor(row),) for row in counts],
        _factors_token_by_token,
        hint="The average divides by n; the mean over all tokens divides by all tokens.",
    )


def _factors_token_by_token(counts):
    # Of every token the same share must be left: its worker's factor, over its worker's tokens,
    # over the number of workers.
    share = 1 / sum(counts.tolist())
    factors = [sum(share * len(counts) for _ in range(count)) for count in counts.tolist()]
    return torch.tensor(factors, dtype=torch.float64)


def part_sent(function):
    """Check ``function(rank, step, n)``: the part sent to the left in each step of a ring."""
    cases = [(rank, step, n) for n in (2, 3, 5) for rank in range(n) for step in range(2 * (n - 1))]
    return grade(
        function,
        cases,
        _part_by_following,
        hint="What a worker sends on is what it got in the step before, from its right neighbour.",
    )


def _part_by_following(rank, step, n):
    # Whoever sends in this step sends what came from the right in the step before. Only what is
    # finished counts from step n - 1 on, and that is again what came in last.
    for _ in range(step):
        rank = (rank + 1) % n
    return rank


def positions(function):
    """Check ``function(num_examples, rank, n, epoch)``: positions without any twice."""
    cases = [(10, rank, n, epoch) for n in (1, 3, 4) for rank in range(n) for epoch in (0, 5)] + [
        (2, rank, 3, 1) for rank in range(3)
    ]
    return grade(
        function,
        cases,
        _positions_one_by_one,
        hint="The same permutation for all ranks; every n-th of it, and a rank may get one less.",
    )


def _positions_one_by_one(num_examples, rank, n, epoch):
    generator = torch.Generator().manual_seed(epoch)
    order = torch.randperm(num_examples, generator=generator).tolist()
    mine = [position for place, position in enumerate(order) if place % n == rank]
    return torch.tensor(mine, dtype=torch.int64)


def kept_bytes(function):
    """Check ``function(num_params, n, stage)``: bytes on the worker that keeps most."""
    cases = [
        (num_params, n, stage)
        for num_params, n in ((8, 4), (10, 4), (7, 3), (5, 1), (1000, 64))
        for stage in range(4)
    ]
    return grade(
        function,
        cases,
        _bytes_one_by_one,
        hint="Stage 1 shards the 12 bytes of state, stage 2 the gradients too, stage 3 all.",
    )


def _bytes_one_by_one(num_params, n, stage):
    kept = [0] * n
    for parameter in range(num_params):
        for worker in range(n):
            mine = parameter % n == worker
            for size, sharded_from in ((12, 1), (2, 2), (2, 3)):
                kept[worker] += size if mine or stage < sharded_from else 0
    return max(kept)


def clipped(function):
    """Check ``function(shards, limit)``: the shards of the clipped gradient, as a list."""
    cases = []
    for seed, (lengths, limit) in enumerate(
        [((3, 5), 0.5), ((2, 1, 4), 100.0), ((6,), 1.0), ((1, 1, 1, 1), 0.1)]
    ):
        cases.append(([random_tensor(10 * seed + i, k) for i, k in enumerate(lengths)], limit))
    cases.append(([torch.zeros(2).double(), torch.zeros(3).double()], 1.0))
    return grade(
        lambda shards, limit: _joined(function(shards, limit)),
        cases,
        _clipped_whole,
        hint="One norm for all, from the sum of the squares; only a norm above the limit is cut.",
    )


def _joined(shards):
    if not isinstance(shards, (list, tuple)):
        return shards
    return torch.cat(list(shards)) if shards else None


def _clipped_whole(shards, limit):
    whole = torch.cat(shards)
    norm = math.sqrt(sum(value * value for value in whole.tolist()))
    return whole if norm <= limit else whole / norm * limit
