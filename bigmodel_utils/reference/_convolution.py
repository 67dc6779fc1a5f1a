"""Convolution by its index formulas: slow, readable loops that serve as the oracle.

One relation runs through the module. On each axis, output index i reads input index

    r = i * stride + u * dilation - padding

through kernel index u. The forward pass gathers along it, the backward pass solves it
for i, and the transposed convolution scatters along it. Only the sum over channels is a
matrix product; every other sum is a loop. All results keep the dtype and the device of ``x``.

Source: V. Dumoulin and F. Visin, A guide to convolution arithmetic for deep learning,
arXiv:1603.07285; indices and argument names as in ``torch.nn.functional``.
"""

from itertools import product
from typing import NamedTuple

from bigmodel_utils import arguments

__all__ = [
    "conv2d",
    "conv2d_backward",
    "conv2d_output_size",
    "conv_transpose2d",
    "convolution_output_padding",
]


def conv2d_output_size(size, kernel_size, stride=1, padding=0, dilation=1):
    """Return the output cells on one axis: floor((size + 2p - d(k - 1) - 1) / s) + 1.

    Args:
        size, kernel_size, stride, dilation: integers of at least 1.
        padding: zeros added at each end, an integer of at least 0.

    Raises:
        TypeError, ValueError: naming the argument, also if the kernel does not fit.
    """
    room, stride = _room(size, kernel_size, stride, padding, dilation)
    return room // stride + 1


def convolution_output_padding(size, kernel_size, stride=1, padding=0, dilation=1):
    """Return the cells at the end of an axis that no window reaches: (H + 2p - d(k - 1) - 1) mod s.

    A transposed convolution given this ``output_padding`` returns exactly to ``size``.
    Arguments and errors as in :func:`conv2d_output_size`.
    """
    room, stride = _room(size, kernel_size, stride, padding, dilation)
    return room % stride


def conv2d(x, weight, bias=None, *, stride=1, padding=0, dilation=1, groups=1):
    """Return the cross-correlation that deep learning calls convolution.

    Args:
        x: (b, c_in, h, w), floating point.
        weight: (c_out, c_in / groups, kh, kw), dtype and device of ``x``.
        bias: (c_out,) or None.
        stride, padding, dilation: an integer, or a (vertical, horizontal) pair.
        groups: output channels of one group see the input channels of that group only.

    Returns:
        (b, c_out, h_out, w_out), sizes by :func:`conv2d_output_size`.

    Raises:
        TypeError, ValueError: naming the argument, what came and what was expected.
    """
    groups, vertical, horizontal = _check_conv2d(x, weight, stride, padding, dilation, groups)
    c_out = weight.shape[0]
    if bias is not None:
        arguments.matching("bias", bias, (c_out,), x)

    out = x.new_zeros(x.shape[0], c_out, vertical.size_out, horizontal.size_out)
    for outs, ins in _channels(c_out, x.shape[1], groups):
        for (i, u, r), (j, v, c) in product(_reads(vertical), _reads(horizontal)):
            # (b, c_in / groups) @ (c_in / groups, c_out / groups): the sum over input channels.
            out[:, outs, i, j] += x[:, ins, r, c] @ weight[outs, :, u, v].T
    return out if bias is None else out + bias[:, None, None]


def conv2d_backward(x, weight, grad_output, *, stride=1, padding=0, dilation=1, groups=1):
    """Return the gradients of sum(grad_output * conv2d(x, weight, bias)).

    Args:
        x, weight, stride, padding, dilation, groups: as given to :func:`conv2d`.
        grad_output: (b, c_out, h_out, w_out), the gradient that arrives from above.

    Returns:
        tuple: grad_x shaped as ``x``, grad_weight shaped as ``weight``, grad_bias (c_out,).

    Raises:
        TypeError, ValueError: naming the argument, what came and what was expected.
    """
    groups, vertical, horizontal = _check_conv2d(x, weight, stride, padding, dilation, groups)
    c_out, c_in = weight.shape[0], x.shape[1]
    shape = (x.shape[0], c_out, vertical.size_out, horizontal.size_out)
    arguments.matching("grad_output", grad_output, shape, x)

    grad_x, grad_weight = x.new_zeros(x.shape), x.new_zeros(weight.shape)
    for outs, ins in _channels(c_out, c_in, groups):
        # Input (r, c) collects from every output (i, j) that read it, through the same weight.
        for (i, u, r), (j, v, c) in product(_readers(vertical), _readers(horizontal)):
            grad_x[:, ins, r, c] += grad_output[:, outs, i, j] @ weight[outs, :, u, v]
        # Weight (u, v) collects from every place (i, j) at which it met an input (r, c).
        for (i, u, r), (j, v, c) in product(_reads(vertical), _reads(horizontal)):
            grad_weight[outs, :, u, v] += grad_output[:, outs, i, j].T @ x[:, ins, r, c]
    # The bias of a channel enters every cell of every image once.
    grad_bias = grad_output.sum(dim=(0, 2, 3))
    return grad_x, grad_weight, grad_bias


