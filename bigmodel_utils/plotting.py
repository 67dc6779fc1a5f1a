"""Figures in one style: arrays and an Axes in, the Axes out; :func:`show` adds the alt text.

Colours are Okabe and Ito's, which readers with any colour vision can tell apart
(https://jfly.uni-koeln.de/color/). Figures keep a white ground, which the book's dark
theme frames, so that one picture serves both themes. Every function raises TypeError or
ValueError for a bad argument, naming it, what came and what was expected.
"""

import base64
import io
from collections.abc import Mapping

import matplotlib
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bigmodel_utils import arguments, drawn
from bigmodel_utils.words import say

__all__ = [
    "COLORS",
    "confusion",
    "figure",
    "heatmap",
    "history",
    "images",
    "show",
    "spread",
]

COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
_MARKERS = "osD^vPX"

_STYLE = {
    "axes.prop_cycle": matplotlib.cycler(color=COLORS),
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 11,
    "figure.constrained_layout.use": True,
    "figure.facecolor": "white",
    "font.family": "DejaVu Sans",  # ships with matplotlib, so every machine draws the same
    "font.size": 10,
    "legend.frameon": False,
    "savefig.dpi": 110,
    "svg.hashsalt": "bigmodel",  # element ids that do not change from run to run
}


def figure(rows=1, columns=1, *, width=7.0, height=3.0, **subplots):
    """Return ``(fig, axes)`` in the book's style; ``axes`` as matplotlib's subplots gives it.

    Args:
        rows, columns: grid of axes.
        width, height: size of the whole figure in inches.
        subplots: passed on to ``Figure.subplots`` (``sharex=True`` ...).
    """
    rows = arguments.integer("rows", rows, minimum=1)
    columns = arguments.integer("columns", columns, minimum=1)
    with matplotlib.rc_context(_STYLE):
        # A Figure outside pyplot: no global state, nothing shown twice, nothing to close.
        fig = Figure(
            figsize=(
                arguments.real("width", width, above=0),
                arguments.real("height", height, above=0),
            ),
            layout="constrained",
        )
        return fig, fig.subplots(rows, columns, **subplots)


def show(fig, alt, *, kind="svg"):
    """Display ``fig`` in a notebook with a text for those who cannot see it.

    Args:
        fig: a matplotlib Figure.
        alt: what the figure shows, in a sentence or two.
        kind: "svg" for lines, "png" for images and for many points.
    """
    from IPython.display import display

    if not isinstance(fig, Figure):
        raise TypeError(f"fig: expected a matplotlib Figure, got {arguments.describe(fig)}")
    if not isinstance(alt, str) or len(alt.strip()) < 20:
        raise ValueError(
            f"alt: expected a sentence that says what is shown, got {arguments.describe(alt)}"
        )
    arguments.one_of("kind", kind, ("svg", "png"))
    mime = {"svg": "image/svg+xml", "png": "image/png"}[kind]
    content = _svg(fig) if kind == "svg" else _png(fig)
    data = {mime: content, "text/plain": f"<figure: {alt}>", drawn.MIME: drawn.record(fig, alt)}
    display(data, raw=True, metadata={mime: {"alt": alt}})


def _svg(fig):
    buffer = io.BytesIO()
    with matplotlib.rc_context(_STYLE):
        # No date and no version: the same figure gives the same bytes.
        fig.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    return buffer.getvalue().decode()


def _png(fig):
    """Return the figure as base64 text, in 256 colours: a third of the size, no visible loss."""
    from PIL import Image

    drawn, small = io.BytesIO(), io.BytesIO()
    with matplotlib.rc_context(_STYLE):
        fig.savefig(drawn, format="png", metadata={"Software": None})
    picture = Image.open(drawn).convert("RGB").quantize(256, dither=Image.Dither.NONE)
    picture.save(small, format="png", optimize=True)
    return base64.b64encode(small.getvalue()).decode()


