"""The graph of numbers, used by hand: every value and derivative equals PyTorch's."""

import pytest
import torch
from figures import (
    at_widths,
    choose,
    close,
    double,
    fits_and_axe_finds_nothing,
    narrower,
    press,
    show,
    show_wordless,
    tap,
    words,
)

pytestmark = pytest.mark.browser

NAME = "graph"
# Each graph as a program, written down apart from the figure's own list of nodes.
PROGRAMS = {
    "paths": lambda a, b: {"u": a * b, "v": a * b + a, "L": (a * b + a) * (a * b)},
    "unit": lambda w, x, b, t: {
        "p": w * x,
        "s": w * x + b,
        "y": torch.tanh(w * x + b),
        "e": torch.tanh(w * x + b) - t,
        "L": (torch.tanh(w * x + b) - t).square(),
    },
}
INPUTS = {"paths": "ab", "unit": "wxbt"}
ARROWS = {"paths": 6, "unit": 9}


def numbers(page):
    """Return what stands in the boxes: ({name: value}, {name: derivative})."""
    boxes = page.eval_on_selector_all(
        "[data-node]", "n => n.map(b => [b.dataset.node, b.dataset.value, b.dataset.slope])"
    )
    values = {name: float(value) for name, value, _ in boxes if value is not None}
    return values, {name: float(slope) for name, _, slope in boxes if slope is not None}


def check(page, preset, step, given=None):
    """Compare everything that is shown after a step with PyTorch."""
    values, slopes = numbers(page)
    inputs = INPUTS[preset]
    leaves = double([values[name] for name in inputs]).requires_grad_()
    if given:
        close(leaves.detach(), double([given[name] for name in inputs]))
    parts = dict(zip(inputs, leaves.unbind(), strict=True))
    nodes = PROGRAMS[preset](**parts)
    order = [*inputs, *nodes]
    done = min(step, len(nodes))
    assert list(values) == order[: len(inputs) + done], "computed in order, none before its step"
    for name in list(nodes)[:done]:
        assert values[name] == pytest.approx(nodes[name].item(), abs=1e-9)
    back = max(0, step - len(nodes))
    assert sorted(slopes) == sorted(order[len(order) - back :])
    expected = torch.autograd.grad(nodes["L"], leaves)[0]
    for name, slope in zip(inputs, expected.tolist(), strict=True):
        assert name not in slopes or slopes[name] == pytest.approx(slope, abs=1e-9)
    for name in nodes:
        if name in slopes:
            assert slopes[name] == pytest.approx(derivative(preset, name, values), abs=1e-9)
    box = page.locator(".lf-result")
    assert box.get_attribute("data-step") == str(step)
    if back:
        shown = box.get_attribute("data-result")
        assert shown == order[len(order) - back]
        assert float(box.get_attribute("data-value")) == slopes[shown]
    return values, slopes


def derivative(preset, name, values):
    """The derivative of the result by a node inside, from a program that begins with it."""
    leaf = double(values[name]).requires_grad_()
    constant = {key: double(value) for key, value in values.items()}
    rest = {
        "paths": {
            "u": lambda u: (u + constant["a"]) * u,
            "v": lambda v: v * constant["u"],
            "L": lambda loss: loss * 1,
        },
        "unit": {
            "p": lambda p: (torch.tanh(p + constant["b"]) - constant["t"]) ** 2,
            "s": lambda s: (torch.tanh(s) - constant["t"]) ** 2,
            "y": lambda y: (y - constant["t"]) ** 2,
            "e": lambda e: e**2,
            "L": lambda loss: loss * 1,
        },
    }[preset][name]
    return torch.autograd.grad(rest(leaf), leaf)[0].item()


def dial(page, name):
    return page.get_by_label(f"{name}, typed", exact=True)


