"""Schedules of one's own: a warm-up with a floor against torch's, and callables."""

import math

import numpy
import pytest
import torch
from torch import nn
from torch.optim import lr_scheduler

from bigmodel_utils.models import MLP
from bigmodel_utils.training import WarmUp, fit, learning_rate

PLAIN = {"device": "cpu", "dtype": torch.float32, "progress": False}


def data(n=20):
    return torch.randn(n, 6, generator=torch.Generator().manual_seed(0)), torch.arange(n) % 3


def torch_rates(steps, warm_up, decay, floor, lr):
    """The same from torch's schedulers, one after the other."""
    optimizer = torch.optim.SGD([nn.Parameter(torch.ones(1))], lr=lr)
    down = {
        "cosine": lambda: lr_scheduler.CosineAnnealingLR(
            optimizer, T_max=steps - warm_up, eta_min=floor * lr
        ),
        "linear": lambda: lr_scheduler.LinearLR(
            optimizer, start_factor=1, end_factor=floor, total_iters=steps - warm_up
        ),
        "constant": lambda: lr_scheduler.ConstantLR(optimizer, factor=1),
    }[decay]()
    schedule = down
    if warm_up:
        for group in optimizer.param_groups:
            group["lr"] = group["initial_lr"]
        up = lr_scheduler.LinearLR(
            optimizer, start_factor=1 / (warm_up + 1), end_factor=1, total_iters=warm_up
        )
        schedule = lr_scheduler.SequentialLR(optimizer, [up, down], milestones=[warm_up])
    rates = []
    for step in range(steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if step < steps - 1:
            schedule.step()
    return rates


@pytest.mark.filterwarnings("ignore:The epoch parameter in `scheduler.step")
@pytest.mark.parametrize(("steps", "warm_up"), [(1, 0), (7, 0), (7, 1), (7, 6), (41, 10)])
@pytest.mark.parametrize(
    ("decay", "floor"), [("cosine", 0), ("cosine", 0.1), ("linear", 0.25), ("constant", 0)]
)
def test_a_warm_up_is_torch_s(steps, warm_up, decay, floor):
    schedule = WarmUp(warm_up, decay, floor)
    rates = [learning_rate(schedule, step, steps, 0.3) for step in range(steps)]
    assert rates == pytest.approx(torch_rates(steps, warm_up, decay, floor, 0.3), rel=1e-9)
    assert rates.index(max(rates)) == warm_up and rates[warm_up] == 0.3
    assert min(rates) >= 0.3 * min(floor or 0, 1 / (warm_up + 1))


def test_the_names_are_special_cases():
    for steps in (1, 49, 50, 99, 1000):
        for name, schedule in {
            "cosine": WarmUp(0),
            "linear": WarmUp(0.02, "linear"),
            "constant": WarmUp(0, "constant"),
        }.items():
            for step in range(steps):
                got = learning_rate(schedule, step, steps, 0.07)
                assert got == learning_rate(name, step, steps, 0.07)


def test_a_share_is_of_the_run():
    for steps, warm_up in ((10, 2), (19, 4), (100, 25)):
        rates = [WarmUp(0.25)(step, steps, 1.0) for step in range(steps)]
        assert rates.index(1.0) == warm_up
    assert WarmUp(numpy.int64(3), floor=numpy.float64(0.5)) == WarmUp(3, "cosine", 0.5)


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"steps": -1}, ValueError, "steps: expected an integer of at least 0"),
        ({"steps": True}, TypeError, "steps: expected an integer"),
        ({"steps": "3"}, TypeError, "steps: expected an integer"),
        ({"steps": None}, TypeError, "steps: expected an integer"),
        ({"steps": 1.0}, ValueError, "steps: expected a share of less than 1"),
        ({"steps": -0.1}, ValueError, "steps: expected at least 0"),
        ({"steps": math.nan}, ValueError, "steps: expected a finite number"),
        ({"decay": "exp"}, ValueError, "decay: expected one of 'constant', 'cosine', 'linear'"),
        ({"floor": -0.1}, ValueError, "floor: expected at least 0"),
        ({"floor": 1.1}, ValueError, "floor: expected at most 1"),
        ({"floor": "0"}, TypeError, "floor: expected a number"),
        ({"floor": 0.1, "decay": "constant"}, ValueError, "floor: expected 0 with decay='const"),
    ],
)
def test_a_bad_warm_up_is_named(options, error, words):
    with pytest.raises(error, match=f"^{words}"):
        WarmUp(**{"steps": 2, **options})


def test_a_run_takes_the_rates_of_a_callable():
    seen = []

    def rate(step, num_steps, lr):
        seen.append((step, num_steps, lr))
        return lr / (step + 1) if step != 3 else 0  # a step with rate 0 is allowed

    history = fit(MLP([6, 5, 3]), data(), epochs=2, batch_size=8, lr=0.1, schedule=rate, **PLAIN)
    assert seen == [(step, 6, 0.1) for step in range(6)]
    assert history.learning_rates == [0.1, 0.1 / 2, 0.1 / 3, 0.0, 0.1 / 5, 0.1 / 6]
    short = WarmUp(2, floor=0.1)
    history = fit(MLP([6, 5, 3]), data(), epochs=2, batch_size=8, lr=0.1, schedule=short, **PLAIN)
    assert history.learning_rates == [short(step, 6, 0.1) for step in range(6)]


@pytest.mark.parametrize(
    ("schedule", "error", "words"),
    [
        (lambda s, n, lr: lr if s < 2 else math.nan, ValueError, "rate at step 2, .* finite"),
        (lambda s, n, lr: lr if s < 4 else math.inf, ValueError, "rate at step 4, .* finite"),
        (lambda s, n, lr: -lr, ValueError, r"rate at step 0, .*of 6: expected at least 0, got -0"),
        (lambda s, n, lr: None, TypeError, "rate at step 0, .* expected a number, got NoneType"),
        (lambda s, n, lr: torch.tensor(lr), TypeError, "rate at step 0, .* expected a number"),
        (lambda s: 0.1, TypeError, r"expected a callable \(step, num_steps, lr\), .*takes \(s\)"),
        (WarmUp, TypeError, "expected a callable .* got the class WarmUp"),
        (lr_scheduler.StepLR, TypeError, "expected a callable .* got the class StepLR"),
        (WarmUp(6), ValueError, "expected a warm-up shorter than the run of 6 steps, got 6"),
        ("warm-up", ValueError, r"expected one of .*, or a callable \(step, num_steps, lr\)"),
        (0.1, ValueError, "expected one of"),
    ],
)
def test_a_bad_schedule_is_named_with_its_step(schedule, error, words):
    with pytest.raises(error, match=f"^schedule: {words}"):
        fit(MLP([6, 5, 3]), data(), epochs=2, batch_size=8, schedule=schedule, **PLAIN)


def test_a_warm_up_that_is_too_long_changes_no_weight():
    model = MLP([6, 5, 3])
    before = [p.clone() for p in model.parameters()]
    with pytest.raises(ValueError, match="shorter than the run"):
        fit(model, data(), epochs=1, batch_size=8, schedule=WarmUp(50), **PLAIN)
    assert all(torch.equal(p, q) for p, q in zip(model.parameters(), before, strict=True))
