"""Realistic wrong answers to the exercises of "Does a rate found on a small model hold for a large one?"."""

__all__ = ["ATTACKS"]

ATTACKS = {
    "nearest": {
        "weights ignored": lambda x, weight: x.mean(0),
        "divided by the number of points": lambda x, weight: weight @ x / len(x),
        "weights not divided out": lambda x, weight: weight @ x,
    },
}