def _array(name, value, *ndims):
    if isinstance(value, torch.Tensor):
        value = value.detach().cpu()
        value = value.float() if value.dtype == torch.bfloat16 else value  # NumPy has none
    try:
        array = np.asarray(value)
    except ValueError:
        raise ValueError(f"{name}: expected rows of one length") from None
    if array.ndim not in ndims:
        expected = " or ".join(str(n) for n in ndims)
        raise ValueError(f"{name}: expected {expected} axes, got shape {array.shape}")
    if array.size == 0 or array.dtype.kind not in "biuf":
        raise ValueError(f"{name}: expected numbers, got shape {array.shape} of {array.dtype}")
    if not np.isfinite(array).all():
        raise ValueError(f"{name}: expected finite numbers, got NaN or inf, shape {array.shape}")
    return array


def _listed(name, value, length=None):
    if (
        not isinstance(value, (list, tuple, np.ndarray, torch.Tensor))
        or getattr(value, "ndim", 1) == 0
    ):
        raise TypeError(f"{name}: expected a list, got {arguments.describe(value)}")
    if length is not None and len(value) != length:
        raise ValueError(f"{name}: expected {length} of them, got {len(value)}")
    return value


def _axes(name, value):
    if not isinstance(value, Axes):
        raise TypeError(f"{name}: expected a matplotlib Axes, got {arguments.describe(value)}")
    return value


def images(pictures, axes, *, titles=None, vmin=None, vmax=None, cmap="gray"):
    """Draw pictures, (h, w) or (c, h, w) each, one into each of ``axes``; return ``axes``.

    Axes without a picture are hidden. ``vmin`` and ``vmax`` fix a common grey scale.
    """
    listed = isinstance(axes, (list, tuple, np.ndarray))
    flat = [_axes("axes", ax) for ax in (np.ravel(axes) if listed else [axes])]
    if len(_listed("pictures", pictures)) > len(flat):
        raise ValueError(f"pictures: expected at most {len(flat)}, as axes, got {len(pictures)}")
    if titles is not None:
        _listed("titles", titles, len(pictures))
    vmin = None if vmin is None else arguments.real("vmin", vmin)
    vmax = None if vmax is None else arguments.real("vmax", vmax)
    for index, ax in enumerate(flat):
        ax.set_axis_off()
        if index < len(pictures):
            picture = _array(f"pictures[{index}]", pictures[index], 2, 3)
            if picture.ndim == 3:
                if picture.shape[0] not in (1, 3):
                    raise ValueError(
                        f"pictures[{index}]: expected 1 or 3 channels first, got {picture.shape}"
                    )
                picture = picture[0] if picture.shape[0] == 1 else picture.transpose(1, 2, 0)
            ax.imshow(picture, cmap=cmap, vmin=vmin, vmax=vmax, interpolation="nearest")
            if titles is not None:
                ax.set_title(str(titles[index]), fontsize=9)
    return axes


def heatmap(matrix, ax, *, annotate=True, digits=1, cmap="RdBu_r", symmetric=True):
    """Draw an (h, w) matrix as coloured cells, with their values where ``annotate``.

    ``symmetric`` puts zero in the middle of the colour scale, ``digits`` is the number of
    decimals. Returns ``ax``.
    """
    matrix = _array("matrix", matrix, 2)
    matrix = matrix.astype(int) if matrix.dtype.kind == "b" else matrix
    _axes("ax", ax)
    arguments.flag("annotate", annotate)
    digits = arguments.integer("digits", digits, minimum=0)
    arguments.flag("symmetric", symmetric)
    limit = float(np.abs(matrix).max()) or 1.0
    low, high = (-limit, limit) if symmetric else (float(matrix.min()), float(matrix.max()))
    drawn = ax.imshow(matrix, cmap=cmap, vmin=low, vmax=high)
    if annotate:
        for (row, column), value in np.ndenumerate(matrix):
            shade = drawn.cmap(drawn.norm(value))
            dark = 0.299 * shade[0] + 0.587 * shade[1] + 0.114 * shade[2] < 0.5
            text = f"{value:d}" if matrix.dtype.kind in "iu" else f"{value:.{digits}f}"
            ax.text(
                column, row, text, ha="center", va="center", fontsize=8,
                color="white" if dark else "black",
            )  # fmt: skip
    ax.set_xticks([])
    ax.set_yticks([])
    return ax


