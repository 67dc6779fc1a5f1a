"""A group of processes that work together, started from a notebook and cleaned up behind it."""

from bigmodel_utils.distributed._clock import Clock
from bigmodel_utils.distributed._pool import Pool, RankError

__all__ = ["Clock", "Pool", "RankError"]
