"""Log odds of pronouns by occupation, used by hand: every number equals PyTorch's."""

import json
from pathlib import Path

import pytest
import torch
from figures import (
    at_widths,
    choose,
    close,
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

import bigmodel_utils.live
from bigmodel_utils.live import LiveFigure, _figure

pytestmark = pytest.mark.browser

FOLDER = Path(bigmodel_utils.live.__file__).parent / "figures" / "pronouns"
STORED = json.loads((FOLDER / "data.json").read_text(encoding="utf-8"))
# Ties within one sentence and in both, and a sentence after which all are level.
TIES = {
    "templates": ["The {} ran", "A {} sat", "All {} are"],
    "occupations": ["<b>", "baker", "cook", "nurse", "clerk", "judge"],
    "log_odds": [[1, 2, 2, -3, 0.5, 2], [0.25, 0.25, -1, -1, 4, 0.25], [2, 2, 2, 2, 2, 2]],
    "neutral": [0.75, -0.5, 2],
}
PLACE = "occupation, by its place after the first sentence"

BEYOND = """() => {
    const box = document.querySelector(".lf-plot").getBoundingClientRect();
    return [...document.querySelectorAll(".lf-plot *")].map((n) => n.getBoundingClientRect())
        .filter((b) => b.left < box.left - 1 || b.right > box.right + 1
            || b.top < box.top - 1 || b.bottom > box.bottom + 1).length;
}"""


def ranks(values):
    """From 1 on, ties averaged: through the counts of the sorted distinct values."""
    _, inverse, counts = values.unique(return_inverse=True, return_counts=True)
    last = counts.cumsum(0).double()
    return (last - (counts.double() - 1) / 2)[inverse]


def settings_of(page):
    """First and second sentence (from 1 on, 0: none), whether relative, and the place."""
    found = [
        int(page.get_by_role("combobox", name=name).input_value())
        for name in ("first sentence", "second sentence")
    ]
    button = page.locator("[data-option=relative]")
    found.append(button.get_attribute("aria-pressed") == "true")
    place = int(page.get_by_label(f"{PLACE}, typed").input_value())
    assert int(page.get_by_role("slider", name=PLACE, exact=True).input_value()) == place
    return [*found, place]


def check(page, data):
    """Dots, lines and result against PyTorch at the settings shown; return the occupation."""
    x, y, relative, place = settings_of(page)
    log_odds, neutral = double(data["log_odds"]), double(data["neutral"])
    shown = log_odds - neutral[:, None] * relative
    order = log_odds[x - 1].sort(descending=True, stable=True).indices
    one = order[place - 1].item()
    box = page.locator(".lf-result")
    got, text = box.evaluate("n => ({...n.dataset})"), box.inner_text()
    name = data["occupations"][one]
    assert int(got["one"]) == one and int(got["place"]) == place and got["result"] == "odds"
    assert f"{name}: place {place} of {len(order)} after" in text
    slider = page.get_by_role("slider", name=PLACE, exact=True)
    assert slider.get_attribute("aria-valuetext") == name
    expected = [shown[x - 1, one], log_odds[x - 1, one].sigmoid()]
    names = ["value", "share"]
    if y:
        expected += [shown[y - 1, one], log_odds[y - 1, one].sigmoid()]
        names += ["y", "shareY"]
    for key, value in zip(names, expected, strict=True):
        assert float(got[key]) == pytest.approx(value.item(), rel=1e-12, abs=1e-14), key
    for t in filter(None, (x, y)):
        assert f'"{data["templates"][t - 1].replace("{}", "___")}": log odds' in text
    assert text.count("for the person") == relative * (1 + bool(y))

    axes = page.locator(".lf-plot").text_content()
    assert ("less the person's" in axes) == relative, "the axis says what is subtracted"

    # Dots: their values, and that they stand where the values are.
    close(read(page, "x")[0], shown[x - 1])
    dots = page.eval_on_selector_all(
        "[data-grid=x]",
        "n => n.map(d => [d.dataset.col, d.getAttribute('cx'), d.getAttribute('cy'),"
        " d.classList.contains('lf-picked'), d.dataset.y].map(Number))",
    )
    places = double([d[1:3] for d in sorted(dots)])
    assert [int(d[0]) for d in dots if d[3]] == [one]
    sides = [(shown[x - 1], places[:, 0], x)]
    if y:
        close(double([d[4] for d in sorted(dots)]), shown[y - 1])
        sides.append((shown[y - 1], -places[:, 1], y))
    else:
        assert [int(d[0]) for d in sorted(dots, key=lambda d: d[2])] == order.tolist()
    for values, at, t in sides:
        centred, moved = values - values.mean(), at - at.mean()
        if centred.any():
            scale = (moved @ centred) / (centred @ centred)
            assert scale > 0
            torch.testing.assert_close(moved, scale * centred, rtol=0, atol=0.01)
        for kind, line in (("person", neutral[t - 1]), ("even", double(0.0))):
            mark = page.locator(f"[data-grid={kind}][data-col='{t - 1}']").first
            line = line - neutral[t - 1] * relative
            assert float(mark.get_attribute("data-value")) == pytest.approx(line.item(), abs=1e-14)
            if centred.any():
                drawn = float(mark.get_attribute("x1")) if t == x and x != y else None
                if drawn is not None:
                    across = places[:, 0].mean() + (line - values.mean()) * scale
                    assert drawn == pytest.approx(across.item(), abs=0.01)

    if not y:
        assert got["ranks"] == "" and "correlation" not in text
    else:
        a, b = ranks(log_odds[x - 1]), ranks(log_odds[y - 1])
        if a.var() * b.var() == 0:
            assert got["ranks"] == "" and "No rank correlation" in text
        else:
            r = torch.corrcoef(torch.stack([a, b]))[0, 1].item()
            assert float(got["ranks"]) == pytest.approx(r, abs=1e-12)
            assert f"{len(order)} occupations: {round(r, 3):g}.".replace("-", "−") in text
    assert page.evaluate(BEYOND) == 0, "nothing is drawn beyond the plot"
    return name


def test_ranks_average_ties():
    assert ranks(double([1, 2, 2, -3, 0.5, 2])).tolist() == [3, 5, 5, 1, 2, 5]


def test_every_sentence_alone(open_page):
    page = show(open_page, "pronouns")
    seen = set()
    for x in range(1, len(STORED["templates"]) + 1, 4):
        choose(page, "first sentence", str(x))
        fill(page, f"{PLACE}, typed", 1 + x % len(STORED["occupations"]))
        seen.add(check(page, STORED))
        page.locator("[data-option=relative]").click()
        check(page, STORED)
        page.locator("[data-option=plain]").click()
    assert len(seen) > 3


def test_two_sentences_and_their_rank_correlation(open_page):
    page = show(open_page, "pronouns")
    seen = set()
    last = len(STORED["templates"])
    for x, y in ((1, 2), (1, last), (last // 2, last), (last, 1), (3, 3)):
        choose(page, "first sentence", str(x))
        choose(page, "second sentence", str(y))
        check(page, STORED)
        before = page.locator(".lf-result").get_attribute("data-ranks")
        seen.add(round(float(before), 6))
        page.locator("[data-option=relative]").click()
        check(page, STORED)
        page.locator("[data-option=plain]").click()
    assert 1 in seen and len(seen) == 4, "from one sentence to the other it is the same number"
    choose(page, "second sentence", "0")
    check(page, STORED)


def test_ties_are_averaged_and_level_occupations_said(open_page):
    page = show(open_page, "pronouns", {**TIES, "x": 1, "y": 2, "place": 4})
    assert check(page, TIES) == "<b>"
    for x, y in ((2, 1), (1, 3), (3, 2), (3, 0), (2, 0)):
        choose(page, "first sentence", str(x))
        choose(page, "second sentence", str(y))
        check(page, TIES)


def test_another_sentence_keeps_the_occupation_and_reset_takes_it_back(open_page):
    data = {"x": 2, "y": 5, "place": 3, "relative": True}
    page = show(open_page, "pronouns", data)
    name = check(page, STORED)
    choose(page, "first sentence", "25")
    assert check(page, STORED) == name
    page.locator("[data-option=plain]").click()
    fill(page, f"{PLACE}, typed", 20)
    assert check(page, STORED) != name
    press(page, "Reset")
    assert settings_of(page) == [2, 5, True, 3]
    assert check(page, STORED) == name


def test_by_keyboard_alone(open_page):
    page = show(open_page, "pronouns")
    for name, keys in (
        ("first sentence", ["ArrowDown"] * 2),
        ("second sentence", ["ArrowDown"] * 4),
        ("less the neutral subject", ["Enter"]),
        (PLACE, ["End", "ArrowLeft"]),
    ):
        for _ in range(20):
            page.keyboard.press("Tab")
            if name == page.evaluate(
                "document.activeElement.ariaLabel || document.activeElement.textContent"
            ):
                break
        for key in keys:
            page.keyboard.press(key)
    assert settings_of(page) == [3, 4, True, len(STORED["occupations"]) - 1]
    check(page, STORED)
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"


@pytest.mark.parametrize("y", [None, 22])
def test_by_mouse_and_touch(open_page, y):
    page = show(open_page, "pronouns", {"y": y})
    for i in (0, 27):
        box = page.locator(f"[data-grid=x][data-col='{i}']").bounding_box()
        page.mouse.click(box["x"] + box["width"] / 2 + 1, box["y"] + box["height"] / 2)
        assert check(page, STORED) == STORED["occupations"][i]
    page = show(open_page, "pronouns", {"y": y}, width=390, height=900, touch=True)
    box = page.locator("[data-grid=x][data-col='3']").bounding_box()
    page.touchscreen.tap(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    assert check(page, STORED) == STORED["occupations"][3]


def test_bad_places_say_so(open_page):
    page = show(open_page, "pronouns")
    for text, message in (("0", "from 1 to"), ("99", "from 1 to"), ("1.5", "Only whole places")):
        refuses(page, f"{PLACE}, typed", text, message)
        check(page, STORED)


@pytest.mark.parametrize("y", [None, 22])
@at_widths
def test_fits_and_axe_finds_nothing(open_page, width, dark, y):
    page = show(open_page, "pronouns", {"y": y, "relative": y is None}, width=width, dark=dark)
    fits_and_axe_finds_nothing(page, width)
    check(page, STORED)


@pytest.mark.parametrize("y", [None, 22])
def test_draws_anew_at_another_width(open_page, y):
    narrower(show(open_page, "pronouns", {"y": y}, width=900))


def test_shows_only_words_from_labels(open_page):
    own = {**TIES, "templates": ["{} 1", "{} 2", "{} 3"], "occupations": list("123456")}
    page = show_wordless(open_page, "pronouns", own)
    for y in ("2", "3", "0"):
        page.locator("select").nth(1).select_option(y)
        for scale in ("relative", "plain"):
            page.locator(f"[data-option={scale}]").click()
            assert words(page) == set()


WRONG = [
    ({"templates": "The {}"}, TypeError, "templates: expected a list"),
    ({"templates": ["The", *TIES["templates"][1:]]}, ValueError, r"templates\[0\]: expected one"),
    ({"occupations": ["a"] * 6}, ValueError, "occupations: expected different"),
    ({"occupations": [1, 2, 3]}, TypeError, r"occupations\[0\]: expected text"),
    ({"log_odds": TIES["log_odds"][:2]}, ValueError, r"log_odds: expected shape \(3, 6\)"),
    ({"neutral": [1, 2]}, ValueError, r"neutral: expected shape \(1, 3\)"),
    ({"x": 4}, ValueError, "x: .*at most 3"),
    ({"y": 0}, ValueError, "y: .*at least 1"),
    ({"place": 7}, ValueError, "place: .*at most 6"),
    ({"relative": 1}, TypeError, "relative"),
    ({"z": 1}, ValueError, "unknown key 'z'"),
]


@pytest.mark.parametrize(("data", "kind", "message"), WRONG)
def test_wrong_data_is_named(data, kind, message):
    with pytest.raises(kind, match=message):
        LiveFigure("pronouns", data={**TIES, **data}, alt="A figure.")


def test_limits_hold_the_stored_data():
    limits = _figure.modules()["pronouns"].LIMITS
    assert len(STORED["templates"]) <= limits["templates"][1]
    assert LiveFigure("pronouns", alt="A figure.").data["log_odds"] == STORED["log_odds"]
