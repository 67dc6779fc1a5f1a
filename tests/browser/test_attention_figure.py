"""The attention explorer, used by hand: every number equals PyTorch's."""

import pytest
import torch
from figures import (
    at_widths,
    cell,
    choose,
    close,
    double,
    drag,
    fill,
    fits_and_axe_finds_nothing,
    marked,
    number,
    read,
    refuses,
    result,
    show,
    show_wordless,
    tap,
    touch_drag,
    words,
)
from torch.nn import functional

from bigmodel_utils.live import LiveFigure

pytestmark = pytest.mark.browser

VECTORS = LiveFigure("attention", alt="Attention.").data
# Not the defaults, with four tokens and every row different.
OWN = {
    "q": [[1.5, -1], [0.25, 2], [-2, 0.5], [1, 1]],
    "k": [[0.5, 1], [-1, 0.75], [2, -0.5], [0, -1.5]],
    "v": [[1, -2], [3, 0.5], [-1.5, 4], [2, 1]],
    "g": [[0.5, 1], [-1, 2], [0, -0.75], [1.25, 1]],
}


def option(page, name):
    page.locator(f"[data-option={name}]").click()


def side(page):
    pressed = page.locator("[data-option=forward]").get_attribute("aria-pressed")
    return "forward" if pressed == "true" else "backward"


def mask_of(page, name, length=None):
    """The mask by its definition, (t, t); None where nothing is masked."""
    t = read(page, "q").shape[0]
    if name == "causal":
        return torch.ones(t, t, dtype=torch.bool).tril()
    if name == "padding":
        return (torch.arange(t) < length).expand(t, t)
    return None


def check(page, *, scaled=True, temperature=1.0, mask="none", length=None):
    """Compare all grids, on both sides, with PyTorch's attention and autograd."""
    began = side(page)
    option(page, "forward")
    q, k, v = (read(page, name) for name in "qkv")
    v.requires_grad_()
    scale = (0.5**0.5 if scaled else 1.0) / temperature
    allowed = mask_of(page, mask, length)
    out = functional.scaled_dot_product_attention(
        q[None, None], k[None, None], v[None, None], allowed, scale=scale
    )[0, 0]
    if allowed is not None:  # what PyTorch gives without a key depends on its version
        out = torch.where(allowed.any(1, keepdim=True), out, 0)
    close(read(page, "s"), q @ k.T * scale * temperature)
    # The values enter linearly, so attention of the identity gives the weights.
    eye = torch.eye(len(q), dtype=torch.float64)[None, None]
    weights = functional.scaled_dot_product_attention(
        q[None, None], k[None, None], eye, allowed, scale=scale
    )[0, 0]
    if allowed is not None:
        weights = torch.where(allowed.any(1, keepdim=True), weights, 0)
    close(read(page, "p"), weights)
    close(read(page, "o"), out.detach())
    shut = [] if allowed is None else (~allowed).nonzero().tolist()
    for name in "sp":
        assert marked(page, name, "masked") == sorted(map(tuple, shut))
    option(page, "backward")
    g = read(page, "g")
    assert g.shape == v.shape
    expected = torch.autograd.grad(out, v, g)[0] if out.requires_grad else 0 * g
    close(read(page, "dv"), expected)
    close(read(page, "p"), weights)
    option(page, began)
    return weights, out.detach(), expected


@pytest.mark.parametrize("data", [{}, OWN], ids=["default", "own"])
@pytest.mark.parametrize(("width", "dark"), [(900, False), (390, True)])
def test_settings_by_mouse(open_page, data, width, dark):
    page = show(open_page, "attention", data, width=width, dark=dark)
    tokens = 4 if data else 5
    assert read(page, "q").shape == (tokens, 2) and read(page, "s").shape == (tokens, tokens)
    check(page)
    option(page, "raw")
    check(page, scaled=False)
    choose(page, "mask", "causal")
    check(page, scaled=False, mask="causal")
    option(page, "scaled")
    fill(page, "temperature τ, typed", 0.25)
    check(page, temperature=0.25, mask="causal")
    choose(page, "mask", "padding")
    check(page, temperature=0.25, mask="padding", length=tokens - 2)
    fill(page, "real tokens", 1)
    weights, *_ = check(page, temperature=0.25, mask="padding", length=1)
    assert weights[:, 0].tolist() == [1] * tokens
    page.get_by_role("button", name="Reset").click()
    check(page)
    pressed = page.locator("[data-option=scaled]").get_attribute("aria-pressed")
    assert pressed == "true"
    assert page.get_by_role("combobox", name="mask", exact=True).input_value() == "none"


