"""One clock for all benchmarks."""

import time

__all__ = ["timed"]


def timed(function, *args, number=1, clock=None, **kwargs):
    """Return what the last of ``number`` calls returned, and the seconds of one call.

    Args:
        function: called with ``args`` and ``kwargs``.
        number: how many calls share the time.
        clock: by default CPU-seconds with one thread of torch, which other load on the machine
            hardly changes, and wall time with several, whose CPU-seconds would add up.
    """
    if clock is None:
        import torch

        clock = time.process_time if torch.get_num_threads() == 1 else time.perf_counter
    start = clock()
    for _ in range(number):
        result = function(*args, **kwargs)
    return result, (clock() - start) / number
