"""LoRA's numbers and bytes, used by hand: every one equals what PyTorch's objects hold."""

import pytest
import torch
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

from bigmodel_utils.adaptation import LoRALinear

pytestmark = pytest.mark.browser
DIALS = ("inputs of a layer", "outputs of a layer", "such layers", "rank")


def settings_of(page):
    found = []
    for name in DIALS:
        typed = int(page.get_by_label(f"{name}, typed").input_value())
        assert int(page.get_by_role("slider", name=name, exact=True).input_value()) == typed
        found.append(typed)
    return found


def kept(layer, trained):
    """Numbers trained; bytes of weights, gradients and moments of Adam after one real step."""
    weights = sum(p.numel() * 4 for p in layer.parameters())
    for p in trained:
        p.grad = torch.ones_like(p)
    moments = 0
    if trained:
        adam = torch.optim.Adam(trained)
        adam.step()
        state = [adam.state[p] for p in trained]
        moments = sum(4 * one[key].numel() for one in state for key in ("exp_avg", "exp_avg_sq"))
    count = sum(p.numel() for p in trained)
    return [count, weights, 4 * count, moments, weights + 4 * count + moments]


def check(page):
    """The table against layers that are made and take a step; returns the settings."""
    inputs, outputs, layers, rank = settings_of(page)
    plain = torch.nn.Linear(inputs, outputs, bias=False)
    rows = [kept(plain, list(plain.parameters()))]
    plain = torch.nn.Linear(inputs, outputs, bias=False)
    lora = LoRALinear(plain, rank)
    rows += [kept(lora, [lora.a, lora.b]), kept(lora.merged(), [])]
    expected = layers * torch.tensor(rows).double()
    assert torch.equal(read(page, "cost"), expected)
    assert torch.equal(read(page, "bar"), expected[:2, 1:4])
    data = page.locator(".lf-result").evaluate("n => ({...n.dataset})")
    assert float(data["value"]) == pytest.approx((expected[1, 0] / expected[0, 0]).item())
    assert float(data["memory"]) == pytest.approx((expected[1, 4] / expected[0, 4]).item())
    widths = page.eval_on_selector_all(
        "[data-grid=bar]", "n => n.map(b => +b.getAttribute('width'))"
    )
    bars = expected[:2, 1:4].flatten()
    drawn = torch.tensor(widths, dtype=torch.float64)
    torch.testing.assert_close(drawn / drawn.sum(), bars / bars.sum(), atol=1e-9, rtol=1e-9)
    return inputs, outputs, layers, rank


def test_adapter_at_several_sizes(open_page):
    page = show(open_page, "adapter", {"inputs": 30, "outputs": 50, "layers": 3, "rank": 2})
    assert check(page) == (30, 50, 3, 2)
    assert "From rank 19 on" in page.locator(".lf-result").inner_text()
    for name, value in zip(DIALS, (64, 7, 11, 5), strict=True):
        fill(page, f"{name}, typed", value)
    assert check(page) == (64, 7, 11, 5)
    fill(page, "rank, typed", 9)
    assert "above 7" in page.locator(".lf-result").inner_text()
    press(page, "Reset")
    assert check(page) == (30, 50, 3, 2)


def test_adapter_by_keyboard_alone(open_page):
    page = show(open_page, "adapter", {"inputs": 30, "outputs": 50, "layers": 3, "rank": 2})
    for name, keys in (("such layers", ["ArrowRight"] * 2), ("rank", ["ArrowRight"] * 3)):
        for _ in range(20):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement.ariaLabel") == name:
                break
        for key in keys:
            page.keyboard.press(key)
    assert check(page) == (30, 50, 5, 5)
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"


def test_adapter_bad_numbers_say_so(open_page):
    page = show(open_page, "adapter", {"inputs": 30, "outputs": 50, "layers": 3, "rank": 2})
    for name, text, message in (
        ("rank", "0", "from 1 to 512"),
        ("such layers", "2.5", "Only whole numbers"),
        ("inputs of a layer", "20000", "from 1 to 16384"),
    ):
        refuses(page, f"{name}, typed", text, message)


@at_widths
def test_adapter_fits_and_axe_finds_nothing(open_page, width, dark):
    page = show(open_page, "adapter", width=width, dark=dark)
    fits_and_axe_finds_nothing(page, width)


def test_adapter_draws_anew_at_another_width(open_page):
    narrower(show(open_page, "adapter", width=900))


def test_adapter_shows_only_words_from_labels(open_page):
    page = show_wordless(open_page, "adapter")
    assert words(page) == set()
