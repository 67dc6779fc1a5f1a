"""Checkpoints that survive a crash: written whole or not at all, checked when read.

A file is a torch archive that holds ``{"format": ..., "version": ..., "state": ...}``.
"""

import collections
import os
import pickle
import shutil
import zipfile
from pathlib import Path

import torch

from bigmodel_utils import arguments
from bigmodel_utils.arguments import describe
from bigmodel_utils.device import at_hand

__all__ = ["FORMAT", "VERSION", "load_checkpoint", "load_model", "previous_path", "save_checkpoint"]

FORMAT = "bigmodel-checkpoint"
VERSION = 1
# Compared by exact type: a NumPy float is a float too, and weights_only refuses it.
_PLAIN = (bool, int, float, str, type(None))


def previous_path(path):
    """Return where :func:`save_checkpoint` keeps the last file but one: ``<path>.previous``."""
    return Path(f"{os.fspath(arguments.path('path', path))}.previous")


def save_checkpoint(path, state):
    """Write ``state`` to ``path`` so that a crash at any moment leaves a whole file there.

    The state goes to ``<path>.partial`` in the same folder, is forced to disk and then renamed,
    which the file system does in one step. The file that was at ``path`` stays as
    ``<path>.previous``.

    Args:
        path: file to write; its folder must exist.
        state: tensors, numbers, strings, None and dicts, lists and tuples of them: what
            ``weights_only`` can read back.

    Raises:
        TypeError, ValueError: naming the entry of ``state`` that could not be read back.
        FileNotFoundError: if the folder does not exist.
    """
    path = Path(arguments.path("path", path))
    try:
        _check_types("state", state)
    except RecursionError:
        raise ValueError("state: expected no dict, list or tuple that holds itself") from None
    if not path.parent.is_dir():
        raise FileNotFoundError(f"{path}: expected an existing folder {path.parent}")
    if path.is_dir():
        raise IsADirectoryError(f"{path}: expected a file to write, found a folder")
    partial = Path(f"{path}.partial")
    with open(partial, "wb") as file:
        torch.save({"format": FORMAT, "version": VERSION, "state": state}, file)
        file.flush()
        os.fsync(file.fileno())
    if path.exists():
        _keep_previous(path)
    os.replace(partial, path)
    _sync_folder(path.parent)


def load_checkpoint(path, *, map_location="cpu"):
    """Return what :func:`save_checkpoint` wrote to ``path``, read with ``weights_only=True``.

    Args:
        path: the file.
        map_location: device for the tensors; None leaves each where it was saved.

    Raises:
        FileNotFoundError: if there is no such file.
        TypeError, ValueError: if this machine has not the device; if the file is truncated,
            damaged, of another kind or of a newer version. Each message names the file, what was
            expected and the previous file, if it is there.
    """
    content = _read(path, map_location)
    if not _is_ours(content):
        found = list(content)[:3] if isinstance(content, dict) else describe(content)
        raise ValueError(
            f"{path}: expected a file written by save_checkpoint or fit (format {FORMAT!r}), "
            f"found another kind of torch file holding {found}{_hint(path)}"
        )
    return _state(path, content)


def _read(path, map_location="cpu", *, older=False):
    # What torch finds in the file, never running code from it. `older`: of torch before 1.6, too.
    path = Path(arguments.path("path", path))
    if map_location is not None:
        map_location = at_hand("map_location", map_location)
    if not path.exists():
        raise FileNotFoundError(f"{path}: no such checkpoint{_hint(path)}")
    if not path.is_file():
        raise ValueError(f"{path}: expected a checkpoint file, found a folder{_hint(path)}")
    try:
        damaged = None
        if not older or zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                damaged = archive.testzip()  # torch does not compare the checksums
        if damaged is None:
            return torch.load(path, map_location=map_location, weights_only=True)
    except MemoryError:
        raise
    except Exception as error:  # torch, zipfile and pickle raise a dozen types on a bad file
        reason = str(error).strip().split("\n")[0]
        if isinstance(error, pickle.UnpicklingError) and zipfile.is_zipfile(path):
            reason = "it holds more than tensors, numbers and strings, and its code is not run"
        raise ValueError(
            f"{path}: expected a whole {FORMAT} file; it is truncated, damaged or of another kind "
            f"({type(error).__name__}: {reason}){_hint(path)}"
        ) from error
    raise ValueError(f"{path}: damaged, wrong checksum in {damaged!r}{_hint(path)}")