def confusion(matrix, ax, *, names=None):
    """Draw a confusion matrix, (classes, classes), rows the truth, columns the answer.

    The diagonal is left uncoloured, so that the errors are what the eye meets.
    """
    matrix = _array("matrix", matrix, 2)
    _axes("ax", ax)
    if matrix.shape[0] != matrix.shape[1]:
        raise ValueError(f"matrix: expected as many rows as columns, got {matrix.shape}")
    if matrix.dtype.kind not in "iu" or matrix.min() < 0:
        got = f"{matrix.dtype} from {matrix.min()}, shape {matrix.shape}"
        raise ValueError(f"matrix: expected counts, integers from 0, got {got}")
    errors = np.where(np.eye(len(matrix), dtype=bool), 0, matrix)
    # The scale ends beyond the largest count, so that black text stays legible on it.
    ax.imshow(errors, cmap="Oranges", vmin=0, vmax=max(1, 2 * errors.max()))
    for (row, column), value in np.ndenumerate(matrix):
        if value:
            ax.text(
                column, row, str(value), ha="center", va="center", fontsize=8,
                color="dimgray" if row == column else "black",
            )  # fmt: skip
    names = range(len(matrix)) if names is None else _listed("names", names, len(matrix))
    names = [str(name) for name in names]
    ax.set_xticks(range(len(names)), names)
    ax.set_yticks(range(len(names)), names)
    ax.set_xlabel(say("answer"))
    ax.set_ylabel(say("truth"))
    return ax


def history(record, ax, *, label=None, color=None):
    """Draw the loss of every training step of a History (smoothed over 5 %); return ``ax``."""
    if not hasattr(record, "losses"):
        raise TypeError(f"record: expected a History, got {arguments.describe(record)}")
    if len(record.losses) == 0:
        raise ValueError("record: expected a History with steps, got none")
    losses = _array("record", record.losses, 1).astype(float)
    _axes("ax", ax)
    window = max(1, losses.size // 20)
    smooth = np.convolve(losses, np.ones(window) / window, mode="valid")
    steps = np.arange(window, losses.size + 1)
    ax.plot(steps, smooth, label=label, color=color)
    ax.set_xlabel(say("step"))
    ax.set_ylabel(say("training loss (nats)"))
    return ax


def spread(groups, ax, *, percent=True):
    """Draw one row of points per group (its seeds) and a bar at the mean; return ``ax``.

    Args:
        groups: mapping of a name to a list of values, one for each seed.
        percent: show fractions as percentages.
    """
    if not isinstance(groups, Mapping):
        raise TypeError(f"groups: expected a mapping, got {arguments.describe(groups)}")
    if not groups:
        raise ValueError("groups: expected at least one group, got none")
    _axes("ax", ax)
    arguments.flag("percent", percent)
    scale = 100 if percent else 1
    for row, (name, values) in enumerate(groups.items()):
        values = scale * _array(f"groups[{name!r}]", values, 1)
        color = COLORS[row % len(COLORS)]
        ax.plot(values, [row] * len(values), _MARKERS[row % len(_MARKERS)], color=color, ms=6)
        ax.plot([values.mean()] * 2, [row - 0.3, row + 0.3], color=color, lw=2)
    ax.set_yticks(range(len(groups)), list(groups))
    ax.invert_yaxis()
    ax.grid(axis="x", alpha=0.3)
    return ax
