"""Realistic wrong answers to the exercises of "How is a model compressed?"."""

__all__ = ["ATTACKS"]

ATTACKS = {
    "nearest": {
        "weights ignored": lambda x, weight: x.mean(0),
        "divided by the number of points": lambda x, weight: weight @ x / len(x),
        "weights not divided out": lambda x, weight: weight @ x,
    },
}
