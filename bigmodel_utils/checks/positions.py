"""Checkers of the exercises on the page "Positions"."""

import math

import torch

from bigmodel_utils.checks import AUTOGRAD, bisection, grade, random_tensor
from bigmodel_utils.words import say

__all__ = ["base_for_length", "rotate_at", "rotate_backward", "shift_matrix", "to_halves"]


def shift_matrix(function):
    """Check ``function(d, k, base)``: the matrix (d, d) with row m + k = matrix @ row m."""
    cases = [(2, 1, 10000.0), (6, 3, 10000.0), (4, -2, 100.0), (8, 11, 500.0), (6, 0, 10.0)]
    return grade(
        _shifted_by(function) if callable(function) else function,
        cases,
        _rows_further_on,
        hint="Even columns are sines. What are sin(a + b) and cos(a + b) in the sine and cosine "
        "of a?",
    )


_PLACES = (0, 1, 2, 5, 17, 230, 4001, 9000, 31415)


def _shifted_by(function):
    """Apply the reader's matrix to rows of the table, more of them than it has columns."""

    def rows(d, k, base):
        matrix = function(d, k, base)
        if not isinstance(matrix, torch.Tensor):
            return matrix
        if matrix.shape != (d, d):
            got = tuple(matrix.shape)
            raise ValueError(say("expected shape {expected}, got {got}.", expected=(d, d), got=got))
        table = torch.stack([_row(place, d, base) for place in _PLACES])
        return table @ matrix.to(table.dtype).T

    return rows


def _rows_further_on(d, k, base):
    return torch.stack([_row(place + k, d, base) for place in _PLACES])


def _row(place, d, base):
    row = []
    for i in range(d // 2):
        angle = place / base ** (2 * i / d)
        row += [math.sin(angle), math.cos(angle)]
    return torch.tensor(row, dtype=torch.float64)


def rotate_backward(function):
    """Check ``function(grad, cos, sin)``: grad (b, n, t, d_h), cos and sin (t, d_h / 2)."""
    cases = []
    for k, (b, n, t, d) in enumerate([(2, 3, 4, 6), (1, 2, 5, 2), (3, 1, 1, 8)]):
        angles = random_tensor(10 + k, t, d // 2)
        cases.append((random_tensor(k, b, n, t, d), angles.cos(), angles.sin()))
    return grade(
        function,
        cases,
        _turn_by_autograd,
        hint="A rotation's transpose is the rotation by minus the angle; pair i is (i, i + d_h/2).",
        forbidden=AUTOGRAD,
    )


def _turn_by_autograd(grad, cos, sin):
    # Autograd through products of complex numbers: (a + ib)(cos + i sin).
    x = torch.zeros_like(grad).requires_grad_()
    with torch.enable_grad():
        return torch.autograd.grad(_turned(x, torch.complex(cos, sin)), x, grad)[0]


def _turned(x, factors):
    half = x.shape[-1] // 2
    y = torch.complex(x[..., :half], x[..., half:]) * factors
    return torch.cat([y.real, y.imag], dim=-1)


def rotate_at(function):
    """Check ``function(x, start, base)``: x (b, n, t, d_h), turned as positions from start on."""
    cases = [
        (random_tensor(1, 2, 3, 4, 6), 5, 10000.0),
        (random_tensor(2, 1, 2, 3, 4), 0, 10000.0),
        (random_tensor(3, 2, 1, 1, 8), 117, 500.0),
        (random_tensor(4, 1, 1, 5, 2), 3, 10000.0),
    ]
    return grade(
        function,
        cases,
        _turned_one_by_one,
        atol=1e-4,  # angles in float32 are right too
        hint="Position start + s turns pair i by (start + s) * base ** (-2 i / d_h) radians.",
    )


def _turned_one_by_one(x, start, base):
    out = torch.empty_like(x)
    half = x.shape[-1] // 2
    for s in range(x.shape[2]):
        angles = [(start + s) * base ** (-i / half) for i in range(half)]
        factors = torch.polar(torch.ones(half, dtype=x.dtype), torch.tensor(angles, dtype=x.dtype))
        out[:, :, s] = _turned(x[:, :, s], factors)
    return out


def to_halves(function):
    """Check ``function(weight, num_heads)``: weight (d, d), the result (d, d)."""
    cases = [(random_tensor(k, n * d, n * d), n) for k, (n, d) in enumerate(_HEADS)]
    return grade(
        function,
        cases,
        _row_by_row,
        hint="Row 2 i of a head is the first feature of pair i, and goes to row i of that head.",
    )


_HEADS = ((2, 6), (3, 4), (1, 8), (4, 2), (2, 10))


def _row_by_row(weight, num_heads):
    out = torch.empty_like(weight)
    d_h = len(weight) // num_heads
    for head in range(num_heads):
        for pair in range(d_h // 2):
            for part in range(2):
                out[head * d_h + part * d_h // 2 + pair] = weight[head * d_h + 2 * pair + part]
    return out


def base_for_length(function):
    """Check ``function(base, d_head, trained, wanted)``: the new base, a number."""
    cases = [
        (10000.0, 8, 33, 65),
        (500.0, 4, 11, 41),
        (10000.0, 64, 2049, 8193),
        (100.0, 12, 26, 51),
        (10000.0, 16, 100, 100),
    ]
    return grade(
        function,
        cases,
        _base_by_halving,
        atol=0.1,  # of thousands: a base in float32 is right too
        hint="The last position of n is n - 1, and the slowest pair is the one with "
        "i = d_head / 2 - 1: by how much must it slow down?",
    )


def _base_by_halving(base, d_head, trained, wanted):
    # The angle falls with the base: look for the wanted one among the logarithms of bases.
    def last_angle(b, length):
        return (length - 1) * b ** (-(d_head - 2) / d_head)

    known = last_angle(base, trained)
    low = math.log(base)
    return math.exp(bisection(lambda x: last_angle(math.exp(x), wanted) > known, low, low + 40))
