"""The convolution explorer, used by hand: every number equals PyTorch's."""

import pytest
import torch
from figures import (
    cell,
    check_convolution,
    close,
    drag,
    fill,
    fits_and_axe_finds_nothing,
    marked,
    press,
    read,
    result,
    show,
    tap,
    touch_drag,
)
from torch.nn import functional

pytestmark = pytest.mark.browser

SETTINGS = [
    # kernel, stride, padding, dilation
    ((3, 2), (1, 1), (0, 0), (1, 1)),
    ((3, 2), (2, 1), (1, 2), (1, 1)),
    ((2, 4), (1, 3), (0, 1), (2, 1)),
    ((4, 1), (3, 1), (2, 1), (1, 3)),
]


@pytest.mark.parametrize(("kernel", "stride", "padding", "dilation"), SETTINGS)
def test_convolution_settings_by_the_fields(open_page, kernel, stride, padding, dilation):
    torch.manual_seed(0)
    data = {"input": torch.randn(6, 7), "kernel": torch.randn(4, 4)}
    page = show(open_page, "convolution", data)
    for name, values in (
        ("kernel size", kernel),
        ("stride", stride),
        ("padding", padding),
        ("dilation", dilation),
    ):
        for axis, value in zip(("rows", "columns"), values, strict=True):
            fill(page, f"{name}, {axis}", value)
    assert read(page, "kernel").shape == kernel
    check_convolution(page, stride, padding, dilation)


def test_convolution_forward_click_shows_products(open_page):
    page = show(open_page, "convolution", {"stride": (2, 1), "padding": (0, 1), "dilation": (1, 2)})
    cell(page, "output", 1, 3).click()
    x, w = read(page, "input"), read(page, "kernel")
    y = functional.conv2d(
        x[None, None], w[None, None], stride=(2, 1), padding=(0, 1), dilation=(1, 2)
    )[0, 0]
    assert result(page, "output") == pytest.approx(y[1, 3].item(), abs=1e-6)
    assert marked(page, "output", "pick") == [(1, 3)]
    assert marked(page, "input", "lit") == [(r, c) for r in (2, 3, 4) for c in (2, 4)]
    text = page.locator(".lf-result").inner_text()
    products = " + ".join(
        f"{x[2 + u, 2 + 2 * v]:.0f}×{f'{w[u, v]:.0f}' if w[u, v] >= 0 else f'(−{-w[u, v]:.0f})'}"
        for u in range(3)
        for v in range(2)
    )
    assert text == f"y[1, 3] = {products} = {y[1, 3]:.0f}".replace("-", "−")


def test_convolution_backward_click_traces_gradients(open_page):
    options = {"stride": (1, 2), "padding": (1, 0)}
    page = show(open_page, "convolution", {**options, "view": "backward"})
    x, w, grad = check_convolution(page, (1, 2), (1, 0), (1, 1))
    cell(page, "input", 2, 3).click()
    # The gradient of x[2, 3] comes from exactly the outputs whose value depends on it.
    x.requires_grad_()
    y = functional.conv2d(x[None, None], w[None, None], **options)[0, 0]
    rows, columns = y.shape
    touching = [
        (i, j)
        for i in range(rows)
        for j in range(columns)
        if torch.autograd.grad(y[i, j], x, retain_graph=True)[0][2, 3] != 0
    ]
    assert marked(page, "grad_output", "lit") == touching
    expected = torch.autograd.grad(y, x, grad)[0]
    assert result(page, "grad_input") == pytest.approx(expected[2, 3].item(), abs=1e-6)
    cell(page, "kernel", 2, 0).click()
    assert marked(page, "grad_output", "lit") == [
        (i, j) for i in range(rows) for j in range(columns)
    ]
    expected = functional.conv2d(
        functional.pad(x.detach(), (0, 0, 1, 1))[None, None], grad[None, None], dilation=(1, 2)
    )[0, 0]
    assert result(page, "grad_weight") == pytest.approx(expected[2, 0].item(), abs=1e-6)
    cell(page, "grad_input", 0, 6).click()
    assert result(page, "grad_input") == pytest.approx(
        read(page, "grad_input")[0, 6].item(), abs=1e-6
    )


