"""Realistic wrong answers to the exercises of "How is a model transferred?"."""

import torch

__all__ = ["ATTACKS"]


def _factors(matrix, rank, *, smallest=False, twice=False):
    u, s, v = torch.linalg.svd(matrix, full_matrices=False)
    some = slice(-rank, None) if smallest else slice(rank)
    front = u[:, some] * s[some]
    back = s[some, None] * v[some] if twice else v[some]
    return back, front


def _cut(before, after, rank):
    change = after - before
    eye = torch.eye(rank, len(change[0]), dtype=change.dtype)
    return eye, change[:, :rank]


def _bytes(shapes, rank, bits, *, choose=True, gradients=True, moments=True, frozen=True):
    full = sum(16 * n * m for n, m in shapes)
    each = 4 + 4 * gradients + 8 * moments
    lora = 0
    for n, m in shapes:
        few = rank * (n + m)
        if choose and few >= n * m:
            lora += each * n * m
        else:
            lora += (n * m * bits // 8 if frozen else 0) + each * few
    return full, lora


def _gaps(with_it, without, before, after):
    return with_it - without, before - after


def _told(gaps, error):
    return tuple(v for gap in gaps for v in (gap.mean(), error(gap)))


def _unpaired(*four):
    def error(a, b):
        return ((a.var() + b.var()) / len(a)) ** 0.5

    gain, lost = _gaps(*four)
    return gain.mean(), error(four[0], four[1]), lost.mean(), error(four[2], four[3])


ATTACKS = {
    "as_correction": {
        "of the new weight": lambda before, after, rank: _factors(after, rank),
        "smallest directions": lambda w, v, rank: _factors(v - w, rank, smallest=True),
        "singular values in both": lambda w, v, rank: _factors(v - w, rank, twice=True),
        "the other sign": lambda w, v, rank: _factors(w - v, rank),
        "first columns": _cut,
        "factors exchanged": lambda w, v, rank: _factors(v - w, rank)[::-1],
    },
    "from_full_gradient": {
        "scale forgotten": lambda g, a, b, s: (b.T @ g, g @ a.T),
        "scale squared": lambda g, a, b, s: (s * s * b.T @ g, s * s * g @ a.T),
        "exchanged": lambda g, a, b, s: (s * g @ a.T, s * b.T @ g),
        "B alone": lambda g, a, b, s: (torch.zeros_like(a), s * g @ a.T),
        "scale divided": lambda g, a, b, s: (b.T @ g / s, g @ a.T / s),
    },
    "memory": {
        "corrections everywhere": lambda *a: _bytes(*a, choose=False),
        "gradients forgotten": lambda *a: _bytes(*a, gradients=False),
        "moments forgotten": lambda *a: _bytes(*a, moments=False),
        "frozen weights forgotten": lambda *a: _bytes(*a, frozen=False),
        "frozen weights in float32": lambda shapes, rank, bits: _bytes(shapes, rank, 32),
        "exchanged": lambda *a: _bytes(*a)[::-1],
    },
    "judged": {
        "as if unpaired": _unpaired,
        "deviation for error": lambda *a: _told(_gaps(*a), lambda gap: gap.std()),
        "divided by n": lambda *a: _told(
            _gaps(*a), lambda gap: gap.std(correction=0) / len(gap) ** 0.5
        ),
        "gain for loss": lambda w, o, b, a: _told(
            (w - o, a - b), lambda gap: gap.std() / len(gap) ** 0.5
        ),
        "error of the sum": lambda *a: _told(_gaps(*a), lambda gap: gap.std() * len(gap) ** 0.5),
    },
}
