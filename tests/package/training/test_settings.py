"""Optimizers of one's own, betas, and how a checkpoint recognises a run, an older one too."""

import dataclasses
import functools
import os
import subprocess
import sys

import numpy
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from bigmodel_utils import training
from bigmodel_utils.data import windows
from bigmodel_utils.models import GPT, MLP
from bigmodel_utils.optim import MuonAdamW
from bigmodel_utils.training import Settings, WarmUp, fit
from bigmodel_utils.training._settings import complete

PLAIN = {"device": "cpu", "dtype": torch.float32, "progress": False}
X = torch.randn(20, 6, generator=torch.Generator().manual_seed(0))
Y = torch.arange(20) % 3
STEPS_PER_EPOCH = 3


def mlp(seed=0):
    torch.manual_seed(seed)
    return MLP([6, 5, 3])


def train(model, path=None, **options):
    options = {"epochs": 2, "batch_size": 8, "lr": 0.05, "seed": 4, **PLAIN, **options}
    return fit(model, (X, Y), checkpoint=path, **options)


def same(a, b):
    pairs = zip(a.state_dict().values(), b.state_dict().values(), strict=True)
    return all(torch.equal(p, q) for p, q in pairs)


class Stop(Exception):
    pass


def stop_at(at):
    def on_step(model, step):
        if step == at:
            raise Stop

    return on_step


def stopped_run(path, at=4, **options):
    with pytest.raises(Stop):
        train(mlp(), path, checkpoint_every=1, on_step=stop_at(at), **options)


def plain_loop(model, optimizer, rates, groups=(1.0,)):
    order, step = torch.Generator().manual_seed(4), 0
    for _ in range(2):
        for chunk in torch.randperm(20, generator=order).split(8):
            for group, factor in zip(optimizer.param_groups, groups, strict=True):
                group["lr"] = rates[step] * factor
            optimizer.zero_grad()
            F.cross_entropy(model(X[chunk]), Y[chunk]).backward()
            optimizer.step()
            step += 1
    return model


# Optimizers ---------------------------------------------------------------------------------------


def test_a_callable_makes_the_optimizer():
    def rmsprop(model, lr):
        return torch.optim.RMSprop(model.parameters(), lr, weight_decay=0.1, momentum=0.5)

    model, plain = mlp(), mlp()
    history = train(model, optimizer=rmsprop)
    assert same(model, plain_loop(plain, rmsprop(plain, 1.0), history.learning_rates))


def test_a_group_that_starts_at_another_rate_keeps_its_factor():
    def two_rates(model, lr):
        head, *rest = reversed(list(model.parameters()))
        return torch.optim.SGD([{"params": rest, "lr": lr / 4}, {"params": [head]}], lr=lr)

    model, plain, seen = mlp(), mlp(), []
    history = train(model, optimizer=two_rates)
    rates = history.learning_rates
    assert rates[0] < max(rates)
    assert same(model, plain_loop(plain, two_rates(plain, 1.0), rates, (0.25, 1.0)))

    def watched(model, lr):
        seen.append(two_rates(model, lr))
        return seen[-1]

    train(mlp(), optimizer=watched)
    assert [g["lr"] / rates[-1] for g in seen[0].param_groups] == pytest.approx([0.25, 1])


def test_the_names_are_what_a_callable_would_make():
    for name, make in {
        "adamw": lambda m, lr: torch.optim.AdamW(m.parameters(), lr, weight_decay=0, fused=True),
        "sgd": lambda m, lr: torch.optim.SGD(
            m.parameters(), lr, momentum=0.9, nesterov=True, fused=True
        ),
        "muon": MuonAdamW,
    }.items():
        first, second = mlp(), mlp()
        assert train(first, optimizer=name) == train(second, optimizer=make)
        assert same(first, second)


