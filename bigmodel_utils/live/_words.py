"""The words that several live figures show, in English: each stands once.

A figure takes them by key with :func:`shared` and adds its own in its ``figure.py``. What is shown
goes through :func:`bigmodel_utils.words.say` when the figure is made; a built page may replace it
again, by the same keys, through ``window.bigmodelWords``. Places in braces are filled in by the
figure; a translation may move but not rename them.
"""

__all__ = ["WORDS", "shared"]

WORDS = {
    "fallback": "This figure is interactive: it needs JavaScript and a trusted notebook.",
    "reset": "Reset",
    # Numbers that are typed, and what is said of a wrong one.
    "range": "{name}: a number from {low} to {high}.",
    "whole_range": "{name}: a whole number from {low} to {high}.",
    "typed": "{name}, typed",
    "whole": "Only whole numbers.",
    "all": "all",
    "blank": "white space",
    # Grids: the cells and the value of the one last touched.
    "cell": "row {row}, column {column}, value {value}",
    "lit": "lit",
    "later": "not yet computed",
    "value": "value of the cell last touched",
    "less": "lower the value by 0.5",
    "more": "raise the value by 0.5",
    "rows": "rows",
    "columns": "columns",
    # Two directions of a figure, and steps through it.
    "view": "direction",
    "forward": "Forward",
    "backward": "Backward",
    "first": "Start",
    "back": "Back",
    "next": "Next",
    "last": "End",
    # Windows that move over an image.
    "kernel_size": "kernel size",
    "stride": "stride",
    "padding": "padding",
    "dilation": "dilation",
    "too_large": "The window spans {rows}×{columns} cells and does not fit into {height}×{width}: "
    "there is no output.",
    "input": "input",
    "output": "output",
    "grad_output": "upstream gradient",
    "grad_input": "gradient of the input",
    "about_grad_output": "flows into the {n} lit cells of dX.",
    "preset_own": "from this page",
    # Number formats.
    "float32": "float32",
}


def shared(*keys, whole=False):
    """Return the words with these keys, in this order.

    Args:
        keys: as the figure's script names them.
        whole: whether ``range`` speaks of whole numbers, since most fields take them alone;
            ``real_range`` is then for the others.
    """
    other = {"range": "whole_range", "real_range": "range"} if whole else {}
    return {key: WORDS[other.get(key, key)] for key in keys}
