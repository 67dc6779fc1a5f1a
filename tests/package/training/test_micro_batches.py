"""Batches in pieces and labels that do not count: means over targets, never means of means."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from bigmodel_utils import sequences
from bigmodel_utils.models import GPT, MLP
from bigmodel_utils.training import _evaluation as evaluation
from bigmodel_utils.training import evaluate, fit
from bigmodel_utils.training._batches import Batches

N, T, D, CLASSES = 13, 6, 2, 3
PLAIN = {"device": "cpu", "progress": False}
IGNORED = -100


def draw(seed=0):
    return torch.Generator().manual_seed(seed)


def rows(n=N, features=5):
    x = torch.randn(n, features, generator=draw(), dtype=torch.float64)
    return x, torch.randint(0, CLASSES, (n,), generator=draw(1))


def steps():
    """x (n, t, d), lengths (n,) and one class a step."""
    x = torch.randn(N, T, D, generator=draw(2), dtype=torch.float64)
    return x, torch.arange(N) % T + 1, torch.randint(0, CLASSES, (N, T), generator=draw(3))


def some_ignored(y, share=0.4):
    """The same labels, some of them -100: an unequal number in each batch."""
    return y.masked_fill(torch.rand(y.shape, generator=draw(4)) < share, IGNORED)


class Reader(nn.Module):
    """One output a step, or one a sequence; takes lengths."""

    def __init__(self, every_step=True):
        super().__init__()
        torch.manual_seed(1)
        self.rnn = nn.GRU(D, 4, batch_first=True)
        self.fc = nn.Linear(4, CLASSES)
        self.every_step = every_step

    def forward(self, x, lengths):
        out, state = self.rnn(sequences.pack(x, lengths))
        return self.fc(sequences.unpack(out, x.shape[1]) if self.every_step else state[0])


class PerStep(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(1)
        self.fc = nn.Sequential(nn.Linear(D, 7), nn.Tanh(), nn.Linear(7, CLASSES))
        self.seen = []

    def forward(self, x):
        self.seen.append(len(x))
        return self.fc(x)


class Segmenter(nn.Module):
    """A class for each pixel: outputs (b, h, w, classes)."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(1)
        self.conv = nn.Conv2d(2, CLASSES, 3, padding=1)

    def forward(self, x):
        return self.conv(x).permute(0, 2, 3, 1)


def mlp():
    torch.manual_seed(1)
    return MLP([5, 7, CLASSES])


def pixels():
    x = torch.randn(N, 2, 4, 5, generator=draw(5), dtype=torch.float64)
    return x, torch.randint(0, CLASSES, (N, 4, 5), generator=draw(6))


X, LENGTHS, Y = steps()
CASES = {
    "classes": (mlp, rows()),
    "classes, some -100": (mlp, (rows()[0], some_ignored(rows()[1]))),
    "steps": (PerStep, (X, Y)),
    "steps, some -100": (PerStep, (X, some_ignored(Y))),
    "lengths": (Reader, (X, LENGTHS, Y)),
    "lengths, some -100": (Reader, (X, LENGTHS, some_ignored(Y))),
    "lengths, one class": (lambda: Reader(False), (X, LENGTHS, Y[:, 0])),
    "lengths, one class, some -100": (lambda: Reader(False), (X, LENGTHS, some_ignored(Y[:, 0]))),
    "pixels": (Segmenter, pixels()),
    "pixels, some -100": (Segmenter, (pixels()[0], some_ignored(pixels()[1]))),
}


def weights(model):
    return [v.clone() for v in model.state_dict().values()]


def same(a, b):
    return all(torch.equal(p, q) for p, q in zip(weights(a), weights(b), strict=True))


def close(a, b):
    for p, q in zip(weights(a), weights(b), strict=True):
        torch.testing.assert_close(p, q, rtol=1e-10, atol=1e-12)


def gradients(model, data, **options):
    """The gradients of every step, as the optimizer meets them, and the History."""
    seen = []

    class Recording(torch.optim.SGD):
        def step(self):
            seen.append([p.grad.clone() for p in self.param_groups[0]["params"]])
            super().step()

    history = fit(
        model, data, epochs=2, batch_size=5, lr=0.1, seed=3,
        optimizer=lambda m, lr: Recording(m.parameters(), lr), **options, **PLAIN,
    )  # fmt: skip
    return seen, history


