"""Loss, accuracy and predictions of a model on a data set."""

import math

import torch
import torch.nn.functional as F

from bigmodel_utils import arguments
from bigmodel_utils.arguments import describe, integer
from bigmodel_utils.device import at_hand
from bigmodel_utils.modules import device_of, evaluating
from bigmodel_utils.random_state import isolated
from bigmodel_utils.training._batch import IGNORED
from bigmodel_utils.training._batches import Batches
from bigmodel_utils.training._forward import Forward, precision
from bigmodel_utils.training._history import Evaluation
from bigmodel_utils.training._labels import check_labels
from bigmodel_utils.training._settings import check_callable

__all__ = [
    "batch_loss",
    "call_model",
    "check_model",
    "evaluate",
    "evaluate_batches",
    "without_state",
]


def evaluate(model, data, *, batch_size=1000, device=None, dtype=None, loss=None):
    """Return loss, accuracy and predictions of ``model`` on ``data``, in evaluation mode.

    The model's mode, the global random numbers and the weights stay as they were.

    Args:
        model: torch.nn.Module whose outputs are (b, classes), or (b, t, classes) for sequences; a
            pair (output, state) is understood too.
        data: pair of tensors x (n, ...), y (n,), or triple (x, lengths, y) as in
            :func:`bigmodel_utils.training.fit`; or a Dataset or DataLoader of such examples. A
            label of -100 does not count.
        batch_size: examples at a time; memory and speed only.
        device: where to compute and where the model is moved; by default where it is.
        dtype: torch.bfloat16 or torch.float32, by default the device's fast format, as in
            :func:`bigmodel_utils.training.fit`.
        loss: callable (output, target) -> scalar; cross-entropy by default. The mean over the
            batches is weighted by their targets.

    Returns:
        Evaluation: predictions are in the order of the data (a shuffling loader's: its own).

    Raises:
        TypeError, ValueError: naming the argument, what came and what was expected.
    """
    check_model(model)
    integer("batch_size", batch_size, minimum=1)
    check_callable("loss", loss)
    if device is None:
        device = device_of(model)
    device = at_hand("device", device)
    dtype = precision(model, device, dtype)
    model.to(device)
    with isolated(device), Forward(model, device, dtype) as forward:
        batches = Batches(
            "data",
            data,
            batch_size,
            device,
            float_dtype=forward.parameter_dtype,
            seed=None,
            class_labels=loss is None,
        )
        return evaluate_batches(forward, batches, loss)


@torch.no_grad()
def evaluate_batches(forward, batches, loss=None):
    """Return the Evaluation of a model's :class:`Forward` on prepared ``batches``.

    Loss and accuracy are those of all ranks, predictions those of this one's rows.
    """
    total, count, predictions, probabilities, right, answers = 0.0, 0, [], [], 0, 0
    with evaluating(forward.model):
        for batch in batches.epoch():
            output = call_model(forward, batches, *batch.inputs, whole=batches.whole_x)
            output = without_state(output)
            total += batch_loss(batches, output, batch, loss).item() * batch.weight
            count += batch.weight
            for_company = batch.weight == 0 < batch.total  # another rank's row
            if for_company or not _holds_classes(output, batch.y):
                continue
            labels = batch.y.long()
            hits, counts = output.argmax(-1) == labels, labels != IGNORED
            if batch.real is not None:
                hits, counts = hits[batch.real], counts[batch.real]
            hits = hits[counts]
            right += int(hits.sum())
            answers += hits.numel()
            predictions.append(_predictions(output, batch.real))
            if output.ndim == 2:
                probabilities.append(output.float().softmax(-1).cpu())
    total, count, right, answers = batches.ranks.sum(total, count, right, answers)
    if count == 0:
        raise ValueError(f"{batches.name}: expected a label that counts, got {IGNORED} alone")
    accuracy = right / answers if answers else None
    return Evaluation(
        loss=total / count,
        accuracy=accuracy,
        standard_error=math.sqrt(accuracy * (1 - accuracy) / answers) if answers else None,
        predictions=_joined(predictions) if predictions else None,
        probabilities=torch.cat(probabilities) if probabilities else None,
    )


