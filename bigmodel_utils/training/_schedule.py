"""Learning-rate schedules as plain functions of the step, so that a resumed run needs no state."""

import math
from dataclasses import dataclass

from bigmodel_utils.arguments import integer, one_of, real

__all__ = ["SCHEDULES", "WarmUp", "learning_rate"]

SCHEDULES = ("constant", "cosine", "linear", "one-cycle")
_WARM_UP = 0.3  # share of the steps, as in torch.optim.lr_scheduler.OneCycleLR
_START = 1 / 25
_END = _START / 1e4


def learning_rate(schedule, step, num_steps, lr):
    """Return the learning rate of step ``step``, counted from 0, of a run of ``num_steps`` steps.

    Args:
        schedule: "constant"; "cosine", half a cosine wave from ``lr`` towards 0; "linear", up to
            ``lr`` over the first 2 % and down towards 0, both along a line; "one-cycle", up from
            lr/25 to ``lr`` over the first 30 % and down to lr/250000, both along a cosine. Or a
            callable (step, num_steps, lr) -> rate, such as a :class:`WarmUp`.
        step: integer from 0 to num_steps - 1.
        num_steps: steps of the whole run.
        lr: the highest rate of the run, positive.

    Returns:
        float. "cosine" equals torch's ``CosineAnnealingLR(T_max=num_steps)``, "one-cycle" its
        ``OneCycleLR(max_lr=lr, total_steps=num_steps, cycle_momentum=False)``.

    Raises:
        TypeError, ValueError: naming the argument; and the step, if a callable's rate there is no
            finite number of at least 0.

    Source: Smith and Topin, Super-Convergence, 2017 (arXiv:1708.07120).
    """
    if not callable(schedule):
        one_of("schedule", schedule, SCHEDULES)
    num_steps = integer("num_steps", num_steps, minimum=1)
    step = integer("step", step, minimum=0, maximum=num_steps - 1)
    lr = real("lr", lr, above=0)
    if callable(schedule):
        where = f"schedule: rate at step {step}, counted from 0, of {num_steps}"
        return real(where, schedule(step, num_steps, lr), minimum=0)
    if schedule == "constant":
        return lr
    if schedule == "cosine":
        return _along_cosine(lr, 0.0, step / num_steps)
    if schedule == "linear":
        return WarmUp(0.02, "linear")(step, num_steps, lr)
    top, last = max(0.0, _WARM_UP * num_steps - 1), num_steps - 1
    if step <= top:
        return _along_cosine(lr * _START, lr, step / top if top else 1.0)
    return _along_cosine(lr, lr * _END, (step - top) / (last - top))


@dataclass(frozen=True)
class WarmUp:
    """A schedule: up to ``lr`` along a line, then down towards a floor.

    ``fit(..., schedule=WarmUp(200, floor=0.1))`` is the usual one of language models. With w steps
    of warm-up, step s < w, counted from 0, has the rate lr (s + 1) / (w + 1), step w the rate lr,
    and the floor would be reached one step after the last.

    Args:
        steps: of the warm-up, an integer; or a share of the run, a float of less than 1, rounded
            down to whole steps.
        decay: "cosine", half a wave; "linear", a line; or "constant", which stays at ``lr``.
        floor: the rate at the end, as a share of ``lr``, from 0 to 1.

    Raises:
        TypeError, ValueError: naming the argument; when called, if the run is no longer than the
            warm-up.

    Source: Loshchilov and Hutter, SGDR, 2017 (arXiv:1608.03983), for the cosine.
    """

    steps: int | float
    decay: str = "cosine"
    floor: float = 0.0

    def __post_init__(self):
        if isinstance(self.steps, float):
            steps = real("steps", self.steps, minimum=0, maximum=1)
            if steps == 1:
                raise ValueError("steps: expected a share of less than 1 or an integer, got 1.0")
        else:
            steps = integer("steps", self.steps, minimum=0)
        one_of("decay", self.decay, ("constant", "cosine", "linear"))
        floor = real("floor", self.floor, minimum=0, maximum=1)
        if floor and self.decay == "constant":
            raise ValueError(f"floor: expected 0 with decay='constant', got {floor}")
        for name, value in (("steps", steps), ("floor", floor)):  # Python's own numbers
            object.__setattr__(self, name, value)

    def __call__(self, step, num_steps, lr):
        """Return the rate of step ``step``, counted from 0, of ``num_steps``."""
        share = isinstance(self.steps, float)
        warm_up = int(self.steps * num_steps) if share else self.steps
        if warm_up >= num_steps:
            raise ValueError(
                f"schedule: expected a warm-up shorter than the run of {num_steps} steps, got "
                f"{warm_up} steps"
            )
        if step < warm_up:
            return lr * (step + 1) / (warm_up + 1)
        if self.decay == "constant":
            return lr
        falling = lr * (num_steps - step) / (num_steps - warm_up)
        if self.decay == "cosine":
            falling = _along_cosine(lr, 0.0, (step - warm_up) / (num_steps - warm_up))
        return falling + self.floor * (lr - falling)


def _along_cosine(first, last, share):
    return last + (first - last) * (1 + math.cos(math.pi * share)) / 2
