"""Rotary positions, used by hand: every number equals what the package computes with PyTorch."""

import pytest
import torch
from figures import (
    PAGE,
    cell,
    close,
    drag,
    drawn,
    fits_and_axe_finds_nothing,
    press,
    read,
    show,
    tap,
)

from bigmodel_utils.live import LABELS, LiveFigure
from bigmodel_utils.live.figures.rotary.figure import LIMITS
from bigmodel_utils.models import rotate

pytestmark = pytest.mark.browser

MOST = LIMITS["position"][1]
VALUE = LABELS["rotary"]["value"]
NAMES = ("position m of the query", "position j of the key", "move both by")
DATA = {
    "q": [[0.5, -2, 1.5, 1], [1, 0.25, -1, 2]],
    "k": [[-1, 1.5, 0.75, -0.5], [2, 1, 0.5, 1]],
    "m": 3,
    "n": 11,
}


def typed(page, name):
    return page.get_by_label(f"{name}, typed")


def turned(matrix, position, base, on):
    """A query or key (2, pairs) at a position, by the package; None turns nothing."""
    pairs = matrix.shape[1]
    speeds = base ** (-torch.arange(pairs, dtype=torch.float64) / pairs)
    angles = (position if on else 0) * speeds[None]
    return rotate(matrix.flatten()[None], angles.cos(), angles.sin())[0].view(2, pairs)


def check(page):
    """Compare arrows, parts, the score and the whole curve; return the score."""
    q, k = read(page, "q"), read(page, "k")
    m, n, shift = (int(typed(page, name).input_value()) for name in NAMES)
    base = int(page.get_by_label("base", exact=True).input_value())
    on = page.locator("[data-option=on]").get_attribute("aria-pressed") == "true"
    at_m, at_n = turned(q, m + shift, base, on), turned(k, n + shift, base, on)
    for name, expected in (("q", at_m), ("k", at_n), ("q0", q), ("k0", k)):
        arrows = page.eval_on_selector_all(
            f"[data-vector={name}]",
            "lines => lines.map(l => [l.dataset.col, l.dataset.x, l.dataset.y].map(Number))",
        )
        found = torch.tensor(arrows, dtype=torch.float64)
        assert found[:, 0].tolist() == list(range(q.shape[1]))
        close(found[:, 1:].T, expected)
    close(read(page, "part")[0], (at_m * at_n).sum(0))
    score = (at_m * at_n).sum()
    box = page.locator(".lf-result")
    assert box.get_attribute("data-result") == "score"
    shown = [float(box.get_attribute(f"data-{key}")) for key in ("value", "unshifted", "m", "n")]
    unshifted = (turned(q, m, base, on) * turned(k, n, base, on)).sum()
    assert shown == pytest.approx([score.item(), unshifted.item(), m + shift, n + shift], abs=1e-9)
    assert unshifted.item() == pytest.approx(score.item(), abs=1e-9)
    curve = [
        (turned(q, d + MOST, base, on) * turned(k, MOST, base, on)).sum().item()
        for d in range(-MOST, MOST + 1)
    ]
    close(read(page, "score")[0], torch.tensor(curve, dtype=torch.float64))
    assert curve[m - n + MOST] == pytest.approx(score.item(), abs=1e-9)
    large = page.locator("[data-grid=score][r='5']")
    assert large.count() == 1 and int(large.get_attribute("data-col")) == m - n + MOST
    return score.item()


@pytest.mark.parametrize("data", [None, DATA, {**DATA, "turn": "off", "shift": 5, "base": 10}])
def test_first_look(open_page, data):
    check(show(open_page, "rotary", data))


def test_moving_both_turns_the_arrows_and_keeps_the_score(open_page):
    page = show(open_page, "rotary", DATA)
    before = check(page)
    arrow = page.locator("[data-vector=q]").first
    place = arrow.get_attribute("x2")
    for shift in (1, 17, 32):
        typed(page, "move both by").fill(str(shift))
        assert check(page) == pytest.approx(before, abs=1e-9)
        assert arrow.get_attribute("x2") != place
    typed(page, NAMES[0]).fill("4")
    assert check(page) != pytest.approx(before, abs=1e-3), "another distance, another score"


