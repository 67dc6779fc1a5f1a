"""Every page of the built book in Chromium, with the network cut.

Each page is opened once, at 1280 px, and the tests of a page share it. The checks themselves are
in ``page_checks.js``; the last tests show each of them a fault that it must report.
"""

import os
import re
from html.parser import HTMLParser
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
import yaml
from figures import PLOTS_DRAWN, check_convolution, read, result

pytestmark = pytest.mark.browser

ROOT = Path(__file__).resolve().parents[2]
BOOK = Path(os.environ.get("BOOK_HTML", ROOT / "_build" / "html"))
CHECKS = Path(__file__).with_name("page_checks.js").read_text(encoding="utf-8")
CONFIG = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))


def files_in(toc):
    """Every page that the table of contents names, in its order."""
    if isinstance(toc, list):
        return [name for item in toc for name in files_in(item)]
    own = [toc[key] for key in ("root", "file") if key in toc]
    below = [files_in(toc[key]) for key in ("parts", "chapters", "sections") if key in toc]
    return own + [name for names in below for name in names]


PAGES = files_in(yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8")))
NOTEBOOKS = [name for name in PAGES if (ROOT / f"{name}.ipynb").exists()]


def html_of(name):
    path = BOOK / f"{name}.html"
    assert path.exists(), f"{path} is not built: run make book"
    return path


def ready(page):
    """Wait until formulas are typeset, figures drawn, images loaded and the theme's timers run."""
    page.evaluate(
        """async () => {
            await window.MathJax?.startup?.promise;
            await document.fonts.ready;
            await Promise.all([...document.images].map((i) => i.decode().catch(() => {})));
        }"""
    )
    page.wait_for_function("!document.querySelector('figure.live-figure:not([data-ready])')")
    page.wait_for_function(PLOTS_DRAWN)
    page.add_style_tag(content="* { transition: none !important; animation: none !important }")
    page.evaluate(CHECKS)
    settle(page)
    return page


def settle(page):
    """Let the scripts look for scrolling boxes, up to 300 ms after a change; later if it is busy.

    Boxes that they leave wrong are for the tests to find.
    """
    page.wait_for_timeout(400)
    page.evaluate(
        """async () => {
            const wrong = () => pageChecks.unreachable().length + pageChecks.formulaStops().length;
            for (let tries = 25; tries > 0 && wrong(); tries--) {
                await new Promise((resolve) => setTimeout(resolve, 200));
            }
        }"""
    )


def resize(page, width):
    page.set_viewport_size({"width": width, "height": 900})
    settle(page)


def set_theme(page, theme):
    page.evaluate("theme => { document.documentElement.dataset.theme = theme; }", theme)


def faults(page, *names):
    return {name: found for name in names if (found := page.evaluate(f"pageChecks.{name}()"))}


@pytest.fixture(scope="module", params=PAGES)
def page(request, open_shared):
    """A page of the book. Tests that change its size or theme put them back."""
    open_shared.problems.clear()
    page = ready(open_shared(html_of(request.param), width=1280))
    page.name, page.problems = request.param, open_shared.problems
    yield page
    page.context.close()
    open_shared.contexts.clear()


@pytest.fixture
def phone(page):
    yield page
    resize(page, 1280)


def test_asks_no_host_and_logs_no_error(page):
    assert page.problems == []
    assert faults(page, "outside") == {}


def test_formulas_images_and_headings(page):
    assert faults(page, "rawTex", "formulas", "images", "headings") == {}
    if 'class="math ' in html_of(page.name).read_text(encoding="utf-8"):
        assert page.locator(".bd-article mjx-container").count() > 0


def test_fits_a_desktop(page):
    assert page.evaluate("pageChecks.narrowCode(84)") == []
    assert faults(page, "overflow", "cut", "unreachable", "formulaStops") == {}


def test_fits_a_phone(phone):
    for width in (390, 320):
        resize(phone, width)
        assert faults(phone, "overflow", "cut", "unreachable", "formulaStops") == {}, width


# axe's own, but lone digits and signs are text too: cells and buttons of the live figures.
CONTRAST = {
    "ignoreLength": True,
    "ignoreUnicode": False,
    "ignorePseudo": False,
    "boldValue": 700,
    "boldTextPt": 14,
    "largeTextPt": 18,
    "contrastRatio": {"normal": {"expected": 4.5}, "large": {"expected": 3}},
    "pseudoSizeThreshold": 0.25,
    "shadowOutlineEmMax": 0.2,
    "textStrokeEmMin": 0.03,
}


def axe(page, context="document", rules="{}"):
    """Faults that axe-core finds, and how many elements passed."""
    if page.evaluate("!window.axe"):
        from axe_playwright_python.base import AXE_SCRIPT

        page.evaluate(AXE_SCRIPT)
        page.evaluate(
            "options => axe.configure({checks: [{id: 'color-contrast', options}]})", CONTRAST
        )
    found = page.evaluate(
        f"""async () => {{
            const {{ violations, incomplete, passes }} = await axe.run({context}, {rules});
            const text = (rule, node) =>
                `${{rule.id}}: ${{node.html.slice(0, 160)}} ${{node.any[0]?.message || ""}}`;
            const list = (rules) =>
                rules.flatMap((rule) => rule.nodes.map((node) => text(rule, node)));
            return [list(violations), list(incomplete), list(passes).length];
        }}"""
    )
    return found[0], found[1], found[2]


def contrast(page):
    # The table of contents scrolls in a box of its own, and axe sees no background for a line that
    # is half outside: on a window high enough, none is.
    size = page.viewport_size
    page.set_viewport_size({**size, "height": 2400})
    found = axe(page, "{include: textOfEachKind()}", "{runOnly: ['color-contrast']}")
    page.set_viewport_size(size)
    return found


@pytest.mark.skipif(not find_spec("axe_playwright_python"), reason="axe-core is not installed")
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_contrast(page, theme):
    set_theme(page, theme)
    wrong, unknown, right = contrast(page)
    set_theme(page, "light")
    assert wrong == []
    assert unknown == []
    assert right >= 10


# The last test of a page, because it empties code and formulas.
@pytest.mark.skipif(not find_spec("axe_playwright_python"), reason="axe-core is not installed")
def test_axe_finds_nothing(phone):
    phone.evaluate("thinOut()")
    rest = "{rules: {'color-contrast': {enabled: false}}}"
    assert axe(phone, rules=rest)[0] == []
    resize(phone, 390)
    assert axe(phone, rules=rest)[0] == []
    assert contrast(phone)[0] == []


# What can be read from the files


class Document(HTMLParser):
    """The ids, links and sources of a page."""

    def __init__(self, path):
        super().__init__()
        self.ids, self.links, self.sources = {"", "top"}, [], []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.ids.update(attrs[key] for key in ("id", "name") if attrs.get(key))
        if attrs.get("href") is not None:
            self.links.append(attrs["href"])
        if attrs.get("src"):
            self.sources.append(attrs["src"])


class Cache(dict):
    """Documents by path, each read once."""

    def __missing__(self, path):
        self[path] = Document(path)
        return self[path]


def broken_links(path, cache):
    """Addresses in a file that lead to no file, or to no anchor in it."""
    broken = []
    document = cache[path]
    for address in document.links + document.sources:
        parts = urlsplit(address)
        if parts.scheme or parts.netloc:
            continue
        target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
        if not target.is_file():
            broken.append(address)
        elif parts.fragment and target.suffix == ".html":
            if unquote(parts.fragment) not in cache[target].ids:
                broken.append(address)
    return broken


def test_internal_links_lead_somewhere():
    names = [*PAGES, "index", "genindex", "search"]
    cache, broken = Cache(), {}
    for name in names:
        if found := broken_links(html_of(name).resolve(), cache):
            broken[name] = found
    assert broken == {}


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_launch_buttons_open_this_page(name):
    links = Document(html_of(name)).links
    launch, repository = CONFIG["launch_buttons"], CONFIG["repository"]
    project, branch = urlsplit(repository["url"]).path.strip("/"), repository["branch"]
    assert f"{launch['colab_url']}/github/{project}/blob/{branch}/{name}.ipynb" in links
    lab = f"{launch['binderhub_url']}/v2/gh/{project}/{branch}?urlpath=lab/tree/{name}.ipynb"
    assert lab in links


@pytest.mark.parametrize("name", PAGES)
def test_weighs_at_most_a_megabyte_and_a_half(name):
    path = html_of(name)
    images = {path.parent / unquote(s) for s in Document(path).sources if "_images/" in s}
    assert path.stat().st_size + sum(image.stat().st_size for image in images) <= 1_500_000


# What a reader does


def test_search_works_without_a_server(open_page):
    page = ready(open_page(html_of(PAGES[-1])))
    page.keyboard.press("Control+k")
    page.wait_for_function("document.activeElement.name === 'q'")
    page.keyboard.type("convolution")
    page.keyboard.press("Enter")
    # results come in one by one: only this one says that the search found the page
    page.wait_for_selector("#search-results li a[href*='3_algorithms/convolution.html']")


def test_a_claim_has_no_light_sheet_in_the_dark(open_page):
    page = ready(open_page(html_of("book/3_algorithms/attention"), dark=True))
    sheet = "getComputedStyle(document.querySelector('.claim').closest('.output'))"
    assert page.evaluate(f"{sheet}.backgroundColor") == "rgba(0, 0, 0, 0)"
    assert page.evaluate(f"{sheet}.color == getComputedStyle(document.querySelector('p')).color")


def test_theme_button_and_skip_link(open_page):
    page = ready(open_page(html_of(PAGES[0]), width=1280))
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.hash") == "#main-content"
    page.keyboard.press("Enter")
    assert urlsplit(page.url).fragment == "main-content"
    ground = "getComputedStyle(document.body).backgroundColor"
    before = page.evaluate(ground)
    for _ in range(3):  # the button goes round: light, dark, the system's
        page.locator(".theme-switch-button").first.click()
        if page.evaluate("document.documentElement.dataset.theme") == "dark":
            break
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    assert page.evaluate(ground) != before


def with_figures():
    """The pages whose stored outputs hold a live figure."""
    mark = r"<figure class=\"live-figure\""
    return [n for n in NOTEBOOKS if mark in (ROOT / f"{n}.ipynb").read_text("utf-8")]


def tab_into_figure(page):
    """Start on the last stop before the first live figure and press Tab until a cell has it.

    In a figure without cells it is the first slider, and without sliders the first button that is
    on or off. Return whether it is a cell.
    """
    page.evaluate(
        """() => {
            const figure = document.querySelector("figure.live-figure");
            const stops = [...document.querySelectorAll(
                "a[href], button, summary, [tabindex='0']")]
                .filter((node) => node.checkVisibility({ visibilityProperty: true })
                    && node.compareDocumentPosition(figure) & Node.DOCUMENT_POSITION_FOLLOWING);
            stops.at(-1).focus();
        }"""
    )
    cells = page.locator("figure.live-figure").first.locator("[data-grid][tabindex]").count() > 0
    figure = page.locator("figure.live-figure").first
    sliders = figure.locator("input[type=range]").count() > 0
    goal = "[data-grid]" if cells else "input[type=range]" if sliders else "[aria-pressed]"
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate(f"!!document.activeElement.closest('figure.live-figure {goal}')"):
            return cells
        assert page.evaluate("!!document.activeElement.closest('figure.live-figure')")
    raise AssertionError(f"no {goal} of the figure is reached by Tab")


@pytest.mark.parametrize("name", with_figures())
def test_live_figures_by_tab_and_arrow_keys(open_page, name):
    page = ready(open_page(html_of(name), width=1280))
    cells = tab_into_figure(page)
    seen, told = set(), set()
    # Left before Enter: a figure may begin with the cell chosen that the first keys lead to.
    moves = ("ArrowRight", "ArrowDown", "ArrowRight", "ArrowDown", "ArrowLeft")
    if not cells:  # a slider may begin at its end
        moves = ("ArrowRight",) * 4 + ("ArrowLeft",) * 8
    # Enter opens a cell that can be edited, 7 is typed into it, and the next Enter closes it.
    for key in (*moves, "Enter", "7", "Enter", "ArrowRight"):
        page.keyboard.press(key)
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
        place = page.evaluate(
            """() => { const at = document.activeElement;
                return [at.dataset.row, at.dataset.col, at.value].join(); }"""
        )
        said = page.locator("figure.live-figure .lf-result").first.inner_text()
        told.add(said)
        seen.add((place, said))
    assert len(seen) >= 4 and len(told) >= 2


def test_convolution_on_its_page_equals_pytorch(open_page):
    """One real click and one key, then every grid against PyTorch, to 1e-6."""
    page = ready(open_page(html_of("book/3_algorithms/convolution"), width=1280))
    figure = page.locator("figure.live-figure[data-figure=convolution]").first
    cell = figure.locator("[data-grid=output][data-row='1'][data-col='3']")
    cell.click()
    assert result(figure, "output") == pytest.approx(read(figure, "output")[1, 3].item(), abs=1e-6)
    page.keyboard.press("ArrowDown")
    page.keyboard.press(" ")
    assert result(figure, "output") == pytest.approx(read(figure, "output")[2, 3].item(), abs=1e-6)
    check_convolution(figure, (1, 1), (0, 0), (1, 1))


# The checks must be able to fail

BROKEN = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Broken</title>
<meta name="viewport" content="width=device-width"></head>
<body><main class="bd-article"><h1>Broken</h1>{}</main></body></html>"""

FAULTS = {
    "rawTex": [
        r"<p>\(x\)</p>",
        "<p>$$ y $$</p>",
        "<p>so $x_i$ is</p>",
        r"<p>half \frac{1}{2}</p>",
    ],
    "formulas": [r"<p class='math'>x</p>", "<p class='math'><mjx-container></mjx-container></p>"],
    "images": ["<img src='data:image/gif;base64,R0lGODlhAQABAAAAACw='>", "<img alt='A' src='x:'>"],
    "headings": ["<h1>Second</h1>", "<h3>Skipped</h3>"],
    "overflow": ["<p style='width: 500px'>wide</p>", "<p>" + "long" * 99 + "</p>"],
    "cut": ["<p style='overflow: hidden; width: 50px'>Unbreakable</p>"],
    "unreachable": ["<pre style='overflow: auto'>" + "long " * 99 + "</pre>"],
    "formulaStops": ["<p class='math' tabindex='0'>x</p>"],
    "narrowCode": ["<div class='cell_input'><pre>x = 1</pre></div>"],
    "outside": ["<link rel='preconnect' href='https://example.org'>", "<link href='//cdn/x.css'>"],
}


def test_every_check_reports_its_fault(open_page, open_shared):
    page = open_page(BROKEN.format("<h2>Right</h2><p>Nothing to report.</p>"), width=390)
    page.evaluate(CHECKS)
    names = page.evaluate("Object.keys(pageChecks)")
    assert set(names) == set(FAULTS)
    assert {name: page.evaluate(f"pageChecks.{name}(84)") for name in names} == {
        name: [] for name in names
    }
    page = open_shared(BROKEN.format(""), width=390)
    for name, snippets in FAULTS.items():
        for snippet in snippets:
            page.set_content(BROKEN.format(snippet))
            page.evaluate(CHECKS)
            assert page.evaluate(f"pageChecks.{name}(84)"), f"{name} does not see {snippet}"


def test_a_forbidden_request_and_an_error_are_reported(open_shared):
    open_shared.problems.clear()
    snippet = "<img alt='A' src='https://example.org/a.png'><script>throw Error('oops')</script>"
    open_shared(BROKEN.format(snippet))
    said = "\n".join(open_shared.problems)
    assert "outside request: https://example.org/a.png" in said and "oops" in said


@pytest.mark.skipif(not find_spec("axe_playwright_python"), reason="axe-core is not installed")
def test_axe_reports_pale_text_and_a_nameless_button(open_page):
    page = open_page(
        BROKEN.format("<p>Dark.</p><p class='b' style='color: #999'>Pale.</p><button>")
    )
    page.evaluate(CHECKS)
    assert len(contrast(page)[0]) == 1 and "Pale" in contrast(page)[0][0]
    assert any(fault.startswith("button-name") for fault in axe(page)[0])


def test_broken_links_are_reported(tmp_path):
    path = tmp_path / "page.html"
    path.write_text('<i id="a"></i><a href="#a"></a><a href="#b"></a><a href="gone.html"></a>')
    assert broken_links(path, Cache()) == ["#b", "gone.html"]
    assert re.fullmatch(r"book/\w+(/\w+)?", PAGES[0]) and len(PAGES) == len(set(PAGES)) > 10
