"""The extension that folds proofs: a badge only where a proof ran, and a warning where none did."""

import html
import json
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from bigmodel_utils import cards

ROOT = Path(__file__).resolve().parents[2]
CONF = """
extensions = ["myst_nb", "sphinx.ext.mathjax", "page_folds"]
numfig = True
math_numfig = True
nb_execution_mode = "off"
myst_enable_extensions = ["dollarmath"]
"""
TEXT = "# A page\n\n$$\na = b\n$$ (one-equation)\n\n$$\nc = d\n$$ (two)\n\n$$\ne\n$$ (def-three)"


def code(source, tag, output="", number=1):
    cell = nbformat.v4.new_code_cell(source, execution_count=number)
    cell.metadata["tags"] = [tag]
    if output:
        cell.outputs = [nbformat.v4.new_output("stream", text=output)]
    return cell


def build(folder, *cells):
    """Build a page of these cells; return its HTML and the warnings."""
    page = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(TEXT), *cells])
    nbformat.write(page, folder / "index.ipynb")
    (folder / "conf.py").write_text(CONF)
    code = (
        "import sys; sys.path.insert(0, sys.argv.pop(1));"
        "from sphinx.cmd.build import main; sys.exit(main(sys.argv[1:]))"
    )
    command = [sys.executable, "-c", code, str(ROOT / "tools"), "-q", "-b", "html", ".", "out"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return (folder / "out" / "index.html").read_text(encoding="utf-8"), done.stderr


@pytest.fixture
def ran(tmp_path):
    return build(
        tmp_path,
        code("import torch", "setup"),
        code("def helper(): ...", "proof", number=2),
        code("prove('one-equation', 1, 1)", "proof",
             "proved one-equation: 15 cases, largest error at most 1e-10\n", 3),
        nbformat.v4.new_markdown_cell("Between."),
        code("print()", "verdict", "A < B holds: True\nand: <C>: True\n", 4),
    )  # fmt: skip


def test_a_proved_equation_has_a_badge_and_an_unproved_none(ran):
    page, _ = ran
    (badge,) = re.findall(r'<a class="proof-badge".*?</a>', page)
    assert 'href="#proof-one-equation"' in badge and ">proved: 15 cases, 1e-10<" in badge
    name = "Equation 1 is proved: 15 cases, largest error at most 1e-10. Open the proof."
    assert f'aria-label="{name}"' in badge
    equation = page.index('id="equation-one-equation"')
    assert equation < page.index(badge) < page.index('id="equation-two"')


def test_neighbours_share_a_fold_and_its_summary_counts(ran):
    page, _ = ran
    folds = re.findall(r'<details class="fold fold-(\w+)">\n<summary>(.*?)</summary>', page)
    assert folds == [
        ("setup", "Setup: imports, seed and device"),
        ("proof", "Proof of (1): 15 cases, largest error at most 1e-10"),
        ("verdict", "Checked: A &lt; B holds · and: &lt;C&gt;"),
    ]
    proof = page[page.index("fold-proof") : page.index("Between.")]
    assert "helper" in proof and "prove" in proof and 'id="proof-one-equation"' in proof
    assert page.count("</details>") == 3


def test_a_verdict_with_a_no_in_it_says_every_answer(tmp_path):
    page, _ = build(tmp_path, code("print()", "verdict", "one: True\ntwo: False\n"))
    assert "<summary>Checked: one: True · two: False</summary>" in page


def test_a_proof_that_did_not_run_has_no_badge_and_is_told(tmp_path):
    page, warnings = build(tmp_path, code("prove('one-equation', 1, 1)", "proof"))
    assert "proof-badge" not in page
    assert "cells tagged proof prove nothing" in warnings


def test_links_reach_the_claims_that_stand_in_stored_outputs(tmp_path):
    card = '<div class="claim" id="claim-a-b" data-claim="{data}">Held.</div>'
    fields = cards.Claim(
        name="a-b", experiment="a", sentence="It is.", treatment="x", control="y", more_than=0.0,
        within=None, unit="", verdict="held", trials=[["page", 5, 1.0, 0.1, "held"]], rates=[],
        few="", test_seen=None, doubt="",
    )  # fmt: skip
    cell = code("claim()", "claim")
    data = {"text/html": card.format(data=html.escape(json.dumps(fields._asdict())))}
    cell.outputs = [nbformat.v4.new_output("display_data", data=data)]
    here, elsewhere = "[so it is](#claim-a-b)", "[nowhere](#claim-c)"
    page, warnings = build(tmp_path, cell, nbformat.v4.new_markdown_cell(f"{here} {elsewhere}"))
    assert 'href="#claim-a-b"' in page and 'id="claim-a-b"' in page
    assert "claim-a-b" not in warnings and "claim-c" in warnings
