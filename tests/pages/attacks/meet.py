"""Realistic wrong answers to the exercises of "Meet a big model"."""

import math
import random

__all__ = ["ATTACKS"]


def _bits(logits, tokens):
    return -logits.log_softmax(1).gather(1, tokens[:, None])[:, 0] / math.log(2)


def _shuffled(pairs, seed):
    answers = [answer for _, answer in pairs]
    random.Random(seed).shuffle(answers)
    return [(question, answer) for (question, _), answer in zip(pairs, answers, strict=True)]


def _half(pairs, seed):
    # Swaps neighbours: of an odd number the last one stays.
    answers = [answer for _, answer in pairs]
    for i in range(0, len(answers) - 1, 2):
        answers[i], answers[i + 1] = answers[i + 1], answers[i]
    return [(question, answer) for (question, _), answer in zip(pairs, answers, strict=True)]


ATTACKS = {
    "text_bits": {
        "not shifted": lambda z, x: _bits(z, x).sum(),
        "shifted the wrong way": lambda z, x: _bits(z[1:], x[:-1]).sum(),
        "a mean": lambda z, x: _bits(z[:-1], x[1:]).mean(),
        "nats": lambda z, x: _bits(z[:-1], x[1:]).sum() * math.log(2),
        "the wrong sign": lambda z, x: -_bits(z[:-1], x[1:]).sum(),
        "the softmax over time": lambda z, x: (
            -z[:-1].log_softmax(0).gather(1, x[1:, None]).sum() / math.log(2)
        ),
        "bits one by one": lambda z, x: _bits(z[:-1], x[1:]),
    },
    "path_at": {
        "temperature ignored": lambda z, path, t: z.softmax(1)[range(len(path)), path].prod(),
        "multiplied by the temperature": lambda z, path, t: (
            (z * t).softmax(1)[range(len(path)), path].prod()
        ),
        "a power of the probability": lambda z, path, t: (
            z.softmax(1)[range(len(path)), path].prod() ** (1 / t)
        ),
        "the mean of the factors": lambda z, path, t: (
            (z / t).softmax(1)[range(len(path)), path].mean()
        ),
        "a logarithm": lambda z, path, t: (z / t).log_softmax(1)[range(len(path)), path].sum(),
    },
    "draw": {
        "the likeliest": lambda z, t, u: int(z.argmax()),
        "temperature ignored": lambda z, t, u: int((z.softmax(0).cumsum(0) <= u).sum()),
        "a sum of u itself": lambda z, t, u: int(((z / t).softmax(0).cumsum(0) < u).sum()),
        "one too many": lambda z, t, u: int(((z / t).softmax(0).cumsum(0) <= u).sum()) + 1,
        "the likeliest first": lambda z, t, u: int(
            z.argsort(descending=True)[
                ((z / t).softmax(0).sort(descending=True).values.cumsum(0) <= u).sum()
            ]
        ),
        "from the end": lambda z, t, u: (
            len(z) - 1 - int(((z / t).softmax(0).flip(0).cumsum(0) <= u).sum())
        ),
    },
    "control": {
        "the list as it is": lambda pairs, seed: list(pairs),
        "a random order": _shuffled,
        "neighbours swapped": _half,
        "questions moved along": lambda pairs, seed: [*pairs[1:], pairs[0]],
        "one answer for all": lambda pairs, seed: [(q, pairs[0][1]) for q, _ in pairs],
        "questions reversed with answers kept": lambda pairs, seed: [
            (q, a) for (q, _), (_, a) in zip(reversed(pairs), pairs, strict=True)
        ],
    },
}
