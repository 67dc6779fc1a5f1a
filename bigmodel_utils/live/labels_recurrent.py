"""The words of the live figures about recurrent networks; see ``labels``."""

from .labels import LABELS as _OTHERS

__all__ = ["LABELS"]


def _as_elsewhere(*keys):
    """Words that the grids of the other figures show as well."""
    return {key: _OTHERS["convolution"][key] for key in keys}


_COMMON = {**_as_elsewhere("fallback", "reset"), "range": "{name}: a number from {low} to {high}."}
_DIALS = {**_COMMON, "typed": "{name}, typed"}

LABELS = {
    "unrolled": {
        **_COMMON,
        **_as_elsewhere("cell", "lit", "value"),
        **_as_elsewhere("view", "forward", "backward"),
        "less": "lower the value by 0.1",
        "more": "raise the value by 0.1",
        "step": "step t",
        "at": "Step {step} of {steps}",
        "first": "Start",
        "back": "Back",
        "next": "Next",
        "last": "End",
        "place": "row {row}, step {step}, value {value}",
        "later": "not yet computed",
        "about_x": "input",
        "about_a": "pre-activation",
        "about_h": "hidden state",
        "about_W": "input",
        "about_U": "recurrent",
        "about_b": "bias",
        "about_h0": "start",
        "about_g": "direct",
        "about_through": "through time",
        "about_dh": "total at h",
        "about_norm": "its length",
        "about_da": "total at a",
        "grad": "so far",
        "loss": "read by the loss",
        "in_loss": "the loss reads step {step}",
        "hint_forward": "Drag a cell of x, W, U, b or h₀ up or down, or type a number, to "
        "change it.",
        "hint_backward": "Next goes back in time. Wide bar: length of the total gradient; thin "
        "bar: of its direct part. dW, dU, db: the sum so far and, small, what this step adds. "
        "g can be edited too.",
    },
    "gradient-distance": {
        **_DIALS,
        "rho": "spectral radius ρ of U",
        "window": "window k (steps)",
        "all": "all",
        "whole": "Only whole steps.",
        "scale": "size of the inputs",
        "distance": "distance d (steps)",
        "matrix": "recurrent weights U",
        "rotation": "ρ × rotation",
        "random": "random {n}",
        "activation": "activation",
        "linear": "linear",
        "x_axis": "distance d from the last state (steps)",
        "y_axis": "length of the gradient, relative to d = 0",
        "plot": "Length of the gradient against distance, logarithmic; the slider below reads it.",
        "cut": "cut off: zero",
        "at": "Distance {d}: simulated",
        "closed": "closed form",
        "lost": "Outside the window: counted as zero.",
        "biased": "Window of {k} steps: the gradient of U is wrong by",
        "unbiased": "No window: the gradient of U is wrong by",
        "hint": "Dots: the gradient of the last state with respect to the state d steps before, "
        "through eight units. Dashed: ρ to the power d, exact for the linear rotation. The error "
        "of the gradient of U is relative to its length.",
    },
    "lstm-cell": {
        **_COMMON,
        "about_f": "forget",
        "about_i": "input",
        "about_g": "candidate",
        "about_o": "output",
        "about_c": "old cell",
        "typed": "{name}, typed",
        "gates": "gates",
        "kept": "kept",
        "written": "written",
        "new": "new cell",
        "read": "read",
        "steps": "steps with these gates",
        "run": "the cell over the steps",
        "cell": "cell c",
        "hidden": "hidden state h",
        "gradient": "gradient ∂cₙ/∂c₀",
        "x_axis": "step n",
        "place": "{name} after {n} steps: {value}",
        "at": "After {n} steps:",
        "half": "The gradient halves every {n} steps; the cell settles at {limit}.",
        "hint": "Drag a valve up or down, use the arrow keys, or type. Below each: what the "
        "sigmoid, or tanh for g, was given. The gates are held for all steps.",
    },
}