@pytest.mark.parametrize("name", ["adamw", "muon"])
def test_betas_are_adamw_s(name):
    model, plain, default = mlp(), mlp(), mlp()
    history = train(model, optimizer=name, betas=[0.5, 0.7])
    train(default, optimizer=name)
    assert not same(model, default)
    if name == "adamw":
        groups, factors = [{"params": plain.parameters(), "weight_decay": 0.0}], (1.0,)
        optimizer = torch.optim.AdamW(groups, betas=(0.5, 0.7), fused=True)
    else:
        optimizer, factors = MuonAdamW(plain, betas=(0.5, 0.7)), (1.0,) * 3
        assert optimizer.adamw.param_groups[0]["betas"] == (0.5, 0.7)
    assert same(model, plain_loop(plain, optimizer, history.learning_rates, factors))
    explicit = mlp()
    train(explicit, optimizer=name, betas=(0.9, 0.999))
    assert same(default, explicit)


class Alien:
    """An optimizer that is none of torch's."""

    def __init__(self, model, lr):
        self.param_groups = [{"params": list(model.parameters()), "lr": lr}]

    def zero_grad(self):
        for p in self.param_groups[0]["params"]:
            p.grad = None

    @torch.no_grad()
    def step(self):
        for p in self.param_groups[0]["params"]:
            p -= self.param_groups[0]["lr"] * p.grad

    def state_dict(self):
        return {}

    def load_state_dict(self, state):
        assert state == {}


def test_an_optimizer_need_not_be_torch_s(tmp_path):
    model, plain, path = mlp(), mlp(), tmp_path / "run.pt"
    history = train(model, optimizer=Alien)
    sgd = torch.optim.SGD(plain.parameters())
    plain_loop(plain, sgd, history.learning_rates)
    for p, q in zip(model.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(p, q)
    stopped_run(path, optimizer=Alien)
    again = mlp(seed=1)
    assert train(again, path, optimizer=Alien) == history and same(again, model)


def without(name):
    return type("Less", (Alien,), {name: None})


def bad_groups(groups):
    def make(model, lr):
        optimizer = Alien(model, lr)
        optimizer.param_groups = groups(model)
        return optimizer

    return make


@pytest.mark.parametrize(
    ("optimizer", "error", "words"),
    [
        (torch.optim.Adam, TypeError, r"got the class Adam; use lambda model, lr: Adam\(model\.p"),
        (torch.optim.SGD(mlp().parameters()), ValueError, "expected one of 'adamw', .*got SGD"),
        (lambda m: None, TypeError, r"expected a callable \(model, lr\), .*which takes \(m\)"),
        (lambda m, lr, wd: None, TypeError, r"expected a callable \(model, lr\), .*\(m, lr, wd\)"),
        (lambda m, lr: None, TypeError, "to return an optimizer, got NoneType None without zero"),
        (without("step"), TypeError, "to return an optimizer, got Less .* without step$"),
        (without("state_dict"), TypeError, "to return an optimizer, .* without state_dict$"),
        (without("load_state_dict"), TypeError, "to return .* without load_state_dict$"),
        (without("zero_grad"), TypeError, "to return an optimizer, .* without zero_grad$"),
        (bad_groups(lambda m: None), TypeError, "to return an .* without param_groups$"),
        (bad_groups(lambda m: [{"params": list(m.parameters())}]), TypeError, "'params' and 'lr'"),
        (bad_groups(lambda m: [1]), TypeError, "'params' and 'lr'.*, got int 1"),
        (
            bad_groups(lambda m: [{"params": list(m.parameters()), "lr": -1}]),
            ValueError,
            "lr: expected at least 0",
        ),
        (bad_groups(lambda m: []), ValueError, "of the model's parameters, got one of others"),
        (
            lambda m, lr: torch.optim.SGD(mlp().parameters(), lr),
            ValueError,
            "of the model's parameters, got one of others",
        ),
        (
            lambda m, lr: torch.optim.LBFGS(m.parameters(), lr),
            TypeError,
            r"whose step\(\) needs no argument, got LBFGS, which takes \(closure\)",
        ),
    ],
)
def test_a_bad_optimizer_is_named(optimizer, error, words):
    model = mlp()
    with pytest.raises(error, match=f"^optimizer: .*{words}"):
        train(model, optimizer=optimizer)
    assert same(model, mlp())


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"betas": 0.9}, TypeError, "betas: expected two numbers"),
        ({"betas": (0.9, 0.9, 0.9)}, TypeError, "betas: expected two numbers"),
        ({"betas": torch.tensor([0.9, 0.9])}, TypeError, "betas: expected two numbers"),
        ({"betas": (0.9, "x")}, TypeError, "betas: expected a number"),
        ({"betas": (0.9, 1)}, ValueError, "betas: expected less than 1"),
        ({"betas": (-0.1, 0.9)}, ValueError, "betas: expected at least 0"),
        ({"betas": (0.8, 0.9), "optimizer": "sgd"}, ValueError, "betas: expected .* 'adamw' or"),
        ({"betas": (0.8, 0.9), "optimizer": Alien}, ValueError, "betas: expected .* 'adamw' or"),
        ({"weight_decay": 0.1, "optimizer": Alien}, ValueError, "weight_decay: expected 0 beside"),
        ({"micro_batch_size": 0}, ValueError, "micro_batch_size: expected an integer of at least"),
        ({"micro_batch_size": 2.0}, TypeError, "micro_batch_size: expected an integer"),
        ({"micro_batch_size": 2, "truncate": 3}, ValueError, "micro_batch_size: expected None"),
        ({"loss": nn.MSELoss}, TypeError, "loss: expected a callable .*the class MSELoss"),
        ({"loss": lambda o: o}, TypeError, r"loss: .*\(output, target\), .*which takes \(o\)"),
        ({"augment": lambda x: x}, TypeError, r"augment: .*\(x, generator\), .*takes \(x\)"),
        ({"on_step": lambda m: m}, TypeError, r"on_step: .*\(model, step\), .*takes \(m\)"),
    ],
)
def test_bad_settings_are_named(options, error, words):
    with pytest.raises(error, match=f"^{words}"):
        train(mlp(), **options)


