"""The playground, used by hand: its loss, gradients and steps are PyTorch's."""

import json

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
    refuses,
    show,
    show_wordless,
    tap,
    words,
)
from torch.nn import functional

from bigmodel_utils.live.figures.gradient_distance.figure import randoms
from bigmodel_utils.live.figures.playground.figure import POINTS

pytestmark = pytest.mark.browser

NAME = "playground"


def state(page):
    """What the page shows: step, loss, right, weights, gradient and the last losses."""
    box = page.locator(".lf-result")
    read = {key: box.get_attribute(f"data-{key}") for key in ("step", "value", "right")}
    lists = {
        key: double(json.loads(box.get_attribute(f"data-{key}")))
        for key in ("weights", "gradient", "losses")
    }
    return {
        "step": int(read["step"]),
        "loss": float(read["value"]),
        "right": int(read["right"]),
    } | (lists)


class Net:
    """The same network out of PyTorch's layers, with the page's weights."""

    def __init__(self, weights, points, activation):
        units = weights[:-1].reshape(-1, 4)
        first, last = (
            torch.nn.Linear(2, len(units)).double(),
            torch.nn.Linear(len(units), 1).double(),
        )
        with torch.no_grad():
            first.weight.copy_(units[:, :2])
            first.bias.copy_(units[:, 2])
            last.weight.copy_(units[:, 3][None])
            last.bias.copy_(weights[-1:])
        bend = {"tanh": torch.nn.Tanh(), "relu": torch.nn.ReLU()}[activation]
        self.first, self.last = first, last
        self.model = torch.nn.Sequential(first, bend, last)
        self.x, self.t = double(POINTS[points])[:, :2], double(POINTS[points])[:, 2]

    def loss(self):
        return functional.binary_cross_entropy_with_logits(self.model(self.x)[:, 0], self.t)

    def right(self):
        return int(((self.model(self.x)[:, 0] > 0) == (self.t > 0.5)).sum())

    def flat(self, of):
        units = torch.cat(
            [of(self.first.weight), of(self.first.bias)[:, None], of(self.last.weight).T], 1
        )
        return torch.cat([units.flatten(), of(self.last.bias)]).detach()


def check(page, points, activation):
    """Compare loss, gradient and points on the right side; return the state and the network."""
    now = state(page)
    net = Net(now["weights"], points, activation)
    net.model.zero_grad()
    net.loss().backward()
    assert now["loss"] == pytest.approx(net.loss().item(), abs=1e-12)
    assert now["right"] == net.right()
    torch.testing.assert_close(now["gradient"], net.flat(lambda p: p.grad), rtol=0, atol=1e-12)
    return now, net


def descend(net, rate, steps):
    """So many steps of PyTorch's SGD; return the losses after each."""
    optimizer, losses = torch.optim.SGD(net.model.parameters(), lr=rate), []
    start = net.flat(lambda p: p.detach().clone())
    with torch.no_grad():  # an optimiser may be disguised: it begins where the page does
        units = start[:-1].reshape(-1, 4)
        net.first.weight.copy_(units[:, :2])
    for _ in range(steps):
        optimizer.zero_grad()
        net.loss().backward()
        optimizer.step()
        losses.append(net.loss().item())
    return double(losses)


@pytest.mark.parametrize("activation", ["tanh", "relu"])
@pytest.mark.parametrize("points", POINTS)
def test_playground_first_steps(open_page, points, activation):
    data = {"set": points, "activation": activation, "width": 5, "rate": 0.7, "seed": 3}
    page = show(open_page, NAME, data)
    before, net = check(page, points, activation)
    assert before["step"] == 0 and before["gradient"].abs().min() >= 0
    assert before["gradient"].norm() > 1e-3
    losses = descend(net, 0.7, 11)
    press(page, "1 step")
    after, _ = check(page, points, activation)
    assert after["step"] == 1 and after["loss"] == pytest.approx(losses[0].item(), abs=1e-12)
    press(page, "10 steps")
    after, _ = check(page, points, activation)
    assert after["step"] == 11
    close(after["losses"], losses)
    close(after["weights"], net.flat(lambda p: p))


