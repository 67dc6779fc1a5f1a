"""Sphinx extension: number pages, never the sections inside them.

Page numbers are the source article's: 3.1 is convolution and 3.1.1 its backward pass. Sphinx
would count the sections of a page first, and put its sub-pages after them (3.1.14).
"""

from docutils import nodes


def renumber(app, env):
    """Number the pages of every numbered table of contents by their place in it."""
    numbers = {}

    def walk(docname, prefix):
        children = env.toctree_includes.get(docname, [])
        for index, child in enumerate(children, start=1):
            numbers[child] = (*prefix, index)
            walk(child, numbers[child])

    numbered = {doc for doc, found in env.toc_secnumbers.items() if found.get("")}
    for place, chapter in enumerate(
        (d for d in env.toctree_includes.get(env.config.root_doc, []) if d in numbered), start=1
    ):
        numbers[chapter] = (place,)
        walk(chapter, (place,))

    for docname in numbered:
        # An empty number, not none: without an entry a section would show its page's number.
        env.toc_secnumbers[docname] = {
            anchor: () if anchor else numbers[docname] for anchor in env.toc_secnumbers[docname]
        }
        if "secnumber" in env.titles[docname]:  # the links to the page before and after
            env.titles[docname]["secnumber"] = numbers[docname]
        for reference in env.tocs[docname].findall(nodes.reference):
            if reference["anchorname"] or "secnumber" not in reference:
                reference.attributes.pop("secnumber", None)
            else:
                reference["secnumber"] = numbers[docname]
    return sorted(numbered)


def setup(app):
    """Run after Sphinx has assigned its own numbers."""
    app.connect("env-get-updated", renumber, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
