"""What a model is like: its mode for a while, its parameters' dtype, its device."""

import contextlib

import torch

__all__ = ["device_of", "evaluating", "parameter_dtype"]


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


def parameter_dtype(model, default=torch.float32):
    """Return the dtype of the model's first floating-point parameter, ``default`` without one."""
    floating = (p.dtype for p in model.parameters() if p.is_floating_point())
    return next(floating, default)


def device_of(model, default="cpu"):
    """Return the torch.device of the model's first parameter, ``default`` without one."""
    return next((p.device for p in model.parameters()), torch.device(default))
