"""The live figures about recurrent networks, used by hand: every number equals PyTorch's."""

import math

import pytest
import torch
from test_live_figures import (
    cell,
    close,
    drag,
    fits_and_axe_finds_nothing,
    marked,
    read,
    show,
    show_wordless,
    touch_drag,
    words,
)
from torch import nn

from bigmodel_utils.live.schema_recurrent import randoms

pytestmark = pytest.mark.browser


def double(values):
    return torch.tensor(values, dtype=torch.float64)


def press(page, name):
    page.get_by_role("button", name=name, exact=True).click()


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


# The unrolled network

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


def number(value):
    return f"{round(value, 3):g}".replace("-", "−")


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
    check_backward(page, 5)


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


# Gradient against distance

UNITS = 8


def matrix_of(name, rho):
    """The recurrent weights, made here from the generator and PyTorch's eigenvalues."""
    if name == "rotation":
        angles = double([0.4, 1.1, 1.9, 2.6])
        turns = torch.stack([angles.cos(), -angles.sin(), angles.sin(), angles.cos()], 1)
        return rho * torch.block_diag(*turns.view(4, 2, 2))
    weights = double(randoms(int(name[-1]), UNITS**2)).view(UNITS, UNITS)
    return rho * weights / torch.linalg.eigvals(weights).abs().max()


def distances(name, rho, window, activation, scale, steps):
    """By autograd: the gradient's length at every distance; the truncated gradient's error.

    Truncation is what a training loop does: the state before the window is detached.
    """
    numbers = double(randoms(100, UNITS * (steps + 2))).view(steps + 2, UNITS)
    h0, x, upstream = numbers[0], scale * numbers[1:-1], numbers[-1]
    rnn = nn.RNN(UNITS, UNITS, bias=False).double()
    with torch.no_grad():
        rnn.weight_ih_l0.copy_(torch.eye(UNITS))
        rnn.weight_hh_l0.copy_(matrix_of(name, rho))
    weight = rnn.weight_hh_l0

    def run(start, inputs):
        states = [start]
        for now in inputs:
            a = weight @ states[-1] + now
            states.append(torch.tanh(a) if activation == "tanh" else a)
        return states

    states = run(h0.clone().requires_grad_(), x)
    if activation == "tanh":
        torch.testing.assert_close(states[-1], rnn(x, h0[None])[0][-1])
    loss = states[-1] @ (upstream / upstream.norm())
    *found, full = torch.autograd.grad(loss, [*states[1:], weight])
    late = run(states[steps - window].detach(), x[steps - window :])[-1]
    cut = torch.autograd.grad(late @ (upstream / upstream.norm()), weight)[0]
    return torch.stack(found).norm(dim=1).flip(0), ((full - cut).norm() / full.norm()).item()


def settings_of(page):
    """What the controls show."""
    values = {}
    for key, name in (
        ("rho", "spectral radius ρ of U"),
        ("window", "window k (steps)"),
        ("scale", "size of the inputs"),
        ("distance", "distance d (steps)"),
    ):
        values[key] = float(page.get_by_role("slider", name=name, exact=True).input_value())
        typed = float(page.get_by_label(f"{name}, typed").input_value())
        assert typed == pytest.approx(values[key], abs=0.0501 if key == "scale" else 0.00501)
        values[key] = typed
    values["name"] = page.get_by_role("combobox", name="recurrent weights U").input_value()
    pressed = page.locator("[aria-label=activation] [aria-pressed=true]")
    values["activation"] = pressed.get_attribute("data-option")
    return values


