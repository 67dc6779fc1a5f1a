"""A small layer pruned and rounded by hand: weights and errors equal PyTorch's least squares."""

import pytest
import torch
from figures import (
    at_widths,
    choose,
    double,
    fill,
    fits_and_axe_finds_nothing,
    narrower,
    press,
    read,
    refuses,
    show,
    show_wordless,
    words,
)

from bigmodel_utils.live.figures.prune.figure import _DEFAULTS

pytestmark = pytest.mark.browser
WEIGHT = double(_DEFAULTS["weight"])


def settings_of(page):
    found = [page.get_by_role("combobox", name=n).input_value() for n in ("way", "the other")]
    for name in ("bytes at most", "correlation of neighbouring inputs"):
        typed = float(page.get_by_label(f"{name}, typed").input_value())
        assert float(page.get_by_role("slider", name=name, exact=True).input_value()) == typed
        found.append(typed)
    return found


def inputs(weight, r):
    """Inputs (m, m) whose second moment has the correlations r^|i - j|."""
    places = torch.arange(weight.shape[1]).double()
    moment = double(r) ** (places[:, None] - places).abs()
    return torch.linalg.cholesky(moment).T


def pruned(weight, x, bytes_, helped):
    rows, columns = weight.shape
    kept = int((bytes_ - rows * columns / 8) // 2)
    mask = torch.zeros(rows * columns).bool()
    mask[weight.abs().flatten().topk(kept).indices] = True
    found = weight * mask.view_as(weight)
    for i, stays in enumerate(mask.view_as(weight)):
        if helped and stays.any():
            found[i, stays] = torch.linalg.lstsq(x[:, stays], x @ weight[i, :, None]).solution[:, 0]
    return found


def rounded(weight, x, bytes_, helped):
    bits = min(8, int(8 * (bytes_ - 2 * len(weight)) // weight.numel()))
    top = 2 ** (bits - 1) - 1
    w = weight.clone()
    scale = w.abs().amax(1) / top
    for q in range(w.shape[1]):
        new = (w[:, q] / scale).round().clamp(-top, top) * scale
        lost = x[:, q, None] * (w[:, q] - new)
        if helped and q + 1 < w.shape[1]:
            w[:, q + 1 :] += torch.linalg.lstsq(x[:, q + 1 :], lost).solution.T
        w[:, q] = new
    return w


def check(page, weight=WEIGHT):
    """Weights, errors and bytes against PyTorch at the settings shown; returns the error."""
    method, help_, bytes_, alike = settings_of(page)
    x = inputs(weight, alike)
    way = pruned if method == "prune" else rounded
    errors = []
    for helped in (False, True):
        found = way(weight, x, bytes_, helped)
        errors.append(((x @ (found - weight).T).norm() / (x @ weight.T).norm()).item())
        if helped == (help_ == "helped"):
            torch.testing.assert_close(read(page, "weight"), found, rtol=0, atol=1e-9)
            chosen = errors[-1]
    data = page.locator(".lf-result").evaluate("n => ({...n.dataset})")
    assert float(data["value"]) == pytest.approx(chosen, abs=1e-9)
    assert float(data["alone"]) == pytest.approx(errors[0], abs=1e-9)
    assert float(data["helped"]) == pytest.approx(errors[1], abs=1e-9)
    assert int(data["used"]) <= bytes_
    gone = page.locator(".lf-prune-gone").count()
    assert gone == (int((read(page, "weight") == 0).sum()) if method == "prune" else 0)
    return chosen


def test_prune_of_both_methods_with_and_without_help(open_page):
    page = show(open_page, "prune")
    seen = set()
    for method in ("prune", "round"):
        choose(page, "way", method)
        for help_ in ("alone", "helped"):
            choose(page, "the other weights", help_)
            for bytes_, alike in ((16, 0.6), (25, 0.9), (40, 0.3)):
                fill(page, "bytes at most, typed", bytes_)
                fill(page, "correlation of neighbouring inputs, typed", alike)
                seen.add(check(page))
    assert len(seen) == 12


def test_prune_helps_only_where_inputs_have_something_in_common(open_page):
    page = show(open_page, "prune", {"alike": 0})
    for method in ("prune", "round"):
        choose(page, "way", method)
        data = page.locator(".lf-result").evaluate("n => ({...n.dataset})")
        assert float(data["alone"]) == pytest.approx(float(data["helped"]), abs=1e-12)
    fill(page, "correlation of neighbouring inputs, typed", 0.9)
    data = page.locator(".lf-result").evaluate("n => ({...n.dataset})")
    assert float(data["helped"]) < 0.8 * float(data["alone"])


def test_prune_of_another_layer_and_reset(open_page):
    weight = [[0.31, -0.17, 0.94], [1.2, 0.43, -0.58], [-0.07, 0.66, 0.29]]
    data = {"weight": weight, "method": "round", "help": "helped", "bytes": 16}
    page = show(open_page, "prune", data)
    check(page, double(weight))
    choose(page, "the other weights", "alone")
    fill(page, "bytes at most, typed", 13 + 5)
    check(page, double(weight))
    press(page, "Reset")
    assert settings_of(page) == ["round", "helped", 16, 0.6]
    check(page, double(weight))


def test_prune_by_keyboard_alone(open_page):
    page = show(open_page, "prune")
    for name, keys in (
        ("way", ["ArrowDown"]),
        ("the other weights", ["ArrowDown"]),
        ("bytes at most", ["ArrowRight"] * 4),
        ("correlation of neighbouring inputs", ["ArrowLeft"] * 10),
    ):
        for _ in range(20):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement.ariaLabel") == name:
                break
        for key in keys:
            page.keyboard.press(key)
    assert settings_of(page) == ["round", "helped", 28, 0.5]
    check(page)
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"


def test_prune_bad_numbers_say_so(open_page):
    page = show(open_page, "prune")
    for name, text, message in (
        ("bytes at most", "12", "from 16 to 40"),
        ("bytes at most", "20.5", "Only whole bytes"),
        ("correlation of neighbouring inputs", "1", "from 0 to 0.95"),
    ):
        refuses(page, f"{name}, typed", text, message)
        check(page)


@at_widths
def test_prune_fits_and_axe_finds_nothing(open_page, width, dark):
    page = show(open_page, "prune", width=width, dark=dark)
    fits_and_axe_finds_nothing(page, width)


def test_prune_draws_anew_at_another_width(open_page):
    narrower(show(open_page, "prune", width=900))


def test_prune_shows_only_words_from_labels(open_page):
    page = show_wordless(open_page, "prune")
    assert words(page) == set()
