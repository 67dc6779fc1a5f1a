"""Checkpoints: whole or not at all, and clear words about every bad file."""

import os
import pickle
from collections import OrderedDict
from pathlib import Path

import numpy
import pytest
import torch

from bigmodel_utils import device
from bigmodel_utils.models import MLP, RecognitionCNN
from bigmodel_utils.training import _checkpoint as checkpoint


def state(seed):
    generator = torch.Generator().manual_seed(seed)
    return {
        "weights": OrderedDict(a=torch.randn(3, 5, generator=generator), b=torch.arange(7)),
        "numbers": [1, 2.5, None, True, "text", (3, 4)],
        7: {"nested": torch.randn(2, generator=generator, dtype=torch.float64)},
    }


def assert_equal(got, expected):
    assert type(got) is type(expected)
    if isinstance(expected, dict):
        assert list(got) == list(expected)
        for key, value in expected.items():
            assert_equal(got[key], value)
    elif isinstance(expected, (list, tuple)):
        assert len(got) == len(expected)
        for a, b in zip(got, expected, strict=True):
            assert_equal(a, b)
    elif isinstance(expected, torch.Tensor):
        assert got.dtype == expected.dtype and torch.equal(got, expected)
    else:
        assert got == expected


def test_a_state_comes_back_as_it_was(tmp_path):
    path = tmp_path / "run.pt"
    checkpoint.save_checkpoint(path, state(1))
    assert_equal(checkpoint.load_checkpoint(path), state(1))
    assert [p.name for p in tmp_path.iterdir()] == ["run.pt"]


def test_the_file_before_is_kept(tmp_path):
    path = str(tmp_path / "run.pt")
    for seed in (1, 2, 3):
        checkpoint.save_checkpoint(path, state(seed))
    assert_equal(checkpoint.load_checkpoint(path), state(3))
    assert_equal(checkpoint.load_checkpoint(checkpoint.previous_path(path)), state(2))
    assert sorted(os.listdir(tmp_path)) == ["run.pt", "run.pt.previous"]


def test_the_file_before_is_kept_without_hard_links(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError("not supported")

    monkeypatch.setattr(os, "link", refuse)
    test_the_file_before_is_kept(tmp_path)


class Crash(Exception):
    pass


CALLS = ("torch.save", "os.fsync", "os.link", "os.replace")


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("nth", [1, 2])
def test_a_crash_at_any_call_leaves_a_whole_file(tmp_path, monkeypatch, call, nth):
    """Whatever the call that fails, `path` holds the old state or the new one, never neither."""
    path = tmp_path / "run.pt"
    checkpoint.save_checkpoint(path, state(1))
    checkpoint.save_checkpoint(path, state(2))
    module, name = {"torch": torch, "os": os}[call.split(".")[0]], call.split(".")[1]
    real, count = getattr(module, name), 0

    def failing(*args, **kwargs):
        nonlocal count
        count += 1
        if count == nth:
            if name == "save":
                args[1].write(b"half a fi")
            raise Crash
        return real(*args, **kwargs)

    monkeypatch.setattr(module, name, failing)
    crashed = False
    try:
        checkpoint.save_checkpoint(path, state(3))
    except Crash:
        crashed = True
    monkeypatch.undo()
    assert crashed == (nth == 1 or name in ("fsync", "replace"))
    newest = 2 if crashed and not (name == "fsync" and nth == 2) else 3
    assert_equal(checkpoint.load_checkpoint(path), state(newest))
    assert checkpoint.load_checkpoint(checkpoint.previous_path(path)) is not None
    checkpoint.save_checkpoint(path, state(4))  # what the crash left behind is no hindrance
    assert_equal(checkpoint.load_checkpoint(path), state(4))
    assert_equal(checkpoint.load_checkpoint(checkpoint.previous_path(path)), state(newest))
    assert sorted(os.listdir(tmp_path)) == ["run.pt", "run.pt.previous"]


def test_the_data_and_the_folder_are_forced_to_disk_before_and_after_the_rename(
    tmp_path, monkeypatch
):
    calls = []
    for name in ("fsync", "replace"):
        real = getattr(os, name)

        def spy(*args, name=name, real=real):
            calls.append(name)
            return real(*args)

        monkeypatch.setattr(os, name, spy)
    checkpoint.save_checkpoint(tmp_path / "run.pt", state(1))
    assert calls == ["fsync", "replace", "fsync"]


def test_a_truncated_file_is_named_whatever_is_left_of_it(tmp_path):
    path = tmp_path / "run.pt"
    checkpoint.save_checkpoint(path, state(1))
    checkpoint.save_checkpoint(path, state(2))
    whole = path.read_bytes()
    for length in [0, 1, 3, *range(10, len(whole), 97), len(whole) - 1]:
        path.write_bytes(whole[:length])
        with pytest.raises(ValueError, match="truncated") as error:
            checkpoint.load_checkpoint(path)
        assert str(path) in str(error.value)
        assert f"{path}.previous" in str(error.value)


def test_a_changed_byte_of_the_weights_is_noticed(tmp_path):
    path = tmp_path / "run.pt"
    weights = torch.full((64,), 1.5)
    checkpoint.save_checkpoint(path, {"weights": weights})
    content = bytearray(path.read_bytes())
    place = content.find(weights.numpy().tobytes())
    assert place > 0
    content[place + 20] ^= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match="damaged"):
        checkpoint.load_checkpoint(path)