# Micro-batches ------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("size", [1, 2, 4])
@pytest.mark.parametrize("options", [{}, {"clip_norm": 0.1, "label_smoothing": 0.2}])
def test_the_gradient_of_a_step_is_that_of_the_whole_batch(case, size, options):
    """13 examples in batches of 5, 5 and 3, cut into pieces that do not divide them."""
    make, data = CASES[case]
    whole, pieces = make().double(), make().double()
    expected, history = gradients(whole, data, **options)
    got, other = gradients(pieces, data, micro_batch_size=size, **options)
    assert len(got) == len(expected) == 6
    assert all(max(q.abs().max() for q in steps) > 1e-4 for steps in zip(*expected, strict=True))
    for a, b in zip(got, expected, strict=True):
        for p, q in zip(a, b, strict=True):
            torch.testing.assert_close(p, q, rtol=1e-10, atol=1e-13)
    close(whole, pieces)
    assert other.losses == pytest.approx(history.losses, rel=1e-12)
    assert other.column("train_loss") == pytest.approx(history.column("train_loss"), rel=1e-12)


def test_the_first_gradient_is_that_of_the_formula():
    """Apart from this loop: the sum over the real, counted steps of a batch over their number."""
    data = (X, LENGTHS, some_ignored(Y))
    got, _ = gradients(Reader().double(), data, micro_batch_size=2)
    plain = Reader().double()
    chunk = torch.randperm(N, generator=draw(3))[:5]
    total, number = 0.0, 0
    for n in chunk.tolist():
        out = plain.fc(plain.rnn(X[n : n + 1, : LENGTHS[n]])[0][0])
        for step, label in enumerate(data[2][n, : LENGTHS[n]].tolist()):
            if label != IGNORED:
                total, number = total - out[step].log_softmax(0)[label], number + 1
    (total / number).backward()
    for p, q in zip(got[0], plain.parameters(), strict=True):
        torch.testing.assert_close(p, q.grad, rtol=1e-10, atol=1e-13)


def test_the_model_never_sees_more_than_a_piece():
    model = PerStep().double()
    fit(model, (X, Y), (X, Y), epochs=1, batch_size=5, micro_batch_size=2, lr=0.1, **PLAIN)
    assert model.seen[:8] == [2, 2, 1, 2, 2, 1, 2, 1]
    assert max(model.seen[8:]) == 8  # the test data, four times as many


@pytest.mark.parametrize("wrap", [TensorDataset, lambda *t: DataLoader(TensorDataset(*t), 5)])
def test_datasets_and_loaders_come_in_pieces_too(wrap):
    data = (X, LENGTHS, some_ignored(Y))
    whole, pieces = Reader().double(), Reader().double()
    expected, _ = gradients(whole, wrap(*data))
    got, _ = gradients(pieces, wrap(*data), micro_batch_size=3)
    close(whole, pieces)
    assert len(got) == len(expected)


def test_the_augmentation_sees_the_batch_whole():
    def noisy(x, generator):
        seen.append(len(x))
        return x + torch.randn(x.shape, generator=generator, dtype=x.dtype)

    seen, whole, pieces = [], PerStep().double(), PerStep().double()
    gradients(whole, (X, Y), augment=noisy)
    gradients(pieces, (X, Y), augment=noisy, micro_batch_size=2)
    assert seen == [5, 5, 3] * 4
    close(whole, pieces)


def test_a_loss_of_the_callers_that_is_a_mean():
    y = torch.randn(N, T, CLASSES, generator=draw(8), dtype=torch.float64)
    whole, pieces = Reader().double(), Reader().double()
    gradients(whole, (X, LENGTHS, y), loss=F.mse_loss)
    gradients(pieces, (X, LENGTHS, y), loss=F.mse_loss, micro_batch_size=2)
    close(whole, pieces)


def test_targets_of_a_sequence_that_look_like_one_a_step_in_a_piece():
    """y (n, 4) for sequences of up to 6 steps: a piece may be cut to 4 steps."""
    lengths = torch.tensor([6, 4, 3, 4, 2, 4, 1, 4, 3, 5, 4, 4, 2])
    y = torch.randn(N, 4, generator=draw(9), dtype=torch.float64)

    def mse(output, target):
        return F.mse_loss(output[:, :1] * torch.ones_like(target), target)

    whole, pieces = Reader(False).double(), Reader(False).double()
    gradients(whole, (X, lengths, y), loss=mse)
    gradients(pieces, (X, lengths, y), loss=mse, micro_batch_size=2)
    close(whole, pieces)


