"""Double descent, used by hand: every number equals a computation that shares no formula."""

import math

import pytest
import torch
from figures import (
    at_widths,
    double,
    fill,
    fits_and_axe_finds_nothing,
    narrower,
    press,
    read,
    refuses,
    show,
    show_wordless,
    words,
)

pytestmark = pytest.mark.browser

FEATURES = 120
NAMES = (
    "examples n",
    "features used p",
    "noise (standard deviation)",
    "penalty, power of ten times the best",
)
MEASURED = [[10, 1.5, 1.2], [60, 2.5, 1.1], [120, 1.25, 1.0]]
DATA = {"measured": MEASURED}


def settings_of(page):
    """n, p, noise and penalty, as sliders and fields show them."""
    found = []
    for name in NAMES:
        typed = float(page.get_by_label(f"{name}, typed").input_value())
        assert float(page.get_by_role("slider", name=name, exact=True).input_value()) == typed
        found.append(typed)
    return int(found[0]), int(found[1]), found[2], found[3]


def marchenko_pastur(gamma, penalty, signal, noise):
    """Bias and variance of ridge from the density of the eigenvalues, by the midpoint rule."""
    low, high = (1 - math.sqrt(gamma)) ** 2, (1 + math.sqrt(gamma)) ** 2
    steps = 200_000
    angle = (torch.arange(steps).double() + 0.5) * math.pi / steps
    x = (low + high) / 2 + (high - low) / 2 * angle.cos()
    weight = ((high - low) / 2 * angle.sin()) ** 2 / (2 * math.pi * gamma * x) * math.pi / steps
    part = (signal * penalty**2 + noise * gamma * x) / (x + penalty) ** 2
    return (weight * part).sum().item() + max(0, 1 - 1 / gamma) * signal


def errors(n, p, noise, power):
    """Error without a penalty (None: infinite) and with it."""
    signal, blind = p / FEATURES, noise**2 + 1 - p / FEATURES
    small, large = min(n, p), max(n, p)
    without = None
    if large - small > 1:
        # small of the singular values are not zero: E tr of the inverse Wishart matrix.
        without = blind + blind * small / (large - small - 1) + signal * (p - small) / p
    penalty = 10**power * p / n * blind / signal
    return without, blind + marchenko_pastur(p / n, penalty, signal, blind)


def check_errors(page):
    """Result against Python at the settings shown; returns the error without a penalty."""
    n, p, noise, power = settings_of(page)
    data = page.locator(".lf-result").evaluate("n => ({...n.dataset})")
    without, shrunk = errors(n, p, noise, power)
    assert float(data["ridge"]) == pytest.approx(shrunk, rel=1e-5)
    assert float(data["nothing"]) == pytest.approx(1 + noise**2)
    if without is None:
        assert data["value"] == "" and "infinite" in page.locator(".lf-result").inner_text()
    else:
        assert float(data["value"]) == pytest.approx(without, rel=1e-12)
    return without


def test_double_descent_errors_at_many_settings(open_page):
    page = show(open_page, "double-descent", DATA)
    seen = set()
    for n, p, noise, power in (
        (40, 20, 0.5, 0), (40, 38, 0.5, 0), (40, 39, 0.5, 0), (40, 40, 0.5, 1), (40, 41, 0.3, -2),
        (40, 42, 0.5, -3), (40, 120, 2, 0), (10, 1, 0.1, 3), (99, 120, 0.1, -1.5),
        (25, 60, 1, 0.4),
    ):  # fmt: skip
        for name, value in zip(NAMES, (n, p, noise, power), strict=True):
            fill(page, f"{name}, typed", value)
        assert settings_of(page) == (n, p, noise, power)
        seen.add(check_errors(page))
    assert len(seen) > 5 and None in seen


