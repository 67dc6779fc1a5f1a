"""Let `[text](page.md#anchor)` reach every anchor of a page, not its headings alone.

MyST resolves the part after # of a link to another file among headings only. Such a link
also works where the files are browsed unbuilt, which a bare `#anchor` does not.
"""


def setup(app):
    app.connect("doctree-read", _register)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}


def _register(app, doctree):
    slugs = app.env.metadata[app.env.docname].setdefault("myst_slugs", {})
    for name in doctree.ids:
        slugs.setdefault(name, (0, name, name))
