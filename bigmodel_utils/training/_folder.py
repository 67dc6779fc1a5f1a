"""Checkpoints that several processes write together and any number of processes read.

A checkpoint is a folder that holds one folder for each of the last two saved steps, such as
``step-00000120``. In it, torch.distributed.checkpoint keeps the tensors, each part written by a
rank that has it; ``run.pt`` keeps what is common to all ranks and ``rank-0.pt``, ``rank-1.pt`` ...
what is not. The file ``.metadata`` is written last: a folder without it is not whole.
"""

import pickle
import shutil
from pathlib import Path

import torch

from bigmodel_utils.arguments import describe
from bigmodel_utils.optim import MuonAdamW
from bigmodel_utils.training._checkpoint import load_checkpoint, save_checkpoint

__all__ = ["load_folder", "load_parts", "load_weights", "newest", "save_folder"]

_KEPT = 2  # steps


def newest(path):
    """Return the folder of the last step that is whole in the checkpoint ``path``, or None."""
    whole = [f for f in Path(path).glob("step-*") if (f / ".metadata").is_file()]
    return max(whole, default=None, key=lambda folder: folder.name)


def save_folder(path, step, model, optimizer, common, own, ranks):
    """Write a step of a run into the checkpoint ``path``; called by all ranks.

    Args:
        path: the checkpoint's folder; it is made where there is none.
        step: how many steps are done.
        model, optimizer: of the run; their tensors may be sharded.
        common: what rank 0 writes for all, of types that ``save_checkpoint`` takes.
        own: what each rank writes for itself.
        ranks: Ranks.

    Raises:
        TypeError: if the optimizer is not one of torch's, whose state cannot be divided.
    """
    from torch.distributed.checkpoint import FileSystemWriter, save

    path = Path(path)
    folder = path / f"step-{step:08d}"
    if ranks.rank == 0:
        shutil.rmtree(folder, ignore_errors=True)  # what a killed run left
        folder.mkdir(parents=True)
    ranks.wait()  # no rank writes before there is a folder
    tensors, rest = _divided(model, optimizer)
    save_checkpoint(folder / f"rank-{ranks.rank}.pt", own)
    if ranks.rank == 0:
        shapes = {name: [list(t.shape), str(t.dtype)] for name, t in tensors.items()}
        run = {"common": common, "size": ranks.size, "rest": rest, "shapes": shapes}
        save_checkpoint(folder / "run.pt", run)
    save(tensors, storage_writer=FileSystemWriter(folder), no_dist=ranks.alone)
    ranks.wait()
    if ranks.rank == 0:
        for old in sorted(path.glob("step-*"))[:-_KEPT]:
            shutil.rmtree(old, ignore_errors=True)


def load_folder(path):
    """Return ``(folder, run)`` of the newest whole step in the checkpoint ``path``.

    Returns:
        folder: its Path; ``run``: a dict with "common" as :func:`save_folder` got it, "size", the
        number of ranks that wrote it, and what :func:`load_parts` needs.

    Raises:
        ValueError: if there is none.
    """
    folder = newest(path)
    if folder is None:
        found = sorted(f.name for f in Path(path).iterdir())[:3]
        raise ValueError(
            f"{path}: expected the folder of a checkpoint, with a whole step such as "
            f"step-00000120 in it, found {', '.join(found) or 'nothing'}"
        )
    return folder, load_checkpoint(folder / "run.pt")


def load_parts(folder, run, model, optimizer, ranks):
    """Load model and optimizer, and return what this rank wrote for itself, or one like it.

    Args:
        folder, run: from :func:`load_folder`.
        model, optimizer: loaded in place, on any number of ranks.
        ranks: Ranks. Where there are more than before, rank r reads what rank r modulo their
            number wrote.

    Raises:
        ValueError: if the checkpoint is of another model or optimizer; both are then unchanged.
    """
    from torch.distributed.checkpoint.state_dict import set_state_dict

    optimizer.zero_grad()
    tensors, _ = _divided(model, optimizer)
    found = run["shapes"]
    for name in {**tensors, **found}:
        if name not in found or name not in tensors:
            where = "the checkpoint" if name not in found else "this run"
            raise ValueError(f"{folder}: another model or optimizer wrote it: {where} lacks {name}")
        shape, dtype = found[name]
        if shape != list(tensors[name].shape):
            raise ValueError(
                f"{folder}: another model wrote it: {name} is {describe(tensors[name])} here and "
                f"{tuple(shape)} {dtype} in the checkpoint"
            )
    _read(folder, tensors, alone=ranks.alone)
    state = _filled(run["rest"], tensors)
    set_state_dict(
        model,
        _parts(optimizer),
        model_state_dict=state["model"],
        optim_state_dict=state["optimizer"],
    )
    own = folder / f"rank-{ranks.rank % run['size']}.pt"
    return load_checkpoint(own, map_location=ranks.device)


