"""What a GPT computes on the way, read out of it or exchanged while it runs."""

from bigmodel_utils.interventions._capture import capture_heads, capture_states, capture_weights
from bigmodel_utils.interventions._replace import replaced_heads, run_from, without_heads

__all__ = [
    "capture_heads",
    "capture_states",
    "capture_weights",
    "replaced_heads",
    "run_from",
    "without_heads",
]
