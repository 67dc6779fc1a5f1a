"""Realistic wrong answers to the exercises of "From sound to frames"."""

import math

import torch
import torch.nn.functional as F

from bigmodel_utils import sequences

__all__ = ["ATTACKS"]


def _frames(x, size, hop, *, more=0, tail=True, front=False):
    n = x.shape[1]
    t = 1 + max(0, -((size - n) // hop if tail else 0)) + more
    if not tail:
        t = 1 + max(0, (n - size) // hop)
    missing = max(0, (t - 1) * hop + size - n)
    return F.pad(x, (missing, 0) if front else (0, missing)).unfold(1, size, hop)


def _always_a_hop(x, size, hop):
    n = x.shape[1]
    t = 1 + max(0, (n - size) // hop + 1)
    return F.pad(x, (0, max(0, (t - 1) * hop + size - n))).unfold(1, size, hop)


def _repeats_the_end(x, size, hop):
    missing = _frames(x, size, hop).shape[1] * hop - hop + size - x.shape[1]
    return torch.cat([x, x[:, -1:].expand(-1, missing)], 1).unfold(1, size, hop)


def _bank(bands, size, rate, *, scale="slaney", area=True, rounded=False, half=True, log=math.log):
    top, unit = rate / 2 if half else rate, math.log(6.4)
    steps = torch.linspace(0, 1, bands + 2, dtype=torch.float64)
    if scale == "htk":
        corners = 700 * (10 ** (steps * math.log10(1 + top / 700)) - 1)
    elif scale == "linear":
        corners = steps * top
    else:
        m = steps * (15 + 27 * log(top / 1000) / unit)
        corners = torch.where(m < 15, 200 * m / 3, 1000 * torch.exp((m - 15) / 27 * unit))
    if rounded:
        corners = (corners * size / rate).round() * rate / size
    low, peak, high = (corners[i : bands + i, None] for i in range(3))
    f = torch.arange(size // 2 + 1).double() * rate / size
    bank = torch.minimum((f - low) / (peak - low), (high - f) / (high - peak)).clamp(min=0)
    return bank * {True: 2 / (high - low), False: 1, "half": 1 / (high - low)}[area]


def _rounded_bank(bands, size, rate):
    return _bank(bands, size, rate, rounded=True).nan_to_num(0)


def _cosines(count, bands, *, shift=0.5, orthonormal=True):
    q, b = torch.arange(count).double()[:, None], torch.arange(bands).double()
    rows = math.sqrt(2 / bands) * torch.cos(math.pi * q * (b + shift) / bands)
    if orthonormal:
        rows[0] /= math.sqrt(2)
    return rows


def _smooth(logs, count, first=0, **options):
    rows = _cosines(count, logs.shape[-1], **options)[first:]
    return logs @ rows.T @ rows


def _fourier(logs, count):
    spectrum = torch.fft.rfft(logs)
    spectrum[..., count:] = 0
    return torch.fft.irfft(spectrum, logs.shape[-1])


def _kept_high(logs, count):
    rows = _cosines(logs.shape[-1], logs.shape[-1])[-count:]
    return logs @ rows.T @ rows


def _coefficients(logs, count):
    return logs @ _cosines(count, logs.shape[-1]).T


def _smooth_in_place(logs, count):
    result = _smooth(logs, count)
    logs -= logs.mean()
    return result


def _deltas(x, lengths, reach, *, own_end=True, half=2, sign=1, clear=True, weighted=True):
    (b, t, _), step = x.shape, torch.arange(x.shape[1])
    row = torch.arange(b)[:, None]
    last = lengths[:, None] - 1 if own_end else torch.full((b, 1), t - 1)
    total = 0
    for tau in range(1, reach + 1):
        after = x[row, (step + tau).minimum(last)]
        before = x[row, (step - tau).clamp(min=0).minimum(last)]
        total = total + sign * (tau if weighted else 1) * (after - before)
    slopes = total / (half * sum(tau**2 for tau in range(1, reach + 1)))
    padding = (step >= lengths[:, None])[..., None]
    return slopes.masked_fill(padding, 0) if clear else slopes


def _zeros_at_the_ends(x, lengths, reach):
    x = x.masked_fill(~sequences.mask(lengths, x.shape[1])[..., None], 0)
    padded = F.pad(x, (0, 0, reach, reach))
    tau = torch.arange(-reach, reach + 1).double()
    slopes = padded.unfold(1, 2 * reach + 1, 1) @ tau / (tau**2).sum()
    return slopes.masked_fill(~sequences.mask(lengths, x.shape[1])[..., None], 0)


def _wraps_around(x, lengths, reach):
    result = torch.zeros_like(x)
    for out, row, n in zip(result, x, lengths.tolist(), strict=True):
        for tau in range(1, reach + 1):
            out[:n] += tau * (row[:n].roll(-tau, 0) - row[:n].roll(tau, 0))
    return result / (2 * sum(tau**2 for tau in range(1, reach + 1)))


def _differences(x, lengths, reach):
    return _deltas(x, lengths, 1)


def _sorted(x, lengths, noise, *, mask=True, clear=True, inverse=False, down=False, shared=False):
    padding = ~sequences.mask(lengths, x.shape[1])
    if shared:
        noise = noise[:1].expand_as(noise)
    keys = noise.masked_fill(padding, -math.inf if down else math.inf) if mask else noise
    order = keys.argsort(1, descending=down)
    order = order.argsort(1) if inverse else order
    moved = x[torch.arange(len(x))[:, None], order]
    return moved.masked_fill(padding[..., None], 0) if clear else moved


def _features_shuffled(x, lengths, noise):
    order = noise[:, : x.shape[2]].argsort(1)
    if order.shape[1] < x.shape[2]:
        order = torch.arange(x.shape[2]).expand(len(x), -1)
    moved = x.gather(2, order[:, None].expand_as(x))
    return moved.masked_fill(~sequences.mask(lengths, x.shape[1])[..., None], 0)


ATTACKS = {
    "padded_frames": {
        "loses the tail": lambda x, n, h: _frames(x, n, h, tail=False),
        "a frame too many": lambda x, n, h: _frames(x, n, h, more=1),
        "a frame of zeros where it fits": _always_a_hop,
        "zeros in front": lambda x, n, h: _frames(x, n, h, front=True),
        "repeats the last sample": _repeats_the_end,
        "no overlap": lambda x, n, h: _frames(x, n, n),
        "size and hop exchanged": lambda x, n, h: _frames(x, h, n),
        "time last": lambda x, n, h: _frames(x, n, h).transpose(1, 2),
    },
    "slaney_bank": {
        "HTK's scale": lambda *a: _bank(*a, scale="htk"),
        "straight scale": lambda *a: _bank(*a, scale="linear"),
        "area not scaled": lambda *a: _bank(*a, area=False),
        "half the area": lambda *a: _bank(*a, area="half"),
        "up to the rate": lambda *a: _bank(*a, half=False),
        "logarithm to the base 10": lambda *a: _bank(*a, log=math.log10),
        "corners on the bins": _rounded_bank,
        "transposed": lambda *a: _bank(*a).T,
    },
    "smoothed": {
        "one row short": lambda x, n: _smooth(x, max(1, n - 1)),
        "one row more": lambda x, n: _smooth(x, n + 1),
        "without row 0": lambda x, n: _smooth(x, n, first=1),
        "row 0 not scaled": lambda x, n: _smooth(x, n, orthonormal=False),
        "cosines from 0": lambda x, n: _smooth(x, n, shift=0.0),
        "Fourier transform": _fourier,
        "the last rows": _kept_high,
        "not transformed back": _coefficients,
        "unchanged": lambda x, n: x,
        "changes its argument": _smooth_in_place,
    },
    "padded_deltas": {
        "last step of the batch": lambda *a: _deltas(*a, own_end=False),
        "half missing": lambda *a: _deltas(*a, half=1),
        "backwards": lambda *a: _deltas(*a, sign=-1),
        "padding not cleared": lambda *a: _deltas(*a, clear=False, own_end=False),
        "equal weights": lambda *a: _deltas(*a, weighted=False),
        "zeros at the ends": _zeros_at_the_ends,
        "wraps around": _wraps_around,
        "reach 1": _differences,
        "over features": lambda x, n, r: _deltas(
            x.transpose(1, 2), torch.full((len(x),), x.shape[2]), r
        ).transpose(1, 2),
    },
    "by_noise": {
        "padding sorted in": lambda *a: _sorted(*a, mask=False),
        "padding not cleared": lambda *a: _sorted(*a, clear=False),
        "inverse order": lambda *a: _sorted(*a, inverse=True),
        "largest first": lambda *a: _sorted(*a, down=True),
        "one order for all": lambda *a: _sorted(*a, shared=True),
        "features shuffled": _features_shuffled,
        "not shuffled": lambda x, n, noise: x.masked_fill(
            ~sequences.mask(n, x.shape[1])[..., None], 0
        ),
    },
}
