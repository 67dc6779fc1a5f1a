"""Gradient against distance, used by hand: every number equals PyTorch's."""

import math

import pytest
import torch
from figures import (
    at_widths,
    double,
    fits_and_axe_finds_nothing,
    marked,
    narrower,
    press,
    read,
    refuses,
    show,
    show_wordless,
    words,
)
from torch import nn

from bigmodel_utils.live.figures.gradient_distance.figure import randoms

pytestmark = pytest.mark.browser

UNITS = 8


def matrix_of(name, rho):
    """The recurrent weights, made here from the generator and PyTorch's eigenvalues."""
    if name == "rotation":
        angles = double([0.4, 1.1, 1.9, 2.6])
        turns = torch.stack([angles.cos(), -angles.sin(), angles.sin(), angles.cos()], 1)
        return rho * torch.block_diag(*turns.view(4, 2, 2))
    weights = double(randoms(int(name[-1]), UNITS**2)).view(UNITS, UNITS)
    return rho * weights / torch.linalg.eigvals(weights).abs().max()


def distances(name, rho, window, activation, scale, steps):
    """By autograd: the gradient's length at every distance; the truncated gradient's error.

    Truncation is what a training loop does: the state before the window is detached.
    """
    numbers = double(randoms(100, UNITS * (steps + 2))).view(steps + 2, UNITS)
    h0, x, upstream = numbers[0], scale * numbers[1:-1], numbers[-1]
    rnn = nn.RNN(UNITS, UNITS, bias=False).double()
    with torch.no_grad():
        rnn.weight_ih_l0.copy_(torch.eye(UNITS))
        rnn.weight_hh_l0.copy_(matrix_of(name, rho))
    weight = rnn.weight_hh_l0

    def run(start, inputs):
        states = [start]
        for now in inputs:
            a = weight @ states[-1] + now
            states.append(torch.tanh(a) if activation == "tanh" else a)
        return states

    states = run(h0.clone().requires_grad_(), x)
    if activation == "tanh":
        torch.testing.assert_close(states[-1], rnn(x, h0[None])[0][-1])
    loss = states[-1] @ (upstream / upstream.norm())
    *found, full = torch.autograd.grad(loss, [*states[1:], weight])
    late = run(states[steps - window].detach(), x[steps - window :])[-1]
    cut = torch.autograd.grad(late @ (upstream / upstream.norm()), weight)[0]
    return torch.stack(found).norm(dim=1).flip(0), ((full - cut).norm() / full.norm()).item()


def settings_of(page):
    """What the controls show."""
    values = {}
    for key, name in (
        ("rho", "spectral radius ρ of U"),
        ("window", "window k (steps)"),
        ("scale", "size of the inputs"),
        ("distance", "distance d (steps)"),
    ):
        values[key] = float(page.get_by_role("slider", name=name, exact=True).input_value())
        typed = float(page.get_by_label(f"{name}, typed").input_value())
        assert typed == pytest.approx(values[key], abs=0.0501 if key == "scale" else 0.00501)
        values[key] = typed
    values["name"] = page.get_by_role("combobox", name="recurrent weights U").input_value()
    pressed = page.locator("[aria-label=activation] [aria-pressed=true]")
    values["activation"] = pressed.get_attribute("data-option")
    return values


def check_distance(page):
    """Every dot, the line and the result against autograd, at the settings shown."""
    now = settings_of(page)
    distance, window = int(now.pop("distance")), int(now.pop("window"))
    shown = read(page, "norm")[0]
    norms, bias = distances(window=window, steps=len(shown), **now)
    torch.testing.assert_close(shown, norms, rtol=1e-7, atol=0)
    box = page.locator(".lf-result")
    values = [float(box.get_attribute(f"data-{key}")) for key in ("value", "closed", "bias")]
    assert values == pytest.approx(
        [norms[distance].item(), now["rho"] ** distance, bias], rel=1e-6, abs=1e-12
    )
    assert (box.get_attribute("data-lost") == "true") == (distance >= window)
    assert ("zero" in box.inner_text()) == (distance >= window)
    exact = (now["name"], now["activation"]) == ("rotation", "linear")
    assert ("closed form" in box.inner_text()) == exact
    assert ("ρ to the power d:" in box.inner_text()) == (not exact)
    lost = [column for _, column in marked(page, "norm", "lost")]
    assert lost == list(range(window, len(shown)))
    assert (page.locator(".lf-hatch").count() > 0) == (window < len(shown))
    # A dot stands where the axis says: the rules are at every second power of ten.
    rules = page.eval_on_selector_all(".lf-rule", "n => n.map(r => Number(r.getAttribute('y1')))")
    rules.sort(reverse=True)
    per_power = (rules[0] - rules[1]) / 2
    dots = page.eval_on_selector_all(
        "[data-grid=norm]:not([visibility])",
        "n => n.map(d => [d.dataset.col, d.getAttribute('cx'), d.getAttribute('cy')].map(Number))",
    )
    assert dots
    for column, _, y in dots:
        power = -10 + (rules[0] - y) / per_power
        assert power == pytest.approx(norms[int(column)].log10().item(), abs=1e-6)
    if window < len(shown):
        edge = float(page.locator(".lf-edge").get_attribute("x1"))
        step = dots[1][1] - dots[0][1]
        assert edge == pytest.approx(dots[0][1] + (window - 0.5) * step)
    # The dashed line: from 1 at distance 0, a factor ρ a step.
    (x0, y0), (x1, y1) = (
        [float(v) for v in point.split()]
        for point in page.locator(".lf-closed").get_attribute("d")[1:].split("L")
    )
    drop = (y0 - y1) / per_power
    steps = (x1 - x0) / (dots[1][1] - dots[0][1])
    assert y0 == pytest.approx(rules[5])
    assert drop == pytest.approx(steps * math.log10(now["rho"]), abs=1e-6)
    return norms, bias


