"""A server of one model: requests, batches, and handing the model to another program."""

from bigmodel_utils.serving._batching import continuous_starts, requests, static_starts
from bigmodel_utils.serving._export import check_exporter, quiet_exporter

__all__ = [
    "check_exporter",
    "continuous_starts",
    "quiet_exporter",
    "requests",
    "static_starts",
]
