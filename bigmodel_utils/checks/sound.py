"""Checkers of the exercises on the page "From sound to frames"."""

import math

import torch

from bigmodel_utils.checks import bisection, grade, padded_batch, random_tensor

__all__ = ["by_noise", "padded_deltas", "padded_frames", "slaney_bank", "smoothed"]


def padded_frames(function):
    """Check ``function(x, size, hop)``: frames of (b, n), zeros appended for the last one."""
    sizes = [(2, 10, 4, 3), (3, 11, 4, 3), (1, 3, 8, 5), (2, 8, 8, 2), (4, 17, 6, 6), (2, 9, 3, 1)]
    cases = []
    for seed, (b, n, size, hop) in enumerate(sizes):
        cases.append((1 + random_tensor(seed, b, n).abs(), size, hop))
    return grade(
        function,
        cases,
        _frames_by_loops,
        atol=0,
        hint="As many frames as it takes to reach the last sample, and no more; zeros at the end.",
    )


def _frames_by_loops(x, size, hop):
    starts = [0]
    while starts[-1] + size < x.shape[1]:
        starts.append(starts[-1] + hop)
    result = x.new_zeros(len(x), len(starts), size)
    for t, start in enumerate(starts):
        piece = x[:, start : start + size]
        result[:, t, : piece.shape[1]] = piece
    return result


def slaney_bank(function):
    """Check ``function(bands, size, rate)``: triangles of equal area on Slaney's mel scale."""
    return grade(
        function,
        [(5, 64, 8000), (12, 400, 16000), (20, 256, 10000), (40, 1024, 44100), (3, 50, 2500)],
        _bank_by_loops,
        atol=1e-6,
        hint="Equal steps of Slaney's scale, corners in Hz between the bins, times 2 / width.",
    )


def _bank_by_loops(bands, size, rate):
    # By another route: the corners by bisection, the triangles entry by entry.
    def mel(hz):
        return 3 * hz / 200 if hz < 1000 else 15 + 27 * math.log(hz / 1000) / math.log(6.4)

    steps = [mel(rate / 2) * b / (bands + 1) for b in range(bands + 2)]
    corners = [bisection(lambda hz, m=m: mel(hz) < m, 0.0, float(rate)) for m in steps]
    result = torch.zeros(bands, size // 2 + 1, dtype=torch.float64)
    for b in range(bands):
        left, peak, right = corners[b : b + 3]
        for k in range(size // 2 + 1):
            f = k * rate / size
            if left < f <= peak:
                result[b, k] = (f - left) / (peak - left)
            elif peak < f < right:
                result[b, k] = (right - f) / (right - peak)
        result[b] *= 2 / (right - left)
    return result


def smoothed(function):
    """Check ``function(logs, count)``: the part of the last axis in the first cosines."""
    shapes = [((6,), 2), ((3, 7), 1), ((2, 4, 9), 5), ((5, 8), 8), ((4, 20), 12)]
    return grade(
        function,
        [(3 + random_tensor(i, *shape), count) for i, (shape, count) in enumerate(shapes)],
        _fitted,
        atol=1e-5,
        hint="Rows 0 to count - 1 are orthonormal: go there with them and back with their "
        "transpose.",
    )


def _fitted(logs, count):
    # Least squares on plain cosines: no orthonormal row takes part.
    bands = logs.shape[-1]
    b = torch.arange(bands, dtype=torch.float64) + 0.5
    columns = torch.stack([torch.cos(math.pi * q * b / bands) for q in range(count)], 1)
    rows = logs.reshape(-1, bands).T
    return (columns @ torch.linalg.lstsq(columns, rows).solution).T.reshape(logs.shape)


def padded_deltas(function):
    """Check ``function(x, lengths, reach)``: slopes over the real steps, zeros in the padding."""
    cases = [
        (*padded_batch(1, [3, 5, 1], 5, 2, 0.0, mean=1.0), 1),
        (*padded_batch(2, [2, 4], 7, 3, 9.0, mean=1.0), 2),
        (*padded_batch(3, [6, 6, 6], 6, 2, 0.0, mean=1.0), 2),
        (*padded_batch(4, [1, 8, 3, 2], 8, 1, math.nan, mean=1.0), 3),
        (*padded_batch(5, [9], 12, 4, math.inf, mean=1.0), 2),
    ]
    return grade(
        function,
        cases,
        _slopes_by_lines,
        hint="Twice the sum of the squares below, each row's own last real frame at its end, "
        "zeros after it.",
    )


def _slopes_by_lines(x, lengths, reach):
    # A least-squares line through each neighbourhood.
    tau = torch.arange(-reach, reach + 1, dtype=torch.float64)
    columns = torch.stack([torch.ones_like(tau), tau], 1)
    result = torch.zeros_like(x)
    for out, row, n in zip(result, x, lengths.tolist(), strict=True):
        for t in range(n):
            around = [row[min(max(t + s, 0), n - 1)] for s in range(-reach, reach + 1)]
            out[t] = torch.linalg.lstsq(columns, torch.stack(around)).solution[1]
    return result


def by_noise(function):
    """Check ``function(x, lengths, noise)``: each row's real frames in the order of their noise."""
    cases = []
    for seed, (lengths, size, d, fill) in enumerate([
        ([3, 5, 1], 5, 2, 0.0), ([2, 4], 7, 3, 9.0), ([4, 4, 4, 4], 4, 2, 0.0),
        ([1, 6, 3, 2], 6, 1, math.nan), ([7], 9, 4, math.inf),
    ]):  # fmt: skip
        x, n = padded_batch(seed, lengths, size, d, fill, mean=1.0)
        cases.append((x, n, random_tensor(50 + seed, len(lengths), size)))
    return grade(
        function,
        cases,
        _sorted_by_loops,
        atol=0,
        hint="Sort each row's real frames alone: noise in the padding must not take part.",
    )


def _sorted_by_loops(x, lengths, noise):
    result = torch.zeros_like(x)
    for out, row, n, keys in zip(result, x, lengths.tolist(), noise.tolist(), strict=True):
        for place, (_, t) in enumerate(sorted(zip(keys[:n], range(n), strict=True))):
            out[place] = row[t]
    return result
