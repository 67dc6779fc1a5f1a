"""Sphinx extension: copy MathJax from its pinned package into the built book.

A reader without a network still sees formulas, and the book asks no outside host.
"""

import importlib.metadata
import shutil
from pathlib import Path

PACKAGE = "sphinx-mathjax-offline"
WANTED = ("tex-chtml-full.js", "output/chtml/fonts/woff-v2/")


def copy_mathjax(app, exception):
    """Copy the component that the pages load, and its fonts, into ``_static/mathjax``."""
    if exception is not None or app.builder.format != "html":
        return
    target = Path(app.outdir, "_static", "mathjax")
    copied = 0
    for entry in importlib.metadata.files(PACKAGE) or ():
        _, found, inside = str(entry).partition("/static/mathjax/")
        if found and inside.startswith(WANTED):
            destination = target / inside
            copied += 1
            if not destination.exists():
                destination.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(entry.locate(), destination)
    if copied < 10:
        raise FileNotFoundError(f"{PACKAGE}: expected MathJax and its fonts, found {copied} files")


def setup(app):
    """Register with Sphinx."""
    app.connect("build-finished", copy_mathjax)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
