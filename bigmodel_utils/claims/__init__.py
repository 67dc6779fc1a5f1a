"""Claims: what a proof is to a formula, a claim is to an experiment.

A page writes ``scores = experiment("name", run, arms)``, which trains every arm with the same
seeds, and ``claim("name", sentence, scores, arm, control=other, more_than=margin)``, which shows
the effect with its uncertainty and a verdict, and stops the page where the verdict is not the one
that the page states. ``make stress`` runs the same experiment harder, off the page, and keeps a
record beside it that every claim shows.
"""

from bigmodel_utils.claims._claim import claim
from bigmodel_utils.claims._experiment import Experiment, Scores, experiment
from bigmodel_utils.claims._page import code_hash, experiments_of, load
from bigmodel_utils.claims._record import read, record_path, record_text
from bigmodel_utils.claims._stress import plain, stress
from bigmodel_utils.claims._verdict import Judgement, combined, judge

__all__ = [
    "Experiment",
    "Judgement",
    "Scores",
    "claim",
    "code_hash",
    "combined",
    "experiment",
    "experiments_of",
    "judge",
    "load",
    "plain",
    "read",
    "record_path",
    "record_text",
    "stress",
]