def test_convolution_mouse_drag_changes_a_cell(open_page):
    page = show(open_page, "convolution")
    before = read(page, "kernel")
    drag(page, cell(page, "kernel", 0, 1), 25)  # three whole steps of 8 pixels: +1.5
    drag(page, cell(page, "input", 3, 4), -17)  # two steps down: -1
    change = read(page, "kernel") - before
    assert change[0, 1] == 1.5 and change.count_nonzero() == 1
    assert read(page, "input")[3, 4] == 5
    assert marked(page, "output", "pick") == [(1, 2)], "a drag must not change the selection"
    page.locator("[data-option=backward]").click()
    before = read(page, "grad_output")
    drag(page, cell(page, "grad_output", 1, 1), 9)
    assert read(page, "grad_output")[1, 1] == before[1, 1] + 0.5
    check_convolution(page, (1, 1), (0, 0), (1, 1))


def test_convolution_by_keyboard_alone(open_page):
    page = show(open_page, "convolution")
    page.keyboard.press("Tab")
    while page.evaluate("document.activeElement.dataset.grid") != "input":
        page.keyboard.press("Tab")
    for key in ("ArrowDown", "ArrowRight", "ArrowRight", "ArrowUp", "ArrowLeft"):
        page.keyboard.press(key)
    focused = "[document.activeElement.dataset.row, document.activeElement.dataset.col].map(Number)"
    assert page.evaluate(focused) == [0, 1]
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid", "the focus must be visible"
    page.keyboard.type("-2.75")
    assert read(page, "input")[0, 1] == -2.75, "typing shows at once"
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")  # edit mode
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    assert read(page, "input")[0, 1] == -1.75
    page.keyboard.type("88")
    page.keyboard.press("Escape")
    assert read(page, "input")[0, 1] == -1.75, "Escape takes the typing back"
    page.keyboard.press("End")
    page.keyboard.press("PageDown")
    assert page.evaluate(focused) == [5, 6]
    page.keyboard.press("ArrowDown")
    assert page.evaluate(focused) == [5, 6], "the arrows stop at the border"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.dataset.grid") == "kernel", "one tab stop a grid"
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowRight")
    page.keyboard.press(" ")
    assert marked(page, "output", "pick") == [(0, 1)]
    assert result(page, "output") == pytest.approx(float(read(page, "output")[0, 1]))
    check_convolution(page, (1, 1), (0, 0), (1, 1))


def test_convolution_by_touch(open_page):
    page = show(open_page, "convolution", width=390, height=500, touch=True)
    cell(page, "output", 2, 4).tap()
    assert marked(page, "output", "pick") == [(2, 4)]
    target = cell(page, "kernel", 1, 0)
    target.scroll_into_view_if_needed()
    scroll = page.evaluate("scrollY")
    before = read(page, "kernel")
    touch_drag(page, target, 41)
    assert (read(page, "kernel") - before)[1, 0] == 2.5
    assert page.evaluate("scrollY") == scroll, "dragging a cell must not scroll the page"
    page.evaluate("scrollTo(0, 100)")
    touch_drag(page, page.locator(".lf-note").first, 60)
    page.wait_for_timeout(300)
    assert page.evaluate("scrollY") > 100, "a finger beside the cells scrolls the page"
    page.get_by_label("raise the value by 0.5").tap()
    assert (read(page, "kernel") - before)[1, 0] == 3
    check_convolution(page, (1, 1), (0, 0), (1, 1))


def test_convolution_impossible_settings_say_so(open_page):
    page = show(open_page, "convolution")
    fill(page, "dilation, rows", 3)
    message = page.locator(".lf-result").inner_text()
    assert "7×2" in message and "6×7" in message and "no output" in message
    assert page.locator("[data-grid=output]").count() == 0
    fill(page, "padding, rows", 1)
    assert read(page, "output").shape == (2, 6)
    fill(page, "stride, rows", 9)
    assert "from 1 to 4" in page.locator(".lf-result").inner_text()
    assert page.get_by_label("stride, rows").get_attribute("aria-invalid") == "true"
    assert read(page, "output").shape == (2, 6), "the last good setting stays"
    fill(page, "stride, rows", "")
    page.get_by_label("stride, rows").blur()
    assert page.get_by_label("stride, rows").input_value() == "1"
    check_convolution(page, (1, 1), (1, 0), (3, 1))
    page.get_by_role("button", name="Reset").click()
    check_convolution(page, (1, 1), (0, 0), (1, 1))


