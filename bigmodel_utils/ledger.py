"""The formula ledger: bind a labelled equation to a check against an independent oracle.

A page writes ``prove("conv-forward", got, expected)`` beside the equation labelled
``conv-forward``. The printed line is the record: :func:`read_page` finds labels and
records again in a page's stored cells, and the appendix lists them all.
"""

import json
import math
import re
from pathlib import Path
from typing import NamedTuple

__all__ = ["Entry", "equations", "label_of_definition", "page_title", "prove", "read_page", "table"]

_RECORD = re.compile(r"^proved (\S+): (\d+) cases?, largest error at most (\S+)$", re.MULTILINE)
_LABEL = re.compile(r"^\$\$[ \t]*\(([^()\s]+)\)[ \t]*$", re.MULTILINE)
_LABEL_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


class Entry(NamedTuple):
    """One labelled equation of a page and the check that proves it.

    ``cases`` is 0 and ``tolerance`` is "" while nothing proves the equation;
    ``tex`` is "" where a proof names an equation that the page does not have.
    """

    label: str
    tex: str
    cases: int
    tolerance: str


def prove(label, got, expected, *, atol=1e-10):
    """Assert that ``got`` equals ``expected`` and print the record of it.

    The printed line holds the tolerance, not the error: the last bits of a sum
    depend on the processor, and a page's output must not.

    Args:
        label: the equation's label, lower-case words joined by hyphens.
        got: the formula's result, a number or a float64 tensor of any shape, or a list
            of them (one for each setting tried).
        expected: the same from an oracle that does not share the formula's code.
        atol: largest absolute difference allowed in any element.

    Raises:
        AssertionError: with the largest error and where it is.
        TypeError, ValueError: for what would prove nothing: another dtype than
            float64 (integer tensors are compared exactly), different shapes, no
            elements, values that are not finite, an oracle whose values all lie within
            ``atol``, the same tensor twice.
    """
    import torch

    if not isinstance(label, str) or not _LABEL_NAME.fullmatch(label):
        raise ValueError(f"label: expected lower-case words joined by hyphens, got {label!r}")
    if label_of_definition(label):
        raise ValueError(f"label: {label!r} is a definition, there is nothing to prove")
    # Written out, not through `arguments`: reading the ledger of a page needs no torch.
    if isinstance(atol, bool) or not isinstance(atol, (int, float)) or not 0 <= atol < math.inf:
        raise ValueError(f"atol: expected a finite number of at least 0, got {atol!r}")
    got, expected = _as_list("got", got), _as_list("expected", expected)
    if len(got) != len(expected):
        raise ValueError(f"expected: {len(got)} cases in got, {len(expected)} in expected")
    for case, (left, right) in enumerate(zip(got, expected, strict=True)):
        _refuse_empty_proofs(case, left, right)
        error = _distance(left, right)
        if error.max() > atol:
            where = tuple(int(i) for i in torch.unravel_index(error.argmax(), error.shape))
            raise AssertionError(
                f"{label}: case {case} is off by {error.max():.3g} at {where} "
                f"(got {left[where]:.6g}, expected {right[where]:.6g}, allowed {atol:g})"
            )
    values = torch.cat([right.flatten().double() for right in expected])
    if values.max() - values.min() <= atol:
        raise ValueError(
            f"expected: all values in all cases lie within {atol:g}, so {label} is not tested"
        )
    noun = "case" if len(got) == 1 else "cases"
    print(f"proved {label}: {len(got)} {noun}, largest error at most {atol:g}")


def label_of_definition(label):
    """Return whether ``label`` names a definition (``def-...``), which needs no proof."""
    return label.startswith("def-")


def _as_list(name, value):
    import torch

    values = value if isinstance(value, (list, tuple)) else [value]
    if not values:
        raise ValueError(f"{name}: expected at least one tensor, got none")
    tensors = []
    for item in values:
        if isinstance(item, (int, float)) and not isinstance(item, bool):
            item = torch.tensor(item, dtype=torch.float64 if isinstance(item, float) else None)
        if not isinstance(item, torch.Tensor):
            raise TypeError(f"{name}: expected tensors or numbers, got {type(item).__name__}")
        tensors.append(item.detach())
    return tensors


