"""The planner, used by hand: its numbers equal those of a model that is built and counted."""

import pytest
import torch
from figures import (
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

from bigmodel_utils import accounting
from bigmodel_utils.live import _figure
from bigmodel_utils.models import GPT

pytestmark = pytest.mark.browser

DEVICES = _figure.modules()["planner"].schema({})["devices"]
DIALS = {
    "layers": "layers L",
    "width": "width d",
    "rows": "rows in a batch b",
    "positions": "positions in a row t",
    "tokens": "training tokens D, power of ten",
    "utilisation": "share of the peak",
}


def settings_of(page):
    """What the controls show."""
    found = {}
    for key, name in DIALS.items():
        typed = page.get_by_label(f"{name}, typed").input_value()
        slider = page.get_by_role("slider", name=name, exact=True).input_value()
        assert float(slider) == pytest.approx(float(typed))
        found[key] = float(typed)
    for name in ("precision", "attention"):
        pressed = page.locator(f"[aria-label={name}] [aria-pressed=true]")
        found[name] = pressed.get_attribute("data-option")
    found["device"] = DEVICES[int(page.get_by_role("combobox", name="device").input_value())]
    return found


def check_plan(page):
    """Compare the figure with a model on the meta device, counted; returns the bytes."""
    now = settings_of(page)
    L, d, b, t = (int(now[key]) for key in ("layers", "width", "rows", "positions"))
    with torch.device("meta"):
        model = GPT(50_257, context=t, d_model=d, num_layers=L, num_heads=d // 64)
    report = accounting.predict(model, (1, t))
    mixed, plain = now["precision"] == "mixed", now["attention"] == "plain"
    _, float32, bfloat16, memory, watts = now["device"]
    data = page.locator(".lf-result").evaluate("n => ({...n.dataset})")
    assert int(data["value"]) == report.params
    flops = 3 * report.flops / t * 10 ** now["tokens"]
    assert float(data["flops"]) == pytest.approx(flops, rel=1e-9)
    seconds = flops / (now["utilisation"] * (bfloat16 if mixed else float32))
    assert float(data["seconds"]) == pytest.approx(seconds, rel=1e-9)
    assert float(data["joules"]) == pytest.approx(seconds * watts, rel=1e-9)
    pairs = d // 64 * (2 * t if plain else 1)
    kept = b * t * (L * (18 * d + 2 + pairs) + 3 * d + 1 + 50_257)
    pieces, logits = [(6 if mixed else 4), 4, 8], b * t * 50_257
    expected = [report.params * piece for piece in pieces]
    expected.append(kept * 2 + logits * 2 if mixed else kept * 4)
    expected += [logits * (10 if mixed else 12), memory]
    shown = read(page, "bytes")[:, 0].tolist()
    assert shown == pytest.approx(expected, rel=1e-12)
    assert float(data["need"]) == pytest.approx(sum(expected[:5]), rel=1e-12)
    assert (data["fits"] == "true") == (sum(expected[:5]) <= memory)
    text = page.locator(".lf-result").inner_text()
    assert ("does not fit" in text) == (data["fits"] == "false")
    return shown


def test_planner_by_its_controls(open_page):
    page = show(open_page, "planner")
    bytes_before = check_plan(page)
    for precision, attention, device in (("float32", "plain", "2"), ("mixed", "fused", "0")):
        page.locator(f"[data-option={precision}]").click()
        page.locator(f"[data-option={attention}]").click()
        choose(page, "device", device)
        for values in ((3, 128, 2, 32, 7.5, 0.5), (24, 1024, 16, 2048, 11.2, 1)):
            for name, value in zip(DIALS.values(), values, strict=True):
                fill(page, f"{name}, typed", value)
            check_plan(page)
    press(page, "Reset")
    assert check_plan(page) == bytes_before


def test_planner_says_when_it_does_not_fit(open_page):
    page = show(open_page, "planner", {"device": 0})
    assert "it fits" in page.locator(".lf-result").inner_text()
    page.locator("[data-option=float32]").click()
    page.locator("[data-option=plain]").click()
    check_plan(page)
    assert "does not fit" in page.locator(".lf-result").inner_text()


def test_planner_by_keyboard_alone(open_page):
    page = show(open_page, "planner")
    for name, keys in (
        ("layers L", ["ArrowRight"] * 2),
        ("width d", ["ArrowLeft"]),
        ("share of the peak", ["End", "ArrowLeft"]),
    ):
        for _ in range(25):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement.ariaLabel") == name:
                break
        for key in keys:
            page.keyboard.press(key)
    now = settings_of(page)
    assert (now["layers"], now["width"], now["utilisation"]) == (14, 704, 0.95)
    check_plan(page)


def test_planner_by_touch(open_page):
    page = show(open_page, "planner", width=390, touch=True)
    page.locator("[data-option=plain]").tap()
    assert settings_of(page)["attention"] == "plain"
    check_plan(page)


def test_planner_bad_numbers_say_so(open_page):
    page = show(open_page, "planner")
    for key, text, message in (
        ("layers", "0", "from 1 to 128"),
        ("layers", "2.5", "Only whole numbers"),
        ("width", "20000", "from 64 to 16384"),
        ("tokens", "15", "from 6 to 14"),
    ):
        refuses(page, f"{DIALS[key]}, typed", text, message)
        check_plan(page)


@pytest.mark.parametrize(("width", "dark"), [(390, True), (900, False), (320, False)])
def test_planner_fits_and_axe_finds_nothing(open_page, width, dark):
    fits_and_axe_finds_nothing(show(open_page, "planner", width=width, dark=dark), width)


def test_planner_draws_anew_at_another_width(open_page):
    narrower(show(open_page, "planner", width=900))


def test_planner_shows_only_words_from_labels(open_page):
    page = show_wordless(open_page, "planner", {"devices": [("1", 1e9, 1e9, 1e9, 1)], "device": 0})
    assert words(page) - {"kWh"} == set()
