"""The LSTM cell, used by hand: every number equals PyTorch's."""

import math

import pytest
import torch
from figures import (
    at_widths,
    cell,
    close,
    double,
    fits_and_axe_finds_nothing,
    narrower,
    press,
    refuses,
    show,
    show_wordless,
    tap,
    touch_drag,
    words,
)
from torch import nn

pytestmark = pytest.mark.browser


def series(page, name):
    cells = page.eval_on_selector_all(
        f"[data-grid={name}]",
        "cells => cells.map(c => [c.dataset.col, c.dataset.value].map(Number))",
    )
    assert [column for column, _ in cells] == list(range(int(cells[0][0]), int(cells[-1][0]) + 1))
    return double([value for _, value in cells])


def gates(page):
    """The valves' values as a screen reader gets them."""
    names = page.eval_on_selector_all(
        "[data-valve]", "n => n.map(v => [v.dataset.valve, Number(v.ariaValueNow)])"
    )
    return dict(names)


def check_lstm(page):
    """All bars against ``nn.LSTM`` whose biases are the gates' pre-activations."""
    values = gates(page)
    lstm = nn.LSTM(1, 1).double()
    before = [torch.logit(double(values[key])) for key in "ifo"]
    before.insert(2, torch.atanh(double(values["g"])))
    with torch.no_grad():
        for weight in (lstm.weight_ih_l0, lstm.weight_hh_l0, lstm.bias_hh_l0):
            weight.zero_()
        lstm.bias_ih_l0.copy_(torch.stack(before))
    c0 = double([[[values["c"]]]]).requires_grad_()
    state = (torch.zeros(1, 1, 1).double(), c0)
    steps = int(page.get_by_role("slider", name="steps with these gates").input_value())
    c, h, gradient = [c0.detach().flatten()], [], [torch.ones(1).double()]
    for _ in range(steps):
        state = lstm(torch.zeros(1, 1, 1).double(), state)[1]
        h.append(state[0].detach().flatten())
        c.append(state[1].detach().flatten())
        gradient.append(torch.autograd.grad(state[1].sum(), c0, retain_graph=True)[0].flatten())
    expected = {"c": torch.cat(c), "h": torch.cat(h), "gradient": torch.cat(gradient)}
    for name, value in expected.items():
        close(series(page, name), value)
    part = {
        name: float(page.locator(f"[data-part={name}]").get_attribute("data-value"))
        for name in ("kept", "written", "new", "read")
    }
    assert part["kept"] == pytest.approx(values["f"] * values["c"])
    assert part["written"] == pytest.approx(values["i"] * values["g"])
    assert part["new"] == pytest.approx(c[1].item()) and part["read"] == pytest.approx(h[0].item())
    box = page.locator(".lf-result")
    step = int(box.get_attribute("data-step"))
    row = box.get_attribute("data-result")
    offset = 1 if row == "h" else 0
    assert float(box.get_attribute("data-value")) == pytest.approx(
        expected[row][step - offset].item(), abs=1e-9
    )
    half, limit = (float(box.get_attribute(f"data-{key}")) for key in ("half", "limit"))
    if values["f"] == 1:
        drift = values["i"] * values["g"]
        assert limit == (math.copysign(math.inf, drift) if drift else values["c"])
    if 0 < values["f"] < 1:
        assert values["f"] ** half == pytest.approx(0.5)
        many = lstm(torch.zeros(4000, 1, 1).double(), (state[0], c0))[1][1].item()
        assert values["f"] > 0.99 or limit == pytest.approx(many, abs=1e-9)
    return expected


def valve(page, key):
    return page.locator(f"[data-valve={key}]")


def test_lstm_cell_first_look(open_page):
    page = show(open_page, "lstm-cell")
    expected = check_lstm(page)
    assert expected["c"][1:].std() > 0.1 and len({*gates(page).values()}) == 5
    text = page.locator(".lf-result").inner_text().replace("\n", "")
    f = gates(page)["f"]
    assert f"= {f**10:.3g}" in text and "halves every 6.58 steps" in text
    assert page.locator("[data-part=kept]").inner_text().endswith("f·c₀ = 0.9×(−1) = −0.9")
    role = page.get_by_role("slider", name="f, forget")
    assert role.get_attribute("aria-valuetext") == "0.9 = σ(2.2)"
    assert [role.get_attribute(f"aria-value{end}") for end in ("min", "max")] == ["0", "1"]
    assert valve(page, "g").get_attribute("aria-valuetext") == "0.6 = tanh(0.69)"


def test_lstm_cell_valves_by_mouse(open_page):
    page = show(open_page, "lstm-cell")
    for key, share in (("f", 0.25), ("i", 0.8), ("g", 0.1), ("o", 0.33), ("c", 0.9)):
        box = valve(page, key).bounding_box()
        x, low = box["x"] + box["width"] / 2, box["y"] + box["height"]
        page.mouse.move(x, low - box["height"] / 2)
        page.mouse.down()
        page.mouse.move(x + 90, low - share * box["height"], steps=4)  # beside it as well
        page.mouse.up()
        lowest = {"g": -1, "c": -3}.get(key, 0)
        wanted = lowest + share * ({"g": 2, "c": 6}.get(key, 1))
        assert gates(page)[key] == pytest.approx(wanted, abs={"c": 0.11}.get(key, 0.03))
        fill = valve(page, key).locator(".lf-fill").bounding_box()
        zero = low - box["height"] * (0.5 if lowest else 0)
        there = low - box["height"] * (gates(page)[key] - lowest) / (
            1 - lowest if key != "c" else 6
        )
        edges = sorted([zero, there])
        assert [fill["y"], fill["y"] + fill["height"]] == pytest.approx(edges, abs=1.6)
        check_lstm(page)
    page.mouse.move(10, 10)
    assert gates(page)["c"] == pytest.approx(2.4, abs=0.11), "the drag has ended"
    press(page, "Reset")
    assert gates(page) == {"f": 0.9, "i": 0.5, "g": 0.6, "o": 0.7, "c": -1}