@pytest.mark.parametrize("preset", PROGRAMS)
def test_graph_every_step(open_page, preset):
    page = show(open_page, NAME, {"preset": preset})
    nodes = PROGRAMS[preset](*torch.ones(len(INPUTS[preset])))
    last = 2 * len(nodes) + len(INPUTS[preset])
    check(page, preset, 0)
    for step in range(1, last + 1):
        press(page, "Next")
        check(page, preset, step)
    press(page, "Next")
    check(page, preset, last)
    text = page.locator(".lf-result").inner_text()
    assert f"Arrows used: {ARROWS[preset]} of {ARROWS[preset]}" in text
    press(page, "Back")
    check(page, preset, last - 1)
    press(page, "Start")
    check(page, preset, 0)
    press(page, "End")
    check(page, preset, last)


def test_graph_says_the_sum_over_paths(open_page):
    page = show(open_page, NAME, {"step": 7})
    text = page.locator(".lf-result").inner_text().replace("\n", " ")
    assert "= 28" in text and "Over all 2 paths" in text
    press(page, "Next")
    text = page.locator(".lf-result").inner_text().replace("\n", " ")
    assert "Over all 3 paths: 3·1·6 + 3·8 + 1·6 = 48" in text
    assert page.locator(".lf-result").get_attribute("data-paths") == "3"


def test_graph_inputs_change_everything_at_once(open_page):
    page = show(open_page, NAME, {"preset": "unit", "step": 14})
    for name, value in (("w", 1.2), ("x", -2.1), ("b", 0), ("t", -0.9)):
        dial(page, name).fill(str(value))
        values, _ = check(page, "unit", 14)
        assert values[name] == value
    page.get_by_role("slider", name="w", exact=True).focus()
    page.keyboard.press("ArrowLeft")
    values, _ = check(page, "unit", 14)
    assert values["w"] == pytest.approx(1.1)
    press(page, "Reset")
    check(page, "unit", 14, {"w": -0.8, "x": 1.5, "b": 0.4, "t": 0.7})


def test_graph_arrows_carry_local_derivatives(open_page):
    page = show(open_page, NAME, {"step": 3, "numbers": {"a": -1.5, "b": 0.7}})
    labels = page.eval_on_selector_all(
        "text[data-from]", "t => t.map(n => [n.dataset.from + n.dataset.to, +n.dataset.value])"
    )
    u, v = -1.5 * 0.7, -1.5 * 0.7 - 1.5
    expected = {"au": 0.7, "bu": -1.5, "uv": 1, "av": 1, "uL": v, "vL": u}
    assert {key: round(value, 9) for key, value in labels} == {
        key: round(value, 9) for key, value in expected.items()
    }


def test_graph_another_graph_and_bad_numbers(open_page):
    page = show(open_page, NAME, {"step": 5})
    choose(page, "graph", "unit")
    check(page, "unit", 0)
    press(page, "End")
    values, slopes = check(page, "unit", 14)
    for text, message in (("3.1", "from -3 to 3"), ("", "from -3 to 3")):
        dial(page, "x").fill(text)
        assert message in page.locator(".lf-result").inner_text()
        assert dial(page, "x").get_attribute("aria-invalid") == "true"
        dial(page, "x").blur()
        assert (values, slopes) == check(page, "unit", 14)


def test_graph_by_touch(open_page):
    page = show(open_page, NAME, width=390, height=700, touch=True)
    for _ in range(4):
        tap(page, page.get_by_role("button", name="Next", exact=True))
    check(page, "paths", 4)


@pytest.mark.parametrize("preset", PROGRAMS)
@at_widths
def test_graph_fits_and_axe_finds_nothing(open_page, width, dark, preset):
    page = show(open_page, NAME, {"preset": preset, "step": 6}, width=width, dark=dark)
    fits_and_axe_finds_nothing(page, width)


def test_graph_draws_anew_at_another_width(open_page):
    narrower(show(open_page, NAME, {"preset": "unit"}, width=900))


def test_graph_shows_only_words_from_labels(open_page):
    """With every label replaced no English word is left, in the text or for a screen reader."""
    page = show_wordless(open_page, NAME, {"preset": "unit", "step": 3})
    assert words(page) - {"tanh"} == set()
