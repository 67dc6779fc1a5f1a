"""What a checkpoint must hold to go on with a run, written and read."""

import os

import torch

from bigmodel_utils.training import _checkpoint, _folder
from bigmodel_utils.training._history import History
from bigmodel_utils.training._settings import complete

__all__ = ["fingerprint", "resume", "save"]


def save(run, path):
    """Write to ``path`` all that :func:`resume` needs: a file, or of several ranks a folder."""
    history = run.history
    common = {
        "settings": fingerprint(run),
        "position": [run.epoch, run.batch],
        "sums": [run.loss_sum, run.examples],
        "computed in": run.forward.settled,
        "losses": torch.tensor(history.losses, dtype=torch.float64),
        "learning_rates": torch.tensor(history.learning_rates, dtype=torch.float64),
        "epochs": history.epochs,
    }
    own = {"state": run.state, "random": [run.entered, run.streams.state()]}
    if run.ranks.alone and not os.path.isdir(path):
        whole = {"model": run.model.state_dict(), "optimizer": run.optimizer.state_dict()}
        _checkpoint.save_checkpoint(path, {**common, **own, **whole})
        return
    run.ranks.copy_first(run.model.buffers())
    if run.ranks.rank == 0 and os.path.isfile(path):  # written by a process alone
        os.replace(path, _checkpoint.previous_path(path))
    steps = len(history.steps)
    _folder.save_folder(path, steps, run.model, run.optimizer, common, own, run.ranks)


def resume(run, path):
    """Go on from where the run that wrote ``path`` was.

    Raises:
        ValueError: if the file is no checkpoint of a run, or of a run with other settings or
            another model; the model is then unchanged.
    """
    folder = os.path.isdir(path)
    if folder:
        step, written = _folder.load_folder(path)
        state = written["common"]
    else:
        state = _checkpoint.load_checkpoint(path, map_location=run.train.device)
    if not isinstance(state, dict) or "settings" not in state:
        raise ValueError(f"{path}: expected a checkpoint written by training.fit")
    now = fingerprint(run)
    then = complete(state["settings"], now)
    for name in {**now, **then}:
        if now.get(name) != then.get(name):
            raise ValueError(
                f"{path}: {name} is {now.get(name)!r} in this call and was {then.get(name)!r} "
                "in the run that wrote it; use the same setting or another path"
            )
    if folder:
        if state["position"][1] and run.train.window and written["size"] != run.ranks.size:
            raise ValueError(
                f"{path}: expected {written['size']} ranks amid an epoch of a run with "
                f"truncate, whose state each keeps for its rows, got {run.ranks.size}"
            )
        parts = step, written, run.model, run.optimizer, run.ranks
        state = {**state, **_folder.load_parts(*parts)}
    else:
        _take_over(run, path, state)
    run.epoch, run.batch = state["position"]
    run.loss_sum, run.examples = state["sums"]
    run.state = state.get("state")
    run.forward.settle(state.get("computed in"))  # files of before may lack it
    run.entered, run.resumed = _to_cpu(state["random"])
    run.history = History(
        list(range(1, len(state["losses"]) + 1)),
        state["losses"].tolist(),
        state["learning_rates"].tolist(),
        state["epochs"],
    )
    run.streams.restore(run.resumed)


def fingerprint(run):
    """Return plain values by which a checkpoint recognises the run's settings and data."""
    settings = run.settings.fingerprint()
    for name, batches in (("train", run.train), ("test", run.test)):
        parts = {"examples": 0} if batches is None else batches.fingerprint()
        settings.update({f"{name}: {key}": value for key, value in parts.items()})
    return settings


def _take_over(run, path, state):
    if run.ranks.sharded:
        raise ValueError(
            f"{path}: expected a checkpoint written by several processes, which is a folder, "
            "for a sharded run, got the file of a process alone"
        )
    problem = _checkpoint.difference(run.model, state["model"])
    if problem:
        raise ValueError(f"{path}: model: another model wrote it; {problem}")
    try:
        run.optimizer.load_state_dict(state["optimizer"])
    except Exception as error:  # of the caller's own making, under the same name
        raise ValueError(
            f"{path}: optimizer: its state does not fit that of another ({error})"
        ) from error
    run.model.load_state_dict(state["model"])


def _to_cpu(value):
    # Generator states live on the CPU, whatever device the weights are loaded to.
    if isinstance(value, dict):
        return {key: _to_cpu(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_to_cpu(item) for item in value)
    return value.cpu() if isinstance(value, torch.Tensor) else value
