"""The sampler, used by hand: every number equals what the package computes with PyTorch."""

import math
import re

import pytest
import torch
from figures import (
    at_widths,
    cell,
    close,
    fits_and_axe_finds_nothing,
    press,
    read,
    refuses,
    show,
    show_wordless,
    tap,
    words,
)

from bigmodel_utils.live import LiveFigure
from bigmodel_utils.live.figures.gradient_distance.figure import randoms
from bigmodel_utils.models import next_token_probabilities

pytestmark = pytest.mark.browser

DATA = {
    # Not sorted, with two equals, a blank and a line end.
    "tokens": [" to", " the", "\n", "   ", " a", "s", " of", " in", ".", " is", "<b>", "ed"],
    "logits": [1.2, 2.9, 0.3, -1.1, 2.1, 0.3, 1.7, -0.4, -2.2, 0.9, -6.5, -0.1],
    "context": "The statement is bound\nto",
    "seed": 77,
}


def settings(page):
    """Temperature, top-k and top-p as the fields show them."""
    names = ("temperature τ", "top-k", "top-p")
    shown = [page.get_by_label(f"{name}, typed").input_value() for name in names]
    temperature, k, p = map(float, shown)
    return {"temperature": temperature, "top_k": int(k), "top_p": p}


def check(page, data=DATA, draws=0):
    """Compare bars, entropy, what is kept and the draws; return the distribution, sorted."""
    logits = torch.tensor(data["logits"], dtype=torch.float64)
    chosen = settings(page)
    order = logits.sort(descending=True, stable=True).indices
    q = next_token_probabilities(logits, **chosen)[order]
    heated = next_token_probabilities(logits, temperature=chosen["temperature"])[order]
    close(read(page, "before")[:, 0], logits.softmax(0)[order])
    close(read(page, "after")[:, 0], q)
    box = page.locator(".lf-result")
    assert box.get_attribute("data-result") == "entropy"
    kept = int((q > 0).sum())
    expected = {
        "value": -torch.xlogy(q, q).sum().item() / math.log(2),
        "kept": kept,
        "mass": heated[:kept].sum().item(),
        "draws": draws,
    }
    shown = {key: float(box.get_attribute(f"data-{key}")) for key in expected}
    assert shown == pytest.approx(expected, abs=1e-9)
    assert page.locator(".lf-cut").count() == (kept < len(logits))
    assert page.locator(".lf-token.lf-dropped").count() == len(logits) - kept
    # The generator of the other figures, drawn by the inverse of the cumulative distribution.
    places = (torch.tensor(randoms(data["seed"], draws), dtype=torch.float64) + 1) / 2
    drawn = torch.searchsorted(q.cumsum(0), places, right=True).clamp(max=kept - 1)
    counts = torch.bincount(drawn, minlength=len(q))
    assert read(page, "count")[:, 0].long().tolist() == counts.tolist()
    last = str(int(order[drawn[-1]])) if draws else ""
    assert box.get_attribute("data-last") == last
    return q


def bars(page, kind):
    """Left edge and width of each row's rectangle on the screen, (rows, 2)."""
    found = page.eval_on_selector_all(
        f"[data-grid={kind}]",
        "bars => bars.map(b => b.getBoundingClientRect()).map(b => [b.left, b.width])",
    )
    return torch.tensor(found, dtype=torch.float64)


def test_first_look_is_the_model_s_own_distribution(open_page):
    page = show(open_page, "sampler", DATA)
    q = check(page)
    # Divided by what it adds up to, which is 1 up to rounding.
    torch.testing.assert_close(read(page, "after"), read(page, "before"), rtol=1e-14, atol=0)
    assert len(q) == 12
    assert page.locator(".lf-context").inner_text() == "The statement is bound⏎to?"
    names = page.locator(".lf-name").all_text_contents()
    assert names[:3] == ["␣the", "␣a", "␣of"] and names[5:7] == ["⏎", "s"], "equals as given"
    assert names[-1] == "<b>"
    text = page.locator(".lf-result").inner_text()
    entropy = -(q * q.log2()).sum()
    assert text.startswith(f"Entropy {entropy:.3g} bits") and "12 of 12 tokens kept" in text
    default = show(open_page, "sampler")
    check(default, LiveFigure("sampler", alt="A sampler.").data)


