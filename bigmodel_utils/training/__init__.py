"""One training loop for all pages, resumable; evaluation; what a run was asked for and gave."""

from bigmodel_utils.training._checkpoint import load_checkpoint, save_checkpoint
from bigmodel_utils.training._evaluation import evaluate
from bigmodel_utils.training._fit import fit
from bigmodel_utils.training._history import Evaluation, History
from bigmodel_utils.training._place import ranks
from bigmodel_utils.training._schedule import SCHEDULES, WarmUp, learning_rate
from bigmodel_utils.training._settings import Settings
from bigmodel_utils.training._weights import load_model

__all__ = [
    "SCHEDULES",
    "Evaluation",
    "History",
    "Settings",
    "WarmUp",
    "evaluate",
    "fit",
    "learning_rate",
    "load_checkpoint",
    "load_model",
    "ranks",
    "save_checkpoint",
]
