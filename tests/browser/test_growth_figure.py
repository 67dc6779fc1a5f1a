"""Models over time, used by hand: every number equals PyTorch's."""

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

from bigmodel_utils.data import load_published_models

pytestmark = pytest.mark.browser

MODELS = load_published_models()
QUANTITIES = ("parameters", "active", "tokens", "flops")
ROWS = [
    (m.name, m.year, m.parameters, m.active, m.tokens, m.flops, f"{m.source}, {m.place}")
    for m in MODELS
]
DATA = {"models": ROWS, "model": 14}


def settings_of(page):
    """What the controls show."""
    found = [page.get_by_role("combobox", name="quantity").input_value()]
    for name in ("fit from the year", "to the year", "model"):
        typed = int(page.get_by_label(f"{name}, typed").input_value())
        assert int(page.get_by_role("slider", name=name, exact=True).input_value()) == typed
        found.append(typed)
    return found


def line_of(quantity, start, stop):
    """By least squares of PyTorch: models, years, logarithms, intercept at 2000 and slope."""
    some = [m for m in MODELS if getattr(m, quantity) and start <= m.year < stop + 1]
    years = double([m.year - 2000 for m in some])
    logs = double([math.log10(getattr(m, quantity)) for m in some])
    if len(some) < 3 or len(years.unique()) < 2:
        return some, None
    design = torch.stack([torch.ones_like(years), years], dim=1)
    return some, torch.linalg.lstsq(design, logs[:, None]).solution[:, 0].tolist()


def check_growth(page):
    """Result, dots and line against PyTorch at the settings shown; returns the slope."""
    quantity, start, stop, place = settings_of(page)
    some, line = line_of(quantity, start, stop)
    box, one = page.locator(".lf-result"), MODELS[place - 1]
    data = box.evaluate("n => ({...n.dataset})")
    text = box.inner_text()
    assert int(data["n"]) == len(some)
    assert one.name in text and one.source in text and str(int(one.year)) in text
    size = getattr(one, quantity)
    assert (data["size"] == "") == (size is None)
    assert ("not published" in text) == (size is None)
    if size is not None:
        assert float(data["size"]) == size
    known = {i: getattr(m, quantity) for i, m in enumerate(MODELS) if getattr(m, quantity)}
    dots = page.eval_on_selector_all(
        "[data-grid=size]",
        "n => n.map(d => [+d.dataset.col, +d.dataset.value, d.classList.contains('lf-lost'),"
        " +d.getAttribute('cx'), +d.getAttribute('cy')])",
    )
    assert {int(d[0]): d[1] for d in dots} == known
    assert [MODELS[int(d[0])] for d in dots if not d[2]] == some
    if line is None:
        assert data["result"] == "months" and data["value"] == "" and "three models" in text
        assert page.locator(".lf-fit").count() == 0
        return None
    intercept, slope = line
    assert float(data["slope"]) == pytest.approx(slope, rel=1e-4)
    assert float(data["value"]) == pytest.approx(12 * math.log10(2) / slope, rel=1e-4)
    assert ("Doubling" in text) == (slope > 0) and ("Halving" in text) == (slope < 0)
    if size is not None:
        off = math.log10(size) - intercept - slope * (one.year - 2000)
        assert float(data["off"]) == pytest.approx(off, abs=2e-3)
    # The drawn line: two dots of known place give the scales.
    low, high = min(dots, key=lambda d: d[4]), max(dots, key=lambda d: d[4])
    left, right = min(dots, key=lambda d: d[3]), max(dots, key=lambda d: d[3])
    per_power = (high[4] - low[4]) / (math.log10(low[1]) - math.log10(high[1]))
    years = [MODELS[int(d[0])].year for d in (left, right)]
    per_year = (right[3] - left[3]) / (years[1] - years[0])
    for x1, y1, x2, y2 in page.eval_on_selector_all(
        ".lf-fit", "n => n.map(l => ['x1', 'y1', 'x2', 'y2'].map(k => +l.getAttribute(k)))"
    ):
        for x, y in ((x1, y1), (x2, y2)):
            year = years[0] + (x - left[3]) / per_year
            says = math.log10(high[1]) + (high[4] - y) / per_power
            assert says == pytest.approx(intercept + slope * (year - 2000), abs=0.02)
    return slope