def test_settings_are_frozen_and_plain():
    settings = Settings(numpy.int64(3), lr=numpy.float32(0.5), betas=[numpy.float64(0.5), 0.9])
    with pytest.raises(dataclasses.FrozenInstanceError):
        settings.lr = 1.0
    for value in (settings.epochs, settings.lr, *settings.betas):
        assert type(value) in (int, float)
    with pytest.raises(TypeError, match="epochs: expected an integer"):
        Settings("3")


# Recognising a run --------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Noise:
    size: float
    table: object = None

    def __call__(self, x, generator):
        return x + self.size * torch.randn(x.shape, generator=generator)


@dataclasses.dataclass
class Counting:
    """Not frozen: what it holds changes in the run."""

    calls: int = 0

    def __call__(self, x, generator):
        self.calls += 1
        return x


def scaled(factor, x, generator, power=1):
    return x * factor**power


def sgd(model, lr, momentum=0.5):
    return torch.optim.SGD(model.parameters(), lr, momentum=momentum)


def decaying(step, num_steps, lr):
    return lr / (step + 1)


NOISE = {"augment": Noise(0.1, torch.arange(3.0))}
CHANGES = {
    "warm-up": ({"schedule": WarmUp(2)}, {"schedule": WarmUp(3)}, "schedule: settings is .steps=3"),
    "floor": ({"schedule": WarmUp(2)}, {"schedule": WarmUp(2, floor=0.1)}, "schedule: settings is"),
    "callable": ({"schedule": WarmUp(2)}, {"schedule": decaying}, "schedule is 'callable decaying"),
    "named": ({"optimizer": sgd}, {"optimizer": "sgd"}, "optimizer is 'sgd' in .* 'callable sgd'"),
    "partial": (
        {"optimizer": functools.partial(sgd, momentum=0.5)},
        {"optimizer": functools.partial(sgd, momentum=0.6)},
        "optimizer: settings is 'sgd, momentum=0.6' in this call and was 'sgd, momentum=0.5'",
    ),
    "arguments": (
        {"augment": functools.partial(scaled, 2.0)},
        {"augment": functools.partial(scaled, 3.0)},
        "augment: settings is 'scaled, 3.0'",
    ),
    "field": (NOISE, {"augment": Noise(0.2, torch.arange(3.0))}, "augment: settings is 'size=0.2"),
    "tensor": (NOISE, {"augment": Noise(0.1, torch.ones(3))}, "augment: settings is .*checksum"),
    "array": (
        {"augment": Noise(0.1, numpy.arange(3))},
        {"augment": Noise(0.1, numpy.ones(3, int))},
        "augment: settings is .*checksum",
    ),
    "nested": (
        {"augment": Noise(0.1, {"a": [WarmUp(2), None]})},
        {"augment": Noise(0.1, {"a": [WarmUp(3), None]})},
        "augment: settings is .*steps=3",
    ),
    "betas": ({}, {"betas": (0.9, 0.99)}, r"betas is \[0.9, 0.99\] in .* was \[0.9, 0.999\]"),
    "micro": ({}, {"micro_batch_size": 4}, "micro_batch_size is 4 in this call and was None"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_run_goes_on_with_its_own_settings_only(tmp_path, name):
    before, after, words = CHANGES[name]
    path, whole, again = tmp_path / "run.pt", mlp(), mlp(seed=1)
    history = train(whole, **before)
    stopped_run(path, **before)
    content = path.read_bytes()
    with pytest.raises(ValueError, match=words) as error:
        train(mlp(), path, **after)
    assert str(path) in str(error.value) and path.read_bytes() == content
    assert train(again, path, **before) == history and same(again, whole)


def test_what_a_callable_counts_is_no_setting(tmp_path):
    path, whole, again, counting = tmp_path / "run.pt", mlp(), mlp(seed=1), Counting()
    history = train(whole)
    with pytest.raises(Stop):
        train(mlp(), path, checkpoint_every=1, on_step=stop_at(4), augment=counting)
    assert counting.calls == 4
    assert train(again, path, augment=counting) == history and same(again, whole)


def test_the_fingerprint_is_the_same_in_every_process():
    code = (
        "import functools, torch, test_settings as t\n"
        "part = functools.partial(t.scaled, len, power=[lambda: 1, torch.float32, 'a', {1: None}])"
        "\nnoise = t.Noise(object(), torch.tensor([1.5], dtype=torch.bfloat16))\n"
        "print(t.Settings(1, augment=part, schedule=t.WarmUp(2)).fingerprint())\n"
        "print(t.Settings(1, augment=noise, optimizer=t.sgd).fingerprint())"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed,
                 "PYTHONPATH": os.pathsep.join([os.path.dirname(__file__), *sys.path])},
            capture_output=True, check=True, text=True,
        ).stdout
        for seed in ("1", "2")
    }  # fmt: skip
    assert len(outputs) == 1 and "0x" not in outputs.pop()