def call_model(forward, batches, x, *rest, whole=None):
    """Return what the model gives for x and ``rest``; an error in it tells the batch, too.

    Args:
        forward: the model's Forward.
        batches: where x is from.
        x: of one batch.
        whole: all of x that there is, if known, for a check of what an embedding gets.
    """
    try:
        with batches.embeddings.calling(forward.model, x, whole):
            return forward(x, *rest)
    except Exception as error:
        error.add_note(f"{batches.name}: the model was called with x, {describe(x)}")
        raise


def check_model(model):
    """TypeError or ValueError unless ``model`` is a module whose parameters have values."""
    arguments.module("model", model)
    for name, p in model.named_parameters():
        if torch.nn.parameter.is_lazy(p):
            raise ValueError(
                f"model: expected parameters with a shape, but {name!r} gets it in the first call; "
                "call the model once on a batch"
            )
        if p.is_meta:
            raise ValueError(
                f"model: expected parameters with values, but {name!r} is on the device 'meta'"
            )


def batch_loss(batches, output, batch, loss=None, label_smoothing=0.0):
    """Return the mean loss of one batch: ``loss(output, y)``, or cross-entropy if it is None.

    Outputs are taken to single precision first. With one target a step, only real steps count:
    output and y are then those of the real steps, (steps, ...). Cross-entropy leaves the label
    -100 out; without any other the loss is 0. Labels are checked against the outputs.

    Raises:
        TypeError, ValueError: naming the data set and the shapes.
    """
    if not isinstance(output, torch.Tensor):
        raise TypeError(f"model: expected a tensor as its output, got {describe(output)}")
    if output.dtype in (torch.bfloat16, torch.float16):
        output = output.float()
    y = batch.y
    if batch.real is not None:
        if output.shape[:2] != y.shape[:2]:
            raise ValueError(
                f"model: expected outputs ({y.shape[0]}, {y.shape[1]}, ...) for one target a step, "
                f"got {tuple(output.shape)}"
            )
        output, y = output[batch.real], y[batch.real]
    if loss is not None:
        value = loss(output, y)
        if not isinstance(value, torch.Tensor) or value.ndim or value.is_complex():
            raise ValueError(f"loss: expected a scalar tensor, got {describe(value)}")
        return value
    if not _holds_classes(output, y):
        raise ValueError(
            f"{batches.name}: expected labels (b,) for outputs (b, classes), got labels "
            f"{tuple(batch.y.shape)} for outputs {tuple(output.shape)}"
        )
    check_labels(batches, y, output.shape[-1])
    return F.cross_entropy(
        output.flatten(0, -2),
        y.flatten(),
        label_smoothing=label_smoothing,
        ignore_index=IGNORED,
        reduction="mean" if batch.weight else "sum",  # the mean of nothing is NaN
    )


def without_state(output):
    """Return the output of a model that returned it alone or as a pair ``(output, state)``."""
    pair = isinstance(output, tuple) and len(output) == 2
    return output[0] if pair and isinstance(output[0], torch.Tensor) else output


def _holds_classes(output, y):
    integers = not y.is_floating_point() and not y.is_complex()
    return integers and output.ndim >= 2 and output.shape[:-1] == y.shape


def _predictions(output, real):
    classes = output.argmax(-1)
    return (classes if real is None else classes.masked_fill(~real, -1)).cpu()


def _joined(predictions):
    # Batches are as wide as their longest sequence.
    if predictions[0].ndim != 2:
        return torch.cat(predictions)
    width = max(part.shape[1] for part in predictions)
    return torch.cat([F.pad(part, (0, width - part.shape[1]), value=-1) for part in predictions])
