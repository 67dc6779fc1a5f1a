"""Training on tokens: windows, Muon, the linear schedule, on_step, and runs that die.

Run as a program (``python test_token_training.py FOLDER``) this file is the worker whose children
are killed, as in test_resume.py.
"""

import json
import math
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import numpy
import pytest
import torch
import torch.nn.functional as F
from test_resume import fork, wait
from torch import nn

from bigmodel_utils import training
from bigmodel_utils.data import windows
from bigmodel_utils.models import GPT, MLP, generate
from bigmodel_utils.optim import Muon
from bigmodel_utils.training import _run as run_module
from bigmodel_utils.training import evaluate, fit, learning_rate

VOCAB, LENGTH, BATCH, EPOCHS = 7, 8, 4, 2
RECIPE = {"optimizer": "muon", "schedule": "linear", "lr": 0.02, "weight_decay": 0.1}
PLAIN = {"dtype": torch.float32, "device": "cpu", "progress": False}


def tokens(n=250, seed=0):
    """Mostly a cycle through the vocabulary, so that there is something to learn."""
    generator = torch.Generator().manual_seed(seed)
    noise = torch.rand(n, generator=generator) < 0.1
    row = torch.arange(n) * 3 % VOCAB
    return torch.where(noise, torch.randint(0, VOCAB, (n,), generator=generator), row)


