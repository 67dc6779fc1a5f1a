"""The unrolled network, used by hand: every number equals PyTorch's."""

import pytest
import torch
from figures import (
    at_widths,
    cell,
    close,
    double,
    drag,
    fits_and_axe_finds_nothing,
    marked,
    narrower,
    number,
    press,
    read,
    show,
    show_wordless,
    tap,
    touch_drag,
    words,
)
from torch import nn

pytestmark = pytest.mark.browser

SETTINGS = {
    "x": [[1, 0.5], [-0.5, 1], [2, -1.5], [0.25, 0.75]],
    "W": [[0.8, -0.6], [-0.5, 0.3]],
    "U": [[0.7, -0.9], [0.4, 1.1]],
    "b": [0.3, -0.2],
    "h0": [0.6, -0.4],
    "g": [[0.5, -1], [0, 0], [-0.75, 2], [1, 0.25]],
}


def network(page):
    """``nn.RNN`` with the weights that the page shows; x (1, t, d), h0 (1, 1, 2)."""
    weights = {name: read(page, name) for name in ("W", "U", "b", "h0")}
    x = read(page, "x").T[None].requires_grad_()
    rnn = nn.RNN(x.shape[2], 2, batch_first=True).double()
    with torch.no_grad():
        rnn.weight_ih_l0.copy_(weights["W"])
        rnn.weight_hh_l0.copy_(weights["U"])
        rnn.bias_ih_l0.copy_(weights["b"][:, 0])
        rnn.bias_hh_l0.zero_()
    return rnn, x, weights["h0"].T[None].contiguous().requires_grad_()


def check_forward(page, step):
    """States and pre-activations up to ``step`` (from 1); none are shown after it."""
    rnn, x, h0 = network(page)
    h = rnn(x, h0)[0][0].T.detach()
    for name, expected in (("h", h), ("a", torch.atanh(h))):
        shown = page.locator(f"[data-grid={name}][data-value]")
        assert shown.count() == 2 * step
        close(shown_part(page, name, slice(0, step)), expected[:, :step])
    assert page.locator(".lf-result").get_attribute("data-value") == str(step)
    assert marked(page, "h", "pick") == [(0, step - 1), (1, step - 1)]
    return h


def shown_part(page, name, columns):
    """The columns of a grid whose other columns are not computed yet."""
    cells = page.eval_on_selector_all(
        f"[data-grid={name}][data-value]",
        "cells => cells.map(c => [c.dataset.row, c.dataset.col, c.dataset.value].map(Number))",
    )
    found = {(int(row), int(column)): value for row, column, value in cells}
    places = sorted({column for _, column in found})
    assert places == list(range(columns.start, columns.stop)), "which steps are shown"
    rows = range(1 + max(row for row, _ in found))
    return double([[found[r, c] for c in places] for r in rows])


def gradients(page, g, step):
    """By autograd: total and direct gradients of every state, and sums from ``step`` to the end.

    The network is run as ``nn.RNN`` would run it, with a zero added to every pre-activation: its
    gradient is that of the pre-activation.
    """
    rnn, x, h0 = network(page)
    steps = x.shape[1]
    weights = [rnn.weight_ih_l0, rnn.weight_hh_l0, rnn.bias_ih_l0]
    # One copy of the weights a step: the sum over the later copies is what is summed "so far".
    copies = [[w.detach().clone().requires_grad_() for w in weights] for _ in range(steps)]
    zero = torch.zeros(steps, 2).double().requires_grad_()
    states = [h0[0, 0]]
    for t in range(steps):
        w, u, b = copies[t]
        states.append(torch.tanh(w @ x[0, t] + u @ states[-1] + b + zero[t]))
    out = torch.stack(states[1:])
    torch.testing.assert_close(out, rnn(x, h0)[0][0])
    total = (out * g.T).sum()
    flat = [w for copy in copies for w in copy]
    wanted = torch.autograd.grad(total, [*states, zero, *flat], retain_graph=True)
    dh = torch.stack(wanted[1 : steps + 1])
    parts = [wanted[steps + 2 + k :: 3] for k in range(3)]
    sums = [sum(part[step - 1 :]) for part in parts]
    if step == 1:
        whole = torch.autograd.grad((rnn(x, h0)[0][0] * g.T).sum(), weights)
        for a, b in zip(sums, whole, strict=True):
            torch.testing.assert_close(a, b)
    return {
        "dh": dh.T,
        "da": wanted[steps + 1].T,
        "through": dh.T - g,
        "norm": dh.norm(dim=1)[None],
        "dW": sums[0],
        "dU": sums[1],
        "db": sums[2][:, None],
        "dh0": wanted[0][:, None],
        "part": [part[step - 1] for part in parts],
    }


