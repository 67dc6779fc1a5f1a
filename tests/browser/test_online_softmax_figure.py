"""The tile stepper of the online softmax, used by hand: every number equals PyTorch's."""

import math
import re

import pytest
import torch
from figures import (
    at_widths,
    cell,
    close,
    drag,
    fits_and_axe_finds_nothing,
    marked,
    press,
    read,
    show,
    show_wordless,
    tap,
    touch_drag,
    words,
)

from bigmodel_utils.models import tiled_attention

pytestmark = pytest.mark.browser

STATES = ("m", "r", "l", "o")
SETTINGS = {
    "scores": [-2, 0.25, 1.5, 1.5, -40, 0.75, 60, 3, 59.5],
    "values": [1, -3, 2.5, 0.5, 7, -1, 2, 4, -6],
    "tile": 4,
}


def shown(page, name):
    """The values of a row that are computed so far; the others carry no value."""
    values = page.eval_on_selector_all(
        f"[data-grid={name}][data-value]",
        "cells => cells.map(c => [c.dataset.col, c.dataset.value].map(Number))",
    )
    assert [int(column) for column, _ in values] == list(range(len(values)))
    return torch.tensor([value for _, value in values], dtype=torch.float64)


def check(page, step, *, tile, rescale=True):
    """Compare all rows with PyTorch at the scores and values that the page shows."""
    s, v = read(page, "scores")[0], read(page, "values")[0]
    n, tiles = len(s), math.ceil(len(s) / tile)
    assert page.locator("[data-grid=m]").count() == tiles
    assert all(len(shown(page, name)) == step for name in STATES)
    seen = [s[: min(n, k * tile)] for k in range(1, step + 1)]
    if step:
        most = torch.stack([part.max() for part in seen])
        close(shown(page, "m"), most)
        before = torch.cat([torch.tensor([-torch.inf]).double(), most[:-1]])
        factor = torch.exp(before - most)
        if not rescale:
            factor[1:] = 1
        close(shown(page, "r"), factor)
    read_keys = min(n, step * tile)
    powers = shown(page, "powers")
    assert len(powers) == read_keys
    if rescale:
        for k, part in enumerate(seen):
            # From logsumexp and softmax, which share nothing with the recursion.
            close(shown(page, "l")[k], torch.exp(part.logsumexp(0) - part.max()))
            out = part.softmax(0) @ v[: len(part)]
            close(shown(page, "o")[k] / shown(page, "l")[k], out)
        if step:
            close(powers, (seen[-1] - seen[-1].max()).exp())
    elif step:
        # Every key keeps the weight that it had when it was read.
        at = torch.arange(read_keys) // tile
        stale = (s[:read_keys] - most[at]).exp()
        close(powers, stale)
        close(shown(page, "l")[-1], stale.sum())
        close(shown(page, "o")[-1], stale @ v[:read_keys])
    box = page.locator(".lf-result")
    assert box.get_attribute("data-result") == ("tile" if step else "begin")
    if step:
        value = float(box.get_attribute("data-value"))
        close(torch.tensor(value).double(), shown(page, "o")[-1] / shown(page, "l")[-1])
    last = page.locator("[data-dense]")
    assert last.count() == (step == tiles)
    if step == tiles:
        exact = s.softmax(0) @ v
        close(torch.tensor(float(last.get_attribute("data-dense"))).double(), exact)
        same = abs(value - exact.item()) < 1e-6
        assert last.get_attribute("data-same") == str(same).lower()
        assert ("the same" in last.inner_text()) == same
        if rescale:
            assert same
    lit = [(0, column) for column in range(max(0, step - 1) * tile, read_keys)]
    assert marked(page, "scores", "lit") == marked(page, "values", "lit") == lit
    assert marked(page, "m", "pick") == ([(0, step - 1)] if step else [])


@pytest.mark.parametrize("data", [{}, SETTINGS], ids=["default", "nine keys"])
def test_steps_by_the_buttons(open_page, data):
    page = show(open_page, "online-softmax", data)
    tile = data.get("tile", 2)
    tiles = math.ceil(len(data.get("scores", range(8))) / tile)
    check(page, 1, tile=tile)
    for step in range(2, tiles + 1):
        press(page, "Next")
        check(page, step, tile=tile)
    press(page, "Next")
    check(page, tiles, tile=tile)
    press(page, "Back")
    check(page, tiles - 1, tile=tile)
    press(page, "Start")
    check(page, 0, tile=tile)
    assert "m = −∞, l = 0, o = 0" in page.locator(".lf-result").inner_text()
    press(page, "Back")
    check(page, 0, tile=tile)
    press(page, "End")
    check(page, tiles, tile=tile)