class Bomb:
    def __reduce__(self):
        return Path.touch, (Path(self.where),)


def foreign_files(folder):
    bomb = Bomb()
    bomb.where = str(folder / "exploded")
    return {
        "text": lambda p: p.write_text("epoch,loss\n1,0.5\n"),
        "pickle": lambda p: p.write_bytes(pickle.dumps({"weights": 1})),
        "old torch file": lambda p: torch.save(
            {"w": torch.ones(2)}, p, _use_new_zipfile_serialization=False
        ),
        "torch file": lambda p: torch.save({"w": torch.ones(2)}, p),
        "torch tensor": lambda p: torch.save(torch.ones(2), p),
        "code": lambda p: torch.save({"format": checkpoint.FORMAT, "state": bomb}, p),
        "other version": lambda p: torch.save({"format": checkpoint.FORMAT, "version": 9}, p),
    }


@pytest.mark.parametrize("kind", list(foreign_files(Path())))
def test_a_foreign_file_is_named_and_never_run(tmp_path, kind):
    path = tmp_path / "run.pt"
    foreign_files(tmp_path)[kind](path)
    with pytest.raises(ValueError, match="expected") as error:
        checkpoint.load_checkpoint(path)
    assert str(path) in str(error.value)
    assert "previous" not in str(error.value)
    assert not (tmp_path / "exploded").exists()


def test_missing_file_and_folder(tmp_path):
    path = tmp_path / "run.pt"
    with pytest.raises(FileNotFoundError, match=r"run\.pt: no such checkpoint$"):
        checkpoint.load_checkpoint(path)
    checkpoint.save_checkpoint(path, state(1))
    checkpoint.save_checkpoint(path, state(2))
    path.unlink()
    with pytest.raises(FileNotFoundError, match=r"before it is at .*run\.pt\.previous"):
        checkpoint.load_checkpoint(path)
    with pytest.raises(ValueError, match="found a folder"):
        checkpoint.load_checkpoint(tmp_path)
    with pytest.raises(IsADirectoryError, match="expected a file"):
        checkpoint.save_checkpoint(tmp_path, state(1))
    with pytest.raises(FileNotFoundError, match="expected an existing folder"):
        checkpoint.save_checkpoint(tmp_path / "no" / "run.pt", state(1))


@pytest.mark.parametrize(
    ("bad", "where"),
    [
        ({"a": {"b": [1, object()]}}, r"state\['a'\]\['b'\]\[1\]"),
        ({"loss": numpy.float64(1.0)}, r"state\['loss'\]"),
        ({"x": numpy.ones(3)}, r"state\['x'\]"),
        ({(1, 2): 3}, "keys"),
        ({"f": print}, r"state\['f'\]"),
    ],
)
def test_what_could_not_be_read_back_is_not_written(tmp_path, bad, where):
    with pytest.raises(TypeError, match=where):
        checkpoint.save_checkpoint(tmp_path / "run.pt", bad)
    assert not list(tmp_path.iterdir())


