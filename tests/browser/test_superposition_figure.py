"""Features in superposition, used by hand: every number equals PyTorch's."""

import itertools
import json
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
    refuses,
    show,
    show_wordless,
    words,
)

pytestmark = pytest.mark.browser

NAMES = (
    "features n",
    "length of each direction",
    "bias b",
    "chance p that a feature is present",
)
BEST = "Best length and bias for this p"


def settings_of(page):
    """n, length, bias and p, as sliders and fields show them."""
    found = []
    for name in NAMES:
        typed = float(page.get_by_label(f"{name}, typed").input_value())
        assert float(page.get_by_role("slider", name=name, exact=True).input_value()) == typed
        found.append(typed)
    return int(found[0]), *found[1:]


def present(page):
    """0 or 1 for each feature, as its button is pressed."""
    buttons = page.get_by_role("group", name="features that are present").get_by_role("button")
    shown = buttons.evaluate_all("all => all.map(b => b.getAttribute('aria-pressed') === 'true')")
    return [int(on) for on in shown]


def off(n, length, bias, x):
    """What is read back, and the squared errors; x: (combinations, n)."""
    angle = 2 * math.pi * torch.arange(n).double() / n
    W = length * torch.stack([angle.cos(), angle.sin()])  # (2, n)
    read = torch.relu(x @ W.T @ W + bias)
    return read, (read - x).square()


def every_case(n, p):
    """Every combination of present features (2**n, n), and its chance (2**n,)."""
    x = double(list(itertools.product((0, 1), repeat=n)))
    return x, (p**x * (1 - p) ** (1 - x)).prod(1)


def mean_error(n, length, bias, p):
    """Expected squared error of a feature, over every combination."""
    x, chance = every_case(n, p)
    return (chance @ off(n, length, bias, x)[1]).mean().item()


def linear_error(n, p):
    """Of the best linear code in two units, from the eigenvalues of the covariance."""
    x, chance = every_case(n, p)
    centred = x - chance @ x
    return torch.linalg.eigvalsh(centred.T @ (chance[:, None] * centred))[:-2].sum().item() / n


def check_superposition(page):
    """Everything shown against PyTorch at the settings shown; returns the mean error."""
    n, length, bias, p = settings_of(page)
    x = double([present(page)])
    assert x.shape == (1, n)
    data = page.locator(".lf-result").evaluate("n => ({...n.dataset})")
    read, squares = off(n, length, bias, x)
    torch.testing.assert_close(double([json.loads(data["read"])]), read)
    assert float(data["now"]) == pytest.approx(squares.mean().item(), abs=1e-12)
    assert float(data["value"]) == pytest.approx(mean_error(n, length, bias, p))
    assert float(data["linear"]) == pytest.approx(linear_error(n, p), abs=1e-12)
    who = ", ".join(str(i + 1) for i, on in enumerate(x[0].tolist()) if on) or "none"
    assert f"Present: {who}." in page.locator(".lf-result").inner_text()
    return float(data["value"])


def test_superposition_at_many_settings(open_page):
    page = show(open_page, "superposition")
    seen = set()
    for values, pressed in (
        ((5, 1, 0, 0.1), [2]), ((4, 1, 0, 0.3), [3]), ((8, 1.2, -0.5, 0.05), [8, 7]),
        ((2, 0.7, -1, 0.99), [1]), ((3, 1.5, -0.25, 0.5), [3]), ((7, 0.3, -0.01, 0.01), [5]),
    ):  # fmt: skip
        for name, value in zip(NAMES, values, strict=True):
            fill(page, f"{name}, typed", value)
        assert settings_of(page) == values
        for feature in pressed:
            press(page, f"feature {feature}")
        seen.add(round(check_superposition(page), 6))
    assert len(seen) == 6


def test_superposition_best_is_better_than_all_its_neighbours(open_page):
    page = show(open_page, "superposition")
    for n, p in ((5, 0.1), (3, 0.05), (6, 0.4)):
        fill(page, f"{NAMES[0]}, typed", n)
        fill(page, f"{NAMES[3]}, typed", p)
        before = check_superposition(page)
        press(page, BEST)
        found = check_superposition(page)
        assert found < before
        _, length, bias, _ = settings_of(page)
        for dl, db in itertools.product((-0.02, -0.01, 0, 0.01, 0.02), repeat=2):
            if bias + db <= 0 and length + dl <= 1.5:
                assert found <= mean_error(n, length + dl, bias + db, p) + 1e-12
        press(page, "Reset")


