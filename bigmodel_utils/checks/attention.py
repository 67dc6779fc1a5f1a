"""Checkers of the exercises on the page "Attention"."""

import torch

from bigmodel_utils.checks import grade, random_tensor
from bigmodel_utils.words import say

__all__ = [
    "grouped_query_attention",
    "lengthened",
    "padded_attention",
    "repaired",
    "sliding_window_mask",
]


def lengthened(function):
    """Check ``function(q, k, width)``: (t, d + 1) and (s, d + 1), whose softmax is the kernel."""
    settings = [(3, 5, 2, 1.0), (1, 4, 3, 0.7), (6, 2, 1, 2.5), (4, 7, 5, 1.6)]
    cases = [
        (random_tensor(seed, t, d), 2 * random_tensor(10 + seed, s, d) + seed / 2, width)
        for seed, (t, s, d, width) in enumerate(settings)
    ]
    return grade(
        _weights_of(function) if callable(function) else function,
        cases,
        _kernel_by_loops,
        hint="The term -|k|^2 / (2 width^2) belongs to a key: multiply it by what in the query?",
    )


def _weights_of(function):
    """The weights that the plain products of the reader's longer vectors give."""

    def weights(q, k, width):
        answer = function(q, k, width)
        if answer is None or answer is ...:
            return answer
        longer_q, longer_k = answer
        for name, longer, given in (("q", longer_q, q), ("k", longer_k, k)):
            shape = (len(given), given.shape[1] + 1)
            if tuple(longer.shape) != shape:
                raise ValueError(
                    say(
                        "{name}: expected shape {expected}, got {got}.",
                        name=name,
                        expected=shape,
                        got=tuple(longer.shape),
                    )
                )
        return (longer_q @ longer_k.T).softmax(1)

    return weights


def _kernel_by_loops(q, k, width):
    rows = []
    for query in q:
        kernel = [torch.exp(-((query - key) ** 2).sum() / (2 * width**2)) for key in k]
        rows.append(torch.stack(kernel) / sum(kernel))
    return torch.stack(rows)


def padded_attention(function):
    """Check ``function(q, k, v, lengths)``: attention over the real keys of each sequence."""
    settings = [
        (2, 3, 4, 5, 2, 3, [5, 2]),
        (3, 1, 2, 4, 3, 2, [0, 4, 1]),
        (4, 2, 5, 3, 1, 4, [3, 1, 0, 2]),
        (3, 3, 4, 6, 4, 2, [2, 6, 3]),  # as many heads as sequences
        (4, 2, 4, 5, 3, 2, [1, 5, 0, 3]),  # as many queries as sequences
    ]
    cases = [
        (*_inputs(seed, b, n, n, t, s, d, e), torch.tensor(lengths))
        for seed, (b, n, t, s, d, e, lengths) in enumerate(settings)
    ]
    q, k, v, lengths = cases[1]
    cases.append((30 * q, 30 * k, v, lengths))  # scores near 1,000
    return grade(
        function,
        cases,
        _one_sequence_at_a_time,
        hint="Hide keys, not queries; the mask of a sequence holds for all its heads and queries.",
        gradients=True,
    )


def _one_sequence_at_a_time(q, k, v, lengths):
    # The padding is cut off, so no mask is needed. Nothing left: an empty sum.
    out = q.new_zeros(*q.shape[:3], v.shape[3])
    for i, length in enumerate(lengths.tolist()):
        for head in range(q.shape[1]):
            for row in range(q.shape[2]):
                out[i, head, row] = _mean(q[i, head, row], k[i, head, :length], v[i, head, :length])
    return out


def _mean(query, keys, values):
    # One query: the weighted mean by a loop over the keys.
    total, mean = 0.0, torch.zeros_like(values[:0].sum(0))
    scores = [(query * key).sum() / len(query) ** 0.5 for key in keys]
    largest = max((score.item() for score in scores), default=0.0)
    for score, value in zip(scores, values, strict=True):
        weight = torch.exp(score - largest)
        total, mean = total + weight, mean + weight * value
    return mean / total if len(keys) else mean


def sliding_window_mask(function):
    """Check ``function(t, s, window)``: each query sees the last ``window`` keys up to its own."""
    return grade(
        function,
        [(5, 5, 2), (3, 7, 4), (4, 4, 1), (6, 6, 9), (1, 6, 3), (2, 5, 5)],
        _window_by_loops,
        hint="The t queries are the last of s positions; a window of 1 sees the query's own key.",
    )


def _window_by_loops(t, s, window):
    mask = torch.zeros(t, s, dtype=torch.bool)
    for row in range(t):
        own = s - t + row
        for back in range(window):
            if own - back >= 0:
                mask[row, own - back] = True
    return mask


def grouped_query_attention(function):
    """Check ``function(q, k, v)``: q (b, n, t, d), k (b, m, s, d), v (b, m, s, e)."""
    settings = [(2, 6, 2, 3, 4, 5, 2), (1, 4, 1, 5, 3, 2, 3), (3, 3, 3, 2, 6, 4, 1)]
    settings += [(2, 8, 4, 1, 5, 2, 4), (1, 6, 3, 4, 2, 3, 2)]
    return grade(
        function,
        [_inputs(seed, *sizes) for seed, sizes in enumerate(settings)],
        _head_by_head,
        hint="Query head h reads key head h // (n / m), and the scale is that of one head.",
    )


def _head_by_head(q, k, v):
    (b, n, t, _), m = q.shape, k.shape[1]
    out = q.new_zeros(b, n, t, v.shape[3])
    for i in range(b):
        for head in range(n):
            shared = next(g for g in range(m) if head in range(g * n // m, (g + 1) * n // m))
            for row in range(t):
                out[i, head, row] = _mean(q[i, head, row], k[i, shared], v[i, shared])
    return out


def repaired(function):
    """Check ``function(x, weight, bias, num_heads)``: x (b, t, m), the result (b, t, m)."""
    cases = []
    for seed, (b, t, n, d) in enumerate([(2, 5, 2, 3), (1, 4, 3, 2), (3, 6, 1, 5), (2, 3, 5, 1)]):
        m = n * d
        weight, bias = random_tensor(10 + seed, 3 * m, m), random_tensor(20 + seed, 3 * m)
        cases.append((random_tensor(seed, b, t, m), weight, bias, n))
    return grade(
        function,
        cases,
        _position_by_position,
        hint="Which features make q? Which axis does a head cut? How wide is a head? What adds up "
        "to 1?",
    )


def _position_by_position(x, weight, bias, num_heads):
    out = torch.empty_like(x)
    m = x.shape[2]
    d = m // num_heads
    for i, tokens in enumerate(x):
        made = torch.stack([weight @ token + bias for token in tokens])  # (t, 3m)
        for first in range(0, m, d):  # of each head
            q, k, v = (made[:, part * m + first : part * m + first + d] for part in range(3))
            for row, query in enumerate(q):
                out[i, row, first : first + d] = _mean(query, k, v)
    return out


def _inputs(seed, b, n, m, t, s, d, e):
    return (
        random_tensor(seed, b, n, t, d),
        random_tensor(10 + seed, b, m, s, d),
        random_tensor(20 + seed, b, m, s, e),
    )
