"""Checkers of the exercises on the page "Deployment and inference"."""

import bisect

from bigmodel_utils.checks import grade, random_tensor

__all__ = ["askers", "free_positions", "shortest_first", "weight_only"]


def free_positions(function):
    """Check ``function(b, s, r, M, L, n, n_kv, d, c)``: positions read for nothing."""
    cases = [
        (1, 64, 3.1, 134_479_872, 30, 9, 3, 64, 4),
        (4, 700, 3.7, 134_479_872, 30, 9, 3, 64, 4),
        (40, 64, 3.1, 134_479_872, 30, 9, 3, 64, 4),  # the arithmetic is late already
        (8, 500, 295.0, 7_504_924_672, 32, 32, 8, 128, 2),
        (3, 40, 5.3, 9000, 2, 6, 2, 5, 8),
        (2, 11, 4.9, 77, 3, 4, 4, 3, 4),  # the cache weighs more than the matrices
    ]
    return grade(
        function,
        cases,
        _positions_by_search,
        hint="The step moves c M + b s kappa bytes, which r turns into FLOPs; a position of the "
        "prompt costs 2 M of what b positions and their attention leave.",
    )


def _positions_by_search(b, s, r, M, L, n, n_kv, d, c):
    moved = c * M
    for _ in range(L):
        moved += b * s * n_kv * d * c  # keys
        moved += b * s * n_kv * d * c  # values
    writing = b * (2 * M + L * (2 * s * n * d + 2 * s * n * d))

    def late(more):
        return writing + 2 * M * more > r * moved

    return max(0, bisect.bisect_left(range(10**6), True, key=late) - 1)


def askers(function):
    """Check ``function(memory, s, M, L, n_kv, d, c, w, p)``: askers that fit."""
    cases = [
        (16 * 10**9, 8192, 134_479_872, 30, 3, 64, 2, 10**9, 16),
        (16 * 10**9, 8200, 134_479_872, 30, 3, 64, 2, 1000, 48),
        (10**6, 33, 5000, 2, 3, 4, 4, 20, 7),
        (10**6, 15, 5000, 3, 1, 6, 8, 20, 4),
        (5000, 10, 2000, 1, 1, 2, 4, 8, 1),  # the weights do not fit
        (8020, 4, 2000, 1, 1, 1, 4, 8, 1),  # no asker fits
    ]
    return grade(
        function,
        cases,
        _askers_by_counting,
        hint="Positions kept are at most w, rounded up to whole pages; each takes a key and a "
        "value in every block, of the heads that are kept.",
    )


def _askers_by_counting(memory, s, M, L, n_kv, d, c, w, p):
    kept, room = 0, 0
    for _ in range(s):
        kept = min(kept + 1, w)
        if kept > room:
            room += p
    left, found = memory - c * M, 0
    each = sum(c * side * n_kv * d * room for side in (1, 1)) * L
    while left >= each:
        left -= each
        found += 1
    return found


def shortest_first(function):
    """Check ``function(arrivals, lengths, slots)``: the start of each request."""
    cases = [
        ([0.0, 0.5, 0.75, 1.25], [4, 9, 2, 3], 1),
        ([0.0, 0.5, 0.75, 1.25, 30.25], [4, 9, 2, 3, 1], 2),
        ([0.25, 0.5, 0.75, 1.5, 2.25], [8, 3, 3, 3, 3], 1),  # equals wait
        _stream(1, 30, 1, 0.3),
        _stream(2, 40, 3, 0.9),
        _stream(3, 25, 4, 5.0),
    ]
    return grade(
        function,
        cases,
        _starts_by_events,
        hint="Go from free slot to free slot: whoever has arrived by then may be taken; if nobody "
        "has, the slot waits for the next arrival.",
    )


def _stream(seed, count, slots, rate):
    gaps, lengths = random_tensor(seed, 2, count).abs().tolist()
    arrivals, now = [], 0.0
    for gap in gaps:
        now += gap / rate
        arrivals.append(now)
    return arrivals, [1 + int(4 * x) for x in lengths], slots


def _starts_by_events(arrivals, lengths, slots):
    starts, ends = [None] * len(arrivals), []
    for now in _moments(arrivals, ends):
        waiting = [i for i, at in enumerate(arrivals) if at <= now and starts[i] is None]
        waiting.sort(key=lambda i: (lengths[i], i))
        room = slots - sum(end > now for end in ends)
        for i in waiting[:room]:
            starts[i] = now
            ends.append(now + lengths[i])
    return starts


def _moments(arrivals, ends):
    # Arrivals and ends in the order of time; ends are added while this runs.
    now = float("-inf")
    while later := [t for t in (*arrivals, *ends) if t > now]:
        now = min(later)
        yield now


def weight_only(function):
    """Check ``function(weight, x)``: outputs and deviations of weights in eight bits."""
    cases = []
    for seed, (b, o, m) in enumerate([(2, 3, 7), (5, 1, 4), (1, 6, 40), (4, 4, 9)]):
        weight, x = random_tensor(seed, o, m), 3 * random_tensor(seed + 10, b, m)
        cases.append((weight * 2.0 ** -random_tensor(seed + 20, o, 1), x))
    return grade(
        function,
        cases,
        _outputs_by_loops,
        hint="A row's scale is its largest size over 127. An error of variance scale² / 12 in each "
        "weight is multiplied by its input, and the squares add up.",
    )


def _outputs_by_loops(weight, x):
    import torch

    outputs, deviations = x.new_zeros(len(x), len(weight)), x.new_zeros(len(x), len(weight))
    for o, row in enumerate(weight.tolist()):
        scale = max(abs(w) for w in row) / 127
        kept = [round(w / scale) * scale for w in row]
        for b, numbers in enumerate(x.tolist()):
            outputs[b, o] = sum(w * number for w, number in zip(kept, numbers, strict=True))
            squares = (number**2 * scale**2 / 12 for number in numbers)
            deviations[b, o] = torch.tensor(sum(squares), dtype=torch.float64).sqrt()
    return outputs, deviations
