"""Requests that ask one model, and when a server with a few slots begins each of them.

Time is counted in decoding steps. A request of length n takes a slot for n steps.
"""

import heapq
import itertools
import math

from bigmodel_utils.arguments import integer, one_of, real

__all__ = ["continuous_starts", "requests", "static_starts"]

LENGTHS = ("mixed", "equal")


def requests(rate, mean_length, count, *, lengths="mixed", seed=1):
    """Return (arrivals, lengths) of ``count`` requests, the same ones as the figure "batching".

    Args:
        rate: mean number of requests that arrive in a step; the gaps are exponential.
        mean_length: tokens that a request asks for, a whole number.
        count: of requests.
        lengths: "equal", or "mixed" for exponential ones, rounded up.
        seed: of the generator, from 1 on.

    Raises:
        TypeError, ValueError: naming the argument.
    """
    real("rate", rate, above=0)
    integer("mean_length", mean_length, minimum=1)
    integer("count", count, minimum=1)
    one_of("lengths", lengths, LENGTHS)
    state = integer("seed", seed, minimum=1, maximum=2**32 - 1)
    arrivals, asked, now = [], [], 0.0
    for _ in range(count):
        gaps = []
        for _ in range(2):
            state = (state * 1664525 + 1013904223) % 2**32
            gaps.append(-math.log(1 - state / 2**32))
        now += gaps[0] / rate
        arrivals.append(now)
        length = max(1, math.ceil(mean_length * gaps[1]))
        asked.append(mean_length if lengths == "equal" else length)
    return arrivals, asked


def static_starts(arrivals, lengths, slots):
    """Return the start of each request where a batch ends before the next one begins.

    Whoever waits when the server is free goes together, at most ``slots``, in order of arrival. An
    answer is given as soon as it is complete; its slot stays empty until the longest one is too.
    """
    _check(arrivals, lengths, slots)
    starts, now = [], 0.0
    while len(starts) < len(arrivals):
        first, last = len(starts), len(starts) + slots
        now = max(now, arrivals[first])
        waiting = zip(arrivals[first:last], lengths[first:last], strict=True)
        batch = [length for at, length in waiting if at <= now]
        starts += [now] * len(batch)
        now += max(batch)
    return starts


def continuous_starts(arrivals, lengths, slots):
    """Return the start of each request where a free slot is given to whoever waits longest."""
    _check(arrivals, lengths, slots)
    free, starts = [0.0] * slots, []
    for at, length in zip(arrivals, lengths, strict=True):
        starts.append(max(at, heapq.heappop(free)))
        heapq.heappush(free, starts[-1] + length)
    return starts


def _check(arrivals, lengths, slots):
    integer("slots", slots, minimum=1)
    if len(arrivals) != len(lengths):
        raise ValueError(
            f"lengths: expected one for each of {len(arrivals)} arrivals, got {len(lengths)}"
        )
    if any(later < before for before, later in itertools.pairwise(arrivals)):
        raise ValueError("arrivals: expected the order of time")
    if any(length <= 0 for length in lengths):
        raise ValueError("lengths: expected more than 0 each")
