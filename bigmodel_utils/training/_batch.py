"""One batch: examples, their targets and, for sequences, which steps are real."""

from typing import NamedTuple

import torch

__all__ = ["IGNORED", "Batch", "counting", "of_rank", "one_target_a_step"]

IGNORED = -100  # the label that does not count, as in torch.nn.functional.cross_entropy


class Batch(NamedTuple):
    """Examples and their targets.

    Attributes:
        x: (b, ...), for sequences (b, t, ...).
        y: (b, ...), or (b, t, ...) with one target a step.
        weight: how many targets the batch's mean loss is a mean of; 0 if none counts.
        lengths: (b,) int64 on the CPU, real steps of each sequence; None if all are real.
        real: (b, t) bool on the device, True where a target counts; None if all do.
        first: False in a window that goes on with the sequences of the batch before it.
        whole: weight of the whole batch, of which this is one rank's part; None if it is all.
        most: examples in the largest part that a rank has; None if this is all.
    """

    x: torch.Tensor
    y: torch.Tensor
    weight: float
    lengths: torch.Tensor | None = None
    real: torch.Tensor | None = None
    first: bool = True
    whole: float | None = None
    most: int | None = None

    @property
    def inputs(self):
        """What the model is called with: ``(x,)`` or ``(x, lengths)``."""
        return (self.x,) if self.lengths is None else (self.x, self.lengths)

    @property
    def total(self):
        """The weight of the whole batch, over all ranks."""
        return self.weight if self.whole is None else self.whole


def one_target_a_step(x, y):
    """Return whether ``y`` (b, t, ...) has one target for each step of ``x`` (b, t, ...)."""
    return x.ndim >= 2 and y.ndim >= 2 and x.shape[:2] == y.shape[:2]


def counting(targets, labels):
    """Return how many of ``targets`` targets have a label that counts, from their labels."""
    counted = int((labels != IGNORED).sum())
    return targets if counted == labels.numel() else targets * counted / labels.numel()


def of_rank(batch, num_rows, ranks, *, equal):
    """Return the batch of this rank's rows with what it must know of the other ranks'.

    Args:
        batch: of the rows that ``ranks.rows`` gives of ``num_rows``.
        num_rows: examples of all ranks; called by all ranks.
        ranks: Ranks.
        equal: True if all examples have equally many targets that count.
    """
    if ranks.alone:
        return batch
    weight = batch.weight if ranks.rank < num_rows else 0  # its row is for company
    whole = batch.weight // len(batch.x) * num_rows if equal else ranks.sum(weight)[0]
    return batch._replace(weight=weight, whole=whole, most=ranks.most(num_rows))