def test_weights_go_into_a_model_of_the_same_shape_only(tmp_path):
    path = tmp_path / "model.pt"
    torch.manual_seed(0)
    model = MLP([6, 5, 3])
    checkpoint.save_checkpoint(path, model.state_dict())
    other = checkpoint.load_model(path, MLP([6, 5, 3]))
    assert_equal(dict(other.state_dict()), dict(model.state_dict()))
    for wrong, named in [
        (MLP([6, 4, 3]), r"'layers\.0\.weight' is a float32 tensor of shape \(4, 6\) in the"),
        (MLP([6, 5, 5, 3]), r"'layers\.2\.weight' is a float32 tensor of shape \(5, 5\)"),
        (MLP([6, 3]), r"'layers\.0\.weight'"),
        (RecognitionCNN(), "'conv1.weight' is missing"),
        (torch.nn.Identity(), "which the model has not"),
    ]:
        before = [p.clone() for p in wrong.parameters()]
        with pytest.raises(ValueError, match=named) as error:
            checkpoint.load_model(path, wrong)
        assert str(path) in str(error.value)
        assert all(torch.equal(a, b) for a, b in zip(before, wrong.parameters(), strict=True))
    checkpoint.save_checkpoint(path, [1, 2])
    with pytest.raises(ValueError, match="holds list"):
        checkpoint.load_model(path, model)
    with pytest.raises(TypeError, match="model: expected"):
        checkpoint.load_model(path, "model")


# Weights that torch.save wrote --------------------------------------------------------------------


def mlp(seed=0):
    torch.manual_seed(seed)
    return MLP([6, 5, 3])


@pytest.mark.parametrize(
    "write",
    [
        lambda model, path: torch.save(model.state_dict(), path),
        lambda model, path: torch.save(dict(model.state_dict()), path),
        lambda model, path: torch.save({"model": model.state_dict(), "epoch": 3}, path),
        lambda model, path: torch.save(
            model.state_dict(), path, _use_new_zipfile_serialization=False
        ),
        lambda model, path: checkpoint.save_checkpoint(path, model.state_dict()),
        lambda model, path: checkpoint.save_checkpoint(path, {"model": model.state_dict()}),
    ],
    ids=["torch", "dict", "with more", "before torch 1.6", "ours", "ours with more"],
)
def test_weights_come_from_what_torch_saved_too(tmp_path, write):
    path, model, other = tmp_path / "model.pt", mlp(), mlp(1)
    write(model, path)
    assert checkpoint.load_model(path, other) is other
    assert_equal(dict(other.state_dict()), dict(model.state_dict()))


def test_weights_are_rounded_to_the_model_s_format_and_lazy_ones_take_their_shape(tmp_path):
    path, model = tmp_path / "model.pt", mlp().double()
    torch.save(model.state_dict(), path)
    other = checkpoint.load_model(path, mlp(1))
    assert torch.equal(other.layers[0].weight, model.layers[0].weight.float())
    torch.save(torch.nn.Linear(4, 2).state_dict(), path)
    assert checkpoint.load_model(path, torch.nn.LazyLinear(2)).weight.shape == (2, 4)


class Runs(torch.nn.Linear):
    """A whole model in a file is code."""

    def __reduce__(self):
        return Path.touch, (Path(self.where),)


