"""What the browser tests of the live figures share: pages with a figure, hands and readings."""

import re

import pytest
import torch
from torch.nn import functional

from bigmodel_utils.live import LABELS, LiveFigure

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
    """A grid's numbers, (rows, columns), float64, from the attributes that show full precision.

    ``page`` may be one figure of a page that has several.
    """
    cells = page.locator(f"[data-grid={name}]").evaluate_all(
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


def refuses(page, label, text, message):
    """Type a wrong number: the figure names what it expects; left, it is forgotten."""
    box = page.get_by_label(label, exact=True)
    box.fill(text)
    result = page.locator(".lf-result")
    assert message in result.inner_text()
    assert result.get_attribute("data-result") == "error"
    assert box.get_attribute("aria-invalid") == "true"
    box.blur()
    assert box.get_attribute("aria-invalid") == "false"


def close(got, expected):
    torch.testing.assert_close(got, expected, rtol=0, atol=1e-6)


def result(page, name):
    box = page.locator(".lf-result")
    assert box.get_attribute("data-result") == name
    return float(box.get_attribute("data-value"))


def choose(page, label, option):
    page.get_by_role("combobox", name=label, exact=True).select_option(option)


def press(page, name):
    page.get_by_role("button", name=name, exact=True).click()


# Hands


def drag(page, target, up):
    box = target.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    for step in range(1, 5):
        page.mouse.move(x, y - up * step / 4)
    page.mouse.up()


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


def tap(page, target):
    """Tap with a finger and wait until the click has arrived that the browser makes of it.

    Right after a drag the browser takes a tap for the end of a fling, and makes no click of it.
    """
    page.wait_for_timeout(500)
    target.scroll_into_view_if_needed()
    page.evaluate(
        "clicked = false; addEventListener('click', () => { clicked = true }, {once: true})"
    )
    target.tap()
    page.wait_for_function("clicked")


# Numbers


def double(values):
    return torch.tensor(values, dtype=torch.float64)


def number(value):
    return f"{round(value, 3):g}".replace("-", "−")


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


# Any figure


# A phone in both themes, a desktop in the dark, and the narrowest phone.
at_widths = pytest.mark.parametrize(
    ("width", "dark"), [(390, True), (390, False), (900, True), (320, False)]
)


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


def narrower(page):
    """Make the window narrow: what was drawn at another width is drawn anew."""
    page.set_viewport_size({"width": 390, "height": 700})
    page.wait_for_function(
        """() => [...document.querySelectorAll('.lf-plot')]
            .every((plot) => plot.getBoundingClientRect().right <= 390)"""
    )
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
