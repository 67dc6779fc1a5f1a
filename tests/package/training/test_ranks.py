"""Several processes train one model: the weights of one process, in double precision."""

import sys

import cloudpickle
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from bigmodel_utils.distributed import Pool, RankError
from bigmodel_utils.models import GPT, MLP
from bigmodel_utils.training import fit

cloudpickle.register_pickle_by_value(sys.modules[__name__])  # the processes cannot import a test

N, T, D, CLASSES = 13, 6, 2, 3
PLAIN = {"device": "cpu", "progress": False, "epochs": 2, "batch_size": 5, "lr": 0.02}


@pytest.fixture(scope="module", params=[2, 4])
def pool(request):
    with Pool(request.param) as pool:
        yield pool


def draw(seed=0):
    return torch.Generator().manual_seed(seed)


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=draw(seed), dtype=torch.float64)


def labels(*shape, seed=1):
    return torch.randint(0, CLASSES, shape, generator=draw(seed))


def rows(n=N):
    return normal(n, 5), labels(n)


def mlp():
    torch.manual_seed(3)
    return MLP([5, 7, 7, CLASSES]).double()


class Reader(nn.Module):
    """One output a step, from x (b, t, d) and, if there are any, lengths or a state."""

    def __init__(self, *, carries=False):
        super().__init__()
        torch.manual_seed(1)
        self.rnn, self.fc = nn.GRU(D, 4, batch_first=True), nn.Linear(4, CLASSES)
        self.carries = carries

    def forward(self, x, rest=None):
        hidden, state = self.rnn(x, rest if self.carries else None)
        return (self.fc(hidden), state) if self.carries else self.fc(hidden)


class WithoutUse(nn.Module):
    """A model one of whose parameters never gets a gradient."""

    def __init__(self):
        super().__init__()
        self.used, self.spare = mlp(), nn.Linear(3, 4).double()

    def forward(self, x):
        return self.used(x)


def gpt():
    torch.manual_seed(2)
    return GPT(11, d_model=8, num_heads=2, num_layers=2, context=T).double()


def nested():
    """Layers within layers, one of them used twice, one frozen."""
    torch.manual_seed(6)
    twice = nn.Sequential(nn.Linear(6, 6), nn.Tanh())
    frozen = nn.Linear(5, 6).requires_grad_(requires_grad=False)
    inner = nn.Sequential(twice, nn.LayerNorm(6), twice)
    return nn.Sequential(frozen, nn.Sequential(inner, nn.Linear(6, CLASSES))).double()


def squares(output, target):
    return (output - target).square().mean()


def shuffled(batch_size=5):
    return DataLoader(TensorDataset(*rows()), batch_size, shuffle=True, generator=draw(9))


def ignored(y):
    return y.masked_fill(torch.rand(y.shape, generator=draw(4)) < 0.4, -100)


def case(name):
    """Return the model, the training data and the settings of a run."""
    x, y = rows()
    steps = normal(N, T, D, seed=2)
    tokens = torch.randint(0, 11, (N, T + 1), generator=draw(5))
    each_step = labels(N, T)
    return {
        "rows": (mlp(), (x, y), {"test": rows(7), "weight_decay": 0.1}),
        "clipped": (mlp(), (x, y), {"clip_norm": 0.05, "optimizer": "sgd"}),
        "pieces": (mlp(), (x, y), {"micro_batch_size": 1, "test": rows(3)}),
        "larger pieces": (mlp(), (x, y), {"micro_batch_size": 2, "batch_size": 11}),
        "ignored": (mlp(), (x, ignored(y)), {"test": (x, ignored(y))}),
        "muon": (mlp(), (x, y), {"optimizer": "muon", "weight_decay": 0.1}),
        "text": (gpt(), (tokens[:, :-1], tokens[:, 1:]), {"schedule": "cosine"}),
        "lengths": (Reader().double(), (steps, torch.arange(N) % T + 1, each_step), {}),
        "windows": (Reader(carries=True).double(), (steps, each_step), {"truncate": 4}),
        "numbers": (mlp(), (x, normal(N, CLASSES, seed=8)), {"loss": squares}),
        "dataset": (mlp(), TensorDataset(x, y), {"test": TensorDataset(*rows(4))}),
        "examples": (mlp(), [*zip(x, ignored(y), strict=True)], {}),
        "loader": (mlp(), shuffled(), {}),
        "nested": (nested(), (x, y), {"micro_batch_size": 2}),
        "without use": (WithoutUse(), (x, y), {}),
    }[name]


def trained(name, **more):
    """Run a case and return its weights, losses and epochs."""
    model, train, settings = case(name)
    if name == "examples":
        train = TensorDataset(*map(torch.stack, zip(*train, strict=True)))
    history = fit(model, train, **{**PLAIN, **settings, **more})
    epochs = [[e["train_loss"], e["test_loss"], e["test_accuracy"]] for e in history.epochs]
    return model.state_dict(), history.losses, epochs


CASES = (
    "rows", "clipped", "pieces", "larger pieces", "ignored", "muon", "text", "lengths", "windows",
    "numbers", "dataset", "examples", "loader", "nested", "without use",
)  # fmt: skip


