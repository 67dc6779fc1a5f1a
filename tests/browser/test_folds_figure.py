"""The tent and its folds, used by hand: every number equals PyTorch's."""

import json

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

NAMES = ("place of the corner", "height of the corner")
COUNTS = ("folds (layers of two units)", "units of the shallow network")


def settings_of(page):
    """What the controls show."""
    found = []
    for name in (*NAMES, *COUNTS):
        typed = float(page.get_by_label(f"{name}, typed").input_value())
        assert float(page.get_by_role("slider", name=name, exact=True).input_value()) == typed
        found.append(typed)
    return *found[:2], int(found[2]), int(found[3])


def folded(x, tip, height, folds):
    """By the deep network: two ReLUs a fold."""
    for _ in range(folds):
        x = height / tip * torch.relu(x) - (height / tip + height / (1 - tip)) * torch.relu(x - tip)
    return x


def check_folds(page):
    """Corners, fit and error against PyTorch at the settings shown; returns pieces and error."""
    tip, height, folds, units = settings_of(page)
    data = page.locator(".lf-result").evaluate("n => ({...n.dataset})")
    corners, heights = (double(json.loads(data[key])) for key in ("corners", "heights"))
    x, y = corners.T
    assert (x.diff() > 0).all() and x[0] == 0 and x[-1] == 1
    torch.testing.assert_close(y, folded(x, tip, height, folds), rtol=0, atol=1e-6)
    # Straight between the corners, and bent at each of them.
    middle = (x[1:] + x[:-1]) / 2
    between = folded(middle, tip, height, folds)
    torch.testing.assert_close(between, (y[1:] + y[:-1]) / 2, rtol=0, atol=1e-6)
    slopes = y.diff() / x.diff()
    assert (slopes.diff().abs() > 1e-9).all()
    assert int(data["pieces"]) == len(x) - 1
    # The shallow network: units that look right from 0, 1 / units, ..., and a bias.
    places = (torch.arange(4096).double() + 0.5) / 4096
    knots = torch.arange(units).double() / units
    design = torch.cat([torch.ones(4096, 1).double(), torch.relu(places[:, None] - knots)], 1)
    target = folded(places, tip, height, folds)
    solution = torch.linalg.lstsq(design, target[:, None], driver="gelsd").solution
    ends = torch.arange(units + 1).double() / units
    at_ends = torch.cat([torch.ones(units + 1, 1).double(), torch.relu(ends[:, None] - knots)], 1)
    torch.testing.assert_close(heights, (at_ends @ solution)[:, 0], rtol=0, atol=1e-6)
    error = ((design @ solution)[:, 0] - target).abs().mean().item()
    assert float(data["value"]) == pytest.approx(error, abs=1e-6)
    assert data["result"] == "error"
    if (tip, height) == (0.5, 1):
        assert int(data["pieces"]) == 2**folds
        bound = max(0, 0.25 - units / 2 ** (folds + 1))
        assert float(data["bound"]) == bound and error >= bound - 1e-6
    else:
        assert data["bound"] == ""
    return int(data["pieces"]), error


@pytest.mark.parametrize("folds", [1, 2, 5, 7])
def test_folds_and_shallow_networks_of_many_sizes(open_page, folds):
    page = show(open_page, "folds")
    fill(page, "folds (layers of two units), typed", folds)
    for units in (1, 3, 16, 64):
        fill(page, "units of the shallow network, typed", units)
        check_folds(page)
    for tip, height in ((0.3, 1), (0.7, 0.8), (0.5, 0.4), (0.9, 0.1)):
        fill(page, "place of the corner, typed", tip)
        fill(page, "height of the corner, typed", height)
        assert settings_of(page) == (tip, height, folds, 64)
        check_folds(page)


def test_folds_move_sideways_and_below_the_diagonal(open_page):
    """What the page lets the reader predict."""
    page = show(open_page, "folds", {"folds": 4})
    assert check_folds(page)[0] == 16
    fill(page, "place of the corner, typed", 0.3)
    assert check_folds(page)[0] == 16
    fill(page, "height of the corner, typed", 0.25)
    assert check_folds(page)[0] == 2
    press(page, "Reset")
    assert settings_of(page) == (0.5, 1, 4, 6)


def test_folds_equal_units_and_an_exact_shallow_network(open_page):
    page = show(open_page, "folds", {"folds": 5})
    press(page, "As many as the deep network")
    assert settings_of(page)[3] == 10
    assert check_folds(page)[1] > 0.2
    fill(page, "units of the shallow network, typed", 32)
    assert check_folds(page)[1] < 1e-9


def test_folds_by_mouse_and_touch(open_page):
    page = show(open_page, "folds")
    tip = page.locator(".lf-fold-tip").bounding_box()
    x, y = tip["x"] + tip["width"] / 2, tip["y"] + tip["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 40, y + 50)
    page.mouse.up()
    place, height, *_ = settings_of(page)
    assert place > 0.6 and height < 0.8
    check_folds(page)
    page = show(open_page, "folds", width=390, touch=True)
    tip = page.locator(".lf-fold-tip").bounding_box()
    page.touchscreen.tap(tip["x"] - 30, tip["y"] + 60)
    place, height, *_ = settings_of(page)
    assert place < 0.45 and height < 0.8
    check_folds(page)


def test_folds_by_keyboard_alone(open_page):
    page = show(open_page, "folds")
    for name, keys in (
        ("place of the corner", ["ArrowLeft"] * 5),
        ("height of the corner", ["ArrowDown"] * 2),
        ("folds (layers of two units)", ["ArrowRight"]),
        ("units of the shallow network", ["End"]),
    ):
        for _ in range(20):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement.ariaLabel") == name:
                break
        for key in keys:
            page.keyboard.press(key)
    assert settings_of(page) == (0.45, 0.98, 4, 64)
    check_folds(page)


def test_folds_bad_numbers_say_so(open_page):
    page = show(open_page, "folds")
    for name, text, message in (
        ("place of the corner", "0", "from 0.1 to 0.9"),
        ("folds (layers of two units)", "2.5", "Only whole numbers"),
        ("units of the shallow network", "65", "from 1 to 64"),
    ):
        refuses(page, f"{name}, typed", text, message)
        check_folds(page)


@at_widths
def test_folds_fits_and_axe_finds_nothing(open_page, width, dark):
    page = show(open_page, "folds", {"folds": 5}, width=width, dark=dark)
    fits_and_axe_finds_nothing(page, width)


def test_folds_draws_anew_at_another_width(open_page):
    narrower(show(open_page, "folds", width=900))


def test_folds_shows_only_words_from_labels(open_page):
    """With every label replaced no English word is left, in the text or for a screen reader."""
    page = show_wordless(open_page, "folds")
    assert words(page) == set()
