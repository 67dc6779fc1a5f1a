"""Checks of class labels, and of what an embedding gets, before a model sees them."""

from bigmodel_utils import sequences
from bigmodel_utils.training._batch import IGNORED, one_target_a_step
from bigmodel_utils.training._integers import outside

__all__ = ["check_ahead", "check_labels", "counted_labels"]


def check_labels(batches, y, num_classes):
    """ValueError unless the labels ``y`` of a batch are from 0 to ``num_classes - 1``.

    The label -100 is left out. Tensors are checked whole, once; then this costs nothing.
    """
    if batches.tensors is not None:
        if batches.classes_checked == num_classes:
            return
        y, batches.classes_checked = counted_labels(batches.tensors), num_classes
    found = outside(y, num_classes, IGNORED)
    if found is not None:
        raise ValueError(
            f"{batches.name}: expected labels from 0 to {num_classes - 1}, as the model has "
            f"{num_classes} outputs, or {IGNORED} for one that does not count, got labels from "
            f"{found[0]} to {found[1]}"
        )


def check_ahead(batches, num_classes, num_rows):
    """Check tensors before they are used: labels, and integers that an embedding gets.

    Args:
        num_classes: of the model, or None if labels are no classes.
        num_rows: of the embedding that gets x, infinite or None if none is known.
    """
    if batches.tensors is not None and num_classes is not None:
        check_labels(batches, None, num_classes)
    x = batches.whole_x
    if x is not None and not x.is_floating_point() and num_rows is not None:
        batches.embeddings.check(x, num_rows)


def counted_labels(tensors):
    """Return the labels of ``(x, y, lengths)`` but those in the padding, which may be anything."""
    x, y, lengths = tensors
    if lengths is None or not one_target_a_step(x, y):
        return y
    return y.long()[sequences.mask(lengths, y.shape[1]).to(y.device)]
