"""Live figures as HTML: size, determinism, escaping, and errors that name what is wrong."""

import ast
import os
import re
import subprocess
import sys

import numpy as np
import pytest
import torch

from bigmodel_utils.live import FIGURES, LiveFigure
from bigmodel_utils.live.labels import LABELS

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


def test_data_labels_and_alt_are_escaped():
    attack = "</script><!--\u2028<img src=x>&\"'"
    figure = LiveFigure("convolution", alt=attack, labels={"kernel": attack, "fallback": attack})
    html = figure._repr_html_()
    assert html.count("</script>") == 1 and "<!--" not in html
    assert "<img" not in html and "\u2028" not in html[html.index("<script>") :]


def test_matrices_may_be_arrays_or_tensors():
    image = [[0.5, 1, 2], [3, 4, -5.25]]
    expected = page("convolution", data={"input": image})
    assert expected == page("convolution", data={"input": np.array(image)})
    assert expected == page("convolution", data={"input": torch.tensor(image)})


def test_layers_may_be_triples_or_dicts():
    layers = [(3, 2, 1), (2, 1, 1)]
    named = [{"kernel_size": 3, "stride": 2}, {"kernel_size": 2}]
    assert page("receptive-field", data={"layers": layers}) == page(
        "receptive-field", data={"layers": named}
    )


WRONG = [
    ("convolution", {"strides": 2}, ValueError, "unknown key 'strides'; the keys are dilation"),
    ("convolution", {"stride": 0}, ValueError, "stride: .*at least 1, got 0"),
    ("convolution", {"stride": (1, 5)}, ValueError, "stride: .*at most 4, got 5"),
    ("convolution", {"stride": 1.5}, TypeError, "stride: expected an integer"),
    ("convolution", {"input": [1, 2]}, TypeError, "input: expected a matrix"),
    ("convolution", {"input": []}, TypeError, "input: expected a matrix"),
    ("convolution", {"input": [[1, 2], [3]]}, ValueError, r"one length, got lengths \[1, 2\]"),
    ("convolution", {"input": torch.zeros(3, 13)}, ValueError, "input, columns: .*at most 12"),
    ("convolution", {"kernel": torch.zeros(6, 2)}, ValueError, "kernel, rows: .*at most 5"),
    ("convolution", {"kernel": [[float("nan")]]}, ValueError, r"kernel\[0\]\[0\]: .*finite"),
    ("convolution", {"kernel": [["1"]]}, TypeError, r"kernel\[0\]\[0\]: expected a number"),
    ("convolution", {"kernel": [[100]]}, ValueError, r"kernel\[0\]\[0\]"),
    ("convolution", {"view": "sideways"}, ValueError, "view: .*'forward', 'backward'"),
    ("convolution", {"select": (0, -1)}, ValueError, "select"),
    ("pooling", {"mode": "min"}, ValueError, "mode: .*'max', 'average'"),
    ("pooling", {"ties": "last"}, ValueError, "ties"),
    ("pooling", {"preset": "none"}, ValueError, "preset"),
    ("pooling", {"kernel_size": 6}, ValueError, "kernel_size"),
    ("receptive-field", {"layers": [(3, 1)]}, TypeError, r"layers\[0\]: expected \(kernel_size"),
    ("receptive-field", {"layers": [(3, 1, 9)]}, ValueError, r"layers\[0\], dilation"),
    ("receptive-field", {"layers": [{"stride": 2}]}, ValueError, "expected a kernel_size"),
    ("receptive-field", {"layers": [(3, 1, 1)] * 7}, ValueError, "layers, how many"),
    ("receptive-field", {"layers": []}, ValueError, "layers, how many"),
    ("receptive-field", {"layers": 3}, TypeError, "layers: expected a list"),
]


@pytest.mark.parametrize(("name", "data", "kind", "message"), WRONG)
def test_wrong_data_is_named(name, data, kind, message):
    with pytest.raises(kind, match=message):
        LiveFigure(name, data=data, alt=ALT)


@pytest.mark.parametrize(
    ("options", "kind", "message"),
    [
        ({"name": "attention"}, ValueError, "no live figure 'attention'; there are convolution"),
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
    script = script[script.index("const L = ") :].split("\n", 1)[1]
    used = set(re.findall(r"\bL\.(\w+)|\bsay\(\"(\w+)\"(?! \+)", script))
    used = {a or b for a, b in used}
    assert used <= set(LABELS[name]), used - set(LABELS[name])
    # Some keys are put together by the script: about_KIND, preset_NAME.
    unused = {k for k in LABELS[name] if k not in used and not k.startswith(("about_", "preset_"))}
    assert unused <= {"fallback"}, unused


def test_import_needs_no_torch():
    code = "import sys, bigmodel_utils.live; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
