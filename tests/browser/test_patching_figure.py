"""The map of exchanged states, used by hand: shares and words equal what PyTorch computes."""

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
from bigmodel_utils import interventions, models

pytestmark = pytest.mark.browser

FOLDER = Path(bigmodel_utils.live.__file__).parent / "figures" / "patching"
STORED = json.loads((FOLDER / "data.json").read_text(encoding="utf-8"))["prompts"]
PLACE, AFTER = "token whose state is exchanged", "after how many blocks"


def small_prompt(seed):
    """A prompt and its donor in a small random model, every state exchanged."""
    torch.manual_seed(seed)
    model = models.GPT(
        6, context=8, d_model=8, num_layers=2, num_heads=2, init="gpt2"
    ).double().eval()  # fmt: skip
    with torch.no_grad():
        for p in model.parameters():
            p.mul_(5 if p.ndim > 1 else 1)
        own = torch.randint(6, (1, 5))
        donor = own.clone()
        donor[0, 2] = (own[0, 2] + 1) % 6
        states, others = (interventions.capture_states(model, x) for x in (own, donor))
        rows = []
        for k in range(3):
            x = states[k].repeat(5, 1, 1)
            x[range(5), range(5)] = others[k][0]
            rows.append(interventions.run_from(model, x, k)[:, -1])
        z, ends = torch.stack(rows), torch.stack([model(x)[0, -1] for x in (own, donor)])
    return {
        "tokens": [f"t{i}" for i in own[0].tolist()],
        "donor": [f"t{i}" for i in donor[0].tolist()],
        "answers": ["one", "<b>"],
        "ends": (ends[:, 1] - ends[:, 0]).tolist(),
        "words": [f"w{i}" for i in range(6)],
        "margins": (z[..., 1] - z[..., 0]).tolist(),
        "first": z.argmax(-1).tolist(),
    }


def settings_of(page):
    """Prompt, place and blocks passed, as the controls show them."""
    found = [int(page.get_by_role("combobox", name="prompt").input_value())]
    for name in (PLACE, AFTER):
        typed = int(page.get_by_label(f"{name}, typed").input_value())
        assert int(page.get_by_role("slider", name=name, exact=True).input_value()) == typed
        found.append(typed)
    return tuple(found)


def check(page, prompts):
    """Squares and result against PyTorch at the settings shown."""
    prompt, place, after = settings_of(page)
    one = prompts[prompt - 1]
    margins, (low, high) = double(one["margins"]), double(one["ends"])
    shares = (margins - low) / (high - low)
    close(read(page, "effect"), shares)
    box = page.locator(".lf-result")
    got, text = box.evaluate("n => ({...n.dataset})"), box.inner_text()
    share, word = shares[after, place - 1].item(), one["words"][one["first"][after][place - 1]]
    assert got["result"] == "effect"
    assert float(got["value"]) == pytest.approx(share, abs=1e-9)
    assert float(got["margin"]) == pytest.approx(margins[after, place - 1].item(), abs=1e-9)
    assert got["word"] == word and f"first choice is {word.strip()}." in text
    assert f"{round(share, 2):g} of the way".replace("-", "−").replace("−0 of", "0 of") in text
    assert f"says {one['answers'][0].strip()}" in text
    drawn = page.eval_on_selector_all(
        "[data-grid=effect]", "n => n.map(r => [r.dataset.row, r.dataset.col,"
        " r.getAttribute('fill-opacity'), r.classList.contains('lf-patch-against')].map(Number))",
    )  # fmt: skip
    for k, p, opacity, against in drawn:
        value = shares[int(k), int(p)].item()
        assert opacity == pytest.approx(min(1, abs(value)), abs=1e-9) and against == (value < 0)
    return share


def test_every_prompt_at_many_places(open_page):
    page = show(open_page, "patching")
    seen = set()
    for i, one in enumerate(STORED, 1):
        choose(page, "prompt", str(i))
        assert settings_of(page)[1] == len(one["tokens"]), "the last token"
        for place, after in ((2, 0), (len(one["tokens"]) - 1, 20), (len(one["tokens"]), 30)):
            fill(page, f"{PLACE}, typed", place)
            fill(page, f"{AFTER}, typed", after)
            assert settings_of(page) == (i, place, after)
            seen.add(round(check(page, STORED), 4))
    assert len(seen) > 4


def test_what_a_small_model_gives_is_shown_in_full(open_page):
    prompts = [small_prompt(0), small_prompt(3)]
    page = show(open_page, "patching", {"prompts": prompts, "prompt": 2, "place": 3, "after": 0})
    assert check(page, prompts) == pytest.approx(1), "before all blocks the token is all there is"
    fill(page, f"{AFTER}, typed", 2)
    assert check(page, prompts) == pytest.approx(0, abs=1e-9), "after them it is not read"
    fill(page, f"{PLACE}, typed", 5)
    assert check(page, prompts) == pytest.approx(1)
    assert page.locator(".lf-patch-donor").count() == 1
    choose(page, "prompt", "1")
    check(page, prompts)
    press(page, "Reset")
    assert settings_of(page) == (2, 3, 0)
    check(page, prompts)


def test_by_keyboard_alone(open_page):
    page = show(open_page, "patching")
    for name, keys in (
        ("prompt", ["ArrowDown"]),
        (PLACE, ["ArrowLeft"] * 2),
        (AFTER, ["End", "ArrowLeft"]),
    ):
        for _ in range(20):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement.ariaLabel") == name:
                break
        for key in keys:
            page.keyboard.press(key)
    assert settings_of(page) == (2, len(STORED[1]["tokens"]) - 2, 29)
    check(page, STORED)
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"


def test_by_mouse_and_touch(open_page):
    page = show(open_page, "patching")
    square = "[data-grid=effect][data-row='{}'][data-col='{}']"
    for k, p in ((7, 2), (24, 5), (0, 0)):
        box = page.locator(square.format(k, p)).bounding_box()
        page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        assert settings_of(page) == (1, p + 1, k)
        check(page, STORED)
    page = show(open_page, "patching", width=390, height=900, touch=True)
    box = page.locator(square.format(25, 4)).bounding_box()
    page.touchscreen.tap(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    assert settings_of(page) == (1, 5, 25)
    check(page, STORED)


def test_bad_numbers_say_so(open_page):
    page = show(open_page, "patching")
    for name, text, message in (
        (PLACE, "0", "from 1 to 6"), (PLACE, "7", "from 1 to 6"),
        (AFTER, "31", "from 0 to 30"), (AFTER, "1.5", "Only whole numbers"),
    ):  # fmt: skip
        refuses(page, f"{name}, typed", text, message)
        check(page, STORED)


@at_widths
@pytest.mark.parametrize("prompt", [1, 4])
def test_fits_and_axe_finds_nothing(open_page, width, dark, prompt):
    page = show(open_page, "patching", {"prompt": prompt}, width=width, dark=dark)
    fits_and_axe_finds_nothing(page, width)
    check(page, STORED)


def test_draws_anew_at_another_width(open_page):
    narrower(show(open_page, "patching", {"prompt": 4}, width=900))


def test_shows_only_words_from_labels(open_page):
    one = {**small_prompt(0), "tokens": list("12345"), "donor": list("12645")}
    one |= {"answers": ["7", "8"], "words": list("abcdef")}
    page = show_wordless(open_page, "patching", {"prompts": [one]})
    assert words(page) == set()