@pytest.mark.parametrize("activation", ["linear", "tanh"])
@pytest.mark.parametrize("matrix", ["rotation", "random 1", "random 2", "random 3"])
def test_gradient_distance_settings_by_the_controls(open_page, matrix, activation):
    page = show(open_page, "gradient-distance", {"steps": 30})
    page.get_by_role("combobox", name="recurrent weights U").select_option(matrix)
    page.locator(f"[data-option={activation}]").click()
    errors = []
    for rho, window, scale in ((0.45, 3, 0.3), (1.05, 12, 1.2), (1.5, 29, 0)):
        page.get_by_label("spectral radius ρ of U, typed").fill(str(rho))
        page.get_by_label("window k (steps), typed").fill(str(window))
        page.get_by_label("size of the inputs, typed").fill(str(scale))
        for distance in (window - 1, window):
            page.get_by_label("distance d (steps), typed").fill(str(distance))
            norms, bias = check_distance(page)
        errors.append(bias)
        exact = rho ** torch.arange(30).double()
        closed = (norms / exact - 1).abs().max() < 1e-9
        assert closed == ((matrix, activation) == ("rotation", "linear"))
    assert min(errors) > 1e-4, "a window must cost something here"


def test_gradient_distance_without_a_window_is_exact(open_page):
    page = show(open_page, "gradient-distance", {"rho": 1.2, "window": "all", "matrix": "random 2"})
    assert check_distance(page)[1] == 0
    assert "No window" in page.locator(".lf-result").inner_text()
    window = page.get_by_role("slider", name="window k (steps)", exact=True)
    assert window.get_attribute("aria-valuetext") == "all"
    window.focus()
    page.keyboard.press("ArrowLeft")
    assert window.get_attribute("aria-valuetext") == ""
    assert check_distance(page)[1] > 0
    assert "Window of 39 steps" in page.locator(".lf-result").inner_text()


def test_gradient_distance_by_keyboard_alone(open_page):
    page = show(open_page, "gradient-distance")
    for name, keys in (
        ("spectral radius ρ of U", ["ArrowRight"] * 3),
        ("window k (steps)", ["Home", "ArrowRight", "ArrowUp"]),
        ("distance d (steps)", ["End", "ArrowLeft"]),
    ):
        for _ in range(20):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement.ariaLabel") == name:
                break
        for key in keys:
            page.keyboard.press(key)
    now = settings_of(page)
    assert (now["rho"], now["window"], now["distance"]) == (0.93, 3, 38)
    check_distance(page)
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"


def test_gradient_distance_by_mouse_and_touch(open_page):
    page = show(open_page, "gradient-distance", {"window": 8})
    plot = page.locator(".lf-plot")
    places = [page.locator(f"[data-grid=norm][data-col='{d}']").bounding_box() for d in (4, 21)]
    (x, y), (to, _) = [(b["x"] + b["width"] / 2, b["y"] + b["height"] / 2) for b in places]
    page.mouse.move(x, y + 40)
    page.mouse.down()
    assert settings_of(page)["distance"] == 4
    page.mouse.move(to, y + 20, steps=3)
    page.mouse.up()
    page.mouse.move(x, y)
    assert settings_of(page)["distance"] == 21
    check_distance(page)
    press(page, "Reset")
    assert settings_of(page)["distance"] == 10
    page = show(open_page, "gradient-distance", {"window": 8}, width=390, touch=True)
    plot = page.locator(".lf-plot")
    assert plot.bounding_box()["width"] <= 390
    box = page.locator("[data-grid=norm][data-col='30']").bounding_box()
    page.touchscreen.tap(box["x"] + box["width"] / 2, box["y"] - 30)
    assert settings_of(page)["distance"] == 30
    check_distance(page)


def test_gradient_distance_bad_numbers_say_so(open_page):
    page = show(open_page, "gradient-distance", {"window": 8})
    for name, text, message in (
        ("spectral radius ρ of U", "1.6", "from 0.3 to 1.5"),
        ("spectral radius ρ of U", "", "from 0.3 to 1.5"),
        ("window k (steps)", "0", "from 1 to 40"),
        ("window k (steps)", "2.5", "Only whole steps"),
        ("distance d (steps)", "40", "from 0 to 39"),
    ):
        refuses(page, f"{name}, typed", text, message)
        check_distance(page)


DATA = {"window": 9}


@at_widths
def test_gradient_distance_fits_and_axe_finds_nothing(open_page, width, dark):
    page = show(open_page, "gradient-distance", DATA, width=width, dark=dark)
    fits_and_axe_finds_nothing(page, width)


def test_gradient_distance_draws_anew_at_another_width(open_page):
    narrower(show(open_page, "gradient-distance", DATA, width=900))


def test_gradient_distance_shows_only_words_from_labels(open_page):
    """With every label replaced no English word is left, in the text or for a screen reader."""
    page = show_wordless(open_page, "gradient-distance", DATA)
    assert words(page) - {"tanh"} == set()