def check_distance(page):
    """Every dot, the line and the result against autograd, at the settings shown."""
    now = settings_of(page)
    distance, window = int(now.pop("distance")), int(now.pop("window"))
    shown = read(page, "norm")[0]
    norms, bias = distances(window=window, steps=len(shown), **now)
    torch.testing.assert_close(shown, norms, rtol=1e-7, atol=0)
    box = page.locator(".lf-result")
    values = [float(box.get_attribute(f"data-{key}")) for key in ("value", "closed", "bias")]
    assert values == pytest.approx(
        [norms[distance].item(), now["rho"] ** distance, bias], rel=1e-6, abs=1e-12
    )
    assert (box.get_attribute("data-lost") == "true") == (distance >= window)
    assert ("zero" in box.inner_text()) == (distance >= window)
    lost = [column for _, column in marked(page, "norm", "lost")]
    assert lost == list(range(window, len(shown)))
    assert (page.locator(".lf-hatch").count() > 0) == (window < len(shown))
    # A dot stands where the axis says: the rules are at every second power of ten.
    rules = page.eval_on_selector_all(".lf-rule", "n => n.map(r => Number(r.getAttribute('y1')))")
    rules.sort(reverse=True)
    per_power = (rules[0] - rules[1]) / 2
    dots = page.eval_on_selector_all(
        "[data-grid=norm]:not([visibility])",
        "n => n.map(d => [d.dataset.col, d.getAttribute('cx'), d.getAttribute('cy')].map(Number))",
    )
    assert dots
    for column, _, y in dots:
        power = -10 + (rules[0] - y) / per_power
        assert power == pytest.approx(norms[int(column)].log10().item(), abs=1e-6)
    if window < len(shown):
        edge = float(page.locator(".lf-edge").get_attribute("x1"))
        step = dots[1][1] - dots[0][1]
        assert edge == pytest.approx(dots[0][1] + (window - 0.5) * step)
    # The dashed line: from 1 at distance 0, a factor ρ a step.
    (x0, y0), (x1, y1) = (
        [float(v) for v in point.split()]
        for point in page.locator(".lf-closed").get_attribute("d")[1:].split("L")
    )
    drop = (y0 - y1) / per_power
    steps = (x1 - x0) / (dots[1][1] - dots[0][1])
    assert y0 == pytest.approx(rules[5])
    assert drop == pytest.approx(steps * math.log10(now["rho"]), abs=1e-6)
    return norms, bias


@pytest.mark.parametrize("activation", ["linear", "tanh"])
@pytest.mark.parametrize("matrix", ["rotation", "random 1", "random 2", "random 3"])
def test_gradient_distance_settings_by_the_controls(open_page, matrix, activation):
    page = show(open_page, "gradient-distance", {"steps": 30})
    page.get_by_role("combobox", name="recurrent weights U").select_option(matrix)
    page.locator(f"[data-option={activation}]").click()
    errors = []
    for rho, window, scale in ((0.45, 3, 0.3), (1.05, 12, 1.2), (1.5, 29, 0)):
        page.get_by_label("spectral radius ρ of U, typed").fill(str(rho))
        page.get_by_label("window k (steps), typed").fill(str(window))
        page.get_by_label("size of the inputs, typed").fill(str(scale))
        for distance in (window - 1, window):
            page.get_by_label("distance d (steps), typed").fill(str(distance))
            norms, bias = check_distance(page)
        errors.append(bias)
        exact = rho ** torch.arange(30).double()
        closed = (norms / exact - 1).abs().max() < 1e-9
        assert closed == ((matrix, activation) == ("rotation", "linear"))
    assert min(errors) > 1e-4, "a window must cost something here"


def test_gradient_distance_without_a_window_is_exact(open_page):
    page = show(open_page, "gradient-distance", {"rho": 1.2, "window": "all", "matrix": "random 2"})
    assert check_distance(page)[1] == 0
    assert "No window" in page.locator(".lf-result").inner_text()
    window = page.get_by_role("slider", name="window k (steps)", exact=True)
    assert window.get_attribute("aria-valuetext") == "all"
    window.focus()
    page.keyboard.press("ArrowLeft")
    assert window.get_attribute("aria-valuetext") == ""
    assert check_distance(page)[1] > 0
    assert "Window of 39 steps" in page.locator(".lf-result").inner_text()