def close(got, expected):
    torch.testing.assert_close(got, expected, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("name", CASES)
def test_several_processes_reach_the_weights_of_one(pool, name):
    weights, losses, epochs = trained(name)
    assert losses[-1] != losses[0]
    for theirs, their_losses, their_epochs in pool.run(trained, name):
        close(theirs, weights)
        close(their_losses, losses)
        for got, expected in zip(their_epochs, epochs, strict=True):
            close([v for v in got if v is not None], [v for v in expected if v is not None])


@pytest.mark.parametrize("name", [n for n in CASES if n not in ("without use",)])
def test_sharded_processes_reach_the_weights_of_one(pool, name):
    weights, losses, _ = trained(name)
    for theirs, their_losses, _ in pool.run(trained, name, sharded=True):
        close(theirs, weights)
        close(their_losses, losses)


def stopped_after(steps, path, name, **more):
    """Run a case until so many steps are done, with a checkpoint after every one."""

    class Stop(Exception):
        pass

    def stop(model, step):
        if step == steps + 1:
            raise Stop

    try:
        trained(name, checkpoint=path, checkpoint_every=1, on_step=stop, **more)
    except Stop:
        return True


def resumed(path, name, **more):
    return trained(name, checkpoint=path, checkpoint_every=1, **more)


ENDS = [(2, 4, {}), (4, 2, {}), (2, 1, {}), (1, 2, {}), (2, 2, {"sharded": True}),
        (4, 2, {"sharded": True}), (2, 1, {"sharded": True})]  # fmt: skip


@pytest.fixture(scope="module")
def run_on():
    """Return a function that calls another in a group of so many processes, or here for one."""
    pools = {2: Pool(2), 4: Pool(4)}

    def run(size, function, *args, **kwargs):
        return (
            [function(*args, **kwargs)] if size == 1 else pools[size].run(function, *args, **kwargs)
        )

    yield run
    for pool in pools.values():
        pool.close()


@pytest.mark.parametrize("name", ["rows", "muon", "clipped", "loader"])
@pytest.mark.parametrize(("before", "after", "more"), ENDS)
def test_a_run_goes_on_with_another_number_of_processes(
    run_on, tmp_path, before, after, more, name
):
    weights, losses, _ = trained(name)
    path = str(tmp_path / "run")
    assert all(run_on(before, stopped_after, 4, path, name, **more))
    if after == 1:
        more = {}
    for theirs, their_losses, _ in run_on(after, resumed, path, name, **more):
        close(theirs, weights)
        close(their_losses, losses)


def on_rank(change):
    """Return a call of fit whose arguments one rank changes."""

    def run():
        rank = torch.distributed.get_rank()
        model, train, settings = case("rows")
        model, train, settings = change(rank, model, train, {**PLAIN, **settings})
        fit(model, train, **settings)

    return run


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda r, m, t, s: (m, t, {**s, "lr": 0.02 + 0.01 * (r == 1)}), "lr: expected the same"),
        (lambda r, m, t, s: (m, (t[0] + (r == 1), t[1]), s), "checksum of x: expected the"),
        (
            lambda r, m, t, s: (mlp() if r else MLP([5, 6, 3]).double(), t, s),
            r"model: expected the",
        ),
    ],
)
def test_what_differs_between_ranks_is_named(change, told):
    with Pool(2, timeout=20) as pool, pytest.raises(RankError, match=told):
        pool.run(on_rank(change))


def test_an_error_names_its_rank():
    def bad(rank, model, train, settings):
        def loss(output, target):
            value = nn.functional.cross_entropy(output, target)
            return value * torch.nan if rank == 1 else value

        return model, train, {**settings, "loss": loss, "test": None}

    with Pool(2, timeout=20) as pool, pytest.raises(RankError, match="loss is nan") as caught:
        pool.run(on_rank(bad))
    assert "on rank 1 of 2" in str(caught.value) and caught.value.rank == 1


@pytest.mark.parametrize(
    ("loader", "told"),
    [
        (lambda data: DataLoader(data, 5, shuffle=True), r"generator=torch\.Generator\(\)"),
        (
            lambda data: DataLoader(
                data, 5, sampler=torch.utils.data.DistributedSampler(data, 2, 0)
            ),
            "DistributedSampler",
        ),
    ],
)
def test_a_loader_that_would_differ_between_ranks_is_refused(loader, told):
    def change(rank, model, train, settings):
        return model, loader(TensorDataset(*train)), {**settings, "test": None}

    with Pool(2, timeout=20) as pool, pytest.raises(RankError, match=told):
        pool.run(on_rank(change))


def test_a_sharded_run_keeps_a_part_on_each_rank(run_on):
    def kept():
        found = []

        def watch(model, step):
            local = [p.to_local().numel() for p in model.parameters()]
            whole = [p.numel() for p in model.parameters()]
            found.append((sum(local), sum(whole)))

        trained("rows", sharded=True, on_step=watch)
        return found[-1]

    parts = run_on(4, kept)
    whole = sum(p.numel() for p in mlp().parameters())
    assert sum(local for local, _ in parts) == whole == parts[0][1]
    assert max(local for local, _ in parts) < 0.5 * whole


def test_batch_norm_ends_alike_on_all_ranks(run_on):
    def run():
        torch.manual_seed(0)
        model = nn.Sequential(nn.Linear(5, 4), nn.BatchNorm1d(4), nn.Linear(4, CLASSES)).double()
        fit(model, rows(15), **PLAIN)
        return model.state_dict()

    first, second = run_on(2, run)
    assert first["1.num_batches_tracked"] > 0
    for name, value in first.items():
        torch.testing.assert_close(second[name], value, rtol=0, atol=0)


def test_each_rank_draws_numbers_of_its_own(run_on):
    def drawn():
        seen = []

        def augment(x, generator):
            seen.append([torch.rand((), generator=generator).item(), torch.rand(()).item()])
            return x

        fit(mlp(), rows(), augment=augment, **PLAIN)
        return torch.tensor(seen)

    alone, (first, second) = drawn(), run_on(2, drawn)
    torch.testing.assert_close(first, alone, rtol=0, atol=0)
    assert (first - second).abs().min() > 0 and len(first) == 6
