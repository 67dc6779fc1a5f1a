"""The game of four players, used by hand: every number equals the mean over all orders."""

import itertools

import pytest
import torch
from figures import (
    cell,
    choose,
    close,
    double,
    drag,
    fits_and_axe_finds_nothing,
    marked,
    press,
    read,
    result,
    show,
    show_wordless,
    tap,
    touch_drag,
    words,
)

from bigmodel_utils.live.figures.shapley.figure import GAMES

pytestmark = pytest.mark.browser

VALUE = "value of the cell last touched"
OWN = [[1, 4, -2, 7.5], [0, 3, 3, 9], [2, -5, 6, 8], [1.25, 5, 5, 20]]


def by_orders(v):
    """Shapley values (4,) of worths v (16,): the mean of what each adds over 24 orders."""
    paid = torch.zeros(4).double()
    for order in itertools.permutations(range(4)):
        inside = 0
        for i in order:
            paid[i] += (v[inside | 1 << i] - v[inside]) / 24
            inside |= 1 << i
    return paid


def check(page, player):
    """Compare all rows, the result, its sums and the lit cells with the worths shown."""
    v = read(page, "v").flatten()
    phi = by_orders(v)
    first = double([(v[1 << i] - v[0]).item() for i in range(4)])
    last = double([(v[15] - v[15 - (1 << i)]).item() for i in range(4)])
    for name, expected in (("phi", phi), ("first", first), ("last", last)):
        close(read(page, name)[0], expected)
        shown = page.locator(f"[data-{name}]").get_attribute(f"data-{name}")
        assert float(shown) == pytest.approx(expected.sum().item(), abs=1e-9)
    assert phi.sum().item() == pytest.approx((v[15] - v[0]).item())
    assert result(page, "phi") == pytest.approx(phi[player].item(), abs=1e-9)
    assert page.locator(".lf-result").inner_text().startswith(f"φ({'ABCD'[player]})")
    assert marked(page, "phi", "pick") == [(0, player)]
    assert marked(page, "v", "lit") == [(i // 4, i % 4) for i in range(16) if i >> player & 1]
    return v, phi


@pytest.mark.parametrize(("width", "dark"), [(900, False), (390, True)])
def test_games_and_players_by_mouse(open_page, width, dark):
    page = show(open_page, "shapley", width=width, dark=dark)
    v, phi = check(page, 0)
    assert phi.tolist() == pytest.approx([4, 4, 2, 0])
    for name, values in GAMES.items():
        choose(page, "game", name)
        assert read(page, "v").flatten().tolist() == [float(x) for x in values]
        for player in (3, 1):
            cell(page, "phi", 0, player).click()
            check(page, player)
    cell(page, "last", 0, 2).click()
    check(page, 2)
    press(page, "Reset")
    assert torch.equal(check(page, 0)[0], v)


def test_own_worths_are_edited(open_page):
    page = show(open_page, "shapley", {"values": OWN, "player": 3})
    v, _ = check(page, 3)
    assert v.tolist() == [x for row in OWN for x in row]
    cell(page, "v", 2, 1).click()
    page.get_by_role("spinbutton", name=VALUE).fill("11.25")
    changed, _ = check(page, 3)
    assert changed[9] == 11.25 and (changed != v).sum() == 1
    drag(page, cell(page, "v", 0, 0), 32)
    assert check(page, 3)[0][0] == 3
    page.get_by_role("button", name="raise the value by 0.5").click()
    assert check(page, 3)[0][0] == 3.5
    choose(page, "game", "vote")
    check(page, 3)
    choose(page, "game", "own")
    assert torch.equal(check(page, 3)[0], v)


def test_by_keyboard_alone(open_page):
    page = show(open_page, "shapley")
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.dataset.grid") == "v":
            break
    for key in ("ArrowDown", "ArrowRight", "7", "Enter"):
        page.keyboard.press(key)
    assert check(page, 0)[0][5] == 7
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.dataset.grid") == "phi"
    for key in ("ArrowRight", "Enter"):
        page.keyboard.press(key)
    check(page, 1)
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"


def test_by_touch(open_page):
    page = show(open_page, "shapley", width=390, touch=True)
    touch_drag(page, cell(page, "v", 3, 3), 24)
    assert check(page, 0)[0][15] > 10
    tap(page, cell(page, "phi", 0, 2))
    check(page, 2)


def test_cells_say_who_is_in_and_what_it_is_worth(open_page):
    page = show(open_page, "shapley")
    said = cell(page, "v", 1, 3).get_attribute("aria-label")
    assert "10" in said and "ABC" in said
    assert "∅" in cell(page, "v", 0, 0).get_attribute("aria-label")
    assert "B" in cell(page, "phi", 0, 1).get_attribute("aria-label")


def test_bad_numbers_say_so(open_page):
    page = show(open_page, "shapley")
    page.get_by_role("spinbutton", name=VALUE).fill("100")
    assert "from -99 to 99" in page.locator(".lf-result").inner_text()
    page.get_by_role("spinbutton", name=VALUE).blur()
    check(page, 0)


@pytest.mark.parametrize(("width", "dark"), [(390, True), (390, False), (900, True), (320, False)])
def test_fits_and_axe_finds_nothing(open_page, width, dark):
    page = show(open_page, "shapley", width=width, dark=dark)
    fits_and_axe_finds_nothing(page, width)


def test_shows_only_words_from_labels(open_page):
    """With every label replaced no English word is left, in the text or for a screen reader."""
    page = show_wordless(open_page, "shapley", {"values": OWN})
    assert words(page) == set()
