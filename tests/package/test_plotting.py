"""Figures are checked by what they hold (artists, labels, bytes), not by their look."""

import base64
import hashlib
import inspect
import io
import os
import subprocess
import sys

import IPython.display
import matplotlib
import numpy as np
import pytest
import torch
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from PIL import Image

from bigmodel_utils import drawn, plotting
from bigmodel_utils.training import History

ALT = "A line that falls from two to zero."


@pytest.fixture
def ax():
    return plotting.figure()[1]


@pytest.fixture
def shown(monkeypatch):
    """Collect what is displayed: (data, options) of each call."""
    calls = []
    monkeypatch.setattr(IPython.display, "display", lambda data, **kw: calls.append((data, kw)))
    return calls


def texts(ax):
    return {
        (round(t.get_position()[1]), round(t.get_position()[0])): t.get_text() for t in ax.texts
    }


def settings():
    return {k: matplotlib.rcParams[k] for k in matplotlib.rcParams if k != "backend"}


def test_import_is_clean_and_bytes_do_not_depend_on_the_process(shown):
    """No pyplot, no changed setting; and the same pictures as in this process."""
    code = f"""
import hashlib, sys, matplotlib, IPython.display
settings = lambda: {{k: matplotlib.rcParams[k] for k in matplotlib.rcParams if k != "backend"}}
before = settings()
from bigmodel_utils import plotting
assert settings() == before, "rcParams"
def display(data, **options):
    print(hashlib.sha256(next(iter(data.values())).encode()).hexdigest())
IPython.display.display = display
{inspect.getsource(draw)}
plotting.show(draw(), {ALT!r})
plotting.show(draw(), {ALT!r}, kind="png")
assert "matplotlib.pyplot" not in sys.modules, "pyplot"
"""
    env = os.environ | {"PYTHONHASHSEED": "1"}  # this process has a random one
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for kind in ("svg", "png"):
        plotting.show(draw(), ALT, kind=kind)
    here = [next(iter(data.values())) for data, _ in shown]
    assert done.stdout.split() == [hashlib.sha256(x.encode()).hexdigest() for x in here]


def test_drawing_and_showing_change_no_setting(shown):
    before = settings()
    for kind in ("svg", "png"):
        fig, ax = plotting.figure()
        ax.plot([2, 1, 0])
        plotting.show(fig, ALT, kind=kind)
    assert settings() == before


def test_figure_has_the_size_and_the_grid_asked_for():
    fig, axes = plotting.figure(2, 3, width=6, height=2.5, sharex=True)
    assert isinstance(fig, Figure) and axes.shape == (2, 3)
    assert tuple(fig.get_size_inches()) == (6, 2.5)
    axes[0, 0].set_xlim(3, 4)
    assert axes[1, 2].get_xlim() == (3, 4) or axes[1, 0].get_xlim() == (3, 4)
    assert isinstance(plotting.figure()[1], Axes)


def test_style_is_the_book_s(ax):
    (first,), (second,) = ax.plot([0, 1]), ax.plot([1, 0])
    assert to_rgba(first.get_color()) == to_rgba(plotting.COLORS[0])
    assert to_rgba(second.get_color()) == to_rgba(plotting.COLORS[1])
    assert not ax.spines["top"].get_visible() and ax.spines["left"].get_visible()
    assert to_rgba(ax.figure.get_facecolor()) == (1, 1, 1, 1)


def test_colours_differ_in_lightness_or_hue():
    assert len({to_rgba(color) for color in plotting.COLORS}) == len(plotting.COLORS) == 7


def draw(values=(2, 1, 0)):
    fig, ax = plotting.figure(width=3, height=2)
    ax.plot(values)
    ax.set_title("loss")
    return fig


def test_svg_is_shown_with_its_alt_text_and_size(shown):
    plotting.show(draw(), ALT)
    ((data, options),) = shown
    assert set(data) == {"image/svg+xml", "text/plain", drawn.MIME}
    assert data["text/plain"] == f"<figure: {ALT}>"
    assert data[drawn.MIME] == drawn.record(draw(), ALT)
    assert options == {"raw": True, "metadata": {"image/svg+xml": {"alt": ALT}}}
    svg = data["image/svg+xml"]
    assert 'width="216pt" height="144pt"' in svg  # 3 by 2 inches
    assert "<dc:date>" not in svg and matplotlib.__version__ not in svg


