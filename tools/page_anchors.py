"""Sphinx extension: let `[text](page.md#anchor)` reach every anchor of a page.

MyST resolves the part after # of a link to another file among headings only. Such a link
also works where the files are browsed unbuilt, which a bare `#anchor` does not.
"""


def register_anchors(app, doctree):
    """Add the page's explicit targets to the names that MyST looks up."""
    slugs = app.env.metadata[app.env.docname].setdefault("myst_slugs", {})
    for name in doctree.ids:
        slugs.setdefault(name, (0, name, name))


def setup(app):
    """Register with Sphinx."""
    app.connect("doctree-read", register_anchors)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
