"""Batches of sequences of different lengths: masks, last steps, means and packing.

A batch is a tensor x (b, t, d), batch first, padded at the end to t steps, with ``lengths``
(b,): row n is real before step ``lengths[n]`` and padding from there on. No function here lets
padding reach a result or a gradient, whatever it holds, NaN included.
"""

import torch
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from bigmodel_utils import arguments
from bigmodel_utils.arguments import describe, integer

__all__ = ["check_lengths", "last", "mask", "mean", "pack", "unpack"]


def check_lengths(lengths, batch=None, size=None, *, name="lengths"):
    """Return ``lengths`` as an int64 tensor on the CPU if they fit a padded batch.

    Args:
        lengths: integer tensor (b,).
        batch: b, rows of the padded tensor, or None for any.
        size: t, its steps, or None for any.
        name: the caller's name of the argument, for messages.

    Raises:
        TypeError: not a tensor of integers.
        ValueError: not one length a row, a sequence without a step, or one longer than the
            padded tensor, naming the first row at fault.
    """
    arguments.integers(name, lengths)
    got = f"got shape {tuple(lengths.shape)}"
    if lengths.ndim != 1 or (batch is not None and len(lengths) != batch):
        expected = "one for each row" if batch is None else f"shape ({batch},), one for each row"
        time_first = batch is not None and lengths.ndim == 1 and len(lengths) == size
        hint = f" of x ({batch}, {size}, ...); if it is (t, b, ...), pass x.transpose(0, 1)"
        raise ValueError(f"{name}: expected {expected}{hint if time_first else ''}, {got}")
    if len(lengths) == 0 or size == 0:
        raise ValueError(f"{name}: expected at least one sequence of at least one step, {got}")
    lengths = lengths.detach().to("cpu", torch.int64)
    wrong = (lengths < 1) if size is None else (lengths < 1) | (lengths > size)
    if wrong.any():
        row = int(wrong.nonzero()[0])
        limit = "at least 1 step" if size is None else f"1 to {size} steps, as there are"
        got = f"{int(lengths[row])} in row {row}, shape {tuple(lengths.shape)}"
        raise ValueError(f"{name}: expected {limit}, got {got}")
    return lengths


def mask(lengths, size=None):
    """Return (b, t) booleans on the device of ``lengths``: True where a step is real.

    Args:
        lengths: integer tensor (b,), each at least 1.
        size: t, at least the longest length; by default the longest.

    Raises:
        TypeError, ValueError: naming the argument, what came and what was expected.
    """
    size = None if size is None else integer("size", size, minimum=1)
    longest = int(check_lengths(lengths, None, size).max())
    steps = torch.arange(longest if size is None else size, device=lengths.device)
    return steps < lengths[:, None]  # (t,) against (b, 1)


def last(x, lengths):
    """Return x (b, t, d) at the last real step of each row, (b, d).

    Raises:
        TypeError, ValueError: naming the argument, what came and what was expected.
    """
    final = _check_batch(x, lengths).to(x.device) - 1
    return x[torch.arange(len(x), device=x.device), final]


def mean(x, lengths):
    """Return the mean of x (b, t, d) over the real steps of each row, (b, d).

    Raises:
        TypeError, ValueError: naming the argument, what came and what was expected.
    """
    lengths = _check_batch(x, lengths, floating=True).to(x.device)
    # Not x * mask: a NaN in the padding would survive the product, in the gradient too.
    kept = x.masked_fill(~mask(lengths, x.shape[1])[..., None], 0)
    return kept.sum(1) / lengths[:, None]


def pack(x, lengths):
    """Return x (b, t, d) as a PackedSequence, which the layers of ``torch.nn`` run unpadded.

    The rows may be in any order; :func:`unpack` and the layers' final states keep it.

    Raises:
        TypeError, ValueError: naming the argument, what came and what was expected.
    """
    lengths = _check_batch(x, lengths)
    return pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)


def unpack(packed, size=None):
    """Return the padded tensor (b, t, d) of a PackedSequence, with zeros in the padding.

    Args:
        packed: PackedSequence.
        size: t, at least the longest length; by default the longest.

    Raises:
        TypeError, ValueError: naming the argument, what came and what was expected.
    """
    if not isinstance(packed, PackedSequence):
        raise TypeError(f"packed: expected a PackedSequence, got {describe(packed)}")
    if size is not None:
        size = integer("size", size, minimum=len(packed.batch_sizes))
    return pad_packed_sequence(packed, batch_first=True, total_length=size)[0]


def _check_batch(x, lengths, *, floating=False):
    # Return the lengths on the CPU if they fit x (b, t, d).
    arguments.tensor("x", x, ("b", "t", "d"), floating=floating)
    return check_lengths(lengths, x.shape[0], x.shape[1])
