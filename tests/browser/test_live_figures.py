"""All live figures: they fit, are accessible, come alive anywhere, and show text as text."""

import pytest
from figures import PAGE, drawn, fits_and_axe_finds_nothing, show

from bigmodel_utils.live import FIGURES, LiveFigure

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("name", FIGURES)
@pytest.mark.parametrize(("width", "dark"), [(390, True), (390, False), (900, True)])
def test_fits_the_window_and_axe_finds_nothing(open_page, name, width, dark):
    data = {"view": "backward"} if name in ("convolution", "pooling", "unrolled") else {}
    fits_and_axe_finds_nothing(show(open_page, name, data, width=width, dark=dark), width)


def test_two_figures_of_one_call_are_both_alive(open_page):
    figure = LiveFigure("convolution", alt="Explorer.")._repr_html_()
    page = open_page(PAGE.format(theme="light", figure=figure + figure))
    assert page.locator("figure[data-ready=true]").count() == 2


def test_a_notebook_may_run_the_script_before_it_attaches_the_figure(open_page):
    page = open_page(PAGE.format(theme="light", figure=""))
    page.evaluate(
        """html => {
            const box = document.createElement("div");
            box.innerHTML = html;
            const script = document.createElement("script");
            script.textContent = box.querySelector("script").textContent;
            document.body.append(script);
            setTimeout(() => document.body.append(box), 120);
        }""",
        LiveFigure("receptive-field", alt="Explorer.")._repr_html_(),
    )
    drawn(page)


def test_data_and_labels_are_text_never_markup(open_page):
    attack = "</script><img src=x onerror=\"document.title='broken'\"><!--<script>"
    figure = LiveFigure(
        "convolution", alt=attack, labels={"kernel": attack, "hint_forward": attack}
    )
    page = open_page(PAGE.format(theme="light", figure=figure._repr_html_()))
    page.wait_for_selector(".lf-result")
    assert page.title() == "Figure" and page.locator("img").count() == 0
    assert attack in page.locator("figure").inner_text()