def test_a_piece_as_large_as_the_batch_changes_no_bit():
    whole, pieces = PerStep().double(), PerStep().double()
    expected, _ = gradients(whole, (X, Y))
    gradients(pieces, (X, Y), micro_batch_size=5)
    assert same(whole, pieces) and len(expected) == 6


@pytest.mark.parametrize("at", [2, 3, 4])
def test_a_run_in_pieces_that_stopped_goes_on_bit_for_bit(tmp_path, at):
    class Stop(Exception):
        pass

    def stop(model, step):
        if step == at:
            raise Stop

    def gpt(seed):
        torch.manual_seed(seed)
        return GPT(7, context=T, d_model=8, num_layers=1, num_heads=2, dropout=0.3)

    tokens = torch.randint(0, 7, (N, T), generator=draw())
    options = dict(epochs=2, batch_size=5, micro_batch_size=2, lr=0.05, clip_norm=0.5, **PLAIN)
    data, path = (tokens, some_ignored(tokens)), tmp_path / "run.pt"
    whole, again = gpt(0), gpt(1)
    history = fit(whole, data, data, **options)
    with pytest.raises(Stop):
        fit(gpt(0), data, data, checkpoint=path, checkpoint_every=1, on_step=stop, **options)
    assert fit(again, data, data, checkpoint=path, **options) == history and same(whole, again)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"batch_size": 64}, "with batch_size=64: try micro_batch_size=32$"),
        ({"batch_size": 64, "micro_batch_size": 8}, "micro_batch_size=8: try micro_batch_size=4$"),
        ({"batch_size": 4, "micro_batch_size": 8}, "with batch_size=4: try micro_batch_size=2$"),
        ({"batch_size": 64, "micro_batch_size": 1}, "micro_batch_size=1: try a smaller model$"),
        ({"batch_size": 8, "truncate": 2}, "with batch_size=8: try batch_size=4$"),
    ],
)
def test_out_of_memory_advises_what_leaves_the_steps_as_they_are(options, words):
    class Hungry(PerStep):
        def forward(self, x, state=None):
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 TiB")

    with pytest.raises(RuntimeError, match=words):
        fit(Hungry().double(), (X, Y), epochs=1, **options, **PLAIN)


def test_a_loss_that_is_not_finite_in_one_piece_stops_the_step():
    x = X.clone()
    x[torch.randperm(N, generator=draw(0))[4], 1, 0] = math.nan  # the last of the first batch
    model = PerStep().double()
    with pytest.raises(FloatingPointError, match="step 1 "):
        fit(model, (x, Y), epochs=1, batch_size=5, micro_batch_size=2, seed=0, **PLAIN)
    assert same(model, PerStep().double())


# Labels that do not count -------------------------------------------------------------------------


def forward_of(model, data):
    """All outputs, and the labels that are real, at once."""
    x, *lengths, y = data
    with torch.no_grad():
        output = model(x, *lengths)
    if lengths and y.ndim > 1:
        real = sequences.mask(lengths[0], y.shape[1])
        return output[real], y[real]
    return output, y


@pytest.mark.parametrize("case", [case for case in CASES if "-100" in case])
@pytest.mark.parametrize("batch_size", [1, 2, 5, 100])
def test_evaluation_is_torch_s_cross_entropy_over_all_data(case, batch_size):
    make, data = CASES[case]
    model = make().double().eval()
    output, y = forward_of(model, data)
    counts = y != IGNORED
    assert 0 < int(counts.sum()) < counts.numel()
    expected = F.cross_entropy(output.flatten(0, -2), y.flatten()).item()  # ignores -100 by itself
    right = (output.argmax(-1) == y)[counts].double()
    result = evaluate(model, data, batch_size=batch_size)
    assert result.loss == pytest.approx(expected, rel=1e-12)
    assert result.accuracy == pytest.approx(right.mean().item(), rel=1e-12)
    a = result.accuracy
    assert result.standard_error == pytest.approx(math.sqrt(a * (1 - a) / len(right)))
    loader = DataLoader(TensorDataset(*data), batch_size)
    other = evaluate(model, loader)
    assert other.loss == pytest.approx(expected, rel=1e-12) and other.accuracy == result.accuracy
    # Predictions are for all examples, whatever their labels.
    kept = data[-1].masked_fill(data[-1] == IGNORED, 0)
    unmarked = evaluate(model, (*data[:-1], kept), batch_size=batch_size)
    assert torch.equal(result.predictions, unmarked.predictions)
    assert torch.equal(result.predictions, other.predictions)
    if result.probabilities is not None:
        assert torch.equal(result.probabilities, unmarked.probabilities)


