"""Number formats, used by hand: every number equals what PyTorch's casts give."""

import math

import pytest
import torch
from figures import (
    at_widths,
    choose,
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

pytestmark = pytest.mark.browser

NAMES = ("float32", "tf32", "bfloat16", "float16", "e5m2", "e4m3")
DTYPES = {
    "float32": (torch.float32, torch.int32),
    "bfloat16": (torch.bfloat16, torch.int16),
    "float16": (torch.float16, torch.int16),
    "e5m2": (torch.float8_e5m2, torch.uint8),
    "e4m3": (torch.float8_e4m3fn, torch.uint8),
}


def cast(x, name):
    """What a number becomes, by PyTorch; tf32 by adding half of what is cut off float32's bits."""
    x = torch.tensor(x, dtype=torch.float64)
    if name == "tf32":
        bits = x.float().view(torch.int32).long() & 0xFFFFFFFF
        odd = (bits >> 13) & 1
        kept = ((bits + 0xFFF + odd) >> 13) << 13
        kept = kept - 2**32 if kept >= 2**31 else kept
        return kept.to(torch.int32).view(torch.float32).double().item()
    y = x.to(DTYPES[name][0]).double().item()
    if name == "e4m3" and abs(x) > 448:  # older versions of PyTorch give NaN
        return math.copysign(448.0, x)
    return y


def pattern(page):
    """The bits shown, as a whole number."""
    pressed = page.eval_on_selector_all(
        ".lf-bit", "n => n.map(b => [+b.dataset.col, b.getAttribute('aria-pressed'), b.innerText])"
    )
    assert [place for place, *_ in pressed] == list(range(len(pressed)))[::-1]
    assert all((on == "true") == (text == "1") for _, on, text in pressed)
    return len(pressed), sum(2**place for place, on, _ in pressed if on == "true")


def meant(bits, name):
    """The value of a pattern of bits, by PyTorch."""
    if name == "tf32":
        bits, name = bits << 13, "float32"
    dtype, kind = DTYPES[name]
    size = 8 * dtype.itemsize
    if kind != torch.uint8 and bits >= 2 ** (size - 1):
        bits -= 2**size
    return torch.tensor([bits], dtype=kind).view(dtype).double().item()


def same(got, expected):
    return got == expected or (math.isnan(got) and math.isnan(expected))


def check_formats(page):
    """Bits, value, neighbours and table against PyTorch; returns the value."""
    data = page.locator(".lf-result").evaluate("n => ({...n.dataset})")
    name = page.get_by_role("combobox", name="format").input_value()
    assert data["format"] == name and data["result"] == "value"
    size, bits = pattern(page)
    assert size == {"tf32": 19}.get(name, 0) or size == 8 * DTYPES[name][0].itemsize
    value, x = (float(data[key].replace("Infinity", "inf")) for key in ("value", "x"))
    assert same(value, meant(bits, name))
    becomes = read(page, "becomes")[:, 0].tolist()
    if math.isfinite(x):
        assert becomes == [cast(x, one) for one in NAMES]
        assert value == cast(x, name)
        errors = page.eval_on_selector_all("[data-error]", "n => n.map(d => d.dataset.error)")
        for error, y in zip(errors, becomes, strict=True):
            if error:
                assert float(error) == pytest.approx(abs(y - x) / abs(x), rel=1e-12)
            else:
                assert x == 0 or not math.isfinite(y)
    if math.isfinite(value) and value != 0:
        top, low = bits % 2 ** (size - 1), bits - bits % 2 ** (size - 1)
        away, back = (meant(low + top + by, name) for by in (1, -1))
        expected = (back, away) if value > 0 else (away, back)
        got = [float(data[key].replace("Infinity", "inf")) for key in ("below", "above")]
        assert all(map(same, got, expected))
    return value


@pytest.mark.parametrize("name", NAMES)
def test_formats_of_typed_numbers(open_page, name):
    page = show(open_page, "number-formats")
    choose(page, "format", name)
    numbers = [0.1, -0.3, 1, 65504, 65519.9, 65520, -1e6, 3e38, 3.4e38, 1e-8, -5.96e-8, 2.98e-8]
    numbers += [1.0009765625, 257, 2.0**-24, 2.0**-25, 1e-40, 448, 463.9, 480, 57344, 61440, 0]
    for x in numbers:
        fill(page, "a number", x)
        check_formats(page)


@pytest.mark.parametrize("name", NAMES)
def test_formats_bit_by_bit(open_page, name):
    page = show(open_page, "number-formats", {"format": name, "number": 1})
    size, _ = pattern(page)
    seen = set()
    for place in (*range(0, size, 3), size - 1, size - 2, size - 3, 0):
        page.locator(f".lf-bit[data-col='{place}']").click()
        seen.add(check_formats(page))
        assert page.evaluate("document.activeElement.dataset.col") == str(place)
    assert len(seen) > 4
    for place in range(size - 1):  # all ones: NaN
        if page.locator(f".lf-bit[data-col='{place}']").get_attribute("aria-pressed") == "false":
            page.locator(f".lf-bit[data-col='{place}']").click()
    assert math.isnan(check_formats(page))
    assert "NaN" in page.locator(".lf-result").inner_text()


def test_formats_walk_to_the_neighbours(open_page):
    page = show(open_page, "number-formats", {"format": "e4m3", "number": 1})
    values = [check_formats(page)]
    for _ in range(3):
        press(page, "next above")
        values.append(check_formats(page))
    for _ in range(5):
        press(page, "next below")
        values.append(check_formats(page))
    assert values == [1, 1.125, 1.25, 1.375, 1.25, 1.125, 1, 0.9375, 0.875]
    fill(page, "a number", 0)
    press(page, "next below")
    assert check_formats(page) == -(2.0**-9)
    fill(page, "a number", 448)
    press(page, "next above")
    assert check_formats(page) == 448
    press(page, "Reset")
    assert check_formats(page) == 1


def test_formats_by_keyboard_alone(open_page):
    page = show(open_page, "number-formats", {"format": "float16", "number": 1})
    for _ in range(30):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.dataset.col") == "15":
            break
    page.keyboard.press("Space")
    assert check_formats(page) == -1
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert check_formats(page) == -(2.0**-8)


def test_formats_bad_numbers_say_so(open_page):
    page = show(open_page, "number-formats")
    refuses(page, "a number", "1e40", "from -1e+39 to 1e+39")
    check_formats(page)


@at_widths
def test_formats_fit_and_axe_finds_nothing(open_page, width, dark):
    page = show(open_page, "number-formats", {"format": "float32"}, width=width, dark=dark)
    fits_and_axe_finds_nothing(page, width)


def test_formats_at_another_width(open_page):
    narrower(show(open_page, "number-formats", {"format": "float32"}, width=900))


def test_formats_show_only_words_from_labels(open_page):
    assert words(show_wordless(open_page, "number-formats")) == set()