def bad_weights(folder):
    model = Runs(6, 3)
    model.where = str(folder / "ran")
    weights = mlp().state_dict()
    one = "'layers.0.weight'"
    return {
        "whole model": (model, "UnpicklingError: it holds more than tensors.* its code is not run"),
        "compiled": ({f"_orig_mod.{k}": v for k, v in weights.items()},
                     f"{one} is missing in the file, which has '_orig_mod.layers.0.weight', "),
        "under a key": ({"state_dict": weights}, f"{one} is missing .*, which has 'state_dict'$"),
        "nothing": ({}, f"{one} is missing in the file, which has nothing"),
        "list": (list(weights.values()), "the file holds list"),
        "integers": ({k: v.to(torch.int8) for k, v in weights.items()},
                     f"{one} is a float32 tensor .* int8 tensor .* in the file"),
        "complex": ({k: v + 0j for k, v in weights.items()}, f"{one} is .* complex64 tensor"),
        "numbers": ({k: v.tolist() for k, v in weights.items()}, f"{one} is .*, list"),
        "meta": ({k: v.to("meta") for k, v in weights.items()}, f"{one} has no values in the file"),
    }  # fmt: skip


@pytest.mark.parametrize("kind", list(bad_weights(Path())))
def test_other_files_of_torch_are_refused_in_words_and_never_run(tmp_path, kind):
    path, model = tmp_path / "model.pt", mlp(1)
    content, words = bad_weights(tmp_path)[kind]
    torch.save(content, path)
    with pytest.raises(ValueError, match=words) as error:
        checkpoint.load_model(path, model)
    assert str(error.value).startswith(f"{path}: expected") and "\x1b" not in str(error.value)
    assert_equal(dict(model.state_dict()), dict(mlp(1).state_dict()))
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("old_format", [False, True])
def test_damaged_weights_of_torch_are_named(tmp_path, old_format):
    path = tmp_path / "model.pt"
    torch.save(mlp().state_dict(), path, _use_new_zipfile_serialization=not old_format)
    whole = path.read_bytes()
    for length in (0, 1, 10, len(whole) // 2, len(whole) - 9):
        path.write_bytes(whole[:length])
        with pytest.raises(ValueError, match="truncated"):
            checkpoint.load_model(path, mlp())
    if not old_format:
        place = whole.find(mlp().layers[0].weight.detach().numpy().tobytes())
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(ValueError, match="damaged, wrong checksum"):
            checkpoint.load_model(path, mlp())


def test_a_model_without_values_takes_none(tmp_path):
    torch.save(mlp().state_dict(), tmp_path / "model.pt")
    with pytest.raises(ValueError, match=r"'layers\.0\.weight' has no values in the model"):
        checkpoint.load_model(tmp_path / "model.pt", mlp().to("meta"))


# Devices and states -------------------------------------------------------------------------------


@pytest.mark.parametrize("wanted", ["cuda", "cuda:5", "meta", "xla", torch.device("cuda")])
def test_a_missing_device_is_named_with_those_that_there_are(tmp_path, monkeypatch, wanted):

    if torch.cuda.is_available() and "cuda" in str(wanted):
        pytest.skip("this machine has the device")
    path = tmp_path / "run.pt"
    checkpoint.save_checkpoint(path, state(1))
    with pytest.raises(ValueError, match=r"^map_location: .* of this machine, 'cpu'.*, got .*"):
        checkpoint.load_checkpoint(path, map_location=wanted)
    with pytest.raises(ValueError, match=r"which is not available$"):
        checkpoint.load_checkpoint(path, map_location=wanted)
    monkeypatch.setattr(device, "_found", lambda: ["cpu", "cuda:0", "cuda:1"])
    with pytest.raises(ValueError, match=r"this machine, 'cpu', 'cuda:0', 'cuda:1', got"):
        checkpoint.load_checkpoint(path, map_location=wanted)
    assert_equal(checkpoint.load_checkpoint(path, map_location=torch.device("cpu")), state(1))
    assert_equal(checkpoint.load_checkpoint(path, map_location=None), state(1))


def test_a_state_that_holds_itself_or_nothing_is_not_written(tmp_path):
    cycle = {"a": []}
    cycle["a"].append(cycle)
    with pytest.raises(ValueError, match=r"state: expected no .* holds itself"):
        checkpoint.save_checkpoint(tmp_path / "run.pt", cycle)
    with pytest.raises(ValueError, match=r"state\['x'\]: expected values, got .* on 'meta'"):
        checkpoint.save_checkpoint(tmp_path / "run.pt", {"x": torch.ones(2, 3, device="meta")})
    assert not list(tmp_path.iterdir())
