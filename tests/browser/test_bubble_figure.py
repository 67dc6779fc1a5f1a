"""A pipeline's timeline, used by hand: every number equals those of real processes on a clock."""

from functools import cache
from itertools import chain

import pytest
import torch
from figures import (
    at_widths,
    fill,
    fits_and_axe_finds_nothing,
    narrower,
    press,
    refuses,
    show,
    show_wordless,
    words,
)

from bigmodel_utils.distributed import Clock, Pool

pytestmark = pytest.mark.browser

DIALS = {"stages": "stages p", "batches": "micro-batches m", "chunks": "chunks a stage v"}


@cache
def pool(ranks):
    return Pool(ranks)


@pytest.fixture(scope="module", autouse=True)
def no_process_stays():
    yield
    for ranks in range(1, 9):
        pool(ranks).close()
    pool.cache_clear()


def ahead_of(way, r, p, m, v):
    if way == "gpipe":
        return m
    return min(p - 1 - r if way == "turns" else 2 * (p - 1 - r) + (v - 1) * p, m * v)


def stage(way, m, v):
    """One process: steps as (start, end, forward, chunk, micro-batch), and the most it kept."""
    from torch import distributed as dist

    r, p, clock = dist.get_rank(), dist.get_world_size(), Clock()
    turn = [(g + i, c) for g in range(0, m, p) for c in range(v) for i in range(p) if g + i < m]
    forward = [("F", i, c) for i, c in turn]
    backward = [("B", i, v - 1 - c) for i, c in turn]
    ahead = ahead_of(way, r, p, m, v)
    turns = [[*forward[ahead + k : ahead + k + 1], step] for k, step in enumerate(backward)]
    kept = most = 0
    for direction, i, c in [*forward[:ahead], *chain(*turns)]:
        place, x = c * p + r, torch.zeros(1)
        if direction == "F":
            if place and p > 1:
                clock.receive(x, (r - 1) % p)
            clock.compute(1 / v, (True, c, i))
            kept, most = kept + 1, max(most, kept + 1)
            if place < v * p - 1 and p > 1:
                clock.send(x, (r + 1) % p)
        else:
            if place < v * p - 1 and p > 1:
                clock.receive(x, (r + 1) % p)
            clock.compute(2 / v, (False, c, i))
            kept -= 1
            if place and p > 1:
                clock.send(x, (r - 1) % p)
    clock.wait()
    return [(start, end, *what) for what, start, end in clock.events], most / v


def settings_of(page):
    """What the controls show."""
    found = {
        "way": page.locator("[aria-label=schedule] [aria-pressed=true]").get_attribute(
            "data-option"
        )
    }
    for key, name in DIALS.items():
        found[key] = int(page.get_by_label(f"{name}, typed").input_value())
        slider = page.get_by_role("slider", name=name, exact=True, include_hidden=True)
        assert int(slider.input_value()) == found[key]
    return found


