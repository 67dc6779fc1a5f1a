"""One training loop for all pages, resumable."""

import contextlib
import os
import signal
import threading

import torch

from bigmodel_utils import arguments
from bigmodel_utils.arguments import describe, flag, integer, one_of, real
from bigmodel_utils.batches import Batches
from bigmodel_utils.device import choose_device
from bigmodel_utils.evaluation import evaluate
from bigmodel_utils.forward import Forward, precision
from bigmodel_utils.history import Evaluation, History
from bigmodel_utils.optimizers import OPTIMIZERS
from bigmodel_utils.rng import isolated
from bigmodel_utils.run import Run
from bigmodel_utils.schedule import SCHEDULES

__all__ = ["Evaluation", "History", "evaluate", "fit"]

# Its place in torch before 2.5.
_OutOfMemoryError = getattr(torch, "OutOfMemoryError", torch.cuda.OutOfMemoryError)


def fit(
    model,
    train,
    test=None,
    *,
    epochs,
    batch_size=128,
    lr=1e-3,
    weight_decay=0.0,
    optimizer="adamw",
    schedule="one-cycle",
    label_smoothing=0.0,
    augment=None,
    clip_norm=None,
    seed=0,
    device=None,
    dtype=None,
    checkpoint=None,
    checkpoint_every=None,
    progress=True,
    loss=None,
    truncate=None,
    on_step=None,
):
    """Train ``model`` in place and return the History of the run.

    The model is moved to ``device`` and left there in evaluation mode. The order of the examples
    is ``torch.randperm(n, generator=g)`` in every epoch, with ``g`` seeded once by ``seed``; the
    augmentation has a generator of its own; dropout and a Dataset's own transforms draw from the
    global generators, which are seeded by ``seed`` during the run and put back as the caller left
    them. So equal calls give equal weights on a CPU, whatever was drawn before.

    Args:
        model: torch.nn.Module whose outputs are (b, classes), or (b, t, classes) for sequences; a
            pair (output, state) is understood too.
        train: pair of tensors x (n, ...), y (n,) (the fastest: kept on the device whole), a
            map-style Dataset of such pairs, or a DataLoader (with its own order and batch size).
            Sequences of different lengths: a triple (x, lengths, y) or examples of such, with x
            (n, t, ...) padded at the end, lengths (n,) integers, and y (n,), or (n, t) with one
            label a step. The model is called with (x, lengths), x cut to the batch's longest and
            lengths on the CPU, as packing wants them; labels of the padding do not count. A loss
            on other steps than all real ones is a matter for ``loss``.
        test: the same, evaluated after every epoch; or None.
        epochs: passes over the training data.
        batch_size: examples a step. The last batch of an epoch may be smaller; none is dropped.
            The test data are evaluated four times as many at once, at most 1,000.
        lr: learning rate, the highest of the schedule.
        weight_decay: for parameters of two axes or more; biases and gains are left alone.
        optimizer: "adamw"; "sgd" with Nesterov momentum 0.9; or "muon", which takes the weights of
            all nn.Linear but the last one registered and leaves the rest to AdamW, at the same
            rate, see :mod:`bigmodel_utils.muon`.
        schedule: "one-cycle", "cosine", "linear" or "constant", see
            :mod:`bigmodel_utils.schedule`.
        label_smoothing: from 0 to 1, for cross-entropy in training.
        augment: callable (x, generator) -> x, on every training batch (or window). It does not see
            lengths, so it must not move steps.
        clip_norm: upper limit for the norm of the gradient, or None.
        seed: integer, see above.
        device: "cpu", "cuda", ...; by default the fastest at hand.
        dtype: torch.bfloat16 to compute under autocast, torch.float32 not to; by default bfloat16
            where the device has it in hardware and the model is float32 and not tiny.
        checkpoint: path of a file from which an unfinished run goes on, to the same weights on a
            CPU as without the break (one number of threads assumed). It is written after every
            epoch. Called again, a finished run returns at once.
        checkpoint_every: also write it after so many steps.
        progress: show a progress bar.
        loss: callable (output, target) -> scalar, instead of cross-entropy. With lengths and one
            target a step it gets the real steps alone, (steps, ...).
        truncate: steps of a window for truncated back-propagation through time, or None. Then the
            data are pairs x (n, t, ...), y (n, t, ...) of one length; the model is called as
            model(x, state) window by window and returns (output, state); the state is None in
            front of the first window and carried on, detached, to the next. Each window is one
            step of training. Testing runs model(x) on whole sequences.
        on_step: callable (model, step) called after every step, counted from 1 over the whole run,
            to watch it: to sample, to measure, to draw. It cannot change the run by accident: the
            model is in evaluation mode and records no gradients, the random numbers that it draws
            are put back, and its time does not count. After a crash, steps that are done again are
            reported again.

    Returns:
        History. On Ctrl-C the current step is finished, the checkpoint written, and the history so
        far returned with ``interrupted=True``; a second Ctrl-C does not wait for the step.

    Raises:
        TypeError, ValueError: naming the argument, what came and what was expected; ValueError
            also if the checkpoint is of a run with other settings, naming the setting.
        FloatingPointError: if the loss is not finite; the parameters are as before that step.
        RuntimeError: if the device's memory is too small, naming a batch size to try.
    """
    settings = {
        "epochs": integer("epochs", epochs, minimum=1),
        "batch_size": integer("batch_size", batch_size, minimum=1),
        "lr": real("lr", lr, above=0),
        "weight_decay": real("weight_decay", weight_decay, minimum=0),
        "optimizer": one_of("optimizer", optimizer, OPTIMIZERS),
        "schedule": one_of("schedule", schedule, SCHEDULES),
        "label_smoothing": real("label_smoothing", label_smoothing, minimum=0, maximum=1),
        "augment": _name_of("augment", augment),
        "clip_norm": None if clip_norm is None else real("clip_norm", clip_norm, above=0),
        "seed": integer("seed", seed, minimum=0, maximum=2**32 - 1),
        "loss": _name_of("loss", loss),
        "truncate": None if truncate is None else integer("truncate", truncate, minimum=1),
    }
    _name_of("on_step", on_step)
    flag("progress", progress)
    if checkpoint is not None:
        folder = os.path.dirname(os.path.abspath(arguments.path("checkpoint", checkpoint)))
        if not os.path.isdir(folder):
            raise FileNotFoundError(f"checkpoint: expected an existing folder {folder}")
    if checkpoint_every is not None:
        integer("checkpoint_every", checkpoint_every, minimum=1)
        if checkpoint is None:
            raise ValueError("checkpoint_every: expected a checkpoint=path beside it")
    if not isinstance(model, torch.nn.Module):
        raise TypeError(f"model: expected a torch.nn.Module, got {describe(model)}")
    if not any(p.requires_grad for p in model.parameters()):
        raise ValueError("model: expected parameters to train, got none that requires a gradient")
    device = choose_device() if device is None else arguments.device("device", device)
    dtype = precision(model, device, dtype)
    settings["dtype"] = str(dtype)

    memory_ran_out = False
    try:
        with isolated(device, seed), Forward(model.to(device), device, dtype) as forward:
            run = _prepare(forward, train, test, settings, augment, loss, on_step)
            return _drive(run, checkpoint, checkpoint_every, progress)
    except _OutOfMemoryError:
        memory_ran_out = True  # raise below: here the traceback still holds the tensors
    finally:
        run = None
        model.eval()
    assert memory_ran_out
    advice = f"try batch_size={batch_size // 2}" if batch_size > 1 else "try a smaller model"
    raise RuntimeError(f"out of memory on {device} with batch_size={batch_size}: {advice}")


