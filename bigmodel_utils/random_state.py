"""States of the random number generators: isolate a run, save them, put them back."""

import contextlib
import random

import torch

__all__ = ["Streams", "isolated"]


class Streams:
    """Every generator that a run draws from, so that their states can be saved and put back.

    Python's, NumPy's and PyTorch's global generators are always included (dropout, shuffling
    loaders and transforms in a Dataset draw from them).

    Args:
        device: torch.device whose global generator is included too.
        generators: torch.Generator objects besides the global ones.
    """

    def __init__(self, device, generators=()):
        self.device = torch.device(device)
        self.generators = list(generators)

    def state(self):
        """Return the states, of types that a checkpoint can hold."""
        import numpy

        name, keys, *rest = numpy.random.get_state()  # noqa: NPY002 - the global one is meant
        state = {
            "python": random.getstate(),
            "numpy": [name, torch.from_numpy(keys.astype("int64")), *rest],
            "torch": torch.get_rng_state(),
            "generators": [g.get_state() for g in self.generators],
        }
        if self.device.type == "cuda":
            state["cuda"] = torch.cuda.get_rng_state(self.device)
        elif self.device.type == "mps":
            state["mps"] = torch.mps.get_rng_state()
        return state

    def restore(self, state):
        """Put back what :meth:`state` returned, of a device only for the same kind of device."""
        import numpy

        random.setstate(state["python"])
        name, keys, *rest = state["numpy"]
        numpy.random.set_state((name, keys.numpy().astype("uint32"), *rest))  # noqa: NPY002
        torch.set_rng_state(state["torch"])
        for generator, saved in zip(self.generators, state["generators"], strict=True):
            generator.set_state(saved)
        if self.device.type == "cuda" and "cuda" in state:
            torch.cuda.set_rng_state(state["cuda"], self.device)
        elif self.device.type == "mps" and "mps" in state:
            torch.mps.set_rng_state(state["mps"])


@contextlib.contextmanager
def isolated(device, seed=None):
    """Run the block on its own global random numbers; the caller's states return afterwards.

    Args:
        device: torch.device.
        seed: integer that seeds Python, NumPy and PyTorch inside the block, or None to go on
            from the caller's states.
    """
    import numpy

    streams = Streams(device)
    before = streams.state()
    try:
        if seed is not None:
            random.seed(seed)
            numpy.random.seed(seed)  # noqa: NPY002
            torch.manual_seed(seed)
        yield
    finally:
        streams.restore(before)
