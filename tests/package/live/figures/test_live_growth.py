"""What the figure "growth" accepts as data, and the errors that name what is wrong."""

import pytest
from schemas import follows_limits, rejected

from bigmodel_utils.data import load_published_models
from bigmodel_utils.live import LiveFigure

MODELS = [
    ("one", 2000.5, 1e3, None, None, None, "A 2000"),
    ("two", 2001, 1e4, 1e4, 2e5, 3e6, "B 2001"),
    ("three", 2003.25, 1e6, 1e5, None, None, "C 2003"),
]


def rows():
    return [
        (m.name, m.year, m.parameters, m.active, m.tokens, m.flops, f"{m.source}, {m.place}")
        for m in load_published_models()
    ]


def test_data_are_completed():
    figure = LiveFigure("growth", data={"models": MODELS}, alt="Growth.")
    assert figure.data["start"] == 2000 and figure.data["stop"] == 2003
    assert figure.data["models"][0] == ["one", 2000.5, 1000, None, None, None, "A 2000"]
    assert figure.data["axis"] == "parameters" and figure.data["model"] == 1


def test_the_books_table_stays_small():
    html = LiveFigure("growth", data={"models": rows()}, alt="Growth.")._repr_html_()
    assert len(html.encode()) <= 30_000 and "174604259328" in html


def without(**changes):
    place = {"name": 0, "year": 1, "parameters": 2, "source": 6}
    row = list(MODELS[0])
    for key, value in changes.items():
        row[place[key]] = value
    return {"models": [tuple(row), *MODELS[1:]]}


WRONG = [
    ({"models": 3}, TypeError, "models: expected a list"),
    ({"models": MODELS[:1]}, ValueError, "models, number: .*at least 2"),
    ({"models": MODELS[::-1]}, ValueError, "models: expected the order of time"),
    ({"models": [("a", 2000), *MODELS]}, ValueError, r"models\[0\]: expected \(name, year, par"),
    (without(name=3), TypeError, r"models\[0\], name: expected text"),
    (without(name=""), ValueError, r"models\[0\], name, length: .*at least 1"),
    (without(source="x" * 161), ValueError, r"models\[0\], source, length: .*at most 160"),
    (without(year=1800), ValueError, r"models\[0\], year: .*at least 1950"),
    (without(parameters=0), ValueError, r"models\[0\], parameters: .*at least 1"),
    (without(parameters="1e3"), TypeError, r"models\[0\], parameters: expected a number"),
    ({"models": MODELS, "axis": "layers"}, ValueError, "axis: expected one of 'parameters'"),
    ({"models": MODELS, "start": 1949}, ValueError, "start: .*at least 1950"),
    ({"models": MODELS, "stop": 2031}, ValueError, "stop: .*at most 2030"),
    ({"models": MODELS, "model": 4}, ValueError, "model: .*at most 3"),
    ({"years": 3}, ValueError, "unknown key 'years'; the keys are axis, model"),
]


@pytest.mark.parametrize(("data", "kind", "message"), WRONG)
def test_wrong_data_is_named(data, kind, message):
    rejected("growth", data, kind, message)


BEYOND = {
    "year": (without(year=1800), (1700, 2030)),
    "models": ({"models": MODELS[:1]}, (1, 60)),
    "text": (without(name=""), (0, 160)),
    "size": (without(parameters=0), (0, 1e30)),
    "model": ({"models": MODELS, "model": 0}, (0, None)),
}


def test_limits_are_those_of_the_figure(monkeypatch):
    follows_limits("growth", monkeypatch, BEYOND)
