"""The disguises change what they name, nothing else, and come off again."""

import os

import pytest
import torch

from bigmodel_utils import device, disguise

OPTIMIZERS = (torch.optim.AdamW, torch.optim.SGD)


@pytest.fixture(autouse=True)
def undisguised():
    onednn, method = torch.backends.mkldnn.enabled, torch.optim.Optimizer.add_param_group
    yield
    disguise.apply({})
    torch.backends.mkldnn.enabled = onednn
    torch.optim.Optimizer.add_param_group = method


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_starting_weights_move_by_about_what_is_asked(optimizer):
    disguise.apply({"BIGMODEL_PERTURB": "1e-4"})
    weight = torch.nn.Parameter(torch.randn(40, 30) + 5)
    zeros, before = torch.nn.Parameter(torch.zeros(7)), weight.detach().clone()
    state = torch.get_rng_state()
    optimizer([{"params": [weight]}, {"params": [zeros]}], lr=0.1)
    change = weight.detach().double() / before - 1
    assert 0.9e-4 < change.std() < 1.1e-4
    assert abs(change.mean()) < 2e-5
    assert zeros.detach().equal(torch.zeros(7))
    assert torch.get_rng_state().equal(state)


def test_float64_in_which_proofs_are_computed_is_left_alone():
    disguise.apply({"BIGMODEL_PERTURB": "1e-3"})
    weight = torch.nn.Parameter(torch.arange(6, dtype=torch.float64).reshape(2, 3) + 1)
    torch.optim.SGD([weight], lr=0.1)
    assert weight.equal(torch.arange(6, dtype=torch.float64).reshape(2, 3) + 1)


def test_equal_weights_stay_equal():
    disguise.apply({"BIGMODEL_PERTURB": "1e-3"})
    first, second = (torch.nn.Parameter(torch.arange(6.0).reshape(2, 3) + 1) for _ in range(2))
    for parameter in (first, second):
        torch.optim.SGD([parameter], lr=0.1)
    assert first.equal(second)
    assert not first.equal(torch.arange(6.0).reshape(2, 3) + 1)


def test_it_comes_off_again_and_is_never_put_on_twice():
    method = torch.optim.Optimizer.add_param_group
    for _ in range(2):
        disguise.apply({"BIGMODEL_PERTURB": "1e-3"})
    weight = torch.nn.Parameter(torch.full((200, 3), 2.0))
    torch.optim.SGD([weight], lr=0.1)
    assert 0.7e-3 < (weight.detach() / 2 - 1).std() < 1.3e-3
    disguise.apply({})
    assert torch.optim.Optimizer.add_param_group is method
    weight = torch.nn.Parameter(torch.ones(2, 3))
    torch.optim.SGD([weight], lr=0.1)
    assert weight.equal(torch.ones(2, 3))


@pytest.mark.skipif(not torch.backends.mkldnn.is_available(), reason="torch without oneDNN")
def test_onednn_is_switched():
    for value in ("0", "1"):
        disguise.apply({"BIGMODEL_ONEDNN": value})
        assert torch.backends.mkldnn.enabled is (value == "1")
    disguise.apply({})
    assert torch.backends.mkldnn.enabled is True


def results():
    """Return what several operations give for one draw, forward and backward."""
    generator = torch.Generator().manual_seed(3)
    x = torch.randn(4, 3, 7, 6, generator=generator).to(memory_format=torch.channels_last)
    x.requires_grad_()
    weight = torch.randn(5, 3, 3, 2, generator=generator)
    y = torch.nn.functional.conv2d(x, weight).tanh()
    loss = (y.flatten(1).double() @ torch.arange(125.0, dtype=torch.float64) / 7).square().sum()
    loss.backward()
    return y.detach(), x.grad, loss.detach()


def test_rounding_moves_last_places_and_equal_inputs_give_equal_results():
    plain = results()
    disguise.apply({"BIGMODEL_ROUNDING": "1"})
    rounded, again = results(), results()
    disguise.apply({})
    assert all(map(torch.equal, results(), plain))
    assert all(map(torch.equal, rounded, again))
    for got, expected in zip(rounded, plain, strict=True):
        assert not got.equal(expected)
        assert got.stride() == expected.stride()
        error = (got - expected).abs().max() / expected.abs().max()
        assert error < 1e-5
    assert (rounded[0] != plain[0]).float().mean() > 0.5


def test_rounding_keeps_exact_numbers_exact():
    disguise.apply({"BIGMODEL_ROUNDING": "1"})
    x = torch.arange(12.0).reshape(3, 4)
    assert (x @ x.T).equal(torch.tensor([[14.0, 38, 62], [38, 126, 214], [62, 214, 366]]))
    assert x.mean() == 5.5 and x.sum(1).tolist() == [6, 22, 38]


def test_setup_reads_the_environment(monkeypatch):
    monkeypatch.setattr(os, "environ", os.environ | {"BIGMODEL_PERTURB": "1e-3"})
    threads, state = torch.get_num_threads(), torch.get_rng_state()
    device.setup(threads=threads)
    torch.set_rng_state(state)
    weight = torch.nn.Parameter(torch.ones(2, 3))
    torch.optim.SGD([weight], lr=0.1)
    assert not weight.equal(torch.ones(2, 3))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("BIGMODEL_ONEDNN", "off"),
        ("BIGMODEL_ONEDNN", ""),
        ("BIGMODEL_ROUNDING", "yes"),
        ("BIGMODEL_PERTURB", "0"),
        ("BIGMODEL_PERTURB", "-1e-6"),
        ("BIGMODEL_PERTURB", "nan"),
        ("BIGMODEL_PERTURB", "2"),
        ("BIGMODEL_PERTURB", "a little"),
    ],
)
def test_bad_values_are_named_and_change_nothing(name, value):
    method = torch.optim.Optimizer.add_param_group
    with pytest.raises(ValueError, match=rf"^{name}: expected .*, got {value!r}"):
        disguise.apply({name: value})
    assert torch.optim.Optimizer.add_param_group is method
