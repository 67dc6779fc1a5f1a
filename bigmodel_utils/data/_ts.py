"""Read ``.ts`` files, the format of the UEA archive of time series with classes.

A header of ``@`` lines ends at ``@data``. Then each line is one series: its dimensions,
separated by colons, each a list of numbers separated by commas; its class comes last. The package
sktime, which brings the file that the book reads, has a reader too; importing it takes seconds.
"""

import numpy

__all__ = ["read"]


def read(file):
    """Read a file of series with one class each; their lengths may differ.

    Args:
        file: pathlib.Path of the file.

    Returns:
        tuple: a list of n float64 arrays (t, d), all of the same d; and a list of n class names,
        as the header's ``@classLabel`` line has them.

    Raises:
        ValueError: naming the file, the line, what came and what was expected.
    """
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise ValueError(f"{file}: expected text in UTF-8, got: {error}") from error
    header = [line.strip() for line in lines if line.lstrip().startswith("@")]
    words = {row.split()[0].lower(): row.split()[1:] for row in header}
    start = next((k for k, line in enumerate(lines) if line.strip().lower() == "@data"), None)
    if start is None:
        raise ValueError(f"{file}: expected a line @data before the series, found none")
    if (words.get("@timestamps") or ["false"])[0].lower() != "false":
        raise ValueError(f"{file}: expected series without time stamps")
    known, *names = words.get("@classlabel") or ["false"]
    if known.lower() != "true" or not names:
        raise ValueError(f"{file}: expected classes in a line '@classLabel true ...', found none")
    series, labels = [], []
    for number, line in enumerate(lines[start + 1 :], start=start + 2):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        values, label = _series(f"{file}, line {number}", line, names)
        if series and values.shape[1] != series[0].shape[1]:
            raise ValueError(
                f"{file}, line {number}: expected {series[0].shape[1]} dimensions as above, got "
                f"{values.shape[1]}"
            )
        series.append(values)
        labels.append(label)
    if not series:
        raise ValueError(f"{file}: expected at least one series after @data, got none")
    return series, labels


def _series(where, line, names):
    *dimensions, label = line.strip().split(":")
    if label not in names:
        raise ValueError(f"{where}: expected a class among {', '.join(names)}, got {label[:20]!r}")
    try:
        rows = [[float(number) for number in part.split(",")] for part in dimensions]
    except ValueError as error:
        raise ValueError(f"{where}: expected numbers and commas, got: {error}") from None
    lengths = sorted({len(row) for row in rows})
    if len(lengths) != 1:
        raise ValueError(f"{where}: expected dimensions of one length, got lengths {lengths}")
    values = numpy.array(rows).T  # (t, d)
    if not numpy.isfinite(values).all():
        raise ValueError(f"{where}: expected finite numbers, got NaN or inf")
    return values, label
