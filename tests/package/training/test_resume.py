"""A run that is killed and started again ends as if nothing had happened.

Run as a program (``python test_resume.py FOLDER``) this file is the worker: it imports torch once
and forks a child for every run, so that killing dozens of them takes seconds.
"""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy
import pytest
import torch
from torch.utils.data import DataLoader, Dataset, TensorDataset
from tqdm.auto import tqdm

from bigmodel_utils import training
from bigmodel_utils.data import random_shift
from bigmodel_utils.models import MLP, RecognitionCNN
from bigmodel_utils.training import _forward as forward
from bigmodel_utils.training import fit

EPOCHS, EXAMPLES, BATCH = 3, 43, 8
STEPS_PER_EPOCH = 6
STEPS = EPOCHS * STEPS_PER_EPOCH


class Noisy(Dataset):
    """Images whose transform draws from all three global generators."""

    def __init__(self, x, y):
        self.x, self.y = x, y

    def __len__(self):
        return len(self.x)

    def __getitem__(self, i):
        import random

        noise = torch.rand(1) + numpy.random.rand() + random.random()  # noqa: NPY002
        return self.x[i] + 0.1 * noise, self.y[i]


def images(n, seed):
    generator = torch.Generator().manual_seed(seed)
    x = torch.rand(n, 2, 8, 12, generator=generator)
    return x, torch.randint(0, 3, (n,), generator=generator)


def own_generator(train):
    generator = torch.Generator().manual_seed(11)
    return DataLoader(train, batch_size=BATCH, shuffle=True, generator=generator)


CASES = {
    "tensors": lambda: images(EXAMPLES, 0),
    "dataset": lambda: Noisy(*images(EXAMPLES, 0)),
    "loader": lambda: DataLoader(Noisy(*images(EXAMPLES, 0)), batch_size=BATCH, shuffle=True),
    "loader with generator": lambda: own_generator(Noisy(*images(EXAMPLES, 0))),
}


def new_model(seed=0):
    torch.manual_seed(seed)
    return RecognitionCNN(image_size=(8, 12), in_channels=2, num_classes=3, channels=(4, 5),
                          dropout=0.4)  # fmt: skip


def train(case, path=None, *, at_step=None, every=2, **options):
    """Run from the start or from ``path``; ``at_step(k)`` is called in the k-th step here."""
    calls = 0

    def augment(x, generator):
        nonlocal calls
        calls += 1
        if at_step is not None:
            at_step(calls)
        return random_shift(x, 1, generator=generator)

    # A resumed run must get its weights from the file, not from an equal start.
    model = new_model(seed=1 if path and Path(path).exists() else 0)
    test = DataLoader(TensorDataset(*images(17, 1)), batch_size=5, shuffle=True)
    history = fit(
        model, CASES[case](), test, epochs=EPOCHS, batch_size=BATCH, lr=0.02, weight_decay=0.1,
        clip_norm=1.0, augment=augment, seed=3, device="cpu", progress=False, checkpoint=path,
        checkpoint_every=every if path else None, **options,
    )  # fmt: skip
    return model, history, calls


# The worker ---------------------------------------------------------------------------------------


def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)


def die_in(module, name, nth, before):
    """Die in the ``nth`` call of a function, before or after its work."""
    real, calls = getattr(module, name), 0

    def replaced(*args, **kwargs):
        nonlocal calls
        calls += 1
        if calls == nth and before:
            if name == "save":
                args[1].write(b"PK half a checkpoint")
                args[1].flush()
            die()
        result = real(*args, **kwargs)
        if calls == nth:
            die()
        return result

    setattr(module, name, replaced)


def fork(function):
    """Run ``function`` in a child and return the number of its process."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            function()
            status = 0
        finally:
            os._exit(status)
    return child


def wait(child):
    """Wait for a child and return its exit status: 0, or minus the signal that ended it."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def resumed_run(case, path, result):
    torch.manual_seed(time.time_ns() % 2**31)  # nothing may depend on what the process drew
    model, history, calls = train(case, path)
    torch.save(
        {
            "weights": model.state_dict(),
            "history": [history.steps, history.losses, history.learning_rates],
            "epochs": [{k: v for k, v in e.items() if "seconds" not in k} for e in history.epochs],
            "calls": calls,
        },
        result,
    )


def equal(a, b):
    weights = all(torch.equal(a["weights"][k], b["weights"][k]) for k in b["weights"])
    return weights and a["history"] == b["history"] and a["epochs"] == b["epochs"]


def worker(folder):
    torch.set_num_threads(1)
    tqdm.monitor_interval = (
        0  # no thread beside a fork: a child could inherit the lock that it holds
    )
    results = {}
    for case in CASES:
        (Path(folder) / case).mkdir()
        results[case] = killed_runs(Path(folder) / case, case)
    print(json.dumps(results))


