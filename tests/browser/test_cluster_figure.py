"""A cluster, planned by hand: every number equals what the page's own functions say."""

import json
import math
from pathlib import Path

import pytest
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

from bigmodel_utils.live import _figure

pytestmark = pytest.mark.browser

PAGE = Path(__file__).parents[2] / "book" / "6_faq" / "plan.ipynb"
DEVICES = _figure.modules()["cluster"].schema({})["devices"]
DIALS = {
    "gpus": "GPUs, power of two",
    "tensor": "tensor parallel, power of two",
    "stages": "stages, power of two",
    "pieces": "pieces a stage, power of two",
    "size": "parameters N, power of ten",
    "batch": "tokens a step, power of two",
    "tokens": "training tokens, power of ten",
    "outside": "GB/s between servers",
    "share": "kernels' share of the peak",
    "years": "years between failures of a GPU",
    "save": "seconds to save",
    "price": "dollars for a GPU-hour",
}
FUNCTIONS = (
    "state_bytes",
    "activation_bytes",
    "micro_seconds",
    "step_seconds",
    "gpus",
    "utilisation",
    "interval",
    "interval_seconds",
    "plan",
)


@pytest.fixture(scope="module")
def page_functions():
    """The functions that the page's cells define, from the cells that the reader sees."""
    import ast

    import torch

    found = {"torch": torch, "math": math}
    for cell in json.loads(PAGE.read_text(encoding="utf-8"))["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] != "code" or "%" in source.split("def ")[0]:
            continue
        for node in ast.parse(source).body:
            if isinstance(node, ast.FunctionDef) and node.name in FUNCTIONS:
                exec(compile(ast.Module([node], []), "page", "exec"), found)
    assert set(FUNCTIONS) <= set(found)
    return found


def settings_of(page):
    """What the controls show."""
    found = {}
    for key, name in DIALS.items():
        typed = page.get_by_label(f"{name}, typed").input_value()
        slider = page.get_by_role("slider", name=name, exact=True).input_value()
        assert float(slider) == pytest.approx(float(typed))
        found[key] = float(typed)
    for key, name in (("zero", "ZeRO"), ("again", "activations")):
        pressed = page.locator(f"[aria-label={name}] [aria-pressed=true]")
        found[key] = pressed.get_attribute("data-option")
    kind = page.get_by_role("combobox", name="kind of GPU")
    found["device"] = DEVICES[int(kind.input_value())]
    return found


def check_plan(page, f):
    """Compare the figure with the page's functions; returns the settings and the numbers shown."""
    now = settings_of(page)
    _, peak, memory, inside = now["device"]
    tp, pp, gpus, batch = (int(2 ** now[k]) for k in ("tensor", "stages", "gpus", "batch"))
    dp, N = gpus // (tp * pp), 10 ** now["size"]
    m, v = batch // 8192 // dp, int(2 ** now["pieces"])
    L = max(1, round((N / (12 * 128**2)) ** (1 / 3)))
    model = dict(N=N, L=L, d=(N / 12 / L) ** 0.5, s=8192)
    lay = dict(tp=tp, cp=1, pp=pp, dp=dp, m=m, v=v if m >= pp else 1)
    lay |= dict(zero=int(now["zero"][-1]), again=now["again"] == "computed")
    hours = now["years"] * 31_557_600 / 3600
    gpu = dict(peak=peak, memory=memory, inside=inside, share=now["share"], hours=hours)
    gpu["outside"] = 1e9 * now["outside"]
    assert f["gpus"](lay) == gpus
    said = f["plan"](model, gpu, lay, 10 ** now["tokens"], save=now["save"], restart=600.0)
    data = page.locator(".lf-result").evaluate("n => ({...n.dataset})")
    assert data["result"] == "cluster"
    expected = {
        "value": said["step"],
        "need": said["need"],
        "used": f["utilisation"](model, gpu, lay),
        "apart": said["work"],
        "useful": said["useful"],
        "seconds": said["days"] * 86_400,
        "cost": gpus * said["days"] * 24 * now["price"],
    }
    for key, value in expected.items():
        assert float(data[key]) == pytest.approx(value, rel=1e-9), key
    assert data["fits"] == str(said["fits"]).lower()
    assert ("it fits" in page.locator(".lf-result").inner_text()) == said["fits"]
    pieces = read(page, "pieces").flatten().tolist()
    assert sum(pieces[:4]) == pytest.approx(said["step"], rel=1e-9)
    assert sum(pieces[4:6]) == pytest.approx(said["need"], rel=1e-9)
    assert pieces[6] == memory
    quiet = f["micro_seconds"](model, gpu | dict(inside=math.inf), lay)
    assert pieces[0] == pytest.approx(m * quiet, rel=1e-9)
    return now, data


def test_cluster_by_its_controls(open_page, page_functions):
    page = show(open_page, "cluster")
    before = check_plan(page, page_functions)
    for kind, zero, again in (("0", "stage 3", "all kept"), ("1", "stage 1", "computed again")):
        choose(page, "kind of GPU", kind)
        press(page, zero)
        press(page, again)
        for values in (
            (6, 1, 1, 0, 9.3, 20, 11.2, 25, 0.35, 2, 20, 0.5),
            (14, 3, 4, 3, 11.6, 24, 13.2, 50, 0.55, 6, 30, 2.5),
            (0, 0, 0, 0, 8, 16, 9, 400, 1, 50, 600, 0),
            (10, 0, 3, 2, 10.9, 21, 12, 5, 0.5, 0.5, 60, 20),
        ):
            fill(page, f"{DIALS['gpus']}, typed", 15)  # so that no layout on the way is refused
            fill(page, f"{DIALS['batch']}, typed", 27)
            for (key, name), value in zip(DIALS.items(), values, strict=True):
                if key not in ("gpus", "batch"):
                    fill(page, f"{name}, typed", value)
            fill(page, f"{DIALS['gpus']}, typed", values[0])
            fill(page, f"{DIALS['batch']}, typed", values[5])
            check_plan(page, page_functions)
    press(page, "Reset")
    assert check_plan(page, page_functions) == before


def test_more_stages_halve_the_state_and_make_a_bubble(open_page, page_functions):
    page = show(open_page, "cluster")
    check_plan(page, page_functions)
    before = read(page, "pieces").flatten()
    fill(page, f"{DIALS['stages']}, typed", 3)
    check_plan(page, page_functions)
    after = read(page, "pieces").flatten()
    assert after[2] > before[2] and 0.4 < (after[4] / before[4]).item() < 0.6


def test_a_layout_that_cannot_be_is_refused(open_page, page_functions):
    page = show(open_page, "cluster")
    fill(page, f"{DIALS['gpus']}, typed", 3)
    assert "32, more than 8 GPUs" in page.locator(".lf-result").inner_text()
    fill(page, f"{DIALS['gpus']}, typed", 15)
    fill(page, f"{DIALS['batch']}, typed", 20)
    assert "1024 copies, but a step has 128 rows" in page.locator(".lf-result").inner_text()
    assert page.locator(".lf-result").get_attribute("data-result") == "error"
    fill(page, f"{DIALS['batch']}, typed", 24)
    check_plan(page, page_functions)


def test_cluster_by_keyboard_alone(open_page, page_functions):
    page = show(open_page, "cluster")
    for key, keys in (("gpus", ["ArrowRight"]), ("stages", ["ArrowRight"]), ("price", ["Home"])):
        for _ in range(45):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement.ariaLabel") == DIALS[key]:
                break
        for one in keys:
            page.keyboard.press(one)
    now, _ = check_plan(page, page_functions)
    assert (now["gpus"], now["stages"], now["price"]) == (11, 3, 0)


def test_cluster_bad_numbers_say_so(open_page, page_functions):
    page = show(open_page, "cluster")
    for key, text, message in (
        ("gpus", "16", "from 0 to 15"),
        ("gpus", "2.5", "Only whole numbers"),
        ("share", "2", "from 0.1 to 1"),
        ("save", "", "from 1 to 600"),
    ):
        refuses(page, f"{DIALS[key]}, typed", text, message)
        check_plan(page, page_functions)


@at_widths
def test_cluster_fits_and_axe_finds_nothing(open_page, width, dark):
    fits_and_axe_finds_nothing(show(open_page, "cluster", width=width, dark=dark), width)


def test_cluster_draws_anew_at_another_width(open_page):
    narrower(show(open_page, "cluster", width=900))


def test_cluster_shows_only_words_from_labels(open_page):
    page = show_wordless(open_page, "cluster", {"devices": [("1", 1e12, 8e10, 1e11)], "device": 0})
    assert words(page) - {"min"} == set()
