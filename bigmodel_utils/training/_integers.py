"""Integers in data: the range that they span, and whether an embedding has a row for each."""

import contextlib
import math

import torch

__all__ = ["EmbeddingCheck", "bounds", "outside", "under"]

_AT_ONCE = 2**22
_KINDS = (torch.nn.Embedding, torch.nn.EmbeddingBag)


def bounds(values, ignored=None):
    """Return the smallest and the largest entry of an integer tensor, None if there is none.

    Args:
        values: integer tensor (n, ...), of any integer dtype. It is not copied whole.
        ignored: a negative integer whose entries do not count, or None.
    """
    low, high = math.inf, -math.inf
    rows = max(1, _AT_ONCE // max(1, values[:1].numel()))
    for part in values.split(rows) if values.numel() else ():
        part = part.long()  # torch has no minimum of uint16
        smallest, largest = (int(value) for value in torch.aminmax(part))
        if ignored is not None and smallest <= ignored:
            part = part[part != ignored]
            if part.numel() == 0:
                continue
            smallest, largest = (int(value) for value in torch.aminmax(part))
        low, high = min(low, smallest), max(high, largest)
    return None if low > high else (low, high)


def outside(values, size, ignored=None):
    """Return the bounds of ``values`` if any entry is not from 0 to ``size - 1``, else None."""
    if _fits(bounds(under(values), ignored), size):
        return None
    found = bounds(values, ignored)  # between windows there may be others
    return None if _fits(found, size) else found


def under(values):
    """Return ``values``, or for windows that overlap the shorter row of entries under them."""
    span = 1 + sum((n - 1) * step for n, step in zip(values.shape, values.stride(), strict=True))
    if values.is_contiguous() or span >= values.numel():
        return values
    return values.as_strided((span,), (1,), values.storage_offset())


def _fits(found, size):
    return found is None or (found[0] >= 0 and found[1] < size)


class EmbeddingCheck:
    """Say in words which integers of x the model's embedding has no row for.

    torch says "index out of range in self" on a CPU, and on a GPU the process is lost. Where an
    embedding gets x itself, as a language model's does, tensors are checked whole at the first
    call, other data batch by batch. Where the model makes indices of its own from x, they are
    checked at the first call, and later torch's error is put into words.

    Args:
        name: of the data set, for messages.
    """

    def __init__(self, name):
        self.name = name
        self.rows = None  # of the smallest embedding that gets x itself; inf if none does

    @contextlib.contextmanager
    def calling(self, model, x, data=None):
        """Surround a call of ``model`` with a batch ``x``; ``data`` is all there is, if known.

        Raises:
            ValueError: naming the data set, the range found and the embedding's size.
        """
        integers = x.dtype in (torch.int64, torch.int32)
        hooks = []
        if integers and self.rows is None and not _is_compiled(model):
            hooks = self._hooks(model, x, data)
        elif integers and self.rows is not None and data is None:
            self.check(x, self.rows)
        try:
            yield
            if hooks and self.rows is None:
                self.rows = math.inf
        except IndexError as error:
            if not integers or "out of range in self" not in str(error):
                raise
            raise ValueError(
                f"{self.name}: the model asked an embedding for a row that it has not; x has "
                f"integers from {' to '.join(map(str, bounds(x)))}, {_sizes(model)}"
            ) from error
        finally:
            for hook in hooks:
                hook.remove()

    def check(self, values, rows, place="the model's embedding"):
        """ValueError unless the integers ``values`` are from 0 to ``rows - 1``; inf allows all."""
        found = None if rows == math.inf else outside(values, rows)
        if found is not None:
            raise ValueError(
                f"{self.name}: expected integers from 0 to {rows - 1}, as {place} has {rows} rows, "
                f"got integers from {found[0]} to {found[1]}"
            )

    def _hooks(self, model, x, data):
        def hook(module, args, options, name):
            index = args[0] if args else options.get("input")
            if not isinstance(index, torch.Tensor) or index.dtype not in (torch.int64, torch.int32):
                return
            rows, itself = len(module.weight), index is x
            self.check(data if itself and data is not None else index, rows, name)
            if itself:  # else the model made it from x, and later ones are not known
                self.rows = rows if self.rows is None else min(self.rows, rows)

        found = [(n, m) for n, m in model.named_modules() if isinstance(m, _KINDS)]
        # A subclass may make indices of its own in its forward.
        plain = [(n, m) for n, m in found if type(m) in _KINDS]
        return [
            module.register_forward_pre_hook(
                lambda m, a, k, name=name: hook(m, a, k, f"the model's embedding {name}".strip()),
                with_kwargs=True,
            )
            for name, module in plain
        ]


def _is_compiled(model):
    # A hook would be compiled in and stay.
    return any(
        hasattr(m, "_orig_mod") or getattr(m, "_compiled_call_impl", None) is not None
        for m in model.modules()
    )


def _sizes(model):
    found = [(n, m) for n, m in model.named_modules() if isinstance(m, _KINDS)]
    listed = ", ".join(f"{name or 'model'} has {len(m.weight)} rows" for name, m in found)
    return listed or "and no nn.Embedding is in the model"
