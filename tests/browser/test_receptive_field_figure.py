"""The receptive-field explorer, used by hand: every path is one of autograd's."""

import pytest
import torch
from figures import cell, choose, close, fill, marked, read, result, show
from torch.nn import functional

pytestmark = pytest.mark.browser


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
