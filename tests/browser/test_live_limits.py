"""Limits stand once, in each figure's ``figure.py``: what is drawn follows them."""

import pytest
from figures import PAGE, cell, drag, drawn, read, show

from bigmodel_utils.live import FIGURES, LiveFigure, _figure

pytestmark = pytest.mark.browser

# Of every field and slider, by its name: what may be typed, and a slider's step.
BOUNDS = """id => Object.fromEntries([...document.querySelectorAll(
    `#${id} :is(input[type=number], input[type=range], [role=slider])`)].map((node) => {
        const read = (name) => Number(node.getAttribute(name) ?? node.getAttribute("aria-value" + name));
        return [node.ariaLabel, [read("min"), read("max"), node.type === "range" ? read("step") : 1]];
    }))"""  # noqa: E501
WITHOUT_FIELDS = {"continuations"}  # nothing is typed or slid there
WITH_VALUES = [name for name in FIGURES if "value" in _figure.modules()[name].LIMITS]


def changed(limit):
    """Yield ``(end, limit)``: every end a little wider or narrower, and another step."""
    step = limit[2] if len(limit) > 2 else 1
    for end in range(len(limit)):
        for by in (step, -step) if end < 2 else (limit[2],):
            if limit[end] is not None:
                yield end, (*limit[:end], limit[end] + by, *limit[end + 1 :])


def bounds_of(open_page, name, monkeypatch, limits):
    """Draw the figure under several limits, on one page; return its bounds under each."""
    figures = []
    for key, end, limit in limits:
        with monkeypatch.context() as patch:
            patch.setitem(_figure.modules()[name].LIMITS, key, limit)
            try:
                figure = LiveFigure(name, alt="A figure.", id=f"f{len(figures)}")
            except ValueError:
                continue  # its own data are outside of the narrower limit
            figures.append((key, end, limit, figure._repr_html_()))
    html = "\n".join(html for *_, html in figures)
    page = drawn(open_page(PAGE.format(theme="light", figure=html)))
    return [
        (key, end, limit, page.evaluate(BOUNDS, f"f{i}"))
        for i, (key, end, limit, _) in enumerate(figures)
    ]


@pytest.mark.parametrize("name", FIGURES)
def test_what_is_drawn_follows_the_limits(open_page, name, monkeypatch):
    limits = _figure.modules()[name].LIMITS
    first = next(iter(limits))
    cases = [(first, None, limits[first])]
    cases += [(key, *case) for key in limits for case in changed(limits[key])]
    (*_, before), *rest = bounds_of(open_page, name, monkeypatch, cases)
    assert bool(before) == (name not in WITHOUT_FIELDS)
    follows = {}
    for key, end, limit, after in rest:
        assert set(after) == set(before)
        for field in before:
            for place in range(3):
                if after[field][place] != before[field][place]:
                    assert (place, after[field][place]) == (end, limit[end]), (field, key)
                    follows.setdefault((field, place), set()).add(key)
    for field, (low, high, step) in before.items():
        assert (field, 0) in follows, f"the lowest of {field!r}, {low}, is not from LIMITS"
        if step != 1:
            assert (field, 2) in follows, f"the step of {field!r}, {step}, is not from LIMITS"
        if (field, 1) not in follows:  # then it is from the data, and LIMITS says so
            open_ended = any(limits[key][1] is None for key in follows[field, 0])
            assert open_ended, f"the highest of {field!r}, {high}, is not from LIMITS"


def value_box(page):
    return page.get_by_role("spinbutton", name="value of the cell last touched", exact=True)


def editable(page):
    return page.locator(".lf-editable [data-grid]:visible").first


@pytest.mark.parametrize("name", WITH_VALUES)
def test_cells_follow_limit_and_step(open_page, name, monkeypatch):
    """Typed, dragged, by arrow key and by button: a cell stays within (-40, 41), a step is 0.25."""
    monkeypatch.setitem(_figure.modules()[name].LIMITS, "value", (-40, 41, 0.25))
    page = show(open_page, name)
    target = editable(page)
    grid, row, column = (target.get_attribute(f"data-{key}") for key in ("grid", "row", "col"))
    target = cell(page, grid, row, column)

    def value():
        return read(page, grid)[int(row), int(column)].item()

    target.click()
    for text, expected in (("88", 41), ("-88", -40), ("3", 3)):
        page.keyboard.type(text)
        page.keyboard.press("Enter")
        assert value() == expected
    page.keyboard.press("Enter")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Escape")
    assert value() == 3
    page.keyboard.press("Enter")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    assert value() == 2.75
    target.scroll_into_view_if_needed()
    drag(page, target, 17)  # two steps of 8 pixels
    assert value() == 3.25
    page.locator(".lf-nudge").first.click()
    assert value() == 3
    value_box(page).fill("40.5")
    assert value() == 40.5
    for _ in range(3):
        page.locator(".lf-nudge:visible").nth(1).click()
    assert value() == 41


@pytest.mark.parametrize("name", WITH_VALUES)
def test_a_wrong_value_is_said_and_not_used(open_page, name):
    page = show(open_page, name)
    editable(page).click()
    result, box = page.locator(".lf-result"), value_box(page)
    before, good = result.inner_text(), box.input_value()
    for text in ("100", "-99.5", ""):
        box.fill(text)
        assert box.get_attribute("aria-invalid") == "true"
        assert result.get_attribute("data-result") == "error"
        assert "from -99 to 99" in result.inner_text()
        assert "! value of the cell last touched: a number" in result.inner_text(), "not: whole"
        box.blur()
        assert box.input_value() == good
        assert result.inner_text() == before, "the last good number stays"
    box.fill("100")
    box.fill(good)
    assert result.inner_text() == before


def test_a_value_of_many_digits_is_not_rounded_by_the_field_that_shows_three(open_page):
    page = show(open_page, "rotary", {"q": [[0.123456], [1]], "k": [[1], [2]]})
    box = value_box(page)
    assert box.input_value() == "0.123"
    box.fill("100")
    box.blur()
    assert read(page, "q")[0, 0] == 0.123456
    page.get_by_label("raise the value by 0.5").click()
    assert read(page, "q")[0, 0] == 0.623456
