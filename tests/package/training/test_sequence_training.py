"""Training on sequences: lengths, masked targets, and truncated back-propagation through time."""

import math
from typing import NamedTuple

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from bigmodel_utils import sequences
from bigmodel_utils.training import evaluate, fit

PLAIN = {"dtype": torch.float32, "device": "cpu", "progress": False, "schedule": "constant"}
N, T, D, CLASSES = 13, 6, 2, 3


def batch(extra=0, fill=0.0, seed=0):
    """Sequences of 1 to T steps, one class each and one class a step."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(N, T, D, generator=generator)
    lengths = torch.arange(N) % T + 1
    classes = torch.randint(0, CLASSES, (N, T), generator=generator)
    x = torch.cat([x, torch.zeros(N, extra, D)], 1)
    classes = torch.cat([classes, torch.zeros(N, extra, dtype=torch.int64)], 1)
    padding = ~sequences.mask(lengths, T + extra)
    return x.masked_fill(padding[..., None], fill), lengths, classes


class Reader(nn.Module):
    """Packs its input; classes from the last state, or one output a step."""

    def __init__(self, every_step=False):
        super().__init__()
        torch.manual_seed(1)
        self.rnn = nn.GRU(D, 4, batch_first=True)
        self.fc = nn.Linear(4, CLASSES)
        self.every_step, self.seen = every_step, []

    def forward(self, x, lengths):
        self.seen.append((x.shape, lengths))
        out, state = self.rnn(sequences.pack(x, lengths))
        return self.fc(sequences.unpack(out, x.shape[1]) if self.every_step else state[0])


class Stream(nn.Module):
    """Takes a state and returns it, as truncated training wants; counts the states it was given."""

    def __init__(self, kind=nn.RNN):
        super().__init__()
        torch.manual_seed(2)
        self.rnn = kind(D, 4, batch_first=True)
        self.fc = nn.Linear(4, CLASSES)
        self.given = []

    def forward(self, x, state=None):
        self.given.append(state)
        out, state = self.rnn(x, state)
        return self.fc(out), state


def weights(model):
    return [v.clone() for v in model.state_dict().values()]


def same(a, b):
    return all(torch.equal(p, q) for p, q in zip(weights(a), weights(b), strict=True))


# Lengths ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("every_step", [False, True])
def test_weights_are_those_of_a_plain_loop_over_sequences_alone(every_step):
    """The oracle sees no padding: each sequence runs through the network by itself."""
    x, lengths, classes = batch(fill=math.nan)
    y = classes if every_step else classes[:, 0]
    model, plain = Reader(every_step), Reader(every_step)
    options = dict(lr=0.1, optimizer="sgd", clip_norm=1.0, seed=3)
    history = fit(model, (x, lengths, y), epochs=2, batch_size=5, **options, **PLAIN)

    optimizer = torch.optim.SGD(plain.parameters(), 0.1, momentum=0.9, nesterov=True)
    order, losses = torch.Generator().manual_seed(3), []
    for _ in range(2):
        for chunk in torch.randperm(N, generator=order).split(5):
            logits, targets = [], []
            for n in chunk.tolist():
                steps = int(lengths[n])
                out, state = plain.rnn(x[n : n + 1, :steps])
                logits.append(plain.fc(out[0] if every_step else state[0]))
                targets.append(y[n, :steps] if every_step else y[n : n + 1])
            loss = F.cross_entropy(torch.cat(logits), torch.cat(targets))
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(plain.parameters(), 1.0)
            optimizer.step()
            losses.append(loss.item())
    assert history.losses == pytest.approx(losses, rel=1e-4)
    for got, expected in zip(weights(model), weights(plain), strict=True):
        torch.testing.assert_close(got, expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("every_step", [False, True])
@pytest.mark.parametrize(("extra", "fill"), [(3, 0.0), (0, 5.0), (4, math.nan)])
def test_padding_never_changes_a_run(every_step, extra, fill):
    runs = []
    for x, lengths, classes in (batch(), batch(extra, fill)):
        y = classes if every_step else classes[:, 0]
        model = Reader(every_step)
        data = (x, lengths, y)
        history = fit(model, data, data, epochs=2, batch_size=4, lr=0.1, **PLAIN)
        runs.append((model, history, evaluate(model, data)))
    (a, history_a, result_a), (b, history_b, result_b) = runs
    assert same(a, b) and history_a == history_b
    assert (result_a.loss, result_a.accuracy) == (result_b.loss, result_b.accuracy)
    assert torch.equal(result_a.predictions, result_b.predictions)


def test_batches_are_cut_to_their_longest_sequence_and_lengths_stay_on_the_cpu():
    x, lengths, classes = batch(extra=5)
    model = Reader()
    fit(model, (x, lengths, classes[:, 0]), epochs=1, batch_size=3, lr=0.1, **PLAIN)
    for shape, given in model.seen:
        assert shape[1] == given.max() and given.device.type == "cpu"
    assert len({shape[1] for shape, _ in model.seen}) > 1


def test_labels_in_the_padding_may_hold_anything():
    x, lengths, classes = batch()
    marked = classes.masked_fill(~sequences.mask(lengths, T), -100)
    models = Reader(True), Reader(True)
    for model, y in zip(models, (classes, marked), strict=True):
        fit(model, (x, lengths, y), epochs=1, batch_size=4, lr=0.1, **PLAIN)
    assert same(*models)
    wrong = classes.clone()
    wrong[4, 0] = CLASSES
    with pytest.raises(ValueError, match="train: expected labels from 0 to 2"):
        fit(Reader(True), (x, lengths, wrong), epochs=1, lr=0.1, **PLAIN)


def test_a_means_weight_is_its_number_of_real_steps():
    x, lengths, classes = batch()
    model = Reader(True).eval()
    result = evaluate(model, (x, lengths, classes), batch_size=4)
    with torch.no_grad():
        output = model(x, lengths)
    real = sequences.mask(lengths, T)
    assert result.loss == pytest.approx(F.cross_entropy(output[real], classes[real]).item())
    hits = output.argmax(-1)[real] == classes[real]
    assert result.accuracy == pytest.approx(hits.double().mean().item())
    a, n = result.accuracy, int(lengths.sum())
    assert result.standard_error == pytest.approx(math.sqrt(a * (1 - a) / n))
    expected = output.argmax(-1).masked_fill(~real, -1)
    assert torch.equal(result.predictions, expected)


def test_a_loss_of_the_callers_sees_real_steps_alone():
    x, lengths, _ = batch(fill=math.nan)
    seen = []

    def loss(output, target):
        seen.append((output.shape, target.shape))
        return ((output - target) ** 2).mean()

    y = torch.randn(N, T, CLASSES)
    history = fit(Reader(True), (x, lengths, y), epochs=1, batch_size=N, lr=0.1, loss=loss, **PLAIN)
    assert seen == [((int(lengths.sum()), CLASSES),) * 2]
    assert math.isfinite(history.losses[0])


@pytest.mark.parametrize("wrap", [TensorDataset, lambda *t: DataLoader(TensorDataset(*t), 4)])
def test_datasets_and_loaders_may_hold_triples(wrap):
    x, lengths, classes = batch()
    result = evaluate(Reader(), (x, lengths, classes[:, 0]))
    got = evaluate(Reader(), wrap(x, lengths, classes[:, 0]))
    assert got.loss == pytest.approx(result.loss) and got.accuracy == result.accuracy


def test_the_mean_over_batches_of_other_widths_counts_steps():
    """Pairs from a loader, one label a step: each step weighs the same."""
    x, _, classes = batch()
    short, long = (x[:4, :2], classes[:4, :2]), (x[4:8], classes[4:8])
    model = Stream().eval()
    loader = DataLoader([0, 1], batch_size=1, collate_fn=lambda rows: (short, long)[rows[0]])
    result = evaluate(model, loader)
    with torch.no_grad():
        logits = torch.cat([model(x)[0].flatten(0, 1) for x, _ in (short, long)])
    targets = torch.cat([y.flatten() for _, y in (short, long)])
    assert result.loss == pytest.approx(F.cross_entropy(logits, targets).item(), rel=1e-5)
    assert result.accuracy == pytest.approx((logits.argmax(1) == targets).double().mean().item())


def test_targets_that_are_a_step_s_in_some_batches_only_are_refused():
    rows = [(torch.zeros(4, t, D), torch.ones(4).long(), torch.zeros(4, 3)) for t in (5, 3)]
    loader = DataLoader(rows, batch_size=None)
    with pytest.raises(ValueError, match=r"data: y has one target a step in some batches"):
        evaluate(Reader(), loader, loss=F.mse_loss)


@pytest.mark.parametrize("kind", [nn.RNN, nn.LSTM, nn.GRU])
def test_a_layer_that_takes_time_first_is_refused(kind):
    x, y = stream()
    with pytest.raises(ValueError, match=r"model: .* takes \(t, b, d\) .*batch_first=True"):
        fit(kind(D, CLASSES), (x, y), epochs=1, batch_size=5, lr=0.1, **PLAIN)
    with pytest.raises(ValueError, match="batch_first=True"):
        evaluate(kind(D, CLASSES), (x, y), batch_size=5)

    class Transposed(nn.Module):
        def __init__(self):
            super().__init__()
            self.rnn = kind(D, CLASSES)

        def forward(self, x):
            return self.rnn(x.transpose(0, 1))[0].transpose(0, 1)

    fit(Transposed(), (x, y), epochs=1, batch_size=5, lr=0.1, **PLAIN)


@pytest.mark.parametrize(
    "augment",
    [lambda x, g: F.pad(x, (0, 0, 1, 0)), lambda x, g: x[:, 1:], lambda x, g: x.sum()],
    ids=["longer", "shorter", "number"],
)
def test_augmentation_must_not_move_the_steps(augment):
    x, lengths, classes = batch()
    with pytest.raises(TypeError, match=r"augment: expected a tensor of 13 examples of 6 steps"):
        fit(Reader(), (x, lengths, classes[:, 0]), epochs=1, augment=augment, **PLAIN)
    with pytest.raises(TypeError, match=r"augment: expected a tensor of 13 examples of 3 steps"):
        fit(Stream(), stream(), epochs=1, augment=augment, truncate=3, **PLAIN)


X, L, Y = torch.zeros(4, 5, 2), torch.tensor([1, 5, 2, 3]), torch.zeros(4, dtype=torch.int64)


@pytest.mark.parametrize(
    ("data", "error", "words"),
    [
        ((X, L - 1, Y), ValueError, "train: lengths: expected 1 to 5 steps.* got 0 in row 0"),
        ((X, L + 1, Y), ValueError, "train: lengths: expected 1 to 5 steps.* got 6 in row 1"),
        ((X, L.float(), Y), TypeError, "train: lengths: expected integers"),
        ((X, L[:3], Y), ValueError, r"train: lengths: expected shape \(4,\)"),
        ((X, L[:, None], Y), ValueError, "train: lengths: expected"),
        (
            (X.transpose(0, 1), L, Y[[0, 1, 2, 3, 0]]),
            ValueError,
            r"\(5,\), one for each row of x .*pass x.transpose",
        ),
        ((X[:, 0, 0], L, Y), ValueError, r"train: expected x \(n, t, ...\)"),
        ((X, L, Y, Y), TypeError, "train: expected a pair of tensors"),
        ((X, Y, L), ValueError, "train: lengths: expected 1 to 5 steps"),
    ],
)
def test_bad_lengths_are_named_before_anything_is_trained(data, error, words):
    model = Reader()
    before = weights(model)
    with pytest.raises(error, match=words):
        fit(model, data, epochs=1, **PLAIN)
    assert all(torch.equal(a, b) for a, b in zip(before, weights(model), strict=True))


def test_one_output_a_sequence_for_one_label_a_step_is_named():
    x, lengths, classes = batch()
    with pytest.raises(ValueError, match=r"model: expected outputs \(13, 6, ...\) for one target"):
        evaluate(Reader(), (x, lengths, classes))


def test_recurrent_models_are_not_rounded_to_bfloat16_by_default(monkeypatch):
    from bigmodel_utils.training import _forward as forward

    monkeypatch.setattr(forward, "number_format", lambda device: torch.bfloat16)
    large = nn.Sequential(nn.Linear(300, 300))
    assert forward.precision(large, "cpu", None) == torch.bfloat16
    assert forward.precision(nn.Sequential(large, nn.LSTM(3, 100)), "cpu", None) == torch.float32
    assert forward.precision(nn.LSTM(3, 100), "cpu", torch.bfloat16) == torch.bfloat16


# Truncated back-propagation through time ----------------------------------------------------------


def stream():
    generator = torch.Generator().manual_seed(5)
    return torch.randn(N, 7, D, generator=generator), torch.randint(
        0, CLASSES, (N, 7), generator=generator
    )


@pytest.mark.parametrize("kind", [nn.RNN, nn.LSTM])
def test_windows_carry_the_state_and_cut_the_gradient(kind):
    x, y = stream()
    model, plain = Stream(kind), Stream(kind)
    options = dict(epochs=2, batch_size=5, lr=0.1, optimizer="sgd", seed=6)
    history = fit(model, (x, y), truncate=3, **options, **PLAIN)

    optimizer = torch.optim.SGD(plain.parameters(), 0.1, momentum=0.9, nesterov=True)
    order, losses, means = torch.Generator().manual_seed(6), [], []
    for _ in range(2):
        total = 0
        for chunk in torch.randperm(N, generator=order).split(5):
            state = None
            for start in (0, 3, 6):  # the last window has one step
                out, state = plain.rnn(x[chunk, start : start + 3], state)
                state = tuple(s.detach() for s in state) if kind is nn.LSTM else state.detach()
                logits, targets = plain.fc(out).flatten(0, 1), y[chunk, start : start + 3]
                loss = F.cross_entropy(logits, targets.flatten())
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                losses.append(loss.item())
                total += loss.item() * targets.numel()
        means.append(total / y.numel())
    assert history.losses == pytest.approx(losses, rel=1e-4)
    assert history.column("train_loss") == pytest.approx(means, rel=1e-4)
    assert len(history.steps) == 2 * 3 * 3
    assert [state is None for state in model.given] == [True, False, False] * 6
    for got, expected in zip(weights(model), weights(plain), strict=True):
        torch.testing.assert_close(got, expected, rtol=1e-4, atol=1e-6)


def test_a_window_over_everything_is_no_truncation():
    x, y = stream()
    models = Stream(), Stream()
    for model, truncate in zip(models, (None, 7), strict=True):
        fit(model, (x, y), epochs=2, batch_size=5, lr=0.1, truncate=truncate, **PLAIN)
    assert same(*models)
    shorter = Stream()
    fit(shorter, (x, y), epochs=2, batch_size=5, lr=0.1, truncate=4, **PLAIN)
    assert not same(shorter, models[0])


def test_testing_runs_whole_sequences():
    x, y = stream()
    model = Stream()
    history = fit(model, (x, y), (x, y), epochs=1, batch_size=5, lr=0.1, truncate=3, **PLAIN)
    with torch.no_grad():
        expected = F.cross_entropy(model(x)[0].flatten(0, 1), y.flatten()).item()
    assert history.epochs[-1]["test_loss"] == pytest.approx(expected, rel=1e-5)
    assert evaluate(model, (x, y)).loss == pytest.approx(expected, rel=1e-5)


class Crash(Exception):
    """What a killed machine does, as far as the files are concerned."""


class CrashingLoss:
    """Cross-entropy that fails at one of its calls."""

    def __init__(self, at=None):
        self.at, self.calls = at, 0

    def __call__(self, output, target):
        self.calls += 1
        if self.calls == self.at:
            raise Crash
        return F.cross_entropy(output.flatten(0, -2), target.flatten())


@pytest.mark.parametrize("at", [2, 3, 4, 9, 10, 11, 18])
@pytest.mark.parametrize("kind", [nn.RNN, nn.LSTM])
def test_a_run_that_died_between_windows_goes_on_with_its_state(tmp_path, at, kind):
    x, y = stream()
    options = dict(epochs=2, batch_size=5, lr=0.1, truncate=3, seed=6, **PLAIN)
    whole = Stream(kind)
    expected = fit(whole, (x, y), loss=CrashingLoss(), **options)
    saved = dict(checkpoint=tmp_path / "run.pt", checkpoint_every=1)
    with pytest.raises(Crash):
        fit(Stream(kind), (x, y), loss=CrashingLoss(at), **options, **saved)
    again, loss = Stream(kind), CrashingLoss()
    history = fit(again, (x, y), loss=loss, **options, **saved)
    assert loss.calls == 18 - (at - 1)
    assert same(again, whole) and history == expected


def test_a_run_on_lengths_that_died_goes_on(tmp_path):
    x, lengths, classes = batch()
    options = dict(epochs=2, batch_size=4, lr=0.1, **PLAIN)
    whole = Reader(True)
    expected = fit(whole, (x, lengths, classes), loss=CrashingLoss(), **options)
    saved = dict(checkpoint=tmp_path / "run.pt", checkpoint_every=1)
    with pytest.raises(Crash):
        fit(Reader(True), (x, lengths, classes), loss=CrashingLoss(6), **options, **saved)
    again = Reader(True)
    history = fit(again, (x, lengths, classes), loss=CrashingLoss(), **options, **saved)
    assert same(again, whole) and history == expected
    with pytest.raises(ValueError, match="checksum of lengths is"):
        other = lengths.flip(0)
        fit(Reader(True), (x, other, classes), loss=CrashingLoss(), **options, **saved)
    with pytest.raises(ValueError, match="truncate is 2 in this call and was None"):
        fit(Stream(), (x, classes), loss=CrashingLoss(), truncate=2, **options, **saved)


class NoState(Stream):
    def forward(self, x, state=None):
        return super().forward(x, state)[0]


class Pair(NamedTuple):
    h: torch.Tensor
    c: torch.Tensor


class NamedState(Stream):
    def forward(self, x, state=None):
        return super().forward(x, None)[0], Pair(x, x)


class OddState(Stream):
    def forward(self, x, state=None):
        return super().forward(x, None)[0], {"h": x}


LOADER = DataLoader(TensorDataset(*stream()))


def test_lengths_in_the_test_data_of_windows_are_refused():
    """They would be taken for a state."""
    with pytest.raises(ValueError, match="test: truncate needs pairs"):
        fit(Stream(), stream(), batch(), epochs=1, truncate=3, **PLAIN)


@pytest.mark.parametrize(
    ("model", "data", "options", "error", "words"),
    [
        (Stream, stream(), {"truncate": 0}, ValueError, "truncate: expected an integer of at"),
        (Stream, stream(), {"truncate": 2.0}, TypeError, "truncate: expected an integer"),
        (NoState, stream(), {"truncate": 3}, TypeError, r"expected a pair \(output, state\)"),
        (OddState, stream(), {"truncate": 3}, TypeError, "model: expected a state of tensors"),
        (NamedState, stream(), {"truncate": 3}, TypeError, "model: expected a state of tensors"),
        (Stream, batch(), {"truncate": 3}, ValueError, "train: truncate needs a pair of tensors"),
        (Stream, LOADER, {"truncate": 3}, ValueError, "train: truncate needs a pair of tensors"),
        (Stream, (stream()[0], Y[[0] * N]), {"truncate": 3}, ValueError, "one target a step"),
    ],
)
def test_bad_windows_are_named(model, data, options, error, words):
    with pytest.raises(error, match=words):
        fit(model(), data, epochs=1, lr=0.1, **options, **PLAIN)
