"""What ``fit`` and ``evaluate`` take as data, checked: tensors, a Dataset or a DataLoader."""

import zlib

import torch
from torch.utils.data import Dataset, DistributedSampler, IterableDataset, RandomSampler

from bigmodel_utils.arguments import describe
from bigmodel_utils.training._batch import IGNORED, one_target_a_step
from bigmodel_utils.training._integers import bounds, under

__all__ = [
    "as_indices",
    "check_dataset",
    "check_loader",
    "check_tensors",
    "check_windows",
    "checksum",
    "class_indices",
    "generators_of",
    "holds_ignored",
    "take",
]

_KEPT = (torch.int64, torch.int32, torch.bool)  # an embedding takes the first two
# torch can hold the unsigned ones, but does not select from them everywhere.
_SIGNED = {
    torch.uint16: torch.int16,
    torch.uint32: torch.int32,
    torch.uint64: torch.int64,
}


def check_tensors(name, data):
    """Return x, lengths (or None) and y of a pair or triple of tensors.

    Raises:
        TypeError, ValueError: naming ``name``, what came and what was expected.
    """
    if len(data) not in (2, 3) or not all(isinstance(part, torch.Tensor) for part in data):
        found = ", ".join(describe(part) for part in data[:4])
        raise TypeError(
            f"{name}: expected a pair of tensors (x, y) or a triple (x, lengths, y), got ({found})"
        )
    x, *lengths, y = data
    if x.ndim == 0 or y.ndim == 0:
        raise ValueError(f"{name}: expected x (n, ...) and y (n, ...), got a single number")
    if x.is_meta or y.is_meta:
        raise ValueError(f"{name}: expected tensors with values, got them on the device 'meta'")
    if len(x) != len(y):
        raise ValueError(
            f"{name}: expected as many labels as examples, got x {tuple(x.shape)} and "
            f"y {tuple(y.shape)}"
        )
    # Whatever graph made them: each step would go back through it again.
    return x.detach(), lengths[0] if lengths else None, y.detach()


def check_dataset(name, data):
    """Return the number of examples of a map-style Dataset, else raise TypeError."""
    map_style = isinstance(data, Dataset) or all(
        hasattr(data, method) for method in ("__len__", "__getitem__")
    )
    if not map_style or isinstance(data, (IterableDataset, torch.Tensor, str, bytes, dict)):
        raise TypeError(
            f"{name}: expected a pair of tensors (x, y), a triple (x, lengths, y), a map-style "
            f"Dataset (with __len__ and __getitem__) or a DataLoader, got {describe(data)}"
        )
    try:
        return len(data)
    except TypeError:
        raise TypeError(
            f"{name}: expected a map-style Dataset, but {type(data).__name__} has no __len__"
        ) from None


def check_loader(name, loader, *, shared=False):
    """Raise an error unless a DataLoader gives the same batches again.

    Args:
        name: of the argument.
        loader: the DataLoader.
        shared: True if several processes must get the same ones from it.

    Raises:
        TypeError: if it reads an IterableDataset, which has no order to go back to.
        ValueError: if ``shared`` and its order differs between processes.
    """
    if isinstance(loader.dataset, IterableDataset):
        raise TypeError(
            f"{name}: expected a DataLoader over a map-style Dataset, got one over the "
            f"IterableDataset {type(loader.dataset).__name__}"
        )
    if shared and isinstance(loader.sampler, DistributedSampler):
        raise ValueError(
            f"{name}: expected a DataLoader that gives every process the whole batch, of which fit "
            "takes each process's rows, got one with a DistributedSampler"
        )
    if shared and isinstance(loader.sampler, RandomSampler) and not generators_of(loader):
        raise ValueError(
            f"{name}: expected a DataLoader with generator=torch.Generator(), seeded alike in "
            "every process, got one whose order is drawn from global numbers, which differ by rank"
        )


def generators_of(loader):
    """Return the torch.Generator objects on which the order of a DataLoader depends."""
    found = []
    batch_sampler = getattr(loader, "batch_sampler", None)
    sources = (loader, loader.sampler, batch_sampler, getattr(batch_sampler, "sampler", None))
    for source in sources:
        generator = getattr(source, "generator", None)
        if isinstance(generator, torch.Generator) and generator not in found:
            found.append(generator)
    return found


def class_indices(name, y):
    """Return ``y`` if it holds integers, as class indices are, else raise TypeError."""
    if y.is_floating_point() or y.is_complex() or y.dtype == torch.bool:
        raise TypeError(
            f"{name}: expected class indices as integers (int64) in y, got {describe(y)}"
        )
    return y


def holds_ignored(name, labels):
    """Return whether labels that do not count may be there; ValueError if there are no others."""
    found = bounds(under(labels))
    ignores = found is not None and found[0] <= IGNORED
    if ignores and bounds(labels, IGNORED) is None:
        raise ValueError(f"{name}: expected a label that counts, got {IGNORED} alone")
    return ignores


def check_windows(name, tensors):
    """ValueError unless the tensors (x, y, lengths), or None, can be cut into windows of steps."""
    if tensors is None or tensors[2] is not None:
        raise ValueError(
            f"{name}: truncate needs a pair of tensors (x, y) with sequences of one length"
        )
    x, y, _ = tensors
    if not one_target_a_step(x, y):
        raise ValueError(
            f"{name}: truncate needs one target a step, x (n, t, ...) and y (n, t, ...), got x "
            f"{tuple(x.shape)} and y {tuple(y.shape)}"
        )


def checksum(values):
    """Return a checksum of at most 64 rows of a tensor (n, ...)."""
    rows = torch.linspace(0, len(values) - 1, min(64, len(values))).long()
    sample = take(values, rows).double().cpu()
    return zlib.crc32(sample.numpy().tobytes())


def as_indices(x):
    """Return ``x``, integers of a narrow or unsigned dtype as int64, which embeddings take."""
    plain = x.is_floating_point() or x.is_complex() or x.dtype in _KEPT
    return x if plain else x.long()


def take(values, rows):
    """Return the rows of a tensor (n, ...) with the numbers ``rows``, of any dtype."""
    rows, signed = rows.to(values.device), _SIGNED.get(values.dtype)
    if signed is None:
        return values.index_select(0, rows)
    return values.view(signed).index_select(0, rows).view(values.dtype)