# Channels


def plane(of, c):
    """The data-grid of a channel."""
    return f"{of}{c or ''}"


def stacked(page, of, channels):
    return torch.stack([read(page, plane(of, c)) for c in range(channels)])


def check_channels(page, channels, stride, padding, dilation):
    """Compare what is drawn with conv2d over all channels, and its gradients with autograd's."""
    press(page, "Forward")
    options = {"stride": stride, "padding": padding, "dilation": dilation}
    x, w = (stacked(page, of, channels).requires_grad_() for of in ("input", "kernel"))
    y = functional.conv2d(x[None], w[None], **options)[0, 0]
    close(read(page, "output"), y.detach())
    press(page, "Backward")
    grad = read(page, "grad_output")
    grad_x, grad_w = torch.autograd.grad(y, (x, w), grad)
    close(stacked(page, "grad_input", channels), grad_x)
    close(stacked(page, "grad_weight", channels), grad_w)
    press(page, "Forward")
    return x.detach(), w.detach(), y.detach()


@pytest.mark.parametrize("channels", [2, 3])
@pytest.mark.parametrize(("kernel", "stride", "padding", "dilation"), SETTINGS[:3])
def test_the_sum_runs_over_the_channels(open_page, channels, kernel, stride, padding, dilation):
    torch.manual_seed(channels)
    data = {"input": torch.randn(3, 6, 9), "kernel": torch.randn(3, *kernel), "channels": 1}
    options = {"stride": stride, "padding": padding, "dilation": dilation}
    page = show(open_page, "convolution", {**data, **options})
    press(page, str(channels))
    x, w, y = check_channels(page, channels, stride, padding, dilation)
    close(x, data["input"][:channels].double())
    cell(page, "output", 1, 2).click()
    products = functional.unfold(x[None], kernel, dilation, padding, stride)[0]
    products = products.reshape(channels, -1, *y.shape)[..., 1, 2] * w.flatten(1)
    parts = page.locator(".lf-result [data-value]")
    shown = [float(parts.nth(c).get_attribute("data-value")) for c in range(parts.count())]
    assert shown == pytest.approx(products.sum(1).tolist(), abs=1e-6)
    assert result(page, "output") == pytest.approx(sum(shown), abs=1e-6)
    assert result(page, "output") == pytest.approx(y[1, 2].item(), abs=1e-6)


def test_channels_by_hand_as_on_the_page(open_page):
    data = {
        "input": [[[1, 2, 0], [0, 1, 3]], [[0, 1, 1], [2, 0, 1]]],
        "kernel": [[[1, 0], [0, 1]], [[0, 1], [1, 0]]],
        "select": (0, 0),
    }
    page = show(open_page, "convolution", data)
    cell(page, "output", 0, 1).click()
    assert page.locator(".lf-result").inner_text().split("\n") == [
        "X0 ⋆ W0: 2×1 + 0×0 + 1×0 + 3×1 = 5",
        "X1 ⋆ W1: 1×0 + 1×1 + 0×1 + 1×0 = 1",
        "y[0, 1] = 5 + 1 = 6",
    ]
    for of in ("input", "input1"):
        assert marked(page, of, "lit") == [(0, 1), (0, 2), (1, 1), (1, 2)]
    cell(page, "kernel1", 1, 0).click()
    page.keyboard.type("-2")
    page.keyboard.press("Enter")
    y = check_channels(page, 2, 1, 0, 1)[2]
    assert y.tolist() == [[-1, 6]]