OLD_KEYS = [
    "epochs", "batch_size", "lr", "weight_decay", "optimizer", "schedule", "label_smoothing",
    "augment", "clip_norm", "seed", "loss", "truncate", "dtype",
    "train: examples", "train: batch size", "train: shape of x", "train: checksum of x",
    "train: shape of y", "train: checksum of y", "test: examples",
]  # fmt: skip


def make_older(path):
    """Turn a checkpoint into one written before there were betas and micro-batches."""
    state = training.load_checkpoint(path)
    settings = state["settings"]
    assert set(OLD_KEYS) < set(settings)
    state["settings"] = {key: settings[key] for key in OLD_KEYS}
    training.save_checkpoint(path, state)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"optimizer": "muon", "schedule": "linear", "weight_decay": 0.1, "clip_norm": 1.0},
        {"augment": Noise(0.1)},
        {"augment": functools.partial(scaled, 2.0), "optimizer": "sgd"},
    ],
    ids=["plain", "muon", "dataclass", "partial"],
)
def test_an_older_checkpoint_goes_on(tmp_path, options):
    path, whole, again = tmp_path / "run.pt", mlp(), mlp(seed=1)
    history = train(whole, **options)
    stopped_run(path, **options)
    make_older(path)
    assert train(again, path, **options) == history and same(again, whole)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"betas": (0.8, 0.9)}, r"betas is \[0.8, 0.9\] in this call and was \[0.9, 0.999\]"),
        ({"micro_batch_size": 2}, "micro_batch_size is 2 in this call and was None"),
        ({"schedule": WarmUp(2)}, "schedule is 'callable WarmUp' in this call and was 'one-cycle'"),
        ({"lr": 0.06}, "lr is 0.06 in this call and was 0.05"),
    ],
)
def test_an_older_checkpoint_is_not_gone_on_with_otherwise(tmp_path, options, words):
    path = tmp_path / "run.pt"
    stopped_run(path)
    make_older(path)
    with pytest.raises(ValueError, match=words):
        train(mlp(), path, **options)


