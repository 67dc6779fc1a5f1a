"""Random shifts and affine maps of image batches, each image its own, drawn from a generator."""

import math

import torch
import torch.nn.functional as F

from bigmodel_utils.arguments import describe, filled, integer, real, tensor
from bigmodel_utils.arguments import generator as check_generator

__all__ = ["random_affine", "random_shift"]


def random_shift(x, pixels, *, generator):
    """Return the images moved by random whole numbers of pixels; zeros come in at the border.

    Args:
        x: images (b, c, h, w).
        pixels: the largest shift along each axis, 0 or more.
        generator: torch.Generator on the device of ``x``.

    Returns:
        Tensor (b, c, h, w): every image with its own vertical and horizontal shift, uniform over
        the integers from -pixels to pixels.

    Raises:
        TypeError, ValueError: naming the argument.
    """
    tensor("x", x, ("b", "c", "h", "w"))
    pixels = integer("pixels", pixels, minimum=0)
    check_generator("generator", generator)
    b, _, h, w = x.shape
    top, left = torch.randint(
        0, 2 * pixels + 1, (2, b), generator=generator, device=x.device
    ).unbind()
    padded = F.pad(x, (pixels, pixels, pixels, pixels))
    windows = padded.unfold(2, h, 1).unfold(3, w, 1)  # (b, c, 2p+1, 2p+1, h, w), a view
    return windows[torch.arange(b, device=x.device), :, top, left]


def random_affine(x, *, degrees=0.0, scale=(1.0, 1.0), translate=0.0, generator):
    """Return the images turned, scaled and moved at random, with bilinear interpolation.

    Args:
        x: images (b, c, h, w), floating point.
        degrees: the largest turn either way, in degrees.
        scale: pair (smallest, largest) of the factor by which the content grows.
        translate: the largest move along each axis, in pixels; fractions of one too.
        generator: torch.Generator on the device of ``x``.

    Returns:
        Tensor (b, c, h, w): every image with its own uniform draw of turn, factor and move, about
        the image's centre; zeros come in at the border.

    Raises:
        TypeError, ValueError: naming the argument.
    """
    tensor("x", x, ("b", "c", "h", "w"), floating=True)
    filled("x", x)
    degrees = real("degrees", degrees, minimum=0, maximum=180)
    if not isinstance(scale, (tuple, list)) or len(scale) != 2:
        raise ValueError(f"scale: expected a pair (smallest, largest), got {describe(scale)}")
    low, high = (real(f"scale[{i}]", value, above=0) for i, value in enumerate(scale))
    if low > high:
        raise ValueError(f"scale: expected smallest <= largest, got ({low}, {high})")
    translate = real("translate", translate, minimum=0)
    check_generator("generator", generator)
    b, _, h, w = x.shape
    draw = torch.rand((4, b), generator=generator, device=x.device, dtype=x.dtype)
    angle = (2 * draw[0] - 1) * math.radians(degrees)
    factor = low + draw[1] * (high - low)
    down, right = (2 * draw[2:] - 1) * translate
    # The grid asks, for each place of the result, where in x to look: the inverse map. Its unit
    # is half the image, so a turn of a non-square image needs the ratio of the sides.
    cos, sin = angle.cos() / factor, angle.sin() / factor
    theta = torch.stack(
        [
            torch.stack([cos, -sin * h / w, -(cos * right - sin * down) * 2 / w], dim=-1),
            torch.stack([sin * w / h, cos, -(sin * right + cos * down) * 2 / h], dim=-1),
        ],
        dim=1,
    )  # (b, 2, 3)
    grid = F.affine_grid(theta, list(x.shape), align_corners=False)  # (b, h, w, 2)
    return F.grid_sample(x, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
