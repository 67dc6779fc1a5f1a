"""The coverage of conformal sets, used by hand: every number equals PyTorch's."""

import math
from fractions import Fraction

import numpy as np
import pytest
import torch
from figures import (
    at_widths,
    fill,
    fits_and_axe_finds_nothing,
    narrower,
    press,
    refuses,
    show,
    show_wordless,
    words,
)

pytestmark = pytest.mark.browser

NAMES = ("calibration examples n", "share promised", "coverage asked about")


def settings_of(page):
    """n, promise and floor, as sliders and fields show them."""
    found = []
    for name in NAMES:
        typed = float(page.get_by_label(f"{name}, typed").input_value())
        assert float(page.get_by_role("slider", name=name, exact=True).input_value()) == typed
        found.append(typed)
    return int(found[0]), found[1], found[2]


def law(n, promise, floor):
    """Rank, mean and chance below the floor, from the density of an order statistic."""
    k = math.ceil(Fraction(str(promise)) * (n + 1))
    if k > n:
        return k, 1.0, 0.0
    nodes, weights = (torch.from_numpy(v) for v in np.polynomial.legendre.leggauss(400))
    t = floor * (nodes + 1) / 2
    beta = torch.distributions.Beta(torch.tensor(float(k)).double(), torch.tensor(n + 1.0 - k))
    return k, beta.mean.item(), ((weights * beta.log_prob(t).exp()).sum() * floor / 2).item()


def check_coverage(page):
    """Result against PyTorch at the settings shown; returns the chance below the floor."""
    n, promise, floor = settings_of(page)
    data = page.locator(".lf-result").evaluate("n => ({...n.dataset})")
    k, mean, below = law(n, promise, floor)
    assert int(data["k"]) == k
    assert float(data["mean"]) == pytest.approx(mean)
    assert float(data["value"]) == pytest.approx(below, abs=1e-9)
    text = page.locator(".lf-result").inner_text()
    assert ("cannot be promised" in text) == (k > n)
    if k > n:
        least = int(data["least"])
        assert law(least, promise, floor)[0] <= least
        assert law(least - 1, promise, floor)[0] > least - 1
    return below


def test_coverage_at_many_settings(open_page):
    page = show(open_page, "coverage")
    seen = set()
    for n, promise, floor in (
        (50, 0.9, 0.85), (20, 0.9, 0.8), (9, 0.9, 0.5), (8, 0.9, 0.5), (98, 0.99, 0.95),
        (99, 0.99, 0.95), (500, 0.5, 0.52), (1, 0.5, 0.4), (200, 0.95, 0.93),
    ):  # fmt: skip
        for name, value in zip(NAMES, (n, promise, floor), strict=True):
            fill(page, f"{name}, typed", value)
        assert settings_of(page) == (n, promise, floor)
        seen.add(round(check_coverage(page), 6))
    assert len(seen) > 6


def test_coverage_by_keyboard_alone(open_page):
    page = show(open_page, "coverage")
    for name, keys in (
        (NAMES[0], ["ArrowRight"] * 2),
        (NAMES[1], ["End", "ArrowLeft"]),
        (NAMES[2], ["ArrowLeft"]),
    ):
        for _ in range(20):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement.ariaLabel") == name:
                break
        for key in keys:
            page.keyboard.press(key)
    assert settings_of(page) == (52, 0.98, 0.84)
    check_coverage(page)
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
    press(page, "Reset")
    assert settings_of(page) == (50, 0.9, 0.85)


def test_coverage_by_mouse_and_touch(open_page):
    page = show(open_page, "coverage")
    box = page.locator(".lf-plots svg").bounding_box()
    page.mouse.click(box["x"] + 44 + (box["width"] - 54) * 0.75, box["y"] + 100)
    assert settings_of(page)[2] == 0.85
    check_coverage(page)
    page = show(open_page, "coverage", width=390, touch=True)
    box = page.locator(".lf-plots svg").bounding_box()
    page.touchscreen.tap(box["x"] + 44 + (box["width"] - 54) * 0.5, box["y"] + 100)
    assert settings_of(page)[2] == 0.7
    check_coverage(page)


def test_coverage_bad_numbers_say_so(open_page):
    page = show(open_page, "coverage")
    for name, text, message in (
        (NAMES[0], "0", "from 1 to 500"),
        (NAMES[0], "2.5", "a whole number"),
        (NAMES[1], "1", "from 0.5 to 0.99"),
        (NAMES[2], "0.3", "from 0.4 to 0.99"),
    ):
        refuses(page, f"{name}, typed", text, message)
        check_coverage(page)


@at_widths
def test_coverage_fits_and_axe_finds_nothing(open_page, width, dark):
    page = show(open_page, "coverage", width=width, dark=dark)
    fits_and_axe_finds_nothing(page, width)


def test_coverage_draws_anew_at_another_width(open_page):
    narrower(show(open_page, "coverage", width=900))


def test_coverage_shows_only_words_from_labels(open_page):
    """With every label replaced no English word is left, in the text or for a screen reader."""
    page = show_wordless(open_page, "coverage")
    assert words(page) == set()
