"""What the figure "pronouns" accepts as data, and the errors that name what is wrong."""

import json
from pathlib import Path

import pytest
from schemas import follows_limits, page, rejected

import bigmodel_utils.live
from bigmodel_utils.live import LiveFigure, _figure

FOLDER = Path(bigmodel_utils.live.__file__).parent / "figures" / "pronouns"
STORED = json.loads((FOLDER / "data.json").read_text(encoding="utf-8"))
SMALL = {
    "templates": ["The {} ran", "A {} sat"],
    "occupations": ["baker", "cook", "nurse"],
    "log_odds": [[1, 2, 2], [0.25, -1, 4]],
    "neutral": [0.75, -0.5],
}


def test_data_are_completed():
    data = LiveFigure("pronouns", data=SMALL, alt="Pronouns.").data
    assert data["log_odds"] == SMALL["log_odds"] and data["neutral"] == SMALL["neutral"]
    assert data["x"] == 1 and data["y"] is None and data["place"] == 1
    assert data["relative"] is False


def test_without_data_the_stored_ones_are_shown():
    data = LiveFigure("pronouns", alt="Pronouns.").data
    assert {key: data[key] for key in STORED} == STORED
    assert len(page("pronouns", {}).encode()) <= 30_000


def test_the_stored_data_fit_each_other_and_the_limits():
    limits = _figure.modules()["pronouns"].LIMITS
    templates, occupations = STORED["templates"], STORED["occupations"]
    assert len(templates) == len(STORED["log_odds"]) == len(STORED["neutral"])
    assert {len(row) for row in STORED["log_odds"]} == {len(occupations)}
    assert limits["templates"][0] <= len(templates) <= limits["templates"][1]
    assert limits["occupations"][0] <= len(occupations) <= limits["occupations"][1]


def test_other_labels_replace_the_words():
    own = {"x_axis": "Logit links", "x_relative": "Logit ohne Person"}
    html = LiveFigure("pronouns", data=SMALL, labels=own, alt="Pronomen.")._repr_html_()
    assert "Logit links" in html and "Logit ohne Person" in html
    with pytest.raises(ValueError, match="axis"):
        LiveFigure("pronouns", data=SMALL, labels={"axis": "?"}, alt="Pronomen.")


def small(**changes):
    return {**SMALL, **changes}


WRONG = [
    (small(templates="The {}"), TypeError, "templates: expected a list"),
    (small(templates=[]), ValueError, "templates, number: .*at least 1"),
    (small(templates=["The", "A {}"]), ValueError, r"templates\[0\]: expected one {}, got 'The'"),
    (small(templates=["{} or {}", "A {}"]), ValueError, r"templates\[0\]: expected one {}"),
    (small(templates=["A {}", "A {}"]), ValueError, "templates: expected different texts"),
    (small(templates=["{}" + "x" * 59, "A {}"]), ValueError, r"templates\[0\], length: .*most 60"),
    (small(occupations=["a", "b"]), ValueError, "occupations, number: .*at least 3"),
    (small(occupations=["a", "b", ""]), ValueError, r"occupations\[2\], length: .*at least 1"),
    (small(occupations=[1, 2, 3]), TypeError, r"occupations\[0\]: expected text"),
    (small(occupations=["a", "b", "a"]), ValueError, "occupations: expected different texts"),
    (small(log_odds=[[1, 2, 2]]), ValueError, r"log_odds: expected shape \(2, 3\)"),
    (small(log_odds=[[1, 2, 61], [1, 2, 3]]), ValueError, "log_odds"),
    (small(log_odds=[[1, 2, float("nan")], [1, 2, 3]]), ValueError, "log_odds"),
    (small(neutral=[1]), ValueError, r"neutral: expected shape \(1, 2\)"),
    (small(x=0), ValueError, "x: .*at least 1"),
    (small(x=3), ValueError, "x: .*at most 2"),
    (small(y=3), ValueError, "y: .*at most 2"),
    (small(y="none"), TypeError, "y"),
    (small(place=4), ValueError, "place: .*at most 3"),
    (small(place=1.5), TypeError, "place"),
    (small(relative=1), TypeError, "relative"),
    (small(sentences=3), ValueError, "unknown key 'sentences'"),
]


@pytest.mark.parametrize(("data", "kind", "message"), WRONG)
def test_wrong_data_is_named(data, kind, message):
    rejected("pronouns", data, kind, message)


MANY = [f"{{}} {i}" for i in range(41)]
BEYOND = {
    "templates": (
        small(templates=MANY, log_odds=[[1, 2, 2]] * 41, neutral=[0] * 41),
        (1, 41),
    ),
    "occupations": (
        small(occupations=["a", "b"], log_odds=[[1, 2], [3, 4]]),
        (2, 40),
    ),
    "text": (small(occupations=["a", "b", "c" * 61]), (1, 61)),
    "log_odds": (small(log_odds=[[1, 2, 61], [1, 2, 3]]), (-61, 61)),
    "template": (small(x=0), (0, None)),
    "place": (small(place=0), (0, None)),
}


def test_limits_are_those_of_the_figure(monkeypatch):
    follows_limits("pronouns", monkeypatch, BEYOND)
