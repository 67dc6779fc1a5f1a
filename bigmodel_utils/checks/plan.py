"""Checkers of the exercises on the page "A plan for 1,000 GPUs"."""

import math

from bigmodel_utils.checks import grade

__all__ = ["fewest_copies", "fewest_micro_batches", "ring_wins_from", "run_seconds"]


def ring_wins_from(function):
    """Check ``function(n, alpha, beta)``: the size at which ring and tree take equally long."""
    cases = [(4, 5.0, 0.5), (8, 2.0, 0.25), (16, 0.5, 3.0), (64, 1.0, 0.1), (1024, 3.0, 2.0)]
    return grade(
        function,
        cases,
        _where_they_meet,
        hint="Set the two times equal and solve for the size; the ring has more rounds.",
    )


def _where_they_meet(n, alpha, beta):
    def ahead(size):  # of the ring, in seconds: linear in the size
        tree, half = 0.0, 1
        while half < n:
            tree, half = tree + 2 * (alpha + beta * size), 2 * half
        return tree - sum(alpha + beta * size / n for _ in range(2 * (n - 1)))

    return -ahead(0.0) / (ahead(1.0) - ahead(0.0))


def fewest_copies(function):
    """Check ``function(N, tp, pp, room)``: the least number of copies, by trying."""
    cases = [
        (1200, 2, 3, 1000), (1200, 2, 3, 3200), (1200, 2, 3, 800), (960, 4, 1, 1000),
        (960, 4, 1, 961), (960, 1, 5, 1500), (700, 7, 1, 530), (1200, 2, 3, 1030),
    ]  # fmt: skip
    return grade(
        function,
        cases,
        _copies_by_trying,
        hint="Four bytes of sixteen stay whole; what is left must hold twelve, divided.",
    )


def _copies_by_trying(N, tp, pp, room):
    part = N / (tp * pp)
    return next((dp for dp in range(1, 20_000) if 4 * part + 12 * part / dp <= room), 0)


def fewest_micro_batches(function):
    """Check ``function(pp, v, u)``: the least number of micro-batches, by trying."""
    cases = [(4, 1, 0.5), (16, 1, 0.9), (16, 8, 0.93), (8, 2, 0.77), (1, 1, 0.9), (5, 3, 0.3)]
    return grade(
        function,
        cases,
        _micro_batches_by_trying,
        hint="Solve for m, and round up; there is at least one micro-batch.",
    )


def _micro_batches_by_trying(pp, v, u):
    return next(m for m in range(1, 10_000) if m * v >= u * (m * v + pp - 1) - 1e-9)


def run_seconds(function):
    """Check ``function(total, work, save, restart, mean)``: the mean seconds of a whole run."""
    cases = [
        (10.0, 2.5, 0.5, 1.0, 7.0), (10.0, 3.0, 0.2, 0.0, 4.0), (2.0, 5.0, 0.3, 2.0, 3.0),
        (7.5, 2.0, 1.0, 0.5, 20.0),
    ]  # fmt: skip
    return grade(
        function,
        cases,
        _run_by_attempts,
        hint="One interval after another; a rest of the work is an interval of its own.",
    )


def _run_by_attempts(total, work, save, restart, mean):
    seconds, left = 0.0, total
    while left > 1e-12:
        x = min(work, left) + save
        left -= min(work, left)
        succeeds = math.exp(-x / mean)
        fails = 1 - succeeds
        lasts = mean - x * succeeds / fails  # a failed attempt, on average
        seconds += x + fails / succeeds * (lasts + restart)
    return seconds
