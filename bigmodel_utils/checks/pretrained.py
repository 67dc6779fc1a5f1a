"""Checkers of the exercises on the page "A real language model in our own code"."""

import math
import statistics
import struct

import torch

from bigmodel_utils.checks import grade, random_tensor
from bigmodel_utils.words import say

__all__ = ["copying_score", "dequantize_q4_0", "excess", "grouped_step", "to_neighbours"]


def dequantize_q4_0(function):
    """Check ``function(blocks)``: bytes (n, 18) to float32 weights (n, 32)."""
    cases = []
    for seed, n in enumerate((1, 5, 18)):
        generator = torch.Generator().manual_seed(seed)
        blocks = torch.randint(256, (n, 18), generator=generator, dtype=torch.uint8)
        scale = torch.randn(n, 1, generator=generator).half()
        blocks[:, :2] = scale.view(torch.uint8)
        cases.append((blocks,))
    return grade(
        function,
        cases,
        _weights_by_loops,
        atol=1e-5,
        hint="The low halves of the 16 bytes are the first 16 codes, the high halves the others.",
    )


def _weights_by_loops(blocks):
    rows = []
    for block in blocks.tolist():
        (scale,) = struct.unpack("<e", bytes(block[:2]))
        row = [0.0] * 32
        for j, byte in enumerate(block[2:]):
            row[j], row[j + 16] = scale * (byte % 16 - 8), scale * (byte // 16 - 8)
        rows.append(row)
    return torch.tensor(rows)


def to_neighbours(function):
    """Check ``function(weight, d_head)``: rows of halves' pairs as rows of neighbours' pairs."""
    sizes = ((3, 8, 5), (1, 2, 4), (2, 6, 7), (4, 10, 3))
    cases = [(random_tensor(i, n * d, d_model), d) for i, (n, d, d_model) in enumerate(sizes)]
    return grade(
        function,
        cases,
        _rows_by_loops,
        hint="Within each head, rows i and i + d/2 of the book become rows 2i and 2i + 1.",
    )


def _rows_by_loops(weight, d_head):
    out = torch.empty_like(weight)
    for start in range(0, len(weight), d_head):
        for i in range(d_head // 2):
            out[start + 2 * i] = weight[start + i]
            out[start + 2 * i + 1] = weight[start + i + d_head // 2]
    return out


_COPIES = (
    "repeat_interleave", "repeat", "expand", "expand_as", "broadcast_to", "stack", "cat", "concat",
    "index_select", "gather", "take_along_dim", "tile", "scaled_dot_product_attention",
)  # fmt: skip


def grouped_step(function):
    """Check ``function(q, keys, values)``: (b, n, d) and two (b, n_kv, s, d) to (b, n, d)."""
    cases = []
    for seed, (b, n, n_kv, s, d) in enumerate(
        [(2, 6, 2, 5, 3), (1, 4, 4, 3, 2), (3, 6, 1, 4, 5), (2, 9, 3, 7, 4), (1, 2, 1, 1, 3)]
    ):
        q = 2 * random_tensor(3 * seed, b, n, d)
        kept = [random_tensor(3 * seed + i, b, n_kv, s, d) for i in (1, 2)]
        cases.append((q, *kept))
    return grade(
        lambda q, keys, values: _without_copies(function, q, keys, values),
        cases,
        _heads_by_loops,
        forbidden=_COPIES,
        hint="Neighbouring query heads share a head of keys: give q the axes (b, n_kv, n / n_kv, "
        "d), and one product does a group.",
    )


def _without_copies(function, q, keys, values):
    # A copy can be made in many ways, by a list of indices or by adding zeros: every result counts.
    from torch.overrides import TorchFunctionMode

    shared = [h * keys.shape[1] // q.shape[1] for h in range(q.shape[1])]
    copies = [keys[:, shared], values[:, shared]]
    # With a head of keys each nothing is copied; at one position the output is a value itself.
    single = q.shape[1] == keys.shape[1] or keys.shape[2] == 1

    class Watch(TorchFunctionMode):
        def __torch_function__(self, called, types, args=(), kwargs=None):
            made = called(*args, **(kwargs or {}))
            if not single and isinstance(made, torch.Tensor):
                for copy in copies:
                    same = made.numel() == copy.numel() and made.dtype == copy.dtype
                    if same and torch.equal(made.reshape(copy.shape), copy):
                        raise ValueError(say("keys or values were copied for every query head"))
            return made

    with Watch():
        return function(q, keys, values)


def _heads_by_loops(q, keys, values):
    (b, n, d), n_kv = q.shape, keys.shape[1]
    out = torch.zeros(b, n, d, dtype=q.dtype)
    for i in range(b):
        for h in range(n):
            shared = h * n_kv // n
            scores = [float(q[i, h].dot(key)) / math.sqrt(d) for key in keys[i, shared]]
            mass = [math.exp(score - max(scores)) for score in scores]
            for weight, value in zip(mass, values[i, shared], strict=True):
                out[i, h] += weight / math.fsum(mass) * value
    return out


def excess(function):
    """Check ``function(one, other, sizes)``: lists of nats by token to bits a byte."""
    cases = []
    for seed, lengths in enumerate(
        [((5, 9, 4), (7, 6, 8)), ((3, 3), (2, 5)), ((8,) * 6, (1,) * 6)]
    ):
        one, other = (
            [random_tensor(50 * seed + 10 * k + i, t).abs() * 3 for i, t in enumerate(each)]
            for k, each in enumerate(lengths)
        )
        cases.append((one, other, [40 + 17 * i + seed for i in range(len(one))]))
    return grade(
        function,
        cases,
        _excess_by_loops,
        hint="Add up a text's nats, divide by ln 2 and by its bytes, and take the difference text "
        "by text; the standard error is that of the mean of paired differences.",
    )


def _excess_by_loops(one, other, sizes):
    each = [
        (math.fsum(b.tolist()) - math.fsum(a.tolist())) / math.log(2) / size
        for a, b, size in zip(one, other, sizes, strict=True)
    ]
    return statistics.fmean(each), statistics.stdev(each) / math.sqrt(len(each))


def copying_score(function):
    """Check ``function(weights, tokens)``: (n, t, t) and (t,) to (n,)."""
    rows = [
        [4, 7, 1, 4, 7, 1],
        [3, 3, 5, 3, 0, 5, 3],  # the last of several, once at the place just before
        [2, 9, 8, 7, 6, 2],  # one token alone repeats
        [0, 1, 0, 1, 1, 0, 2, 2, 1],
    ]
    cases = []
    for seed, row in enumerate(rows):
        t = len(row)
        scores = 2 * random_tensor(seed, 2 + seed % 3, t, t)
        hidden = torch.ones(t, t, dtype=torch.bool).triu(1)
        cases.append((scores.masked_fill(hidden, -torch.inf).softmax(-1), torch.tensor(row)))
    return grade(
        function,
        cases,
        _copying_by_table,
        hint="For each place i whose token stood before, last at j, take weights[:, i, j + 1]; "
        "then the mean over these places alone.",
    )


def _copying_by_table(weights, tokens):
    last, total, count = {}, torch.zeros(len(weights), dtype=weights.dtype), 0
    for i, token in enumerate(tokens.tolist()):
        if token in last:
            total, count = total + weights[:, i, last[token] + 1], count + 1
        last[token] = i
    return total / count
