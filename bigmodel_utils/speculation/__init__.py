"""Several tokens a step of a large model: drafts, and the rule that accepts or rejects them."""

from bigmodel_utils.speculation._greedy import generate_greedily, lookup_draft, replay
from bigmodel_utils.speculation._rule import (
    acceptance,
    expected_tokens,
    residual,
    speculative_tokens,
    speedup,
)

__all__ = [
    "acceptance",
    "expected_tokens",
    "generate_greedily",
    "lookup_draft",
    "replay",
    "residual",
    "speculative_tokens",
    "speedup",
]
