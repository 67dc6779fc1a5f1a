"""Pooling and the receptive field by their index formulas: slow loops that serve as the oracle.

A window moves as a convolution's kernel does: on each axis, output index i reads the input
indices i * stride + u - padding, u = 0 .. kernel_size - 1. All results keep the dtype and
the device of ``x``; argument names are those of ``torch.nn.functional``.
"""

from itertools import product

import torch

from bigmodel_utils import arguments
from bigmodel_utils.reference._convolution import conv2d_output_size

__all__ = [
    "avg_pool2d",
    "avg_pool2d_backward",
    "max_pool2d",
    "max_pool2d_backward",
    "receptive_field",
]


def max_pool2d(x, kernel_size, *, stride=None, padding=0):
    """Return the largest value in each window; cells of padding never win.

    Args:
        x: (b, c, h, w), floating point. A NaN in a window makes its maximum NaN.
        kernel_size: integer or (vertical, horizontal) pair.
        stride: integer or pair; by default ``kernel_size``, so that windows touch.
        padding: integer or pair, at most half of ``kernel_size``.

    Returns:
        (b, c, h_out, w_out), sizes by :func:`bigmodel_utils.reference.conv2d_output_size`.

    Raises:
        TypeError, ValueError: naming the argument, what came and what was expected.
    """
    size_out, windows, _ = _check_pool(x, kernel_size, stride, padding)
    out = x.new_empty(*x.shape[:2], *size_out)
    for (i, j), cells in windows.items():
        out[:, :, i, j], _ = _first_largest(x, cells)
    return out


def max_pool2d_backward(x, grad_output, kernel_size, *, stride=None, padding=0):
    """Return the gradient of sum(grad_output * max_pool2d(x, ...)) with respect to x.

    The cell that won a window takes that window's whole gradient. In a tie it is the first
    cell in row-major order, as in ``torch.nn.functional.max_pool2d``; every split of the
    gradient among tied cells would be a valid subgradient.

    Args:
        x, kernel_size, stride, padding: as given to :func:`max_pool2d`.
        grad_output: (b, c, h_out, w_out), the gradient that arrives from above.

    Returns:
        (b, c, h, w), shaped as ``x``.

    Raises:
        TypeError, ValueError: naming the argument, what came and what was expected.
    """
    size_out, windows, _ = _check_pool(x, kernel_size, stride, padding)
    _check_grad_output(grad_output, x, size_out)
    grad_x = x.new_zeros(x.shape)
    for (i, j), cells in windows.items():
        _, winner = _first_largest(x, cells)
        for n, (r, c) in enumerate(cells):
            grad_x[:, :, r, c] += torch.where(winner == n, grad_output[:, :, i, j], 0)
    return grad_x


def avg_pool2d(x, kernel_size, *, stride=None, padding=0):
    """Return the mean of each window; cells of padding count as zeros.

    Args, returns and raises as in :func:`max_pool2d`. The divisor is always kh * kw, which
    is ``count_include_pad=True``, PyTorch's default.
    """
    size_out, windows, area = _check_pool(x, kernel_size, stride, padding)
    out = x.new_zeros(*x.shape[:2], *size_out)
    for (i, j), cells in windows.items():
        for r, c in cells:
            out[:, :, i, j] += x[:, :, r, c] / area
    return out


def avg_pool2d_backward(x, grad_output, kernel_size, *, stride=None, padding=0):
    """Return the gradient of sum(grad_output * avg_pool2d(x, ...)) with respect to x.

    Every cell of a window takes the share 1 / (kh * kw) of its gradient, whatever its value.
    Args, returns and raises as in :func:`max_pool2d_backward`.
    """
    size_out, windows, area = _check_pool(x, kernel_size, stride, padding)
    _check_grad_output(grad_output, x, size_out)
    grad_x = x.new_zeros(x.shape)
    for (i, j), cells in windows.items():
        for r, c in cells:
            grad_x[:, :, r, c] += grad_output[:, :, i, j] / area
    return grad_x


def receptive_field(layers):
    """Return how far one unit of the last layer sees on one axis, and how far units lie apart.

    A layer adds d (k - 1) * jump cells to the size, with jump the distance in input cells
    between the neighbours it reads, and then multiplies the jump by its stride.

    Args:
        layers: list of (kernel_size, stride, dilation), first layer first; may be empty.

    Returns:
        tuple: ``(size, jump)``, integers in input cells; (1, 1) without layers.

    Raises:
        TypeError, ValueError: naming the entry, what came and what was expected.
    """
    if not isinstance(layers, (list, tuple)):
        raise TypeError(f"layers: expected a list, got {arguments.describe(layers)}")
    size = jump = 1
    for n, layer in enumerate(layers):
        name = f"layers[{n}]"
        if not isinstance(layer, (list, tuple)) or len(layer) != 3:
            got = arguments.describe(layer)
            raise TypeError(f"{name}: expected (kernel_size, stride, dilation), got {got}")
        kernel_size, stride, dilation = (
            arguments.integer(f"{name}[{k}]", value, minimum=1) for k, value in enumerate(layer)
        )
        size += dilation * (kernel_size - 1) * jump  # the outermost taps are d (k - 1) units apart
        jump *= stride
    return size, jump


def _first_largest(x, cells):
    # Largest value over the cells, (b, c), and which cell it came from, (b, c), int64.
    best = x[:, :, cells[0][0], cells[0][1]]
    winner = torch.zeros_like(best, dtype=torch.int64)
    for n, (r, c) in enumerate(cells):
        value = x[:, :, r, c]
        wins = (value > best) | value.isnan()  # strictly larger: in a tie the earlier cell stays
        best, winner = torch.where(wins, value, best), torch.where(wins, n, winner)
    return best, winner


def _check_pool(x, kernel_size, stride, padding):
    # Return (h_out, w_out), {(i, j): cells inside the image, row by row}, kh * kw.
    arguments.tensor("x", x, ("b", "c", "h", "w"), floating=True)
    arguments.filled("x", x)
    kernel_size = arguments.pair("kernel_size", kernel_size, minimum=1)
    stride = kernel_size if stride is None else arguments.pair("stride", stride, minimum=1)
    padding = arguments.pair("padding", padding, minimum=0)
    size_out, reads = [], []
    for size, k, s, p in zip(x.shape[2:], kernel_size, stride, padding, strict=True):
        if p > k // 2:  # a larger one makes windows of padding alone, which have no maximum
            raise ValueError(f"padding: expected at most half of kernel_size {k}, got {p}")
        try:
            size_out.append(conv2d_output_size(size, k, s, p))
        except ValueError as error:
            raise ValueError(f"{error}; x has shape {tuple(x.shape)}") from None
        starts = [i * s - p for i in range(size_out[-1])]
        reads.append([[r for r in range(start, start + k) if 0 <= r < size] for start in starts])
    rows, columns = reads
    windows = {
        (i, j): list(product(rows[i], columns[j]))
        for i, j in product(range(size_out[0]), range(size_out[1]))
    }
    return size_out, windows, kernel_size[0] * kernel_size[1]


def _check_grad_output(grad_output, x, size_out):
    shape = (*x.shape[:2], *size_out)
    arguments.tensor("grad_output", grad_output, shape, dtype=x.dtype)
    if grad_output.device != x.device:
        where = grad_output.device
        raise ValueError(f"grad_output: expected a tensor on {x.device} as x, got one on {where}")
