"""Checkers of the exercises on the page "Encoder and decoder"."""

import torch

from bigmodel_utils import sequences
from bigmodel_utils.checks import grade, random_tensor

__all__ = ["beam_step", "cross_attention", "masks", "mean_memory", "weight_on_truth"]


def _tokens(seed, b, width):
    # Numbers from 1 on, padded with 0 at the end; the first row is full.
    lengths = (random_tensor(seed, b).abs() * width).long().clamp(1, width)
    lengths[0] = width
    words = 1 + (random_tensor(100 + seed, b, width).abs() * 5).long()
    return words.masked_fill(~sequences.mask(lengths, width), 0)


def masks(function):
    """Check ``function(source, target)``: masks (b, s, s), (b, t, t) and (b, t, s)."""
    cases = []
    for seed, (b, s, t) in enumerate([(2, 4, 6), (3, 7, 3), (1, 5, 5), (4, 2, 1)]):
        source = _tokens(seed, b, s)
        target = _tokens(10 + seed, b, t)
        if seed == 1:
            source[1, 2:], target[2, 1:] = 0, 0
        cases.append((source, target))
    return grade(
        function,
        cases,
        _masks_by_loops,
        hint="Rows are queries, columns are keys; a key must be real, and in the decoder's own "
        "mask it must not stand after the query.",
    )


def _masks_by_loops(source, target):
    (b, s), t = source.shape, target.shape[1]
    found = [torch.zeros(b, *shape, dtype=torch.bool) for shape in ((s, s), (t, t), (t, s))]
    for n in range(b):
        for j in range(s):
            if source[n, j] != 0:
                found[0][n, :, j] = True
                found[2][n, :, j] = True
        for i in range(t):
            for j in range(i + 1):
                found[1][n, i, j] = bool(target[n, j] != 0)
    return tuple(found)


def cross_attention(function):
    """Check ``function(x, memory, lengths, w_q, w_k, w_v)``: the output (b, t, e)."""
    cases = []
    sizes = [
        (2, 3, 5, 4, 6, 3, 2),
        (3, 6, 4, 5, 2, 7, 3),
        (1, 4, 4, 3, 3, 3, 3),
        (2, 1, 8, 2, 5, 4, 6),
    ]
    for seed, (b, t, s, d, m, k, e) in enumerate(sizes):
        lengths = torch.tensor([max(1, s - 2 * n) for n in range(b)])
        shapes = [(b, t, d), (b, s, m), (d, k), (m, k), (m, e)]
        tensors = [random_tensor(10 * seed + i, *shape) for i, shape in enumerate(shapes)]
        if seed == 1:
            tensors[1] = tensors[1] * 30  # scores that overflow without care
        cases.append((*tensors[:2], lengths, *tensors[2:]))
    return grade(
        function,
        cases,
        _word_by_word,
        atol=1e-7,
        gradients=True,
        hint="Queries come from x, keys and values from the memory; a padded row gets no weight, "
        "and the divisor is the root of the width of the keys.",
    )


def _word_by_word(x, memory, lengths, w_q, w_k, w_v):
    rows = []
    for n, length in enumerate(lengths.tolist()):
        keys, values = memory[n, :length] @ w_k, memory[n, :length] @ w_v
        for word in x[n]:
            scores = torch.stack([(word @ w_q) @ key for key in keys]) / w_k.shape[1] ** 0.5
            powers = (scores - scores.max().detach()).exp()
            rows.append((powers[:, None] * values).sum(0) / powers.sum())
    return torch.stack(rows).reshape(*x.shape[:2], -1)


def beam_step(function):
    """Check ``function(scores, step, ended, width)``: scores, beginnings and words (width,)."""
    cases = []
    for seed, (k, words, width) in enumerate(
        [(3, 5, 4), (2, 7, 2), (4, 3, 6), (1, 6, 3), (5, 4, 5)]
    ):
        scores = -3 * random_tensor(seed, k).abs()
        step = (2 * random_tensor(10 + seed, k, words)).log_softmax(1)
        ended = random_tensor(20 + seed, k) > 0.3
        ended[0], ended[-1] = seed in (0, 2, 4), False
        cases.append((scores, step, ended, width))
    return grade(
        function,
        cases,
        _every_continuation,
        hint="An ended beginning has one continuation, the word 0 at its old score; the others "
        "add the word's log-probability. Sort all of them together.",
    )


def _every_continuation(scores, step, ended, width):
    found = []
    for beginning, score in enumerate(scores.tolist()):
        if ended[beginning]:
            found.append((score, beginning, 0))
            continue
        for word, more in enumerate(step[beginning].tolist()):
            found.append((score + more, beginning, word))
    found = sorted(found, reverse=True)[:width]
    best, beginnings, words = zip(*found, strict=True)
    return (
        torch.tensor(best, dtype=scores.dtype),
        torch.tensor(beginnings),
        torch.tensor(words),
    )


def weight_on_truth(function):
    """Check ``function(weights, places, lengths)``: the mean weight on the true places, ()."""
    cases = []
    for seed, (b, t, s) in enumerate([(2, 4, 6), (3, 5, 3), (1, 3, 7), (4, 6, 5)]):
        weights = (2 * random_tensor(seed, b, t, s)).softmax(2)
        lengths = torch.tensor([max(1, s - n) for n in range(b)])
        places = (random_tensor(10 + seed, b, t).abs() * 4).long() % lengths[:, None]
        for n in range(1, b):
            places[n, t - n :] = -1
        cases.append((weights, places, lengths))
    return grade(
        function,
        cases,
        _truth_by_loops,
        hint="Divide each row by what lies on the real source words, and take the mean over all "
        "real target words together, not sentence by sentence.",
    )


def _truth_by_loops(weights, places, lengths):
    found = []
    for n, length in enumerate(lengths.tolist()):
        for i, place in enumerate(places[n].tolist()):
            if place >= 0:
                found.append(weights[n, i, place] / weights[n, i, :length].sum())
    return sum(found) / len(found)


def mean_memory(function):
    """Check ``function(memory, mask)``: memory (b, s, d), mask (b, 1, 1, s), result (b, 1, d)."""
    cases = []
    for seed, (b, s, d) in enumerate([(2, 5, 3), (3, 4, 6), (1, 7, 2), (4, 3, 4)]):
        lengths = torch.tensor([max(1, s - n) for n in range(b)])
        mask = sequences.mask(lengths, s)[:, None, None]
        cases.append((1 + random_tensor(seed, b, s, d), mask))
    return grade(
        function,
        cases,
        _mean_by_loops,
        hint="Padded rows count neither in the sum nor in the number of rows.",
    )


def _mean_by_loops(memory, mask):
    means = []
    for rows, real in zip(memory, mask[:, 0, 0].tolist(), strict=True):
        kept = [row for row, is_real in zip(rows, real, strict=True) if is_real]
        means.append(sum(kept) / len(kept))
    return torch.stack(means)[:, None]
