"""Lion and Shampoo against plain formulas, and every optimiser through `fit`."""

import copy

import pytest
import torch

from bigmodel_utils import training
from bigmodel_utils.optim import Lion, MuonAdamW, Shampoo


def walked(kind, theta, gradients, **options):
    """Weights after each of the gradients, by an optimizer."""
    theta = theta.clone().requires_grad_()
    optimizer, seen = kind([theta], **options), []
    for g in gradients:
        theta.grad = g.clone()
        optimizer.step()
        seen.append(theta.detach().clone())
    return seen


def test_lion_is_the_sign_of_an_average():
    g = torch.Generator().manual_seed(0)
    theta, m = torch.randn(4, generator=g).double(), torch.zeros(4).double()
    gradients = torch.randn(5, 4, generator=g).double()
    found = walked(Lion, theta, gradients, lr=0.1, betas=(0.8, 0.95), weight_decay=0.5)
    for one, seen in zip(gradients, found, strict=True):
        theta = theta * (1 - 0.1 * 0.5) - 0.1 * torch.sign(0.8 * m + 0.2 * one)
        m = 0.95 * m + 0.05 * one
        assert torch.allclose(seen, theta)


@pytest.mark.parametrize("shape", [(3, 5), (6, 2), (1, 4), (5,), (3, 2, 2)])
def test_shampoo_without_memory_is_the_orthogonal_factor(shape):
    g = torch.Generator().manual_seed(1)
    grad = torch.randn(shape, generator=g).double()
    (found,) = walked(
        Shampoo, torch.zeros_like(grad), [grad], lr=0.5, momentum=0.0, memory=0.0, eps=1e-14
    )
    matrix = grad.flatten(1) if grad.ndim > 1 else grad[:, None]
    u, _, vh = torch.linalg.svd(matrix, full_matrices=False)
    expected = -0.5 * 0.2 * max(matrix.shape) ** 0.5 * (u @ vh)
    assert torch.allclose(found.view_as(matrix), expected, atol=1e-6)


def test_shampoo_by_its_formula_over_several_steps():
    g = torch.Generator().manual_seed(2)
    gradients = torch.randn(7, 3, 4, generator=g).double()
    options = {"lr": 0.1, "momentum": 0.6, "memory": 0.7, "every": 2, "weight_decay": 0.2}
    theta = torch.randn(3, 4, generator=g).double()
    found = walked(Shampoo, theta, gradients, nesterov=False, **options)
    m, left, right, weight = torch.zeros(3, 4).double(), 0.0, 0.0, 0.0
    for k, (one, seen) in enumerate(zip(gradients, found, strict=True)):
        m = 0.6 * m + 0.4 * one
        left, right = 0.7 * left + 0.3 * one @ one.T, 0.7 * right + 0.3 * one.T @ one
        weight = 0.7 * weight + 0.3
        if k < 2 or k % 2 == 0:
            roots = []
            for square in (left / weight, right / weight):
                values, vectors = torch.linalg.eigh(square)
                values = values.clamp(min=1e-4 * values.max())
                roots.append(vectors @ torch.diag(values**-0.25) @ vectors.T)
        update = roots[0] @ m @ roots[1]
        theta = theta * (1 - 0.1 * 0.2) - 0.1 * 0.2 * 12**0.5 * update / update.norm()
        assert torch.allclose(seen, theta, atol=1e-9)


def test_shampoo_leaves_long_sides_out():
    g = torch.Generator().manual_seed(3)
    grad = torch.randn(3, 9, generator=g).double()
    theta = torch.zeros(3, 9).double().requires_grad_()
    optimizer = Shampoo([theta], 0.1, momentum=0.0, memory=0.0, longest=4, eps=1e-14)
    theta.grad = grad
    optimizer.step()
    assert "square0" in optimizer.state[theta] and "square1" not in optimizer.state[theta]
    u, _, vh = torch.linalg.svd(grad, full_matrices=False)
    assert torch.allclose(theta.detach(), -0.1 * 0.2 * 3 * (u @ vh), atol=1e-6)


@pytest.mark.parametrize("kind", [Lion, Shampoo])
def test_no_gradient_moves_nothing(kind):
    (found,) = walked(kind, torch.ones(2, 3), [torch.zeros(2, 3)], lr=0.1)
    assert torch.equal(found, torch.ones(2, 3))
    weights = torch.ones(2).requires_grad_()
    kind([weights], lr=0.1).step()
    assert torch.equal(weights.detach(), torch.ones(2))


@pytest.mark.parametrize(
    ("kind", "options", "message"),
    [
        (Lion, {"lr": -1}, "lr: .*at least 0"),
        (Lion, {"betas": (0.9, 2.0)}, "betas"),
        (Shampoo, {"momentum": 1.5}, "momentum: .*at most 1"),
        (Shampoo, {"memory": 1.0}, "memory: .*at most 0.9999"),
        (Shampoo, {"every": 0}, "every: .*at least 1"),
    ],
)
def test_wrong_options_are_named(kind, options, message):
    with pytest.raises((TypeError, ValueError), match=message):
        kind([torch.zeros(2).requires_grad_()], **options)


OPTIMIZERS = {
    "SGD": lambda model, lr: torch.optim.SGD(model.parameters(), lr, momentum=0.9),
    "RMSprop": lambda model, lr: torch.optim.RMSprop(model.parameters(), lr / 10),
    "Adam": lambda model, lr: torch.optim.Adam(model.parameters(), lr / 10),
    "AdamW": lambda model, lr: torch.optim.AdamW(model.parameters(), lr / 10),
    "Adafactor": lambda model, lr: torch.optim.Adafactor(model.parameters(), lr),
    "Lion": lambda model, lr: Lion(model.parameters(), lr / 10),
    "Shampoo": lambda model, lr: Shampoo(model.parameters(), lr / 5),
    "Muon": MuonAdamW,
}


def network():
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.Tanh(), torch.nn.Linear(8, 3))


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_fit_takes_each_and_resumes_it(name, tmp_path):
    g = torch.Generator().manual_seed(0)
    x = torch.randn(60, 4, generator=g)
    y = x[:, :3].argmax(1)
    options = {"batch_size": 20, "lr": 0.1, "optimizer": OPTIMIZERS[name], "progress": False}
    start = network()
    whole = copy.deepcopy(start)
    history = training.fit(whole, (x, y), epochs=6, **options)
    losses = [epoch["train_loss"] for epoch in history.epochs]
    assert losses[-1] < losses[0]

    # Stopped in the middle and gone on with, to the same weights.
    half = copy.deepcopy(start)
    file = tmp_path / "run.pt"

    class Stop(Exception):
        pass

    def stop(model, step):
        if step == 9:
            raise Stop

    with pytest.raises(Stop):
        training.fit(half, (x, y), epochs=6, checkpoint=file, on_step=stop, **options)
    half = copy.deepcopy(start)
    training.fit(half, (x, y), epochs=6, checkpoint=file, **options)
    for a, b in zip(whole.parameters(), half.parameters(), strict=True):
        assert torch.equal(a, b)
