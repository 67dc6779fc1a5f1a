"""The record of an experiment under stress: numbers beside the page, verdicts never.

A verdict follows from the numbers and from the margin that the page states now, so a margin can be
changed without training anything again.
"""

import json
import os
import tempfile
from pathlib import Path

from bigmodel_utils.claims._experiment import check_name

__all__ = ["read", "record_path", "write"]

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


def write(record, folder="."):
    """Store a record, whole or not at all."""
    path = record_path(record["experiment"], folder)
    path.parent.mkdir(exist_ok=True)
    handle, partial = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".tmp")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(_text(record))
        os.chmod(partial, 0o644)
        os.replace(partial, path)
    except BaseException:
        os.unlink(partial)
        raise


def _text(record):
    """JSON with one line for each list of numbers."""
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
