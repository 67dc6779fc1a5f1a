"""All-reduce on a ring, used by hand: every cell equals what tensors that go round would hold."""

import pytest
import torch
from figures import (
    at_widths,
    close,
    fill,
    fits_and_axe_finds_nothing,
    press,
    read,
    refuses,
    show,
    show_wordless,
    words,
)

pytestmark = pytest.mark.browser


def held(n, step):
    """What each worker's parts hold after some steps, (n, n): worker r starts from 10^r."""
    # All workers at once: in step k part p is sent by worker (p + k) mod n.
    parts = (10.0 ** torch.arange(n).double())[:, None].repeat(1, n)
    for k in range(step):
        sender = (torch.arange(n) + k) % n
        part, receiver = torch.arange(n), (sender + 1) % n
        came = parts[sender, part]
        parts[receiver, part] = came + (parts[receiver, part] if k < n - 1 else 0)
    return parts


def settings(page):
    n = int(page.get_by_label("workers, n, typed").input_value())
    size = float(page.get_by_label("gradients, MB, typed").input_value())
    step = int(page.get_by_role("slider", name="step round the ring", exact=True).input_value())
    return n, size, step


def check(page):
    """Cells, frames and result at the settings shown, which are returned."""
    n, size, step = settings(page)
    close(read(page, "contains"), held(n, step))
    changed = held(n, step) != held(n, max(0, step - 1))
    framed = page.evaluate(
        """() => [...document.querySelectorAll(".lf-came")]
            .map((n) => [Number(n.dataset.row), Number(n.dataset.col)])"""
    )
    assert sorted(map(tuple, framed)) == [tuple(p) for p in changed.nonzero().tolist()]
    whole = page.locator(".lf-whole").count()
    assert whole == (held(n, step) == (10**n - 1) / 9).sum()
    data = page.locator(".lf-result").evaluate("n => ({...n.dataset})")
    assert data["result"] == "sent"
    assert float(data["value"]) == pytest.approx(step * size / n)
    assert float(data["total"]) == pytest.approx(2 * (n - 1) / n * size)
    assert float(data["star"]) == pytest.approx((n - 1) * size)
    assert data["phase"] == ("begin" if step == 0 else "scatter" if step < n else "gather")
    return n, size, step


def test_the_oracle_ends_with_the_sum_everywhere():
    for n in (2, 3, 6):
        assert (held(n, 2 * (n - 1)) == (10**n - 1) / 9).all()
        assert not (held(n, 2 * (n - 1) - 1) == (10**n - 1) / 9).all()


def test_ring_step_by_step_for_every_number_of_workers(open_page):
    page, seen = show(open_page, "ring"), []
    for n, size in ((4, 12), (2, 1), (3, 4.5), (5, 1000), (6, 7)):
        fill(page, "workers, n, typed", n)
        fill(page, "gradients, MB, typed", size)
        press(page, "Start")
        for step in range(2 * (n - 1) + 1):
            assert check(page) == (n, size, step)
            press(page, "Next")
        seen.append(check(page))
    assert [step for _, _, step in seen] == [6, 2, 4, 8, 10]  # Next at the end stays there
    assert "all-gather" in page.locator(".lf-result").inner_text()


def test_fewer_workers_have_fewer_steps(open_page):
    page = show(open_page, "ring", {"workers": 6, "step": 10, "size": 6})
    assert check(page) == (6, 6, 10)
    fill(page, "workers, n, typed", 3)
    assert check(page) == (3, 6, 4)
    press(page, "Back")
    assert check(page) == (3, 6, 3)
    press(page, "Reset")
    assert check(page) == (6, 6, 10)


def test_ring_by_keyboard_alone(open_page):
    page = show(open_page, "ring")
    for name, keys in (
        ("workers, n", ["End", "ArrowLeft"]),
        ("gradients, MB", ["Home", "ArrowRight"]),
        ("step round the ring", ["End", "ArrowLeft"]),
    ):
        for _ in range(30):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement.ariaLabel") == name:
                break
        for key in keys:
            page.keyboard.press(key)
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
    assert check(page) == (5, 1.5, 7)


def test_ring_on_a_phone(open_page):
    page = show(open_page, "ring", width=390, touch=True)
    for _ in range(3):
        page.get_by_role("button", name="Next").tap()
    assert check(page) == (4, 12, 3)
    assert page.locator(".lf-whole").count() == 4


def test_ring_bad_numbers_say_so(open_page):
    page = show(open_page, "ring")
    for name, text, message in (
        ("workers, n", "7", "from 2 to 6"),
        ("workers, n", "2.5", "a whole number"),
        ("gradients, MB", "0", "from 1 to 1000"),
    ):
        refuses(page, f"{name}, typed", text, message)
        check(page)


@at_widths
def test_ring_fits_and_axe_finds_nothing(open_page, width, dark):
    page = show(open_page, "ring", {"workers": 6, "step": 5}, width=width, dark=dark)
    fits_and_axe_finds_nothing(page, width)


def test_ring_shows_only_words_from_labels(open_page):
    """With every label replaced no English word is left, in the text or for a screen reader."""
    page = show_wordless(open_page, "ring")
    assert words(page) == set()
