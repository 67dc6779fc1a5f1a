"""A fast way is used only where it agrees with the plain one."""

import math
import warnings

import pytest
import torch
from torch import nn

from bigmodel_utils import numerics
from bigmodel_utils.training import _forward as forward
from bigmodel_utils.training import evaluate, fit


def draws(scale=1.0):
    generator = torch.Generator().manual_seed(5)
    return {
        "large": scale * torch.randn(7, 5, generator=generator),
        "small": 0.1 * scale * torch.randn(3, generator=generator),
        "zero": torch.zeros(4, 2),
    }


@pytest.mark.parametrize("value", [1, 2.5, torch.tensor(3.0, dtype=torch.bfloat16)])
def test_finite_numbers_pass(value):
    assert numerics.finite(value, "loss") == float(value)


@pytest.mark.parametrize("value", [math.nan, -math.inf, torch.tensor(math.nan)])
def test_other_numbers_stop(value):
    with pytest.raises(FloatingPointError, match=r"^step 3: the loss is (nan|-inf)$"):
        numerics.finite(value, "step 3: the loss")


def test_equal_and_nearly_equal_results_agree():
    assert numerics.disagreement(draws(), draws()) is None
    assert numerics.disagreement(draws(1.02), draws()) is None
    rounded = {name: value.bfloat16() for name, value in draws().items()}
    assert numerics.disagreement(rounded, draws()) is None


def changed(name, function):
    return draws() | {name: function(draws()[name])}


@pytest.mark.parametrize(
    ("name", "function", "message"),
    [
        ("zero", lambda x: x + math.nan, "zero: 100% of the numbers are not finite"),
        ("small", lambda x: x.clone().fill_(math.inf), "small: 100%"),
        ("large", lambda x: torch.where(x == x.max(), math.nan, x), "large: 3% of the numbers"),
        ("large", lambda x: -x, "large: off by"),
        ("large", lambda x: 1.1 * x, "all together: off by"),
        ("large", torch.zeros_like, "large: off by"),
        ("small", lambda x: 2 * x, "small: off by"),
        ("zero", lambda x: x + 1, "zero: off by 2.8 in norm, of 0"),
    ],
)
def test_other_results_are_told_by_name(name, function, message):
    assert numerics.disagreement(changed(name, function), draws()).startswith(message)


def test_what_is_not_finite_in_both_ways_is_no_disagreement():
    both = changed("small", lambda x: torch.where(x > 0, -math.inf, x))
    assert numerics.disagreement(both, both) is None


def test_other_names_and_shapes_are_errors():
    with pytest.raises(ValueError, match=r"^got: expected the names \['large', 'small', 'zero'\]"):
        numerics.disagreement({"large": draws()["large"]}, draws())
    with pytest.raises(ValueError, match=r"^got: small: expected .* \(3,\), got .* \(2,\)"):
        numerics.disagreement(changed("small", lambda x: x[:2]), draws())


class Faulty(torch.autograd.Function):
    """The identity; where the input is bfloat16, with a fault in one direction."""

    @staticmethod
    def forward(ctx, x, fault):
        ctx.fault = fault
        return x * math.nan if fault == "output" and x.dtype == torch.bfloat16 else x.clone()

    @staticmethod
    def backward(ctx, grad):
        wrong = {"nan": math.nan, "sign": -1.0}.get(ctx.fault, 1.0)
        return (grad * wrong if grad.dtype == torch.bfloat16 else grad), None


class Net(nn.Module):
    def __init__(self, fault):
        super().__init__()
        torch.manual_seed(2)
        self.first, self.last = nn.Linear(6, 9), nn.Linear(9, 3)
        self.norm, self.dropout, self.fault = nn.BatchNorm1d(9), nn.Dropout(0.3), fault

    def forward(self, x):
        x = Faulty.apply(self.first(x), self.fault)
        return self.last(self.dropout(self.norm(x).relu()))


def data(n=40):
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(n, 6, generator=generator)
    return x, (x[:, 0] > 0).long() + (x[:, 3] > 0.5)


OPTIONS = {"epochs": 2, "batch_size": 8, "device": "cpu", "progress": False, "seed": 3}


def trained(fault, dtype):
    model = Net(fault)
    history = fit(model, data(), dtype=dtype, **OPTIONS)
    return model, history


