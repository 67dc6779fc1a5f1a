"""Checkers of the exercises on the page "Neural networks and back-propagation"."""

import torch
import torch.nn.functional as F

from bigmodel_utils.checks import AUTOGRAD, grade, random_tensor

__all__ = ["bump", "classifier_backward", "log_add_exp"]


def log_add_exp(function):
    """Check ``function(a, b)``: ln(exp(a) + exp(b)) and its derivatives, (value, (by a, by b))."""
    cases = [
        (0.3, -1.2),
        (-2.0, 1.5),
        (4.0, 4.0),
        (1000.0, 999.0),
        (-1000.0, -1001.5),
        (3.0, 900.0),
    ]
    return grade(
        function,
        cases,
        _log_add_exp_by_torch,
        hint="Take the larger exponent out of the sum before anything is exponentiated.",
    )


def _log_add_exp_by_torch(a, b):
    a, b = torch.tensor([a, b], dtype=torch.float64).requires_grad_().unbind()
    value = torch.logaddexp(a, b)
    return value.item(), tuple(v.item() for v in torch.autograd.grad(value, (a, b)))


def classifier_backward(function):
    """Check ``function(x, w, b, targets)``: gradients of the mean cross-entropy by x, w and b."""
    cases = []
    # The third has equal axes; the last has logits that overflow an unshifted softmax.
    for seed, (count, inputs, outputs, size) in enumerate(
        [(4, 3, 5, 1.0), (1, 2, 3, 1.0), (3, 3, 3, 1.0), (6, 5, 2, 1.0), (3, 4, 2, 4000.0)]
    ):
        x, w = random_tensor(seed, count, inputs), size * random_tensor(seed + 20, outputs, inputs)
        targets = torch.arange(count) * 2 % outputs
        cases.append((x, w, random_tensor(seed + 40, outputs), targets))
    return grade(
        function,
        cases,
        _classifier_by_autograd,
        hint="The gradient at the logits is (p - 1_t) / B; each result has its argument's shape.",
        forbidden=AUTOGRAD,
    )


def _classifier_by_autograd(x, w, b, targets):
    leaves = [v.detach().requires_grad_() for v in (x, w, b)]
    loss = F.cross_entropy(F.linear(*leaves), targets)
    return torch.autograd.grad(loss, leaves)


def bump(function):
    """Check ``function(left, peak, right)``: biases and output weights of a bump of three ReLUs."""
    cases = [(0.0, 1.0, 2.0), (-1.0, 0.5, 0.75), (2.0, 2.25, 5.0), (-3.0, -2.5, -1.0)]

    def drawn(left, peak, right):
        answer = function(left, peak, right)
        if answer is None or answer is ...:
            return answer
        biases, heights = answer
        places = torch.linspace(left - 2, right + 2, 101, dtype=torch.float64)[:, None]
        if biases.shape != (3,) or heights.shape != (3,):
            raise ValueError(
                f"expected shapes (3,) and (3,), got {tuple(biases.shape)}, {tuple(heights.shape)}"
            )
        return torch.relu(places + biases) @ heights

    return grade(
        drawn if callable(function) else function,
        cases,
        _piecewise,
        hint="A unit begins to bend the line where x + b is 0, by its output weight.",
    )


def _piecewise(left, peak, right):
    places = torch.linspace(left - 2, right + 2, 101, dtype=torch.float64)
    up, down = (places - left) / (peak - left), (right - places) / (right - peak)
    return torch.minimum(up, down).clamp(min=0)
