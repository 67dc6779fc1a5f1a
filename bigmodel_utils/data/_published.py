"""Published models and their sizes, as the papers print them, from a table in the package."""

import csv
import itertools
import re
from pathlib import Path
from typing import NamedTuple

from bigmodel_utils import arguments

__all__ = ["PublishedModel", "load_published_models"]

_TABLE = Path(__file__).with_name("published_models.csv")
_COLUMNS = (
    "model", "date", "kind", "parameters", "active", "data", "unit", "flops", "source", "key",
    "place",
)  # fmt: skip
_KINDS = ("dense", "experts", "table")
_UNITS = ("images", "words", "tokens")
_YEARS = (1940, 2100)
_LARGEST = 10**18  # parameters or examples: more is a slip of the pen


class PublishedModel(NamedTuple):
    """A row of the table; None stands where nothing is published.

    Attributes:
        name: of the model.
        year: of its first publication, with the month as a fraction, January 0.
        kind: "dense"; "experts" where a token meets only some of the parameters; "table" of vectors
            that are looked up.
        parameters: all of them, an integer.
        active: those that one token meets.
        data: what training read, repetitions counted, in ``unit``.
        unit: "images", "words" or "tokens".
        flops: of the whole training, as published.
        source: authors and year.
        key: of the bibliography's entry.
        place: where the numbers stand there, or how they were counted.
    """

    name: str
    year: float
    kind: str
    parameters: int
    active: int | None
    data: int | None
    unit: str | None
    flops: float | None
    source: str
    key: str
    place: str

    @property
    def tokens(self):
        """What training read, where it was text; else None."""
        return self.data if self.unit in ("words", "tokens") else None


def load_published_models(path=None):
    """Load named models with the sizes that their own papers print, in the order of time.

    Args:
        path: a CSV file of your own with the same columns; by default the book's table.

    Returns:
        list: of :class:`PublishedModel`.

    Raises:
        TypeError: ``path`` is no path.
        FileNotFoundError: there is no such file.
        ValueError: naming the file, the line, the column, what came and what was expected.
    """
    file = _TABLE if path is None else Path(arguments.path("path", path))
    with file.open(encoding="utf-8", newline="") as opened:
        reader = csv.DictReader(opened, strict=True)
        if tuple(reader.fieldnames or ()) != _COLUMNS:
            raise ValueError(f"{file}: expected the columns {_COLUMNS}, got {reader.fieldnames}")
        models = [_model(f"{file.name}, line {k}", row) for k, row in enumerate(reader, start=2)]
    if not models:
        raise ValueError(f"{file}: expected at least one model, got none")
    for before, after in itertools.pairwise(models):
        if after.year < before.year:
            raise ValueError(f"{file}: expected the order of time, got {after.name} too late")
    names = [model.name for model in models]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"{file}: expected each model once, got {', '.join(twice)} twice")
    return models


def _model(where, row):
    if None in row or None in row.values():
        raise ValueError(f"{where}: expected {len(_COLUMNS)} columns, got another number")
    for column in ("model", "source", "key", "place"):
        if not row[column].strip():
            raise ValueError(f"{where}, {column}: expected a text, got nothing")
    date = re.fullmatch(r"(\d{4})-(0[1-9]|1[0-2])", row["date"])
    if not date or not _YEARS[0] <= int(date[1]) < _YEARS[1]:
        raise ValueError(f"{where}, date: expected year and month as 2017-06, got {row['date']!r}")
    kind = arguments.one_of(f"{where}, kind", row["kind"], _KINDS)
    parameters, active, data = (_whole(where, row, key) for key in ("parameters", "active", "data"))
    if parameters is None:
        raise ValueError(f"{where}, parameters: expected an integer, got nothing")
    if active is not None and active > parameters:
        raise ValueError(f"{where}, active: expected at most {parameters}, got {active}")
    if kind == "dense" and active is None:
        raise ValueError(f"{where}, active: expected a number for a dense model, got nothing")
    if (data is None) != (not row["unit"]):
        raise ValueError(f"{where}, unit: expected one if and only if there are data")
    unit = arguments.one_of(f"{where}, unit", row["unit"], _UNITS) if row["unit"] else None
    return PublishedModel(
        row["model"].strip(), int(date[1]) + (int(date[2]) - 1) / 12, kind, parameters, active,
        data, unit, _flops(where, row["flops"]),
        *(row[column].strip() for column in ("source", "key", "place")),
    )  # fmt: skip


def _whole(where, row, column):
    text = row[column]
    if not text:
        return None
    if not re.fullmatch(r"[1-9]\d*", text) or int(text) > _LARGEST:
        raise ValueError(
            f"{where}, {column}: expected an integer from 1 to {_LARGEST:.0e} or nothing, got "
            f"{text!r:.40}"
        )
    return int(text)


def _flops(where, text):
    if not text:
        return None
    try:
        return arguments.real(f"{where}, flops", float(text), above=0)
    except ValueError:
        raise ValueError(
            f"{where}, flops: expected a positive number or nothing, got {text!r:.40}"
        ) from None
