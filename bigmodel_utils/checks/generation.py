"""Checkers of the exercises on the page "Writing with a language model"."""

import math
from itertools import pairwise

import torch

from bigmodel_utils.checks import grade, random_tensor

__all__ = ["induction_guess", "temperature_of_entropy", "top_p", "window_step"]


def top_p(function):
    """Check ``function(probabilities, p)``: (b, vocab) -> (b, vocab), cut and rescaled."""
    hard = [
        [0.1, 0.4, 0.2, 0.3],
        [0.25, 0.25, 0.25, 0.25],
        [0.0, 1.0, 0.0, 0.0],
        [0.05, 0.05, 0.1, 0.8],
    ]
    hard = torch.tensor(hard, dtype=torch.float64)
    cases = [
        (hard, 0.75),  # reached only with the third
        (hard, 0.6),
        (hard, 1.0),
        (hard, 0.01),  # one token always stays
        (random_tensor(1, 3, 7).softmax(1), 0.9),
        ((3 * random_tensor(2, 2, 30)).softmax(1), 0.5),
        (random_tensor(3, 1, 5).softmax(1), 0.35),
    ]
    return grade(
        function,
        cases,
        _top_p_by_loops,
        hint="Keep a token while those more likely than it add up to less than p; of equals the "
        "smaller number goes first.",
    )


def _top_p_by_loops(probabilities, p):
    rows = []
    for row in probabilities.tolist():
        kept, total = [0.0] * len(row), 0.0
        for token in sorted(range(len(row)), key=lambda i: (-row[i], i)):
            if total >= p:
                break
            kept[token], total = row[token], total + row[token]
        rows.append([value / total for value in kept])
    return torch.tensor(rows, dtype=torch.float64)


def temperature_of_entropy(function):
    """Check ``function(logits, entropy)``: the temperature at which the entropy is so many nats."""
    cases = [
        (torch.tensor([2.0, 1.0, 0.0], dtype=torch.float64), 0.9),
        (random_tensor(1, 12), 1.5),
        (4 * random_tensor(2, 40), 3.3),
        (random_tensor(3, 5), 0.05),
        (torch.tensor([100.0, 90.0, 95.0], dtype=torch.float64), 1.0),
    ]
    return grade(
        function,
        cases,
        _temperature_by_secant,
        atol=1e-5,
        hint="The entropy of softmax(logits / temperature), in nats, grows with the temperature: "
        "halve an interval.",
    )


def _temperature_by_secant(logits, entropy):
    # False position on the inverse temperature, the Illinois variant.
    def excess(beta):
        chances = torch.distributions.Categorical(logits=(logits - logits.max()) * beta)
        return chances.entropy().item() - entropy

    low, high = 0.0, 1.0
    while excess(high) > 0:
        high *= 2
    f_low, f_high = excess(low), excess(high)
    for _ in range(300):
        middle = (low * f_high - high * f_low) / (f_high - f_low)
        value = excess(middle)
        if abs(value) < 1e-14:
            break
        if value > 0:
            low, f_low, f_high = middle, value, f_high / 2
        else:
            high, f_high, f_low = middle, value, f_low / 2
    return 1 / middle


def window_step(function):
    """Check ``function(q, k, v, keys, values, window)``: (b, n, 1, d) and two (b, n, s, d)."""
    cases = []
    for seed, (b, n, s, d, window) in enumerate(
        [
            (2, 3, 4, 5, 5),  # just fits
            (1, 2, 4, 3, 4),  # one falls out
            (3, 1, 0, 6, 2),  # the beginning
            (2, 1, 3, 4, 9),  # far from full
            (1, 3, 1, 2, 1),  # sees itself alone
            (2, 2, 6, 7, 6),
        ]
    ):
        parts = [random_tensor(10 * seed + i, b, n, 1, d) for i in range(3)]
        kept = [random_tensor(10 * seed + i, b, n, s, d) for i in (3, 4)]
        cases.append((*parts, *kept, window))
    return grade(
        function,
        cases,
        _window_by_loops,
        hint="Append the new key and value, drop what is older than the window, and attend to "
        "what is left, the scores divided by the root of d.",
    )


def _window_by_loops(q, k, v, keys, values, window):
    (b, n, _, d), s = q.shape, keys.shape[2]
    first = max(0, s + 1 - window)
    out = torch.zeros(b, n, 1, v.shape[-1], dtype=q.dtype)
    for i in range(b):
        for j in range(n):
            rows = [*zip(keys[i, j], values[i, j], strict=True), (k[i, j, 0], v[i, j, 0])][first:]
            mass = [math.exp(float(q[i, j, 0].dot(key)) / math.sqrt(d)) for key, _ in rows]
            for weight, (_, value) in zip(mass, rows, strict=True):
                out[i, j, 0] += weight / math.fsum(mass) * value
    kept = torch.zeros(2, b, n, s + 1, d, dtype=q.dtype)
    kept[0, :, :, :s], kept[1, :, :, :s] = keys, values
    kept[0, :, :, s], kept[1, :, :, s] = k[:, :, 0], v[:, :, 0]
    return out, kept[0, :, :, first:], kept[1, :, :, first:]


def induction_guess(function):
    """Check ``function(tokens)``: (b, t) integers to (b,), what a repeat would bring."""
    rows = [
        [[7, 3, 7, 5, 7], [1, 2, 3, 4, 5], [4, 4, 4, 4, 4]],
        [[2, 9, 2, 8, 1, 2]],  # the last of two occurrences
        [[5, 5], [5, 6], [0, 0], [3, 0]],
        [[6, 0, 1, 6, 2, 3, 0], [1, 0, 2, 1, 1, 2, 1]],
        [[3], [0]],  # nothing came before
        [[0, 1, 0, 2, 0, 3, 1, 0], [8, 7, 6, 5, 4, 3, 2, 8]],
    ]
    return grade(
        function,
        [(torch.tensor(each),) for each in rows],
        _guess_by_table,
        hint="Look for the row's last token among those before it, from the end, and take what "
        "stands one place on; -1 if there is none.",
    )


def _guess_by_table(tokens):
    guesses = []
    for row in tokens.tolist():
        followed = dict(pairwise(row))  # the latest wins
        guesses.append(followed.get(row[-1], -1))
    return torch.tensor(guesses)
