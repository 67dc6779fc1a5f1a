"""A page as its reader meets it: what is folded, what is shown, and the short route through it."""

import re

import nbformat
import pytest
from page import LESSONS, cells, name, tags

FOLDED = {"setup", "proof", "verdict", "hide-input", "hide-cell", "remove-input", "remove-cell"}
MOST_VISIBLE = 40
MOST_IN_A_ROW = 2
SHORT_ROUTE = (0.25, 0.45)  # of a page's words and lines of visible code
RECORD = re.compile(r"(?m)^proved ([a-z0-9-]+): ")


def visible(cell):
    return cell.cell_type == "code" and not FOLDED & tags(cell)


@pytest.mark.parametrize("page", LESSONS, ids=name)
def test_the_setup_is_folded(page):
    code = cells(page, "code")
    assert "setup" in tags(code[0])
    assert not any("setup" in tags(cell) for cell in code[1:])


@pytest.mark.parametrize("page", LESSONS, ids=name)
def test_proofs_are_folded_and_a_fold_proves(page):
    run = []
    for cell in [*cells(page), None]:
        if cell is not None and cell.cell_type == "code" and "proof" in tags(cell):
            run.append(cell)
            continue
        if run:
            printed = "\n".join(o.get("text", "") for c in run for o in c.outputs)
            assert RECORD.search(printed), f"a fold without a proof: {run[0].source[:60]}"
        run = []
        if cell is not None and cell.cell_type == "code" and "solution" not in tags(cell):
            assert "prove(" not in cell.source, "a proof that is not folded: tag it proof"


@pytest.mark.parametrize("page", LESSONS, ids=name)
def test_verdicts_are_lines(page):
    for cell in cells(page, "code"):
        if "verdict" in tags(cell):
            printed = "".join(o.get("text", "") for o in cell.outputs).strip()
            assert printed, f"a verdict that says nothing: {cell.source[:60]}"
            assert len(printed.splitlines()) <= 10, "a verdict is folded into one line"
            assert not any("data" in o for o in cell.outputs), "a figure would be folded away"


@pytest.mark.parametrize("page", LESSONS, ids=name)
def test_few_code_cells_are_visible_and_none_stand_in_rows(page):
    shown = [cell for cell in cells(page) if visible(cell)]
    assert len(shown) <= MOST_VISIBLE
    assert longest_row(cells(page)) <= MOST_IN_A_ROW


def longest_row(some):
    """Return how many visible code cells follow each other without a sentence between."""
    longest = row = 0
    for cell in some:
        if cell.cell_type == "markdown":
            row = 0
        elif visible(cell):
            row += 1
        longest = max(longest, row)
    return longest


def test_a_row_of_three_would_be_seen():
    code, fold = nbformat.v4.new_code_cell(), nbformat.v4.new_code_cell()
    fold.metadata["tags"] = ["proof"]
    text = nbformat.v4.new_markdown_cell()
    assert longest_row([code, code, text, code]) == 2
    assert longest_row([code, code, fold, code]) == 3


def lengths(page):
    """Return the words and visible code lines of the short route, and of all that is read.

    A line of code counts as six words; exercises are done, not read.
    """
    short, whole, deeper, level, exercises = 0, 0, False, 0, False
    for cell in cells(page):
        parts = [cell.source]
        if cell.cell_type == "markdown":
            parts = re.split(r"(?m)^(?=#{2,3} )", cell.source)
        for part in parts:
            heading = re.match(r"(#{2,3}) (.*)", part) if cell.cell_type == "markdown" else None
            if heading and (len(heading[1]) <= level or not deeper):
                deeper, level = heading[2].startswith("Deeper:"), len(heading[1])
                exercises = heading[2] == "Exercises"
            if exercises:
                continue
            size = len(part.split())
            if cell.cell_type == "code":
                size = 6 * len(part.splitlines()) if visible(cell) else 0
            whole, short = whole + size, short + (0 if deeper else size)
    return short, whole


@pytest.mark.parametrize("page", LESSONS, ids=name)
def test_a_short_route_of_about_a_third_leads_through_the_page(page):
    short, whole = lengths(page)
    assert SHORT_ROUTE[0] <= short / whole <= SHORT_ROUTE[1], f"{short} of {whole}"
    text = "\n".join(c.source for c in cells(page, "markdown"))
    headings = re.findall(r"(?m)^## (.*)", text)
    assert headings[0] == "The question" and headings[-1] == "Summary"
    assert any(heading.startswith("Deeper:") for heading in headings)
