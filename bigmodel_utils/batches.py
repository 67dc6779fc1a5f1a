"""Batches (x, y) from tensors, a Dataset or a DataLoader, in an order that a seed fixes."""

import zlib

import torch
from torch.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset

from bigmodel_utils.arguments import describe, integer

__all__ = ["Batches"]


class Batches:
    """The batches of one data set, on a device.

    Tensors are the fast path: they are moved to the device once, and a batch is one indexing
    operation. In every epoch a permutation of the examples is drawn from an own generator
    (``torch.randperm(n, generator=g)``, ``g`` seeded once), so that an epoch can be entered in
    the middle again. A DataLoader keeps its own order and its own batch size.

    Args:
        name: the caller's name of the argument, for messages ("train").
        data: a pair of tensors x (n, ...), y (n, ...), a map-style Dataset of pairs, or a
            DataLoader over one.
        batch_size: examples a batch; the last one of an epoch may be smaller. A DataLoader's own
            is used instead.
        device: torch.device of the batches.
        float_dtype: floating-point x is converted to it.
        seed: of the order, or None for the order of the data.
        class_labels: True if y holds class indices, so that other dtypes are an error.

    Attributes:
        batch_size: examples in a full batch, None if the loader's sampler decides.
        num_examples: in one epoch.
        num_batches: in one epoch.
        generators: torch.Generator objects of a DataLoader, which its order depends on.

    Raises:
        TypeError, ValueError: naming ``name``, what came and what was expected.
    """

    def __init__(self, name, data, batch_size, device, *, float_dtype, seed, class_labels):
        self.name, self.device, self.float_dtype = name, device, float_dtype
        self.class_labels = class_labels
        self.batch_size = integer("batch_size", batch_size, minimum=1)
        self.tensors = self.dataset = self.loader = None
        self.generators = []
        if isinstance(data, TensorDataset) and len(data.tensors) == 2:
            data = data.tensors
        if isinstance(data, DataLoader):
            self._take_loader(data)
        elif isinstance(data, (tuple, list)):
            self._take_tensors(data)
        else:
            self._take_dataset(data)
        if self.num_examples == 0 or self.num_batches == 0:
            raise ValueError(f"{name}: expected at least one example, got none")
        self._order = None if seed is None else torch.Generator().manual_seed(seed)
        self._epochs_drawn = 0
        self._classes_checked = None

    def epoch(self, epoch=0, start=0):
        """Return an iterator over the batches of epoch ``epoch`` (from 0), from number ``start``.

        Epochs must be asked for in rising order.
        """
        if self.loader is not None:
            iterator = iter(self.loader)
            for _ in range(start):
                next(iterator)
            return (self._place(batch) for batch in iterator)
        while self._order is not None and self._epochs_drawn <= epoch:
            self._permutation = torch.randperm(self.num_examples, generator=self._order)
            self._epochs_drawn += 1
        if self._order is None:
            self._permutation = torch.arange(self.num_examples)
        chunks = self._permutation[start * self.batch_size :].split(self.batch_size)
        if self.tensors is not None:
            return (self._index(chunk) for chunk in chunks)
        loader = DataLoader(  # an own generator: the global one is the model's
            self.dataset,
            batch_sampler=[chunk.tolist() for chunk in chunks if len(chunk)],
            generator=torch.Generator().manual_seed(0),
        )
        return (self._place(batch) for batch in loader)

    def check_labels(self, y, num_classes):
        """ValueError unless the labels ``y`` of a batch are from 0 to ``num_classes - 1``.

        Tensors are checked whole, once; then this costs nothing.
        """
        if self.tensors is not None:
            if self._classes_checked == num_classes:
                return
            y, self._classes_checked = self.tensors[1], num_classes
        low, high = (int(value) for value in torch.aminmax(y))
        if low < 0 or high >= num_classes:
            raise ValueError(
                f"{self.name}: expected labels from 0 to {num_classes - 1}, as the model has "
                f"{num_classes} outputs, got labels from {low} to {high}"
            )

    def fingerprint(self):
        """Return what identifies the data in a checkpoint: length, shapes and sampled values."""
        parts = {"examples": self.num_examples, "batch size": self.batch_size}
        if self.tensors is not None:
            rows = torch.linspace(0, self.num_examples - 1, min(64, self.num_examples)).long()
            for letter, values in zip("xy", self.tensors, strict=True):
                parts[f"shape of {letter}"] = list(values.shape)
                sample = values[rows.to(values.device)].double().cpu().numpy().tobytes()
                parts[f"checksum of {letter}"] = zlib.crc32(sample)
        return parts

    def _take_tensors(self, data):
        if len(data) != 2 or not all(isinstance(part, torch.Tensor) for part in data):
            found = ", ".join(describe(part) for part in data[:4])
            raise TypeError(f"{self.name}: expected a pair of tensors (x, y), got ({found})")
        x, y = data
        if x.ndim == 0 or y.ndim == 0:
            raise ValueError(
                f"{self.name}: expected x (n, ...) and y (n, ...), got a single number"
            )
        if len(x) != len(y):
            raise ValueError(
                f"{self.name}: expected as many labels as examples, got x {tuple(x.shape)} and "
                f"y {tuple(y.shape)}"
            )
        self.num_examples = len(x)
        self.num_batches = -(-len(x) // self.batch_size)
        self.tensors = self._convert(x), self._check_dtype(y)
        try:
            self.tensors = tuple(part.to(self.device) for part in self.tensors)
        except torch.cuda.OutOfMemoryError:
            pass  # too large for the device: the batches go there one by one

    def _take_dataset(self, data):
        map_style = isinstance(data, Dataset) or all(
            hasattr(data, method) for method in ("__len__", "__getitem__")
        )
        if not map_style or isinstance(data, (IterableDataset, torch.Tensor, str, bytes, dict)):
            raise TypeError(
                f"{self.name}: expected a pair of tensors (x, y), a map-style Dataset (with "
                f"__len__ and __getitem__) or a DataLoader, got {describe(data)}"
            )
        try:
            self.num_examples = len(data)
        except TypeError:
            raise TypeError(
                f"{self.name}: expected a map-style Dataset, but {type(data).__name__} has no "
                "__len__"
            ) from None
        self.num_batches = -(-self.num_examples // self.batch_size)
        self.dataset = data

    def _take_loader(self, loader):
        if isinstance(loader.dataset, IterableDataset):
            raise TypeError(
                f"{self.name}: expected a DataLoader over a map-style Dataset, got one over the "
                f"IterableDataset {type(loader.dataset).__name__}"
            )
        self.loader = loader
        self.batch_size = loader.batch_size
        self.num_examples, self.num_batches = len(loader.dataset), len(loader)
        batch_sampler = getattr(loader, "batch_sampler", None)
        sources = (loader, loader.sampler, batch_sampler, getattr(batch_sampler, "sampler", None))
        for source in sources:
            generator = getattr(source, "generator", None)
            if isinstance(generator, torch.Generator) and generator not in self.generators:
                self.generators.append(generator)

    def _index(self, chunk):
        x, y = self.tensors
        chunk = chunk.to(x.device)
        x, y = x.index_select(0, chunk), y.index_select(0, chunk)
        return x.to(self.device), y.to(self.device)

    def _place(self, batch):
        if not isinstance(batch, (tuple, list)) or len(batch) != 2:
            raise TypeError(f"{self.name}: expected pairs (x, y), got {describe(batch)}")
        x, y = (torch.as_tensor(part) for part in batch)
        x, y = self._convert(x), self._check_dtype(y)
        return x.to(self.device), y.to(self.device)

    def _convert(self, x):
        return x.to(self.float_dtype) if x.is_floating_point() else x

    def _check_dtype(self, y):
        if not self.class_labels:
            return y
        if y.is_floating_point() or y.is_complex() or y.dtype == torch.bool:
            raise TypeError(
                f"{self.name}: expected class indices as integers (int64) in y, got {describe(y)}"
            )
        return y.long()
