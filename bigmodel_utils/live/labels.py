"""Every word that a live figure shows, in English; a translation replaces them by key."""

__all__ = ["LABELS"]

# Places in braces are filled in by the figure; a translation may move but not rename them.
_COMMON = {
    "fallback": "This figure is interactive: it needs JavaScript and a trusted notebook.",
    "range": "{name}: a whole number from {low} to {high}.",
    "kernel_size": "kernel size",
    "stride": "stride",
    "reset": "Reset",
}
_GRIDS = {
    "too_large": "The window spans {rows}×{columns} cells and does not fit into {height}×{width}: "
    "there is no output.",
    "cell": "row {row}, column {column}, value {value}",
    "lit": "lit",
    "value": "value of the cell last touched",
    "less": "lower the value by 0.5",
    "more": "raise the value by 0.5",
    "rows": "rows",
    "columns": "columns",
    "input": "input",
    "output": "output",
    "grad_output": "upstream gradient",
    "grad_input": "gradient of the input",
    "view": "direction",
    "forward": "Forward",
    "backward": "Backward",
    "about_grad_output": "flows into the {n} lit cells of dX.",
}

LABELS = {
    "convolution": {
        **_COMMON,
        **_GRIDS,
        "kernel": "kernel",
        "dilation": "dilation",
        "grad_weight": "gradient of the kernel",
        "padding": "padding",
        "output_size": "Output size:",
        "about_input": "is read by the {n} lit output cells.",
        "about_kernel": "is shared: it serves all {n} output cells.",
        "hint_forward": "Choose an output cell to see its products. Drag a cell of X or W up or "
        "down, or type a number, to change it.",
        "hint_backward": "Choose a cell of X or W to see where its gradient comes from. "
        "G can be edited too.",
    },
    "pooling": {
        **_COMMON,
        **_GRIDS,
        "preset": "input",
        "preset_own": "from this page",
        "preset_ties": "with ties",
        "preset_distinct": "all different",
        "mode": "pooling",
        "max": "max",
        "average": "average",
        "ties": "ties",
        "first": "first (max_pool2d)",
        "split": "shared (amax)",
        "winner": "receives the gradient",
        "tied": "tied, receives no gradient",
        "routed": "passes {value} to {places}.",
        "about_input": "lies in the windows of the {n} lit output cells.",
        "kept": "Sum of G {above}, sum of dX {below}.",
        "hint_forward": "Choose an output cell to see its window. ★ takes the gradient; "
        "☆ is tied and takes none. Drag a cell of X up or down, or type a number, to change it.",
        "hint_backward": "Choose a cell of G to see where its gradient goes, or a cell of X to "
        "see where its gradient comes from.",
    },
    "receptive-field": {
        **_COMMON,
        "input": "input",
        "dilation": "dilation",
        "preset": "stack",
        "preset_own": "from this page",
        "preset_vgg": "VGG-like: 3, 3, pool 2, 3, 3",
        "preset_plain": "four 3-wide layers",
        "preset_dilated": "dilated 1, 2, 4",
        "preset_strided": "strided 2, 2, 1",
        "preset_gridding": "dilated 2, 2, 2 (holes)",
        "layer": "layer {l}",
        "add": "Add a layer",
        "remove": "remove layer {l}",
        "size": "size r",
        "jump": "jump j",
        "units": "units of every layer",
        "unit": "layer {l}, unit {i}, {n} paths to the chosen unit",
        "paths": "paths",
        "sees": "Unit {i} of layer {l} sees inputs {from} to {to}.",
        "size_2d": "Its receptive field is {r} wide; for an image {r}×{r} = {area} pixels.",
        "holes": "It never reads {n} of them.",
        "share": "In all, {total} paths lead to it; {most} inputs carry {percent} % of them.",
        "wide": "The receptive field is {r} wide ({r}×{r} = {area} pixels): "
        "too wide to draw, and the table still holds.",
        "hint": "Choose a unit of any layer. The number in a unit counts the paths from it to the "
        "chosen one: with equal weights, its share of the gradient. No padding.",
    },
}
