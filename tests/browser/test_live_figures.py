"""The live figures under a real mouse, finger and keyboard: every number equals PyTorch's."""

import re

import pytest
import torch
from torch.nn import functional

from bigmodel_utils.live import FIGURES, LABELS, LiveFigure

pytestmark = pytest.mark.browser

PAGE = """<!doctype html><html lang="en" data-theme="{theme}"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>Figure</title>
<style>html {{ color-scheme: {theme}; background: Canvas; color: CanvasText }}</style></head>
<body><main><h1>Figure</h1>{figure}</main></body></html>"""


# A plot is drawn at its box's width, a frame after the rest; in a folded box that waits.
PLOTS_DRAWN = """() => [...document.querySelectorAll('.lf-plots')]
    .every((box) => !box.clientWidth || box.querySelector('svg'))"""


def drawn(page):
    """Wait until the figure is alive and drawn: on a busy machine the test may look before."""
    page.wait_for_selector("figure[data-ready=true] .lf-result")
    page.wait_for_function(PLOTS_DRAWN)
    return page


def show(open_page, name, data=None, *, dark=False, **options):
    """Open a page with one figure; return the page once the figure is drawn."""
    figure = LiveFigure(name, data=data, alt=f"The {name} explorer.")._repr_html_()
    html = PAGE.format(theme="dark" if dark else "light", figure=figure)
    return drawn(open_page(html, dark=dark, **options))


def show_wordless(open_page, name, data=None):
    """Like ``show``, with every label replaced by a sign: what words are left, it has elsewhere."""
    labels = {
        key: "¤ " + " ".join(re.findall(r"\{\w+\}", text)) for key, text in LABELS[name].items()
    }
    figure = LiveFigure(name, data=data, alt="¤", labels=labels)._repr_html_()
    return drawn(open_page(PAGE.format(theme="light", figure=figure)))


def words(page):
    """Runs of three letters and more in a figure's text or for a screen reader."""
    seen = page.evaluate(
        """() => {
            const nodes = [...document.querySelectorAll("figure, figure *")];
            const read = ["aria-label", "aria-valuetext", "title", "placeholder"];
            return nodes.flatMap((n) => read.map((key) => n.getAttribute(key) || ""))
                .concat(document.querySelector("figure").innerText).join(" ");
        }"""
    )
    return set(re.findall(r"[A-Za-z]{3,}", seen))


def read(page, name):
    """A grid's numbers, (rows, columns), float64, from the attributes that show full precision."""
    cells = page.eval_on_selector_all(
        f"[data-grid={name}]",
        "cells => cells.map(c => [c.dataset.row, c.dataset.col, c.dataset.value].map(Number))",
    )
    matrix = torch.full([int(max(c[i] for c in cells)) + 1 for i in (0, 1)], torch.nan).double()
    for row, column, value in cells:
        matrix[int(row), int(column)] = value
    return matrix


def cell(page, grid, row, column):
    return page.locator(f"[data-grid={grid}][data-row='{row}'][data-col='{column}']")


def marked(page, grid, style):
    """The (row, column) of the cells of a grid that carry a mark: lit, pick or win."""
    places = page.eval_on_selector_all(
        f"[data-grid={grid}].lf-{style}",
        "cells => cells.map(c => [c.dataset.row, c.dataset.col].map(Number))",
    )
    return sorted((int(row), int(column)) for row, column in places)


def fill(page, label, value):
    page.get_by_label(label, exact=True).fill(str(value))


def close(got, expected):
    torch.testing.assert_close(got, expected, rtol=0, atol=1e-6)


def result(page, name):
    box = page.locator(".lf-result")
    assert box.get_attribute("data-result") == name
    return float(box.get_attribute("data-value"))


# Convolution

SETTINGS = [
    # kernel, stride, padding, dilation
    ((3, 2), (1, 1), (0, 0), (1, 1)),
    ((3, 2), (2, 1), (1, 2), (1, 1)),
    ((2, 4), (1, 3), (0, 1), (2, 1)),
    ((4, 1), (3, 1), (2, 1), (1, 3)),
]