def check_backward(page, step):
    g = read(page, "g")
    expected = gradients(page, g, step)
    columns = slice(step - 1, g.shape[1])
    for name in ("dh", "da", "through", "norm"):
        close(shown_part(page, name, columns), expected[name][:, columns])
    for name in ("dW", "dU", "db"):
        close(read(page, name), expected[name])
    for name, part in zip(("dW", "dU", "db"), expected["part"], strict=True):
        small = page.locator(f"[data-grid={name}] .lf-sub").all_inner_texts()
        small = double([float(text.replace("−", "-")) for text in small])
        torch.testing.assert_close(small, part.flatten(), rtol=0, atol=6e-4)
    if step == 1:
        close(read(page, "dh0"), expected["dh0"])
    else:
        assert page.locator("[data-grid=dh0][data-value]").count() == 0
    assert page.locator(".lf-result").get_attribute("data-value") == str(step)
    # The bars: wide for the total gradient, thin for its direct part.
    bars = page.eval_on_selector_all(
        "[data-grid=norm]",
        "cells => cells.map(c => ['--lf-bar', '--lf-direct'].map("
        "name => parseFloat(c.style.getPropertyValue(name))))",
    )
    bars = double(bars).T[:, columns]
    both = torch.stack([expected["norm"][0], g.norm(dim=0)])
    close(bars / 100, both[:, columns] / max(both.max(), 1e-9))
    return expected


@pytest.mark.parametrize("data", [{}, SETTINGS], ids=["default", "two inputs"])
def test_unrolled_steps_forward(open_page, data):
    page = show(open_page, "unrolled", data)
    steps = len(data.get("x", range(5)))
    check_forward(page, 1)
    assert marked(page, "h0", "lit") == [(0, 0), (1, 0)]
    for step in range(2, steps + 1):
        press(page, "Next")
        check_forward(page, step)
        assert marked(page, "h", "lit") == [(0, step - 2), (1, step - 2)]
        assert {column for _, column in marked(page, "x", "lit")} == {step - 1}
    press(page, "Next")
    check_forward(page, steps)
    press(page, "Back")
    check_forward(page, steps - 1)
    press(page, "Start")
    check_forward(page, 1)
    press(page, "End")
    h = check_forward(page, steps)
    assert h[0].abs().sub(h[1].abs()).abs().min() > 1e-3, "the units are told apart"


def test_unrolled_writes_the_sum_in_numbers(open_page):
    page = show(open_page, "unrolled", {**SETTINGS, "step": 3})
    rnn, x, h0 = network(page)
    h = rnn(x, h0)[0][0].detach()
    lines = page.locator(".lf-result div").all_inner_texts()
    for k, line in enumerate(lines):
        line = line.replace("\n", "")
        factors = [*zip(SETTINGS["W"][k], SETTINGS["x"][2], strict=True)]
        factors += zip(SETTINGS["U"][k], h[1].tolist(), strict=True)
        brackets = [[f"({number(v)})" if v < 0 else number(v) for v in pair] for pair in factors]
        a = torch.atanh(h[2, k]).item()
        b = SETTINGS["b"][k]
        sum_text = " + ".join("×".join(pair) for pair in brackets)
        sum_text += f" + {f'({number(b)})' if b < 0 else number(b)} ≈ {number(a)}"
        assert line == f"a3,{k + 1} = {sum_text}; h3,{k + 1} = tanh({number(a)}) ≈ " + number(
            h[2, k].item()
        )


