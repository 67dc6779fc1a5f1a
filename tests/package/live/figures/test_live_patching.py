"""What the figure "patching" accepts as data, and the errors that name what is wrong."""

import copy
import json
from pathlib import Path

import pytest
from schemas import page, rejected

import bigmodel_utils.live
from bigmodel_utils.live import LiveFigure, _figure

FOLDER = Path(bigmodel_utils.live.__file__).parent / "figures" / "patching"
STORED = json.loads((FOLDER / "data.json").read_text(encoding="utf-8"))
ONE = {
    "tokens": ["a", " b", " c"],
    "donor": ["a", " d", " c"],
    "answers": [" x", " y"],
    "ends": [-2, 2.5],
    "words": [" x", " y"],
    "margins": [[-2, 2.5, -2], [-2, -1, 1.5]],
    "first": [[0, 1, 0], [0, 0, 1]],
}


def test_data_are_completed():
    data = LiveFigure("patching", data={"prompts": [ONE]}, alt="Exchanges.").data
    assert data == {"prompts": [ONE], "prompt": 1, "place": 3, "after": 0}


def test_without_data_the_stored_ones_are_shown():
    assert LiveFigure("patching", alt="Exchanges.").data["prompts"] == STORED["prompts"]
    assert len(page("patching", {}).encode()) <= 30_000


def test_the_stored_data_fit_each_other_and_the_limits():
    limits = _figure.modules()["patching"].LIMITS
    for one in STORED["prompts"]:
        rows = one["margins"]
        assert len(rows) == 31 and limits["blocks"][0] <= len(rows) <= limits["blocks"][1]
        assert {len(row) for row in rows + one["first"]} == {len(one["tokens"])}
        differ = [a != b for a, b in zip(one["tokens"], one["donor"], strict=True)]
        place, (low, high) = differ.index(True), one["ends"]
        assert abs(rows[0][place] - high) < 0.02 and abs(rows[-1][-1] - high) < 0.02
        assert all(abs(row[p] - low) < 0.02 for row in rows for p in range(place))
        assert one["words"][one["first"][0][place]] == one["answers"][1]


def test_other_labels_replace_the_words():
    html = LiveFigure("patching", labels={"axis": "Schichten"}, alt="Tausch.")._repr_html_()
    assert "Schichten" in html
    with pytest.raises(ValueError, match="axes"):
        LiveFigure("patching", labels={"axes": "?"}, alt="Tausch.")


def changed(**changes):
    return {"prompts": [{**copy.deepcopy(ONE), **changes}]}


WRONG = [
    ({"prompts": "a"}, TypeError, "prompts: expected a list"),
    ({"prompts": []}, ValueError, "prompts, number: .*at least 1"),
    ({"prompts": [3]}, TypeError, r"prompts\[0\]: expected a dict"),
    ({"prompts": [{}]}, ValueError, r"prompts\[0\]: expected the keys"),
    (changed(tokens="abc"), TypeError, r"tokens: expected a list of texts"),
    (changed(tokens=["a"]), ValueError, "tokens, number: .*at least 2"),
    (changed(donor=["a", "b"]), ValueError, "donor, number: .*at least 3"),
    (changed(donor=["a", "b", 3]), TypeError, r"donor\[2\]: expected text"),
    (changed(words=["a" * 25, "b"]), ValueError, r"words\[0\], length: .*at most 24"),
    (changed(answers=["a"]), ValueError, "answers, number: .*at least 2"),
    (changed(ends=[1, 1]), ValueError, "ends: expected two different"),
    (changed(ends=[1, 2, 3]), ValueError, r"ends: expected shape \(1, 2\)"),
    (changed(margins=[[1, 2, 3]]), ValueError, "margins, rows: .*at least 2"),
    (changed(margins=[[1, 2], [1, 2]]), ValueError, r"margins: expected shape \(2, 3\)"),
    (changed(margins=[[1, 2, 101], [1, 2, 3]]), ValueError, r"margins\[0\]\[2\]: .*at most 100"),
    (changed(first=[[0, 0, 2], [0, 0, 0]]), ValueError, r"first\[0\]\[2\]: .*at most 1"),
    ({"prompt": 5}, ValueError, "prompt: .*at most 4"),
    ({"place": 0}, ValueError, "place: .*at least 1"),
    ({"place": 7}, ValueError, "place: .*at most 6"),
    ({"after": 31}, ValueError, "after: .*at most 30"),
    ({"after": True}, TypeError, "after: expected an integer"),
    ({"depth": 1}, ValueError, "unknown key 'depth'"),
]


@pytest.mark.parametrize(("data", "kind", "message"), WRONG)
def test_wrong_data_is_named(data, kind, message):
    rejected("patching", data, kind, message)
