"""The words of the live figure about rotary positions; see ``labels``."""

from .labels import LABELS as _OTHERS

__all__ = ["LABELS"]

LABELS = {
    "rotary": {
        **{k: _OTHERS["convolution"][k] for k in ("fallback", "reset", "lit", "cell", "value")},
        "range": "{name}: a number from {low} to {high}.",
        "typed": "{name}, typed",
        "whole": "Only whole positions.",
        "less": "lower the value by 0.5",
        "more": "raise the value by 0.5",
        "m": "position m of the query",
        "n": "position n of the key",
        "shift": "move both by",
        "base": "base",
        "turning": "positions",
        "on": "turned",
        "off": "not turned",
        "about_q": "query, a pair a column",
        "about_k": "key, a pair a column",
        "pair": "pair {i}: {speed} rad a step, a round in {every}",
        "clock": "pair {i}: query at ({q}), key at ({k})",
        "x_axis": "distance m − n (positions)",
        "y_axis": "score q·k",
        "plot": "Score against distance; sliders m and n choose it.",
        "at": "Query at {m}, key at {n}, distance {d}: score",
        "same": "Not moved, at {m} and {n}: {score}, the same.",
        "still": "Without turning, the score is the same at every distance.",
        "hint": "Solid: query, dashed: key, both turned; dotted: at position 0. Click the plot "
        "to choose a distance; drag a number of q or k, or type.",
    },
}