def test_playground_starts_by_seed(open_page):
    page = show(open_page, NAME, {"width": 2, "seed": 4})
    start = randoms(4 * 7919, 3 + 8)[3:]
    expected = double(start).reshape(2, 4) * double([2, 2, 1, 1])
    close(state(page)["weights"], torch.cat([expected.flatten(), double([0])]))
    page.get_by_label("start, typed").fill("5")
    assert not torch.equal(state(page)["weights"][:8], expected.flatten())


def test_playground_runs_pauses_and_learns(open_page):
    page = show(open_page, NAME, {"set": "circle", "width": 4, "rate": 2})
    press(page, "Run")
    page.wait_for_function("document.querySelector('.lf-result').dataset.step > 400")
    press(page, "Pause")
    now, _ = check(page, "circle", "tanh")
    assert now["right"] == 40 and now["loss"] < 0.1
    page.wait_for_timeout(200)
    assert state(page)["step"] == now["step"], "paused"
    press(page, "Reset")
    now, _ = check(page, "circle", "tanh")
    assert now["step"] == 0 and now["loss"] > 0.3


def test_playground_settings_begin_anew_but_the_rate(open_page):
    page = show(open_page, NAME)
    press(page, "10 steps")
    page.get_by_label("rate, typed").fill("0.3")
    before, net = check(page, "moons", "tanh")
    assert before["step"] == 10
    losses = descend(net, 0.3, 1)
    press(page, "1 step")
    assert state(page)["loss"] == pytest.approx(losses[0].item(), abs=1e-12)
    page.get_by_label("hidden units, typed").fill("7")
    now, _ = check(page, "moons", "tanh")
    assert now["step"] == 0 and len(now["weights"]) == 29
    press(page, "10 steps")
    choose(page, "points", "xor")
    assert check(page, "xor", "tanh")[0]["step"] == 0
    press(page, "10 steps")
    press(page, "ReLU")
    assert check(page, "xor", "relu")[0]["step"] == 0


def test_playground_paints_what_the_network_sees(open_page):
    page = show(open_page, NAME, {"set": "xor", "width": 6, "rate": 2})
    for _ in range(10):
        press(page, "10 steps")
    _, net = check(page, "xor", "tanh")
    seen = page.eval_on_selector_all(
        ".lf-map > g:first-child rect", "r => r.map(n => n.getAttribute('class') === 'lf-one')"
    )
    side = round(len(seen) ** 0.5)
    at = ((torch.arange(side).double() + 0.5) / side * 2 - 1) * 1.75
    grid = torch.stack(torch.meshgrid(-at, at, indexing="ij")[::-1], -1).reshape(-1, 2)
    assert torch.equal(torch.tensor(seen), net.model(grid)[:, 0] > 0)
    assert 0.2 < sum(seen) / len(seen) < 0.8


def test_playground_bad_numbers(open_page):
    page = show(open_page, NAME)
    now, _ = check(page, "moons", "tanh")
    for name, text, message in (
        ("hidden units", "9", "a whole number from 1 to 8"),
        ("hidden units", "2.5", "a whole number from 1 to 8"),
        ("rate", "0", "a number from 0.1 to 5"),
        ("start", "", "a whole number from 1 to 9"),
    ):
        refuses(page, f"{name}, typed", text, message)
        assert torch.equal(check(page, "moons", "tanh")[0]["weights"], now["weights"])


def test_playground_by_touch(open_page):
    page = show(open_page, NAME, width=390, height=700, touch=True)
    tap(page, page.get_by_role("button", name="10 steps", exact=True))
    assert check(page, "moons", "tanh")[0]["step"] == 10


@at_widths
def test_playground_fits_and_axe_finds_nothing(open_page, width, dark):
    fits_and_axe_finds_nothing(show(open_page, NAME, width=width, dark=dark), width)


def test_playground_draws_anew_at_another_width(open_page):
    narrower(show(open_page, NAME, width=900))


def test_playground_shows_only_words_from_labels(open_page):
    """With every label replaced no English word is left, in the text or for a screen reader."""
    page = show_wordless(open_page, NAME)
    assert words(page) == set()
