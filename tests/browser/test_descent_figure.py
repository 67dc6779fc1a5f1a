"""A valley and an optimiser in it, used by hand: every number equals PyTorch's."""

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
    refuses,
    show,
    show_wordless,
    words,
)

pytestmark = pytest.mark.browser

METHODS = ("gradient", "momentum", "nesterov", "adam", "sign")
DIALS = ("condition number", "rate times L", "momentum β")


def settings_of(page):
    """What the controls show."""
    found = [page.get_by_role("combobox", name="method").input_value()]
    for name in DIALS:
        typed = float(page.get_by_label(f"{name}, typed").input_value())
        assert float(page.get_by_role("slider", name=name, exact=True).input_value()) == typed
        found.append(typed)
    return found


def walked(method, kappa, rate, beta, steps=60):
    """The path by torch's optimisers: (steps + 1, 2)."""
    theta = double([-1.0, 0.25]).requires_grad_()
    lr, h = rate / kappa, double([1.0, kappa])
    if method == "adam":
        optimizer = torch.optim.Adam([theta], lr=lr, betas=(beta, 0.999))
    else:
        kept = beta if method in ("momentum", "nesterov") else 0.0
        nesterov = method == "nesterov" and beta > 0
        optimizer = torch.optim.SGD([theta], lr=lr, momentum=kept, nesterov=nesterov)
    path = [theta.detach().clone()]
    for _ in range(steps):
        theta.grad = h * theta.detach()
        if method == "sign":
            theta.grad = theta.grad.sign()
        optimizer.step()
        path.append(theta.detach().clone())
    return torch.stack(path)


def radius(method, kappa, rate, beta):
    """Largest absolute eigenvalue of one step on (theta, v), of both directions."""
    beta, found = 0.0 if method == "gradient" else beta, []
    for h in (1.0, kappa):
        x = rate * h / kappa
        ahead = beta if method == "nesterov" else 1.0
        now = x * (1 + beta) if method == "nesterov" else x
        # theta' = theta - lr (h theta [+ beta v']), v' = beta v + h theta, with w = lr v
        step = double([[1 - now, -ahead * beta], [x, beta]])
        found.append(torch.linalg.eigvals(step).abs().max().item())
    return max(found)


def check_descent(page):
    """Path, factor and text against PyTorch at the settings shown; returns the factor."""
    method, kappa, rate, beta = settings_of(page)
    path = walked(method, kappa, rate, beta)
    dots = page.eval_on_selector_all(
        "[data-grid=path]", "n => n.map(d => [+d.dataset.value, +d.dataset.across])"
    )
    inside = path.abs().amax(1) <= 1.15
    count = len(path) if inside.all() else int((~inside).int().argmax())
    assert len(dots) == count
    assert torch.allclose(double(dots), path[:count], rtol=1e-9, atol=1e-11)
    box = page.locator(".lf-result")
    data, text = box.evaluate("n => ({...n.dataset})"), box.inner_text()
    error = path[-1].norm().item()
    assert float(data["error"]) == pytest.approx(error, rel=1e-7, abs=1e-11)
    if method in ("adam", "sign"):
        assert data["result"] == "error" and data["formula"] == ""
        assert "no such factor" in text
        return None
    says = radius(method, kappa, rate, beta)
    # Equal roots are found to half of the digits, by eigenvalues.
    assert float(data["formula"]) == pytest.approx(says, abs=1e-6)
    assert float(data["value"]) == pytest.approx(says, rel=1e-3, abs=1e-3)
    assert ("grow" in text) == (float(data["value"]) > 1)
    return float(data["value"])


def test_descent_of_every_method_in_several_valleys(open_page):
    page = show(open_page, "descent")
    for method in METHODS:
        choose(page, "method", method)
        seen = set()
        for kappa, rate, beta in ((20, 1.8, 0.5), (3, 0.4, 0.9), (150, 2.3, 0.8), (7, 1, 0)):
            for name, value in zip(DIALS, (kappa, rate, beta), strict=True):
                fill(page, f"{name}, typed", value)
            seen.add(check_descent(page))
        assert len(seen) == (1 if method in ("adam", "sign") else 4)


def test_descent_best_settings_are_the_formulas(open_page):
    page = show(open_page, "descent", {"kappa": 100})
    for method, factor in (
        ("gradient", 99 / 101), ("momentum", 9 / 11), ("nesterov", 1 - 1 / 10)
    ):  # fmt: skip
        choose(page, "method", method)
        press(page, "Best settings")
        box = page.locator(".lf-result")
        data = box.evaluate("n => ({...n.dataset})")
        assert float(data["formula"]) == pytest.approx(factor, abs=1e-6)
        assert float(data["value"]) == pytest.approx(factor, abs=5e-4)
    press(page, "Reset")
    assert settings_of(page) == ["gradient", 100, 1.8, 0.5]
    check_descent(page)


def test_descent_grows_beyond_the_limit_and_not_below(open_page):
    page = show(open_page, "descent", {"method": "momentum", "beta": 0.5})
    fill(page, "rate times L, typed", 2.99)
    assert check_descent(page) < 1
    fill(page, "rate times L, typed", 3.01)
    assert check_descent(page) > 1
    choose(page, "method", "gradient")
    assert check_descent(page) == pytest.approx(2.01, abs=1e-3)


def test_descent_by_keyboard_alone(open_page):
    page = show(open_page, "descent")
    for name, keys in (
        ("method", ["ArrowDown"]),
        ("condition number", ["ArrowRight"] * 3),
        ("rate times L", ["ArrowLeft"] * 2),
        ("momentum β", ["ArrowRight"]),
    ):
        for _ in range(20):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement.ariaLabel") == name:
                break
        for key in keys:
            page.keyboard.press(key)
    method, *numbers = settings_of(page)
    assert method == "momentum"
    assert numbers == pytest.approx([23, 1.78, 0.51])
    assert math.isfinite(check_descent(page))
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"


def test_descent_bad_numbers_say_so(open_page):
    page = show(open_page, "descent")
    for name, text, message in (
        ("condition number", "0", "from 1 to 200"),
        ("rate times L", "5", "from 0.01 to 4"),
        ("momentum β", "1", "from 0 to 0.99"),
    ):
        refuses(page, f"{name}, typed", text, message)
        check_descent(page)


@at_widths
def test_descent_fits_and_axe_finds_nothing(open_page, width, dark):
    page = show(open_page, "descent", width=width, dark=dark)
    fits_and_axe_finds_nothing(page, width)


def test_descent_draws_anew_at_another_width(open_page):
    narrower(show(open_page, "descent", width=900))


def test_descent_shows_only_words_from_labels(open_page):
    """With every label replaced no English word is left, in the text or for a screen reader."""
    page = show_wordless(open_page, "descent")
    assert words(page) == set()
