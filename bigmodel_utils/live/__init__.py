"""Interactive figures that need no kernel: HTML with inline JavaScript, a few KB each.

They work in the built book without a network, in JupyterLab and in Colab. A figure's numbers are
computed by its own script; ``tests/browser`` compares them with PyTorch. Each figure is one folder
in ``figures``, found by being there; ``host`` holds what they share.

``FIGURES`` are the names of all figures, ``LABELS[name][key]`` their English words.
"""

from bigmodel_utils.live import _figure
from bigmodel_utils.live._figure import LiveFigure

__all__ = ["FIGURES", "LABELS", "LiveFigure"]


def __getattr__(name):
    """``FIGURES`` and ``LABELS``, read from the folders when they are first asked for."""
    if name == "FIGURES":
        return tuple(_figure.modules())
    if name == "LABELS":
        return {figure: module.WORDS for figure, module in _figure.modules().items()}
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
