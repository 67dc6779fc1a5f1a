"""Batches from tensors, a Dataset or a DataLoader, in an order that a seed fixes."""

import zlib

import torch
from torch.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset

from bigmodel_utils import sequences
from bigmodel_utils.arguments import describe, integer
from bigmodel_utils.batch import Batch, one_target_a_step

__all__ = ["Batches"]


class Batches:
    """The batches of one data set, on a device.

    Tensors are the fast path: they are moved to the device once, and a batch is one indexing
    operation. In every epoch a permutation of the examples is drawn from an own generator
    (``torch.randperm(n, generator=g)``, ``g`` seeded once), so that an epoch can be entered in
    the middle again. A DataLoader keeps its own order and its own batch size.

    Sequences of different lengths come as triples (x, lengths, y): x (n, t, ...) is padded at its
    end, and y has one target a sequence, or one a step if its second axis is that of x. A batch is
    cut to its own longest sequence, so padding costs little and changes nothing. Targets (n, k) a
    sequence that have k = t by chance are given as (n, 1, k).

    Args:
        name: the caller's name of the argument, for messages ("train").
        data: a pair of tensors x (n, ...), y (n, ...) or a triple with lengths (n,); a map-style
            Dataset of such pairs or triples, or a DataLoader over one.
        batch_size: examples a batch; the last one of an epoch may be smaller. A DataLoader's own
            is used instead.
        device: torch.device of the batches.
        float_dtype: floating-point x is converted to it.
        seed: of the order, or None for the order of the data.
        class_labels: True if y holds class indices, so that other dtypes are an error.
        window: cut sequences into pieces of so many steps, one batch each and in order, or None.
        pairs_only: True if lengths beside x are an error.

    Attributes:
        batch_size: examples in a full batch, None if the loader's sampler decides.
        num_examples: in one epoch.
        num_batches: in one epoch.
        generators: torch.Generator objects of a DataLoader, which its order depends on.

    Raises:
        TypeError, ValueError: naming ``name``, what came and what was expected.
    """

    def __init__(
        self, name, data, batch_size, device, *, float_dtype, seed, class_labels, window=None,
        pairs_only=False,
    ):  # fmt: skip
        self.name, self.device, self.float_dtype = name, device, float_dtype
        self.class_labels, self.pairs_only = class_labels, pairs_only
        self.batch_size = integer("batch_size", batch_size, minimum=1)
        self.tensors = self.dataset = self.loader = self._each_step = None
        self.generators = []
        self.window, self.windows = window, 1
        if isinstance(data, TensorDataset) and len(data.tensors) in (2, 3):
            data = data.tensors
        if isinstance(data, DataLoader):
            self._take_loader(data)
        elif isinstance(data, (tuple, list)):
            self._take_tensors(data)
        else:
            self._take_dataset(data)
        if window is not None:
            self._cut(window)
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
        start, window = divmod(start, self.windows)
        chunks = self._permutation[start * self.batch_size :].split(self.batch_size)
        if self.window is not None:
            return self._pieces(chunks, window)
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
            y, self._classes_checked = self._counted_labels(), num_classes
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
            for name, values in zip(("x", "y", "lengths"), self.tensors, strict=True):
                if values is None:
                    continue
                parts[f"shape of {name}"] = list(values.shape)
                sample = values[rows.to(values.device)].double().cpu().numpy().tobytes()
                parts[f"checksum of {name}"] = zlib.crc32(sample)
        return parts

    def _take_tensors(self, data):
        if len(data) not in (2, 3) or not all(isinstance(part, torch.Tensor) for part in data):
            found = ", ".join(describe(part) for part in data[:4])
            raise TypeError(
                f"{self.name}: expected a pair of tensors (x, y) or a triple (x, lengths, y), got "
                f"({found})"
            )
        x, *lengths, y = data
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
        lengths = self._check_lengths(x, lengths[0]) if lengths else None
        self.tensors = self._convert(x), self._check_dtype(y), lengths
        try:
            self.tensors = *(part.to(self.device) for part in self.tensors[:2]), lengths
        except torch.cuda.OutOfMemoryError:
            pass  # too large for the device: the batches go there one by one

    def _take_dataset(self, data):
        map_style = isinstance(data, Dataset) or all(
            hasattr(data, method) for method in ("__len__", "__getitem__")
        )
        if not map_style or isinstance(data, (IterableDataset, torch.Tensor, str, bytes, dict)):
            raise TypeError(
                f"{self.name}: expected a pair of tensors (x, y), a triple (x, lengths, y), a "
                f"map-style Dataset (with __len__ and __getitem__) or a DataLoader, got "
                f"{describe(data)}"
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
        x, y, lengths = self.tensors
        rows = chunk.to(x.device)
        lengths = None if lengths is None else lengths[chunk]
        return self._batch(x.index_select(0, rows), y.index_select(0, rows), lengths)

    def _place(self, batch):
        if not isinstance(batch, (tuple, list)) or len(batch) not in (2, 3):
            raise TypeError(
                f"{self.name}: expected pairs (x, y) or triples (x, lengths, y), got "
                f"{describe(batch)}"
            )
        x, *lengths, y = (torch.as_tensor(part) for part in batch)
        lengths = self._check_lengths(x, lengths[0]) if lengths else None
        return self._batch(self._convert(x), self._check_dtype(y), lengths)

    def _batch(self, x, y, lengths):
        each_step = one_target_a_step(x, y)
        if self._each_step not in (None, each_step):
            raise ValueError(
                f"{self.name}: y has one target a step in some batches and not in others, here x "
                f"{tuple(x.shape)} and y {tuple(y.shape)}; give targets a sequence as (b, 1, ...)"
            )
        self._each_step = each_step
        if lengths is None:
            weight = x.shape[0] * x.shape[1] if each_step else len(x)
            return Batch(x.to(self.device), y.to(self.device), weight)
        longest, weight, real = int(lengths.max()), len(x), None
        if each_step:
            y, real = y[:, :longest], sequences.mask(lengths).to(self.device)
            weight = int(lengths.sum())
        return Batch(x[:, :longest].to(self.device), y.to(self.device), weight, lengths, real)

    def _pieces(self, chunks, window):
        # The windows of each chunk of rows, from number `window` of the first chunk.
        for chunk in chunks:
            whole = self._index(chunk)
            for number in range(window, self.windows):
                steps = slice(number * self.window, (number + 1) * self.window)
                x, y = whole.x[:, steps], whole.y[:, steps]
                yield Batch(x, y, x.shape[0] * x.shape[1], first=number == 0)
            window = 0

    def _cut(self, window):
        if self.tensors is None or self.tensors[2] is not None:
            raise ValueError(
                f"{self.name}: truncate needs a pair of tensors (x, y) with sequences of one length"
            )
        x, y, _ = self.tensors
        if not one_target_a_step(x, y):
            raise ValueError(
                f"{self.name}: truncate needs one target a step, x (n, t, ...) and y (n, t, ...), "
                f"got x {tuple(x.shape)} and y {tuple(y.shape)}"
            )
        self.windows = -(-x.shape[1] // window)
        self.num_batches *= self.windows

    def _check_lengths(self, x, lengths):
        if x.ndim < 2:
            raise ValueError(f"{self.name}: expected x (n, t, ...), got shape {tuple(x.shape)}")
        if self.pairs_only:
            raise ValueError(f"{self.name}: truncate needs pairs (x, y), got lengths too")
        return sequences.check_lengths(lengths, *x.shape[:2], name=f"{self.name}: lengths")

    def _counted_labels(self):
        # Labels in the padding may hold anything.
        x, y, lengths = self.tensors
        if lengths is None or not one_target_a_step(x, y):
            return y
        return y[sequences.mask(lengths, y.shape[1]).to(y.device)]

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