def _prepare(forward, train, test, settings, augment, loss, on_step):
    size = settings["batch_size"]
    options = {"float_dtype": forward.parameter_dtype, "class_labels": loss is None}
    train = Batches(
        "train",
        train,
        size,
        forward.device,
        seed=settings["seed"],
        window=settings["truncate"],
        **options,
    )
    if test is not None:
        options["pairs_only"] = settings["truncate"] is not None
        test = Batches("test", test, min(1000, 4 * size), forward.device, seed=None, **options)
    return Run(forward, train, test, settings, augment=augment, loss=loss, on_step=on_step)


def _drive(run, path, every, progress):
    """Resume ``run`` if ``path`` exists, step it to its end or to Ctrl-C, return its history."""
    if path is not None and os.path.exists(path):
        run.resume(path)
    with _ctrl_c() as asked, _bar(run, progress) as bar:
        try:
            for epoch_ended in run.steps():
                bar.update()
                if epoch_ended:
                    bar.set_postfix(_summary(run.history))
                due = epoch_ended or (every is not None and len(run.history.steps) % every == 0)
                if path is not None and (due or asked.is_set()):
                    run.save(path)
                if asked.is_set():
                    run.history.interrupted = not run.finished
                    break
        except KeyboardInterrupt:  # the second Ctrl-C: amid a step, which is no state to save
            run.history.interrupted = True
    return run.history


@contextlib.contextmanager
def _ctrl_c():
    """Turn the first Ctrl-C into an event, so that a step is never cut in two."""
    asked = threading.Event()
    in_main = threading.current_thread() is threading.main_thread()
    before = signal.getsignal(signal.SIGINT)
    if not in_main or before in (None, signal.SIG_IGN):
        yield asked
        return

    def handler(signum, frame):
        if asked.is_set():
            raise KeyboardInterrupt
        asked.set()

    signal.signal(signal.SIGINT, handler)
    try:
        yield asked
    finally:
        signal.signal(signal.SIGINT, before)


def _bar(run, progress):
    from tqdm.auto import tqdm

    return tqdm(
        total=run.num_steps,
        initial=len(run.history.steps),
        unit="step",
        disable=not progress,
        postfix=_summary(run.history),
    )


def _summary(history):
    if not history.epochs:
        return {}
    last = history.epochs[-1]
    names = ("train_loss", "test_loss", "test_accuracy")
    return {name: f"{last[name]:.3f}" for name in names if last[name] is not None}


def _name_of(argument, function):
    """Return a name for a callable, by which a checkpoint recognises it, or None for None."""
    if function is None:
        return None
    if not callable(function):
        raise TypeError(f"{argument}: expected a callable or None, got {describe(function)}")
    return getattr(function, "__qualname__", type(function).__qualname__)
