"""What a training run and an evaluation hand back: data only, plotting is elsewhere."""

from dataclasses import dataclass, field

import torch

__all__ = ["Evaluation", "History"]

_TIMES = ("seconds", "cpu_seconds")


@dataclass(eq=False, repr=False)
class History:
    """The course of a training run.

    Two histories are equal if all but their times are.

    Attributes:
        steps: number of each step, from 1.
        losses: training loss of each step's batch, before its update.
        learning_rates: learning rate of each step.
        epochs: a dict for each finished epoch: ``epoch`` (from 1), ``train_loss`` (mean over the
            targets that count, while the weights were changing), ``test_loss`` and
            ``test_accuracy`` (None without test data or without classes), ``seconds`` on the wall
            and ``cpu_seconds`` over all threads, both for training alone.
        interrupted: True if the run was stopped by Ctrl-C.
    """

    steps: list = field(default_factory=list)
    losses: list = field(default_factory=list)
    learning_rates: list = field(default_factory=list)
    epochs: list = field(default_factory=list)
    interrupted: bool = False

    @property
    def test_accuracy(self):
        """Test accuracy after the last finished epoch, from 0 to 1, or None."""
        return self.epochs[-1]["test_accuracy"] if self.epochs else None

    @property
    def seconds(self):
        """Seconds of training on the wall, evaluation left out."""
        return sum(epoch["seconds"] for epoch in self.epochs)

    @property
    def cpu_seconds(self):
        """CPU seconds of training over all threads, evaluation left out."""
        return sum(epoch["cpu_seconds"] for epoch in self.epochs)

    def column(self, name):
        """Return the list of ``epoch[name]`` over the finished epochs, for a plot."""
        return [epoch[name] for epoch in self.epochs]

    def __eq__(self, other):
        if not isinstance(other, History):
            return NotImplemented
        return self._without_times() == other._without_times()

    __hash__ = None

    def _without_times(self):
        epochs = [{k: v for k, v in e.items() if k not in _TIMES} for e in self.epochs]
        return self.steps, self.losses, self.learning_rates, epochs, self.interrupted

    def __repr__(self):
        parts = [f"epochs={len(self.epochs)}", f"steps={len(self.steps)}"]
        if self.epochs:
            parts.append(f"train_loss={self.epochs[-1]['train_loss']:.3f}")
        if self.test_accuracy is not None:
            parts.append(f"test_accuracy={self.test_accuracy:.3f}")
        if self.interrupted:
            parts.append("interrupted=True")
        return f"History({', '.join(parts)})"


@dataclass(eq=False, repr=False)
class Evaluation:
    """A model's result on one data set.

    Attributes:
        loss: mean loss over the examples, or over the real steps where y has one target a step,
            without label smoothing and without those whose label is -100.
        accuracy: share of right predictions among the labels other than -100, from 0 to 1, or None
            if the outputs are no classes.
        standard_error: of the accuracy, sqrt(a(1-a)/n) for n independent predictions, or None.
        predictions: (n,) int64 on the CPU, the class of the largest output in the data's order;
            (n, t) for a sequence of outputs, t being the longest sequence's and -1 standing in the
            padding; None if the outputs are no classes.
        probabilities: (n, classes) float32 on the CPU, softmax of the outputs; None for sequences
            and where the outputs are no classes.
    """

    loss: float
    accuracy: float | None
    standard_error: float | None
    predictions: torch.Tensor | None
    probabilities: torch.Tensor | None

    def __repr__(self):
        if self.accuracy is None:
            return f"Evaluation(loss={self.loss:.4f})"
        error = f"{self.standard_error:.4f}"
        return f"Evaluation(loss={self.loss:.4f}, accuracy={self.accuracy:.4f}±{error})"