def killed_runs(folder, case):
    resumed_run(case, None, folder / "expected")  # here, so that every child starts warm
    expected = torch.load(folder / "expected")

    moments = [
        (f"step {k}", lambda path, k=k: train(case, path, at_step=lambda n: n == k and die()))
        for k in (1, 4, 7, 10, 18)
    ]
    if case == "tensors":
        for module, name, nth, before in [
            (torch, "save", 1, True), (torch, "save", 4, True), (torch, "save", 5, False),
            (os, "fsync", 6, False), (os, "link", 3, False), (os, "replace", 4, True),
            (os, "replace", 4, False), (os, "replace", 5, True), (os, "replace", 5, False),
        ]:  # fmt: skip

            def run(path, args=(module, name, nth, before)):
                die_in(*args)
                train(case, path)

            moments.append((f"{'before' if before else 'after'} {name} {nth}", run))

    results, result = [], folder / "result"
    for name, run in moments:
        path = folder / f"{name}.pt"
        status = wait(fork(lambda run=run, path=path: run(path)))
        found = path.exists()
        again = wait(fork(lambda path=path: resumed_run(case, path, result)))
        got = torch.load(result) if again == 0 else None
        results.append(
            {
                "moment": name,
                "killed": status == -signal.SIGKILL,
                "found": found,
                "equal": got is not None and equal(got, expected),
                "steps": got and got["calls"],
            }
        )
        result.unlink(missing_ok=True)
    if case == "tensors":
        results += killed_by_the_clock(case, folder, expected)
    return results


def killed_by_the_clock(case, folder, expected):
    """Kill one run from outside again and again, then let it finish."""
    path, result, kills = folder / "clock.pt", folder / "result", 0
    start = time.perf_counter()
    assert wait(fork(lambda: resumed_run(case, None, folder / "timed"))) == 0
    duration = time.perf_counter() - start  # depends on what else the machine does
    for attempt in range(7):
        child = fork(lambda: resumed_run(case, path, result))
        time.sleep(duration * (0.2 + 0.07 * attempt))
        os.kill(child, signal.SIGKILL)
        kills += wait(child) != 0
    assert wait(fork(lambda: resumed_run(case, path, result))) == 0
    got = torch.load(result)
    return [
        {
            "moment": f"clock, {kills} kills",
            "killed": kills > 0,
            "found": True,
            "equal": equal(got, expected),
            "steps": got["calls"],
        }
    ]


if __name__ == "__main__":
    worker(sys.argv[1])


# The tests ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    done = subprocess.run(
        [sys.executable, __file__, str(tmp_path_factory.mktemp("killed"))],
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork and SIGKILL")
@pytest.mark.parametrize("case", list(CASES))
def test_killed_at_any_moment_the_end_is_the_same(results, case):
    results = results[case]
    assert len(results) >= 5
    for result in results:
        assert result["killed"], result
        assert result["equal"], result
    resumed = [r for r in results if r["found"] and "clock" not in r["moment"]]
    assert len(resumed) >= 4
    # Work that was saved is not done again: some runs needed far fewer steps than the whole.
    assert all(r["steps"] < STEPS for r in resumed)
    assert min(r["steps"] for r in resumed) <= 2  # killed in the last step


def test_a_finished_run_called_again_returns_at_once(tmp_path):
    path = tmp_path / "run.pt"
    first, history, calls = train("tensors", path)
    assert calls == STEPS
    second, again, calls = train("tensors", path)
    assert calls == 0
    assert history == again and len(again.epochs) == EPOCHS
    assert same(first, second)
    assert same(training.load_model(path, new_model()), first)


def same(a, b):
    pairs = zip(a.state_dict().values(), b.state_dict().values(), strict=True)
    return all(torch.equal(p, q) for p, q in pairs)


def test_checkpoints_themselves_change_nothing(tmp_path):
    plain, history, _ = train("tensors")
    saved, other, _ = train("tensors", tmp_path / "run.pt", every=1)
    assert same(plain, saved) and history == other


@pytest.mark.usefixtures("ctrl_c")
def test_ctrl_c_saves_and_the_run_goes_on(tmp_path):
    path = tmp_path / "run.pt"
    expected, history, _ = train("tensors")
    for at in (3, 4, 7):
        _, part, calls = train(
            "tensors",
            path,
            every=1000,
            at_step=lambda n, at=at: n == at and signal.raise_signal(signal.SIGINT),
        )
        assert part.interrupted and calls == at
        assert part.losses == history.losses[: len(part.losses)]
    model, whole, calls = train("tensors", path, every=1000)
    assert calls == STEPS - 14
    assert same(model, expected) and whole == history


@pytest.mark.parametrize("found", [None, "output: off by half"])
@pytest.mark.filterwarnings("ignore:bfloat16 disagrees")
def test_the_number_format_is_chosen_once_for_the_whole_run(tmp_path, monkeypatch, found):
    other = "output: off by half" if found is None else None
    asked = []

    def disagreement(got, expected, **options):
        asked.append(got)
        return found if len(asked) == 1 else other

    monkeypatch.setattr(forward.numerics, "disagreement", disagreement)
    whole, history, _ = train("tensors", dtype=torch.bfloat16)
    assert len(asked) == 1
    asked.clear()

    def crash(n):
        if n == 9:
            raise OSError("power")

    path = tmp_path / "run.pt"
    with pytest.raises(OSError, match="power"):
        train("tensors", path, at_step=crash, dtype=torch.bfloat16)
    resumed, again, calls = train("tensors", path, dtype=torch.bfloat16)
    assert calls == STEPS - 8
    assert same(whole, resumed) and history == again
    assert len(asked) == 1


