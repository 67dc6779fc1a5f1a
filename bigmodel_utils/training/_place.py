"""A program's own look at the processes that train with it."""

from bigmodel_utils.arguments import flag
from bigmodel_utils.device import at_hand, choose_device
from bigmodel_utils.training._ranks import joined

__all__ = ["ranks"]


def ranks(device=None, *, sharded=False):
    """Return which process this is: ``rank`` of ``size``, and its ``device``.

    Under torchrun this joins the group of all processes, as :func:`fit` does. ``wait()`` waits for
    all of them: what rank 0 wrote before is then there for the others.

    Args:
        device: where this process computes; by default the fastest at hand, and of several GPUs
            its own.
        sharded: as in :func:`fit`.

    Raises:
        TypeError, ValueError: naming the argument.
    """
    device = choose_device() if device is None else at_hand("device", device)
    return joined(device, sharded=flag("sharded", sharded))
