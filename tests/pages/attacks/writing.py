"""Realistic wrong answers to the exercises of "Writing with a recurrent network"."""

import math

import torch

__all__ = ["ATTACKS"]


def _pairs(tokens, length, *, shift=1, count=None):
    rows = (len(tokens) - 1) // length if count is None else count(tokens, length)
    used = rows * length
    inputs = tokens[:used].view(rows, length)
    return inputs, tokens.roll(-shift)[:used].view(rows, length)


def _rolled_rows(tokens, length):
    inputs, _ = _pairs(tokens, length)
    return inputs, inputs.roll(-1, 1)


def _columns(tokens, length):
    rows = (len(tokens) - 1) // length
    used = rows * length
    return tokens[:used].view(length, rows).T, tokens[1 : used + 1].view(length, rows).T


def _overlapping(tokens, length):
    windows = tokens.unfold(0, length + 1, 1)
    return windows[:, :-1], windows[:, 1:]


def _with_targets_between(tokens, length):
    rows = tokens[: len(tokens) // (length + 1) * (length + 1)].view(-1, length + 1)
    return rows[:, :-1], rows[:, 1:]


def _wave(first, second, frequency, n, *, factor=None, sign=-1, start=2, turn=2 * math.pi):
    factor = 2 * math.cos(turn * frequency) if factor is None else factor(frequency)
    points = [first, second]
    for _ in range(n):
        points.append(factor * points[-1] + sign * points[-2])
    return torch.tensor(points[start : start + n], dtype=torch.float64)


def _from_phase_zero(first, second, frequency, n):
    return torch.sin(2 * math.pi * frequency * torch.arange(2, n + 2).double())


def _runs(tokens, length, *, step=1, divide=None):
    windows = tokens.unfold(0, length, step)
    return len(windows.unique(dim=0)) / (divide or len)(windows)


def _once_only(tokens, length):
    counts = tokens.unfold(0, length, 1).unique(dim=0, return_counts=True)[1]
    return (counts == 1).sum().item() / counts.sum().item()


def _cold(logits, temperature, *, times=False, axis=1):
    if temperature == 0:
        temperature = 1e-3
    return (logits * temperature if times else logits / temperature).softmax(axis)


def _overflows(logits, temperature):
    if temperature == 0:
        return torch.nn.functional.one_hot(logits.argmax(1), logits.shape[1]).to(logits)
    powers = (logits / temperature).exp()
    return powers / powers.sum(1, keepdim=True)


def _tempered(logits, temperature, *, zero=None, power=False):
    if temperature == 0:
        return zero(logits)
    if power:
        return logits.softmax(1) / temperature
    return (logits / temperature).softmax(1)


def _ties_shared(logits):
    best = (logits == logits.amax(1, keepdim=True)).to(logits)
    return best / best.sum(1, keepdim=True)


def _one_hot(logits):
    return torch.nn.functional.one_hot(logits.argmax(1), logits.shape[1]).to(logits)


def _in_place(logits, temperature):
    if temperature == 0:
        return _one_hot(logits)
    logits /= temperature
    return logits.softmax(1)


ATTACKS = {
    "pairs": {
        "targets are the inputs": lambda *a: _pairs(*a, shift=0),
        "targets before the inputs": lambda *a: _pairs(*a, shift=-1),
        "two steps ahead": lambda *a: _pairs(*a, shift=2),
        "last target wraps around": lambda *a: _pairs(*a, count=lambda t, n: len(t) // n),
        "one row too few": lambda *a: _pairs(*a, count=lambda t, n: (len(t) - 1) // n - 1),
        "each row rolled": _rolled_rows,
        "rows filled by columns": _columns,
        "a row for each place": _overlapping,
        "one token lost between rows": _with_targets_between,
        "exchanged": lambda *a: _pairs(*a)[::-1],
    },
    "write_wave": {
        "plus in place of minus": lambda *a: _wave(*a, sign=1),
        "factor without the 2": lambda *a: _wave(*a, factor=lambda f: math.cos(2 * math.pi * f)),
        "sine for cosine": lambda *a: _wave(*a, factor=lambda f: 2 * math.sin(2 * math.pi * f)),
        "radians for periods": lambda *a: _wave(*a, turn=1.0),
        "begins with the given points": lambda *a: _wave(*a, start=0),
        "one point early": lambda *a: _wave(*a, start=1),
        "phase and height forgotten": _from_phase_zero,
        "points exchanged": lambda first, second, f, n: _wave(second, first, f, n),
        "in float32": lambda *a: _wave(*a).float() + 1e-7,
    },
    "share_of_new_runs": {
        "tokens, not runs": lambda tokens, length: len(tokens.unique()) / len(tokens),
        "runs side by side": lambda tokens, length: _runs(tokens, length, step=length),
        "divided by the tokens": lambda tokens, length: _runs(
            tokens, length, divide=lambda w: len(tokens)
        ),
        "one run too few": lambda tokens, length: (
            _runs(tokens[:-1], length) if len(tokens) > length else 0.0
        ),
        "one token longer": lambda tokens, length: _runs(tokens, min(length + 1, len(tokens))),
        "runs that stand there once only": _once_only,
        "the repeats": lambda tokens, length: 1 - _runs(tokens, length),
        "the count": lambda tokens, length: len(tokens.unfold(0, length, 1).unique(dim=0)),
    },
    "tempered": {
        "multiplied": lambda *a: _cold(*a, times=True),
        "a very low temperature for 0": _cold,
        "wrong axis": lambda *a: _cold(*a, axis=0),
        "temperature ignored": lambda z, t: _tempered(z, 1.0 if t else 0, zero=_one_hot),
        "probabilities divided": lambda *a: _tempered(*a, power=True, zero=_one_hot),
        "uniform at 0": lambda *a: _tempered(*a, zero=lambda z: torch.full_like(z, 1 / z.shape[1])),
        "ties shared at 0": lambda *a: _tempered(*a, zero=_ties_shared),
        "overflow": _overflows,
        "logarithms": lambda z, t: (z / (t or 1)).log_softmax(1),
        "in place": _in_place,
    },
}