@pytest.mark.parametrize("quantity", QUANTITIES)
def test_growth_of_each_quantity_in_several_spans(open_page, quantity):
    page = show(open_page, "growth", DATA)
    choose(page, "quantity", quantity)
    slopes = []
    for start, stop in ((1987, 2026), (1987, 2018), (2018, 2020), (2020, 2026)):
        fill(page, "to the year, typed", stop)
        fill(page, "fit from the year, typed", start)
        assert settings_of(page)[1:3] == [start, stop]
        slopes.append(check_growth(page))
    assert len(set(slopes)) > 2
    for place in (1, 9, 32):
        fill(page, "model, typed", place)
        check_growth(page)


def test_growth_shows_the_doubling_time_of_the_page(open_page):
    page = show(open_page, "growth", DATA)
    assert "Doubling every 16.1 months" in page.locator(".lf-result").inner_text()
    assert read(page, "size")[0, 13].item() == 174_604_259_328


def test_growth_span_keeps_its_order_and_says_when_it_is_too_short(open_page):
    page = show(open_page, "growth", DATA)
    fill(page, "to the year, typed", 1990)
    check_growth(page)
    fill(page, "fit from the year, typed", 2000)
    assert settings_of(page)[1:3] == [2000, 2000]
    assert check_growth(page) is None
    fill(page, "to the year, typed", 1988)
    assert settings_of(page)[1:3] == [1988, 1988]
    press(page, "Reset")
    assert settings_of(page) == ["parameters", 1987, 2026, 14]
    assert check_growth(page) > 0


def test_growth_by_keyboard_alone(open_page):
    page = show(open_page, "growth", DATA)
    for name, keys in (
        ("quantity", ["ArrowDown"]),
        ("fit from the year", ["End", "ArrowLeft"]),
        ("to the year", ["ArrowLeft"] * 5),
        ("model", ["ArrowRight", "ArrowRight"]),
    ):
        for _ in range(20):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement.ariaLabel") == name:
                break
        for key in keys:
            page.keyboard.press(key)
    assert settings_of(page) == ["active", 2025, 2025, 16]
    check_growth(page)
    slider = page.get_by_role("slider", name="model", exact=True)
    assert slider.get_attribute("aria-valuetext") == "Switch-C"
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"


def test_growth_by_mouse_and_touch(open_page):
    page = show(open_page, "growth", DATA)
    for place in (3, 8):
        box = page.locator(f"[data-grid=size][data-col='{place}']").bounding_box()
        page.mouse.click(box["x"] + box["width"] / 2 + 3, box["y"] + box["height"] / 2 - 3)
        assert settings_of(page)[3] == place + 1
        check_growth(page)
    page = show(open_page, "growth", DATA, width=390, touch=True)
    box = page.locator("[data-grid=size][data-col='2']").bounding_box()
    page.touchscreen.tap(box["x"] + 4, box["y"] + 4)
    assert settings_of(page)[3] == 3
    check_growth(page)


def test_growth_bad_numbers_say_so(open_page):
    page = show(open_page, "growth", DATA)
    for name, text, message in (
        ("fit from the year", "1900", "from 1950 to 2030"),
        ("to the year", "2020.5", "Only whole years"),
        ("model", "36", "from 1 to 35"),
    ):
        refuses(page, f"{name}, typed", text, message)
        check_growth(page)


@at_widths
def test_growth_fits_and_axe_finds_nothing(open_page, width, dark):
    page = show(open_page, "growth", DATA, width=width, dark=dark)
    fits_and_axe_finds_nothing(page, width)


def test_growth_draws_anew_at_another_width(open_page):
    narrower(show(open_page, "growth", DATA, width=900))


def test_growth_shows_only_words_from_labels(open_page):
    """With every label replaced no English word is left, in the text or for a screen reader."""
    own = [("¤", 2000 + i, 10.0**i, 10.0**i, None, None, "¤ 2") for i in range(4)]
    page = show_wordless(open_page, "growth", {"models": own})
    assert words(page) == set()