@pytest.mark.parametrize("data", [{}, SETTINGS], ids=["default", "two inputs"])
def test_unrolled_steps_backward_and_sums_the_gradients(open_page, data):
    page = show(open_page, "unrolled", {**data, "view": "backward"})
    steps = len(data.get("x", range(5)))
    for step in range(steps, 0, -1):
        expected = check_backward(page, step)
        assert marked(page, "dh", "pick") == [(0, step - 1), (1, step - 1)]
        lit = [(0, step), (1, step)] if step < steps else []
        assert marked(page, "da", "lit") == lit
        press(page, "Next")
    check_backward(page, 1)
    assert expected["through"].abs().max() > 0.1, "something must come through time"
    press(page, "Back")
    check_backward(page, 2)
    press(page, "Start")
    check_backward(page, steps)


def test_unrolled_writes_direct_and_through_time_apart(open_page):
    page = show(open_page, "unrolled", {**SETTINGS, "view": "backward", "step": 3})
    expected = check_backward(page, 3)
    g = read(page, "g")
    lines = page.locator(".lf-result div").all_inner_texts()
    for k, line in enumerate(lines):
        through, total = expected["through"][k, 2].item(), expected["dh"][k, 2].item()
        inside = f"({number(through)})" if through < 0 else number(through)
        assert f"= {number(g[k, 2].item())} (direct) + {inside} (through time)" in line
        assert f"≈ {number(total)}" in line
        assert line.endswith(f"≈ {number(expected['da'][k, 2].item())}")


def test_unrolled_loss_is_read_at_chosen_steps(open_page):
    page = show(open_page, "unrolled", {"view": "backward", "step": 1})
    boxes = page.get_by_role("checkbox")
    assert [boxes.nth(t).is_checked() for t in range(5)] == [False, False, True, False, True]
    page.get_by_label("the loss reads step 3").uncheck()
    assert read(page, "g")[:, 2].tolist() == [0, 0]
    only_last = check_backward(page, 1)
    # The loss reads only the last state: what arrives is a product of Jacobians.
    assert only_last["norm"][0, 0] < only_last["norm"][0, 4]
    page.get_by_label("the loss reads step 3").check()
    assert read(page, "g")[:, 2].tolist() == [0.5, -1], "its gradient comes back"
    page.get_by_label("the loss reads step 2").check()
    assert (read(page, "g")[:, 1] != 0).all()
    check_backward(page, 1)
    cell(page, "g", 1, 0).click()
    page.keyboard.type("-1.25")
    page.keyboard.press("Enter")
    assert page.get_by_label("the loss reads step 1").is_checked()
    assert read(page, "g")[:, 0].tolist() == [0, -1.25]
    check_backward(page, 1)
    for t in range(5):
        boxes.nth(t).uncheck()
    assert all(value == 0 for value in read(page, "dU").flatten())
    press(page, "Reset")
    assert [boxes.nth(t).is_checked() for t in range(5)] == [False, False, True, False, True]
    check_backward(page, 1)


def test_unrolled_comes_back_to_the_step_that_the_page_began_with(open_page):
    page = show(open_page, "unrolled", {"step": 3})
    check_forward(page, 3)
    page.get_by_label("step t", exact=True).locator("visible=true").last.press("End")
    check_forward(page, 5)
    press(page, "Reset")
    check_forward(page, 3)


def test_unrolled_by_keyboard_alone(open_page):
    page = show(open_page, "unrolled")
    page.keyboard.press("Tab")
    while page.evaluate("document.activeElement.type") != "range":
        page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.ariaLabel") == "step t"
    for key in ("ArrowRight", "ArrowRight", "ArrowLeft", "End"):
        page.keyboard.press(key)
    check_forward(page, 5)
    page.keyboard.press("Home")
    check_forward(page, 1)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.dataset.grid") == "h", "one tab stop a grid"
    for key in ("ArrowRight", "ArrowDown", "ArrowRight", "Enter"):
        page.keyboard.press(key)
    check_forward(page, 3)
    while page.evaluate("document.activeElement.dataset.grid") != "U":
        page.keyboard.press("Tab")
    page.keyboard.press("ArrowRight")
    page.keyboard.type("-1.75")
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Escape")
    page.keyboard.press("Enter")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    assert read(page, "U")[0, 1] == -1.85
    check_forward(page, 3)
    name = cell(page, "h", 1, 4).get_attribute("aria-label")
    assert name == "row 2, step 5, value not yet computed"
    assert cell(page, "U", 0, 1).get_attribute("aria-label") == "row 1, column 2, value −1.85"


