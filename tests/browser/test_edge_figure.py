"""A chain of two weights at the edge of stability, used by hand: every number equals PyTorch's."""

import pytest
import torch
from figures import (
    at_widths,
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

pytestmark = pytest.mark.browser

DIALS = ("rate η", "start a", "start b", "step shown")
STEPS, FAR = 80, 50


def settings_of(page):
    """What the controls show."""
    found = []
    for name in DIALS:
        typed = float(page.get_by_label(f"{name}, typed").input_value())
        assert float(page.get_by_role("slider", name=name, exact=True).input_value()) == typed
        found.append(typed)
    return found


def loss_of(w):
    return (w.prod() - 1) ** 2 / 2


def walked(rate, a, b):
    """Weights (steps, 2), losses and sharpness (steps,) by torch.optim.SGD and autograd."""
    w = double([a, b]).requires_grad_()
    optimizer = torch.optim.SGD([w], lr=rate)
    path, losses, sharpness = [], [], []
    for _ in range(STEPS + 1):
        if not w.detach().abs().max() <= FAR:
            break
        path.append(w.detach().clone())
        losses.append(loss_of(w).item())
        H = torch.autograd.functional.hessian(loss_of, w.detach())
        sharpness.append(torch.linalg.eigvalsh(H)[-1].item())
        optimizer.zero_grad()
        loss_of(w).backward()
        optimizer.step()
    return torch.stack(path), double(losses), double(sharpness)


def check_edge(page):
    """Path, sharpness and text against PyTorch at the settings shown; returns them."""
    rate, a, b, step = settings_of(page)
    path, losses, sharpness = walked(rate, a, b)
    assert torch.allclose(read(page, "sharpness")[0], sharpness, rtol=1e-6, atol=1e-9)
    shown = page.eval_on_selector_all("[data-grid=sharpness]", "n => n.map(d => +d.dataset.loss)")
    assert torch.allclose(double(shown), losses, rtol=1e-6, atol=1e-9)
    dots = page.eval_on_selector_all(
        "[data-grid=path]", "n => n.map(d => [+d.dataset.value, +d.dataset.other])"
    )
    inside = path.abs().amax(1) <= 3.9
    count = len(path) if inside.all() else int((~inside).int().argmax())
    assert len(dots) == count
    if count:
        assert torch.allclose(double(dots), path[:count], rtol=1e-6, atol=1e-9)
    box = page.locator(".lf-result")
    data, text = box.evaluate("n => ({...n.dataset})"), box.inner_text()
    k = min(int(step), len(path) - 1)
    assert data["result"] == "sharpness" and f"Step {k}:" in text
    assert float(data["value"]) == pytest.approx(sharpness[k].item(), rel=1e-6)
    assert float(data["loss"]) == pytest.approx(losses[k].item(), rel=1e-6, abs=1e-9)
    assert float(data["limit"]) == pytest.approx(2 / rate)
    imbalance = (path[k, 0] ** 2 - path[k, 1] ** 2).item()
    assert float(data["imbalance"]) == pytest.approx(imbalance, rel=1e-6, abs=1e-9)
    assert ("Above" in text) == (float(data["value"]) > 2 / rate)
    assert ("infinity" in text) == (len(path) <= STEPS)
    assert int(data["last"]) == len(path) - 1
    # Where the loss has settled, its last digits go up or down as they like.
    rises, moving = int(data["rises"]), losses[1:] > losses[:-1]
    clear = (losses[1:] - losses[:-1]).abs() > 1e-12
    assert int((moving & clear).sum()) <= rises <= int((moving | ~clear).sum())
    # The dashed line lies where the scale of two dots puts it.
    line = page.locator(".lf-edge-limit")
    assert line.count() == (2 / rate <= 12)
    if line.count() and sharpness.max() <= 12 and sharpness.max() > sharpness.min() + 0.5:
        high, low = int(sharpness.argmax()), int(sharpness.argmin())
        ys = page.eval_on_selector_all(
            "[data-grid=sharpness]", "n => n.map(d => +d.getAttribute('cy'))"
        )
        per = (ys[high] - ys[low]) / (sharpness[high] - sharpness[low]).item()
        y = float(line.get_attribute("y1"))
        assert ys[low] + per * (2 / rate - sharpness[low].item()) == pytest.approx(y, abs=0.05)
    return path, losses, sharpness


def test_edge_at_several_rates_and_starts(open_page):
    page = show(open_page, "edge")
    for rate, a, b, step in (
        (0.2, 3, 0.1, 80), (0.24, 2.9, 0.35, 80), (0.25, 3, 0.1, 7), (0.9, 1.5, 0.3, 12),
        (0.05, -2, 0.5, 40), (1.1, 3, 0.1, 80), (0.5, 0, 0, 3), (1.2, 3.5, 3.5, 80),
    ):  # fmt: skip
        for name, value in zip(DIALS, (rate, a, b, step), strict=True):
            fill(page, f"{name}, typed", value)
        assert settings_of(page) == [rate, a, b, step]
        check_edge(page)


def test_edge_shows_what_the_page_says(open_page):
    page = show(open_page, "edge")
    _, losses, sharpness = check_edge(page)
    assert sharpness[-1] > 8.5 and losses[-1] < 1e-6
    fill(page, "rate η, typed", 0.25)
    _, losses, sharpness = check_edge(page)
    assert 7.4 < sharpness[-1] < 7.5 and (losses[1:] > losses[:-1]).sum() > 20
    fill(page, "rate η, typed", 0.4)
    _, losses, sharpness = check_edge(page)
    assert 1.99 < sharpness[-1] < 2.01
    fill(page, "rate η, typed", 0.5)
    assert len(check_edge(page)[0]) < 20
    press(page, "Reset")
    assert settings_of(page) == [0.2, 2.9, 0.35, 80]


def test_edge_by_keyboard_alone(open_page):
    page = show(open_page, "edge")
    for name, keys in (
        ("rate η", ["ArrowRight"] * 3),
        ("start a", ["ArrowLeft"] * 4),
        ("start b", ["ArrowRight"]),
        ("step shown", ["Home", "ArrowRight", "ArrowRight"]),
    ):
        for _ in range(20):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement.ariaLabel") == name:
                break
        for key in keys:
            page.keyboard.press(key)
    assert settings_of(page) == pytest.approx([0.23, 2.7, 0.4, 2])
    check_edge(page)
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"


def test_edge_bad_numbers_say_so(open_page):
    page = show(open_page, "edge")
    for name, text, message in (
        ("rate η", "2", "from 0.02 to 1.2"),
        ("start a", "4", "from -3.5 to 3.5"),
        ("start b", "-9", "from -3.5 to 3.5"),
        ("step shown", "81", "from 0 to 80"),
    ):
        refuses(page, f"{name}, typed", text, message)
        check_edge(page)


@at_widths
def test_edge_fits_and_axe_finds_nothing(open_page, width, dark):
    page = show(open_page, "edge", width=width, dark=dark)
    fits_and_axe_finds_nothing(page, width)


def test_edge_draws_anew_at_another_width(open_page):
    narrower(show(open_page, "edge", width=900))


def test_edge_shows_only_words_from_labels(open_page):
    """With every label replaced no English word is left, in the text or for a screen reader."""
    page = show_wordless(open_page, "edge")
    assert words(page) == set()