def conv_transpose2d(x, weight, *, stride=1, padding=0, output_padding=0, dilation=1, groups=1):
    """Return the transposed convolution: the adjoint of :func:`conv2d`, not its inverse.

    Where a convolution's output (i, j) reads input (r, c), here input (i, j) writes to
    output (r, c), with the same weight: <conv2d(y, weight), x> = <y, conv_transpose2d(x, weight)>
    for every y, if ``output_padding`` is that of :func:`convolution_output_padding`.

    Args:
        x: (b, c_in, h, w), floating point.
        weight: (c_in, c_out / groups, kh, kw), dtype and device of ``x``.
        stride, padding, dilation: of the convolution whose adjoint this is.
        output_padding: integer or pair, rows and columns added at the bottom and the right;
            smaller than the larger of stride and dilation.
        groups: divides c_in and c_out.

    Returns:
        (b, c_out, h_out, w_out) with h_out = (h - 1) s - 2p + d (kh - 1) + output_padding + 1.

    Raises:
        TypeError, ValueError: naming the argument, what came and what was expected.
    """
    _check_image(x)
    c_in = x.shape[1]
    arguments.matching("weight", weight, (c_in, "c_out / groups", "kh", "kw"), x)
    groups = _check_groups(groups, "x", x.shape, c_in)
    settings = _check_settings(stride, padding, dilation)
    extra = arguments.pair("output_padding", output_padding, minimum=0)
    axes = []
    for a in range(2):
        s, p, d = (setting[a] for setting in settings)
        if extra[a] >= max(s, d):
            raise ValueError(
                f"output_padding: expected less than the larger of stride {s} and dilation {d}, "
                f"got {extra[a]}"
            )
        size_in, kernel_size = x.shape[2 + a], weight.shape[2 + a]
        size = (size_in - 1) * s - 2 * p + d * (kernel_size - 1) + extra[a] + 1
        if size < 1:
            raise ValueError(
                f"padding: expected one that leaves an output, got {p}: it makes of the "
                f"{size_in} cells in x of shape {tuple(x.shape)} only {size}"
            )
        axes.append(_Axis(size, kernel_size, s, p, d, size_out=size_in))

    vertical, horizontal = axes
    c_out = weight.shape[1] * groups
    out = x.new_zeros(x.shape[0], c_out, vertical.size, horizontal.size)
    for ins, outs in _channels(c_in, c_out, groups):
        for (i, u, r), (j, v, c) in product(_reads(vertical), _reads(horizontal)):
            out[:, outs, r, c] += x[:, ins, i, j] @ weight[ins, :, u, v]
    return out


class _Axis(NamedTuple):
    # One axis of a convolution, which maps size to size_out.
    size: int
    kernel_size: int
    stride: int
    padding: int
    dilation: int
    size_out: int


def _reads(axis):
    # All (i, u, r) of one axis: output i reads input r through kernel index u.
    triples = []
    for i, u in product(range(axis.size_out), range(axis.kernel_size)):
        r = i * axis.stride + u * axis.dilation - axis.padding
        if 0 <= r < axis.size:  # elsewhere lies padding: a zero adds nothing
            triples.append((i, u, r))
    return triples


def _readers(axis):
    # The same (i, u, r), found from the input's side: which outputs i read input r?
    triples = []
    for r, u in product(range(axis.size), range(axis.kernel_size)):
        i, rest = divmod(r + axis.padding - u * axis.dilation, axis.stride)
        if rest == 0 and 0 <= i < axis.size_out:  # with a rest, the stride steps over this place
            triples.append((i, u, r))
    return triples


def _channels(c_out, c_in, groups):
    # For each group: the slice of output channels and the slice of input channels they see.
    m, n = c_out // groups, c_in // groups
    return [(slice(g * m, (g + 1) * m), slice(g * n, (g + 1) * n)) for g in range(groups)]


def _room(size, kernel_size, stride, padding, dilation):
    # How far the kernel can move on one axis (padded size minus the kernel's reach), and stride.
    size = arguments.integer("size", size, minimum=1)
    kernel_size = arguments.integer("kernel_size", kernel_size, minimum=1)
    stride = arguments.integer("stride", stride, minimum=1)
    padding = arguments.integer("padding", padding, minimum=0)
    dilation = arguments.integer("dilation", dilation, minimum=1)
    padded, reach = size + 2 * padding, dilation * (kernel_size - 1) + 1
    if reach > padded:
        raise ValueError(
            f"kernel_size: expected a kernel that fits into {padded} cells (size {size}, "
            f"padding {padding}), got one that reaches over {reach} (kernel_size {kernel_size}, "
            f"dilation {dilation})"
        )
    return padded - reach, stride


def _check_conv2d(x, weight, stride, padding, dilation, groups):
    # Return groups, the vertical axis and the horizontal axis.
    _check_image(x)
    groups = _check_groups(groups, "x", x.shape, x.shape[1])
    arguments.matching("weight", weight, ("c_out", x.shape[1] // groups, "kh", "kw"), x)
    _check_groups(groups, "weight", weight.shape, weight.shape[0])
    settings = _check_settings(stride, padding, dilation)
    axes = []
    for a in range(2):
        axis = (x.shape[2 + a], weight.shape[2 + a], *(setting[a] for setting in settings))
        try:
            axes.append(_Axis(*axis, conv2d_output_size(*axis)))
        except ValueError as error:
            raise ValueError(
                f"weight: shape {tuple(weight.shape)} does not fit x of shape {tuple(x.shape)}: "
                f"{error}"
            ) from None
    return groups, *axes


def _check_settings(stride, padding, dilation):
    return (
        arguments.pair("stride", stride, minimum=1),
        arguments.pair("padding", padding, minimum=0),
        arguments.pair("dilation", dilation, minimum=1),
    )


def _check_image(x):
    arguments.tensor("x", x, ("b", "c", "h", "w"), floating=True)
    arguments.filled("x", x)


def _check_groups(groups, name, shape, channels):
    groups = arguments.integer("groups", groups, minimum=1)
    if channels % groups:
        raise ValueError(
            f"groups: expected a divisor of the {channels} channels of {name}, got {groups} "
            f"({name} has shape {tuple(shape)})"
        )
    return groups