def _distance(got, expected):
    if got.is_floating_point() or expected.is_floating_point():
        return (got.double() - expected.double()).abs()
    return (got.long() - expected.long()).abs()  # beyond 2**53 float64 would round


def _refuse_empty_proofs(case, got, expected):
    import torch

    for name, value in (("got", got), ("expected", expected)):
        if value.is_complex() or (value.is_floating_point() and value.dtype != torch.float64):
            raise TypeError(f"{name}: case {case} is {value.dtype}, proofs are done in float64")
        if value.numel() == 0:
            raise ValueError(f"{name}: case {case} has no elements, shape {tuple(value.shape)}")
        if not torch.isfinite(value).all():
            raise ValueError(f"{name}: case {case} holds values that are not finite")
    if got.shape != expected.shape:
        raise ValueError(
            f"got: case {case} has shape {tuple(got.shape)}, expected has {tuple(expected.shape)}"
        )
    if got.data_ptr() == expected.data_ptr():
        raise ValueError(f"got: case {case} is the very tensor it is compared with")


def read_page(path):
    """Return the ledger entries of one page (``.ipynb`` with stored outputs), in order.

    Labelled equations are display equations closed by ``$$ (label)``; proofs are the
    lines that :func:`prove` printed. Definitions are left out.
    """
    cells = json.loads(Path(path).read_text(encoding="utf-8"))["cells"]
    labelled, proofs = _labelled(cells, path), {}
    for cell in cells:
        for output in cell.get("outputs", []):
            for label, cases, tolerance in _RECORD.findall("".join(output.get("text", ""))):
                previous = proofs.get(label, (0, tolerance))
                proofs[label] = (previous[0] + int(cases), max(tolerance, previous[1], key=float))
    labels = [label for label in labelled if not label_of_definition(label)]
    labels += [label for label in proofs if label not in labelled]
    return [Entry(x, labelled.get(x, ""), *proofs.get(x, (0, ""))) for x in labels]


def equations(path):
    """Return {label: source} of the display equations of one page, definitions included.

    Raises:
        ValueError: two equations have one label.
    """
    return _labelled(json.loads(Path(path).read_text(encoding="utf-8"))["cells"], path)


def _labelled(cells, path):
    found = {}
    for cell in cells:
        source = "".join(cell["source"])
        for match in _LABEL.finditer(source) if cell["cell_type"] == "markdown" else ():
            label = match.group(1)
            if label in found:
                raise ValueError(f"{path}: two equations are labelled {label!r}")
            found[label] = source[: match.start()].rpartition("$$")[2].strip()
    return found


def table(pages):
    """Return the ledger as a Markdown table: each formula, where it stands, and its proof.

    Args:
        pages: mapping of a page's address, as a link in the table, to its path.
    """
    rows = ["| formula | page | proof |", "|---|---|---|"]
    for address, path in pages.items():
        title = page_title(path)
        for entry in read_page(path):
            noun = "case" if entry.cases == 1 else "cases"
            formula, place, proof = f"`{entry.label}`", title, "none"
            if entry.tex:
                formula = _in_a_cell(entry.tex)
                place = f"[{title}]({address}#equation-{entry.label})"
            if entry.cases:
                proof = f"{entry.cases} {noun}, {entry.tolerance}"
                proof = f"[{proof}]({address}#proof-{entry.label})"
            rows.append(f"| {formula} | {place} | {proof} |")
    return "\n".join(rows)


def _in_a_cell(tex):
    """Return a displayed equation as mathematics for one cell of a Markdown table."""
    line = tex.replace(r"\|", r"\Vert ").replace("|", r"\vert ")  # a bar would end the cell
    return f"$\\displaystyle {' '.join(line.split())}$"


def page_title(path):
    """Return the title of a page: the first heading of its first cell."""
    cells = json.loads(Path(path).read_text(encoding="utf-8"))["cells"]
    return "".join(cells[0]["source"]).splitlines()[0].removeprefix("# ").strip()