def test_the_end_equals_attention_in_tiles_of_the_package(open_page):
    page = show(open_page, "online-softmax", {**SETTINGS, "step": 3})
    s, v = read(page, "scores"), read(page, "values")
    expected = tiled_attention(torch.ones(1, 1).double(), s.T, v.T, scale=1.0, tile_size=(1, 4))
    close(float_of(page), expected[0, 0])


def float_of(page):
    return torch.tensor(float(page.locator(".lf-result").get_attribute("data-value"))).double()


@pytest.mark.parametrize("tile", [1, 3, 5, 8])
def test_every_tile_size_gives_the_same_end(open_page, tile):
    page = show(open_page, "online-softmax")
    press(page, "End")
    before = float_of(page)
    page.get_by_label("tile size (keys), typed").fill(str(tile))
    check(page, math.ceil(8 / tile), tile=tile)
    close(float_of(page), before)
    gaps = page.locator("[data-grid=scores].lf-cut").count()
    assert gaps == math.ceil(8 / tile) - 1


def test_another_tile_size_keeps_what_is_read_where_it_can(open_page):
    page = show(open_page, "online-softmax", {"tile": 2, "step": 2})
    size = page.get_by_label("tile size (keys), typed")
    size.fill("4")
    check(page, 1, tile=4)
    size.fill("1")
    check(page, 4, tile=1)
    size.fill("8")
    check(page, 0, tile=8)


def test_without_rescaling_the_end_is_wrong_unless_the_largest_comes_first(open_page):
    page = show(open_page, "online-softmax", {"step": 4})
    press(page, "not rescaled")
    check(page, 4, tile=2, rescale=False)
    assert page.locator("[data-same=false]").count() == 1
    assert "off by" in page.locator(".lf-result").inner_text()
    cell(page, "scores", 0, 1).click()
    page.keyboard.type("9")
    page.keyboard.press("Enter")
    check(page, 4, tile=2, rescale=False)
    assert page.locator("[data-same=true]").count() == 1, "nothing rises after the first tile"
    press(page, "rescaled")
    check(page, 4, tile=2)
    press(page, "not rescaled")
    press(page, "Reset")
    check(page, 4, tile=2)
    assert page.locator("[data-option=on]").get_attribute("aria-pressed") == "true"


def test_writes_the_sums_in_numbers(open_page):
    data = {"scores": [0, 1, 3], "values": [2, -1, 4], "tile": 2, "step": 2}
    page = show(open_page, "online-softmax", data)
    text = page.locator(".lf-result").inner_text()
    first, r = math.exp(-1) + 1, math.exp(-2)
    old = 2 * math.exp(-1) - 1
    number = lambda value: f"{round(value, 3):g}".replace("-", "−")  # noqa: E731
    bracket = f"({number(old)})" if old < 0 else number(old)
    assert text.splitlines() == [
        "Tile 2 of 2: keys 3 to 3",
        "m = max(1; 3) = 3",
        f"r = e^(1 − 3) = {number(r)}",
        f"l = {number(r)}×{number(first)} + 1 = {number(r * first + 1)}",
        f"o = {number(r)}×{bracket} + 1×4 = {number(r * old + 4)}",
        f"o / l = {number((r * old + 4) / (r * first + 1))}",
        f"All at once, the softmax gives {number((r * old + 4) / (r * first + 1))}: the same.",
    ]


def test_scores_of_a_thousandth_and_of_ninety_nine_do_not_overflow(open_page):
    data = {"scores": [99, -99, 99, 0.001], "values": [1, 2, 3, 4], "tile": 1, "step": 4}
    page = show(open_page, "online-softmax", data)
    check(page, 4, tile=1)
    press(page, "not rescaled")
    cell(page, "scores", 0, 0).click()
    page.keyboard.type("-99")
    page.keyboard.press("Enter")
    check(page, 4, tile=1, rescale=False)