TRAIN, TEST = windows(tokens(), LENGTH, stride=5), windows(tokens(60, seed=1), LENGTH)
STEPS_PER_EPOCH = -(-len(TRAIN[0]) // BATCH)
STEPS = EPOCHS * STEPS_PER_EPOCH


def gpt(seed=0, **options):
    torch.manual_seed(seed)
    options = {"context": LENGTH, "d_model": 8, "num_layers": 2, "num_heads": 2, **options}
    return GPT(VOCAB, **options)


def train(model, path=None, **options):
    options = {"epochs": EPOCHS, "batch_size": BATCH, "seed": 3, **RECIPE, **PLAIN, **options}
    if path is not None:
        options = {"checkpoint": path, "checkpoint_every": 2, **options}
    return fit(model, TRAIN, TEST, **options)


def same(a, b):
    pairs = zip(a.state_dict().values(), b.state_dict().values(), strict=True)
    return all(torch.equal(p, q) for p, q in pairs)


# The worker ---------------------------------------------------------------------------------------


class Meddler:
    """An on_step that draws from every generator, writes a sample and may kill the process."""

    def __init__(self, at=None):
        self.at, self.steps, self.samples = at, [], []

    def __call__(self, model, step):
        assert not model.training and not torch.is_grad_enabled()
        random.random(), numpy.random.rand(), torch.rand(1)  # noqa: NPY002
        self.samples.append(generate(model, torch.tensor([[1]]), 3, seed=step).tolist())
        self.steps.append(step)
        if step == self.at:
            os.kill(os.getpid(), signal.SIGKILL)


def run(path, at=None):
    # A resumed run must get its weights from the file, not from an equal start.
    model = gpt(seed=1 if path and Path(path).exists() else 0, dropout=0.2)
    watch = Meddler(at)
    history = train(model, path, on_step=watch)
    return {
        "weights": model.state_dict(),
        "history": [history.losses, history.learning_rates],
        "epochs": [{k: v for k, v in e.items() if "seconds" not in k} for e in history.epochs],
        "steps": watch.steps,
        "samples": watch.samples,
    }


def worker(folder):
    torch.set_num_threads(1)
    expected, results = run(None), []
    for at in (1, 2, 5, STEPS_PER_EPOCH, STEPS_PER_EPOCH + 3, STEPS - 1, STEPS):
        path, result = Path(folder) / f"{at}.pt", Path(folder) / f"{at}.result"
        status = wait(fork(lambda path=path, at=at: run(path, at)))
        assert path.exists() == (at > 2)
        torch.manual_seed(os.getpid() + at)  # nothing may depend on what the process drew
        again = wait(fork(lambda path=path, result=result: torch.save(run(path), result)))
        got = torch.load(result) if again == 0 else None
        equal = got is not None and all(
            torch.equal(got["weights"][k], v) for k, v in expected["weights"].items()
        )
        # Each step from the last checkpoint on is reported again, with the same sample.
        first = got["steps"][0] if got and got["steps"] else None
        results.append(
            {
                "at": at,
                "killed": status == -signal.SIGKILL,
                "equal": equal
                and got["history"] == expected["history"]
                and got["epochs"] == expected["epochs"],
                "steps": got and got["steps"],
                "samples": got and got["samples"] == expected["samples"][first - 1 :],
            }
        )
    print(json.dumps(results))


if __name__ == "__main__":
    worker(sys.argv[1])


# The tests ----------------------------------------------------------------------------------------


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork and SIGKILL")
def test_killed_amid_an_epoch_the_end_is_the_same(tmp_path):
    done = subprocess.run(
        [sys.executable, __file__, str(tmp_path)],
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    results = json.loads(done.stdout.splitlines()[-1])
    assert len(results) == 7
    for result in results:
        assert result["killed"] and result["equal"] and result["samples"], result
        # Written after every second step and every epoch; on_step comes before the writing.
        last = max(k for k in range(result["at"])
                   if k % 2 == 0 or k % STEPS_PER_EPOCH == 0)  # fmt: skip
        assert result["steps"] == list(range(last + 1, STEPS + 1)), result


def test_weights_are_those_of_a_plain_loop():
    """Windows in the seed's order, Muon and AdamW stepped apart, the rates worked out here."""
    model, plain = gpt().double(), gpt().double()
    history = train(model, dtype=None, clip_norm=0.5, label_smoothing=0.05)
    hidden = [p for n, p in plain.named_parameters() if "_proj" in n]
    tables = [plain.embedding.weight, plain.head.weight]
    gains = [p for p in plain.parameters() if p.ndim == 1]
    optimizers = [
        Muon(hidden, weight_decay=0.1),
        torch.optim.AdamW([{"params": tables, "weight_decay": 0.1},
                           {"params": gains, "weight_decay": 0.0}]),
    ]  # fmt: skip
    x, y = TRAIN
    order, losses, step = torch.Generator().manual_seed(3), [], 0
    for _ in range(EPOCHS):
        for chunk in torch.randperm(len(x), generator=order).split(BATCH):
            logits = plain(x[chunk]).flatten(0, 1)
            loss = F.cross_entropy(logits, y[chunk].flatten(), label_smoothing=0.05)
            plain.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(plain.parameters(), 0.5)
            for optimizer in optimizers:
                for group in optimizer.param_groups:
                    group["lr"] = learning_rate("linear", step, STEPS, 0.02)
                optimizer.step()
            losses.append(loss.item())
            step += 1
    assert history.losses == pytest.approx(losses, rel=1e-9)
    assert losses[0] == pytest.approx(math.log(VOCAB))  # zero logits at the start
    pairs = zip(model.state_dict().items(), plain.state_dict().values(), strict=True)
    for (name, got), expected in pairs:
        torch.testing.assert_close(got, expected, rtol=1e-7, atol=1e-9, msg=name)


def test_it_learns_the_cycle_and_the_loss_is_a_mean_over_tokens():
    model = gpt()
    history = train(model, epochs=12)
    first, last = history.epochs[0], history.epochs[-1]
    assert last["test_loss"] < 0.6 * math.log(VOCAB) and last["test_accuracy"] > 0.75
    assert last["test_loss"] < first["test_loss"]
    x, y = TEST
    with torch.no_grad():
        expected = F.cross_entropy(model(x).flatten(0, 1), y.flatten()).item()
    assert evaluate(model, TEST, batch_size=3).loss == pytest.approx(expected, rel=1e-5)
    assert last["test_loss"] == pytest.approx(expected, rel=1e-5)


def test_overlapping_windows_train_as_their_copies_do():
    model, other = gpt(), gpt()
    first = train(model)
    copies = tuple(part.clone() for part in TRAIN)
    options = {"epochs": EPOCHS, "batch_size": BATCH, "seed": 3, **RECIPE, **PLAIN}
    second = fit(other, copies, TEST, **options)
    assert first == second and same(model, other)
    int32 = gpt()
    fit(int32, (TRAIN[0].int(), TRAIN[1].int()), TEST, **options)
    assert same(int32, model)


def test_muon_needs_a_hidden_matrix():
    x, y = torch.randn(8, 6), torch.arange(8) % 3
    model = MLP([6, 3])
    before = [p.clone() for p in model.parameters()]
    with pytest.raises(ValueError, match="model: Muon needs a weight of an nn"):
        fit(model, (x, y), epochs=1, optimizer="muon", **PLAIN)
    assert all(torch.equal(p, q) for p, q in zip(model.parameters(), before, strict=True))
    fit(MLP([6, 5, 3]), (x, y), epochs=1, optimizer="muon", **PLAIN)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [("optimizer", "adamw", "optimizer is 'adamw' in this call and was 'muon'"),
     ("schedule", "cosine", "schedule is 'cosine' in this call and was 'linear'")],
)  # fmt: skip
def test_another_recipe_does_not_go_on_with_the_run(tmp_path, name, value, words):
    path = tmp_path / "run.pt"
    train(gpt(), path, epochs=1)
    with pytest.raises(ValueError, match=words):
        train(gpt(), path, epochs=1, **{name: value})


def test_other_tokens_do_not_go_on_with_the_run(tmp_path):
    path = tmp_path / "run.pt"
    train(gpt(), path)
    other = (TRAIN[0], TRAIN[1].flip(0))
    with pytest.raises(ValueError, match="train: checksum of y"):
        fit(gpt(), other, TEST, epochs=EPOCHS, batch_size=BATCH, seed=3, checkpoint=path,
            **RECIPE, **PLAIN)  # fmt: skip


# on_step ------------------------------------------------------------------------------------------


def test_on_step_sees_every_step_and_changes_nothing(tmp_path):
    plain, watched, watch = gpt(dropout=0.3), gpt(dropout=0.3), Meddler()
    history, again = train(plain), train(watched, tmp_path / "run.pt", on_step=watch)
    assert watch.steps == list(range(1, STEPS + 1))
    assert history == again and same(plain, watched)
    train(gpt(), tmp_path / "run.pt", on_step=lambda *_: pytest.fail("nothing is left to do"))


def test_on_step_sees_the_weights_after_the_step():
    model, seen = gpt(), []
    train(model, epochs=1, on_step=lambda m, step: seen.append(m.head.weight.clone()))
    assert len(seen) == STEPS_PER_EPOCH and torch.equal(seen[-1], model.head.weight)
    assert seen[0].abs().max() > 0  # it starts at zero
    assert not torch.equal(seen[0], seen[1])


def test_on_step_leaves_a_generator_of_the_data_alone():
    from torch.utils.data import DataLoader, TensorDataset

    runs = []
    for meddle in (False, True):
        generator = torch.Generator().manual_seed(5)
        loader = DataLoader(TensorDataset(*TRAIN), batch_size=BATCH, shuffle=True,
                            generator=generator)  # fmt: skip
        model = gpt()

        def draw(model, step, generator=generator):
            torch.rand(3, generator=generator)

        fit(model, loader, epochs=2, on_step=draw if meddle else None, **RECIPE, **PLAIN)
        runs.append(model)
    assert same(*runs)


def test_each_layer_has_its_mode_back_after_on_step():
    class Frozen(GPT):
        """Keeps its first block in evaluation mode while the rest trains."""

        def train(self, mode=True):
            super().train(mode)
            self.blocks[0].eval()
            return self

        def forward(self, tokens, cache=None):
            modes.append((self.training, self.blocks[0].training, self.blocks[1].training))
            return super().forward(tokens, cache)

    modes = []
    model = Frozen(VOCAB, context=LENGTH, d_model=8, num_layers=2, num_heads=2, dropout=0.1)
    fit(model, TRAIN, epochs=1, batch_size=BATCH, on_step=lambda m, s: None, **RECIPE, **PLAIN)
    assert modes == [(True, False, True)] * STEPS_PER_EPOCH


def test_a_failing_on_step_ends_the_run_and_leaves_the_random_numbers_alone():
    def fail(model, step):
        torch.rand(1)
        raise RuntimeError(f"no more after step {step}")

    state = torch.get_rng_state()
    model = gpt()
    torch.set_rng_state(state)
    with pytest.raises(RuntimeError, match="no more after step 1"):
        train(model, on_step=fail)
    assert torch.equal(torch.get_rng_state(), state) and not model.training


def test_the_time_of_on_step_does_not_count(monkeypatch):
    now = 0

    class Watch:
        """A stopwatch whose clock moves in this test only."""

        def __init__(self, device):
            pass

        def __enter__(self):
            self.start = now

        def __exit__(self, *exc):
            self.seconds, self.cpu_seconds = now - self.start, 2 * (now - self.start)

    def pass_time(seconds, value=None):
        nonlocal now
        now += seconds
        return value

    monkeypatch.setattr(run_module, "Stopwatch", Watch)
    history = train(
        gpt(), augment=lambda x, g: pass_time(1, x), on_step=lambda m, s: pass_time(100)
    )
    assert history.column("seconds") == [STEPS_PER_EPOCH] * EPOCHS
    assert history.column("cpu_seconds") == [2 * STEPS_PER_EPOCH] * EPOCHS


@pytest.mark.parametrize("on_step", [3, "print", torch.ones(2)])
def test_a_bad_on_step_is_named(on_step):
    with pytest.raises(TypeError, match="on_step: expected a callable or None"):
        train(gpt(), on_step=on_step)


def test_a_checkpoint_of_this_loop_loads_as_a_model(tmp_path):
    path, model = tmp_path / "run.pt", gpt()
    train(model, path)
    assert same(training.load_model(path, gpt(seed=9)), model)
    state = training.load_checkpoint(path)["optimizer"]
    assert set(state) == {"parts"} and len(state["parts"]) == 2


@pytest.mark.usefixtures("ctrl_c")
def test_ctrl_c_saves_and_the_run_goes_on(tmp_path):
    path, expected = tmp_path / "run.pt", gpt(dropout=0.2)
    history = train(expected)

    def press(model, step):
        if step == 3:
            signal.raise_signal(signal.SIGINT)

    part = train(gpt(dropout=0.2), path, on_step=press, checkpoint_every=100)
    assert part.interrupted and part.losses == history.losses[:3]
    model = gpt(seed=1, dropout=0.2)
    assert train(model, path, checkpoint_every=100) == history and same(model, expected)


@pytest.mark.parametrize(
    ("x", "y", "error", "words"),
    [
        (TRAIN[0], TRAIN[1] + 3, ValueError, "train: expected labels from 0 to 6"),
        (TRAIN[0], TRAIN[1][:-1], ValueError, "train: expected as many labels as examples"),
        (TRAIN[0], TRAIN[1].float(), TypeError, "train: expected class indices as integers"),
        (TRAIN[0].float(), TRAIN[1], TypeError, "tokens: expected integers"),
        (*windows(tokens(), LENGTH + 1), ValueError, "tokens: expected 1 to 8 positions"),
    ],
)
def test_bad_tokens_are_named(x, y, error, words):
    with pytest.raises(error, match=words):
        fit(gpt(), (x, y), epochs=1, **RECIPE, **PLAIN)
