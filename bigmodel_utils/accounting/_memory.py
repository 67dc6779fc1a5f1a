"""Peak memory of a call, counted from the tensors that it makes.

The count is exact and the same on every machine: the bytes of all storages that were created
during the call and are alive at one time, what autograd saves included. Two things it does not
see: buffers that a kernel of PyTorch takes and frees inside itself, and what the process holds
beside tensors. ``benchmarks/attention.py`` compares it with the operating system's count.
"""

import weakref

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_iter

__all__ = ["peak_bytes"]


def peak_bytes(function):
    """Return the largest number of bytes that tensors made by ``function()`` held at one time.

    Memory that existed before the call is not counted, nor is a view: each storage counts once,
    from the operation that made it until its last tensor is gone.

    Args:
        function: called once, without arguments; what it returns is dropped.

    Raises:
        TypeError: ``function`` cannot be called.
    """
    if not callable(function):
        raise TypeError(f"function: expected a function, got {type(function).__name__}")
    with _LiveBytes() as live:
        function()
    return live.peak


class _LiveBytes(TorchDispatchMode):
    """Adds the bytes of each new storage and takes them off when it is freed."""

    def __init__(self):
        super().__init__()
        self.peak = self.now = 0
        self.alive = {}

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        old = {id(t.untyped_storage()) for t in tree_iter((args, kwargs)) if _is_tensor(t)}
        result = operation(*args, **kwargs)
        for tensor in filter(_is_tensor, tree_iter(result)):
            storage = tensor.untyped_storage()
            # An operation's own argument, or a view of it, is nothing new.
            if id(storage) not in old and id(storage) not in self.alive:
                self._add(storage)
        return result

    def _add(self, storage):
        key, size = id(storage), storage.nbytes()

        def freed(_):
            del self.alive[key]
            self.now -= size

        self.alive[key] = weakref.ref(storage, freed)
        self.now += size
        self.peak = max(self.peak, self.now)


def _is_tensor(value):
    return isinstance(value, torch.Tensor)
