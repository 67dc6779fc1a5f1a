"""The words of the live figure about attention; see ``labels``."""

from .labels import LABELS as _OTHERS

__all__ = ["LABELS"]

_SHARED = (
    "fallback",
    "reset",
    "cell",
    "lit",
    "value",
    "less",
    "more",
    "view",
    "forward",
    "backward",
)

LABELS = {
    "attention": {
        **{key: _OTHERS["convolution"][key] for key in _SHARED},
        "range": "{name}: a number from {low} to {high}.",
        "typed": "{name}, typed",
        "tokens": "tokens",
        "whole": "Only whole numbers.",
        "temperature": "temperature τ",
        "scale": "scores",
        "scaled": "÷ √2",
        "raw": "unscaled",
        "mask": "mask",
        "none": "none",
        "causal": "causal",
        "padding": "padding",
        "length": "real tokens",
        "about_q": "queries",
        "about_k": "keys",
        "about_v": "values",
        "about_s": "scores",
        "about_p": "weights",
        "about_o": "output",
        "about_g": "upstream",
        "about_dv": "gradient of V",
        "masked": "masked",
        "nothing": "No key may be seen: weights and output are 0 by definition.",
        "about_use_q": "is compared with every key: row {row} of S and P.",
        "about_use_k": "is compared with every query: column {row} of S and P.",
        "about_use_v": "enters {n} outputs, with the weights in column {row} of P.",
        "about_use_g": "flows into {n} values, with the weights in row {row} of P.",
        "shut": "Masked: this query must not see this key, whatever the score.",
        "flow": "Row {row} of P: Σ p(1 − p) = {value}, the trace of the softmax Jacobian.",
        "hint_forward": "Choose an output, a weight or a score to see what it is made of. Drag a "
        "number of Q, K or V up or down, or type one, to change it.",
        "hint_backward": "Choose a number of V or dV to see where its gradient comes from, or of G "
        "to see where it goes. G can be edited too.",
    },
}