def test_png_is_shown_with_its_alt_text_and_size(shown):
    plotting.show(draw(), ALT, kind="png")
    ((data, options),) = shown
    assert set(data) == {"image/png", "text/plain", drawn.MIME}
    assert options["metadata"] == {"image/png": {"alt": ALT}}
    picture = Image.open(io.BytesIO(base64.b64decode(data["image/png"])))
    assert picture.size == (330, 220)  # 110 points an inch
    assert "Software" not in picture.info


def test_png_keeps_its_colours_to_the_eye(shown):
    ramp = np.linspace(0, 1, 64).reshape(8, 8)
    fig, ax = plotting.figure(width=2, height=2)
    plotting.images([ramp], ax, vmin=0, vmax=1)
    plotting.show(fig, ALT, kind="png")
    picture = Image.open(io.BytesIO(base64.b64decode(shown[0][0]["image/png"]))).convert("L")
    levels = np.unique(np.asarray(picture))
    assert levels.min() <= 2 and levels.max() >= 253 and len(levels) >= 64


@pytest.mark.parametrize("kind", ["svg", "png"])
def test_same_figure_same_bytes_other_figure_other_bytes(shown, kind):
    for values in ((2, 1, 0), (2, 1, 0), (2, 1, 1)):
        plotting.show(draw(values), ALT, kind=kind)
    first, second, third = (next(iter(data.values())) for data, _ in shown)
    assert first == second != third


def test_reader_s_own_settings_do_not_reach_a_figure(shown):
    plotting.show(draw(), ALT)
    with matplotlib.rc_context({"svg.hashsalt": "other", "savefig.dpi": 30}):
        plotting.show(draw(), ALT)
    assert shown[0] == shown[1]


def test_images_are_drawn_one_an_axes_and_the_rest_is_hidden():
    _, axes = plotting.figure(2, 2)
    pictures = [torch.rand(3, 5), np.random.default_rng(0).random((4, 6)), torch.ones(1, 2, 2)]
    assert plotting.images(pictures, axes, titles=["a", 2, "c"]) is axes
    drawn = [ax.get_images() for ax in axes.ravel()]
    assert [len(found) for found in drawn] == [1, 1, 1, 0]
    np.testing.assert_array_equal(drawn[0][0].get_array(), pictures[0].numpy())
    np.testing.assert_array_equal(drawn[1][0].get_array(), pictures[1])
    assert drawn[2][0].get_array().shape == (2, 2)
    assert not any(ax.axison for ax in axes.ravel())
    assert [ax.get_title() for ax in axes.ravel()] == ["a", "2", "c", ""]


def test_channels_come_first_and_go_last(ax):
    colour = torch.rand(3, 4, 6)
    plotting.images(colour[None], ax)
    drawn = ax.get_images()[0].get_array()
    np.testing.assert_array_equal(drawn, colour.permute(1, 2, 0).numpy())


def test_grey_scale_is_each_picture_s_own_unless_fixed():
    _, axes = plotting.figure(1, 2)
    pictures = [torch.tensor([[0.0, 1.0]]), torch.tensor([[0.0, 4.0]])]
    plotting.images(pictures, axes)
    assert [ax.get_images()[0].get_clim() for ax in axes] == [(0, 1), (0, 4)]
    _, axes = plotting.figure(1, 2)
    plotting.images(pictures, axes, vmin=-1, vmax=2, cmap="cividis")
    assert [ax.get_images()[0].get_clim() for ax in axes] == [(-1, 2), (-1, 2)]
    assert axes[0].get_images()[0].get_cmap().name == "cividis"


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16, torch.uint8, torch.bool])
def test_pictures_of_any_dtype(ax, dtype):
    picture = torch.tensor([[0, 1], [1, 1]]).to(dtype)
    plotting.images([picture.requires_grad_(dtype == torch.float64)], ax)
    assert ax.get_images()[0].get_array().sum() == 3


def test_heatmap_writes_each_value_in_its_cell(ax):
    assert plotting.heatmap([[1.25, -2.0, 0.0], [3.0, 4.0, 5.5]], ax, digits=2) is ax
    assert texts(ax) == {
        (0, 0): "1.25", (0, 1): "-2.00", (0, 2): "0.00",
        (1, 0): "3.00", (1, 1): "4.00", (1, 2): "5.50",
    }  # fmt: skip
    assert list(ax.get_xticks()) == [] and list(ax.get_yticks()) == []


@pytest.mark.parametrize(
    ("matrix", "expected"),
    [
        (torch.tensor([[7, -8]]), ["7", "-8"]),
        (torch.tensor([[True, False]]), ["1", "0"]),
        (torch.tensor([[0.25, 1.0]]), ["0.2", "1.0"]),
        (torch.tensor([[0.5, 1.0]], dtype=torch.bfloat16), ["0.5", "1.0"]),
    ],
)
def test_heatmap_of_integers_has_no_decimals(ax, matrix, expected):
    plotting.heatmap(matrix, ax)
    assert [t.get_text() for t in ax.texts] == expected