def test_no_real_token_gives_zeros_and_says_so(open_page):
    page = show(open_page, "attention", {"mask": "padding", "length": 0})
    weights, out, grad = check(page, mask="padding", length=0)
    assert not weights.any() and not out.any() and not grad.any()
    message = "No key may be seen: weights and output are 0 by definition."
    assert page.locator(".lf-result").inner_text() == f"o[1, 0] = 0. {message}"
    cell(page, "p", 2, 3).click()
    assert page.locator(".lf-result").inner_text() == f"p[2, 3] = 0. {message}"
    assert result(page, "p") == 0


def test_tokens_come_and_go_and_keep_their_numbers(open_page):
    page = show(open_page, "attention")
    fill(page, "tokens", 6)
    close(read(page, "q"), double(VECTORS["q"]))
    close(read(page, "v"), double(VECTORS["v"]))
    check(page)
    cell(page, "o", 5, 1).click()
    fill(page, "tokens", 3)
    assert marked(page, "o", "pick") == [(2, 1)], "the choice moves into what is left"
    check(page)
    choose(page, "mask", "padding")
    fill(page, "real tokens", 3)
    fill(page, "tokens", 2)
    check(page, mask="padding", length=3)  # all are real
    fill(page, "tokens", 6)
    close(read(page, "k"), double(VECTORS["k"]))
    check(page, mask="padding", length=3)


@pytest.mark.parametrize("mask", ["none", "causal"])
def test_an_output_shows_its_sources(open_page, mask):
    page = show(open_page, "attention", {**OWN, "mask": mask})
    cell(page, "o", 2, 1).click()
    weights, out, _ = check(page, mask=mask)
    cell(page, "o", 2, 1).click()  # the comparison went through the other side
    seen = range(3) if mask == "causal" else range(4)
    assert marked(page, "o", "pick") == [(2, 1)]
    assert marked(page, "p", "lit") == [(2, j) for j in seen]
    assert marked(page, "v", "lit") == [(j, 1) for j in seen]
    small = page.locator("[data-grid=v].lf-lit .lf-sub").all_inner_texts()
    assert small == [f"×{number(weights[2, j].item())}" for j in seen]
    assert result(page, "o") == pytest.approx(out[2, 1].item(), abs=1e-9)
    text = page.locator(".lf-result").inner_text()
    v = double(OWN["v"])[:, 1].tolist()
    products = " + ".join(
        f"{number(weights[2, j].item())}×{f'({number(v[j])})' if v[j] < 0 else number(v[j])}"
        for j in seen
    )
    assert text == f"o[2, 1] = {products} ≈ {number(out[2, 1].item())}"


def test_a_value_shows_where_its_gradient_comes_from(open_page):
    page = show(open_page, "attention", {**OWN, "mask": "causal", "view": "backward"})
    weights, _, grad = check(page, mask="causal")
    cell(page, "v", 1, 0).click()
    assert marked(page, "dv", "pick") == marked(page, "v", "pick") == [(1, 0)]
    assert marked(page, "p", "lit") == [(i, 1) for i in (1, 2, 3)]
    assert marked(page, "g", "lit") == [(i, 0) for i in (1, 2, 3)]
    assert result(page, "dv") == pytest.approx(grad[1, 0].item(), abs=1e-9)
    g = double(OWN["g"])[:, 0].tolist()
    products = " + ".join(
        f"{number(weights[i, 1].item())}×{f'({number(g[i])})' if g[i] < 0 else number(g[i])}"
        for i in (1, 2, 3)
    )
    text = page.locator(".lf-result").inner_text()
    assert text == f"dv[1, 0] = {products} ≈ {number(grad[1, 0].item())}"
    cell(page, "g", 2, 1).click()
    assert marked(page, "dv", "lit") == [(j, 1) for j in (0, 1, 2)]
    assert "flows into 3 values" in page.locator(".lf-result").inner_text()
    before = read(page, "g")
    drag(page, cell(page, "g", 3, 1), 17)  # two steps up: +1
    assert (read(page, "g") - before)[3, 1] == 1
    check(page, mask="causal")


