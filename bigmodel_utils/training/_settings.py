"""What ``training.fit`` was asked for, checked, and how a checkpoint recognises it."""

import dataclasses
import functools
import inspect
import zlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy
import torch

from bigmodel_utils.arguments import betas, describe, integer, one_of, real
from bigmodel_utils.training._schedule import SCHEDULES

__all__ = ["OPTIMIZERS", "Settings", "check_callable", "complete"]

OPTIMIZERS = ("adamw", "muon", "sgd")
_BETAS = (0.9, 0.999)  # torch's
_CALLABLES = {  # how each is called
    "optimizer": "(model, lr)",
    "schedule": "(step, num_steps, lr)",
    "augment": "(x, generator)",
    "loss": "(output, target)",
    "on_step": "(model, step)",
}
_OF_CALLABLES = ": settings"
# In checkpoints of before these were settings: what was done then.
_LATER = {"betas": list(_BETAS), "micro_batch_size": None}


@dataclass(frozen=True)
class Settings:
    """The arguments of :func:`bigmodel_utils.training.fit` that decide the course of a run.

    They are described there.

    Raises:
        TypeError, ValueError: naming the argument, what came and what was expected.
    """

    epochs: int
    batch_size: int = 128
    lr: float = 1e-3
    weight_decay: float = 0.0
    optimizer: str | Callable = "adamw"
    betas: tuple = _BETAS
    schedule: str | Callable = "one-cycle"
    label_smoothing: float = 0.0
    augment: Callable | None = None
    clip_norm: float | None = None
    seed: int = 0
    loss: Callable | None = None
    truncate: int | None = None
    micro_batch_size: int | None = None
    dtype: str = "torch.float32"

    def __post_init__(self):
        def checked(name, check, *, optional=False, **limits):
            value = getattr(self, name)
            if not (optional and value is None):  # Python's own numbers, for the checkpoint
                object.__setattr__(self, name, check(name, value, **limits))

        checked("epochs", integer, minimum=1)
        checked("batch_size", integer, minimum=1)
        checked("lr", real, above=0)
        checked("weight_decay", real, minimum=0)
        checked("label_smoothing", real, minimum=0, maximum=1)
        checked("clip_norm", real, optional=True, above=0)
        checked("seed", integer, minimum=0, maximum=2**32 - 1)
        checked("truncate", integer, optional=True, minimum=1)
        checked("micro_batch_size", integer, optional=True, minimum=1)
        checked("optimizer", _name_or_callable, choices=OPTIMIZERS)
        checked("schedule", _name_or_callable, choices=SCHEDULES)
        check_callable("augment", self.augment)
        check_callable("loss", self.loss)
        object.__setattr__(self, "betas", betas("betas", self.betas))
        self._check_together()

    def _check_together(self):
        own = not isinstance(self.optimizer, str)
        if own and self.weight_decay:
            raise ValueError(
                f"weight_decay: expected 0 beside an optimizer of your own, which sets its own, "
                f"got {self.weight_decay}"
            )
        if self.betas != _BETAS and self.optimizer not in ("adamw", "muon"):
            raise ValueError(
                f"betas: expected {_BETAS} unless optimizer is 'adamw' or 'muon', got {self.betas}"
            )
        if self.truncate is not None and self.micro_batch_size is not None:
            raise ValueError(
                "micro_batch_size: expected None beside truncate, whose windows carry the state of "
                f"the whole batch, got {self.micro_batch_size}"
            )

    def fingerprint(self):
        """Return plain values by which a checkpoint recognises the settings.

        A callable goes by its name; a frozen dataclass and a ``functools.partial`` by what they
        hold, too.
        """
        values = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        values["betas"] = list(self.betas)
        for name in ("optimizer", "schedule", "augment", "loss"):
            value = values[name]
            values[name + _OF_CALLABLES] = _held(value) if callable(value) else None
            if callable(value):
                apart = "callable " if name in ("optimizer", "schedule") else ""  # not "sgd"
                values[name] = apart + _name(value)
        return values


def complete(then, now):
    """Return the fingerprint ``then`` of an older file with the entries that came later."""
    unknown = {key: value for key, value in now.items() if key.endswith(_OF_CALLABLES)}
    return {**_LATER, **unknown, **then}


def check_callable(name, value):
    """TypeError unless ``value`` is None or can be called as ``fit`` calls its argument ``name``.

    Names: "optimizer", "schedule", "augment", "loss" and "on_step".
    """
    if value is None:
        return
    takes = _CALLABLES[name]
    if not callable(value):
        raise TypeError(f"{name}: expected a callable or None, got {describe(value)}")
    if isinstance(value, type) and name not in ("optimizer", "on_step"):
        raise TypeError(
            f"{name}: expected a callable {takes}, got the class {value.__name__}; make one of it"
        )
    try:
        signature = inspect.signature(value)
    except (TypeError, ValueError):  # some builtins have none
        return
    try:
        signature.bind(*takes.split(","))
    except TypeError:
        raise TypeError(
            f"{name}: expected a callable {takes}, got {describe(value)}, which takes {signature}"
        ) from None


def _name_or_callable(name, value, choices):
    if isinstance(value, str) or not callable(value):
        try:
            return one_of(name, value, choices)
        except ValueError as error:
            words = str(error).replace(", got", f", or a callable {_CALLABLES[name]}, got", 1)
            raise ValueError(words) from None
    if isinstance(value, type) and issubclass(value, torch.optim.Optimizer):
        raise TypeError(
            f"{name}: expected a callable (model, lr), got the class {value.__name__}; use "
            f"lambda model, lr: {value.__name__}(model.parameters(), lr)"
        )
    check_callable(name, value)
    return value


def _name(function):
    return getattr(function, "__qualname__", type(function).__qualname__)


def _held(value):
    """Return in words what a callable holds, the same in every process; None if unknown."""
    if isinstance(value, functools.partial):
        parts = [_name(value.func), *map(_in_words, value.args)]
        return ", ".join([*parts, *(f"{k}={_in_words(v)}" for k, v in value.keywords.items())])
    # Only a frozen one: another may hold what changes in the run, such as a count of its calls.
    if not isinstance(value, type) and dataclasses.is_dataclass(value):
        if value.__dataclass_params__.frozen:
            fields = dataclasses.fields(value)
            return ", ".join(f"{f.name}={_in_words(getattr(value, f.name))}" for f in fields)
    return None


def _in_words(value):
    if isinstance(value, numpy.generic):
        value = value.item()
    if isinstance(value, numpy.ndarray) and value.dtype != object:
        kind = f"{value.dtype} array of shape {value.shape}"
        return f"{kind} with checksum {zlib.crc32(numpy.ascontiguousarray(value).tobytes())}"
    if isinstance(value, (tuple, list)):
        return f"[{', '.join(map(_in_words, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{_in_words(k)}: {_in_words(v)}' for k, v in value.items())}}}"
    if isinstance(value, torch.Tensor):
        content = value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes()
        return f"{describe(value)} with checksum {zlib.crc32(content)}"
    held = _held(value)
    if held is not None:
        return f"{_name(value)}({held})"
    text = repr(value)
    return _name(value) if " at 0x" in text else text  # an address differs from run to run
