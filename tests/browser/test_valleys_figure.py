"""Valleys of excess over rates, used by hand: every number equals PyTorch's."""

import math

import pytest
import torch
from figures import (
    at_widths,
    choose,
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

WIDTHS, RATES = [8, 16, 64], [0.4 / 2**k for k in range(7)]


def valley(width, power, seed):
    """Made-up excess with its best rate at 0.15 (8 / width) ** power, and some noise."""
    noise = torch.rand(7, generator=torch.Generator().manual_seed(seed)).double()
    off = double(RATES).log2() - math.log2(0.15) + power * math.log2(width / 8)
    steep = torch.where(off > 0, 0.6, 0.15)
    depth = 1.5 + 0.2 * math.log2(width)
    return (steep * off.square() - depth + 0.1 * noise).clamp(max=1.5).exp().tolist()


SWEEPS = [
    (name, [valley(w, power, 10 * i + w) for w in WIDTHS])
    for i, (name, power) in enumerate([("falls", 1.0), ("stays", 0.0), ("half", 0.5)])
]
DATA = {"sweeps": SWEEPS, "widths": WIDTHS, "rates": RATES}
DIAL = "exponent of the rule"


def tip(row):
    """log2 of the best rate: a parabola through three points, solved as equations."""
    y, x = double(row).log(), double(RATES).log2()
    i = int(y.argmin())
    if i in (0, len(row) - 1):
        return x[i].item()
    x, y = x[i - 1 : i + 2], y[i - 1 : i + 2]
    a, b, _ = torch.linalg.solve(torch.stack([x**2, x, x**0], 1), y)
    return (-b / (2 * a)).item()


def between(row, rate):
    """The excess at log2 of a rate: a weighted mean of the two neighbours' logarithms."""
    x, y = double(RATES).log2(), double(row).log()
    rate = min(max(rate, x[-1].item()), x[0].item())
    weight = (1 - (x - rate).abs()).clamp(min=0)
    return ((weight * y).sum() / weight.sum()).exp().item()


def check_valleys(page):
    """Result and drawing against PyTorch at the settings shown; returns the spread."""
    name = page.get_by_role("combobox", name="trained with").evaluate(
        "n => n.options[n.selectedIndex].text"
    )
    power = float(page.get_by_label(f"{DIAL}, typed").input_value())
    assert float(page.get_by_role("slider", name=DIAL, exact=True).input_value()) == power
    rows = dict(SWEEPS)[name]
    data = page.locator(".lf-result").evaluate("n => ({...n.dataset})")
    shift = [power * math.log2(w / 8) for w in WIDTHS]
    tips = [tip(row) + s for row, s in zip(rows, shift, strict=True)]
    shown = [math.log2(float(t)) for t in data["tips"].split()]
    assert shown == pytest.approx(tips, abs=1e-6)
    spread = 2 ** (max(tips) - min(tips))
    assert float(data["value"]) == pytest.approx(spread)
    rate = tip(rows[0]) - shift[-1]
    assert float(data["rate"]) == pytest.approx(2**rate)
    assert float(data["excess"]) == pytest.approx(between(rows[-1], rate), rel=1e-6)
    assert float(data["best"]) == pytest.approx(min(rows[-1]))
    beyond = not math.log2(RATES[-1]) <= rate <= math.log2(RATES[0])
    assert (data["beyond"] == "true") == beyond
    assert ("beyond the rates" in page.locator(".lf-result").inner_text()) == beyond
    torch.testing.assert_close(read(page, "excess").double(), double(rows))
    # Where the dots stand: a doubling is as wide everywhere, and the rule moves whole rows.
    places = page.eval_on_selector_all(
        "[data-grid=excess]",
        "n => n.map(d => [+d.dataset.row, +d.dataset.col, +d.getAttribute('cx')])",
    )
    x = {(int(r), int(c)): v for r, c, v in places}
    step = x[0, 0] - x[0, 1]
    for (r, c), v in x.items():
        assert v == pytest.approx(x[0, 0] + step * (shift[r] - c), abs=0.01)
    return spread


def test_valleys_fall_together_at_the_exponent_of_their_making(open_page):
    page = show(open_page, "valleys", DATA)
    for option, (name, own) in enumerate([("falls", 1), ("stays", 0), ("half", 0.5)], start=1):
        choose(page, "trained with", str(option))
        spreads = {}
        for power in (0, 0.5, 1, 1.5):
            fill(page, f"{DIAL}, typed", power)
            spreads[power] = check_valleys(page)
        assert min(spreads, key=spreads.get) == own, name


def test_valleys_by_keyboard_and_reset(open_page):
    page = show(open_page, "valleys", DATA)
    slider = page.get_by_role("slider", name=DIAL, exact=True)
    slider.focus()
    for _ in range(4):
        page.keyboard.press("ArrowRight")
    assert float(slider.input_value()) == 0.2
    check_valleys(page)
    choose(page, "trained with", "2")
    page.keyboard.press("Tab")
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
    press(page, "Reset")
    assert float(slider.input_value()) == 0
    check_valleys(page)


def test_valleys_bad_numbers_say_so(open_page):
    page = show(open_page, "valleys", DATA)
    refuses(page, f"{DIAL}, typed", "2", "from 0 to 1.5")
    check_valleys(page)


@at_widths
def test_valleys_fit_and_axe_finds_nothing(open_page, width, dark):
    page = show(open_page, "valleys", DATA, width=width, dark=dark)
    fits_and_axe_finds_nothing(page, width)


def test_valleys_draw_anew_at_another_width(open_page):
    narrower(show(open_page, "valleys", DATA, width=900))


def test_valleys_show_only_words_from_labels(open_page):
    """With every label replaced no English word is left, in the text or for a screen reader."""
    own = [("¤", rows) for _, rows in SWEEPS[:1]]
    page = show_wordless(open_page, "valleys", DATA | {"sweeps": own})
    assert words(page) == set()
