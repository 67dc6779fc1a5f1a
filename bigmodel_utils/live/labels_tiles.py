"""The words of the live figure about the online softmax; see ``labels``."""

from .labels import LABELS as _OTHERS

__all__ = ["LABELS"]

LABELS = {
    "online-softmax": {
        **{k: _OTHERS["convolution"][k] for k in ("fallback", "reset", "lit", "cell", "value")},
        "range": "{name}: a number from {low} to {high}.",
        "typed": "{name}, typed",
        "less": "lower the value by 0.5",
        "more": "raise the value by 0.5",
        "tile": "tile size (keys)",
        "step": "tiles read",
        "progress": "{step} of {steps}",
        "first": "Start",
        "back": "Back",
        "next": "Next",
        "last": "End",
        "rescaling": "past",
        "rescaled": "rescaled",
        "forgotten": "not rescaled",
        "begin": "Nothing read yet",
        "at": "Tile {step} of {steps}: keys {first} to {last}",
        "same": "All at once, the softmax gives {dense}: the same.",
        "other": "All at once, the softmax gives {dense}: off by {off}.",
        "about_scores": "scores",
        "about_values": "values",
        "about_powers": "relative to the maximum so far",
        "about_m": "maximum",
        "about_r": "rescale factor",
        "about_l": "sum",
        "about_o": "accumulator",
        "key": "{name}, key {n}: {value}",
        "tile_at": "{name} after tile {n}: {value}",
        "later": "not yet computed",
        "hint": "Drag a score or a value up or down, or type a number. Columns of the lower rows "
        "are tiles; choose one to go there.",
    },
}
