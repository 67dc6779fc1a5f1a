"""Checkers of the exercises on the page "Big models: four costs"."""

import bisect

from bigmodel_utils.checks import grade

__all__ = ["checkpointed", "over_rule", "report", "rows_needed"]


def over_rule(function):
    """Check ``function(V, d, L, f, t)``: the true FLOPs of training over 6ND."""
    cases = [
        (11, 12, 2, 40, 7),
        (30, 10, 3, 17, 90),
        (7, 8, 1, 9, 1),
        (50_257, 768, 12, 3072, 1024),
    ]
    return grade(
        function,
        cases,
        _counted_over_rule,
        hint="The embedding is looked up, the output layer multiplies; norms count in N alone; "
        "attention costs 12 L t d a token, forward and backward.",
    )


def _counted_over_rule(V, d, L, f, t):
    # Layer by layer of a model without memory; backward is twice the forward pass.
    import torch

    from bigmodel_utils.accounting import predict
    from bigmodel_utils.models import GPT

    with torch.device("meta"):
        model = GPT(V, context=t, d_model=d, num_layers=L, num_heads=1, d_ff=f, positions="none")
    report = predict(model, (1, t))
    return 3 * report.flops / (6 * report.params * t)


def checkpointed(function):
    """Check ``function(L, d, n, f, V, b, t)``: bytes with every block checkpointed."""
    cases = [
        (3, 24, 3, 50, 31, 2, 17),
        (1, 40, 5, 112, 97, 3, 11),
        (5, 16, 2, 90, 11, 4, 8),
        (12, 768, 12, 3072, 50_257, 8, 1024),
    ]
    return grade(
        function,
        cases,
        _piece_by_piece,
        hint="L inputs of blocks stay; one block at a time has its own activations; the last "
        "norm and the loss keep theirs as before.",
    )


def _piece_by_piece(L, d, n, f, V, b, t):
    vector, number = 4 * b * t * d, 4 * b * t
    block = (
        [vector] * 10 + [4 * b * t * f] * 2 + [4 * b * n * t * t] * 2 + [number] * 2 + [t * t, t]
    )
    outside = [vector] * 3 + [number, 4 * b * t * V, 4]
    return L * vector + sum(block) + sum(outside)


def rows_needed(function):
    """Check ``function(d_in, d_out, s, peak, bandwidth)``: the fewest rows, or -1."""
    cases = [
        (1024, 4096, 4, 1e11, 1e10),
        (768, 768, 2, 3e12, 1e11),
        (5, 9, 4, 10.0, 10.0),
        (64, 64, 4, 1e13, 1e11),  # never
        (4096, 1024, 4, 1e10, 1e11),  # one row is enough
        (300, 70, 8, 5.2e11, 9.1e10),
        (8, 8, 4, 10.0, 10.0),  # four rows reach the bend exactly
    ]
    return grade(
        function,
        cases,
        _rows_by_search,
        hint="Ask for 2 m d_in d_out FLOPs over the bytes of input, matrix and output to reach "
        "peak / bandwidth; with too small a matrix it never does.",
    )


def _rows_by_search(d_in, d_out, s, peak, bandwidth):
    def time_is_arithmetic(m):
        arithmetic = 2 * m * d_in * d_out / peak
        return arithmetic >= s * (m * d_in + d_in * d_out + m * d_out) / bandwidth

    many = range(10**12 + 1)
    found = bisect.bisect_left(many, True, key=time_is_arithmetic)
    return found if found in many else -1


def report(function):
    """Check ``function(flops, hours, peak, watts, factors)``: utilisation, low and high GWh."""
    cases = [
        (8.3e23, 1.72e6, 312e12, 400, [(0.6, 1.0), (1.2, 1.6), (1.05, 1.3)]),
        (3.8e25, 30.84e6, 989e12, 700, [(0.5, 0.9)]),
        (1e20, 5e3, 19.5e12, 250, []),
        (1e20, 7e3, 19.5e12, 300, [(0.5, 1.0), (1.1, 1.1)]),
    ]
    return grade(
        function,
        cases,
        _report_in_seconds,
        hint="An hour has 3,600 seconds; watts times hours are watt-hours, a GWh has 1e9; every "
        "factor multiplies.",
    )


def _report_in_seconds(flops, hours, peak, watts, factors):
    import math

    seconds = hours * 3600
    joules = [watts * seconds * math.prod(pair[end] for pair in factors) for end in (0, 1)]
    return flops / seconds / peak, joules[0] / 3.6e12, joules[1] / 3.6e12