def test_heatmap_has_zero_in_the_middle_or_its_own_range(ax):
    plotting.heatmap([[1.0, -3.0]], ax)
    assert ax.get_images()[0].get_clim() == (-3, 3)
    plotting.heatmap([[1.0, -3.0]], ax, symmetric=False, annotate=False)
    assert ax.get_images()[1].get_clim() == (-3, 1)
    assert len(ax.texts) == 2  # those of the first call
    plotting.heatmap([[0.0, 0.0]], ax, annotate=False)
    assert ax.get_images()[2].get_clim() == (-1, 1)


def test_text_on_dark_cells_is_white(ax):
    plotting.heatmap([[0.0, 1.0]], ax, cmap="gray", symmetric=False)
    assert [t.get_color() for t in ax.texts] == ["white", "black"]


def test_confusion_shows_counts_and_colours_errors_alone(ax):
    matrix = torch.tensor([[50, 0, 3], [1, 40, 0], [0, 2, 60]])
    assert plotting.confusion(matrix, ax, names=["ant", "bee", "cat"]) is ax
    assert texts(ax) == {
        (0, 0): "50", (0, 2): "3", (1, 0): "1", (1, 1): "40", (2, 1): "2", (2, 2): "60",
    }  # fmt: skip
    drawn = ax.get_images()[0]
    assert np.diag(drawn.get_array()).tolist() == [0, 0, 0]
    assert drawn.get_array()[0, 2] == 3 and drawn.get_clim() == (0, 6)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("answer", "truth")
    for labels in (ax.get_xticklabels(), ax.get_yticklabels()):
        assert [label.get_text() for label in labels] == ["ant", "bee", "cat"]


def test_confusion_without_names_or_errors(ax):
    plotting.confusion(np.diag([5, 6]), ax)
    assert [label.get_text() for label in ax.get_xticklabels()] == ["0", "1"]
    assert ax.get_images()[0].get_clim() == (0, 1)


def test_history_is_a_moving_mean_placed_at_its_last_step(ax):
    losses = np.random.default_rng(0).random(100)
    record = History(steps=list(range(1, 101)), losses=losses.tolist())
    assert plotting.history(record, ax, label="seed 0", color="black") is ax
    (line,) = ax.get_lines()
    assert line.get_xdata().tolist() == list(range(5, 101))
    np.testing.assert_allclose(line.get_ydata()[0], losses[:5].mean())
    np.testing.assert_allclose(line.get_ydata()[-1], losses[-5:].mean())
    assert line.get_label() == "seed 0" and line.get_color() == "black"
    assert ax.get_xlabel() == "step" and "nats" in ax.get_ylabel()


def test_history_of_a_few_steps_is_not_smoothed(ax):
    plotting.history(History(losses=[3.0, 2.0, 1.0]), ax)
    (line,) = ax.get_lines()
    assert line.get_ydata().tolist() == [3, 2, 1] and line.get_xdata().tolist() == [1, 2, 3]


def test_spread_has_a_point_a_seed_and_a_bar_at_the_mean(ax):
    groups = {"plain": [0.25, 0.75], "control": torch.tensor([0.5, 0.5, 0.2])}
    assert plotting.spread(groups, ax) is ax
    points, bar, control, _ = ax.get_lines()
    assert points.get_xdata().tolist() == [25, 75] and list(points.get_ydata()) == [0, 0]
    assert list(bar.get_xdata()) == [50, 50] and list(bar.get_ydata()) == [-0.3, 0.3]
    np.testing.assert_allclose(control.get_xdata(), [50, 50, 20])
    assert points.get_marker() != control.get_marker()  # told apart without colour too
    assert [label.get_text() for label in ax.get_yticklabels()] == ["plain", "control"]
    assert ax.get_ylim()[0] > ax.get_ylim()[1]  # the first group is on top


def test_spread_of_numbers_that_are_no_shares(ax):
    plotting.spread({"a": [3.0]}, ax, percent=False)
    assert ax.get_lines()[0].get_xdata().tolist() == [3]


def test_spread_of_more_groups_than_colours(ax):
    plotting.spread({str(i): [i / 10] for i in range(9)}, ax)
    assert len(ax.get_lines()) == 18


