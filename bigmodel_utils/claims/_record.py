"""The record of an experiment under stress: numbers beside the page, verdicts never.

A verdict follows from the numbers and from the margin that the page states now, so a margin can be
changed without training anything again.
"""

import json
from pathlib import Path

from bigmodel_utils.claims._experiment import check_name

__all__ = ["read", "record_path", "record_text"]

FOLDER = "claims"


def record_path(name, folder="."):
    """Return where the record of the experiment ``name`` stands beside the pages of ``folder``."""
    check_name("name", name)
    return Path(folder) / FOLDER / f"{name}.json"


def read(name, folder="."):
    """Return the record of an experiment as a dict, or None where there is none."""
    path = record_path(name, folder)
    if not path.exists():
        return None
    return json.loads(path.read_text(encoding="utf-8"))


def record_text(record):
    """Return a record as JSON with one line for each list of numbers, as it is stored."""
    text = json.dumps(_marked(record), indent=1, sort_keys=False, ensure_ascii=False)
    return text.replace('"[', "[").replace(']"', "]") + "\n"


def _marked(value):
    if isinstance(value, dict):
        return {key: _marked(item) for key, item in value.items()}
    if isinstance(value, list) and all(isinstance(v, (int, float, type(None))) for v in value):
        return json.dumps([_rounded(v) for v in value])
    if isinstance(value, float):
        return _rounded(value)
    return value


def _rounded(number):
    return float(f"{number:.6g}") if isinstance(number, float) else number
