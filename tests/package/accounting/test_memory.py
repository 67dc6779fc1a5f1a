"""peak_bytes counts what tensors hold, once each, and lets go of what is freed."""

import pytest
import torch

from bigmodel_utils.accounting import peak_bytes

KILO = torch.float32.itemsize * 1000


def test_counts_what_is_alive_together():
    def chain():
        x = torch.zeros(1000)
        y = x + 1
        del x
        z = y * 2  # x is gone: two are alive, three were made
        return z[:10]

    assert peak_bytes(chain) == 2 * KILO


def test_the_peak_may_lie_before_the_end():
    def large_then_small():
        large = torch.zeros(3000)
        del large
        return torch.zeros(1000)

    assert peak_bytes(large_then_small) == 3 * KILO


def test_views_and_changes_in_place_cost_nothing():
    x = torch.zeros(1000)

    def work():
        x.view(10, 100).T[3].add_(1)
        torch.add(x, 1, out=x)
        return x[5:]

    assert peak_bytes(work) == 0
    assert x[0] == 1 and x[3] == 2, "it really ran"


def test_counts_what_autograd_saves_and_makes():
    w = torch.zeros(1000, requires_grad=True)
    # exp keeps its result until the backward pass; the upstream gradient is a third array.
    assert peak_bytes(lambda: torch.autograd.grad(w.exp(), w, torch.ones(1000))) == 3 * KILO
    assert peak_bytes(lambda: w.exp().detach()) == KILO


def test_several_results_count_each_once():
    assert peak_bytes(lambda: torch.zeros(1000).split(100)) == KILO
    indices = torch.int64.itemsize * 1000
    assert peak_bytes(lambda: torch.zeros(1000).sort()) == 2 * KILO + indices


def test_nothing_stays_behind():
    work = lambda: torch.zeros(1000).cos()  # noqa: E731
    assert [peak_bytes(work) for _ in range(3)] == [2 * KILO] * 3


def test_refuses_what_cannot_be_called():
    with pytest.raises(TypeError, match="function: expected a function, got int"):
        peak_bytes(3)
