"""Reward against KL: a few answers, the best policy under a penalty, and the frontier."""

from bigmodel_utils.live._schema import matrix, number, settings, whole
from bigmodel_utils.live._words import shared

__all__ = ["LIMITS", "NAME", "PARTS", "WORDS", "schema"]

NAME = "kl-reward"
PARTS = ("digits", "dial", "plot")
LIMITS = {
    "beta": (0.05, 2, 0.05),
    "reward": (-1, 1, 0.05),
    "chance": (0.001, 1),
    "answers": (2, 8),
    "answer": (1, None),
}
WORDS = {
    **shared("fallback", "reset", "range", "typed"),
    "beta": "penalty β",
    "answer": "answer",
    "reward": "its reward",
    "bars": "chance",
    "both": "Chances of each answer: at the start and under the best policy.",
    "x_axis": "drift KL(π ‖ start), nats",
    "y_axis": "mean reward",
    "frontier": "The best mean reward for each drift from the start, and where the penalty puts "
    "the best policy.",
    "found": "Best policy: mean reward {reward} (start {before}), drift {kl} nats, Z = {z}. "
    "To draw from it by rejecting takes {tries} tries on average.",
    "hint": "Outlined: the start. Filled: the best policy. The line is the frontier: no policy "
    "lies above it; the point is the best policy at this β.",
}
_DEFAULTS = {
    "answers": [
        ["cdedc", 0.30, 0.5],
        ["ccdef", 0.25, 0.0],
        ["edcde", 0.20, 0.5],
        ["agfed", 0.12, 0.0],
        ["cfcfc", 0.08, 1.0],
        ["fagaf", 0.05, 1.0],
    ],
    "answer": 6,
    "beta": 0.5,
}


def schema(data):
    """Return the data that the script reads.

    ``answers``: rows (name, chance at the start, reward), chances adding up to 1; ``answer``: which
    one is selected, from 1; ``beta``: the penalty.
    """
    data = settings(NAME, data, _DEFAULTS)
    rows = data["answers"]
    if not isinstance(rows, (list, tuple)) or not all(len(row) == 3 for row in rows):
        raise TypeError("answers: expected rows (name, chance, reward)")
    whole("answers, number", len(rows), LIMITS["answers"])
    names = [row[0] for row in rows]
    if not all(isinstance(name, str) and 0 < len(name) <= 8 for name in names):
        raise ValueError(f"answers: expected names of 1 to 8 characters, got {names!r:.80}")
    count = (len(rows), len(rows))
    chances = matrix("chance", [[row[1] for row in rows]], LIMITS["chance"], (1, 1), count)[0]
    rewards = matrix("reward", [[row[2] for row in rows]], LIMITS["reward"], (1, 1), count)[0]
    if abs(sum(chances) - 1) > 1e-9:
        raise ValueError(f"answers: expected chances that add up to 1, got {sum(chances):g}")
    return {
        "names": names,
        "chances": chances,
        "rewards": rewards,
        "answer": whole("answer", data["answer"], (LIMITS["answer"][0], len(rows))),
        "beta": number("beta", data["beta"], LIMITS["beta"]),
    }
