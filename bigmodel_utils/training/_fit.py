"""One training loop for all pages, resumable."""

import os

import torch

from bigmodel_utils import arguments
from bigmodel_utils.arguments import flag, integer
from bigmodel_utils.device import at_hand, choose_device
from bigmodel_utils.random_state import isolated
from bigmodel_utils.training._batches import Batches
from bigmodel_utils.training._drive import drive
from bigmodel_utils.training._evaluation import check_model, evaluate
from bigmodel_utils.training._forward import Forward, precision
from bigmodel_utils.training._history import Evaluation, History
from bigmodel_utils.training._ranks import joined
from bigmodel_utils.training._run import Run
from bigmodel_utils.training._settings import Settings, check_callable

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
    betas=(0.9, 0.999),
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
    micro_batch_size=None,
    on_step=None,
    sharded=False,
):
    """Train ``model`` in place and return the History of the run.

    Under ``torchrun``, or in a process group that the caller made, all processes (ranks) train one
    model together. Every rank makes the same call. It takes its rows of each batch, so that
    ``batch_size`` is that of all ranks, and gradients are averaged over all targets that count.
    The weights are those of one process up to rounding, but where a model looks at the batch as a
    whole or draws numbers: batch norm and dropout see a rank's own rows, and ``augment`` draws
    anew in each. An error has a note that names the rank.

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
            lengths on the CPU, as packing wants them; labels of the padding do not count. Nor does
            a class label of -100, as in torch's cross-entropy: a mean is over the labels that
            count, and a batch without any has loss 0 and no gradient. Floating-point x becomes the
            model's dtype, integers of other dtypes than int32 become int64, batch by batch.
        test: the same, evaluated after every epoch; or None.
        epochs: passes over the training data.
        batch_size: examples a step. The last batch of an epoch may be smaller; none is dropped.
            The test data are evaluated four times as many at once, at most 1,000.
        lr: learning rate, the highest of the schedule.
        weight_decay: for parameters of two axes or more; biases and gains are left alone.
        optimizer: "adamw"; "sgd" with Nesterov momentum 0.9; or "muon", which takes the weights of
            all nn.Linear but the last one registered and leaves the rest to AdamW, at the same
            rate, see :class:`bigmodel_utils.optim.Muon`. Or a callable (model, lr) -> optimizer
            with torch's methods and ``param_groups``, which sets its own weight decay:
            ``lambda model, lr: torch.optim.RMSprop(model.parameters(), lr)``. A group that it
            starts at another rate than ``lr`` keeps that factor to the schedule's rate.
        betas: of AdamW, as in torch.
        schedule: "one-cycle", "cosine", "linear" or "constant"; ``WarmUp(steps, floor=...)``; or
            any callable (step, num_steps, lr) -> rate, step counted from 0, see
            :class:`bigmodel_utils.training.WarmUp`.
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
            epoch. Called again, a finished run returns at once. Other settings or data are refused;
            callables are told apart by name, a functools.partial and a frozen dataclass with a
            ``__call__`` by what they hold, too.
            Several ranks write a folder instead, on a disk that all see, which any number of ranks
            goes on from; one process does, too, and one process's file serves several ranks.
        checkpoint_every: also write it after so many steps.
        progress: show a progress bar, on rank 0.
        loss: callable (output, target) -> scalar, instead of cross-entropy. With lengths and one
            target a step it gets the real steps alone, (steps, ...). Means of several batches are
            weighted by the number of targets, whatever their values.
        truncate: steps of a window for truncated back-propagation through time, or None. Then the
            data are pairs x (n, t, ...), y (n, t, ...) of one length; the model is called as
            model(x, state) window by window and returns (output, state); the state is None in
            front of the first window and carried on, detached, to the next. Each window is one
            step of training. Testing runs model(x) on whole sequences.
        micro_batch_size: examples in memory at a time, or None for the batch whole. The gradient
            of a step is added up from pieces of so many, each weighted by its targets that count:
            that of the whole batch, up to rounding, if the loss is a mean over targets. The steps
            and their order stay the same, and the norm is clipped at the end. Batch norm and
            dropout see the pieces. Not with ``truncate``. Test batches follow it.
        on_step: callable (model, step) called after every step, counted from 1 over the whole run,
            to watch it: to sample, to measure, to draw. It cannot change the run by accident: the
            model is in evaluation mode and records no gradients, the random numbers that it draws
            are put back, and its time does not count. After a crash, steps that are done again are
            reported again. Every rank calls it, as a sharded model answers only to all at once.
        sharded: True to keep on each rank only its share of the parameters, gradients and the
            optimizer's numbers (FSDP2) instead of a replica of all (DistributedDataParallel). The
            optimizer must work element by element or be "muon". ``model`` gets the whole weights
            at the end. Alone it changes nothing.

    Returns:
        History. On Ctrl-C the current step is finished, the checkpoint written, and the history so
        far returned with ``interrupted=True``; a second Ctrl-C does not wait for the step.

    Raises:
        TypeError, ValueError: naming the argument, what came and what was expected; ValueError
            also if the checkpoint is of a run with other settings, naming the setting.
        FloatingPointError: if the loss is not finite; the parameters are as before that step.
        RuntimeError: if the device's memory is too small, naming a batch size to try.
    """
    check_model(model)
    if not any(p.requires_grad for p in model.parameters()):
        raise ValueError("model: expected parameters to train, got none that requires a gradient")
    check_callable("on_step", on_step)
    flag("progress", progress)
    _check_checkpoint(checkpoint, checkpoint_every)
    device = choose_device() if device is None else at_hand("device", device)
    ranks = joined(device, sharded=flag("sharded", sharded))
    device = ranks.device
    dtype = precision(model, device, dtype)
    settings = Settings(
        epochs=epochs,
        batch_size=batch_size,
        lr=lr,
        weight_decay=weight_decay,
        optimizer=optimizer,
        betas=betas,
        schedule=schedule,
        label_smoothing=label_smoothing,
        augment=augment,
        clip_norm=clip_norm,
        seed=seed,
        loss=loss,
        truncate=truncate,
        micro_batch_size=micro_batch_size,
        dtype=str(dtype),
    )

    memory_ran_out = False
    try:
        trained = ranks.shards(model.to(device)) if ranks.sharded else model.to(device)
        own_seed = ranks.seed(settings.seed)
        with isolated(device, own_seed), Forward(trained, device, dtype, ranks) as forward:
            run = _prepare(forward, train, test, settings, on_step)
            history = drive(run, checkpoint, checkpoint_every, progress and ranks.rank == 0)
            if ranks.sharded:
                ranks.gather(trained, model)
            return history
    except _OutOfMemoryError:
        memory_ran_out = True  # raise below: here the traceback still holds the tensors
    except Exception as error:
        if not ranks.alone:
            error.add_note(ranks.blame(error))
        raise
    finally:
        run = None
        model.eval()
    assert memory_ran_out
    raise RuntimeError(f"out of memory on {device} with {_advice(settings)}")