@pytest.mark.parametrize("case", [case for case in CASES if "-100" in case])
def test_the_history_is_a_mean_over_the_labels_that_count(case):
    make, data = CASES[case]
    model = make().double()
    history = fit(
        model, data, data, epochs=1, batch_size=4, optimizer="sgd", schedule="constant", lr=1e-300,
        **PLAIN,
    )  # fmt: skip
    output, y = forward_of(model, data)  # the weights have not moved
    expected = F.cross_entropy(output.flatten(0, -2), y.flatten()).item()
    record = history.epochs[0]
    assert record["train_loss"] == pytest.approx(expected, rel=1e-12)
    assert record["test_loss"] == pytest.approx(expected, rel=1e-12)
    hits = (output.argmax(-1) == y)[y != IGNORED].double().mean().item()
    assert record["test_accuracy"] == pytest.approx(hits)


def test_a_labelled_part_trains_as_it_does_alone():
    """One batch: gradients of examples without a label are zero."""
    x, y = rows()
    marked = some_ignored(y)
    kept = marked != IGNORED
    options = dict(epochs=5, batch_size=N, lr=0.1, label_smoothing=0.1, **PLAIN)
    part, whole = mlp().double(), mlp().double()
    first = fit(part, (x[kept], y[kept]), **options)
    second = fit(whole, (x, marked), **options)
    close(part, whole)
    assert first.losses == pytest.approx(second.losses, rel=1e-12)


def in_order(x, y, size):
    """Tensors whose first batches, in the order of seed 0, are those of x and y as they stand."""
    place = torch.randperm(len(x), generator=draw(0)).argsort()
    return x[place], y[place]