def test_a_damaged_checkpoint_is_named_and_left_alone(tmp_path):
    path = tmp_path / "run.pt"
    train("tensors", path)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(ValueError, match="truncated") as error:
        train("tensors", path)
    assert str(path) in str(error.value) and f"{path}.previous" in str(error.value)
    assert path.read_bytes() == content[: len(content) // 2]
    os.replace(f"{path}.previous", path)
    model, _, _ = train("tensors", path)
    assert same(model, train("tensors")[0])


def test_a_checkpoint_of_something_else_is_refused(tmp_path):
    path = tmp_path / "run.pt"
    training.save_checkpoint(path, new_model().state_dict())
    with pytest.raises(ValueError, match=r"run\.pt: expected a checkpoint written by training.fit"):
        train("tensors", path)


OTHER = {
    "epochs": ({"epochs": 4}, "epochs is 4 in this call and was 2"),
    "lr": ({"lr": 0.5}, "lr is 0.5 in this call and was 0.1"),
    "batch_size": ({"batch_size": 9}, "batch_size is 9"),
    "weight_decay": ({"weight_decay": 0.1}, "weight_decay is 0.1"),
    "optimizer": ({"optimizer": "sgd"}, "optimizer is 'sgd'"),
    "schedule": ({"schedule": "cosine"}, "schedule is 'cosine'"),
    "label_smoothing": ({"label_smoothing": 0.1}, "label_smoothing is 0.1"),
    "augment": ({"augment": lambda x, g: x}, "augment is "),
    "clip_norm": ({"clip_norm": 1.0}, "clip_norm is 1.0"),
    "seed": ({"seed": 1}, "seed is 1"),
    "dtype": ({"dtype": torch.bfloat16}, "dtype is 'torch.bfloat16'"),
    "loss": ({"loss": torch.nn.functional.cross_entropy}, "loss is 'cross_entropy'"),
}


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    path = tmp_path_factory.mktemp("finished") / "run.pt"
    return path, small_run(path)


def small_run(path, train=None, test=None, model=None, **changes):
    x = torch.randn(20, 6, generator=torch.Generator().manual_seed(0))
    y = torch.arange(20) % 3
    options = {"epochs": 2, "batch_size": 8, "lr": 0.1, "dtype": torch.float32, "device": "cpu"}
    return fit(
        model or MLP([6, 5, 3]), train or (x, y), test,
        **{**options, "progress": False, "checkpoint": path, **changes},
    )  # fmt: skip


@pytest.mark.parametrize("name", list(OTHER))
def test_other_settings_are_named(finished, name):
    path, _ = finished
    changes, words = OTHER[name]
    before = path.read_bytes()
    with pytest.raises(ValueError, match=words) as error:
        small_run(path, **changes)
    assert str(path) in str(error.value)
    assert path.read_bytes() == before


def test_other_data_is_named(finished):
    path, history = finished
    x = torch.randn(20, 6, generator=torch.Generator().manual_seed(0))
    y = torch.arange(20) % 3
    assert small_run(path, (x, y)) == history
    for data, words in [
        ((x[:19], y[:19]), "train: examples is 19 in this call and was 20"),
        ((x + 1, y), "train: checksum of x"),
        ((x, y.flip(0)), "train: checksum of y"),
        ((x.reshape(20, 2, 3), y), "train: shape of x"),
    ]:
        with pytest.raises(ValueError, match=words):
            small_run(path, data)
    with pytest.raises(ValueError, match="test: examples is 20 in this call and was 0"):
        small_run(path, test=(x, y))


def test_another_model_is_named_and_left_alone(finished):
    path, _ = finished
    for model, words in [
        (MLP([6, 4, 3]), r"model: another model wrote it; 'layers\.0\.weight' is a float32"),
        (MLP([6, 5, 4, 3]), "model: another model wrote it"),
    ]:
        before = [p.clone() for p in model.parameters()]
        with pytest.raises(ValueError, match=words):
            small_run(path, model=model)
        assert all(torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))


def test_a_run_that_diverged_keeps_its_last_good_checkpoint(tmp_path):
    path = tmp_path / "run.pt"
    calls = 0

    def failing(output, y):
        nonlocal calls
        calls += 1
        return torch.nn.functional.cross_entropy(output, y) * (torch.nan if calls == 5 else 1)

    with pytest.raises(FloatingPointError, match="step 5"):
        small_run(path, loss=failing)
    assert training.load_checkpoint(path)["position"] == [1, 0]


def test_no_folder_for_the_checkpoint_is_told_before_training(tmp_path):
    with pytest.raises(FileNotFoundError, match="expected an existing folder"):
        small_run(tmp_path / "no" / "run.pt", loss=lambda output, y: pytest.fail("trained"))
