"""Weights out of what ``fit`` wrote, by a process alone or by several."""

import os

from bigmodel_utils import arguments
from bigmodel_utils.training import _checkpoint
from bigmodel_utils.training._folder import load_weights

__all__ = ["load_model"]


def load_model(path, model):
    """Load weights into ``model`` and return it.

    Args:
        path: a file that holds ``model.state_dict()``, written by :func:`save_checkpoint` or by
            ``torch.save``, or a checkpoint of ``training.fit``, which is a folder if several
            processes wrote it.
        model: a module with parameters of the same names and shapes.

    Raises:
        FileNotFoundError, ValueError: as :func:`load_checkpoint`; also if the weights are another
            model's, naming the file and the first entry that differs. The model is then unchanged.
    """
    if os.path.isdir(arguments.path("path", path)):
        load_weights(path, arguments.module("model", model))
        return model
    return _checkpoint.load_model(path, model)
