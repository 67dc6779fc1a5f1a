"""Signal and gradient along a stack, used by hand: every number equals PyTorch's."""

import math

import pytest
import torch
import torch.nn.functional as F
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

from bigmodel_utils.live.figures.gradient_distance.figure import randoms

pytestmark = pytest.mark.browser

UNITS = 16
DIALS = {
    "blocks": "blocks",
    "scale": "variance of the weights, He = 1",
    "seed": "draw of the weights",
    "read": "read behind block",
}
DATA = {"blocks": 12, "skip": "residual"}


def settings_of(page):
    """What the controls show."""
    found = {}
    for key, name in DIALS.items():
        typed = float(page.get_by_label(f"{name}, typed").input_value())
        slider = page.get_by_role("slider", name=name, exact=True).input_value()
        assert float(slider) == pytest.approx(typed)
        found[key] = typed if key == "scale" else int(typed)
    found["skip"] = page.get_by_role("combobox", name="skip connection").input_value()
    pressed = page.locator("[aria-label='layer norm before each block'] [aria-pressed=true]")
    found["norm"] = pressed.get_attribute("data-option") == "with"
    return found


def mean_squares(blocks, scale, seed, skip, norm, **_):
    """By autograd: mean squares (blocks + 1,) of the signal and of the gradient."""
    numbers = double(randoms(seed, 2 * UNITS + 2 * blocks * UNITS**2)) * math.sqrt(3)
    x, upstream = numbers[: 2 * UNITS].view(2, UNITS)
    weights = numbers[2 * UNITS :].view(blocks, 2, UNITS, UNITS)
    weights = weights * math.sqrt(scale / UNITS)
    states = [x.clone().requires_grad_()]
    for w, a in weights:
        inner = F.layer_norm(states[-1], (UNITS,)) if norm else states[-1]
        hidden = F.linear(inner, w * math.sqrt(2)).relu()
        if skip == "plain":
            states.append(F.linear(hidden, a * math.sqrt(2)).relu())
        else:
            s = 1 if skip == "residual" else blocks**-0.5
            states.append(states[-1] + s * F.linear(hidden, a))
    gradients = torch.autograd.grad(states[-1], states, upstream)
    return [torch.stack([v.square().mean() for v in row]).detach() for row in (states, gradients)]


def average(signal, gradient, blocks, scale, skip, norm, **_):
    """Means over the weights by recursion, block by block; None where there is no formula."""
    v, s = scale**2, {"plain": None, "residual": 1, "scaled": blocks**-0.5}[skip]
    forward, back = [signal[0].item()], [gradient[-1].item()]
    for _ in range(blocks):
        entering = 1.0 if norm else forward[-1]
        forward.append(v * entering if s is None else forward[-1] + s**2 * v * entering)
        back.append(v * back[-1] if s is None else back[-1] + s**2 * v * back[-1])
    return forward, None if norm else back[::-1]


def check_stack(page):
    """Every dot and the line below against autograd, at the settings shown."""
    now = settings_of(page)
    signal, gradient = mean_squares(**now)
    torch.testing.assert_close(read(page, "signal")[0], signal, rtol=1e-8, atol=0)
    torch.testing.assert_close(read(page, "gradient")[0], gradient, rtol=1e-8, atol=0)
    place = now["read"]
    box = page.locator(".lf-result").evaluate("n => ({...n.dataset})")
    assert float(box["value"]) == pytest.approx(signal[place].item())
    assert float(box["gradient"]) == pytest.approx(gradient[place].item())
    forward, back = average(signal, gradient, **now)
    # The norm's small constant is not in the mean.
    assert float(box["mean"]) == pytest.approx(forward[place])
    assert (box["back"] == "") == now["norm"]
    if not now["norm"]:
        assert float(box["back"]) == pytest.approx(back[place])
    assert page.locator(".lf-mean").count() == (1 if now["norm"] else 2)
    heights = page.eval_on_selector_all(
        "[data-grid]", "n => n.map(c => [+c.dataset.value, +c.getAttribute('cy')])"
    )
    heights = sorted(h for h in heights if h[0] > 1e-30)
    assert [h[1] for h in heights] == sorted((h[1] for h in heights), reverse=True)
    return signal, gradient


