"""Padded sequences: nothing that stands in the padding reaches a result or a gradient."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn.utils.rnn import PackedSequence

from bigmodel_utils import sequences

LENGTHS = torch.tensor([3, 5, 1, 4])


def batch(extra=0, fill=0.0, d=2):
    """Random sequences of LENGTHS, padded with ``fill``, with ``extra`` more steps than needed."""
    generator = torch.Generator().manual_seed(3)
    x = torch.full((4, 5 + extra, d), fill, dtype=torch.float64)
    for row, length in zip(x, LENGTHS, strict=True):
        row[:length] = torch.randn(int(length), d, generator=generator, dtype=torch.float64)
    return x


def test_mask_by_loops():
    expected = [[t < n for t in range(7)] for n in LENGTHS.tolist()]
    assert sequences.mask(LENGTHS, 7).tolist() == expected
    assert sequences.mask(LENGTHS).shape == (4, 5)
    assert sequences.mask(LENGTHS).dtype == torch.bool


def test_last_and_mean_by_loops():
    x = batch(extra=2, fill=9.0)
    alone = [row[:n] for row, n in zip(x, LENGTHS.tolist(), strict=True)]
    torch.testing.assert_close(sequences.last(x, LENGTHS), torch.stack([a[-1] for a in alone]))
    torch.testing.assert_close(sequences.mean(x, LENGTHS), torch.stack([a.mean(0) for a in alone]))


def test_pack_keeps_the_order_of_the_rows():
    x = batch(fill=7.0)
    packed = sequences.pack(x, LENGTHS)
    assert isinstance(packed, PackedSequence) and len(packed.data) == LENGTHS.sum()
    assert torch.equal(sequences.unpack(packed), batch(fill=0.0))
    assert torch.equal(sequences.unpack(packed, 8), batch(extra=3))


def through(function, x):
    """Return the result of ``function`` and the gradient of x for a fixed upstream gradient."""
    x = x.clone().requires_grad_()
    result = function(x)
    generator = torch.Generator().manual_seed(8)
    upstream = torch.randn(result.shape, generator=generator, dtype=torch.float64)
    return result.detach(), torch.autograd.grad(result, x, upstream)[0]


def packed_rnn(kind, **options):
    torch.manual_seed(4)
    layer = kind(2, 3, batch_first=True, dtype=torch.float64, **options)

    def run(x):
        state = layer(sequences.pack(x, LENGTHS))[1]
        return (state[0] if isinstance(state, tuple) else state).transpose(0, 1)  # (b, layers, 3)

    return run


FUNCTIONS = {
    "last": lambda x: sequences.last(x, LENGTHS),
    "mean": lambda x: sequences.mean(x, LENGTHS),
    "pack": lambda x: sequences.unpack(sequences.pack(x, LENGTHS), 5),
    "rnn": packed_rnn(nn.RNN),
    "lstm": packed_rnn(nn.LSTM, num_layers=2),
    "gru, both directions": packed_rnn(nn.GRU, bidirectional=True),
}


@pytest.mark.parametrize("name", list(FUNCTIONS))
@settings(max_examples=15, deadline=None)
@given(extra=st.integers(0, 6), fill=st.sampled_from([-3.5, 1e9, math.inf, math.nan]))
def test_padding_never_changes_a_result(name, extra, fill):
    result, gradient = through(FUNCTIONS[name], batch())
    got, got_gradient = through(FUNCTIONS[name], batch(extra, fill))
    assert torch.equal(got, result)
    assert torch.equal(got_gradient[:, :5], gradient)
    real = sequences.mask(LENGTHS, 5 + extra)
    assert (got_gradient[~real] == 0).all()
    assert (gradient[real[:, :5]] != 0).any()


def test_the_property_would_notice_a_plain_mean():
    result, _ = through(lambda x: x.mean(1), batch())
    got, _ = through(lambda x: x.mean(1), batch(extra=1))
    assert not torch.equal(got, result)


X = torch.zeros(4, 6, 2)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: sequences.mask([1, 2]), TypeError, "lengths: expected a tensor"),
        (lambda: sequences.mask(torch.tensor([1.0])), TypeError, "lengths: expected integers"),
        (lambda: sequences.mask(torch.tensor([True])), TypeError, "lengths: expected integers"),
        (lambda: sequences.mask(torch.tensor(3)), ValueError, "lengths: expected one for each"),
        (lambda: sequences.mask(torch.ones(0).long()), ValueError, "at least one sequence"),
        (lambda: sequences.mask(torch.tensor([2, 0, 1])), ValueError, "1 step, got 0 in row 1"),
        (lambda: sequences.mask(torch.tensor([2, -1])), ValueError, "1 step, got -1 in row 1"),
        (lambda: sequences.mask(LENGTHS, 4), ValueError, "1 to 4 steps.* got 5 in row 1"),
        (lambda: sequences.mask(LENGTHS, 0), ValueError, "size: expected an integer of at least 1"),
        (lambda: sequences.last(X[0], LENGTHS), ValueError, "x: expected shape .b, t, d."),
        (lambda: sequences.last(X, LENGTHS[:3]), ValueError, r"lengths: expected shape \(4,\)"),
        (lambda: sequences.last(X, LENGTHS + 2), ValueError, "1 to 6 steps.* got 7 in row 1"),
        (lambda: sequences.mean(X.long(), LENGTHS), TypeError, "x: expected a floating"),
        (lambda: sequences.mean(X, LENGTHS * 0), ValueError, "1 to 6 steps.* got 0 in row 0"),
        (lambda: sequences.pack(X.transpose(0, 1), LENGTHS), ValueError, "pass x.transpose"),
        (lambda: sequences.pack(X[:, :0], LENGTHS), ValueError, "at least one step"),
        (lambda: sequences.pack(X, LENGTHS - 1), ValueError, "got 0 in row 2"),
        (lambda: sequences.unpack(X), TypeError, "packed: expected a PackedSequence"),
        (lambda: sequences.unpack(sequences.pack(X, LENGTHS), 4), ValueError, "size: expected"),
    ],
)
def test_bad_arguments_are_named(call, error, words):
    with pytest.raises(error, match=words):
        call()