def test_unrolled_mouse_drag_and_typing_change_numbers(open_page):
    page = show(open_page, "unrolled", {**SETTINGS, "view": "backward", "step": 1})
    for grid, row, column, up, change in (
        ("U", 1, 0, 25, 0.3),
        ("W", 0, 1, -17, -0.2),
        ("b", 1, 0, 9, 0.1),
        ("h0", 0, 0, -33, -0.4),
        ("x", 1, 2, 17, 0.2),
        ("g", 0, 3, 41, 0.5),
    ):
        before = read(page, grid)
        drag(page, cell(page, grid, row, column), up)
        moved = read(page, grid) - before
        assert moved[row, column] == pytest.approx(change) and moved.count_nonzero() == 1
        check_backward(page, 1)
    page.get_by_label("value of the cell last touched", exact=True).locator("input").fill(
        "0.123456"
    )
    assert read(page, "g")[0, 3] == 0.123456
    check_backward(page, 1)


def test_unrolled_by_touch(open_page):
    page = show(open_page, "unrolled", width=390, height=600, touch=True)
    tap(page, cell(page, "h", 0, 3))
    check_forward(page, 4)
    target = cell(page, "U", 0, 1)
    target.evaluate("node => node.scrollIntoView({block: 'center'})")  # not under the answer
    before = read(page, "U")
    touch_drag(page, target, 41)
    assert (read(page, "U") - before)[0, 1].item() == pytest.approx(0.5)
    tap(page, page.get_by_label("raise the value by 0.1"))
    assert (read(page, "U") - before)[0, 1].item() == pytest.approx(0.6)
    check_forward(page, 4)


def test_unrolled_bad_numbers_say_so(open_page):
    page = show(open_page, "unrolled", SETTINGS)
    box = page.get_by_label("value of the cell last touched", exact=True).locator("input")
    for text in ("100", ""):
        box.fill(text)
        assert box.get_attribute("aria-invalid") == "true"
        assert "a number from -99 to 99" in page.locator(".lf-result").inner_text()
        assert page.locator(".lf-result").get_attribute("data-result") == "error"
        assert read(page, "U")[0, 0] == 0.7, "the last good number stays"
    box.fill("0.5")
    check_forward(page, 1)
    box.fill("")
    box.blur()
    assert box.input_value() == "0.5"
    check_forward(page, 1)
    press(page, "Reset")
    assert read(page, "U")[0, 0] == 0.7


def test_unrolled_a_good_number_ends_the_error_where_the_loss_reads_nothing(open_page):
    page = show(open_page, "unrolled", {"view": "backward"})
    cell(page, "g", 0, 1).click()
    box = page.get_by_label("value of the cell last touched", exact=True).locator("input")
    box.fill("100")
    assert page.locator(".lf-result").get_attribute("data-result") == "error"
    box.fill("0")
    assert page.locator(".lf-result").get_attribute("data-result") == "backward"
    assert not page.get_by_label("the loss reads step 2").is_checked()


def test_unrolled_says_what_is_lit_and_what_a_step_adds(open_page):
    page = show(open_page, "unrolled", {"step": 3})
    label = cell(page, "h", 0, 1).get_attribute("aria-label")
    assert label.startswith("row 1, step 2, value ") and label.endswith(", lit")
    page.locator("[data-option=backward]").click()
    part = cell(page, "dU", 1, 0).locator(".lf-sub").inner_text()
    assert cell(page, "dU", 1, 0).get_attribute("aria-label").endswith(f", {part}")


DATA = {"step": 2}


@at_widths
def test_unrolled_fits_and_axe_finds_nothing(open_page, width, dark):
    fits_and_axe_finds_nothing(show(open_page, "unrolled", DATA, width=width, dark=dark), width)


def test_unrolled_draws_anew_at_another_width(open_page):
    narrower(show(open_page, "unrolled", DATA, width=900))


def test_unrolled_shows_only_words_from_labels(open_page):
    """With every label replaced no English word is left, in the text or for a screen reader."""
    page = show_wordless(open_page, "unrolled", DATA)
    assert words(page) - {"tanh"} == set()
