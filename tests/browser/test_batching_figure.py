"""Requests in a server, used by hand: every number equals the Python simulator's."""

import pytest
from figures import (
    at_widths,
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

from bigmodel_utils.serving import continuous_starts, requests, static_starts

pytestmark = pytest.mark.browser

DIALS = {
    "rate": "requests in 100 steps", "length": "mean length", "slots": "slots", "request": "request"
}  # fmt: skip
WAYS = {"static": static_starts, "continuous": continuous_starts}


def pressed(page, label):
    return page.locator(f"[aria-label={label}] [aria-pressed=true]").get_attribute("data-option")


def option(page, label, name):
    page.locator(f"[aria-label={label}] [data-option={name}]").click()
    assert pressed(page, label) == name


def settings_of(page):
    """What the controls show."""
    found = {}
    for key, name in DIALS.items():
        found[key] = int(page.get_by_label(f"{name}, typed").input_value())
        slider = page.get_by_role("slider", name=name, exact=True)
        assert int(slider.input_value()) == found[key]
    return found | {"way": pressed(page, "batches"), "kind": pressed(page, "lengths")}


def check_batching(page, seed=1):
    """Bars and result against the simulator at the settings shown; returns the mean waiting."""
    now = settings_of(page)
    asked = requests(now["rate"] / 100, now["length"], 24, lengths=now["kind"], seed=seed)
    mean = {}
    for way, starts_of in WAYS.items():
        starts = starts_of(*asked, now["slots"])
        waits = [start - at for start, at in zip(starts, asked[0], strict=True)]
        mean[way] = sum(waits) / 24
        if way == now["way"]:
            ends = [start + length for start, length in zip(starts, asked[1], strict=True)]
            shown, most = starts, max(waits)
    assert read(page, "start")[0].tolist() == pytest.approx(shown, abs=1e-9)
    box = page.locator(".lf-result")
    data = box.evaluate("n => ({...n.dataset})")
    other = next(way for way in WAYS if way != now["way"])
    place = now["request"] - 1
    for key, expected in {
        "value": mean[now["way"]], "other": mean[other], "most": most, "done": max(ends),
        "tokens": sum(asked[1]) / max(ends), "length": asked[1][place],
        "arrival": asked[0][place], "begin": shown[place],
    }.items():  # fmt: skip
        assert float(data[key]) == pytest.approx(expected, abs=1e-9), key
    assert now["way"].lower() in box.locator("b").inner_text().lower()
    check_drawing(page, asked, shown)
    return mean[now["way"]]


def check_drawing(page, asked, starts):
    """Bars and lines lie on one scale: steps over pixels."""
    bars = page.eval_on_selector_all(
        ".lf-served", "n => n.map(r => ['x', 'width'].map(k => +r.getAttribute(k)))"
    )
    lines = page.eval_on_selector_all(
        ".lf-waits", "n => n.map(r => ['x1', 'x2'].map(k => +r.getAttribute(k)))"
    )
    per_step = (bars[-1][0] - bars[0][0]) / (starts[-1] - starts[0])
    zero = bars[0][0] - starts[0] * per_step
    for (x, width), (x1, x2), at, length, start in zip(bars, lines, *asked, starts, strict=True):
        assert x == x2 == pytest.approx(zero + start * per_step, abs=0.01)
        assert x1 == pytest.approx(zero + at * per_step, abs=0.01)
        assert width == pytest.approx(max(1, length * per_step), abs=0.01)


def test_batching_both_ways_with_both_lengths(open_page):
    page = show(open_page, "batching")
    found = {}
    for way in WAYS:
        option(page, "batches", way)
        for kind in ("mixed", "equal"):
            option(page, "lengths", kind)
            for rate, length, slots in ((20, 16, 4), (200, 60, 3), (1, 1, 12), (35, 7, 1)):
                fill(page, "requests in 100 steps, typed", rate)
                fill(page, "mean length, typed", length)
                fill(page, "slots, typed", slots)
                found[way, kind, slots] = check_batching(page)
    assert found["static", "mixed", 3] > 1.3 * found["continuous", "mixed", 3]
    assert found["static", "mixed", 1] == found["continuous", "mixed", 1]


def test_batching_starts_from_its_data_and_comes_back(open_page):
    data = {"rate": 33, "length": 9, "slots": 2, "way": "continuous", "kind": "equal", "seed": 5}
    page = show(open_page, "batching", data | {"request": 7})
    start = settings_of(page)
    assert start == {k: v for k, v in data.items() if k != "seed"} | {"request": 7}
    check_batching(page, seed=5)
    option(page, "batches", "static")
    fill(page, "slots, typed", 6)
    check_batching(page, seed=5)
    press(page, "Reset")
    assert settings_of(page) == start
    check_batching(page, seed=5)


def test_batching_by_keyboard_alone(open_page):
    page = show(open_page, "batching")
    for name, key in (("continuous", "Enter"), ("equal", "Space")):
        for _ in range(8):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement.dataset.option") == name:
                break
        page.keyboard.press(key)
    for name, keys in (
        ("requests in 100 steps", ["ArrowRight"] * 3),
        ("mean length", ["ArrowLeft"]),
        ("slots", ["Home", "ArrowRight"]),
        ("request", ["End"]),
    ):
        for _ in range(20):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement.ariaLabel") == name:
                break
        for key in keys:
            page.keyboard.press(key)
    expected = dict(rate=23, length=15, slots=2, request=24, way="continuous", kind="equal")
    assert settings_of(page) == expected
    check_batching(page)
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"


def test_batching_by_mouse_and_touch(open_page):
    page = show(open_page, "batching")
    for place in (3, 17):
        box = page.locator(f"[data-grid=start][data-col='{place}']").bounding_box()
        page.mouse.click(box["x"] + 2, box["y"] + box["height"] / 2)
        assert settings_of(page)["request"] == place + 1
        check_batching(page)
        chosen = page.locator(".lf-chosen")
        assert chosen.count() == 1 and chosen.get_attribute("data-col") == str(place)
    page = show(open_page, "batching", width=390, touch=True)
    box = page.locator("[data-grid=start][data-col='2']").bounding_box()
    page.touchscreen.tap(box["x"] + 2, box["y"] + 4)
    assert settings_of(page)["request"] == 3
    check_batching(page)


def test_batching_bad_numbers_say_so(open_page):
    page = show(open_page, "batching")
    for name, text, message in (
        ("requests in 100 steps", "0", "from 1 to 200"),
        ("mean length", "2.5", "Only whole numbers"),
        ("slots", "13", "from 1 to 12"),
        ("request", "25", "from 1 to 24"),
    ):
        refuses(page, f"{name}, typed", text, message)
        check_batching(page)


@at_widths
def test_batching_fits_and_axe_finds_nothing(open_page, width, dark):
    page = show(open_page, "batching", width=width, dark=dark)
    fits_and_axe_finds_nothing(page, width)


def test_batching_draws_anew_at_another_width(open_page):
    narrower(show(open_page, "batching", width=900))


def test_batching_shows_only_words_from_labels(open_page):
    """With every label replaced no English word is left, in the text or for a screen reader."""
    assert words(show_wordless(open_page, "batching")) == set()
