"""Live figures as HTML: size, determinism, escaping, and errors that name what is wrong."""

import ast
import os
import re
import subprocess
import sys

import pytest

from bigmodel_utils.live import FIGURES, LABELS, LiveFigure, _figure

ALT = "An explorer."
LARGEST = 30_000


def page(name, **options):
    return LiveFigure(name, alt=ALT, **options)._repr_html_()


@pytest.mark.parametrize("name", FIGURES)
def test_html_is_small(name):
    assert len(page(name).encode()) <= LARGEST


def test_html_is_the_same_in_every_process():
    command = (
        "from bigmodel_utils.live import FIGURES, LiveFigure\n"
        f"print([LiveFigure(name, alt={ALT!r})._repr_html_() for name in FIGURES])"
    )
    other = subprocess.run(
        [sys.executable, "-X", "utf8", "-c", command],
        capture_output=True,
        text=True,
        check=True,
        encoding="utf-8",
        env={**os.environ, "PYTHONHASHSEED": "7"},
    )
    assert ast.literal_eval(other.stdout) == [page(name) for name in FIGURES]


@pytest.mark.parametrize("name", FIGURES)
def test_html_asks_nothing_from_outside_and_runs_no_text(name):
    html = page(name).replace('"http://www.w3.org/2000/svg"', "")  # a name, never fetched
    for word in (
        "http",
        "//cdn",
        "import(",
        "fetch(",
        "XMLHttpRequest",
        "eval(",
        "Function(",
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "document.write",
        "url(",
        "@import",
        "src=",
        "href=",
        "localStorage",
    ):
        assert word not in html, word
    assert html.count("<script>") == html.count("</script>") == 1
    assert html.count("<style>") == html.count("</style>") == 1


@pytest.mark.parametrize("name", FIGURES)
def test_html_without_javascript_still_tells_what_it_shows(name):
    html = page(name)
    body = html[: html.index("<style>")]
    assert f"<p>{ALT}</p>" in body and "JavaScript" in body
    assert f'aria-label="{ALT}"' in body and 'role="group"' in body


def test_text_and_mime_bundle():
    figure = LiveFigure("convolution", alt=ALT)
    bundle = figure._repr_mimebundle_()
    assert bundle == {"text/html": figure._repr_html_(), "text/plain": repr(figure)}
    assert re.fullmatch(
        r"LiveFigure\('convolution', id='live-convolution-[0-9a-f]{8}'\)", repr(figure)
    )


def test_id_follows_the_content_unless_given():
    first = LiveFigure("convolution", alt=ALT)
    assert first.id == LiveFigure("convolution", alt=ALT, data={"stride": 1}).id
    assert first.id != LiveFigure("convolution", alt=ALT, data={"stride": 2}).id
    assert first.id != LiveFigure("convolution", alt=ALT, labels={"kernel": "Kern"}).id
    given = LiveFigure("convolution", alt=ALT, id="explorer-1")
    assert 'id="explorer-1"' in given._repr_html_() and 'start("explorer-1"' in given._repr_html_()


def test_id_does_not_follow_words_that_were_added_later(monkeypatch):
    before = LiveFigure("rotary", alt=ALT).id
    words = _figure.modules()["rotary"].WORDS
    monkeypatch.setitem(words, "real_range", "{name}: a number.")
    assert LiveFigure("rotary", alt=ALT).id == before
    monkeypatch.setitem(words, "reset", "Start again")
    assert LiveFigure("rotary", alt=ALT).id != before


def test_data_labels_and_alt_are_escaped():
    attack = "</script><!--\u2028<img src=x>&\"'"
    figure = LiveFigure("convolution", alt=attack, labels={"kernel": attack, "fallback": attack})
    html = figure._repr_html_()
    assert html.count("</script>") == 1 and "<!--" not in html
    assert "<img" not in html and "\u2028" not in html[html.index("<script>") :]


@pytest.mark.parametrize(
    ("options", "kind", "message"),
    [
        (
            {"name": "diffusion"},
            ValueError,
            "no live figure 'diffusion'; there are adapter, attention, bat",
        ),
        ({"alt": "  "}, ValueError, "alt"),
        ({"alt": None}, TypeError, "alt"),
        ({"data": [1]}, TypeError, "data: expected a dict"),
        ({"labels": {"kern": "x"}}, ValueError, "unknown key 'kern'"),
        ({"labels": {"kernel": 3}}, TypeError, r"labels\['kernel'\]"),
        ({"labels": {"cell": "{line}"}}, ValueError, "no value for the place line"),
        ({"id": "1 x"}, ValueError, "id: expected a letter"),
    ],
)
def test_wrong_arguments_are_named(options, kind, message):
    with pytest.raises(kind, match=message):
        LiveFigure(**{"name": "convolution", "alt": ALT, **options})


@pytest.mark.parametrize("name", FIGURES)
def test_every_label_is_used_and_every_used_label_exists(name):
    script = page(name)
    script = script[script.index("const L = ") :].split("\n", 2)[2]
    used = set(re.findall(r"\bL\.(\w+)|\bsay\(\"(\w+)\"(?! \+)", script))
    used = {a or b for a, b in used}
    # Said of a wrong number, where a figure has them.
    used -= {"whole", "real_range"} - set(LABELS[name])
    assert used <= set(LABELS[name]), used - set(LABELS[name])
    if re.search(r"\bL\[(of|kind|key)\]", script):  # by the names of grids and settings
        used |= {k for k in LABELS[name] if re.search(rf'\b{k}\b"?[:)]', script)}
    # Some keys are put together by the script: about_KIND, preset_NAME.
    unused = {k for k in LABELS[name] if k not in used and not k.startswith(("about_", "preset_"))}
    assert unused <= {"fallback"}, unused


def test_import_names_and_words_need_no_torch():
    code = "import sys, bigmodel_utils.live as live; live.FIGURES, live.LABELS;"
    code += "sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
