"""Batches from tensors, a Dataset or a DataLoader, in an order that a seed fixes."""

import torch
from torch.utils.data import DataLoader, TensorDataset

from bigmodel_utils import sequences
from bigmodel_utils.arguments import describe, integer
from bigmodel_utils.training._batch import (
    Batch,
    counting,
    of_rank,
    one_target_a_step,
)
from bigmodel_utils.training._integers import EmbeddingCheck
from bigmodel_utils.training._labels import counted_labels
from bigmodel_utils.training._ranks import Ranks
from bigmodel_utils.training._sources import (
    as_indices,
    check_dataset,
    check_loader,
    check_tensors,
    check_windows,
    checksum,
    class_indices,
    generators_of,
    holds_ignored,
    take,
)

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

    Integers of a narrow dtype, such as uint16 tokens, become int64 batch by batch. A class label
    of -100 does not count, as in torch's cross-entropy.

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
        ranks: Ranks that share the batches, or None for a process alone. Each takes its rows of
            every batch. A rank that has none takes the first row, at weight 0: all must call the
            model equally often.

    Attributes:
        batch_size: examples in a full batch, None if the loader's sampler decides.
        num_examples: in one epoch.
        num_batches: in one epoch.
        generators: torch.Generator objects of a DataLoader, which its order depends on.
        embeddings: EmbeddingCheck, for the calls of the model.
        classes_checked: number of classes for which the labels are known to fit, or None.

    Raises:
        TypeError, ValueError: naming ``name``, what came and what was expected.
    """

    def __init__(
        self, name, data, batch_size, device, *, float_dtype, seed, class_labels, window=None,
        pairs_only=False, ranks=None,
    ):  # fmt: skip
        self.ranks = Ranks() if ranks is None else ranks
        self.name, self.device, self.float_dtype = name, device, float_dtype
        self.class_labels, self.pairs_only = class_labels, pairs_only
        self.batch_size = integer("batch_size", batch_size, minimum=1)
        self.tensors = self.dataset = self.loader = self._each_step = None
        self.generators, self._ignores = [], False
        self.embeddings = EmbeddingCheck(name)
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
        self.classes_checked = None

    def epoch(self, epoch=0, start=0):
        """Return an iterator over the batches of epoch ``epoch`` (from 0), from number ``start``.

        Epochs must be asked for in rising order.
        """
        if self.loader is not None:
            iterator = iter(self.loader)
            for _ in range(start):
                next(iterator)
            return (self._part(self._place(batch)) for batch in iterator)
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
            return (self._ranked(self._index(self.ranks.rows(chunk)), chunk) for chunk in chunks)
        chunks = [chunk for chunk in chunks if len(chunk)]
        loader = DataLoader(  # an own generator: the global one is the model's
            self.dataset,
            batch_sampler=[self.ranks.rows(chunk).tolist() for chunk in chunks],
            generator=torch.Generator().manual_seed(0),
        )
        batches = (self._place(batch) for batch in loader)
        return (self._ranked(*pair) for pair in zip(batches, chunks, strict=True))

    @property
    def whole_x(self):
        """All of x that the model will get, or None if it is not at hand or padded."""
        return None if self.tensors is None or self.tensors[2] is not None else self.tensors[0]

    def pieces(self, batch, size):
        """Return ``batch`` cut into batches of at most ``size`` examples, each with its weight.

        All ranks get equally many: the last one may be a row that does not count.
        """
        most = batch.most or len(batch.x)
        if size is None or most <= size:
            return [batch]
        parts = [batch.x.split(size), batch.y.split(size)]
        lengths = [None] * len(parts[0]) if batch.lengths is None else batch.lengths.split(size)
        pieces = [self._made(*piece) for piece in zip(*parts, lengths, strict=True)]
        if len(pieces) < -(-most // size):
            pieces.append(self._cut_rows(batch, slice(1))._replace(weight=0))
        return pieces

    def fingerprint(self):
        """Return what identifies the data in a checkpoint: length, shapes and sampled values."""
        parts = {"examples": self.num_examples, "batch size": self.batch_size}
        if self.tensors is not None:
            for name, values in zip(("x", "y", "lengths"), self.tensors, strict=True):
                if values is not None:
                    parts[f"shape of {name}"] = list(values.shape)
                    parts[f"checksum of {name}"] = checksum(values)
        return parts

    def _take_tensors(self, data):
        x, lengths, y = check_tensors(self.name, data)
        self.num_examples = len(x)
        self.num_batches = -(-len(x) // self.batch_size)
        lengths = None if lengths is None else self._check_lengths(x, lengths)
        x = x.to(self.float_dtype) if x.is_floating_point() else x
        self.tensors = x, class_indices(self.name, y) if self.class_labels else y, lengths
        if self.class_labels and self.num_examples:
            self._ignores = holds_ignored(self.name, counted_labels(self.tensors))
        try:
            self.tensors = x.to(self.device), y.to(self.device), lengths
        except torch.cuda.OutOfMemoryError:
            pass  # too large for the device: the batches go there one by one

    def _take_dataset(self, data):
        self.num_examples = check_dataset(self.name, data)
        self.num_batches = -(-self.num_examples // self.batch_size)
        self.dataset = data

    def _take_loader(self, loader):
        check_loader(self.name, loader, shared=not self.ranks.alone)
        self.loader, self.batch_size = loader, loader.batch_size
        self.num_examples, self.num_batches = len(loader.dataset), len(loader)
        self.generators = generators_of(loader)

    def _part(self, batch):
        # This rank's rows of a batch that every rank has.
        if self.ranks.alone:
            return batch
        rows = torch.arange(len(batch.x))
        return self._ranked(self._cut_rows(batch, self.ranks.rows(rows)), rows)

    def _ranked(self, batch, chunk):
        equal = batch.lengths is None and self.tensors is not None and not self._ignores
        return of_rank(batch, len(chunk), self.ranks, equal=equal)

    def _cut_rows(self, batch, rows):
        lengths = None if batch.lengths is None else batch.lengths[rows]
        return self._made(batch.x[rows], batch.y[rows], lengths)

    def _index(self, chunk):
        x, y, lengths = self.tensors
        lengths = None if lengths is None else lengths[chunk]
        return self._batch(take(x, chunk), take(y, chunk), lengths)

    def _place(self, batch):
        if not isinstance(batch, (tuple, list)) or len(batch) not in (2, 3):
            raise TypeError(
                f"{self.name}: expected pairs (x, y) or triples (x, lengths, y), got "
                f"{describe(batch)}"
            )
        x, *lengths, y = (torch.as_tensor(part) for part in batch)
        lengths = self._check_lengths(x, lengths[0]) if lengths else None
        if x.is_floating_point():
            x = x.to(self.float_dtype)
        return self._batch(x, class_indices(self.name, y) if self.class_labels else y, lengths)

    def _batch(self, x, y, lengths):
        each_step = one_target_a_step(x, y)
        if self._each_step not in (None, each_step):
            raise ValueError(
                f"{self.name}: y has one target a step in some batches and not in others, here x "
                f"{tuple(x.shape)} and y {tuple(y.shape)}; give targets a sequence as (b, 1, ...)"
            )
        self._each_step = each_step
        return self._made(x, y, lengths)

    def _made(self, x, y, lengths):
        x = as_indices(x)
        y = y.long() if self.class_labels else y
        if lengths is None:
            targets = y.shape[0] * y.shape[1] if self._each_step else len(y)
            return Batch(x.to(self.device), y.to(self.device), self._weight(targets, y))
        longest, targets, real = int(lengths.max()), len(x), None
        if self._each_step:
            y, real = y[:, :longest], sequences.mask(lengths).to(y.device)
            targets = int(lengths.sum())
        weight = self._weight(targets, y, real)
        real = None if real is None else real.to(self.device)
        return Batch(x[:, :longest].to(self.device), y.to(self.device), weight, lengths, real)

    def _weight(self, targets, y, real=None):
        # How many of the batch's targets have a label that counts.
        if not self.class_labels or (self.tensors is not None and not self._ignores):
            return targets
        return counting(targets, y if real is None else y[real])

    def _pieces(self, chunks, window):
        # The windows of each chunk of rows, from number `window` of the first chunk.
        for chunk in chunks:
            whole = self._index(self.ranks.rows(chunk))
            for number in range(window, self.windows):
                steps = slice(number * self.window, (number + 1) * self.window)
                x, y = whole.x[:, steps], whole.y[:, steps]
                weight = self._weight(y.shape[0] * y.shape[1], y)
                yield self._ranked(Batch(x, y, weight, first=number == 0), chunk)
            window = 0

    def _cut(self, window):
        check_windows(self.name, self.tensors)
        self.windows = -(-self.tensors[0].shape[1] // window)
        self.num_batches *= self.windows

    def _check_lengths(self, x, lengths):
        if x.ndim < 2:
            raise ValueError(f"{self.name}: expected x (n, t, ...), got shape {tuple(x.shape)}")
        if self.pairs_only:
            raise ValueError(f"{self.name}: truncate needs pairs (x, y), got lengths too")
        return sequences.check_lengths(lengths, *x.shape[:2], name=f"{self.name}: lengths")
