"""Checkers of the exercises on the page "Convolution"."""

import torch
import torch.nn.functional as F

from bigmodel_utils.checks import CONVOLUTIONS, grade, random_tensor

__all__ = ["compose_kernels", "conv1x1", "conv2d", "kernel_of", "smallest_shift"]


def kernel_of(function):
    """Check ``function(layer, h, w)``: the kernel (h, w) of a linear map that shifts respect.

    ``layer`` takes and gives images (h, w) that wrap around.
    """
    sizes = [(3, 4), (5, 2), (1, 6), (4, 7), (2, 2)]
    cases = [(_Wrapped(seed, h, w), h, w) for seed, (h, w) in enumerate(sizes)]
    return grade(
        function,
        cases,
        _kernel_by_probing,
        hint="Output (i, j) reads pixel (i + k, j + l) with weight w[k, l]: which one sees the "
        "pixel that is not zero?",
        most_calls=15,
    )


class _Wrapped:
    """A sliding window on an image (h, w) that wraps around, as a matrix."""

    def __init__(self, seed, h, w):
        image = torch.arange(h * w).reshape(h, w)
        moved = [image.roll((i, j), (0, 1)) for i in range(h) for j in range(w)]
        self.shape = (h, w)
        self.matrix = random_tensor(seed, h * w)[torch.stack(moved).flatten(1)]

    def __call__(self, x):
        return (self.matrix @ x.reshape(-1)).reshape(self.shape)


def _kernel_by_probing(layer, h, w):
    # Output (0, 0) is the sum of w[k, l] x[k, l]: one image for each weight.
    images = torch.eye(h * w).double().reshape(h * w, h, w)
    return torch.stack([layer(image)[0, 0] for image in images]).reshape(h, w)


def conv2d(function):
    """Check ``function(x, weight, bias, stride, padding)``: a loop over the kernel's taps alone."""
    shapes = [
        ((2, 3, 12, 13), (4, 3, 3, 2), (1, 1), (0, 0)),
        ((1, 2, 15, 14), (3, 2, 2, 4), (2, 1), (1, 2)),
        ((2, 1, 16, 11), (1, 1, 3, 3), (3, 2), (2, 0)),
        ((3, 4, 10, 17), (2, 4, 1, 3), (1, 3), (0, 1)),
        ((1, 3, 11, 11), (3, 3, 2, 2), (2, 2), (1, 1)),
    ]
    cases = [
        (
            random_tensor(seed, *x),
            random_tensor(seed + 20, *weight),
            random_tensor(seed + 40, weight[0]),
            stride,
            padding,
        )
        for seed, (x, weight, stride, padding) in enumerate(shapes)
    ]
    return grade(
        function,
        cases,
        lambda x, weight, bias, stride, padding: F.conv2d(x, weight, bias, stride, padding),
        hint="For each tap, take a strided slice of the padded image and sum over its channels.",
        forbidden=CONVOLUTIONS,
        most_calls=120,  # about ten for each of nine taps
    )


def compose_kernels(function):
    """Check ``function(first, second)`` on kernels (kh, kw): their composition as one kernel."""
    cases = [
        (random_tensor(1, 3, 2), random_tensor(2, 2, 4)),
        (random_tensor(3, 1, 3), random_tensor(4, 3, 3)),
        (random_tensor(5, 4, 2), random_tensor(6, 1, 1)),
    ]
    return grade(
        function,
        cases,
        _kernel_by_impulse,
        hint="The result has one row less than the two kernels' rows together.",
    )


def _kernel_by_impulse(first, second):
    # The two layers' response to an impulse is their kernel, turned by half a circle.
    rows = first.shape[0] + second.shape[0] - 1
    columns = first.shape[1] + second.shape[1] - 1
    impulse = first.new_zeros(1, 1, 2 * rows - 1, 2 * columns - 1)
    impulse[0, 0, rows - 1, columns - 1] = 1
    response = F.conv2d(F.conv2d(impulse, first[None, None]), second[None, None])
    return response[0, 0].flip(0, 1)


def conv1x1(function):
    """Check ``function(x, weight, bias)``: x (b, c, h, w), weight (o, c), bias (o,)."""
    cases = [
        (random_tensor(1, 2, 3, 4, 5), random_tensor(2, 6, 3), random_tensor(3, 6)),
        (random_tensor(4, 1, 5, 2, 7), random_tensor(5, 2, 5), random_tensor(6, 2)),
        (random_tensor(7, 3, 4, 4, 4), random_tensor(8, 4, 4), random_tensor(9, 4)),
    ]
    return grade(
        function,
        cases,
        lambda x, weight, bias: F.conv2d(x, weight[:, :, None, None], bias),
        hint="Sum over input channels only; one bias for each output channel.",
        forbidden=CONVOLUTIONS,
        most_calls=12,
    )


def smallest_shift(function):
    """Check ``function(strides) -> (down, right)`` on stacks of layers with circular padding."""
    stacks = [
        [(1, 1)],
        [(2, 1)],
        [(2, 3), (1, 2)],
        [(1, 2), (3, 1), (2, 1)],
        [(3, 2), (1, 1), (1, 2)],
        [],
    ]
    return grade(
        function,
        [(strides,) for strides in stacks],
        _shift_by_trial,
        hint="One layer turns a shift by its stride into a shift by one. What does the next do?",
    )


def _shift_by_trial(strides):
    def stack(image):
        for n, stride in enumerate(strides):
            wrapped = F.pad(image, (1, 1, 1, 1), mode="circular")
            image = F.conv2d(wrapped, random_tensor(70 + n, 1, 1, 3, 3), stride=stride)
        return image

    x = random_tensor(60, 1, 1, 24, 24)
    y = stack(x)
    found = []
    for axis in (2, 3):
        moved = (stack(x.roll(shift, axis)) for shift in range(1, 25))
        found.append(1 + next(n for n, z in enumerate(moved) if _is_shifted(z, y, axis)))
    return tuple(found)


def _is_shifted(z, y, axis):
    return any(torch.allclose(z, y.roll(n, axis)) for n in range(y.shape[axis]))
