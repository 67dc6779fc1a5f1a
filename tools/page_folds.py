"""Sphinx extension: setup, proofs and verdicts are folded, and a proved equation says so.

Cells are folded by their tags, neighbours together:

- ``setup``: imports, seed, device.
- ``proof``: beside the number of each equation that was proved there stands a badge with the
  number of cases and the largest error. It is a link that opens the fold. The badge is made of the
  stored output of ``prove``: without it there is none, and a fold that proves nothing is a warning.
- ``verdict``: what an experiment was asserted to show, as one line.
"""

import html
import re

from docutils import nodes
from sphinx.util import logging

from bigmodel_utils import cards, ledger

RECORD = re.compile(
    r"^proved ([a-z0-9-]+): (\d+) cases?, largest error at most (\S+)$", re.MULTILINE
)
log = logging.getLogger(__name__)


def fold(app, doctree, docname):
    """Wrap tagged cells in details elements and mark the proved equations."""
    if app.builder.format != "html":
        return
    folds = {"setup": setup_summary, "proof": proof_summary, "verdict": verdict_summary}
    proofs = proofs_of(app, docname)
    for tag, summary_of in folds.items():
        for run in runs(doctree, f"tag_{tag}"):
            text, ids = summary_of(run, proofs)
            if tag == "proof" and not ids:
                log.warning("cells tagged proof prove nothing", location=run[0])
            wrap(run, tag, text, ids)
    for equation in doctree.findall(nodes.math_block):
        proof = proofs.get(equation.get("label"))
        if proof:
            equation["proof"] = proof


def register_proofs(app, doctree):
    """Let links of other pages reach the proofs, which have no anchor of their own yet."""
    path = app.env.doc2path(app.env.docname)
    if str(path).endswith(".ipynb"):
        slugs = app.env.metadata[app.env.docname].setdefault("myst_slugs", {})
        for entry in ledger.read_page(path):
            if entry.cases:
                name = f"proof-{entry.label}"
                slugs.setdefault(name, (0, name, name))


def register_claims(app, doctree):
    """Let links reach the claims, whose anchors stand in outputs; here by ``#claim-NAME``."""
    path = app.env.doc2path(app.env.docname)
    if str(path).endswith(".ipynb"):
        slugs = app.env.metadata[app.env.docname].setdefault("myst_slugs", {})
        labels = app.env.get_domain("std").anonlabels
        for one in cards.read_page(path):
            name = f"claim-{one.name}"
            slugs.setdefault(name, (0, name, name))
            labels[name] = app.env.docname, name


def proofs_of(app, docname):
    """Return {label: (number of the equation, cases, largest error)} of a page."""
    path = app.env.doc2path(docname)
    if not str(path).endswith(".ipynb"):
        return {}
    numbers = app.env.toc_fignumbers.get(docname, {}).get("displaymath", {})
    found = {}
    for entry in ledger.read_page(path):
        number = numbers.get(f"equation-{entry.label}")
        if entry.cases and number:
            found[entry.label] = (".".join(map(str, number)), entry.cases, entry.tolerance)
    return found


def runs(doctree, kind):
    """Return the cells of a class as lists of neighbours."""
    found = []
    for cell in doctree.findall(nodes.container):
        if kind not in cell["classes"]:
            continue
        place = cell.parent.index(cell)
        previous = found[-1][-1] if found else None
        if previous is not None and place and cell.parent[place - 1] is previous:
            found[-1].append(cell)
        else:
            found.append([cell])
    return found


def wrap(run, tag, text, ids=()):
    """Put cells that are neighbours into one details element, with an anchor for each id."""
    anchors = "".join(f'<span id="{one}"></span>' for one in ids)
    before = f'<details class="fold fold-{tag}">\n<summary>{html.escape(text)}</summary>{anchors}\n'
    parent, place = run[0].parent, run[0].parent.index(run[0])
    parent.insert(place + len(run), nodes.raw("", "</details>\n", format="html"))
    parent.insert(place, nodes.raw("", before, format="html"))


def setup_summary(run, proofs):
    """The first cell of a page."""
    return "Setup: imports, seed and device", ()


def proof_summary(run, proofs):
    """Say which equations a run of cells proves, and how well."""
    labels = [label for label, _, _ in RECORD.findall(output_of(run)) if label in proofs]
    labels = list(dict.fromkeys(labels))
    if not labels:
        return "Proof", ()
    numbers = ", ".join(f"({proofs[label][0]})" for label in labels)
    cases = sum(proofs[label][1] for label in labels)
    worst = max((proofs[label][2] for label in labels), key=float)
    return f"Proof of {numbers}: {measure(cases, worst)}", [f"proof-{label}" for label in labels]


def verdict_summary(run, proofs):
    """One line of what was asserted; where all of it holds, without saying so each time."""
    lines = [line.strip() for line in output_of(run).splitlines() if line.strip()]
    if all(line.endswith(": True") for line in lines):
        lines = [line.removesuffix(": True") for line in lines]
    return "Checked: " + " · ".join(lines), ()


def output_of(run):
    """Return the text that cells printed."""
    texts = []
    for cell in run:
        for part in cell.findall(nodes.container):
            if "cell_output" in part["classes"]:
                texts += [block.astext() for block in part.findall(nodes.literal_block)]
    return "\n".join(texts)


def measure(cases, tolerance):
    """Return '15 cases, largest error 1e-10'."""
    return f"{cases} case{'s' if cases != 1 else ''}, largest error at most {tolerance}"


def badge(label, number, cases, tolerance):
    """Return the link that stands beside the number of a proved equation."""
    name = f"Equation {number} is proved: {measure(cases, tolerance)}. Open the proof."
    noun = "case" if cases == 1 else "cases"
    return (
        f'<a class="proof-badge" href="#proof-{label}" aria-label="{html.escape(name)}">'
        f"proved: {cases} {noun}, {tolerance}</a>"
    )


def draw_badges(app):
    """Let the renderer of displayed equations put a badge before the number."""
    visit, depart = app.registry.html_block_math_renderers["mathjax"]

    def visit_with_badge(translator, node):
        start = len(translator.body)
        try:
            visit(translator, node)
        finally:  # it leaves by SkipNode
            proof = node.get("proof")
            if proof:
                drawn = "".join(translator.body[start:])
                mark = '<span class="eqno">'
                if mark not in drawn:
                    log.warning("an equation without a number: no badge", location=node)
                whole = drawn.replace('<div class="', '<div class="proved ', 1)
                whole = whole.replace(mark, badge(node["label"], *proof) + mark, 1)
                translator.body[start:] = [whole]

    app.registry.html_block_math_renderers["mathjax"] = (visit_with_badge, depart)


def setup(app):
    """Register with Sphinx."""
    app.connect("builder-inited", draw_badges)
    app.connect("doctree-read", register_proofs)
    app.connect("doctree-read", register_claims)
    app.connect("doctree-resolved", fold, priority=900)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
