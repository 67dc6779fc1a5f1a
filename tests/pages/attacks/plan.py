"""Realistic wrong answers to the exercises of "A plan for 1,000 GPUs"."""

import math

__all__ = ["ATTACKS"]


def _ring(n, alpha, beta, *, ways=1, part=True, rounds=None):
    rounds = n.bit_length() - 1 if rounds is None else rounds
    ring = (n - 1) / n if part else n - 1
    return alpha * (ways * (n - 1) - rounds) / (beta * (rounds - ways * ring))


def _copies(N, tp, pp, room, *, whole=4, up=math.ceil, cut=True):
    part = N / (tp * pp) if cut else N
    spare = room - whole * part
    return up((16 - whole) * part / spare) if spare > 0 else 0


def _micro(pp, v, u, *, less=1, up=math.ceil):
    return max(1, up((pp - less) * u / ((1 - u) * v) - 1e-9))


def _run(total, work, save, restart, mean, *, up=math.ceil, wait=True, first=False):
    pieces = up(total / work)
    one = (mean + (restart if wait else 0)) * math.expm1((work + save) / mean)
    return pieces * one if not first else pieces * (work + save) * (1 + (work + save) / mean / 2)


ATTACKS = {
    "ring_wins_from": {
        "ring there only": lambda n, a, b: _ring(n, a, b, ways=2),
        "n rounds": lambda n, a, b: _ring(n, a, b, rounds=n),
        "latency over bandwidth": lambda n, a, b: a / b,
        "natural logarithm": lambda n, a, b: _ring(n, a, b, rounds=math.log(n)),
        "inverse": lambda n, a, b: 1 / _ring(n, a, b),
    },
    "fewest_copies": {
        "rounded down": lambda *a: _copies(*a, up=math.floor),
        "gradients divided too": lambda *a: _copies(*a, whole=2),
        "all divided": lambda *a: _copies(*a, whole=0),
        "parts forgotten": lambda *a: _copies(*a, cut=False),
        "not a whole number": lambda *a: _copies(*a, up=float),
    },
    "fewest_micro_batches": {
        "rounded down": lambda *a: _micro(*a, up=math.floor),
        "a stage too many": lambda *a: _micro(*a, less=0),
        "pieces forgotten": lambda pp, v, u: _micro(pp, 1, u),
        "share of the bubble": lambda pp, v, u: _micro(pp, v, 1 - u),
    },
    "run_seconds": {
        "last interval counted whole": _run,
        "last interval forgotten": lambda *a: _run(*a, up=math.floor),
        "fraction of an interval": lambda *a: _run(*a, up=float),
        "no restarts": lambda *a: _run(*a, wait=False),
        "first order": lambda *a: _run(*a, first=True),
    },
}
