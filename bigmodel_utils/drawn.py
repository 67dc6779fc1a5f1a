"""What a figure shows, apart from how: the words and the data, rounded to three digits.

A picture's coordinates differ between processors in the last digits, and a picture that differs
there is the same picture. So tests compare this record of it, which is stored beside the picture.
"""

import math

import numpy as np

__all__ = ["MIME", "record", "same"]

MIME = "application/vnd.bigmodel.drawn+json"
_POINTS = 100  # of one line or image; more are sampled evenly


def record(fig, alt):
    """Return the record of a matplotlib figure, of types that JSON can hold.

    Args:
        fig: matplotlib Figure.
        alt: its text for those who cannot see it.

    Returns:
        dict: ``alt``; ``axes``, for each of the figure's axes its words in the order of drawing
        and its data, a list of {"kind", "size", "unit", "values"}. Each of the values, which one
        text holds, times the unit is a number drawn, to three digits of the largest one.
    """
    return {"alt": alt, "axes": [_axes(ax) for ax in fig.axes]}


def same(first, second):
    """Return whether two records show the same: equal words, numbers within one of the unit.

    A number may stand at the border between two roundings; then they differ by one.
    """
    if isinstance(first, dict) and isinstance(second, dict):
        if "unit" in first and "unit" in second:
            return _same_numbers(first, second)
        return first.keys() == second.keys() and all(same(first[k], second[k]) for k in first)
    if isinstance(first, list) and isinstance(second, list):
        return len(first) == len(second) and all(map(same, first, second))
    return first == second


def _same_numbers(first, second):
    if any(first[key] != second[key] for key in ("kind", "size")):
        return False
    values, others = (record["values"].split() for record in (first, second))
    unit = max(first["unit"], second["unit"])
    return len(values) == len(others) and all(
        a == b or abs(float(a) * first["unit"] - float(b) * second["unit"]) <= 1.001 * unit
        for a, b in zip(values, others, strict=True)
    )


def _axes(ax):
    words = [ax.get_title(), ax.get_xlabel(), ax.get_ylabel(), ax.get_xscale(), ax.get_yscale()]
    if (legend := ax.get_legend()) is not None:
        words += [text.get_text() for text in legend.get_texts()]
    words += [text.get_text() for text in ax.texts]
    data = [_numbers("line x", line.get_xdata()) for line in ax.lines]
    data += [_numbers("line y", line.get_ydata()) for line in ax.lines]
    for collection in ax.collections:
        if len(collection.get_offsets()) > 1:  # points
            data.append(_numbers("points", collection.get_offsets()))
        else:  # an area
            paths = [path.vertices for path in collection.get_paths()]
            data += [_numbers("area", path) for path in paths]
    for patch in ax.patches:
        corners = patch.get_patch_transform().transform(patch.get_path().vertices)
        data.append(_numbers("patch", corners))
    data += [_numbers("image", image.get_array()) for image in ax.images]
    return {"words": [word for word in words if word], "data": data}


def _numbers(kind, values):
    values = np.ma.filled(np.ma.asarray(values), np.nan)
    shape, flat = list(values.shape), values.astype(float).ravel()
    if flat.size > _POINTS:
        flat = flat[np.linspace(0, flat.size - 1, _POINTS).astype(int)]
    largest = float(np.abs(flat, where=np.isfinite(flat), out=np.zeros_like(flat)).max(initial=0))
    # A little above, so that 0.99999999 and 1 have one unit.
    exponent = math.floor(math.log10(largest * (1 + 1e-6))) - 2 if largest else 0
    unit = float(f"1e{exponent}")
    rounded = [round(v / unit) if math.isfinite(v) else v for v in flat.tolist()]
    # In one text: a stored page has a line for every entry of a list.
    size, values = ("x".join(map(str, shape)), " ".join(map(str, rounded)))
    return {"kind": kind, "size": size, "unit": unit, "values": values}