COUNTS = np.array([[5, 1], [0, 6]])
NAN = [[1.0, float("nan")]]
BAD = {
    "no rows": (lambda ax: plotting.figure(0), ValueError, "rows"),
    "columns": (lambda ax: plotting.figure(1, 2.0), TypeError, "columns"),
    "width": (lambda ax: plotting.figure(width=0), ValueError, "width"),
    "height": (lambda ax: plotting.figure(height="3"), TypeError, "height"),
    "fig": (lambda ax: plotting.show(ax, ALT), TypeError, "fig"),
    "no alt": (lambda ax: plotting.show(ax.figure, ""), ValueError, "alt"),
    "short alt": (lambda ax: plotting.show(ax.figure, "a figure" + 20 * " "), ValueError, "alt"),
    "alt": (lambda ax: plotting.show(ax.figure, None), ValueError, "alt"),
    "kind": (lambda ax: plotting.show(ax.figure, ALT, kind="pdf"), ValueError, "kind"),
    "too many": (lambda ax: plotting.images(np.ones((2, 3, 3)), ax), ValueError, "pictures"),
    "picture": (lambda ax: plotting.images(np.ones(3), ax.figure), TypeError, "axes"),
    "rank": (lambda ax: plotting.images([np.ones(3)], ax), ValueError, r"pictures\[0\]"),
    "channels": (lambda ax: plotting.images([np.ones((2, 3, 3))], ax), ValueError, "channels"),
    "no list": (lambda ax: plotting.images(3, ax), TypeError, "pictures"),
    "titles": (lambda ax: plotting.images([np.eye(2)], ax, titles="ab"), TypeError, "titles"),
    "few titles": (lambda ax: plotting.images([np.eye(2)], ax, titles=[]), ValueError, "titles"),
    "vmin": (lambda ax: plotting.images([np.eye(2)], ax, vmin="0"), TypeError, "vmin"),
    "vmax": (lambda ax: plotting.images([np.eye(2)], ax, vmax=np.nan), ValueError, "vmax"),
    "matrix": (lambda ax: plotting.heatmap(np.ones(3), ax), ValueError, "matrix"),
    "ragged": (lambda ax: plotting.heatmap([[1, 2], [3]], ax), ValueError, "matrix"),
    "empty": (lambda ax: plotting.heatmap(np.ones((0, 3)), ax), ValueError, "matrix"),
    "text": (lambda ax: plotting.heatmap([["a"]], ax), ValueError, "matrix"),
    "NaN": (lambda ax: plotting.heatmap(NAN, ax), ValueError, "matrix: .*finite"),
    "no axes": (lambda ax: plotting.heatmap(np.eye(2), None), TypeError, "ax"),
    "digits": (lambda ax: plotting.heatmap(np.eye(2), ax, digits=-1), ValueError, "digits"),
    "annotate": (lambda ax: plotting.heatmap(np.eye(2), ax, annotate=1), TypeError, "annotate"),
    "symmetric": (lambda ax: plotting.heatmap(np.eye(2), ax, symmetric=None), TypeError, "symm"),
    "not square": (lambda ax: plotting.confusion(np.ones((2, 3), int), ax), ValueError, "matrix"),
    "no counts": (lambda ax: plotting.confusion(np.eye(2) / 3, ax), ValueError, "counts"),
    "negative": (lambda ax: plotting.confusion(-COUNTS, ax), ValueError, "counts"),
    "names": (lambda ax: plotting.confusion(COUNTS, ax, names="ab"), TypeError, "names"),
    "few names": (lambda ax: plotting.confusion(COUNTS, ax, names=["a"]), ValueError, "names"),
    "record": (lambda ax: plotting.history([1.0], ax), TypeError, "record"),
    "no steps": (lambda ax: plotting.history(History(), ax), ValueError, "record"),
    "groups": (lambda ax: plotting.spread([1.0], ax), TypeError, "groups"),
    "no groups": (lambda ax: plotting.spread({}, ax), ValueError, "groups"),
    "empty group": (lambda ax: plotting.spread({"a": []}, ax), ValueError, "'a'"),
    "percent": (lambda ax: plotting.spread({"a": [1.0]}, ax, percent=100), TypeError, "percent"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_bad_arguments_are_named(ax, shown, case):
    call, error, words = BAD[case]
    with pytest.raises(error, match=words):
        call(ax)
    assert shown == []


def test_pictures_may_differ_in_size():
    _, axes = plotting.figure(1, 2)
    plotting.images([np.ones((3, 4)), np.ones((5, 2))], axes)
    assert [ax.get_images()[0].get_array().shape for ax in axes] == [(3, 4), (5, 2)]