def check_bubble(page):
    """Boxes and result against processes at the settings shown; returns the bubble."""
    now = settings_of(page)
    p, way = now["stages"], now["way"]
    many = way == "interleaved"
    assert page.get_by_role("slider", name=DIALS["chunks"]).count() == many
    v = now["chunks"] if many else 1
    m = -(-now["batches"] // p) * p if many else now["batches"]
    ranks = pool(p).run(stage, way, m, v)
    end = max(step[1] for steps, _ in ranks for step in steps)
    boxes = page.eval_on_selector_all(
        "[data-grid=start]",
        "n => n.map(r => [+r.dataset.row, +r.dataset.col, +r.dataset.value,"
        " r.classList.contains('lf-ahead'),"
        " +(r.getAttribute('class').match(/chunk(\\d)/) || [0, 0])[1],"
        " +r.getAttribute('x'), +r.getAttribute('width')])",
    )
    wanted = {(r, k): step for r, (steps, _) in enumerate(ranks) for k, step in enumerate(steps)}
    assert {tuple(box[:2]) for box in boxes} == set(wanted) and len(boxes) == len(wanted)
    left = min(box[5] for box in boxes)
    unit = (max(box[5] + box[6] for box in boxes) - left) / end
    for r, k, start, forward, chunk, x, width in boxes:
        step = wanted[r, k]
        assert start == pytest.approx(step[0], abs=1e-9)
        assert (forward, chunk) == step[2:4]
        assert x == pytest.approx(left + unit * step[0], abs=0.01)
        assert width == pytest.approx(unit * (step[1] - step[0]), abs=0.01)
    box = page.locator(".lf-result")
    data = box.evaluate("n => ({...n.dataset})")
    bubble = 1 - 3 * m / end
    assert data["result"] == "bubble" and int(data["used"]) == m
    assert float(data["value"]) == pytest.approx(bubble, abs=1e-9)
    assert float(data["formula"]) == pytest.approx(bubble, abs=1e-9)
    assert float(data["formula"]) == (p - 1) / (v * m + p - 1)
    assert float(data["end"]) == pytest.approx(end, abs=1e-9)
    assert [float(x) for x in data["peaks"].split()] == pytest.approx([most for _, most in ranks])
    text = box.inner_text()
    assert f"{p - 1} / {v * m + p - 1}" in text
    assert ("in groups of" in text) == (m != now["batches"])
    return bubble


def choose(page, way):
    page.locator(f"[aria-label=schedule] [data-option={way}]").click()
    assert settings_of(page)["way"] == way


def test_bubble_of_every_schedule_at_several_sizes(open_page):
    page = show(open_page, "bubble")
    found = {}
    for p, m, v in ((4, 8, 2), (3, 5, 3), (1, 3, 2), (6, 2, 4), (5, 10, 2)):
        for name, value in zip(DIALS.values(), (p, m, v), strict=True):
            if name == DIALS["chunks"]:
                choose(page, "interleaved")
            fill(page, f"{name}, typed", value)
        for way in ("gpipe", "turns", "interleaved"):
            choose(page, way)
            found[p, way] = check_bubble(page)
    assert found[4, "gpipe"] == found[4, "turns"] > 1.5 * found[4, "interleaved"]
    assert found[1, "gpipe"] == found[1, "interleaved"] == 0


def test_bubble_numbers_the_boxes_by_micro_batches(open_page):
    page = show(open_page, "bubble", {"stages": 2, "batches": 3, "way": "turns"}, width=900)
    shown = page.eval_on_selector_all(".lf-number", "n => n.map(t => +t.textContent)")
    steps = [step for steps, _ in pool(2).run(stage, "turns", 3, 1) for step in steps]
    assert shown == [step[4] + 1 for step in steps]


def test_bubble_starts_from_its_data_and_comes_back(open_page):
    data = {"stages": 2, "batches": 7, "chunks": 3, "way": "interleaved"}
    page = show(open_page, "bubble", data)
    assert settings_of(page) == data
    check_bubble(page)
    choose(page, "turns")
    fill(page, "stages p, typed", 7)
    check_bubble(page)
    press(page, "Reset")
    assert settings_of(page) == data
    check_bubble(page)


def test_bubble_by_keyboard_alone(open_page):
    page = show(open_page, "bubble")
    for _ in range(8):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.dataset.option") == "interleaved":
            break
    page.keyboard.press("Enter")
    for name, keys in (
        ("stages p", ["ArrowLeft"]),
        ("micro-batches m", ["Home", "ArrowRight"]),
        ("chunks a stage v", ["End", "ArrowLeft"]),
    ):
        for _ in range(20):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement.ariaLabel") == name:
                break
        for key in keys:
            page.keyboard.press(key)
    assert settings_of(page) == {"way": "interleaved", "stages": 3, "batches": 2, "chunks": 3}
    check_bubble(page)
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"


def test_bubble_bad_numbers_say_so(open_page):
    page = show(open_page, "bubble", {"way": "interleaved"})
    for name, text, message in (
        ("stages p", "9", "from 1 to 8"),
        ("micro-batches m", "2.5", "Only whole numbers"),
        ("chunks a stage v", "1", "from 2 to 4"),
    ):
        refuses(page, f"{name}, typed", text, message)
        check_bubble(page)


@at_widths
def test_bubble_fits_and_axe_finds_nothing(open_page, width, dark):
    page = show(open_page, "bubble", {"way": "interleaved"}, width=width, dark=dark)
    fits_and_axe_finds_nothing(page, width)


def test_bubble_draws_anew_at_another_width(open_page):
    narrower(show(open_page, "bubble", width=900))


def test_bubble_shows_only_words_from_labels(open_page):
    """With every label replaced no English word is left, in the text or for a screen reader."""
    assert words(show_wordless(open_page, "bubble")) == set()
