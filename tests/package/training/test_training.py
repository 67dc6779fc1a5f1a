"""The training loop against loops written by hand, and its words for what goes wrong."""

import math
import signal

import numpy
import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset

from bigmodel_utils.models import MLP, ArticleCNN, RecognitionCNN
from bigmodel_utils.training import _forward as forward
from bigmodel_utils.training import evaluate, fit, learning_rate

FLOAT = {"dtype": torch.float32, "device": "cpu", "progress": False}


def rows(n, features=6, classes=3, seed=0):
    """Rows whose class is a linear function of them."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(n, features, generator=generator)
    directions = torch.randn(features, classes, generator=torch.Generator().manual_seed(99))
    return x, (x @ directions).argmax(1)


def images(n, c=1, h=8, w=12, classes=3, seed=0):
    x, y = rows(n, c * h * w, classes, seed)
    return x.reshape(n, c, h, w), y


def mlp(seed=0):
    torch.manual_seed(seed)
    return MLP([6, 9, 3])


def cnn(seed=0, **options):
    torch.manual_seed(seed)
    return RecognitionCNN(image_size=(8, 12), num_classes=3, channels=(4, 5), **options)


def weights(model):
    return [v.clone() for v in model.state_dict().values()]


def same(a, b):
    return all(torch.equal(p, q) for p, q in zip(weights(a), weights(b), strict=True))


# A loop written by hand -------------------------------------------------------------------------


@pytest.mark.parametrize("make", [mlp, cnn])
def test_weights_equal_those_of_a_plain_loop(make):
    """Unequal last batch, one-cycle rate, smoothing, decay and clipping included."""
    x, y = rows(53) if make is mlp else images(53)
    epochs, size = 3, 8
    model = make()
    history = fit(
        model, (x, y), epochs=epochs, batch_size=size, lr=0.01, weight_decay=0.1,
        label_smoothing=0.1, clip_norm=0.5, seed=5, **FLOAT,
    )  # fmt: skip

    plain = make().to(memory_format=torch.channels_last)
    order = torch.Generator().manual_seed(5)
    optimizer = torch.optim.AdamW(
        [
            {"params": [p for p in plain.parameters() if p.ndim > 1], "weight_decay": 0.1},
            {"params": [p for p in plain.parameters() if p.ndim == 1], "weight_decay": 0.0},
        ],
        lr=0.01,
        fused=True,
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=0.01, total_steps=epochs * 7, cycle_momentum=False
    )
    losses, rates, means = [], [], []
    for _ in range(epochs):
        total = 0
        for chunk in torch.randperm(len(x), generator=order).split(size):
            loss = F.cross_entropy(plain(x[chunk]), y[chunk], label_smoothing=0.1)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(plain.parameters(), 0.5)
            optimizer.step()
            losses.append(loss.item())
            rates.append(optimizer.param_groups[0]["lr"])
            total += loss.item() * len(chunk)
            if len(rates) < epochs * 7:
                schedule.step()
        means.append(total / len(x))
    assert history.learning_rates == pytest.approx(rates, rel=1e-12)
    # Rates that differ in the last bit are allowed to move the weights in theirs.
    for got, expected in zip(weights(model), weights(plain), strict=True):
        assert torch.allclose(got, expected, rtol=1e-5, atol=1e-7)
    assert history.losses == pytest.approx(losses, rel=1e-5)
    assert history.column("train_loss") == pytest.approx(means, rel=1e-5)
    assert history.steps == list(range(1, 22))


def test_weights_are_bit_equal_at_a_constant_rate():
    x, y = images(50)
    model, plain = cnn(), cnn().to(memory_format=torch.channels_last)
    fit(model, (x, y), epochs=2, batch_size=16, lr=0.05, schedule="constant", optimizer="sgd",
        augment=lambda x, g: x + torch.randn(x.shape, generator=g), seed=7, **FLOAT)  # fmt: skip
    optimizer = torch.optim.SGD(plain.parameters(), 0.05, momentum=0.9, nesterov=True, fused=True)
    order, noise = (torch.Generator().manual_seed(7) for _ in range(2))
    for _ in range(2):
        for chunk in torch.randperm(50, generator=order).split(16):
            batch = x[chunk] + torch.randn(x[chunk].shape, generator=noise)
            optimizer.zero_grad()
            F.cross_entropy(plain(batch), y[chunk]).backward()
            optimizer.step()
    assert same(model, plain)


def test_dropout_draws_from_the_seed_of_the_run():
    x, y = images(40)
    model, plain = cnn(dropout=0.5), cnn(dropout=0.5).to(memory_format=torch.channels_last)
    fit(model, (x, y), epochs=1, batch_size=10, lr=0.1, schedule="constant", optimizer="sgd",
        seed=3, **FLOAT)  # fmt: skip
    optimizer = torch.optim.SGD(plain.parameters(), 0.1, momentum=0.9, nesterov=True, fused=True)
    order = torch.Generator().manual_seed(3)
    torch.manual_seed(3)
    for chunk in torch.randperm(40, generator=order).split(10):
        optimizer.zero_grad()
        F.cross_entropy(plain(x[chunk]), y[chunk]).backward()
        optimizer.step()
    assert same(model, plain)


def warm_up_and_decay(optimizer, steps):
    """A fiftieth of the steps upwards, in whole steps, then down to 0 after the last."""
    up, line = steps // 50, torch.optim.lr_scheduler.LinearLR
    down = line(optimizer, start_factor=1, end_factor=0, total_iters=steps - up)
    if up == 0:
        return down
    for group in optimizer.param_groups:
        group["lr"] = group["initial_lr"]
    rise = line(optimizer, start_factor=1 / (up + 1), end_factor=1, total_iters=up)
    return torch.optim.lr_scheduler.SequentialLR(optimizer, [rise, down], milestones=[up])


@pytest.mark.parametrize("steps", [1, 2, 3, 4, 7, 49, 50, 100, 370])
def test_schedules_are_torch_s(steps):
    for name, make in {
        "one-cycle": lambda o: torch.optim.lr_scheduler.OneCycleLR(
            o, max_lr=0.3, total_steps=steps, cycle_momentum=False
        ),
        "cosine": lambda o: torch.optim.lr_scheduler.CosineAnnealingLR(o, T_max=steps),
        "constant": lambda o: torch.optim.lr_scheduler.ConstantLR(o, factor=1),
        "linear": lambda o: warm_up_and_decay(o, steps),
    }.items():
        if name == "one-cycle" and steps < 4:  # torch divides by zero or starts at the top
            continue
        optimizer = torch.optim.SGD([nn.Parameter(torch.ones(1))], lr=0.3)
        schedule = make(optimizer)
        for step in range(steps):
            got = learning_rate(name, step, steps, 0.3)
            assert got == pytest.approx(optimizer.param_groups[0]["lr"], rel=1e-9, abs=1e-12)
            optimizer.step()
            if step < steps - 1:
                schedule.step()


@pytest.mark.parametrize("steps", [1, 2, 3, 5])
def test_one_cycle_of_very_short_runs_stays_in_range(steps):
    rates = [learning_rate("one-cycle", step, steps, 0.3) for step in range(steps)]
    assert all(0 < rate <= 0.3 for rate in rates)
    assert max(rates) > 0.1


@pytest.mark.parametrize("steps", [1, 10, 49, 50, 51, 1000])
def test_a_linear_schedule_reaches_the_rate_once_and_ends_near_zero(steps):
    rates = [learning_rate("linear", step, steps, 0.3) for step in range(steps)]
    assert rates.count(0.3) == 1 == rates.count(max(rates)) and min(rates) > 0
    assert rates.index(0.3) == steps // 50  # a short run has no warm-up
    assert rates[-1] <= 0.3 / (steps - steps // 50) * 1.001


# Data ---------------------------------------------------------------------------------------------


class Rows(Dataset):
    def __init__(self, x, y, transform=None):
        self.x, self.y, self.transform = x, y, transform

    def __len__(self):
        return len(self.x)

    def __getitem__(self, i):
        x = self.x[i]
        return (self.transform(x) if self.transform else x), int(self.y[i])


class Listlike:
    """Map-style without being a Dataset."""

    def __init__(self, x, y):
        self.pairs = list(zip(x.numpy(), y.tolist(), strict=True))

    def __len__(self):
        return len(self.pairs)

    def __getitem__(self, i):
        return self.pairs[i]


@pytest.mark.parametrize("wrap", [TensorDataset, Rows, Listlike, lambda x, y: [x, y.int()]])
def test_a_dataset_trains_as_tensors_do(wrap):
    train, test = rows(45), rows(31, seed=1)
    expected, model = mlp(), mlp()
    first = fit(expected, train, test, epochs=2, batch_size=8, lr=0.03, **FLOAT)
    second = fit(model, wrap(*train), wrap(*test), epochs=2, batch_size=8, lr=0.03, **FLOAT)
    assert same(model, expected)
    assert first == second


def test_a_loader_keeps_its_own_order_and_batch_size():
    train = TensorDataset(*rows(45))
    model, plain = mlp(), mlp()
    loader = DataLoader(train, batch_size=9, shuffle=True, generator=torch.Generator())
    loader.generator.manual_seed(4)
    history = fit(model, loader, rows(31, seed=1), epochs=2, lr=0.1, schedule="constant",
                  optimizer="sgd", **FLOAT)  # fmt: skip
    assert len(history.steps) == 2 * 5
    loader.generator.manual_seed(4)
    optimizer = torch.optim.SGD(plain.parameters(), 0.1, momentum=0.9, nesterov=True, fused=True)
    for _ in range(2):
        for x, y in loader:
            optimizer.zero_grad()
            F.cross_entropy(plain(x), y).backward()
            optimizer.step()
    assert same(model, plain)


def test_the_mean_of_an_epoch_weighs_batches_by_their_size():
    x = torch.zeros(5, 2)
    x[0] = 1
    y = torch.zeros(5, dtype=torch.long)
    history = fit(
        nn.Linear(2, 2), (x, y), epochs=1, batch_size=4, lr=1e-9,
        loss=lambda output, target: len(target) + 0 * output.sum(), **FLOAT,
    )  # fmt: skip
    assert history.losses == [4.0, 1.0]
    assert history.epochs[0]["train_loss"] == (4 * 4 + 1 * 1) / 5


class Stream(IterableDataset):
    def __iter__(self):
        return iter([])


X, Y = rows(12)
NO_LENGTH = type("NoLength", (Dataset,), {"__getitem__": lambda self, i: (X[i], Y[i])})()
TRIPLES = type("Triples", (Dataset,), {"__len__": lambda s: 4, "__getitem__": lambda s, i: (X[i],)})


@pytest.mark.parametrize(
    ("data", "error", "words"),
    [
        ((X, Y[:5]), ValueError, r"train: expected as many labels .*\(12, 6\) and y \(5,\)"),
        ((X[:0], Y[:0]), ValueError, "train: expected at least one example"),
        ((X, Y.float()), TypeError, r"train: expected class indices .*float32 tensor of shape"),
        ((X, Y.bool()), TypeError, "train: expected class indices"),
        ((X, F.one_hot(Y)), ValueError, r"train: expected labels \(b,\).*\(8, 3\)"),
        ((X, Y + 1), ValueError, "train: expected labels from 0 to 2.*from 1 to 3"),
        ((X, Y - 1), ValueError, "train: expected labels from 0 to 2.*from -1 to 1"),
        (Rows(X, Y + 1), ValueError, "train: expected labels from 0 to 2"),
        (Rows(X[:0], Y[:0]), ValueError, "train: expected at least one example"),
        (DataLoader(Rows(X, Y + 1), batch_size=8), ValueError, "train: expected labels from 0"),
        (Stream(), TypeError, "train: expected .*map-style.*Stream"),
        (DataLoader(Stream()), TypeError, "train: expected .*map-style.*Stream"),
        (NO_LENGTH, TypeError, "train: expected .*__len__"),
        (TRIPLES(), TypeError, r"train: expected pairs \(x, y\)"),
        (X, TypeError, "train: expected a pair"),
        ((X,), TypeError, "train: expected a pair of tensors"),
        ((X, Y, Y), ValueError, "train: lengths: expected 1 to 6 steps"),
        ((X, Y, Y, Y), TypeError, "train: expected a pair of tensors"),
        ((X.numpy(), Y), TypeError, "train: expected a pair of tensors"),
        ((torch.tensor(1.0), Y), ValueError, "train: expected x"),
        ((X.to("meta"), Y), ValueError, "train: expected tensors with values"),
        ((X, Y.to("meta")), ValueError, "train: expected tensors with values"),
        (None, TypeError, "train: expected a pair"),
    ],
)
def test_bad_data_is_named(data, error, words):
    model = mlp()
    before = weights(model)
    with pytest.raises(error, match=words):
        fit(model, data, epochs=1, batch_size=8, **FLOAT)
    assert all(torch.equal(a, b) for a, b in zip(before, weights(model), strict=True))


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has the device")
@pytest.mark.parametrize("device", ["cuda", "cuda:3", torch.device("cuda")])
def test_a_device_that_is_not_there_is_named_with_those_that_are(device):
    model = mlp()
    words = r"^device: expected one of the devices of this machine, 'cpu'.* got .*cuda.*, which is"
    with pytest.raises(ValueError, match=words):
        fit(model, (X, Y), epochs=1, device=device, progress=False)
    with pytest.raises(ValueError, match=words):
        evaluate(model, (X, Y), device=device)
    assert same(model, mlp())


def test_augmentation_may_give_another_format():
    first, second = mlp(), mlp()
    fit(first, (X, Y), epochs=1, augment=lambda x, g: x + 1, **FLOAT)
    fit(second, (X, Y), epochs=1, augment=lambda x, g: x.double() + 1, **FLOAT)
    assert same(first, second)


def test_bad_test_data_is_named_before_anything_is_trained():
    model = mlp()
    with pytest.raises(ValueError, match="test: expected as many labels"):
        fit(model, (X, Y), (X, Y[:3]), epochs=1, **FLOAT)
    assert same(model, mlp())


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"epochs": 0}, ValueError, "epochs"),
        ({"epochs": 1.5}, TypeError, "epochs"),
        ({"batch_size": 0}, ValueError, "batch_size"),
        ({"batch_size": "8"}, TypeError, "batch_size"),
        ({"lr": 0}, ValueError, "lr"),
        ({"lr": math.inf}, ValueError, "lr"),
        ({"weight_decay": -0.1}, ValueError, "weight_decay"),
        ({"optimizer": "adam"}, ValueError, "optimizer: expected one of 'adamw', 'muon', 'sgd'"),
        ({"schedule": "line"}, ValueError, "schedule: expected one of 'constant'"),
        ({"label_smoothing": 1.1}, ValueError, "label_smoothing"),
        ({"clip_norm": 0}, ValueError, "clip_norm"),
        ({"augment": "shift"}, TypeError, "augment: expected a callable"),
        ({"augment": lambda x, g: x[:1]}, TypeError, "augment: expected a tensor of 8 examples"),
        ({"loss": 3}, TypeError, "loss: expected a callable"),
        ({"loss": lambda o, y: o.sum() * 1j}, ValueError, "loss: expected a scalar tensor, got a"),
        ({"loss": lambda o, y: torch.tensor(1.0)}, ValueError, "loss: .* without a gradient"),
        ({"loss": lambda o, y: (o.argmax(1) == y).sum()}, ValueError, "loss: .* without a grad"),
        ({"loss": lambda o, y: o.sum().item()}, ValueError, "loss: expected a scalar tensor, got"),
        ({"device": "meta"}, ValueError, "device: expected one of the devices of this machine, 'c"),
        ({"device": "xla"}, ValueError, "device: expected one of .*'cpu'.*, got str 'xla', which"),
        ({"checkpoint": ""}, IsADirectoryError, "checkpoint: expected a file, found the folder ''"),
        ({"checkpoint": "/"}, IsADirectoryError, "checkpoint: expected a file, found the folder"),
        ({"loss": lambda output, y: output}, ValueError, "loss: expected a scalar"),
        ({"seed": -1}, ValueError, "seed"),
        ({"dtype": torch.float16}, ValueError, "dtype"),
        ({"progress": 1}, TypeError, "progress"),
        ({"checkpoint": 3}, TypeError, "checkpoint: expected a path, got int 3"),
        ({"checkpoint_every": 0}, ValueError, "checkpoint_every"),
        ({"checkpoint_every": 5}, ValueError, "checkpoint=path"),
    ],
)
def test_bad_arguments_are_named(options, error, words):
    with pytest.raises(error, match=words):
        fit(mlp(), (X, Y), **{"epochs": 1, "batch_size": 8, **FLOAT, **options})


class Triple(nn.Linear):
    def __init__(self):
        super().__init__(6, 3)

    def forward(self, x):
        return super().forward(x), x, x


@pytest.mark.parametrize(
    ("model", "error", "words"),
    [
        ("mlp", TypeError, "model: expected a torch.nn.Module"),
        (nn.ReLU(), ValueError, "model: expected parameters"),
        (nn.Linear(6, 3).requires_grad_(False), ValueError, "model: expected parameters"),
        (Triple(), TypeError, "model: expected a tensor as its output, got tuple"),
        (mlp().to("meta"), ValueError, "model: .*'layers.0.weight' is on the device 'meta'"),
        (nn.LazyLinear(3), ValueError, "model: .*'weight' gets it in the first call"),
    ],
)
def test_a_bad_model_is_named(model, error, words):
    with pytest.raises(error, match=words):
        fit(model, (X, Y), epochs=1, **FLOAT)


# Random numbers, number format, memory order ------------------------------------------------------


def test_the_caller_s_random_numbers_neither_matter_nor_change():
    train = Rows(*images(30), transform=lambda x: x * float(numpy.random.rand()))  # noqa: NPY002
    results = []
    for disturbance in (1, 2):
        model = cnn(dropout=0.3)
        torch.manual_seed(disturbance)
        numpy.random.seed(disturbance)  # noqa: NPY002
        expected = torch.rand(3), numpy.random.rand(3)  # noqa: NPY002
        torch.manual_seed(disturbance)
        numpy.random.seed(disturbance)  # noqa: NPY002
        history = fit(model, train, images(9), epochs=2, batch_size=7, **FLOAT)
        evaluate(model, train)
        assert torch.equal(torch.rand(3), expected[0])
        assert (numpy.random.rand(3) == expected[1]).all()  # noqa: NPY002
        results.append((weights(model), history))
    assert all(torch.equal(a, b) for a, b in zip(results[0][0], results[1][0], strict=True))
    assert results[0][1] == results[1][1]
    other = fit(cnn(dropout=0.3), train, images(9), epochs=2, batch_size=7, seed=1, **FLOAT)
    assert other != results[0][1]


@pytest.mark.parametrize("fast", [torch.bfloat16, torch.float32])
def test_bfloat16_only_where_the_device_has_it(monkeypatch, fast):
    monkeypatch.setattr(forward, "number_format", lambda device: fast)
    seen = []
    model = cnn()

    def look(module, inputs, output):
        seen.append((output.dtype, module.weight.dtype))

    model.conv2.register_forward_hook(look)
    options = {"epochs": 1, "device": "cpu", "progress": False}
    for call in (lambda: fit(model, images(20), **options), lambda: evaluate(model, images(5))):
        call()
        assert seen[-1] == (fast, torch.float32)  # after the trials on the first batch
        seen.clear()
    fit(model.double(), images(20), **options)
    assert set(seen) == {(torch.float64, torch.float64)}
    seen.clear()
    fit(model.float(), images(20), dtype=torch.float32, **options)
    assert set(seen) == {(torch.float32, torch.float32)}


def test_memory_order_is_channels_last_within_the_run_only():
    model, seen = cnn(), set()
    before = [p.stride() for p in model.parameters()]
    model.conv2.register_forward_hook(
        lambda m, i, o: seen.add(o.is_contiguous(memory_format=torch.channels_last))
    )
    fit(model, images(20), images(5), epochs=1, **FLOAT)
    assert seen == {True}
    assert [p.stride() for p in model.parameters()] == before
    kept = weights(model)
    evaluate(model, images(5))
    assert [p.stride() for p in model.parameters()] == before
    assert all(torch.equal(a, b) for a, b in zip(kept, weights(model), strict=True))


class Sized(nn.Module):
    """A network with ``view`` after its convolution, as in the article."""

    def __init__(self, code):
        super().__init__()
        self.conv, self.fc, self.code = nn.Conv2d(1, 4, 3, padding=1), nn.Linear(384, 3), code
        self.orders = set()

    def forward(self, x):
        x = self.conv(x)
        if len(x) > 2:  # two images are the trial of the memory order
            self.orders.add(x.is_contiguous())
        return self.fc(self.code(x))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_network_with_view_is_fast_too_and_one_that_needs_the_usual_order_gets_it(dtype):
    def insist(x):
        if not x.is_contiguous():
            raise RuntimeError("needs the usual order")
        return x.flatten(1)

    train, results = images(40), {}
    for name, code in {
        "flatten": lambda x: x.flatten(1),
        "view": lambda x: x.view(-1, 4 * 8 * 12),
        "view size": lambda x: x.view((len(x), -1)),
        "insist": insist,
    }.items():
        torch.manual_seed(0)
        model = Sized(code)
        history = fit(model, train, train, epochs=6, batch_size=20, lr=0.01, dtype=dtype,
                      device="cpu", progress=False)  # fmt: skip
        assert history.losses[-1] < 0.9 * history.losses[0]
        assert evaluate(model, train, dtype=dtype).accuracy == history.test_accuracy
        assert model.orders == {name == "insist"}
        results[name] = weights(model)
    for name in ("view", "view size"):
        pairs = zip(results[name], results["flatten"], strict=True)
        assert all(torch.equal(a, b) for a, b in pairs)


def test_a_network_that_is_wrong_in_every_order_says_so():
    model = Sized(lambda x: x.view(-1, 385))
    strides = [p.stride() for p in model.parameters()]
    with pytest.raises(RuntimeError, match="385"):
        fit(model, images(40), epochs=1, **FLOAT)
    assert [p.stride() for p in model.parameters()] == strides


def test_the_article_s_network_trains():
    torch.manual_seed(0)
    train = images(40, h=28, w=28)
    history = fit(ArticleCNN(), train, epochs=6, batch_size=20, lr=3e-3, **FLOAT)
    assert history.losses[-1] < 0.5 * history.losses[0]


def test_a_model_in_evaluation_mode_is_trained_in_training_mode():
    modes = []
    model = cnn().eval()
    model.norm1.register_forward_hook(lambda m, i, o: modes.append(m.training))
    fit(model, images(20), images(9), epochs=2, batch_size=20, **FLOAT)
    assert modes == [False, True, False, True, False]  # the trial, then two epochs


def test_the_trial_of_the_memory_order_leaves_batch_norm_alone():
    model = cnn()
    fit(model, images(20), epochs=1, batch_size=20, **FLOAT)
    assert model.norm1.num_batches_tracked == 1


# Course of a run ----------------------------------------------------------------------------------


def test_it_learns_and_the_history_tells():
    model, test = mlp(), rows(400, seed=1)
    history = fit(model, rows(600), test, epochs=8, batch_size=32, lr=0.02, **FLOAT)
    assert history.test_accuracy > 0.93
    assert history.column("epoch") == list(range(1, 9))
    assert history.epochs[-1]["test_loss"] < history.epochs[0]["test_loss"]
    assert len(history.losses) == len(history.learning_rates) == len(history.steps) == 8 * 19
    assert history.seconds > 0 and history.cpu_seconds > 0
    assert not history.interrupted and not model.training
    result = evaluate(model, test, dtype=torch.float32)
    assert result.accuracy == history.test_accuracy
    assert result.loss == pytest.approx(history.epochs[-1]["test_loss"])
    assert repr(history) == (
        f"History(epochs=8, steps=152, train_loss={history.epochs[-1]['train_loss']:.3f}, "
        f"test_accuracy={history.test_accuracy:.3f})"
    )


def test_histories_are_equal_up_to_their_times():
    def run(seed):
        return fit(mlp(), rows(40), rows(9), epochs=1, seed=seed, batch_size=8, **FLOAT)

    first, second = run(0), run(0)
    second.epochs[0]["seconds"] += 1
    assert first == second and first != run(1) and first != "history"
    second.epochs[0]["test_loss"] += 1e-9
    assert first != second


def test_any_loss_and_no_classes():
    x = rows(200)[0]
    y = x @ torch.ones(6, 2)
    history = fit(
        nn.Linear(6, 2), (x, y), (x, y), epochs=30, batch_size=20, lr=0.1, loss=F.mse_loss, **FLOAT
    )
    assert history.epochs[-1]["test_loss"] < 0.01
    assert history.test_accuracy is None
    assert "accuracy" not in repr(history)
    result = evaluate(nn.Linear(6, 2), (x, y), loss=F.mse_loss)
    assert (result.accuracy, result.predictions, result.probabilities) == (None, None, None)


def test_sequences_have_their_classes_on_the_last_axis():
    generator = torch.Generator().manual_seed(0)
    tokens = torch.randint(0, 5, (60, 7), generator=generator)
    torch.manual_seed(0)
    model = nn.Sequential(nn.Embedding(5, 8), nn.Linear(8, 5))
    data = tokens, (tokens + 2) % 5
    history = fit(model, data, data, epochs=10, batch_size=16, lr=0.1, **FLOAT)
    assert history.test_accuracy == 1
    result = evaluate(model, data)
    assert torch.equal(result.predictions, data[1])
    assert result.probabilities is None


def test_a_loss_that_is_not_finite_stops_the_run_before_its_update():
    x, y = rows(40)
    x = x.clone()
    x[torch.randperm(40, generator=torch.Generator().manual_seed(0))[19], 2] = torch.nan
    model, stopped = mlp(), mlp()
    good = x.clone()
    with pytest.raises(FloatingPointError, match=r"step 3 \(epoch 1\): the loss is nan .*lr=0.00"):
        fit(stopped, (x, y), epochs=2, batch_size=8, lr=0.02, schedule="constant", **FLOAT)
    assert all(torch.isfinite(p).all() for p in stopped.parameters())
    optimizer = torch.optim.AdamW(model.parameters(), 0.02, weight_decay=0.0, fused=True)
    order = torch.randperm(40, generator=torch.Generator().manual_seed(0))
    for chunk in order.split(8)[:2]:
        optimizer.zero_grad()
        F.cross_entropy(model(good[chunk]), y[chunk]).backward()
        optimizer.step()
    assert same(model, stopped)


def test_a_rate_that_is_too_high_is_reported():
    model = nn.Sequential(nn.Linear(6, 50), nn.Linear(50, 3))
    with pytest.raises(FloatingPointError, match="learning rate"):
        fit(model, rows(64), epochs=50, lr=1e6, optimizer="sgd", schedule="constant", **FLOAT)


@pytest.mark.parametrize(("size", "advice"), [(64, "batch_size=32"), (1, "smaller model")])
def test_out_of_memory_names_a_batch_size(size, advice):
    class Hungry(nn.Linear):
        def forward(self, x):
            if self.training:
                raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 TiB")
            return super().forward(x)

    with pytest.raises(RuntimeError, match=f"out of memory on cpu .*try.*{advice}") as error:
        fit(Hungry(6, 3), rows(99), epochs=1, batch_size=size, **FLOAT)
    assert error.value.__context__ is None  # else its traceback keeps the tensors alive


def test_the_bar_is_silent_when_asked(capsys):
    fit(mlp(), rows(40), rows(9), epochs=2, batch_size=8, device="cpu", progress=False)
    assert capsys.readouterr() == ("", "")
    fit(mlp(), rows(40), rows(9), epochs=2, batch_size=8, device="cpu")
    out, err = capsys.readouterr()
    assert out == "" and "10/10" in err and "test_accuracy" in err


# Ctrl-C -------------------------------------------------------------------------------------------


def interrupting(at, times=1):
    """An augmentation that presses Ctrl-C in its ``at``-th call."""
    calls = 0

    def augment(x, generator):
        nonlocal calls
        calls += 1
        if calls == at:
            for _ in range(times):
                signal.raise_signal(signal.SIGINT)
        return x

    return augment


@pytest.mark.usefixtures("ctrl_c")
@pytest.mark.parametrize(("at", "epochs_done"), [(1, 0), (3, 0), (5, 1), (7, 1)])
def test_ctrl_c_hands_back_the_history_so_far(at, epochs_done):
    before = signal.getsignal(signal.SIGINT)
    model, short = mlp(), mlp()
    options = {"batch_size": 8, "lr": 0.01, "schedule": "constant", **FLOAT}
    history = fit(model, rows(40), rows(9), epochs=4, augment=interrupting(at), **options)
    assert history.interrupted and "interrupted" in repr(history)
    assert len(history.steps) == len(history.losses) == at
    assert len(history.epochs) == epochs_done
    assert not model.training
    assert signal.getsignal(signal.SIGINT) is before
    full = fit(short, rows(40), rows(9), epochs=4, **options)
    assert full.losses[:at] == history.losses
    if at == 5:
        expected = mlp()
        fit(expected, rows(40), epochs=1, **options)
        assert same(model, expected)


@pytest.mark.usefixtures("ctrl_c")
def test_ctrl_c_in_the_last_step_interrupts_nothing():
    history = fit(mlp(), rows(40), epochs=1, batch_size=8, augment=interrupting(5), **FLOAT)
    assert not history.interrupted and len(history.epochs) == 1


@pytest.mark.usefixtures("ctrl_c")
def test_a_second_ctrl_c_does_not_wait_for_the_step():
    history = fit(mlp(), rows(40), epochs=2, batch_size=8, augment=interrupting(4, 2), **FLOAT)
    assert history.interrupted
    assert len(history.steps) == 3
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.usefixtures("ctrl_c")
def test_a_run_in_the_background_that_ignores_ctrl_c_goes_on_ignoring_it():
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    history = fit(mlp(), rows(40), epochs=1, batch_size=8, augment=interrupting(2, 3), **FLOAT)
    assert not history.interrupted and len(history.epochs) == 1
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


# Evaluation ---------------------------------------------------------------------------------------


def test_evaluation_by_hand():
    x, y = images(37)
    model = cnn(dropout=0.5).train()
    result = evaluate(model, (x, y), batch_size=10, dtype=torch.float32)
    assert model.training
    model.eval()
    with torch.no_grad():
        output = model(x)
    accuracy = (output.argmax(1) == y).double().mean().item()
    assert torch.equal(result.predictions, output.argmax(1))
    assert result.predictions.dtype == torch.int64
    assert torch.allclose(result.probabilities, output.softmax(1), atol=1e-6)
    assert result.accuracy == pytest.approx(accuracy)
    assert result.loss == pytest.approx(F.cross_entropy(output, y).item(), rel=1e-5)
    assert result.standard_error == pytest.approx(math.sqrt(accuracy * (1 - accuracy) / 37))
    assert repr(result) == (
        f"Evaluation(loss={result.loss:.4f}, accuracy={accuracy:.4f}±{result.standard_error:.4f})"
    )


def test_a_frozen_layer_keeps_its_mode():
    model = cnn().train()
    model.norm1.eval()
    before = [module.training for module in model.modules()]
    evaluate(model, images(12), dtype=torch.float32)
    assert [module.training for module in model.modules()] == before
    with forward.Forward(model, "cpu", torch.float32) as fast:  # its trial on the first batch, too
        fast(images(3)[0])
    assert fast.channels_last and [module.training for module in model.modules()] == before


@pytest.mark.parametrize(
    "wrap", [TensorDataset, Rows, lambda x, y: DataLoader(Rows(x, y), batch_size=5)]
)
def test_evaluation_of_other_data(wrap):
    model, data = mlp(), rows(23)
    first, second = evaluate(model, data), evaluate(model, wrap(*data), batch_size=4)
    assert torch.equal(first.predictions, second.predictions)
    assert first.loss == pytest.approx(second.loss, rel=1e-4)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: evaluate("m", (X, Y)), TypeError, "model"),
        (lambda: evaluate(mlp(), (X, Y[:3])), ValueError, "data: expected as many labels"),
        (lambda: evaluate(mlp(), (X, Y + 7)), ValueError, "data: expected labels from 0 to 2"),
        (lambda: evaluate(mlp(), (X, Y), batch_size=-1), ValueError, "batch_size"),
        (lambda: evaluate(mlp(), (X, Y), loss="mse"), TypeError, "loss"),
        (lambda: evaluate(mlp(), (X, Y), dtype=torch.int8), ValueError, "dtype"),
    ],
)
def test_bad_evaluations_are_named(call, error, words):
    with pytest.raises(error, match=words):
        call()
