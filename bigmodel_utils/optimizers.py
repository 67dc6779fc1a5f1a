"""The optimizers of :func:`bigmodel_utils.training.fit`, by name."""

import torch

from bigmodel_utils.muon import MuonAdamW

__all__ = ["OPTIMIZERS", "make_optimizer"]

OPTIMIZERS = ("adamw", "muon", "sgd")


def make_optimizer(model, settings):
    """Return the optimizer of a run for the parameters of ``model`` that require a gradient.

    Args:
        model: nn.Module.
        settings: dict with "optimizer", "lr" and "weight_decay", as ``fit`` has checked them. Only
            parameters of two axes or more decay.

    Raises:
        ValueError: "muon" and no hidden matrix.
    """
    lr, weight_decay = settings["lr"], settings["weight_decay"]
    if settings["optimizer"] == "muon":
        return MuonAdamW(model, lr, weight_decay=weight_decay)
    trained = [p for p in model.parameters() if p.requires_grad]
    groups = [{"params": trained, "weight_decay": 0.0}]
    if weight_decay:
        matrices = [p for p in trained if p.ndim >= 2]
        groups = [
            {"params": matrices, "weight_decay": weight_decay},
            {"params": [p for p in trained if p.ndim < 2], "weight_decay": 0.0},
        ]
    fused = all(p.device.type in ("cpu", "cuda") and p.is_floating_point() for p in trained)
    if settings["optimizer"] == "sgd":
        return torch.optim.SGD(groups, lr=lr, momentum=0.9, nesterov=True, fused=fused)
    return torch.optim.AdamW(groups, lr=lr, fused=fused)
