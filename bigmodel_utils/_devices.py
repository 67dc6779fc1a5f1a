"""Which of torch's devices this machine has, for errors that say so."""

import torch

from bigmodel_utils import arguments
from bigmodel_utils.arguments import describe

__all__ = ["at_hand"]


def at_hand(name, value):
    """Return ``value`` as torch.device if tensors can be computed with on it here.

    Raises:
        TypeError, ValueError: naming ``name`` and, if torch knows the device and the machine has
            it not, the devices that there are.
    """
    device = arguments.device(name, value)
    try:
        torch.ones(1, device=device).item()  # `meta` makes tensors, too, but without numbers
    except Exception as error:  # a build without it, a missing driver, no such number: many types
        found = ", ".join(repr(one) for one in _found())
        raise ValueError(
            f"{name}: expected one of the devices of this machine, {found}, got {describe(value)}, "
            "which is not available"
        ) from error
    return device


def _found():
    found = ["cpu", *(f"cuda:{number}" for number in range(torch.cuda.device_count()))]
    return [*found, "mps"] if torch.backends.mps.is_available() else found