@pytest.mark.parametrize("norm", ["without", "with"])
@pytest.mark.parametrize("skip", ["plain", "residual", "scaled"])
def test_stack_settings_by_the_controls(open_page, skip, norm):
    page = show(open_page, "stack")
    choose(page, "skip connection", skip)
    page.locator(f"[data-option={norm}]").click()
    seen = set()
    for blocks, scale, seed, place in ((1, 1, 1, 0), (15, 0.17, 2, 9), (40, 1.2, 7, 40)):
        for key, value in zip(DIALS, (blocks, scale, seed, place), strict=True):
            fill(page, f"{DIALS[key]}, typed", value)
        signal, gradient = check_stack(page)
        assert len(signal) == blocks + 1
        seen |= {signal[-1].item(), gradient[0].item()}
    assert len(seen) == 6


def test_stack_keeps_its_cursor_inside(open_page):
    page = show(open_page, "stack", DATA)
    assert settings_of(page)["read"] == 12
    fill(page, "blocks, typed", 5)
    assert settings_of(page)["read"] == 5
    check_stack(page)
    fill(page, "read behind block, typed", 3)
    fill(page, "blocks, typed", 30)
    assert settings_of(page)["read"] == 3
    check_stack(page)
    press(page, "Reset")
    assert settings_of(page) == dict(
        blocks=12, scale=1, seed=1, read=12, skip="residual", norm=False
    )


def test_stack_by_keyboard_alone(open_page):
    page = show(open_page, "stack", DATA)
    for name, keys in (
        ("skip connection", ["ArrowDown"]),
        ("blocks", ["ArrowRight"] * 3),
        ("variance of the weights, He = 1", ["ArrowLeft"] * 4),
        ("read behind block", ["Home", "ArrowRight", "ArrowRight"]),
    ):
        for _ in range(20):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement.ariaLabel") == name:
                break
        for key in keys:
            page.keyboard.press(key)
    now = settings_of(page)
    assert [now[k] for k in ("skip", "blocks", "scale", "read")] == ["scaled", 15, 0.96, 2]
    check_stack(page)
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"


def test_stack_by_mouse_and_touch(open_page):
    page = show(open_page, "stack", DATA)
    box = page.locator("[data-grid=signal][data-col='4']").bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + 40)
    assert settings_of(page)["read"] == 4
    check_stack(page)
    page = show(open_page, "stack", DATA, width=390, touch=True)
    box = page.locator("[data-grid=gradient][data-col='7']").bounding_box()
    page.touchscreen.tap(box["x"] + box["width"] / 2, box["y"] + 30)
    assert settings_of(page)["read"] == 7
    check_stack(page)


def test_stack_bad_numbers_say_so(open_page):
    page = show(open_page, "stack", DATA)
    for name, text, message in (
        (DIALS["blocks"], "41", "from 1 to 40"),
        (DIALS["scale"], "0", "from 0.05 to 2"),
        (DIALS["seed"], "1.5", "Only whole numbers"),
    ):
        refuses(page, f"{name}, typed", text, message)
        check_stack(page)


@at_widths
def test_stack_fits_and_axe_finds_nothing(open_page, width, dark):
    page = show(open_page, "stack", DATA, width=width, dark=dark)
    fits_and_axe_finds_nothing(page, width)


def test_stack_draws_anew_at_another_width(open_page):
    narrower(show(open_page, "stack", DATA, width=900))


def test_stack_shows_only_words_from_labels(open_page):
    """With every label replaced no English word is left, in the text or for a screen reader."""
    page = show_wordless(open_page, "stack", DATA)
    assert words(page) == set()
