"""Checkers of the exercises on the page "A language model"."""

import math
from itertools import pairwise

import torch

from bigmodel_utils.checks import grade, random_tensor

__all__ = ["bits_per_character", "merge_step", "temperature_of_entropy", "top_p"]


def bits_per_character(function):
    """Check ``function(loss, tokens)``: mean nats a token, and the tokens' texts, to bits."""
    cases = [
        (0.7, ["a", "b", "c"]),
        (2.3, [" the", " state", "ment", "."]),
        (math.log(2), ["ab"]),
        (3.1, ["x", " long", "er", "\n\n", "éक"]),
        (0.0, ["sure"]),
    ]
    return grade(
        function,
        cases,
        _bits_by_product,
        hint="First the bits of the whole text, then divide by its characters.",
    )


def _bits_by_product(loss, tokens):
    # The probability of the whole text is the product over its tokens.
    probability = 1.0
    for _ in tokens:
        probability *= 2.0 ** (-loss / math.log(2))
    return -math.log2(probability) / sum(len(token) for token in tokens)


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


def merge_step(function):
    """Check ``function(words, times)``: words as lists of texts; ((left, right), new words)."""
    cases = [
        ([list("low"), list("lower"), list("newest")], [5, 2, 6]),
        ([list("aaab"), list("aa")], [2, 1]),  # overlapping pairs; merged from the left
        ([list("aaaa"), list("bc")], [1, 2]),  # "aa" stands three times in "aaaa"
        ([list("ab"), list("cd"), list("cd")], [2, 1, 1]),  # equal counts: ("a", "b")
        ([list("xy"), list("ab")], [3, 3]),
        ([["lo", "w"], ["lo", "w", "e"], ["w", "lo"]], [1, 4, 3]),
        ([list("abababa"), ["b"]], [1, 9]),
        ([list("banana"), list("an")], [3, 1]),
    ]
    return grade(
        function,
        cases,
        _merge_by_strings,
        hint="A word counts as often as it occurs; of equal counts take the smallest pair, and "
        "merge from the left.",
    )


def _merge_by_strings(words, times):
    total = {}
    for word, n in zip(words, times, strict=True):
        for left, right in pairwise(word):
            total[left, right] = total.get((left, right), 0) + n
    best = sorted(total, key=lambda pair: (-total[pair], *pair))[0]
    merged = []
    for word in words:
        rest, new = list(word), []
        while rest:
            size = 2 if tuple(rest[:2]) == best else 1
            new.append("".join(rest[:size]))
            rest = rest[size:]
        merged.append(new)
    return best, merged


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