@pytest.mark.parametrize("fault", ["nan", "sign", "output"])
def test_training_falls_back_to_float32_and_gives_its_numbers(fault):
    plain, expected = trained(fault, torch.float32)
    with pytest.warns(RuntimeWarning, match="bfloat16 disagrees with float32.*computed in float32"):
        model, history = trained(fault, torch.bfloat16)
    assert history.losses == expected.losses
    for got, wanted in zip(model.state_dict().values(), plain.state_dict().values(), strict=True):
        assert got.equal(wanted)


def test_a_sound_model_trains_in_bfloat16_and_the_trial_leaves_no_trace(monkeypatch):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        _, history = trained(None, torch.bfloat16)
        monkeypatch.setattr(forward.Forward, "_hold_against_float32", lambda *batch: None)
        _, untested = trained(None, torch.bfloat16)
    assert history.losses == untested.losses
    assert history.losses != trained(None, torch.float32)[1].losses


def test_evaluation_notices_a_wrong_output():
    model = Net("output").eval()
    expected = evaluate(model, data(), dtype=torch.float32)
    with pytest.warns(RuntimeWarning, match="output: 100% of the numbers are not finite"):
        got = evaluate(model, data(), dtype=torch.bfloat16)
    assert got.loss == expected.loss
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        evaluate(Net("nan").eval(), data(), dtype=torch.bfloat16)  # no gradient is asked for


class Given(torch.autograd.Function):
    """A value whose gradients by the parameters are given."""

    @staticmethod
    def forward(ctx, value, gradients, *parameters):
        ctx.gradients = gradients
        return value.clone()

    @staticmethod
    def backward(ctx, upstream):
        return None, None, *(upstream * g for g in ctx.gradients)


def small_problem():
    torch.manual_seed(4)
    model = nn.Sequential(nn.Linear(5, 7), nn.Tanh(), nn.Linear(7, 3))
    nn.init.zeros_(model[2].weight)  # then the first layer's gradient is zero
    x, y = torch.randn(11, 5), torch.arange(11) % 3
    return model, lambda: nn.functional.cross_entropy(model(x), y)


def spoiled(loss_of, model, how):
    """Return a way whose gradient of the first layer, or whose loss, is wrong."""

    def way():
        loss = loss_of()
        if how == "loss":
            return 1.1 * loss
        faults = {
            "nan": lambda g: g * math.nan,
            "nan where zero": lambda g: torch.where(g == 0, math.nan, g),
            "sign": lambda g: -g,
        }
        parameters = list(model.parameters())
        gradients = list(torch.autograd.grad(loss, parameters))
        gradients[0] = faults[how](gradients[0])
        return Given.apply(loss.detach(), gradients, *parameters)

    return way


@pytest.mark.parametrize("how", ["nan", "nan where zero", "sign", "loss"])
def test_a_wrong_way_is_passed_over_and_named(how):
    model, loss_of = small_problem()
    before = [p.detach().clone() for p in model.parameters()]
    model[0].bias.grad = torch.arange(7.0)
    ways = {"fast": spoiled(loss_of, model, how), "second": loss_of, "plain": loss_of}
    way, refused = numerics.sound_way(ways, dict(model.named_parameters()))
    assert way == "second" and list(refused) == ["fast"]
    assert ("loss" if how == "loss" else "0.weight") in refused["fast"]
    for parameter, old in zip(model.parameters(), before, strict=True):
        assert parameter.equal(old)
    assert model[0].bias.grad.equal(torch.arange(7.0)) and model[2].weight.grad is None


def test_the_first_sound_way_is_taken():
    model, loss_of = small_problem()
    ways = {"fast": loss_of, "plain": loss_of}
    assert numerics.sound_way(ways, dict(model.named_parameters())) == ("fast", {})
    wrong = spoiled(loss_of, model, "sign")
    way, refused = numerics.sound_way(
        {"a": wrong, "b": wrong, "plain": loss_of}, dict(model.named_parameters())
    )
    assert way == "plain" and list(refused) == ["a", "b"]


def test_a_plain_way_that_is_not_finite_stops():
    model, loss_of = small_problem()
    with pytest.raises(FloatingPointError, match=r"^plain: loss is not finite"):
        numerics.sound_way(
            {"fast": loss_of, "plain": lambda: loss_of() * math.nan},
            dict(model.named_parameters()),
        )
