"""The tree of continuations, used by hand: every probability equals what PyTorch computes."""

import math

import pytest
import torch
from figures import (
    at_widths,
    close,
    double,
    fits_and_axe_finds_nothing,
    press,
    read,
    result,
    show,
    show_wordless,
    tap,
    words,
)

from bigmodel_utils.live.figures.gradient_distance.figure import randoms

pytestmark = pytest.mark.browser

HEATS = [0.5, 1, 2]
# Logits of the whole vocabulary after each stored text; the first two are stored. The greedy path
# " a" is not the likeliest one: after " b" one token is nearly sure.
LOGITS = {
    (): [1.3, 1.1, 0.4, -0.2, -3.0],
    (0,): [0.5, 0.2, 0.1, 0.0, -0.1],
    (1,): [4.0, -1.0, -1.5, -2.0, -2.5],
}
TOKENS = {(): [" a", " b"], (0,): ["x", "\n"], (1,): [" ", "<b>"]}


def tree(place=()):
    logits = double(LOGITS[place])
    logits = logits - logits.max()
    return {
        "log_z": [torch.logsumexp(logits / t, 0).item() for t in HEATS],
        "next": [
            {"token": token, "logit": logits[i].item()}
            | (tree((*place, i)) if (*place, i) in LOGITS else {})
            for i, token in enumerate(TOKENS[place])
        ],
    }


DATA = {"prompt": "One", "temperatures": HEATS, "temperature": 1, "seed": 5, "tree": tree()}


def odds(place, heat):
    """The distribution over the whole vocabulary after a stored text."""
    return (double(LOGITS[place]) / heat).softmax(0)


def check(page, path, heat):
    """Compare the next tokens, all others' share and the path's probability."""
    assert page.locator(".lf-result").get_attribute("data-path") == " ".join(map(str, path))
    expected = math.prod(odds(tuple(path[:n]), heat)[i].item() for n, i in enumerate(path))
    assert result(page, "path") == pytest.approx(expected, rel=1e-9)
    if tuple(path) in LOGITS:
        p = odds(tuple(path), heat)
        close(read(page, "next")[:, 0], p[:2])
        close(read(page, "other")[:, 0], p[2:].sum()[None])
    else:
        assert page.locator("[data-grid=next]").count() == 0
    text = "One" + "".join(TOKENS[tuple(path[:n])][i] for n, i in enumerate(path))
    assert page.locator(".lf-text").text_content() == text.replace("\n", "⏎")


def choose_token(page, i):
    page.locator("[data-grid=next]").nth(i).click()


def test_walk_there_and_back(open_page):
    page = show(open_page, "continuations", DATA)
    check(page, [], 1)
    choose_token(page, 1)
    check(page, [1], 1)
    assert "2.34 bits" not in page.locator(".lf-result").inner_text()
    choose_token(page, 0)
    check(page, [1, 0], 1)
    p = (odds((), 1)[1] * odds((1,), 1)[0]).item()
    said = page.locator(".lf-result").inner_text()
    assert f"{-math.log2(p):.3g} bits" in said and "%" in said
    page.locator("[data-step='0']").click()
    check(page, [1], 1)
    press(page, "Back")
    check(page, [], 1)
    assert page.get_by_role("button", name="Back").is_disabled()


@pytest.mark.parametrize("heat", [0, 2])
def test_temperature_keeps_the_path(open_page, heat):
    page = show(open_page, "continuations", DATA)
    choose_token(page, 0)
    page.locator(f"[data-option=t{heat}]").click()
    check(page, [0], HEATS[heat])
    press(page, "Reset")
    check(page, [], 1)


def test_greedy_is_not_the_likeliest(open_page):
    page = show(open_page, "continuations", DATA)
    press(page, "Greedy path")
    check(page, [0, 0], 1)
    greedy = result(page, "path")
    press(page, "Likeliest stored path")
    check(page, [1, 0], 1)
    assert result(page, "path") > 2 * greedy


def test_draws_follow_the_probabilities(open_page):
    page = show(open_page, "continuations", DATA)
    numbers = iter((double(randoms(DATA["seed"], 60)) + 1) / 2)
    seen = set()
    for _ in range(20):
        press(page, "Draw a path")
        path, left = [], False
        while tuple(path) in LOGITS and not left:
            rest = next(numbers).item()
            steps = odds(tuple(path), 1)[:2].cumsum(0).tolist()
            token = next((i for i, p in enumerate(steps) if rest < p), None)
            left = token is None
            path += [] if left else [token]
        check(page, path, 1)
        assert page.locator(".lf-result").get_attribute("data-left") == str(left).lower()
        seen.add((tuple(path), left))
    assert len(seen) > 3 and any(left for _, left in seen)


def test_by_keyboard_and_touch(open_page):
    page = show(open_page, "continuations", DATA)
    page.locator("[data-grid=next]").first.focus()
    page.keyboard.press("Enter")
    check(page, [0], 1)
    assert page.evaluate("document.activeElement.dataset.grid") == "next", "the keys walk on"
    page.keyboard.press("Tab")
    page.keyboard.press(" ")
    check(page, [0, 1], 1)
    page = show(open_page, "continuations", DATA, width=390, height=900, touch=True)
    tap(page, page.locator("[data-grid=next]").nth(1))
    check(page, [1], 1)
    label = page.locator("[data-grid=next]").first.get_attribute("aria-label")
    assert label.startswith("white space: 98")


@at_widths
def test_fits_and_axe_finds_nothing(open_page, width, dark):
    page = show(open_page, "continuations", DATA, width=width, dark=dark)
    choose_token(page, 1)
    fits_and_axe_finds_nothing(page, width)


def test_shows_only_words_from_labels(open_page):
    node = {"token": "1", "logit": 0, "log_z": [0.5, 0.5], "next": [{"token": "2", "logit": 0}]}
    data = {"prompt": "3", "temperatures": [0.5, 1], "tree": {"log_z": [1, 1], "next": [node]}}
    page = show_wordless(open_page, "continuations", data)
    choose_token(page, 0)
    assert words(page) == set()