def test_a_score_and_a_weight_show_their_formula(open_page):
    page = show(open_page, "attention", OWN)
    weights, *_ = check(page)
    cell(page, "s", 0, 2).click()
    assert marked(page, "q", "lit") == [(0, 0), (0, 1)]
    assert marked(page, "k", "lit") == [(2, 0), (2, 1)]
    score = 3.5 / 2**0.5
    assert result(page, "s") == pytest.approx(score, abs=1e-12)
    text = page.locator(".lf-result").inner_text()
    assert text.strip() == (f"s[0, 2]: 1.5×2 + (−1)×(−0.5) = 3.5; 3.5 / √2 ≈ {number(score)}")
    option(page, "raw")
    assert result(page, "s") == 3.5
    assert "√2" not in page.locator(".lf-result").inner_text()
    option(page, "scaled")
    cell(page, "p", 0, 2).click()
    assert result(page, "p") == pytest.approx(weights[0, 2].item(), abs=1e-9)
    scores = read(page, "s")[0].tolist()
    assert marked(page, "s", "lit") == [(0, j) for j in range(4)]
    parts = [f"exp({number(s)})" for s in scores]
    text = page.locator(".lf-result").inner_text()
    expected = f"p[0, 2] = {parts[2]} / ({' + '.join(parts)} ) ≈ {number(weights[0, 2].item())}"
    assert text == expected
    choose(page, "mask", "causal")
    assert "must not see" in page.locator(".lf-result").inner_text() and result(page, "p") == 0
    label = cell(page, "p", 0, 2).get_attribute("aria-label")
    assert label.endswith(", masked")


def test_queries_keys_and_values_show_who_reads_them(open_page):
    page = show(open_page, "attention", {**OWN, "mask": "causal"})
    cell(page, "q", 1, 1).click()
    assert marked(page, "s", "lit") == [(1, j) for j in range(4)]
    cell(page, "k", 1, 0).click()
    assert marked(page, "p", "lit") == [(i, 1) for i in range(4)]
    cell(page, "v", 2, 1).click()
    assert marked(page, "o", "lit") == [(2, 1), (3, 1)]
    assert "enters 2 outputs" in page.locator(".lf-result").inner_text()


def test_the_trace_of_the_softmax_jacobian(open_page):
    page = show(open_page, "attention", OWN)
    for row, temperature in ((0, 1.0), (3, 0.5)):
        fill(page, "temperature τ, typed", temperature)
        cell(page, "o", row, 0).click()
        scores = read(page, "s")[row] / temperature
        jacobian = torch.autograd.functional.jacobian(lambda s: s.softmax(0), scores)
        note = page.locator("[data-flow]")
        assert float(note.get_attribute("data-flow")) == pytest.approx(jacobian.trace().item())
        assert note.get_attribute("data-row") == str(row)
        assert number(jacobian.trace().item()) in note.inner_text()


def test_by_keyboard_alone(open_page):
    page = show(open_page, "attention")
    page.keyboard.press("Tab")
    while page.evaluate("document.activeElement.dataset.grid") != "q":
        page.keyboard.press("Tab")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    page.keyboard.type("-2.75")
    assert read(page, "q")[1, 1] == -2.75
    page.keyboard.press("Enter")
    for grid in "kvspo":
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.dataset.grid") == grid, "one tab stop a grid"
    page.keyboard.press("End")
    page.keyboard.press("PageDown")
    page.keyboard.press("Enter")
    assert marked(page, "o", "pick") == [(4, 1)]
    check(page)
    dial = page.get_by_label("temperature τ", exact=True)
    dial.focus()
    page.keyboard.press("End")
    check(page, temperature=5)
    dial.focus()
    page.keyboard.press("Home")
    check(page, temperature=0.1)
    page.locator("[data-option=backward]").focus()
    page.keyboard.press("Enter")
    assert side(page) == "backward" and page.locator("[data-grid=o]").first.is_hidden()


