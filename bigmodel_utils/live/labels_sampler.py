"""The words of the live figure that samples the next token; see ``labels``."""

from .labels import LABELS as _OTHERS

__all__ = ["LABELS"]

LABELS = {
    "sampler": {
        **{key: _OTHERS["convolution"][key] for key in ("fallback", "reset")},
        "range": "{name}: a number from {low} to {high}.",
        "typed": "{name}, typed",
        "temperature": "temperature τ",
        "top_k": "top-k",
        "top_p": "top-p",
        "greedy": "greedy",
        "all": "all",
        "whole": "Only whole tokens can be kept.",
        "draw": "Draw {n}",
        "clear": "Clear draws",
        "chart": "tokens, the most likely first: outline before, bar after, dot drawn",
        "blank": "white space",
        "place": "{name}: before {before}, after {after}, drawn {n} times",
        "entropy": "Entropy",
        "bits": "bits (before: {before}).",
        "kept": "{n} of {total} tokens kept,",
        "mass": "with {mass} of the probability at this temperature.",
        "token": "{before} before, {after} after.",
        "drawn": "Drawn {n} of {draws} times; expected {expected} ± {spread}.",
        "hint": "Outline: the model's own distribution. Bar: what is drawn from. Dot: share of the "
        "draws. Dashed line: the cut. Every setting gets the same random numbers.",
    },
}