def test_by_keyboard_alone(open_page):
    page = show(open_page, "online-softmax")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.ariaLabel") == "tile size (keys)"
    page.keyboard.press("ArrowRight")
    check(page, 0, tile=3)
    while page.evaluate("document.activeElement.textContent") != "Next":
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.keyboard.press(" ")
    check(page, 2, tile=3)
    while page.evaluate("document.activeElement.ariaLabel") != "tiles read":
        page.keyboard.press("Tab")
    page.keyboard.press("End")
    check(page, 3, tile=3)
    assert page.evaluate("document.activeElement.getAttribute('aria-valuetext')") == "3 of 3"
    page.keyboard.press("Home")
    check(page, 0, tile=3)
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.dataset.grid") == "scores", "one tab stop a grid"
    page.keyboard.press("ArrowRight")
    page.keyboard.type("4.5")
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    assert read(page, "scores")[0, 1] == 5
    check(page, 1, tile=3)
    while page.evaluate("document.activeElement.dataset.grid") != "l":
        page.keyboard.press("Tab")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    check(page, 2, tile=3)
    names = [cell(page, "l", 0, column).get_attribute("aria-label") for column in (1, 2)]
    assert re.fullmatch(r"sum after tile 2: [\d.]+", names[0])
    assert names[1] == "sum after tile 3: not yet computed"
    assert cell(page, "scores", 0, 1).get_attribute("aria-label") == "scores, key 2: 5"


def test_mouse_drag_typing_and_choosing_a_tile(open_page):
    page = show(open_page, "online-softmax", {**SETTINGS, "step": 3})
    for grid, column, up, change in (("scores", 8, 25, 1.5), ("values", 2, -17, -1)):
        before = read(page, grid)
        drag(page, cell(page, grid, 0, column), up)
        moved = read(page, grid) - before
        assert moved[0, column] == change and moved.count_nonzero() == 1
        check(page, 3, tile=4)
    cell(page, "o", 0, 0).click()
    check(page, 1, tile=4)
    box = page.get_by_label("value of the cell last touched", exact=True).locator("input")
    box.fill("0.123456")
    assert read(page, "values")[0, 2] == 0.123456
    check(page, 1, tile=4)
    press(page, "Reset")
    assert read(page, "values")[0, 2] == 2.5
    check(page, 3, tile=4)


def test_by_touch(open_page):
    page = show(open_page, "online-softmax", width=390, height=700, touch=True)
    tap(page, page.get_by_role("button", name="Next", exact=True))
    check(page, 2, tile=2)
    target = cell(page, "scores", 0, 3)
    target.evaluate("node => node.scrollIntoView({block: 'center'})")
    touch_drag(page, target, 41)
    assert read(page, "scores")[0, 3] == 3
    tap(page, page.get_by_label("raise the value by 0.5"))
    assert read(page, "scores")[0, 3] == 3.5
    check(page, 2, tile=2)
    tap(page, cell(page, "m", 0, 3))
    check(page, 4, tile=2)


def test_bad_numbers_say_so(open_page):
    page = show(open_page, "online-softmax")
    size = page.get_by_label("tile size (keys), typed")
    for text in ("0", "9", "2.5", ""):
        size.fill(text)
        assert size.get_attribute("aria-invalid") == "true"
        assert "a number from 1 to 8" in page.locator(".lf-result").inner_text()
        size.blur()
        assert size.input_value() == "2"
        check(page, 1, tile=2)
    box = page.get_by_label("value of the cell last touched", exact=True).locator("input")
    box.fill("100")
    assert "a number from -99 to 99" in page.locator(".lf-result").inner_text()
    assert read(page, "scores")[0, 0] == 1, "the last good number stays"
    box.fill("0.5")
    check(page, 1, tile=2)


@at_widths
def test_fits_and_axe_finds_nothing(open_page, width, dark):
    data = {**SETTINGS, "tile": 1, "step": 9}
    fits_and_axe_finds_nothing(
        show(open_page, "online-softmax", data, width=width, dark=dark), width
    )


def test_shows_only_words_from_labels(open_page):
    """With every label replaced no English word is left, in the text or for a screen reader."""
    page = show_wordless(open_page, "online-softmax", {"step": 4})
    assert words(page) - {"max"} == set()
