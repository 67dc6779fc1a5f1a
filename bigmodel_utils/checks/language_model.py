"""Checkers of the exercises on the page "A language model"."""

import math

import torch

from bigmodel_utils.checks import grade, random_tensor

__all__ = ["answer_gradient", "bits_per_character", "next_character", "score_once", "stop_early"]


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


def score_once(function):
    """Check ``function(losses, stride)``: (n, t) of windows that overlap, to the mean loss."""
    cases = [
        (random_tensor(1, 3, 4).square(), 2),
        (random_tensor(2, 5, 7).square(), 3),
        (random_tensor(3, 4, 6).square(), 6),  # no overlap
        (random_tensor(4, 1, 5).square(), 2),  # one window
        (random_tensor(5, 6, 8).square(), 1),
        (random_tensor(6, 2, 9).square(), 4),
    ]
    return grade(
        function,
        cases,
        _mean_by_places,
        hint="Of all windows but the first, only the last tokens are new, so many as the stride.",
    )


def _mean_by_places(losses, stride):
    # Every place in the text keeps the loss that had most tokens before it.
    best = {}
    for window, row in enumerate(losses.tolist()):
        for before, loss in enumerate(row):
            place = window * stride + before
            best[place] = max(best.get(place, (-1, 0.0)), (before, loss))
    return math.fsum(loss for _, loss in best.values()) / len(best)


def next_character(function):
    """Check ``function(text, history, order, strength, alphabet)``: to a list of floats."""
    cases = [
        ("abracadabra", "abr", 3, 2.0, "abcdr"),
        ("abracadabra", "xyz", 4, 1.0, "abcdr"),  # nothing of the history occurred
        ("abracadabra", "ca", 1, 3.0, "rdcba"),  # the shares alone, in the alphabet's order
        ("aaabaaab", "aa", 3, 0.5, "ab"),  # runs that overlap
        ("low lower newest", "we", 6, 3.0, " elnorstw"),  # a history shorter than the order
        ("abcabd", "ab", 0, 2.0, "abcd"),
        ("banana", "banana", 5, 1.5, "abn"),  # the run at the very end has no follower
        ("ababab", "", 4, 1.0, "abc"),
    ]
    return grade(
        function,
        cases,
        _shares_by_recursion,
        hint="Start from equal shares and mix in the counts after no character, after one, after "
        "two; each run is counted where a character follows it.",
    )


def _shares_by_recursion(text, history, order, strength, alphabet):
    def share(c, length):
        if length < 0:
            return 1 / len(alphabet)
        run = history[-length:] if length else ""
        # str.startswith at each place: runs may overlap.
        follows = sum(text.startswith(run + c, i) for i in range(len(text)))
        occurs = sum(text.startswith(run, i) for i in range(len(text) - length))
        return (follows + strength * share(c, length - 1)) / (occurs + strength)

    return [share(c, min(order - 1, len(history))) for c in alphabet]


def answer_gradient(function):
    """Check ``function(logits, targets, counts)``: (t, vocab), (t,), (t,) bool to (t, vocab)."""
    cases = [
        (random_tensor(1, 4, 6), [5, 0, 2, 2], [False, False, True, True]),
        (random_tensor(2, 7, 3), [0, 2, 1, 1, 0, 2, 2], [True] * 7),
        (3 * random_tensor(3, 3, 9), [8, 4, 0], [True, False, False]),
        (random_tensor(4, 5, 2), [1, 0, 0, 1, 1], [False, True, False, True, True]),
    ]
    cases = [(z, torch.tensor(x), torch.tensor(counts)) for z, x, counts in cases]
    return grade(
        function,
        cases,
        _gradient_by_autograd,
        hint="The softmax minus one for the target, zero where a token does not count, over the "
        "number of tokens that do.",
    )


def _gradient_by_autograd(logits, targets, counts):
    with torch.enable_grad():
        logits = logits.requires_grad_()
        chosen = torch.distributions.Categorical(logits=logits).log_prob(targets)
        (gradient,) = torch.autograd.grad(-chosen[counts].mean(), logits)
    return gradient


def stop_early(function):
    """Check ``function(losses, patience)``: a list of numbers to (index to keep, looks taken)."""
    cases = [
        ([4.13, 3.93, 3.63, 3.95, 4.7], 2),
        ([3.0, 2.0, 2.0, 2.0, 1.0], 2),  # an equal loss is not new
        ([2.0, 3.0, 1.5, 4.0, 5.0, 6.0, 0.5], 2),  # in a row; the end is never seen
        ([5.0, 4.0, 3.5, 3.25], 1),  # runs to the end
        ([2.5, 4.0, 3.0, 2.75, 2.0, 1.0], 3),  # lower than the last one, but no new lowest
        ([1.5], 3),
        ([2.0, 3.0, 1.0], 1),
        ([2.0, 1.0, 1.25, 0.75, 0.875], 4),
    ]
    return grade(
        function,
        cases,
        _stop_by_prefixes,
        atol=0,
        hint="Count the looks since the lowest loss so far, and stop when there are so many as "
        "the patience.",
    )


def _stop_by_prefixes(losses, patience):
    # Of every beginning: how many looks has it after its lowest?
    since = [n - 1 - losses.index(min(losses[:n])) for n in range(1, len(losses) + 1)]
    taken = since.index(patience) + 1 if patience in since else len(losses)
    return losses.index(min(losses[:taken])), taken
