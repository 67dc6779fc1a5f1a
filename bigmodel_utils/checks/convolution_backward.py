"""Checkers of the exercises on the page "Convolution, backward"."""

import torch
import torch.nn.functional as F

from bigmodel_utils.checks import AUTOGRAD, grade, random_tensor

__all__ = [
    "extrapolated_difference",
    "grad_input_1d",
    "row_bias_gradient",
    "training_step",
    "upsampling_padding",
]


def row_bias_gradient(function):
    """Check ``function(g)``: g (b, o, h', w'), the gradient of a bias added to each row (h',)."""
    # The last case has equal axes, so that an answer cannot choose its axes by their lengths.
    cases = [
        (random_tensor(1, 2, 3, 4, 5),),
        (random_tensor(2, 1, 6, 5, 2),),
        (random_tensor(3, 3, 3, 3, 3),),
    ]
    return grade(
        function,
        cases,
        _row_bias_by_autograd,
        hint="Sum over every axis along which one bias value is repeated.",
        forbidden=AUTOGRAD,
    )


def _row_bias_by_autograd(g):
    bias = torch.zeros(g.shape[2], dtype=g.dtype, requires_grad=True)
    return torch.autograd.grad(torch.zeros_like(g) + bias[:, None], bias, g)[0]


def grad_input_1d(function):
    """Check ``function(g, weight, size, stride)``: g (h',), weight (k,), result (size,)."""
    cases = []
    # Windows that overlap, touch and leave gaps; with and without an unread end.
    for seed, (size, k, stride) in enumerate(
        [(7, 3, 1), (9, 3, 2), (10, 3, 2), (11, 4, 3), (11, 2, 4), (6, 1, 3), (5, 5, 2)]
    ):
        h_out = (size - k) // stride + 1
        cases.append((random_tensor(seed, h_out), random_tensor(seed + 50, k), size, stride))
    return grade(
        function,
        cases,
        _grad_input_by_autograd,
        atol=1e-5,  # a result made by torch.zeros(size) is float32
        hint="Output i read the inputs i * stride to i * stride + K - 1: send g[i] back to them.",
        forbidden=AUTOGRAD,
    )


def _grad_input_by_autograd(g, weight, size, stride):
    x = torch.zeros(1, 1, size, dtype=g.dtype, requires_grad=True)
    y = F.conv1d(x, weight[None, None], stride=stride)
    return torch.autograd.grad(y, x, g[None, None])[0][0, 0]


def upsampling_padding(function):
    """Check ``function(kernel_size, stride) -> (padding, output_padding)`` by trying them all."""
    cases = [(4, 2), (3, 2), (5, 2), (2, 2), (1, 2), (3, 3), (4, 3), (5, 3), (6, 3), (2, 3), (7, 4)]
    cases += [(1, 3), (2, 5)]  # kernels that leave gaps
    return grade(
        function,
        cases,
        _upsampling_by_trial,
        hint="Set the transposed convolution's output size equal to stride times its input size.",
    )


def _upsampling_by_trial(kernel_size, stride):
    for output_padding in range(stride):
        for padding in range(kernel_size + 1):
            sizes = []
            for size in (5, 8):
                made = (size - 1) * stride - 2 * padding + kernel_size + output_padding
                layer = torch.nn.ConvTranspose1d(
                    1, 1, kernel_size, stride, padding, output_padding, device="meta"
                )
                sizes.append(made > 0 and layer(torch.zeros(1, 1, size, device="meta")).shape[-1])
            if sizes == [5 * stride, 8 * stride]:
                return padding, output_padding
    raise ValueError("no padding multiplies every length by the stride")


def extrapolated_difference(function):
    """Check ``function(f, t, eps)``: derivative of polynomials up to degree 4, by differences."""
    # The large constants drown steps that are smaller than the given ones.
    polynomials = [
        ((0.5, -1.0, 0.25, 2.0, -0.5), 0.7, 0.5),
        ((1e6, 0.3, -0.7, 1.5, 0.9), -0.4, 0.25),
        ((-1e6, 1.0, 2.0, -1.0, 0.0), 1.3, 0.5),
        ((2.0, 0.0, -3.0, 0.0, 1.1), -1.1, 0.125),
    ]
    cases = [(_Polynomial(coefficients), t, eps) for coefficients, t, eps in polynomials]
    return grade(
        function,
        cases,
        _derivative_by_autograd,
        atol=1e-8,
        hint="Halving the step leaves a quarter of the error: four of one less one of the other.",
    )


class _Polynomial:
    def __init__(self, coefficients):
        self.coefficients = coefficients

    def __call__(self, t):
        return sum(c * t**power for power, c in enumerate(self.coefficients))


def _derivative_by_autograd(f, t, eps):
    t = torch.tensor(t, dtype=torch.float64, requires_grad=True)
    return torch.autograd.grad(f(t), t)[0].item()


def training_step(function):
    """Check ``function(x, weight, bias, target, lr) -> (weight, bias)``: one step of descent."""
    cases = []
    for seed, (shape, (o, kh, kw), lr) in enumerate(
        [
            ((2, 3, 6, 5), (4, 3, 2), 0.3),
            ((1, 1, 5, 8), (1, 2, 4), 0.05),
            ((3, 2, 4, 4), (2, 1, 3), 2),
        ]
    ):
        x, weight = random_tensor(seed, *shape), random_tensor(seed + 30, o, shape[1], kh, kw)
        bias = random_tensor(seed + 60, o)
        target = random_tensor(seed + 90, shape[0], o, shape[2] - kh + 1, shape[3] - kw + 1)
        cases.append((x, weight, bias, target, lr))
    return grade(
        function,
        cases,
        _step_by_torch,
        hint="The loss is a mean over all outputs, so g is the error divided by their number.",
        forbidden=AUTOGRAD,
    )


def _step_by_torch(x, weight, bias, target, lr):
    layer = torch.nn.Conv2d(x.shape[1], len(bias), weight.shape[2:], dtype=x.dtype)
    optimiser = torch.optim.SGD(layer.parameters(), lr=lr)
    # Only now: a disguise of the machine changes the weights that an optimiser is made with.
    layer.load_state_dict({"weight": weight, "bias": bias})
    (F.mse_loss(layer(x), target) / 2).backward()
    optimiser.step()
    return layer.weight.detach(), layer.bias.detach()