def test_not_turned_the_distance_does_not_matter(open_page):
    page = show(open_page, "rotary", DATA)
    press(page, "not turned")
    flat = check(page)
    assert "the same at every distance" in page.locator(".lf-result").inner_text()
    typed(page, NAMES[1]).fill("29")
    assert check(page) == pytest.approx(flat, abs=1e-12)
    press(page, "turned")
    assert check(page) != pytest.approx(flat, abs=1e-3)


@pytest.mark.parametrize("base", ["10", "100", "10000"])
def test_bases(open_page, base):
    page = show(open_page, "rotary", DATA)
    page.get_by_label("base", exact=True).select_option(base)
    check(page)


def test_sliders_and_fields_by_the_keys(open_page):
    page = show(open_page, "rotary", DATA)
    for name in NAMES:
        page.get_by_label(name, exact=True).focus()
        for key in ("ArrowRight", "ArrowRight", "ArrowLeft", "PageUp"):
            page.keyboard.press(key)
        check(page)
    page.get_by_label(NAMES[0], exact=True).press("End")
    assert typed(page, NAMES[0]).input_value() == str(MOST)
    check(page)


@pytest.mark.parametrize("share", [0.02, 0.3, 0.5, 0.97])
def test_the_plot_chooses_the_distance(open_page, share):
    page = show(open_page, "rotary", DATA)
    box = page.locator(".lf-plots svg").bounding_box()
    x = box["x"] + 44 + share * (box["width"] - 54)
    page.mouse.click(x, box["y"] + 90)
    m, n = (int(typed(page, name).input_value()) for name in NAMES[:2])
    assert abs((m - n) - (share * (2 * MOST + 1) - MOST - 0.5)) <= 0.6
    assert 0 <= m <= MOST and 0 <= n <= MOST
    check(page)


def test_vectors_are_edited_by_drag_key_and_field(open_page):
    page = show(open_page, "rotary", DATA)
    before = read(page, "q")
    target = cell(page, "q", 1, 2)
    target.scroll_into_view_if_needed()
    drag(page, target, 17)  # two steps of 8 pixels
    assert read(page, "q")[1, 2] == before[1, 2] + 1
    check(page)
    cell(page, "k", 0, 3).click()
    page.keyboard.type("2.75")
    assert read(page, "k")[0, 3] == 2.75
    check(page)
    page.get_by_role("spinbutton", name=VALUE).fill("-3")
    assert read(page, "k")[0, 3] == -3
    check(page)
    press(page, "Reset")
    assert torch.equal(read(page, "q"), before)
    check(page)


def test_bad_input_is_reported_and_not_used(open_page):
    page = show(open_page, "rotary", DATA)
    score = check(page)
    for name, text in ((NAMES[0], "33"), (NAMES[2], "1.5"), (None, "100")):
        name = f"{name}, typed" if name else VALUE
        target = page.get_by_role("spinbutton", name=name, exact=True)
        target.fill(text)
        assert page.locator(".lf-result").get_attribute("data-result") == "error"
        assert "a number from" in page.locator(".lf-result").inner_text()
        assert target.get_attribute("aria-invalid") == "true"
        target.blur()
        assert check(page) == score


def test_reset_puts_all_back(open_page):
    page = show(open_page, "rotary", DATA)
    score = check(page)
    press(page, "not turned")
    page.get_by_label("base", exact=True).select_option("10")
    for name in NAMES:
        typed(page, name).fill("9")
    press(page, "Reset")
    assert check(page) == score


def test_by_touch(open_page):
    page = show(open_page, "rotary", DATA, width=390, touch=True)
    tap(page, page.locator(".lf-plots svg"))
    check(page)
    tap(page, cell(page, "k", 1, 0))
    assert page.locator(".lf-code").inner_text() == "k[1, 0] ="


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [900, 390])
def test_fits_and_is_accessible(open_page, width, dark):
    page = show(open_page, "rotary", DATA, width=width, dark=dark, touch=width < 600)
    fits_and_axe_finds_nothing(page, width)


def test_words_can_be_replaced(open_page):
    labels = {key: f"[{value}]" for key, value in LABELS["rotary"].items()}
    figure = LiveFigure("rotary", labels=labels, alt="The same in other words.")._repr_html_()
    page = drawn(open_page(PAGE.format(theme="light", figure=figure)))
    text = page.locator("figure").inner_text()
    assert "[position m of the query]" in text and "[Query at 6" in text
