"""Learning-rate schedules as plain functions of the step, so that a resumed run needs no state."""

import math

from bigmodel_utils.arguments import integer, one_of, real

__all__ = ["SCHEDULES", "learning_rate"]

SCHEDULES = ("constant", "cosine", "linear", "one-cycle")
_WARM_UP = 0.3  # share of the steps, as in torch.optim.lr_scheduler.OneCycleLR
_START = 1 / 25
_LINEAR_WARM_UP = 0.02
_END = _START / 1e4


def learning_rate(schedule, step, num_steps, lr):
    """Return the learning rate of step ``step``, counted from 0, of a run of ``num_steps`` steps.

    Args:
        schedule: "constant"; "cosine", half a cosine wave from ``lr`` towards 0; "linear", up to
            ``lr`` over the first 2 % and down towards 0, both along a line; "one-cycle", up from
            lr/25 to ``lr`` over the first 30 % and down to lr/250000, both along a cosine.
        step: integer from 0 to num_steps - 1.
        num_steps: steps of the whole run.
        lr: the highest rate of the run, positive.

    Returns:
        float. "cosine" equals torch's ``CosineAnnealingLR(T_max=num_steps)``, "one-cycle" its
        ``OneCycleLR(max_lr=lr, total_steps=num_steps, cycle_momentum=False)``.

    Raises:
        TypeError, ValueError: naming the argument.

    Source: Smith and Topin, Super-Convergence, 2017 (arXiv:1708.07120).
    """
    one_of("schedule", schedule, SCHEDULES)
    num_steps = integer("num_steps", num_steps, minimum=1)
    step = integer("step", step, minimum=0, maximum=num_steps - 1)
    lr = real("lr", lr, above=0)
    if schedule == "constant":
        return lr
    if schedule == "cosine":
        return _along_cosine(lr, 0.0, step / num_steps)
    if schedule == "linear":
        warm_up = int(_LINEAR_WARM_UP * num_steps)  # full steps, so none in runs below 50
        if step < warm_up:
            return lr * (step + 1) / (warm_up + 1)
        return lr * (num_steps - step) / (num_steps - warm_up)
    top, last = max(0.0, _WARM_UP * num_steps - 1), num_steps - 1
    if step <= top:
        return _along_cosine(lr * _START, lr, step / top if top else 1.0)
    return _along_cosine(lr, lr * _END, (step - top) / (last - top))


def _along_cosine(first, last, share):
    return last + (first - last) * (1 + math.cos(math.pi * share)) / 2