def check_convolution(page, stride, padding, dilation):
    """Compare the five grids with conv2d and autograd at the numbers that the page shows."""
    if page.locator("[data-option=forward]").get_attribute("aria-pressed") == "true":
        shown = read(page, "output")
        page.locator("[data-option=backward]").click()
    else:
        shown = None
    x, w = read(page, "input").requires_grad_(), read(page, "kernel").requires_grad_()
    y = functional.conv2d(
        x[None, None], w[None, None], stride=stride, padding=padding, dilation=dilation
    )[0, 0]
    grad = read(page, "grad_output")
    assert grad.shape == y.shape and (len(grad.unique()) > 1 or grad.numel() < 3)
    grad_x, grad_w = torch.autograd.grad(y, (x, w), grad)
    if shown is not None:
        close(shown, y.detach())
    close(read(page, "output"), y.detach())
    close(read(page, "grad_input"), grad_x)
    close(read(page, "grad_weight"), grad_w)
    return x.detach(), w.detach(), grad


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


def drag(page, target, up):
    box = target.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    for step in range(1, 5):
        page.mouse.move(x, y - up * step / 4)
    page.mouse.up()


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


def touch_drag(page, target, up):
    box = target.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    client = page.context.new_cdp_session(page)
    client.send(
        "Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": x, "y": y}]}
    )
    for step in range(1, 6):
        point = {"x": x, "y": y - up * step / 5}
        client.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [point]})
    client.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    page.wait_for_timeout(50)


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


# Pooling


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


def choose(page, label, option):
    page.get_by_role("combobox", name=label, exact=True).select_option(option)


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


# Receptive field


def gradients_of_stack(layers, size):
    """d(unit)/d(input) with every weight one, per layer and unit: the number of paths."""
    x = torch.ones(1, 1, size, dtype=torch.float64, requires_grad=True)
    activations = [x]
    for kernel_size, stride, dilation in layers:
        weight = torch.ones(1, 1, kernel_size, dtype=torch.float64)
        activations.append(
            functional.conv1d(activations[-1], weight, stride=stride, dilation=dilation)
        )
    return activations


def check_units(page, layers, layer, unit):
    """Compare the picked unit's paths to every unit below it with autograd."""
    shown = page.eval_on_selector_all(
        "[data-grid=unit]",
        "nodes => nodes.map(n => [n.dataset.row, n.dataset.col, n.dataset.value].map(Number))",
    )
    activations = gradients_of_stack(layers, sum(row == 0 for row, *_ in shown))
    assert marked(page, "unit", "pick") == [(layer, unit)]
    below = torch.autograd.grad(activations[layer][0, 0, unit], activations[:layer])
    for row, activation in enumerate(activations):
        values = torch.tensor([v for r, _, v in shown if r == row]).double()
        expected = torch.zeros(activation.shape[-1]).double()
        if row < layer:
            expected = below[row][0, 0]
        elif row == layer:
            expected[unit] = 1
        close(values, expected)
    paths = below[0][0, 0]
    assert marked(page, "unit", "lit") == sorted(
        (row, int(i)) for row in range(layer) for i in below[row][0, 0].nonzero()
    )
    close(read(page, "path")[0], paths)
    heights = page.eval_on_selector_all(
        "[data-grid=path]", "bars => bars.map(b => Number(b.getAttribute('height')))"
    )
    heights = torch.tensor(heights).double()
    close(heights / heights.max(), paths / paths.max())
    support = paths.nonzero().flatten()
    width = int(support[-1] - support[0]) + 1
    assert result(page, "size") == width == read(page, "size")[layer, 0]
    ordered = paths.sort(descending=True).values.cumsum(0)
    most = int((ordered < 0.9 * paths.sum() - 1e-9).sum()) + 1
    assert int(page.locator(".lf-result").get_attribute("data-most")) == most
    jumps = [1]
    for _, stride, _ in layers:
        jumps.append(jumps[-1] * stride)
    assert read(page, "jump").flatten().tolist() == jumps


STACKS = {
    "vgg": [(3, 1, 1), (3, 1, 1), (2, 2, 1), (3, 1, 1), (3, 1, 1)],
    "plain": [(3, 1, 1)] * 4,
    "dilated": [(3, 1, 1), (3, 1, 2), (3, 1, 4)],
    "strided": [(3, 2, 1), (3, 2, 1), (3, 1, 1)],
    "gridding": [(3, 1, 2), (3, 1, 2), (3, 1, 2)],
}


@pytest.mark.parametrize("preset", STACKS)
def test_receptive_field_presets(open_page, preset):
    page = show(open_page, "receptive-field")
    choose(page, "stack", preset)
    layers = STACKS[preset]
    check_units(page, layers, len(layers), 1)
    cell(page, "unit", 2, 2).click()
    check_units(page, layers, 2, 2)
    text = page.locator(".lf-result").inner_text()
    size = int(result(page, "size"))
    assert f"{size}×{size} = {size * size}" in text
    assert ("never reads" in text) == (preset == "gridding")