@pytest.mark.parametrize(
    ("temperature", "k", "p"),
    [
        (0.5, 12, 1),
        (2, 12, 0.9),
        (1, 5, 1),
        (1, 12, 0.55),
        (0.7, 7, 0.8),
        (1.65, 2, 0.3),
        (0.01, 12, 0.5),
        (0, 12, 1),
        (0, 3, 0.2),
        (3, 12, 0.01),
        (1, 6, 1),
    ],
)
def test_settings_by_the_fields(open_page, temperature, k, p):
    page = show(open_page, "sampler", DATA)
    press(page, "Draw 100")
    for name, value in (("temperature τ", temperature), ("top-k", k), ("top-p", p)):
        page.get_by_label(f"{name}, typed").fill(str(value))
    assert settings(page) == {"temperature": temperature, "top_k": k, "top_p": p}
    q = check(page, draws=100)
    shown = bars(page, "after")
    largest = max(q.max().item(), torch.tensor(DATA["logits"]).softmax(0).max().item())
    counts = read(page, "count")[:, 0] / 100
    full = shown[0, 1] / q[0] if q[0] > 0 else 0
    assert torch.allclose(shown[:, 1], q * full, atol=0.6)
    assert full * max(largest, counts.max()) <= 900


def test_bars_have_lengths_in_proportion(open_page):
    page = show(open_page, "sampler", {**DATA, "temperature": 0.6, "top_p": 0.9})
    for kind in ("before", "after"):
        values, shown = read(page, kind)[:, 0], bars(page, kind)
        assert torch.allclose(shown[:, 0], shown[:1, 0].expand(12), atol=1.0), "one origin"
        scale = shown[0, 1] / values[0]
        assert torch.allclose(shown[:, 1], values * scale, atol=1.1)
    cut = page.locator(".lf-cut").bounding_box()["y"]
    last = page.locator(".lf-token:not(.lf-dropped) .lf-hit").last.bounding_box()
    assert cut == pytest.approx(last["y"] + last["height"], abs=1.6)


def test_a_sum_that_is_exactly_p_is_enough(open_page):
    data = {"tokens": ["a", "b", "c", "d"], "logits": [0, 0, 0, 0], "top_p": 0.5, "seed": 3}
    page = show(open_page, "sampler", data)
    assert check(page, data).tolist() == [0.5, 0.5, 0, 0]
    page.get_by_label("top-p, typed").fill("0.51")
    assert (check(page, data) > 0).sum() == 3


def test_draws_are_counted_against_the_probabilities(open_page):
    page = show(open_page, "sampler", {**DATA, "temperature": 0.9})
    press(page, "Draw 1")
    check(page, draws=1)
    assert page.locator(".lf-context strong").count() == 1
    press(page, "Draw 100")
    check(page, draws=101)
    for _ in range(9):
        press(page, "Draw 100")
    q = check(page, draws=1001)
    counts = read(page, "count")[:, 0]
    spread = (1001 * q * (1 - q)).sqrt()
    assert ((counts - 1001 * q).abs() <= 4 * spread + 1).all()
    text = page.locator(".lf-result").inner_text()
    assert f"Drawn {int(counts[0])} of 1001 times" in text and f"± {spread[0]:.3g}" in text
    assert page.locator(".lf-drawn[r='4.5']").count() == 12
    press(page, "Clear draws")
    check(page)
    assert "Drawn" not in page.locator(".lf-result").inner_text()


def test_a_dial_moves_the_same_draws(open_page):
    page = show(open_page, "sampler", DATA)
    press(page, "Draw 100")
    before = read(page, "count")
    page.get_by_label("top-k, typed").fill("3")
    check(page, draws=100)
    assert read(page, "count")[3:].sum() == 0 and before[3:].sum() > 0
    page.get_by_label("top-k, typed").fill("12")
    assert torch.equal(read(page, "count"), before)
    press(page, "Reset")
    check(page)