# Written by hand from a file of the last version that had a dict of settings.
OLD = {
    "epochs": 2, "batch_size": 8, "lr": 0.05, "weight_decay": 0.0, "optimizer": "adamw",
    "schedule": "one-cycle", "label_smoothing": 0.0, "augment": "Noise", "clip_norm": None,
    "seed": 4, "loss": None, "truncate": None, "dtype": "torch.float32",
}  # fmt: skip


def test_the_fingerprint_keeps_its_older_entries():
    now = Settings(2, batch_size=8, lr=0.05, seed=4, augment=Noise(0.1)).fingerprint()
    assert {key: now[key] for key in OLD} == OLD
    assert complete(OLD, now) == now
    assert complete(OLD, {**now, "augment: settings": "size=0.3"}) != now  # unknown is not compared


def test_another_optimizer_s_state_is_named_and_the_model_left_alone(tmp_path):
    groups = 1

    def changing(model, lr):
        params = list(model.parameters())
        parts = [params] if groups == 1 else [params[:1], params[1:]]
        return torch.optim.Adam([{"params": part} for part in parts], lr)

    path, model = tmp_path / "run.pt", mlp(seed=1)
    stopped_run(path, optimizer=changing)
    groups = 2
    with pytest.raises(ValueError, match="optimizer: its state does not fit") as error:
        train(model, path, optimizer=changing)
    assert str(path) in str(error.value) and same(model, mlp(seed=1))


def test_a_language_model_s_recipe_goes_on(tmp_path):
    rows, path = windows(torch.arange(120) * 3 % 7, 8, stride=5), tmp_path / "run.pt"

    def gpt(seed=0):
        torch.manual_seed(seed)
        return GPT(7, context=8, d_model=8, num_layers=2, num_heads=2, dropout=0.1)

    options = {"epochs": 2, "batch_size": 5, "micro_batch_size": 2, "lr": 0.02, "clip_norm": 0.5}
    options |= {"optimizer": "muon", "betas": (0.8, 0.95), "schedule": WarmUp(0.1, floor=0.1)}
    options |= PLAIN
    whole, again = gpt(), gpt(1)
    history = fit(whole, rows, **options)
    with pytest.raises(Stop):
        fit(gpt(), rows, checkpoint=path, checkpoint_every=1, on_step=stop_at(7), **options)
    assert fit(again, rows, checkpoint=path, **options) == history and same(again, whole)
