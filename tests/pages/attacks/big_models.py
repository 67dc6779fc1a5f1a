"""Realistic wrong answers to the exercises of "Big models: four costs"."""

import math

__all__ = ["ATTACKS"]


def _over(V, d, L, f, t, *, tables=2, output=True, looked_up=False, norms=True, pairs=12, of="N"):
    blocks = L * (4 * d * d + 2 * d * f)
    N = tables * V * d + blocks + ((2 * L + 1) * d if norms else 0)
    M = blocks + (V * d if output else 0) + (V * d if looked_up else 0)
    return (6 * M + pairs * L * t * d) / (6 * (N if of == "N" else M))


def _kept(
    L, d, n, f, V, b, t, *, inputs=None, vectors=10, wide=2, pairs=2, masks=True, loss=True,
    blocks=1, size=4, outside=3, last=True,
):  # fmt: skip
    numbers = (L if inputs is None else inputs) * b * t * d
    numbers += blocks * b * t * (vectors * d + wide * f + pairs * n * t + 2)
    numbers += b * t * (outside * d + 1 + (V if loss else 0)) + (1 if last else 0)
    return size * numbers + blocks * ((t * t + t) if masks else 0)


def _rows(
    d_in, d_out, s, peak, bandwidth, *, matrix_only=False, flops=2, up=True, never=-1, more=0
):
    bend, a = peak / bandwidth, d_in * d_out
    gain = flops * a - (0 if matrix_only else bend * s * (d_in + d_out))
    if gain <= 0:
        return never
    m = bend * s * a / gain
    return math.ceil(m) if up else math.floor(m) + more


def _report(flops, hours, peak, watts, factors, *, second=3600, giga=1e9, how="product"):
    low = high = hours * watts / giga
    for least, most in factors:
        if how == "product":
            low, high = low * least, high * most
        elif how == "middle":
            low = high = low * (least + most) / 2
        elif how == "divided":
            low, high = low / most, high / least
    return flops / (second * hours * peak), low, high


def _with(function, **options):
    return lambda *arguments: function(*arguments, **options)


ATTACKS = {
    "over_rule": {
        "one table": _with(_over, tables=1),
        "no output layer": _with(_over, output=False),
        "the embedding multiplied": _with(_over, looked_up=True),
        "without norms": _with(_over, norms=False),
        "half the pairs, as if causal": _with(_over, pairs=6),
        "pairs of the forward pass": _with(_over, pairs=4),
        "no pairs": _with(_over, pairs=0),
        "over 6M": _with(_over, of="M"),
        "a constant": lambda *_: 1.0,
    },
    "checkpointed": {
        "no inputs": _with(_kept, inputs=0),
        "one input": _with(_kept, inputs=1),
        "masks of all blocks": lambda L, d, n, f, V, b, t: (
            _kept(L, d, n, f, V, b, t) + (L - 1) * (t * t + t)
        ),
        "all blocks": lambda L, *rest: _kept(L, *rest, blocks=L),
        "without the block at work": _with(_kept, blocks=0),
        "without the loss": _with(_kept, loss=False),
        "without the masks": _with(_kept, masks=False),
        "one set of pairs": _with(_kept, pairs=1),
        "half precision": _with(_kept, size=2),
        "nothing outside": _with(_kept, outside=0),
        "a constant": lambda *_: 10**9,
    },
    "rows_needed": {
        "the matrix's bytes alone": _with(_rows, matrix_only=True),
        "one FLOP for a product and a sum": _with(_rows, flops=1),
        "rounded down": _with(_rows, up=False),
        "one more than rounded down": _with(_rows, up=False, more=1),
        "zero for never": _with(_rows, never=0),
        "bandwidth over peak": lambda i, o, s, p, b: _rows(i, o, s, b, p),
        "without the size of a number": lambda i, o, s, p, b: _rows(i, o, 1, p, b),
        "at least two": lambda *a: max(2, _rows(*a)),
        "a constant": lambda *_: 16,
    },
    "report": {
        "hours for seconds": _with(_report, second=1),
        "minutes for seconds": _with(_report, second=60),
        "MWh": _with(_report, giga=1e6),
        "the middle of each": _with(_report, how="middle"),
        "divided by the factors": _with(_report, how="divided"),
        "no factors": _with(_report, how="none"),
        "ends swapped": lambda *a: (_report(*a)[0], _report(*a)[2], _report(*a)[1]),
        "only the utilisation": lambda *a: _report(*a)[0],
        "a constant": lambda *_: (0.4, 0.5, 1.5),
    },
}
