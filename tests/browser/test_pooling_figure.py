"""The pooling explorer, used by hand: every number equals PyTorch's."""

import pytest
import torch
from figures import cell, choose, close, drag, fill, marked, read, result, show, touch_drag
from torch.nn import functional

pytestmark = pytest.mark.browser


def reference_pool(x, mode, ties, kernel_size, stride):
    """PyTorch's own functions: amax over the unfolded windows splits ties, max_pool2d does not."""
    if mode == "average":
        return functional.avg_pool2d(x[None], kernel_size, stride)[0]
    if ties == "first":
        return functional.max_pool2d(x[None], kernel_size, stride)[0]
    rows, columns = (
        windows_in(n, k, s) for n, k, s in zip(x.shape, kernel_size, stride, strict=True)
    )
    return (
        functional.unfold(x[None, None], kernel_size, stride=stride)[0].amax(0).view(rows, columns)
    )


def windows_in(size, kernel_size, stride):
    return (size - kernel_size) // stride + 1


def check_pooling(page, mode, ties, kernel_size, stride):
    x = read(page, "input").requires_grad_()
    y = reference_pool(x, mode, ties, kernel_size, stride)
    grad = read(page, "grad_output")
    close(read(page, "output"), y.detach())
    expected = torch.autograd.grad(y, x, grad)[0]
    close(read(page, "grad_input"), expected)
    return expected


POOLS = [((2, 2), (2, 2)), ((2, 3), (1, 2)), ((3, 2), (1, 1)), ((1, 4), (3, 1))]


@pytest.mark.parametrize(("kernel_size", "stride"), POOLS)
def test_pooling_settings_by_the_fields(open_page, kernel_size, stride):
    page = show(open_page, "pooling")
    for name, values in (("kernel size", kernel_size), ("stride", stride)):
        for axis, value in zip(("rows", "columns"), values, strict=True):
            fill(page, f"{name}, {axis}", value)
    for preset in ("ties", "distinct"):
        choose(page, "input", preset)
        gradients = []
        for mode, ties in (("average", "first"), ("max", "first"), ("max", "split")):
            choose(page, "pooling", mode)
            if mode == "max":
                choose(page, "ties", ties)
            gradients.append(check_pooling(page, mode, ties, kernel_size, stride))
        differ = not torch.equal(gradients[1], gradients[2])
        assert differ == (preset == "ties"), "the policy matters where there are ties, only there"


def test_pooling_clicks_mark_the_winner_and_route_the_gradient(open_page):
    page = show(open_page, "pooling", {"select": (1, 1)})
    cell(page, "output", 0, 1).click()
    window = [(0, 2), (0, 3), (1, 2), (1, 3)]
    assert marked(page, "input", "lit") == window
    assert result(page, "output") == 5
    stars = [cell(page, "input", r, c).locator(".lf-sub").inner_text() for r, c in window]
    assert stars == ["", "★", "☆", "☆"]
    assert "receives the gradient" in cell(page, "input", 0, 3).get_attribute("aria-label")
    page.locator("[data-option=backward]").click()
    cell(page, "grad_output", 0, 1).click()
    grad = read(page, "grad_output")[0, 1].item()
    assert marked(page, "grad_input", "lit") == [(0, 3)]
    assert result(page, "grad_output") == grad
    choose(page, "ties", "split")
    assert marked(page, "grad_input", "lit") == [(0, 3), (1, 2), (1, 3)]
    assert result(page, "grad_output") == pytest.approx(grad / 3, abs=1e-6)
    cell(page, "input", 1, 2).click()
    assert result(page, "grad_input") == pytest.approx(grad / 3, abs=1e-6)
    assert marked(page, "grad_output", "lit") == [(0, 1)]


def test_pooling_by_keyboard_drag_and_touch(open_page):
    page = show(open_page, "pooling", {"view": "backward"}, width=390, touch=True)
    cell(page, "input", 0, 0).focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.type("7.5")
    page.keyboard.press("Enter")
    assert read(page, "input")[0, 1] == 7.5
    page.keyboard.press(" ")
    assert marked(page, "grad_input", "pick") == [(0, 1)]
    drag(page, cell(page, "grad_output", 1, 0), 33)
    check_pooling(page, "max", "first", (2, 2), (2, 2))
    cell(page, "input", 2, 5).scroll_into_view_if_needed()
    touch_drag(page, cell(page, "input", 2, 5), 41)
    assert read(page, "input")[2, 5] == 4.5
    page.get_by_label("stride, rows").fill("1")
    check_pooling(page, "max", "first", (2, 2), (1, 2))
    fill(page, "kernel size, rows", 5)
    assert "5×2" in page.locator(".lf-result").inner_text()
    assert page.locator("[data-grid=output]").count() == 0
