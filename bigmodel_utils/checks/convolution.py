"""Checkers of the exercises on the page "Convolution"."""

import torch
import torch.nn.functional as F

from bigmodel_utils.checks import CONVOLUTIONS, Verdict, grade, random_tensor
from bigmodel_utils.words import say

__all__ = ["compose_kernels", "conv1x1", "conv2d", "same_padding", "smallest_shift"]


def same_padding(function):
    """Check ``function(kernel_size, dilation) -> padding`` against the sizes PyTorch produces."""
    cases = [(k, d) for k, d in [(1, 1), (3, 1), (5, 1), (3, 2), (7, 3), (5, 4), (4, 2), (2, 6)]]
    verdict = grade(
        function,
        cases,
        _padding_by_trial,
        hint="Set the output size equal to the input size and solve for the padding.",
    )
    if verdict.status != "right":
        return verdict
    for case in cases:
        answer = function(*case)
        if type(answer) is not int:  # PyTorch refuses a padding of 1.0
            text = say("{case}: expected an integer, got {answer!r}.", case=case, answer=answer)
            return Verdict("wrong", text)
    for case in [(2, 1), (4, 3)]:
        try:
            answer = function(*case)
        except ValueError:
            continue
        except Exception as error:  # the reader's code may raise anything
            text = say(
                "{case} raised {kind}, not ValueError.", case=case, kind=type(error).__name__
            )
            return Verdict("wrong", text)
        text = say(
            "{case} has no equal padding, the function returned {answer!r}.",
            case=case,
            answer=answer,
        )
        return Verdict("wrong", text)
    return verdict


def _padding_by_trial(kernel_size, dilation):
    size = 29
    for padding in range(size):
        shape = F.conv1d(
            torch.zeros(1, 1, size),
            torch.zeros(1, 1, kernel_size),
            padding=padding,
            dilation=dilation,
        ).shape if dilation * (kernel_size - 1) < size + 2 * padding else None  # fmt: skip
        if shape is not None and shape[-1] == size:
            return padding
    raise ValueError("no equal padding keeps the size")


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
