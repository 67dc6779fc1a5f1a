"""A figure's record holds what it shows; equal pictures are the same, other ones are not."""

import copy
import json
import os
import subprocess
import sys
from pathlib import Path

import nbformat
import numpy as np
import pytest

from bigmodel_utils import drawn, plotting

ROOT = Path(__file__).resolve().parents[2]
ALT = "A line that falls, some points, bars and an image."


def draw(factor=1.0, *, label="loss", title="Falling", tick=None, extra=False):
    fig, (left, right) = plotting.figure(1, 2)
    x = np.linspace(0, 3, 250)
    left.plot(x, factor * np.exp(-x), label=label)
    left.scatter([1.0, 2.0, 2.5], factor * np.array([0.1, 0.7, 0.3]))
    left.fill_between([0, 1, 2], [0, 0, 0], [0.1, 0.4, 0.2 * factor])
    left.set_title(title)
    left.legend()
    right.bar(["a", "b"], [3, 4 * factor])
    right.imshow(factor * np.arange(12.0).reshape(3, 4) / 7)
    right.text(1, 1, "here")
    if extra:
        right.axhline(0.5)
    return drawn.record(fig, ALT)


def test_record_is_plain_and_holds_words_and_data():
    record = draw()
    assert json.loads(json.dumps(record)) == record
    assert record["alt"] == ALT
    left, right = record["axes"]
    assert {"Falling", "loss", "linear"} <= set(left["words"])
    assert "here" in right["words"]
    kinds = [part["kind"] for part in left["data"] + right["data"]]
    assert kinds == ["line x", "line y", "points", "area", "patch", "patch", "image"]
    line = left["data"][1]
    values = line["values"].split()
    assert line["size"] == "250" and len(values) == 100
    assert line["unit"] == 0.01 and values[0] == "100" and values[-1] == "5"
    bar = right["data"][1]
    assert max(map(int, bar["values"].split())) * bar["unit"] == pytest.approx(4)
    assert right["data"][-1]["size"] == "3x4"


@pytest.mark.parametrize("factor", [1 + 1e-9, 1 - 1e-9, 1 + 1e-4, 1 - 1e-4])
def test_rounding_errors_show_the_same(factor):
    assert drawn.same(draw(), draw(factor))


@pytest.mark.parametrize(
    "change",
    [
        {"factor": 1.03},
        {"factor": 0.97},
        {"factor": -1.0},
        {"factor": float("nan")},
        {"label": "loses"},
        {"title": "Rising"},
        {"extra": True},
    ],
)
def test_other_pictures_are_not_the_same(change):
    assert not drawn.same(draw(), draw(**change))
    assert not drawn.same(draw(**change), draw())


def test_every_entry_of_a_record_counts():
    record, changed = draw(), 0

    def entries(value):
        if isinstance(value, dict):
            for key, item in value.items():
                yield value, key, item
                yield from entries(item)
        elif isinstance(value, list):
            for place, item in enumerate(value):
                yield value, place, item
                yield from entries(item)

    for number, (_, _, item) in enumerate(entries(record)):
        if isinstance(item, dict | list):
            continue
        other = copy.deepcopy(record)
        holder, key, _ = list(entries(other))[number]
        if key == "unit":
            continue
        parts = item.split() if key == "values" else []
        for place, part in enumerate(parts):
            changed_parts = [*parts[:place], str(int(part) + 2), *parts[place + 1 :]]
            holder[key] = " ".join(changed_parts)
            assert not drawn.same(record, other), (key, place, part)
            changed += 1
        holder[key] = f"{item}x" if not parts else " ".join(parts[1:])
        assert not drawn.same(record, other), (key, item)
        changed += 1
    assert changed > 200


def test_a_number_at_a_border_may_differ_by_one():
    first = {"kind": "line y", "size": "2", "unit": 0.01, "values": "100 50"}
    second = {"kind": "line y", "size": "2", "unit": 0.001, "values": "999 504"}
    assert drawn.same([first], [second])
    assert not drawn.same([first], [second | {"values": "999 485"}])


def test_no_picture_and_no_record_differ_from_one():
    assert not drawn.same([], [draw()])
    assert not drawn.same([None], [draw()])
    assert drawn.same([], [])


CELL = """from bigmodel_utils import plotting
fig, ax = plotting.figure()
ax.plot([3, 2, 1])
plotting.show(fig, "A line that falls from three to one.")"""


@pytest.mark.parametrize(
    ("edit", "passes"),
    [
        (lambda data: data.update({"image/svg+xml": "<svg>other coordinates</svg>"}), True),
        (lambda data: data[drawn.MIME]["axes"][0]["data"][1].update(values="1 2 3"), False),
        (lambda data: data[drawn.MIME].update(alt="Something else is shown."), False),
        (lambda data: data.pop(drawn.MIME), False),
        (lambda data: data.update({"text/plain": "<figure: another>"}), False),
    ],
)
def test_nbval_compares_the_record_and_not_the_coordinates(tmp_path, edit, passes):
    fig, ax = plotting.figure()
    ax.plot([3, 2, 1])
    alt = "A line that falls from three to one."
    data = {"image/svg+xml": "<svg/>", "text/plain": f"<figure: {alt}>"}
    data[drawn.MIME] = drawn.record(fig, alt)
    edit(data)
    output = nbformat.v4.new_output("display_data", data)
    cell = nbformat.v4.new_code_cell(CELL, execution_count=1, outputs=[output])
    page = nbformat.v4.new_notebook(cells=[cell])
    nbformat.write(page, tmp_path / "page.ipynb")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "conftest", "-p", "no:cacheprovider"]
    options = ["--nbval", "--nbval-current-env", "--rootdir", tmp_path, tmp_path / "page.ipynb"]
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [*command, *options], cwd=ROOT, env=env, capture_output=True, text=True, timeout=120
    )
    assert (done.returncode == 0) is passes, done.stdout
    assert passes or "1 failed" in done.stdout, done.stdout