def _is_ours(content):
    return isinstance(content, dict) and content.get("format") == FORMAT


def _state(path, content):
    if content.get("version") != VERSION:
        raise ValueError(
            f"{path}: expected version {VERSION} of the format, found {content.get('version')!r}; "
            f"update the book's package{_hint(path)}"
        )
    return content["state"]


def load_model(path, model):
    """Load weights into ``model`` and return it.

    Args:
        path: a file that holds ``model.state_dict()``, written by :func:`save_checkpoint` or by
            ``torch.save``, or a checkpoint of ``training.fit``.
        model: a module with parameters of the same names and shapes.

    Raises:
        FileNotFoundError, ValueError: as :func:`load_checkpoint`; also if the weights are another
            model's, naming the file and the first entry that differs. The model is then unchanged.
    """
    arguments.module("model", model)
    content = _read(path, older=True)
    weights = _state(path, content) if _is_ours(content) else content
    if isinstance(weights, dict) and isinstance(weights.get("model"), dict):
        weights = weights["model"]
    problem = difference(model, weights)
    if problem:
        raise ValueError(
            f"{path}: expected weights for {type(model).__name__}; {problem}{_hint(path)}"
        )
    model.load_state_dict(weights)
    return model


def difference(model, weights):
    """Return in words the first entry in which ``weights`` do not fit ``model``, or None."""
    if not isinstance(weights, dict):
        return f"the file holds {describe(weights)}"
    own = model.state_dict()
    for name, value in own.items():
        if name not in weights:
            found = ", ".join(repr(key) for key in list(weights)[:3])
            return f"{name!r} is missing in the file, which has {found or 'nothing'}"
        found = weights[name]
        if not isinstance(value, torch.Tensor) or torch.nn.parameter.is_lazy(value):
            continue
        fits = isinstance(found, torch.Tensor) and found.shape == value.shape
        if not fits or _kind(found) != _kind(value):
            return f"{name!r} is {describe(value)} in the model, {describe(found)} in the file"
        if found.is_meta or value.is_meta:
            return f"{name!r} has no values in the {'file' if found.is_meta else 'model'}"
    extra = next((name for name in weights if name not in own), None)
    return None if extra is None else f"the file has {extra!r}, which the model has not"


def _kind(tensor):
    # Within a kind numbers are rounded, between two they would lose their meaning.
    return tensor.is_floating_point(), tensor.is_complex()


def _hint(path):
    previous = previous_path(path)
    return f". The file before it is at {previous}" if previous.is_file() else ""


def _keep_previous(path):
    # A link first and a rename after it: at no moment is there no file at `path`.
    spare = Path(f"{path}.spare")
    spare.unlink(missing_ok=True)
    try:
        os.link(path, spare)
    except OSError:  # no hard links on this file system
        shutil.copyfile(path, spare)
    os.replace(spare, previous_path(path))
    spare.unlink(missing_ok=True)  # a rename between two links of one file does nothing


def _sync_folder(folder):
    # Without this the rename itself may be lost when the power fails.
    if not hasattr(os, "O_DIRECTORY"):  # Windows cannot open a folder
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _check_types(name, value):
    if type(value) in (dict, collections.OrderedDict):
        for key, item in value.items():
            if type(key) not in (str, int):
                raise TypeError(f"{name}: expected keys that are strings or integers, got {key!r}")
            _check_types(f"{name}[{key!r}]", item)
    elif type(value) in (list, tuple):
        for i, item in enumerate(value):
            _check_types(f"{name}[{i}]", item)
    elif isinstance(value, torch.Tensor):
        if value.is_meta:
            raise ValueError(f"{name}: expected values, got {describe(value)} on 'meta'")
    elif type(value) not in _PLAIN:
        raise TypeError(
            f"{name}: expected a tensor, number, string, None or a dict, list or tuple of these, "
            f"got {describe(value)}"
        )