def test_double_descent_formula_is_near_a_simulation():
    """The oracle of this test, against least squares on drawn examples."""
    g = torch.Generator().manual_seed(0)
    for n, p, noise in ((40, 20, 0.5), (40, 80, 0.5)):
        x = torch.randn(4000, n, p, generator=g).double()
        signal, blind = p / FEATURES, noise**2 + 1 - p / FEATURES
        gram = x @ x.mT if p > n else x.mT @ x
        inverse = torch.linalg.inv(gram).diagonal(dim1=1, dim2=2).sum(1).mean().item()
        lost = signal * max(0, 1 - n / p)
        without, best = errors(n, p, noise, 0)
        assert blind * (1 + inverse) + lost == pytest.approx(without, rel=0.02)
        penalty = p * blind / signal
        roots = torch.linalg.eigvalsh(x[:500].mT @ x[:500])
        shrunk = blind * (1 / (roots + penalty)).sum(1).mean().item() + blind
        assert shrunk == pytest.approx(best, rel=0.02)


def test_double_descent_points_stand_only_where_they_were_measured(open_page):
    page = show(open_page, "double-descent", DATA)
    torch.testing.assert_close(read(page, "without")[0], double([row[1] for row in MEASURED]))
    torch.testing.assert_close(read(page, "best")[0], double([row[2] for row in MEASURED]))
    fill(page, f"{NAMES[3]}, typed", 1)
    assert page.locator("[data-grid=best]").count() == 0
    assert page.locator("[data-grid=without]").count() == 3
    fill(page, f"{NAMES[0]}, typed", 50)
    assert page.locator("[data-grid=without]").count() == 0
    press(page, "Reset")
    assert settings_of(page) == (40, 20, 0.5, 0)
    assert page.locator("[data-grid=best]").count() == 3


def test_double_descent_by_keyboard_alone(open_page):
    page = show(open_page, "double-descent", DATA)
    for name, keys in (
        (NAMES[0], ["ArrowRight"]),
        (NAMES[1], ["End", "ArrowLeft"]),
        (NAMES[2], ["ArrowRight"] * 2),
        (NAMES[3], ["ArrowLeft"] * 3),
    ):
        for _ in range(20):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement.ariaLabel") == name:
                break
        for key in keys:
            page.keyboard.press(key)
    assert settings_of(page) == (41, 119, 0.7, -0.3)
    check_errors(page)
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"


def test_double_descent_by_mouse_and_touch(open_page):
    page = show(open_page, "double-descent", DATA)
    box = page.locator(".lf-plots svg").bounding_box()
    page.mouse.click(box["x"] + 44 + (box["width"] - 54) * 0.75, box["y"] + 100)
    assert settings_of(page)[1] == 90
    check_errors(page)
    page = show(open_page, "double-descent", DATA, width=390, touch=True)
    box = page.locator(".lf-plots svg").bounding_box()
    page.touchscreen.tap(box["x"] + 44 + (box["width"] - 54) * 0.5, box["y"] + 100)
    assert settings_of(page)[1] == 60
    check_errors(page)


def test_double_descent_bad_numbers_say_so(open_page):
    page = show(open_page, "double-descent", DATA)
    for name, text, message in (
        (NAMES[0], "9", "from 10 to 100"),
        (NAMES[1], "2.5", "a whole number"),
        (NAMES[2], "0", "from 0.1 to 2"),
        (NAMES[3], "4", "from -3 to 3"),
    ):
        refuses(page, f"{name}, typed", text, message)
        check_errors(page)


@at_widths
def test_double_descent_fits_and_axe_finds_nothing(open_page, width, dark):
    page = show(open_page, "double-descent", DATA, width=width, dark=dark)
    fits_and_axe_finds_nothing(page, width)


def test_double_descent_draws_anew_at_another_width(open_page):
    narrower(show(open_page, "double-descent", DATA, width=900))


def test_double_descent_shows_only_words_from_labels(open_page):
    """With every label replaced no English word is left, in the text or for a screen reader."""
    page = show_wordless(open_page, "double-descent", DATA)
    assert words(page) == set()
