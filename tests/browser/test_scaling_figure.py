"""A budget of FLOPs, used by hand: every number equals what PyTorch finds by searching."""

import pytest
import torch
from figures import (
    at_widths,
    choose,
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

from bigmodel_utils.live import _figure

pytestmark = pytest.mark.browser

DEFAULTS = _figure.modules()["scaling"].schema({})
DIALS = {
    "budget": "budget in FLOPs, power of ten",
    "size": "parameters, powers of two from the best",
    "utilisation": "used share of the peak",
    "machines": "devices, power of ten",
    "price": "dollars for a device-hour",
}


def settings_of(page):
    """What the controls show."""
    found = {}
    for key, name in DIALS.items():
        typed = page.get_by_label(f"{name}, typed").input_value()
        slider = page.get_by_role("slider", name=name, exact=True).input_value()
        assert float(slider) == pytest.approx(float(typed))
        found[key] = float(typed)
    for key in ("law", "device"):
        name = {"law": "law", "device": "kind of device"}[key]
        chosen = int(page.get_by_role("combobox", name=name).input_value())
        found[key] = DEFAULTS[f"{key}s"][chosen]
    return found


def lowest(law, flops):
    """The logarithm of the best size, by halving where the slope of the loss changes sign."""
    _, E, A, B, alpha, beta = law
    low, high = 0.0, 80.0
    for _ in range(100):
        size = torch.tensor((low + high) / 2, dtype=torch.float64, requires_grad=True)
        n = size.exp()
        loss = E + A * n**-alpha + B * (flops / 6 / n) ** -beta
        (slope,) = torch.autograd.grad(loss, size)
        low, high = (size.item(), high) if slope < 0 else (low, size.item())
    return torch.tensor((low + high) / 2, dtype=torch.float64)


def check_plan(page):
    """Compare the figure with PyTorch; returns the size and the tokens shown."""
    now = settings_of(page)
    _, E, A, B, alpha, beta = now["law"]
    flops = 10 ** now["budget"]
    best = lowest(now["law"], flops).exp().item()
    n = best * 2 ** now["size"]
    tokens = flops / 6 / n
    data = page.locator(".lf-result").evaluate("n => ({...n.dataset})")
    assert read(page, "best").item() == pytest.approx(best, rel=1e-6)
    assert float(data["value"]) == pytest.approx(n, rel=1e-6)
    assert float(data["tokens"]) == pytest.approx(tokens, rel=1e-6)
    loss = E + A * n**-alpha + B * tokens**-beta
    floor = E + A * best**-alpha + B * (flops / 6 / best) ** -beta
    assert float(data["loss"]) == pytest.approx(loss, rel=1e-9)
    assert float(data["more"]) == pytest.approx(loss - floor, abs=1e-9)
    hours = flops / (now["device"][1] * now["utilisation"]) / 3600
    assert float(data["cost"]) == pytest.approx(hours * now["price"], rel=1e-9)
    seconds = hours * 3600 / 10 ** now["machines"]
    assert float(data["seconds"]) == pytest.approx(seconds, rel=1e-9)
    text = page.locator(".lf-result").inner_text()
    assert ("the lowest at this budget" in text) and (("more than" in text) == (now["size"] != 0))
    ring, dot = (page.locator(f"[data-figure=scaling] {c}") for c in (".lf-yours", ".lf-lowest"))
    right = float(ring.get_attribute("cx")) - float(dot.get_attribute("cx"))
    assert (right > 0) == (now["size"] > 0) and (right < 0) == (now["size"] < 0)
    above = float(dot.get_attribute("cy")) - float(ring.get_attribute("cy"))
    assert above >= 0
    return n, tokens


def test_scaling_by_its_controls(open_page):
    page = show(open_page, "scaling")
    before = check_plan(page)
    for law, device in (("1", "0"), ("0", "1")):
        choose(page, "law", law)
        choose(page, "kind of device", device)
        for values in ((9.5, -2.25, 0.5, 0, 0.5), (26.1, 3, 0.35, 4.5, 12.5)):
            for name, value in zip(DIALS.values(), values, strict=True):
                fill(page, f"{name}, typed", value)
            check_plan(page)
    press(page, "Reset")
    assert check_plan(page) == before


def test_the_printed_law_wants_five_times_the_tokens_of_its_correction(open_page):
    page = show(open_page, "scaling")
    fill(page, f"{DIALS['budget']}, typed", 23.8)
    n, tokens = check_plan(page)
    choose(page, "law", "1")
    m, more = check_plan(page)
    assert 4 < (more / m) / (tokens / n) < 6


def test_scaling_by_a_drag_on_the_curve(open_page):
    page = show(open_page, "scaling")
    box = page.locator("[data-figure=scaling] .lf-plots svg").bounding_box()
    page.mouse.click(box["x"] + 0.25 * box["width"], box["y"] + 0.5 * box["height"])
    assert settings_of(page)["size"] < 0
    check_plan(page)


def test_scaling_by_keyboard_alone(open_page):
    page = show(open_page, "scaling")
    for name, keys in (
        (DIALS["budget"], ["ArrowRight"] * 2),
        (DIALS["size"], ["ArrowLeft"]),
        (DIALS["price"], ["Home"]),
    ):
        for _ in range(25):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement.ariaLabel") == name:
                break
        for key in keys:
            page.keyboard.press(key)
    now = settings_of(page)
    assert (now["budget"], now["size"], now["price"]) == (24, -0.25, 0)
    check_plan(page)


def test_scaling_by_touch(open_page):
    page = show(open_page, "scaling", width=390, touch=True)
    box = page.locator("[data-figure=scaling] .lf-plots svg").bounding_box()
    page.touchscreen.tap(box["x"] + 0.8 * box["width"], box["y"] + 0.5 * box["height"])
    assert settings_of(page)["size"] > 0
    check_plan(page)


def test_scaling_bad_numbers_say_so(open_page):
    page = show(open_page, "scaling")
    for key, text, message in (
        ("budget", "5", "from 6 to 28"),
        ("size", "7", "from -5 to 5"),
        ("utilisation", "2", "from 0.05 to 1"),
        ("price", "", "from 0 to 20"),
    ):
        refuses(page, f"{DIALS[key]}, typed", text, message)
        check_plan(page)


@at_widths
def test_scaling_fits_and_axe_finds_nothing(open_page, width, dark):
    fits_and_axe_finds_nothing(show(open_page, "scaling", width=width, dark=dark), width)


def test_scaling_draws_anew_at_another_width(open_page):
    narrower(show(open_page, "scaling", width=900))


def test_scaling_shows_only_words_from_labels(open_page):
    own = {"laws": [("1", 1, 1, 1, 1, 1)], "devices": [("1", 1e9)], "device": 0}
    page = show_wordless(open_page, "scaling", own)
    assert words(page) == set()
