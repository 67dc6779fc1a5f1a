"""Seeds, threads, the choice of device and number format, and a stopwatch that synchronises.

torch is imported inside the functions: how OpenMP threads wait is read once, when
torch is loaded, so :func:`setup` must be able to run before it.
"""

import os
import random
import sys
import time

__all__ = ["Stopwatch", "at_hand", "choose_device", "number_format", "setup", "synchronize"]


def setup(seed=0, *, threads=None):
    """Seed every generator, limit the threads and return the device to use.

    Call it in a page's first cell, before ``import torch``: on a busy machine two
    OpenMP threads that spin while they wait run many times slower than one.

    Args:
        seed: integer from 0 to 2**32 - 1, for Python, NumPy and PyTorch.
        threads: CPU threads for PyTorch; by default ``BIGMODEL_THREADS`` if that is
            set, else two, or one on a single-core machine.

    Four more variables disguise the machine, for tests of what must hold on any:
    ``BIGMODEL_BFLOAT16``, ``BIGMODEL_ONEDNN``, ``BIGMODEL_PERTURB`` and ``BIGMODEL_ROUNDING``, see
    :mod:`bigmodel_utils.disguise`.

    Returns:
        torch.device: a CUDA device, else Apple's ``mps``, else the CPU.

    Raises:
        TypeError, ValueError: naming ``seed``, ``threads`` or the variable.
    """
    if "torch" not in sys.modules:
        os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
        os.environ.setdefault("GOMP_SPINCOUNT", "0")
    import numpy
    import torch

    from bigmodel_utils import arguments, disguise

    seed = arguments.integer("seed", seed, minimum=0, maximum=2**32 - 1)
    disguise.apply(os.environ)
    if threads is None:
        wished = os.environ.get("BIGMODEL_THREADS", "2")
        if not wished.isdecimal() or int(wished) == 0:
            raise ValueError(f"BIGMODEL_THREADS: expected a positive integer, got {wished!r}")
        threads = min(int(wished), os.cpu_count() or 1)
    torch.set_num_threads(arguments.integer("threads", threads, minimum=1))
    random.seed(seed)
    numpy.random.seed(seed)  # noqa: NPY002 - libraries a reader adds may use the global generator
    torch.manual_seed(seed)
    return choose_device()


def choose_device():
    """Return the fastest torch.device at hand: CUDA, else Apple's mps, else the CPU."""
    import torch

    if torch.cuda.is_available():
        return torch.device("cuda")
    if torch.backends.mps.is_available():
        return torch.device("mps")
    return torch.device("cpu")


def at_hand(name, value):
    """Return ``value`` as torch.device if tensors can be computed with on it here.

    Raises:
        TypeError, ValueError: naming ``name`` and, if torch knows the device and the machine has
            it not, the devices that there are.
    """
    import torch

    from bigmodel_utils import arguments

    device = arguments.device(name, value)
    try:
        torch.ones(1, device=device).item()  # `meta` makes tensors, too, but without numbers
    except Exception as error:  # a build without it, a missing driver, no such number: many types
        found = ", ".join(repr(one) for one in _found())
        raise ValueError(
            f"{name}: expected one of the devices of this machine, {found}, got "
            f"{arguments.describe(value)}, which is not available"
        ) from error
    return device


def _found():
    import torch

    found = ["cpu", *(f"cuda:{number}" for number in range(torch.cuda.device_count()))]
    return [*found, "mps"] if torch.backends.mps.is_available() else found


def number_format(device):
    """Return torch.bfloat16 where ``device`` computes it in hardware, else torch.float32.

    A processor without bfloat16 units emulates it slowly, so there float32 wins. With
    ``BIGMODEL_BFLOAT16`` set to 0 or 1 in the environment the answer is float32 or bfloat16.
    """
    import torch

    from bigmodel_utils import arguments, disguise

    kind = arguments.device("device", device).type
    wished = disguise.switch(os.environ, "BIGMODEL_BFLOAT16")
    if wished is not None:
        return torch.bfloat16 if wished else torch.float32
    if kind == "cuda":
        fast = torch.cuda.is_bf16_supported(including_emulation=False)
    elif kind == "cpu":
        fast = _cpu_has_bfloat16()
    else:
        fast = False
    return torch.bfloat16 if fast else torch.float32


def _cpu_has_bfloat16():
    # torch knows these only under private names, which have moved before: ask, never insist.
    import torch

    for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"):
        probe = getattr(torch.cpu, name, None)
        if probe is not None and probe():
            return True
    return False


def synchronize(device):
    """Wait until ``device`` has finished what was queued on it."""
    import torch

    kind = torch.device(device).type
    if kind == "cuda":
        torch.cuda.synchronize(device)
    elif kind == "mps":
        torch.mps.synchronize()


class Stopwatch:
    """Measure a ``with`` block: ``seconds`` on the wall, ``cpu_seconds`` over all threads.

    The device's queue is drained before both readings, so a GPU's time is counted.
    """

    def __init__(self, device="cpu"):
        self.device = device
        self.seconds = self.cpu_seconds = float("nan")

    def __enter__(self):
        synchronize(self.device)
        self._wall, self._cpu = time.perf_counter(), time.process_time()
        return self

    def __exit__(self, *exc):
        synchronize(self.device)
        self.seconds = time.perf_counter() - self._wall
        self.cpu_seconds = time.process_time() - self._cpu
        return False
