"""Realistic wrong answers to the exercises of "Deep learning: why depth"."""

import math

import torch

__all__ = ["ATTACKS"]


def _readout(features, y, penalty, *, center=True, targets=True, bias=True, scale=1.0):
    middle = features.mean(0) if center else torch.zeros_like(features[0])
    mean = y.mean() if targets else torch.zeros(()).double()
    f = features - middle
    square = f.T @ f + scale * penalty * torch.eye(f.shape[1]).double()
    w = torch.linalg.solve(square, f.T @ (y - mean))
    return w, (mean - middle @ w if bias else mean)


def _penalised_bias(features, y, penalty):
    rows = torch.cat([features, torch.ones(len(features), 1).double()], 1)
    square = rows.T @ rows + penalty * torch.eye(rows.shape[1]).double()
    w = torch.linalg.solve(square, rows.T @ y)
    return w[:-1], w[-1]


def _pieces(w1, b1, w2, low, high, *, weight=True, inside=True, once=True, cancel=True, sign=True,
            ends=False):  # fmt: skip
    bends = {}
    for n, (w, b, v) in enumerate(zip(w1.tolist(), b1.tolist(), w2.tolist(), strict=True)):
        if w == 0 or (weight and v == 0) or (inside and not low < -b / w < high):
            if not (ends and w and -b / w in (low, high)):
                continue
        key = -b / w if once else n
        bends[key] = bends.get(key, 0) + v * (abs(w) if sign else w)
    return 1 + (sum(v != 0 for v in bends.values()) if cancel else len(bends))


def _crooked(tip, folds, *, up=None, down=None, corner=None, extra=0):
    rise = 1 / tip if up is None else up(tip)
    fall = 1 / (1 - tip) if down is None else down(tip)
    bend = torch.tensor([[rise, -rise - fall]], dtype=torch.float64)
    place = -tip if corner is None else corner(tip)
    corners = torch.tensor([0.0, place], dtype=torch.float64)
    middle = [(bend.expand(2, 2), corners)] * (folds - 1 + extra)
    return [(torch.ones(2, 1).double(), corners), *middle, (bend, torch.zeros(1).double())]


def _fall_alone(tip, folds):
    layers = _crooked(tip, folds)
    bend = torch.tensor([[1 / tip, -1 / (1 - tip)]], dtype=torch.float64)
    return [(w if n == 0 else bend.expand(len(b), 2), b) for n, (w, b) in enumerate(layers)]


ATTACKS = {
    "readout": {
        "bias pays too": _penalised_bias,
        "no bias": lambda *a: _readout(*a, center=False, targets=False),
        "features not centred": lambda *a: _readout(*a, center=False),
        "targets not centred": lambda *a: _readout(*a, targets=False),
        "bias is the mean": lambda *a: _readout(*a, bias=False),
        "no penalty": lambda f, y, penalty: _readout(f, y, penalty, scale=1e-9),
        "penalty times examples": lambda f, y, penalty: _readout(f, y, penalty, scale=len(f)),
        "penalty squared": lambda f, y, penalty: _readout(f, y, penalty, scale=penalty),
        "weights alone": lambda *a: _readout(*a)[0],
    },
    "pieces": {
        "units and one": lambda w1, b1, w2, low, high: len(w1) + 1,
        "units": lambda w1, b1, w2, low, high: len(w1),
        "corners outside too": lambda *a: _pieces(*a, inside=False),
        "corners at the ends too": lambda *a: _pieces(*a, ends=True),
        "each unit a corner": lambda *a: _pieces(*a, once=False),
        "bends never cancel": lambda *a: _pieces(*a, cancel=False),
        "direction in the bend": lambda *a: _pieces(*a, sign=False),
        "corners, not pieces": lambda *a: _pieces(*a) - 1,
    },
    "crooked": {
        "tip in the middle": lambda tip, folds: _crooked(0.5, folds),
        "falls as it rises": lambda *a: _crooked(*a, down=lambda tip: 1 / tip),
        "tip mirrored": lambda *a: _crooked(*a, corner=lambda tip: tip - 1),
        "wrong sign of the corner": lambda *a: _crooked(*a, corner=lambda tip: tip),
        "fall without the rise": _fall_alone,
        "one fold too many": lambda *a: _crooked(*a, extra=1),
        "slopes of 1": lambda *a: _crooked(*a, up=lambda tip: 1.0, down=lambda tip: 1.0),
    },
    "units_needed": {
        "rounded down": lambda k, e: max(0, math.floor(2 ** (k + 1) * (0.25 - e))),
        "pieces for units": lambda k, e: max(0, math.ceil(2 ** (k + 1) * (0.25 - e)) + 1),
        "half": lambda k, e: max(0, math.ceil(2**k * (0.25 - e))),
        "exactly equal": lambda k, e: 2**k - 1,
        "negative": lambda k, e: math.ceil(2 ** (k + 1) * (0.25 - e)),
        "as many as the deep": lambda k, e: 2 * k,
    },
}
