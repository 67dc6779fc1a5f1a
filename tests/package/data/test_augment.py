"""Random shifts and affine maps against slow readings of their definitions."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bigmodel_utils.data import random_affine, random_shift


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def images(b, c, h, w, seed=1):
    return torch.randn(b, c, h, w, generator=generator(seed))


def moved(image, down, right):
    """Move one image (c, h, w) pixel by pixel."""
    result = torch.zeros_like(image)
    _, h, w = image.shape
    for i in range(h):
        for j in range(w):
            if 0 <= i - down < h and 0 <= j - right < w:
                result[:, i, j] = image[:, i - down, j - right]
    return result


@settings(deadline=None, derandomize=True, max_examples=25)
@given(
    b=st.integers(1, 5), c=st.integers(1, 3), h=st.integers(3, 7), w=st.integers(3, 7),
    pixels=st.integers(0, 3), seed=st.integers(0, 2**32),
)  # fmt: skip
def test_every_shifted_image_is_one_of_the_possible_moves(b, c, h, w, pixels, seed):
    x = images(b, c, h, w, seed)
    result = random_shift(x, pixels, generator=generator(seed))
    assert result.shape == x.shape and result.dtype == x.dtype
    steps = range(-pixels, pixels + 1)
    for before, after in zip(x, result, strict=True):
        assert any(torch.equal(after, moved(before, i, j)) for i in steps for j in steps)


def test_shifts_are_uniform_and_differ_between_images():
    x = torch.zeros(9000, 1, 3, 5)
    x[:, 0, 1, 2] = 1
    result = random_shift(x, 1, generator=generator())
    share = result.mean(0)[0]
    expected = torch.zeros(3, 5)
    expected[:, 1:4] = 1 / 9
    assert torch.allclose(share, expected, atol=0.015)


def bilinear(image, i, j):
    """Value of one image (c, h, w) at real coordinates, zero outside."""
    _, h, w = image.shape
    total = torch.zeros(image.shape[0], dtype=image.dtype)
    for a in (math.floor(i), math.floor(i) + 1):
        for b in (math.floor(j), math.floor(j) + 1):
            if 0 <= a < h and 0 <= b < w:
                total += (1 - abs(i - a)) * (1 - abs(j - b)) * image[:, a, b]
    return total


def slow_affine(x, draw, degrees, scale, translate):
    """The definition in pixels: turn and scale about the centre, then move."""
    result = torch.zeros_like(x)
    _, _, h, w = x.shape
    middle = (h - 1) / 2, (w - 1) / 2
    for n, image in enumerate(x):
        u = [float(value) for value in draw[:, n]]
        angle = math.radians((2 * u[0] - 1) * degrees)
        factor = scale[0] + u[1] * (scale[1] - scale[0])
        down, right = ((2 * value - 1) * translate for value in u[2:])
        for i in range(h):
            for j in range(w):
                di, dj = i - middle[0] - down, j - middle[1] - right
                source_i = (math.sin(angle) * dj + math.cos(angle) * di) / factor
                source_j = (math.cos(angle) * dj - math.sin(angle) * di) / factor
                result[n, :, i, j] = bilinear(image, source_i + middle[0], source_j + middle[1])
    return result


@pytest.mark.parametrize("shape", [(3, 1, 6, 4), (2, 2, 3, 5)])
@pytest.mark.parametrize(
    ("degrees", "scale", "translate"),
    [(0, (1, 1), 0), (40, (1, 1), 0), (0, (0.6, 1.7), 0), (0, (1, 1), 2.5), (25, (0.8, 1.3), 1.5)],
)
def test_affine_against_its_definition_in_pixels(shape, degrees, scale, translate):
    x = images(*shape).double()
    result = random_affine(
        x, degrees=degrees, scale=scale, translate=translate, generator=generator(3)
    )
    draw = torch.rand((4, shape[0]), generator=generator(3), dtype=torch.float64)
    assert torch.allclose(result, slow_affine(x, draw, degrees, scale, translate), atol=1e-9)


def test_affine_moves_forward_what_its_factor_enlarges():
    """A factor above one makes the content larger, not smaller."""
    x = torch.zeros(1, 1, 21, 33)
    x[:, :, 8:13, 12:21] = 1
    grown = random_affine(x, scale=(1.5, 1.5), generator=generator())
    assert float(grown.sum()) == pytest.approx(1.5**2 * float(x.sum()), rel=0.05)


@pytest.mark.parametrize(
    "augment",
    [
        lambda x, g: random_shift(x, 2, generator=g),
        lambda x, g: random_affine(x, degrees=10, scale=(0.9, 1.1), translate=1, generator=g),
    ],
)
def test_only_the_generator_decides(augment):
    x = images(20, 1, 6, 8)
    copy, state = x.clone(), torch.get_rng_state()
    first, second = augment(x, generator(5)), augment(x, generator(5))
    assert torch.equal(first, second)
    assert not torch.equal(first, augment(x, generator(6)))
    g = generator(5)
    augment(x, g)
    assert not torch.equal(first, augment(x, g))  # the generator moved on
    assert torch.equal(x, copy) and torch.equal(torch.get_rng_state(), state)


X, G = torch.ones(2, 1, 4, 5), generator()


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: random_shift(torch.ones(4, 5), 1, generator=G), ValueError, r"x: .*got \(4, 5\)"),
        (lambda: random_shift([1], 1, generator=G), TypeError, "x: expected a tensor"),
        (lambda: random_shift(X, -1, generator=G), ValueError, "pixels: "),
        (lambda: random_shift(X, 1.5, generator=G), TypeError, "pixels: "),
        (lambda: random_shift(X, 1, generator=0), TypeError, "generator: "),
        (lambda: random_affine(X.long(), generator=G), TypeError, "x: expected a floating"),
        (lambda: random_affine(X[0], generator=G), ValueError, "x: expected shape"),
        (lambda: random_affine(X, degrees=-1, generator=G), ValueError, "degrees: "),
        (lambda: random_affine(X, degrees=181, generator=G), ValueError, "degrees: "),
        (lambda: random_affine(X, scale=1.1, generator=G), ValueError, "scale: expected a pair"),
        (lambda: random_affine(X, scale=(0, 1), generator=G), ValueError, r"scale\[0\]: "),
        (
            lambda: random_affine(X, scale=(1.2, 1), generator=G),
            ValueError,
            "scale: expected smallest",
        ),
        (lambda: random_affine(X, translate="2", generator=G), TypeError, "translate: "),
        (lambda: random_affine(X, translate=math.nan, generator=G), ValueError, "translate: "),
        (lambda: random_affine(X, generator=None), TypeError, "generator: "),
    ],
)
def test_bad_arguments_are_named(call, error, words):
    with pytest.raises(error, match=words):
        call()