def _check_checkpoint(path, every):
    if path is not None:
        folder = os.path.dirname(os.path.abspath(arguments.path("checkpoint", path)))
        if not os.path.isdir(folder):
            raise FileNotFoundError(f"checkpoint: expected an existing folder {folder}")
        if path == "" or _is_another_folder(path):
            raise IsADirectoryError(
                f"checkpoint: expected a file, found the folder {path!r}, which is no checkpoint "
                "of several processes"
            )
    if every is not None:
        integer("checkpoint_every", every, minimum=1)
        if path is None:
            raise ValueError("checkpoint_every: expected a checkpoint=path beside it")


def _is_another_folder(path):
    # Not a checkpoint of several ranks, whole or not, nor the place for one.
    path = os.path.abspath(path)
    found = os.listdir(path) if os.path.isdir(path) else []
    return any(not name.startswith("step-") for name in found)


def _advice(settings):
    name, size, micro = "batch_size", settings.batch_size, settings.micro_batch_size
    if micro is not None and micro < size:
        name, size = "micro_batch_size", micro
    # Smaller pieces make the same steps, a smaller batch others.
    other = "micro_batch_size" if settings.truncate is None else "batch_size"
    advice = f"try {other}={size // 2}" if size > 1 else "try a smaller model"
    return f"{name}={size}: {advice}"


def _prepare(forward, train, test, settings, on_step):
    size, seed, window = settings.batch_size, settings.seed, settings.truncate
    options = {"float_dtype": forward.parameter_dtype, "class_labels": settings.loss is None}
    options["ranks"] = forward.ranks
    train = Batches("train", train, size, forward.device, seed=seed, window=window, **options)
    if test is not None:
        size = min(1000, 4 * min(size, settings.micro_batch_size or size))
        options["pairs_only"] = window is not None
        test = Batches("test", test, size, forward.device, seed=None, **options)
    return Run(forward, train, test, settings, on_step=on_step)
