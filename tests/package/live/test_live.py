"""Live figures as HTML: size, determinism, escaping, and errors that name what is wrong."""

import ast
import os
import re
import subprocess
import sys

import numpy as np
import pytest
import torch

from bigmodel_utils.live import FIGURES, LABELS, LiveFigure

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


def test_a_network_may_be_tensors_and_completes_what_is_missing():
    rnn = torch.nn.RNN(2, 2)
    x = torch.rand(3, 2)
    state = {"W": rnn.weight_ih_l0, "U": rnn.weight_hh_l0, "b": rnn.bias_ih_l0}
    figure = LiveFigure("unrolled", data={**state, "x": x}, alt=ALT)
    assert figure.data["U"] == rnn.weight_hh_l0.tolist()
    assert figure.data["b"] == rnn.bias_ih_l0.tolist()
    assert figure.data["g"] == [[0, 0], [0, 0], [1, 0.5]]
    lists = {key: value.tolist() for key, value in state.items()}
    assert page("unrolled", data={**lists, "x": x.tolist()}) == figure._repr_html_()


def test_all_steps_are_the_widest_window():
    assert page("gradient-distance", data={"steps": 20, "window": "all"}) == page(
        "gradient-distance", data={"steps": 20, "window": 20}
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
    ("unrolled", {"V": 1}, ValueError, "unrolled: unknown key 'V'; the keys are U, W, b, g, h0"),
    ("unrolled", {"x": [[1]]}, ValueError, "x, rows: .*at least 2, got 1"),
    ("unrolled", {"x": torch.zeros(9, 1)}, ValueError, "x, rows: .*at most 8"),
    ("unrolled", {"x": torch.zeros(4, 3)}, ValueError, "x, columns: .*at most 2"),
    ("unrolled", {"x": torch.zeros(4, 2)}, ValueError, r"W: expected shape \(2, 2\), got \(2, 1\)"),
    ("unrolled", {"U": [[1, 2, 3], [4, 5, 6]]}, ValueError, r"U: expected shape \(2, 2\)"),
    ("unrolled", {"b": [1]}, TypeError, r"b: expected a list of two numbers, got \[1\]"),
    ("unrolled", {"h0": [0, float("inf")]}, ValueError, r"h0\[0\]\[1\]: .*finite"),
    ("unrolled", {"h0": 3}, TypeError, "h0: expected a list of two numbers, got 3"),
    ("unrolled", {"g": [[1, 2]]}, ValueError, r"g: expected shape \(5, 2\), got \(1, 2\)"),
    ("unrolled", {"view": "both"}, ValueError, "view: .*'forward', 'backward'"),
    ("unrolled", {"step": 6}, ValueError, "step: .*at most 5, got 6"),
    ("unrolled", {"step": 0}, ValueError, "step: .*at least 1, got 0"),
    ("gradient-distance", {"radius": 1}, ValueError, "unknown key 'radius'; the keys are activ"),
    ("gradient-distance", {"rho": 1.6}, ValueError, "rho: expected at most 1.5"),
    ("gradient-distance", {"window": 0}, ValueError, "window: .*at least 1"),
    ("gradient-distance", {"window": 41}, ValueError, "window: .*at most 40"),
    ("gradient-distance", {"window": "none"}, TypeError, "window: expected an integer"),
    ("gradient-distance", {"steps": 61}, ValueError, "steps: .*at most 60"),
    ("gradient-distance", {"steps": 10, "distance": 10}, ValueError, "distance: .*at most 9"),
    ("gradient-distance", {"matrix": "random 4"}, ValueError, "matrix: .*'random 3'"),
    ("gradient-distance", {"activation": "relu"}, ValueError, "activation: .*'tanh', 'linear'"),
    ("gradient-distance", {"scale": -1}, ValueError, "scale: expected at least 0"),
    ("lstm-cell", {"r": 1}, ValueError, "unknown key 'r'; the keys are c, f, g, i, o, steps"),
    ("lstm-cell", {"f": 1.1}, ValueError, "f: expected at most 1"),
    ("lstm-cell", {"i": -0.1}, ValueError, "i: expected at least 0"),
    ("lstm-cell", {"g": -1.5}, ValueError, "g: expected at least -1"),
    ("lstm-cell", {"c": "1"}, TypeError, "c: expected a number"),
    ("lstm-cell", {"steps": 31}, ValueError, "steps: .*at most 30"),
    ("rotary", {"angle": 1}, ValueError, "unknown key 'angle'; the keys are base"),
    ("rotary", {"q": [[1, 2]]}, ValueError, r"q: expected shape \(2, 2\), got \(1, 2\)"),
    ("rotary", {"k": [[1], [2]]}, ValueError, r"k: expected shape \(2, 4\), got \(2, 1\)"),
    ("rotary", {"q": [[1] * 5] * 2}, ValueError, "q, columns: .*at most 4, got 5"),
    ("rotary", {"m": 33}, ValueError, "m: .*at most 32, got 33"),
    ("rotary", {"shift": -1}, ValueError, "shift: .*at least 0, got -1"),
    ("rotary", {"base": 50}, ValueError, "base: expected one of 10, 100, 10000"),
    ("rotary", {"turn": True}, ValueError, "turn: expected one of 'on', 'off'"),
    ("online-softmax", {"score": 1}, ValueError, "unknown key 'score'; the keys are rescale"),
    ("online-softmax", {"scores": [1]}, ValueError, "scores, how many: .*at least 2, got 1"),
    ("online-softmax", {"scores": 13 * [1]}, ValueError, "scores, how many: .*at most 12"),
    ("online-softmax", {"scores": [[1, 2]]}, TypeError, "scores: expected a list of numbers"),
    ("online-softmax", {"scores": [1, 2]}, ValueError, "values: expected 2, one for each score"),
    ("online-softmax", {"values": [0] * 7 + [100]}, ValueError, r"values\[0\]\[7\]: .*99"),
    ("online-softmax", {"tile": 9}, ValueError, "tile: .*at most 8, got 9"),
    ("online-softmax", {"tile": 4, "step": 3}, ValueError, "step: .*at most 2, got 3"),
    ("online-softmax", {"rescale": 1}, TypeError, "rescale: expected True or False"),
    (
        "attention",
        {"w": 1},
        ValueError,
        "attention: unknown key 'w'; the keys are g, k, length, mask",
    ),
    ("attention", {"q": torch.zeros(1, 2)}, ValueError, "q, rows: .*at least 2, got 1"),
    ("attention", {"k": torch.zeros(7, 2)}, ValueError, "k, rows: .*at most 6"),
    ("attention", {"v": torch.zeros(4, 3)}, ValueError, "v, columns: .*at most 2"),
    ("attention", {"v": torch.zeros(4, 1)}, ValueError, "v, columns: .*at least 2"),
    (
        "attention",
        {"q": torch.zeros(4, 2), "k": torch.zeros(3, 2)},
        ValueError,
        "k: expected 4 rows",
    ),
    ("attention", {"tokens": 7}, ValueError, "tokens: .*at most 6"),
    ("attention", {"scaled": 1}, TypeError, "scaled: expected True or False"),
    ("attention", {"temperature": 0}, ValueError, "temperature: expected at least 0.1"),
    ("attention", {"mask": "window"}, ValueError, "mask: .*'padding'"),
    ("attention", {"length": 6}, ValueError, "length: .*at most 5"),
    ("attention", {"view": "side"}, ValueError, "view: .*'backward'"),
    ("attention", {"select": 3}, TypeError, r"select: expected \(row, column\), got 3"),
    ("attention", {"select": (5, 0)}, ValueError, "select, row: .*at most 4"),
]


@pytest.mark.parametrize(("name", "data", "kind", "message"), WRONG)
def test_wrong_data_is_named(name, data, kind, message):
    with pytest.raises(kind, match=message):
        LiveFigure(name, data=data, alt=ALT)


@pytest.mark.parametrize(
    ("options", "kind", "message"),
    [
        (
            {"name": "diffusion"},
            ValueError,
            "no live figure 'diffusion'; there are attention, conv",
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
