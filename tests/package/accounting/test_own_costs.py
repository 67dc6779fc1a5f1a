"""Layers that carry their own cost, and what is counted while any function runs."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from bigmodel_utils.accounting import counted_flops, measure, predict, saved_tensors
from bigmodel_utils.models import GPT


class LowRank(nn.Module):
    """A frozen linear layer and a low-rank change of it: what a page will teach, in short."""

    def __init__(self, d_in, d_out, rank):
        super().__init__()
        self.base = nn.Linear(d_in, d_out)
        self.down = nn.Parameter(torch.zeros(rank, d_in))
        self.up = nn.Parameter(torch.zeros(d_out, rank))

    def forward(self, x):
        return self.base(x) + x @ self.down.T @ self.up.T

    def cost(self, x):
        (d_out, rank), *batch = self.up.shape, *x[:-1]
        sizes = {"down": rank * x[-1], "up": d_out * rank}
        flops = 2 * math.prod(batch) * (sum(sizes.values()) + d_out * x[-1])
        sizes |= {"base.weight": d_out * x[-1], "base.bias": d_out}
        return sizes, flops, (*batch, d_out)


class Bytes(nn.Module):
    """A linear layer whose weights are bytes and a scale, so it has buffers and one parameter."""

    def __init__(self, d_in, d_out):
        super().__init__()
        self.register_buffer("codes", torch.ones(d_out, d_in, dtype=torch.int8))
        self.scale = nn.Parameter(torch.ones(d_out))

    def forward(self, x):
        return x @ self.codes.to(x.dtype).T * self.scale

    def cost(self, *shapes):
        (shape,) = shapes
        flops = 2 * math.prod(shape[:-1]) * self.codes.numel()
        return {"scale": len(self.codes)}, flops, (*shape[:-1], len(self.codes))


def test_layers_with_a_cost_of_their_own_need_no_edit_elsewhere():
    model = nn.Sequential(LowRank(7, 5, 2), nn.ReLU(), Bytes(5, 3))
    report = predict(model, (4, 6, 7))
    assert report == measure(model, (4, 6, 7))
    assert [row.kind for row in report.layers] == ["LowRank", "ReLU", "Bytes"]
    assert report.params == sum(p.numel() for p in model.parameters())
    assert report.layers[0].flops == 2 * 24 * (7 * 5 + 2 * 7 + 5 * 2)


def test_a_wrong_formula_would_be_noticed(monkeypatch):
    model, right = LowRank(7, 5, 2), LowRank.cost

    def forgets_the_rank(self, x):
        sizes, flops, shape = right(self, x)
        return sizes, flops - 2 * math.prod(x[:-1]) * self.up.numel(), shape

    monkeypatch.setattr(LowRank, "cost", forgets_the_rank)
    assert predict(model, (4, 7)) != measure(model, (4, 7))


def test_shared_and_tied_parameters_count_once():
    layer = LowRank(6, 6, 2)
    model = nn.Sequential(layer, layer)
    assert predict(model, (3, 6)) == measure(model, (3, 6))
    assert predict(model, (3, 6)).params == sum(p.numel() for p in model.parameters())
    tied = GPT(11, context=5, d_model=8, num_layers=1, num_heads=2, tie_embeddings=True)
    assert predict(tied, (2, 5)).params == sum(p.numel() for p in tied.parameters())


@pytest.mark.parametrize(
    ("result", "error", "message"),
    [
        (3, TypeError, "expected cost to return .*, got int 3"),
        (({}, 0), TypeError, "expected cost to return"),
        (({}, 0, (4, 5)), TypeError, r"with the names \['base.bias', .*got \[\]"),
        (({"down": 1, "up": 1, "base.weight": 1, "base.bias": 1}, -1, (4, 5)), ValueError, "FLOPs"),
        (({"down": 1, "up": 1, "base.weight": 1, "base.bias": 1}, 1.5, (4, 5)), TypeError, "FLOPs"),
        (({"down": 1, "up": 1, "base.weight": 1, "base.bias": 1}, 1, (4, 6)), ValueError, "makes"),
    ],
)
def test_a_bad_cost_names_the_layer(result, error, message, monkeypatch):
    monkeypatch.setattr(LowRank, "cost", lambda self, x: result)
    with pytest.raises(error, match=rf"model: layer '0'.*{message}"):
        predict(nn.Sequential(LowRank(7, 5, 2)), (4, 7))


def test_counted_flops_sees_both_passes():
    x, weight = torch.randn(4, 3, 9, 10), torch.randn(5, 3, 2, 3, requires_grad=True)
    flops, y = counted_flops(lambda: F.conv2d(x, weight))
    assert flops == 2 * y.numel() * weight[0].numel() and y.shape == (4, 5, 8, 8)
    backward, nothing = counted_flops(lambda: y.backward(torch.randn_like(y)))
    assert backward == flops and nothing is None  # of the weight alone


def test_saved_tensors_are_one_a_block_of_memory():
    x, weight = torch.randn(4, 3), torch.randn(5, 3, requires_grad=True)
    kept, y = saved_tensors(lambda: torch.tanh(x @ weight.T) ** 2)
    # x for the weight's gradient, the outcome of tanh for both its own and the square's.
    assert sorted(tuple(t.shape) for t in kept) == [(4, 3), (4, 5)]
    assert y.shape == (4, 5)
    y.sum().backward()
    assert weight.grad.shape == weight.shape


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: counted_flops(3), TypeError, "function: expected a function, got int 3"),
        (lambda: saved_tensors(None), TypeError, "function: expected a function"),
        (lambda: saved_tensors(lambda: 3), TypeError, "function: expected a tensor as its result"),
        (lambda: saved_tensors(lambda: torch.ones(2)), ValueError, "function: .* a gradient"),
    ],
)
def test_what_cannot_be_counted_is_named(call, error, message):
    with pytest.raises(error, match=message):
        call()