def load_weights(path, model):
    """Load the weights in the checkpoint ``path`` into ``model``, in a process alone."""
    folder, run = load_folder(path)
    weights = {f"model/{name}": value for name, value in model.state_dict().items()}
    found = {name: shape for name, (shape, _) in run["shapes"].items() if "model/" in name[:6]}
    for name in {**weights, **found}:
        mine = list(weights[name].shape) if name in weights else "missing"
        if mine != found.get(name, "missing"):
            raise ValueError(
                f"{folder}: expected weights for {type(model).__name__}; {name[6:]!r} is {mine} in "
                f"the model, {found.get(name, 'missing')} in the checkpoint"
            )
    loaded = {name: torch.empty_like(value) for name, value in weights.items()}
    _read(folder, loaded, alone=True)
    model.load_state_dict({name[6:]: value for name, value in loaded.items()})


class _Reader(pickle.Unpickler):
    """Unpickle nothing but the description of the tensors, so that a file cannot run code."""

    def find_class(self, module, name):
        ours = module == "torch.distributed.checkpoint.metadata" or (
            (module, name)
            in {
                ("torch.distributed.checkpoint.filesystem", "_StorageInfo"),
                ("torch", "Size"),
                ("torch.serialization", "_get_layout"),
                ("pathlib", "PosixPath"),
                ("pathlib", "WindowsPath"),
            }
        )
        if ours or (module == "torch" and isinstance(getattr(torch, name, None), torch.dtype)):
            return super().find_class(module, name)
        raise pickle.UnpicklingError(f"it mentions {module}.{name}, which is not loaded")


def _read(folder, tensors, *, alone):
    # Fill the tensors, in place, by their names.
    from torch.distributed.checkpoint import FileSystemReader, load

    class Reader(FileSystemReader):
        def read_metadata(self, *args, **kwargs):
            try:
                with open(folder / ".metadata", "rb") as file:
                    metadata = _Reader(file).load()
            except Exception as error:
                raise ValueError(f"{folder}: expected a whole checkpoint ({error})") from error
            metadata.storage_meta.load_id = self.load_id
            return metadata

    load(tensors, storage_reader=Reader(folder), no_dist=alone)


def _parts(optimizer):
    parts = [optimizer]
    if isinstance(optimizer, MuonAdamW):
        parts = [part for part in (optimizer.muon, optimizer.adamw) if part is not None]
    for part in parts:
        if not isinstance(part, torch.optim.Optimizer):
            raise TypeError(
                "optimizer: expected a torch.optim.Optimizer for a checkpoint of several "
                f"processes, got {describe(part)}"
            )
    return parts


def _divided(model, optimizer):
    # The tensors of both by their names, and all else with the names in place of the tensors.
    from torch.distributed.checkpoint.state_dict import get_state_dict

    weights, states = get_state_dict(model, _parts(optimizer))
    tensors = {}
    return tensors, _emptied({"model": weights, "optimizer": states}, "", tensors)


def _emptied(value, name, tensors):
    if isinstance(value, torch.Tensor):
        tensors[name] = value
        return {"tensor": name}
    if isinstance(value, dict):
        return {k: _emptied(v, f"{name}/{k}" if name else k, tensors) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_emptied(v, f"{name}/{i}", tensors) for i, v in enumerate(value))
    return value


def _filled(value, tensors):
    if isinstance(value, dict):
        if list(value) == ["tensor"]:
            return tensors[value["tensor"]]
        return {key: _filled(item, tensors) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_filled(item, tensors) for item in value)
    return value
