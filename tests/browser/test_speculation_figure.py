"""Drafts and their acceptance, used by hand: every number equals PyTorch's."""

import pytest
import torch
from figures import (
    at_widths,
    close,
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

TOKENS = ("A", "B", "C", "D")


def weights(page, side):
    """The weights of one distribution as sliders and fields show them, float64."""
    press(page, {"p": "target p", "q": "draft q"}[side])
    found = []
    for token in TOKENS:
        name = f"weight of {token}"
        typed = float(page.get_by_label(f"{name}, typed").input_value())
        assert float(page.get_by_role("slider", name=name, exact=True).input_value()) == typed
        found.append(typed)
    return torch.tensor(found).double()


def gains(a, cost):
    """Tokens a step and the gain for 0 to 16 drafts, by adding up chances."""
    tokens = torch.cumsum(a ** torch.arange(17).double(), 0)
    return tokens, tokens / (1 + cost * torch.arange(17).double())


def check(page):
    """Bars and result against PyTorch at the settings shown; returns the share accepted."""
    p, q = (weights(page, side) for side in ("p", "q"))
    p, q = p / p.sum(), q / q.sum()
    close(read(page, "target")[0], p)
    close(read(page, "draft")[0], q)
    close(read(page, "both")[0], torch.minimum(p, q))
    a = 1 - torch.linalg.vector_norm(p - q, 1) / 2  # one less the total variation
    over = torch.nn.functional.relu(p - q)
    close(read(page, "residual")[0], over / over.sum() if over.sum() > 1e-9 else over)
    data = page.locator(".lf-result").evaluate("n => ({...n.dataset})")
    assert data["result"] == "acceptance"
    assert float(data["value"]) == pytest.approx(a.item(), abs=1e-9)
    k = int(page.get_by_label("drafts a step, k, typed").input_value())
    cost = float(page.get_by_label("cost of a draft, τ, typed").input_value())
    tokens, speed = gains(a, cost)
    assert float(data["tokens"]) == pytest.approx(tokens[k].item(), abs=1e-9)
    assert float(data["speed"]) == pytest.approx(speed[k].item(), abs=1e-9)
    best = int(data["best"])
    assert speed[best] == pytest.approx(speed.max().item(), abs=1e-9)
    text = page.locator(".lf-result").inner_text()
    assert ("every draft is accepted" in text) == bool(over.sum() < 1e-9)
    return a.item()


def test_speculation_at_many_settings(open_page):
    page, seen = show(open_page, "speculation"), set()
    for p, q, k, cost in (
        ((5, 3, 1, 1), (2, 4, 3, 1), 4, 0.05), ((1, 0, 0, 0), (0, 1, 1, 0), 3, 0.2),
        ((2, 4, 6, 8), (1, 2, 3, 4), 16, 0), ((0.5, 10, 0, 3), (7, 7.5, 1, 0), 0, 1),
        ((9, 1, 0, 0), (8, 1, 1, 0), 7, 0.33),
    ):  # fmt: skip
        for name, values in (("target p", p), ("draft q", q)):
            press(page, name)
            for token, value in zip(TOKENS, values, strict=True):
                fill(page, f"weight of {token}, typed", value)
        fill(page, "drafts a step, k, typed", k)
        fill(page, "cost of a draft, τ, typed", cost)
        seen.add(round(check(page), 6))
    assert len(seen) == 5 and {0, 1} <= seen


def test_speculation_by_keyboard_alone(open_page):
    page = show(open_page, "speculation")
    for name, keys in (
        ("weight of A", ["ArrowRight"] * 2),
        ("drafts a step, k", ["End", "ArrowLeft"]),
        ("cost of a draft, τ", ["Home", "ArrowRight"]),
    ):
        for _ in range(30):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement.ariaLabel") == name:
                break
        for key in keys:
            page.keyboard.press(key)
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
    assert page.get_by_label("drafts a step, k, typed").input_value() == "15"
    assert page.get_by_label("cost of a draft, τ, typed").input_value() == "0.01"
    assert weights(page, "q").tolist() == [3, 4, 1, 3]
    check(page)
    press(page, "Reset")
    assert weights(page, "q").tolist() == [2, 4, 1, 3]
    check(page)


@pytest.mark.parametrize("phone", [False, True])
def test_speculation_by_mouse_and_touch(open_page, phone):
    page = show(open_page, "speculation", **({"width": 390, "touch": True} if phone else {}))
    plot = page.locator(".lf-plots svg").nth(1)
    plot.scroll_into_view_if_needed()
    box = plot.bounding_box()
    place = box["x"] + 44 + (box["width"] - 54) * 0.75, box["y"] + 100
    page.touchscreen.tap(*place) if phone else page.mouse.click(*place)
    assert page.get_by_label("drafts a step, k, typed").input_value() == "12"
    check(page)


def test_speculation_bad_numbers_say_so(open_page):
    page = show(open_page, "speculation")
    for name, text, message in (
        ("weight of A", "11", "from 0 to 10"),
        ("drafts a step, k", "2.5", "a whole number"),
        ("cost of a draft, τ", "1.5", "from 0 to 1"),
    ):
        refuses(page, f"{name}, typed", text, message)
        check(page)
    for token in TOKENS:
        fill(page, f"weight of {token}, typed", 0)
    assert "raise one" in page.locator(".lf-result").inner_text()
    fill(page, "weight of B, typed", 2)
    assert check(page) == pytest.approx(0.3)


@at_widths
def test_speculation_fits_and_axe_finds_nothing(open_page, width, dark):
    page = show(open_page, "speculation", width=width, dark=dark)
    fits_and_axe_finds_nothing(page, width)


def test_speculation_draws_anew_at_another_width(open_page):
    narrower(show(open_page, "speculation", width=900))


def test_speculation_shows_only_words_from_labels(open_page):
    """With every label replaced no English word is left, in the text or for a screen reader."""
    page = show_wordless(open_page, "speculation")
    assert words(page) == set()