def test_superposition_by_keyboard_alone(open_page):
    page = show(open_page, "superposition")
    for name, keys in (
        (NAMES[0], ["ArrowRight"]),
        (NAMES[2], ["ArrowLeft"] * 3),
        ("feature 6", ["Space"]),
        (NAMES[3], ["ArrowRight"]),
    ):
        for _ in range(30):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement.ariaLabel") == name:
                break
        for key in keys:
            page.keyboard.press(key)
        assert page.evaluate("document.activeElement.ariaLabel") == name
    assert settings_of(page) == (6, 1, -0.03, 0.11)
    assert present(page) == [1, 0, 0, 0, 0, 1]
    check_superposition(page)
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
    press(page, "Reset")
    assert settings_of(page) == (5, 1, 0, 0.1)


def test_superposition_by_mouse_and_touch(open_page):
    page = show(open_page, "superposition")
    box = page.locator(".lf-plots svg").last.bounding_box()
    page.mouse.click(box["x"] + 44 + (box["width"] - 54) * 0.75, box["y"] + 100)
    assert settings_of(page)[3] == 0.75
    check_superposition(page)
    page = show(open_page, "superposition", width=390, touch=True)
    page.get_by_role("button", name="feature 4").tap()
    assert present(page) == [1, 0, 0, 1, 0]
    page.locator(".lf-plots svg").last.scroll_into_view_if_needed()
    box = page.locator(".lf-plots svg").last.bounding_box()
    page.touchscreen.tap(box["x"] + 44 + (box["width"] - 54) * 0.5, box["y"] + 100)
    assert settings_of(page)[3] == 0.5
    check_superposition(page)


def test_superposition_bars_and_directions_are_where_they_belong(open_page):
    """The heights of the bars and the activation in the plane follow from the numbers."""
    page = show(open_page, "superposition", {"n": 3, "present": 3, "length": 0.8, "bias": -0.1})
    bars = page.locator(".lf-reading").evaluate_all(
        "all => all.map(b => +b.getAttribute('height'))"
    )
    read = off(3, 0.8, -0.1, double([[1, 1, 0]]))[0][0]
    torch.testing.assert_close(double(bars) / max(bars), read / read.max())
    lines = page.locator(".lf-direction").evaluate_all(
        "all => all.map(l => ['x1', 'y1', 'x2', 'y2'].map(k => +l.getAttribute(k)))"
    )
    ends = [(x2 - x1, y1 - y2) for x1, y1, x2, y2 in lines]
    dot = page.locator(".lf-activation").evaluate(
        "c => [+c.getAttribute('cx'), +c.getAttribute('cy')]"
    )
    assert dot[0] - lines[0][0] == pytest.approx(ends[0][0] + ends[1][0])
    assert lines[0][1] - dot[1] == pytest.approx(ends[0][1] + ends[1][1])
    assert math.hypot(*ends[1]) == pytest.approx(math.hypot(*ends[0]))
    assert page.locator(".lf-direction.lf-on").count() == 2


def test_superposition_bad_numbers_say_so(open_page):
    page = show(open_page, "superposition")
    for name, text, message in (
        (NAMES[0], "9", "from 2 to 8"),
        (NAMES[0], "2.5", "a whole number"),
        (NAMES[1], "0.2", "from 0.3 to 1.5"),
        (NAMES[2], "0.5", "from -1 to 0"),
        (NAMES[3], "1", "from 0.01 to 0.99"),
    ):
        refuses(page, f"{name}, typed", text, message)
        check_superposition(page)


@at_widths
def test_superposition_fits_and_axe_finds_nothing(open_page, width, dark):
    page = show(open_page, "superposition", width=width, dark=dark)
    fits_and_axe_finds_nothing(page, width)


def test_superposition_draws_anew_at_another_width(open_page):
    narrower(show(open_page, "superposition", width=900))


def test_superposition_shows_only_words_from_labels(open_page):
    """With every label replaced no English word is left, in the text or for a screen reader."""
    page = show_wordless(open_page, "superposition")
    assert words(page) == set()