def test_receptive_field_layers_can_be_changed(open_page):
    page = show(open_page, "receptive-field", {"layers": [(2, 1, 1), (3, 2, 2)]})
    page.get_by_role("button", name="Add a layer").click()
    fill(page, "layer 1, kernel size", 4)
    fill(page, "layer 3, dilation", 2)
    fill(page, "layer 3, kernel size", 2)
    layers = [(4, 1, 1), (3, 2, 2), (2, 1, 2)]
    check_units(page, layers, 3, 1)
    page.get_by_label("remove layer 2").click()
    check_units(page, [layers[0], layers[2]], 2, 1)
    for _ in range(4):
        page.get_by_role("button", name="Add a layer").click()
    assert page.get_by_role("button", name="Add a layer").is_disabled(), "six layers are the most"
    for layer in range(1, 7):
        fill(page, f"layer {layer}, stride", 3)
    assert "too wide to draw" in page.locator(".lf-result").inner_text()
    assert read(page, "jump")[6, 0] == 3**6
    fill(page, "layer 1, stride", 8)
    assert "from 1 to 3" in page.locator(".lf-result").inner_text()


def test_receptive_field_by_keyboard_and_touch(open_page):
    page = show(open_page, "receptive-field", width=390, touch=True)
    layers = STACKS["vgg"]
    page.locator("[data-grid=unit][tabindex='0']").focus()
    page.keyboard.press("ArrowLeft")
    check_units(page, layers, 5, 0)
    page.keyboard.press("ArrowDown")
    check_units(page, layers, 4, 1)
    page.keyboard.press("End")
    check_units(page, layers, 4, 4)
    assert page.evaluate("document.activeElement.dataset.grid") == "unit"
    cell(page, "unit", 3, 2).tap()
    check_units(page, layers, 3, 2)


# All figures


def fits_and_axe_finds_nothing(page, width):
    """The figure is no wider than the window, a finger hits its controls, axe has no complaint."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    small = page.eval_on_selector_all(
        "figure :is(div[role=gridcell], div[role=slider], .lf-unit rect, button, input, select)",
        "nodes => nodes.map(n => n.getBoundingClientRect()).filter(b => b.width"
        " && (b.width < 24 || b.height < 24)).length",
    )
    assert small == 0, "a finger needs 24 pixels"
    found = axe.run(page).response["violations"]
    assert [(v["id"], [n["html"][:200] for n in v["nodes"]]) for v in found] == []


@pytest.mark.parametrize("name", FIGURES)
@pytest.mark.parametrize(("width", "dark"), [(390, True), (390, False), (900, True)])
def test_fits_the_window_and_axe_finds_nothing(open_page, name, width, dark):
    data = {"view": "backward"} if name in ("convolution", "pooling", "unrolled") else {}
    fits_and_axe_finds_nothing(show(open_page, name, data, width=width, dark=dark), width)


def test_two_figures_of_one_call_are_both_alive(open_page):
    figure = LiveFigure("convolution", alt="Explorer.")._repr_html_()
    page = open_page(PAGE.format(theme="light", figure=figure + figure))
    assert page.locator("figure[data-ready=true]").count() == 2


def test_a_notebook_may_run_the_script_before_it_attaches_the_figure(open_page):
    page = open_page(PAGE.format(theme="light", figure=""))
    page.evaluate(
        """html => {
            const box = document.createElement("div");
            box.innerHTML = html;
            const script = document.createElement("script");
            script.textContent = box.querySelector("script").textContent;
            document.body.append(script);
            setTimeout(() => document.body.append(box), 120);
        }""",
        LiveFigure("receptive-field", alt="Explorer.")._repr_html_(),
    )
    drawn(page)


def test_data_and_labels_are_text_never_markup(open_page):
    attack = "</script><img src=x onerror=\"document.title='broken'\"><!--<script>"
    figure = LiveFigure(
        "convolution", alt=attack, labels={"kernel": attack, "hint_forward": attack}
    )
    page = open_page(PAGE.format(theme="light", figure=figure._repr_html_()))
    page.wait_for_selector(".lf-result")
    assert page.title() == "Figure" and page.locator("img").count() == 0
    assert attack in page.locator("figure").inner_text()
