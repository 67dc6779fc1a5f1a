"""Evaluation mode for a while."""

import contextlib

__all__ = ["evaluating"]


@contextlib.contextmanager
def evaluating(model):
    """Put ``model`` into evaluation mode for the block; each layer's own mode returns after it."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training
