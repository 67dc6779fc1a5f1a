"""The state of one training run: its step, and what a checkpoint must hold to go on with it."""

import math
import threading

import torch

from bigmodel_utils.arguments import describe
from bigmodel_utils.device import Stopwatch
from bigmodel_utils.modules import evaluating
from bigmodel_utils.random_state import Streams
from bigmodel_utils.training._batch import IGNORED
from bigmodel_utils.training._evaluation import (
    batch_loss,
    call_model,
    evaluate_batches,
    without_state,
)
from bigmodel_utils.training._history import History
from bigmodel_utils.training._labels import check_ahead
from bigmodel_utils.training._optimizers import make_optimizer
from bigmodel_utils.training._resume import fingerprint
from bigmodel_utils.training._schedule import learning_rate

__all__ = ["Run"]


class Run:
    """A run of ``training.fit``: iterate over :meth:`steps`.

    Args:
        forward: the model's Forward.
        train, test: Batches; test may be None.
        settings: Settings.
        on_step: callable or None.
    """

    def __init__(self, forward, train, test, settings, *, on_step=None):
        self.forward, model = forward, forward.model
        self.model, self.train, self.test = model, train, test
        self.settings, self.on_step = settings, on_step
        self.optimizer = make_optimizer(model, settings)
        # A group that an optimizer of the caller's own starts at k lr stays at k times the rate.
        self.factors = [float(group["lr"]) / settings.lr for group in self.optimizer.param_groups]
        self.ranks = train.ranks
        seed = self.ranks.seed(settings.seed)
        self.augment_generator = torch.Generator(train.device).manual_seed(seed)
        generators = [self.augment_generator, *train.generators]
        self.streams = Streams(train.device, generators)
        self.num_steps = settings.epochs * train.num_batches
        self.history = History()
        self.epoch = self.batch = 0  # the next batch to train on
        self.loss_sum = self.examples = 0
        self.state = None  # of a model that carries one from window to window
        self.entered = None  # the random states where the epoch began
        self.resumed = None  # the random states amid a resumed epoch
        self.test_checked = False
        self.asked = threading.Event()  # to stop after the step
        self.stop = False  # a rank was asked to

    @property
    def finished(self):
        """True after the last epoch."""
        return self.epoch == self.settings.epochs

    def start(self):
        """Hold against each other what all ranks must have in common, and share rank 0's weights.

        Raises:
            ValueError: naming a setting, data or parameters that differ.
        """
        shapes = {n: [list(p.shape), str(p.dtype)] for n, p in self.model.named_parameters()}
        self.ranks.expect_same({**fingerprint(self), "model": shapes})
        if not self.ranks.sharded:
            self.ranks.copy_first([*self.model.parameters(), *self.model.buffers()])

    def steps(self):
        """Train; yield after every step: True if it ended an epoch, which is then evaluated."""
        while not self.finished:
            self.model.train()
            watch, self.aside = Stopwatch(self.train.device), [0.0, 0.0]
            with watch:
                for batch in self._enter_epoch():
                    self._step(batch)
                    if self.on_step is not None:
                        self._call_on_step()
                    self.batch += 1
                    if self.batch < self.train.num_batches:
                        yield False
            self._end_epoch(watch)
            yield True

    def _enter_epoch(self):
        if self.batch == 0:
            self.entered = self.streams.state()
            return self.train.epoch(self.epoch)
        # Replay how the epoch began, so that a DataLoader draws the same order again.
        self.streams.restore(self.entered)
        batches = self.train.epoch(self.epoch, self.batch)
        self.streams.restore(self.resumed)
        return batches

    def _step(self, batch):
        settings, done = self.settings, len(self.history.steps)
        step = min(done, self.num_steps - 1)  # a loader may give more batches than its length
        lr = learning_rate(settings.schedule, step, self.num_steps, settings.lr)
        for group, factor in zip(self.optimizer.param_groups, self.factors, strict=True):
            group["lr"] = lr * factor
        if settings.augment is not None:
            batch = batch._replace(x=self._augmented(batch))
        self.optimizer.zero_grad()
        value = 0.0
        pieces = self.train.pieces(batch, settings.micro_batch_size)
        for number, piece in enumerate(pieces, start=1):
            # A piece's loss is the mean over its own targets: weighted, they add up to the batch's.
            share = piece.weight / batch.total if batch.total else 1.0
            with self.forward.syncing(number == len(pieces)):
                value += share * self._add_gradient(piece, share, lr)
        value, asked = self.ranks.sum(value, self.asked.is_set())
        self.stop = bool(asked)
        if settings.clip_norm is not None:
            torch.nn.utils.clip_grad_norm_(self.model.parameters(), settings.clip_norm)
        self.optimizer.step()
        self.history.steps.append(done + 1)
        self.history.losses.append(value)
        self.history.learning_rates.append(lr)
        self.loss_sum += value * batch.total
        self.examples += batch.total

    def _add_gradient(self, batch, share, lr):
        # Add `share` of the gradient of the batch's mean loss to the parameters'; return the loss.
        settings, output = self.settings, self._output(batch)
        loss = batch_loss(self.train, output, batch, settings.loss, settings.label_smoothing)
        value = loss.item()
        if not math.isfinite(value):
            raise FloatingPointError(
                f"step {len(self.history.steps) + 1} (epoch {self.epoch + 1}): the loss is {value} "
                f"at learning rate {lr:.3g}. Try lr={settings.lr / 10:.1g}, clip_norm=1.0 or "
                "dtype=torch.float32, and look for NaN in the data"
            )
        if not loss.requires_grad:
            raise ValueError(
                "loss: expected one that depends on the model's parameters, got one without a "
                "gradient"
            )
        if self.test is not None and not self.test_checked:
            classes = output.shape[-1] if settings.loss is None else None
            check_ahead(self.test, classes, self.train.embeddings.rows)
            self.test_checked = True
        share *= self.ranks.size  # over which the gradients are averaged
        (loss if share == 1 else share * loss).backward()
        return value

    @torch.no_grad()
    def _call_on_step(self):
        watch = Stopwatch(self.train.device)
        with watch, evaluating(self.model):
            before = self.streams.state()
            try:
                self.on_step(self.model, len(self.history.steps))
            finally:
                self.streams.restore(before)
        self.aside[0] += watch.seconds
        self.aside[1] += watch.cpu_seconds

    def _output(self, batch):
        whole = self.train.whole_x if self.settings.augment is None else None
        if self.settings.truncate is None:
            inputs = batch.inputs
        else:
            inputs = batch.x, None if batch.first else self.state
        output = call_model(self.forward, self.train, *inputs, whole=whole)
        if self.settings.truncate is None:
            return without_state(output)
        if not isinstance(output, tuple) or len(output) != 2:
            raise TypeError(
                "model: expected a pair (output, state) back from model(x, state), as truncate is "
                f"given, got {describe(output)}"
            )
        # The gradient ends here; the numbers go on into the next window.
        self.state = _detached(output[1])
        return output[0]

    def _augmented(self, batch):
        result = self.settings.augment(batch.x, self.augment_generator)
        steps = batch.lengths is not None or self.settings.truncate is not None
        kept = batch.x.shape[: 2 if steps else 1]
        if not isinstance(result, torch.Tensor) or result.shape[: len(kept)] != kept:
            size = f"{kept[0]} examples" + (f" of {kept[1]} steps" if steps else "")
            raise TypeError(f"augment: expected a tensor of {size} back, got {describe(result)}")
        return result.to(self.train.float_dtype) if result.is_floating_point() else result

    def _end_epoch(self, watch):
        self.ranks.copy_first(self.model.buffers())  # each rank's are of its own rows
        result = None
        if self.test is not None:
            result = evaluate_batches(self.forward, self.test, self.settings.loss)
        if self.examples == 0:
            raise ValueError(f"train: expected a label that counts, got {IGNORED} alone")
        self.epoch, self.batch = self.epoch + 1, 0
        self.history.epochs.append(
            {
                "epoch": self.epoch,
                "train_loss": self.loss_sum / self.examples,
                "test_loss": None if result is None else result.loss,
                "test_accuracy": None if result is None else result.accuracy,
                "seconds": watch.seconds - self.aside[0],
                "cpu_seconds": watch.cpu_seconds - self.aside[1],
            }
        )
        self.loss_sum = self.examples = 0


def _detached(state):
    if isinstance(state, torch.Tensor):
        return state.detach()
    if type(state) in (tuple, list):  # what a checkpoint can hold
        return type(state)(_detached(part) for part in state)
    got = describe(state)
    raise TypeError(f"model: expected a state of tensors, in tuples or lists, got {got}")