def test_gradient_distance_by_keyboard_alone(open_page):
    page = show(open_page, "gradient-distance")
    for name, keys in (
        ("spectral radius ρ of U", ["ArrowRight"] * 3),
        ("window k (steps)", ["Home", "ArrowRight", "ArrowUp"]),
        ("distance d (steps)", ["End", "ArrowLeft"]),
    ):
        for _ in range(20):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement.ariaLabel") == name:
                break
        for key in keys:
            page.keyboard.press(key)
    now = settings_of(page)
    assert (now["rho"], now["window"], now["distance"]) == (0.93, 3, 38)
    check_distance(page)
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"


def test_gradient_distance_by_mouse_and_touch(open_page):
    page = show(open_page, "gradient-distance", {"window": 8})
    plot = page.locator(".lf-plot")
    places = [page.locator(f"[data-grid=norm][data-col='{d}']").bounding_box() for d in (4, 21)]
    (x, y), (to, _) = [(b["x"] + b["width"] / 2, b["y"] + b["height"] / 2) for b in places]
    page.mouse.move(x, y + 40)
    page.mouse.down()
    assert settings_of(page)["distance"] == 4
    page.mouse.move(to, y + 20, steps=3)
    page.mouse.up()
    page.mouse.move(x, y)
    assert settings_of(page)["distance"] == 21
    check_distance(page)
    press(page, "Reset")
    assert settings_of(page)["distance"] == 10
    page = show(open_page, "gradient-distance", {"window": 8}, width=390, touch=True)
    plot = page.locator(".lf-plot")
    assert plot.bounding_box()["width"] <= 390
    box = page.locator("[data-grid=norm][data-col='30']").bounding_box()
    page.touchscreen.tap(box["x"] + box["width"] / 2, box["y"] - 30)
    assert settings_of(page)["distance"] == 30
    check_distance(page)


def test_gradient_distance_bad_numbers_say_so(open_page):
    page = show(open_page, "gradient-distance", {"window": 8})
    for name, text, message in (
        ("spectral radius ρ of U", "1.6", "from 0.3 to 1.5"),
        ("spectral radius ρ of U", "", "from 0.3 to 1.5"),
        ("window k (steps)", "0", "from 1 to 40"),
        ("window k (steps)", "2.5", "Only whole steps"),
        ("distance d (steps)", "40", "from 0 to 39"),
    ):
        box = page.get_by_label(f"{name}, typed")
        box.fill(text)
        assert message in page.locator(".lf-result").inner_text()
        assert page.locator(".lf-result").get_attribute("data-result") == "error"
        assert box.get_attribute("aria-invalid") == "true"
        box.blur()
        assert box.get_attribute("aria-invalid") == "false"
        check_distance(page)


# The LSTM cell


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
    valve(page, "o").focus()
    page.keyboard.press("Home")
    assert series(page, "h").tolist() == [0] * 6


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
        box = page.get_by_label(f"{name}, typed")
        box.fill(text)
        assert message in page.locator(".lf-result").inner_text()
        assert box.get_attribute("aria-invalid") == "true"
        box.blur()
        check_lstm(page)


# All three

DATA = {"unrolled": {"step": 2}, "gradient-distance": {"window": 9}, "lstm-cell": {}}


@pytest.mark.parametrize("name", DATA)
@pytest.mark.parametrize(("width", "dark"), [(390, True), (390, False), (900, True), (320, False)])
def test_recurrent_figures_fit_and_axe_finds_nothing(open_page, name, width, dark):
    fits_and_axe_finds_nothing(show(open_page, name, DATA[name], width=width, dark=dark), width)


@pytest.mark.parametrize("name", DATA)
def test_recurrent_figures_draw_anew_at_another_width(open_page, name):
    page = show(open_page, name, DATA[name], width=900)
    page.set_viewport_size({"width": 390, "height": 700})
    page.wait_for_function(
        """() => [...document.querySelectorAll('.lf-plot')]
            .every((plot) => plot.getBoundingClientRect().right <= 390)"""
    )
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


@pytest.mark.parametrize("name", DATA)
def test_recurrent_figures_show_only_words_from_labels(open_page, name):
    """With every label replaced no English word is left, in the text or for a screen reader."""
    page = show_wordless(open_page, name, DATA[name])
    assert words(page) - {"tanh"} == set()
