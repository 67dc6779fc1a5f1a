"""The optimizers of :func:`bigmodel_utils.training.fit`, by name, and those of the caller's own."""

import inspect

import torch

from bigmodel_utils.arguments import describe, real
from bigmodel_utils.optim import MuonAdamW

__all__ = ["make_optimizer"]

_METHODS = ("zero_grad", "step", "state_dict", "load_state_dict")


def make_optimizer(model, settings):
    """Return the optimizer of a run for the parameters of ``model`` that require a gradient.

    Args:
        model: nn.Module.
        settings: the run's Settings. By the names, only parameters of two axes or more decay.

    Raises:
        TypeError, ValueError: "muon" and no hidden matrix, or a callable that returns no optimizer
            for the model.
    """
    lr, weight_decay = settings.lr, settings.weight_decay
    if callable(settings.optimizer):
        return _checked(settings.optimizer(model, lr), model)
    if settings.optimizer == "muon":
        return MuonAdamW(model, lr, weight_decay=weight_decay, betas=settings.betas)
    trained = [p for p in model.parameters() if p.requires_grad]
    groups = [{"params": trained, "weight_decay": 0.0}]
    if weight_decay:
        matrices = [p for p in trained if p.ndim >= 2]
        groups = [
            {"params": matrices, "weight_decay": weight_decay},
            {"params": [p for p in trained if p.ndim < 2], "weight_decay": 0.0},
        ]
    # Fused kernels know no parameters that are divided among processes (torch's DTensor).
    fused = all(type(p.data) is torch.Tensor and _has_fused(p) for p in trained)
    if settings.optimizer == "sgd":
        return torch.optim.SGD(groups, lr=lr, momentum=0.9, nesterov=True, fused=fused)
    return torch.optim.AdamW(groups, lr=lr, betas=settings.betas, fused=fused)


def _has_fused(p):
    return p.device.type in ("cpu", "cuda") and p.is_floating_point()


def _checked(optimizer, model):
    # What a run uses of an optimizer, which need not be one of torch's.
    expected = "optimizer: expected the callable to return an optimizer"
    missing = [name for name in _METHODS if not callable(getattr(optimizer, name, None))]
    groups = getattr(optimizer, "param_groups", None)
    if missing or not isinstance(groups, (list, tuple)):
        names = ", ".join([*missing, *([] if groups else ["param_groups"])])
        raise TypeError(f"{expected}, got {describe(optimizer)} without {names}")
    for group in groups:
        if not isinstance(group, dict) or not {"params", "lr"} <= set(group):
            raise TypeError(
                f"{expected} with dicts of 'params' and 'lr' as param_groups, got {describe(group)}"
            )
        lr = group["lr"]
        real("optimizer: lr", lr.item() if isinstance(lr, torch.Tensor) else lr, minimum=0)
    theirs = {id(p) for group in groups for p in group["params"]}
    if not any(id(p) in theirs for p in model.parameters() if p.requires_grad):
        raise ValueError(f"{expected} of the model's parameters, got one of others")
    try:
        inspect.signature(optimizer.step).bind()
    except TypeError:
        raise TypeError(
            f"{expected} whose step() needs no argument, got {type(optimizer).__name__}, which "
            f"takes {inspect.signature(optimizer.step)}"
        ) from None
    return optimizer