def test_lstm_cell_by_keyboard_alone(open_page):
    page = show(open_page, "lstm-cell")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.dataset.valve") == "f"
    for key in ("ArrowUp", "ArrowRight", "PageDown", "ArrowDown"):
        page.keyboard.press(key)
    assert gates(page)["f"] == 0.81
    check_lstm(page)
    page.keyboard.press("Tab")
    page.keyboard.press("Control+A")
    page.keyboard.type("0.345")
    assert gates(page)["f"] == 0.345
    check_lstm(page)
    valve(page, "c").focus()
    page.keyboard.press("End")
    assert gates(page)["c"] == 3
    page.keyboard.press("ArrowLeft")
    assert gates(page)["c"] == 2.9
    page.locator("[data-grid][tabindex='0']").focus()
    seen = []
    for key in ("ArrowRight", "ArrowDown", "ArrowRight", "ArrowDown", "End", "ArrowUp", "Home"):
        page.keyboard.press(key)
        check_lstm(page)
        seen.append(
            page.evaluate(
                "[document.activeElement.dataset.grid, document.activeElement.dataset.col]"
            )
        )
    assert seen == [
        ["c", "11"], ["h", "11"], ["h", "12"], ["gradient", "12"], ["gradient", "20"], ["h", "20"],
        ["h", "1"],
    ]  # fmt: skip
    assert page.locator("[data-grid][tabindex='0']").count() == 1, "one tab stop"


def test_lstm_cell_closed_and_open_valves(open_page):
    page = show(open_page, "lstm-cell", {"i": 1, "g": -0.75, "c": 2.5, "steps": 6})
    valve(page, "f").focus()
    page.keyboard.press("Home")
    close(series(page, "c"), double([2.5] + [-0.75] * 6))
    close(series(page, "gradient"), double([1.0] + [0.0] * 6))
    assert "halves every 0 steps" in page.locator(".lf-result").inner_text()
    assert valve(page, "f").get_attribute("aria-valuetext") == "0 = σ(−∞)"
    page.keyboard.press("End")
    close(series(page, "c"), 2.5 - 0.75 * torch.arange(7).double())
    close(series(page, "gradient"), torch.ones(7).double())
    assert "halves every ∞ steps" in page.locator(".lf-result").inner_text()
    assert "tends to −∞" in page.locator(".lf-result").inner_text()
    valve(page, "o").focus()
    page.keyboard.press("Home")
    assert series(page, "h").tolist() == [0] * 6


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"i": 0}, "tends to −1."),
        ({"g": 0, "c": 2.5}, "tends to 2.5."),
        ({"i": 0, "g": -0.5, "c": 0}, "tends to 0."),
        ({"i": 0.01, "g": 0.02}, "tends to ∞."),
        ({"i": 0.5, "g": -0.5}, "tends to −∞."),
    ],
)
def test_lstm_cell_that_forgets_nothing(open_page, data, said):
    """f = 1: where nothing is written the cell stays as it is, else it has no limit."""
    page = show(open_page, "lstm-cell", {"f": 1, **data})
    assert said in page.locator(".lf-result").inner_text().replace("\n", "")
    expected = check_lstm(page)
    limit = float(page.locator(".lf-result").get_attribute("data-limit"))
    assert limit == pytest.approx(expected["c"][-1].item()) or abs(limit) == math.inf


def test_lstm_cell_by_touch(open_page):
    page = show(open_page, "lstm-cell", width=390, height=700, touch=True)
    scroll = page.evaluate("scrollY")
    touch_drag(page, valve(page, "i"), 30)
    assert gates(page)["i"] == pytest.approx(0.77, abs=0.03)
    assert page.evaluate("scrollY") == scroll, "dragging a valve must not scroll the page"
    bar = cell(page, "gradient", 2, 15)
    tap(page, bar)
    check_lstm(page)
    assert page.locator(".lf-result").get_attribute("data-step") == "15"
    assert page.locator(".lf-result").get_attribute("data-result") == "gradient"


def test_lstm_cell_steps_and_bad_numbers(open_page):
    page = show(open_page, "lstm-cell")
    typed = page.get_by_label("steps with these gates, typed")
    typed.fill("30")
    assert len(series(page, "c")) == 31
    check_lstm(page)
    typed.fill("3")
    assert page.locator(".lf-result").get_attribute("data-step") == "3"
    check_lstm(page)
    for name, text, message in (
        ("steps with these gates", "31", "from 1 to 30"),
        ("f, forget", "1.2", "from 0 to 1"),
        ("g, candidate", "-1.5", "from -1 to 1"),
        ("c₀, old cell", "", "from -3 to 3"),
    ):
        refuses(page, f"{name}, typed", text, message)
        check_lstm(page)


@at_widths
def test_lstm_cell_fits_and_axe_finds_nothing(open_page, width, dark):
    fits_and_axe_finds_nothing(show(open_page, "lstm-cell", width=width, dark=dark), width)


def test_lstm_cell_draws_anew_at_another_width(open_page):
    narrower(show(open_page, "lstm-cell", width=900))


def test_lstm_cell_shows_only_words_from_labels(open_page):
    """With every label replaced no English word is left, in the text or for a screen reader."""
    page = show_wordless(open_page, "lstm-cell")
    assert words(page) - {"tanh"} == set()