def test_by_keyboard_alone(open_page):
    page = show(open_page, "sampler", DATA)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.ariaLabel") == "temperature τ"
    for key in ("ArrowLeft", "ArrowLeft", "ArrowRight"):
        page.keyboard.press(key)
    assert settings(page)["temperature"] == 0.95
    check(page)
    page.keyboard.press("Home")
    assert page.locator(".lf-dial .lf-note").first.inner_text() == "greedy"
    check(page)
    for _ in range(2):
        page.keyboard.press("Tab")
    for key in ("ArrowLeft", "ArrowLeft", "PageDown"):
        page.keyboard.press(key)
    assert settings(page)["top_k"] < 10
    while page.evaluate("document.activeElement.textContent") != "Draw 100":
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    check(page, draws=100)
    while not page.evaluate("document.activeElement.dataset.token"):
        page.keyboard.press("Tab")
    box = page.locator(".lf-result")
    for key, token in (("ArrowDown", 1), ("End", 11), ("ArrowUp", 10), ("Home", 0), ("ArrowUp", 0)):
        page.keyboard.press(key)
        assert box.get_attribute("data-picked") == str(token)
        assert page.evaluate("document.activeElement.dataset.token") == str(token)
    assert page.locator("[data-token][tabindex='0']").count() == 1, "one tab stop"
    label = page.locator("[data-token='0']").get_attribute("aria-label")
    assert re.fullmatch(r"␣the: before [\d.]+ %, after 100 %, drawn 100 times", label)
    blank = page.locator("[data-token='5']").get_attribute("aria-label")
    assert blank.startswith("white space: before")


def test_by_mouse_and_touch(open_page):
    page = show(open_page, "sampler", DATA)
    cell(page, "after", 4, 0).click(force=True)
    assert page.locator(".lf-result").get_attribute("data-picked") == "4"
    page = show(open_page, "sampler", DATA, width=390, height=900, touch=True)
    tap(page, page.locator("[data-token='7'] .lf-hit"))
    assert page.locator(".lf-result").get_attribute("data-picked") == "7"
    tap(page, page.get_by_role("button", name="Draw 100", exact=True))
    check(page, draws=100)
    slider = page.get_by_label("top-p", exact=True)
    box = slider.bounding_box()
    page.touchscreen.tap(box["x"] + box["width"] * 0.4, box["y"] + box["height"] / 2)
    assert 0.3 < settings(page)["top_p"] < 0.5
    check(page, draws=100)


def test_bad_numbers_say_so(open_page):
    page = show(open_page, "sampler", DATA)
    for name, text, message in (
        ("temperature τ", "-0.1", "from 0 to 3"),
        ("temperature τ", "3.5", "from 0 to 3"),
        ("top-k", "0", "from 1 to 12"),
        ("top-k", "13", "from 1 to 12"),
        ("top-k", "2.5", "from 1 to 12"),
        ("top-p", "0", "from 0.01 to 1"),
        ("top-p", "", "from 0.01 to 1"),
    ):
        refuses(page, f"{name}, typed", text, message)
        check(page)
    assert settings(page) == {"temperature": 1, "top_k": 12, "top_p": 1}


@at_widths
def test_fits_and_axe_finds_nothing(open_page, width, dark):
    page = show(open_page, "sampler", {**DATA, "top_p": 0.8}, width=width, dark=dark)
    press(page, "Draw 100")
    fits_and_axe_finds_nothing(page, width)
    low = page.eval_on_selector_all(
        ".lf-hit", "rows => Math.min(...rows.map(r => r.getBoundingClientRect().height))"
    )
    assert low >= 24


def test_shows_only_words_from_labels(open_page):
    data = {"tokens": ["1", "2"], "logits": [1, 2], "context": "3"}
    page = show_wordless(open_page, "sampler", data)
    page.locator("button").nth(1).click()
    assert words(page) == set()