def test_by_touch(open_page):
    page = show(open_page, "attention", width=390, height=700, touch=True)
    tap(page, cell(page, "o", 3, 1))
    assert marked(page, "o", "pick") == [(3, 1)]
    target = cell(page, "k", 2, 0)
    target.scroll_into_view_if_needed()
    scroll = page.evaluate("scrollY")
    touch_drag(page, target, 41)
    assert read(page, "k")[2, 0] == VECTORS["k"][2][0] + 2.5
    assert page.evaluate("scrollY") == scroll, "dragging a cell must not scroll the page"
    tap(page, page.get_by_label("raise the value by 0.5"))
    assert read(page, "k")[2, 0] == VECTORS["k"][2][0] + 3
    check(page)


def test_bad_numbers_are_named_and_not_used(open_page):
    page = show(open_page, "attention", {"mask": "padding"})
    for label, text, message in (
        ("tokens", "7", "from 2 to 6"),
        ("tokens", "", "from 2 to 6"),
        ("real tokens", "7", "from 0 to 6"),
        ("temperature τ, typed", "0", "from 0.1 to 5"),
    ):
        refuses(page, label, text, message)
        check(page, mask="padding", length=3)


@pytest.mark.parametrize("view", ["forward", "backward"])
@at_widths
def test_fits_and_axe_finds_nothing(open_page, view, width, dark):
    data = {"view": view, "mask": "padding", "tokens": 6, "length": 4}
    fits_and_axe_finds_nothing(show(open_page, "attention", data, width=width, dark=dark), width)


def test_shows_only_words_from_labels(open_page):
    """With every label replaced no English word is left, in the text or for a screen reader."""
    page = show_wordless(open_page, "attention", {"mask": "causal"})
    seen = set()
    for grid, row, column in (("o", 1, 0), ("p", 2, 1), ("s", 0, 3), ("q", 1, 1), ("v", 0, 0)):
        cell(page, grid, row, column).click()
        seen |= words(page)
    assert seen - {"exp"} == set()


def arrows(page, kind):
    """Tips of the drawn queries or keys, (t, 2), upwards positive."""
    lines = page.locator(f".lf-xy .lf-{kind}").evaluate_all(
        "all => all.map((a) => [+a.getAttribute('x2'), -a.getAttribute('y2')])"
    )
    return torch.tensor(lines, dtype=torch.float64)


def test_arrows_are_the_vectors_and_a_query_can_be_dragged(open_page):
    page = show(open_page, "attention", OWN)
    largest = max(abs(v) for name in "qk" for row in OWN[name] for v in row)
    reach = 60 / max(1, largest)
    for kind in "qk":
        close(arrows(page, kind), read(page, kind) * reach)
    cell(page, "o", 2, 0).click()
    box = page.locator(".lf-xy").bounding_box()
    key = read(page, "k")[1]
    tip = box["x"] + 75 + key[0].item() * reach, box["y"] + 75 - key[1].item() * reach
    page.mouse.move(box["x"] + 75, box["y"] + 75)
    page.mouse.down()
    page.mouse.move(*tip)
    page.mouse.up()
    moved = read(page, "q")
    assert (moved[2] - key).abs().max() <= 0.5 and (
        moved[[0, 1, 3]] == double(OWN["q"])[[0, 1, 3]]
    ).all()
    close(arrows(page, "q"), moved * reach)
    weights, *_ = check(page)
    assert weights[2].argmax() == (moved[2] @ read(page, "k").T).argmax()
    page.mouse.move(box["x"] + 10, box["y"] + 10)
    close(read(page, "q"), moved)