def test_a_cell_of_a_channel_touches_its_own_channel_alone(open_page):
    page = show(open_page, "convolution", {"channels": 2, "view": "backward", "padding": (1, 0)})
    cell(page, "input1", 2, 3).click()
    assert page.locator(".lf-result").inner_text().startswith("dx[1, 2, 3] = ")
    assert marked(page, "grad_input1", "pick") == marked(page, "input1", "pick") == [(2, 3)]
    assert not marked(page, "input", "pick") and not marked(page, "kernel", "lit")
    expected = read(page, "grad_input1")[2, 3].item()
    assert result(page, "grad_input1") == pytest.approx(expected)
    cell(page, "kernel1", 2, 0).click()
    assert not marked(page, "input", "lit") and marked(page, "input1", "lit")
    assert result(page, "grad_weight1") == pytest.approx(read(page, "grad_weight1")[2, 0].item())
    cell(page, "grad_output", 0, 1).click()  # its window, without the row of padding
    assert "flows into the 8 lit cells" in page.locator(".lf-result").inner_text()
    press(page, "Forward")
    cell(page, "kernel1", 0, 1).click()
    assert not marked(page, "output", "pick") and len(marked(page, "output", "lit")) == 6 * 6
    page.get_by_role("spinbutton", name="value of the cell last touched").fill("4.5")
    assert read(page, "kernel1")[0, 1] == 4.5 and read(page, "kernel")[0, 1] == -1
    check_channels(page, 2, 1, (1, 0), 1)


def test_channels_by_keyboard_and_named_for_a_screen_reader(open_page):
    page = show(open_page, "convolution")
    assert page.get_by_role("grid").count() == 3
    group = page.get_by_role("group", name="channels", exact=True)
    group.get_by_role("button", name="1").focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    pressed = group.get_by_role("button", pressed=True)
    assert pressed.inner_text() == "3"
    names = [g.get_attribute("aria-label") for g in page.get_by_role("grid").all()]
    assert names == ["X0 input", "W0 kernel", "X1 input", "W1 kernel", "X2 input", "W2 kernel",
                     "Y output"]  # fmt: skip
    check_channels(page, 3, 1, 0, 1)
    cell(page, "input2", 5, 6).click()
    page.keyboard.press("Shift+Tab")
    assert page.evaluate("document.activeElement.dataset.grid") == "kernel1"
    group.get_by_role("button", name="2").focus()
    page.keyboard.press(" ")
    assert page.locator("[data-grid=input2]").count() == 0
    assert page.get_by_role("grid").count() == 5
    page.keyboard.press("Tab")
    page.get_by_role("button", name="Reset").click()
    assert pressed.inner_text() == "1" and read(page, "output").shape == (4, 6)
    check_convolution(page, (1, 1), (0, 0), (1, 1))


@pytest.mark.parametrize(("width", "dark"), [(390, True), (390, False), (760, False)])
@pytest.mark.parametrize("view", ["forward", "backward"])
def test_channels_fit_the_window_and_axe_finds_nothing(open_page, width, dark, view):
    page = show(open_page, "convolution", {"channels": 3, "view": view}, width=width, dark=dark)
    fits_and_axe_finds_nothing(page, width)


def test_channels_by_touch(open_page):
    page = show(open_page, "convolution", width=390, height=700, touch=True)
    tap(page, page.get_by_role("button", name="2", exact=True))
    tap(page, cell(page, "output", 2, 4))
    assert page.locator(".lf-result [data-value]").count() == 2
    target = cell(page, "kernel1", 1, 0)
    target.scroll_into_view_if_needed()
    before = read(page, "kernel1")
    touch_drag(page, target, 41)
    assert (read(page, "kernel1") - before)[1, 0] == 2.5
    check_channels(page, 2, 1, 0, 1)


def test_impossible_settings_with_channels_say_so(open_page):
    page = show(open_page, "convolution", {"channels": 2})
    cell(page, "input1", 3, 3).click()
    fill(page, "dilation, rows", 3)
    assert "no output" in page.locator(".lf-result").inner_text()
    press(page, "3")
    press(page, "1")
    fill(page, "dilation, rows", 2)
    check_channels(page, 1, 1, 0, (2, 1))