@pytest.mark.parametrize("wrap", [in_order, lambda x, y, n: DataLoader(TensorDataset(x, y), n)])
@pytest.mark.parametrize("micro", [None, 2])
def test_a_batch_without_a_label_has_loss_0_and_moves_nothing(wrap, micro):
    x, marked = rows(12)
    marked[4:8] = IGNORED
    marked[9] = IGNORED
    data = wrap(x, marked, 4)
    model, seen = mlp().double(), []
    history = fit(
        model, data, epochs=1, batch_size=4, micro_batch_size=micro, optimizer=lambda m, lr:
        torch.optim.SGD(m.parameters(), lr), lr=0.1, label_smoothing=0.1, seed=0,
        on_step=lambda m, step: seen.append(weights(m)), **PLAIN,
    )  # fmt: skip
    assert len(history.losses) == 3 and history.losses[1] == 0
    assert all(math.isfinite(loss) and loss > 0 for loss in (history.losses[0], history.losses[2]))
    assert all(torch.equal(a, b) for a, b in zip(seen[0], seen[1], strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(seen[1], seen[2], strict=True))
    mean = (4 * history.losses[0] + 3 * history.losses[2]) / 7
    assert history.epochs[0]["train_loss"] == pytest.approx(mean, rel=1e-12)


def test_windows_of_a_truncated_run_count_their_own_labels():
    class Stream(nn.Module):
        def __init__(self):
            super().__init__()
            torch.manual_seed(2)
            self.rnn, self.fc = nn.RNN(D, 4, batch_first=True), nn.Linear(4, CLASSES)

        def forward(self, x, state=None):
            out, state = self.rnn(x, state)
            return self.fc(out), state

    marked = some_ignored(Y)
    marked[:, 2:4] = IGNORED  # a window without a label
    history = fit(Stream().double(), (X, marked), (X, marked), epochs=1, batch_size=N, truncate=2,
                  optimizer="sgd", schedule="constant", lr=1e-300, **PLAIN)  # fmt: skip
    assert history.losses[1] == 0 and len(history.losses) == 3
    record = history.epochs[0]
    assert record["train_loss"] == pytest.approx(record["test_loss"], rel=1e-9)


ALONE = torch.full((N,), IGNORED)


@pytest.mark.parametrize(
    ("y", "words"),
    [
        (ALONE, "a label that counts, got -100 alone"),
        (rows()[1].masked_fill(rows()[1] == 0, -1), "labels from 0 to 2, .* -100 .*from -1 to 2"),
        (rows()[1].masked_fill(rows()[1] == 0, -101), "labels from 0 to 2, .*from -101 to 2"),
        (some_ignored(rows()[1] + 1), "labels from 0 to 2, .*from 1 to 3"),
        (some_ignored(rows()[1] - 1), "labels from 0 to 2, .*from -1 to 1"),
    ],
)
@pytest.mark.parametrize(
    "wrap", [lambda *t: t, TensorDataset, lambda *t: DataLoader(TensorDataset(*t), N)]
)
def test_other_labels_are_errors_as_before(y, words, wrap):
    data = wrap(rows()[0], y)
    with pytest.raises(ValueError, match=f"^train: expected {words}"):
        fit(mlp().double(), data, epochs=1, **PLAIN)
    with pytest.raises(ValueError, match=f"^data: expected {words}"):
        evaluate(mlp().double(), data)
    with pytest.raises(ValueError, match=f"^test: expected {words}"):
        fit(mlp().double(), rows(), data, epochs=1, **PLAIN)


def test_tensors_without_a_label_are_told_before_a_step():
    for data in [((rows()[0], ALONE), rows()), (rows(), (rows()[0], ALONE))]:
        with pytest.raises(ValueError, match=r"^(train|test): expected a label that counts"):
            fit(mlp().double(), *data, epochs=1, on_step=lambda *_: pytest.fail("a step"), **PLAIN)


def test_labels_of_the_test_data_are_told_before_an_epoch_is_spent():
    model = mlp().double()
    with pytest.raises(ValueError, match=r"^test: expected labels from 0"):
        fit(model, rows(), (rows()[0], rows()[1] + 1), epochs=9, **PLAIN)
    assert same(model, mlp().double())


def test_a_loss_of_the_callers_weighs_all_targets_and_the_accuracy_leaves_them_out():
    x, y = rows()
    marked, seen = some_ignored(y), []

    def loss(output, target):
        seen.append(int((target == IGNORED).sum()))
        return F.cross_entropy(output, target)

    model = mlp().double()
    result = evaluate(model, (x, marked), loss=loss, batch_size=5)
    plain = evaluate(model, (x, marked), batch_size=5)
    assert sum(seen) == int((marked == IGNORED).sum()) > 0
    assert result.accuracy == plain.accuracy
    means = [F.cross_entropy(model(x[i : i + 5]), marked[i : i + 5]) for i in (0, 5, 10)]
    expected = sum(m.item() * n for m, n in zip(means, (5, 5, 3), strict=True)) / N
    assert result.loss == pytest.approx(expected, rel=1e-12)


def test_a_byte_that_would_wrap_to_such_a_label_counts():
    """156 is -100 modulo 256."""
    x, y = torch.eye(200, dtype=torch.float64)[[156, 3, 156]], torch.tensor([156, 3, 7])
    result = evaluate(
        nn.Identity(), (x, y.to(torch.uint8)), loss=lambda o, t: F.cross_entropy(o, t.long())
    )
    assert result.accuracy == pytest.approx(2 / 3)
    assert result.predictions.tolist() == [156, 3, 156]


def test_data_without_such_labels_are_not_counted_batch_by_batch(monkeypatch):
    """On a GPU each count would wait for the device."""
    batches = Batches("train", rows(), 5, torch.device("cpu"), float_dtype=torch.float64,
                      seed=0, class_labels=True)  # fmt: skip
    monkeypatch.setattr(torch.Tensor, "sum", lambda *_: pytest.fail("counted"))
    assert [batch.weight for batch in batches.epoch()] == [5, 5, 3]


def test_the_loss_of_nothing_has_a_gradient_of_zeros():
    x, _ = rows(4)
    batches = Batches("train", rows(), 5, torch.device("cpu"), float_dtype=torch.float64,
                      seed=0, class_labels=True)  # fmt: skip
    batch = next(iter(batches.epoch()))._replace(x=x, y=ALONE[:4], weight=0)
    output = x[:, :3].clone().requires_grad_()
    value = evaluation.batch_loss(batches, output, batch, label_smoothing=0.3)
    value.backward()
    assert value.item() == 0 and torch.equal(output.grad, torch.zeros_like(output))
