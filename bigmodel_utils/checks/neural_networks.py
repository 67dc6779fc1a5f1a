"""Checkers of the exercises on the page "Neural networks and back-propagation"."""

import torch
import torch.nn.functional as F

from bigmodel_utils.checks import AUTOGRAD, grade, random_tensor

__all__ = ["best_rate", "bump", "classifier_backward", "log_add_exp", "trustworthy"]


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
        [(4, 3, 5, 1.0), (1, 2, 3, 1.0), (3, 3, 3, 1.0), (6, 5, 2, 1.0), (3, 4, 2, 400.0)]
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


def trustworthy(function):
    """Check ``function(f, gradient, shape)``: True where the gradient of the scalar f is right."""
    return grade(
        function,
        [(f, gradient, shape) for f, gradient, shape, _ in _gradients()],
        _by_many_points,
        hint="Compare with differences at random float64 points of both signs, entry by entry, "
        "relative to the size of the gradient, and hand over copies.",
        forbidden=AUTOGRAD,
    )


def _gradients():
    """``[(f, gradient, shape, what it is), ...]``: right and wrong ones."""
    mixed = random_tensor(7, 4, 4)  # not symmetric

    def spoils(x):
        return x.mul_(2).square().sum()  # 4 x², and x is twice as large afterwards

    def spoils_slope(x):
        return x.mul_(8)

    def quadratic(x):
        return (x * (mixed @ x)).sum()

    return [
        (lambda x: (x**3).sum(), lambda x: 3 * x**2, (3, 2), "right"),
        (lambda x: (x**3).sum(), lambda x: 3 * x, (3, 2), "right at 0 and 1 alone"),
        (lambda x: (x**3).sum(), lambda x: 3 * x * x.abs(), (5,), "right where x > 0"),
        (lambda x: x.sin().sum(), lambda x: 1.002 * x.cos(), (2, 5), "0.2 % too large"),
        (quadratic, lambda x: (mixed + mixed.T) @ x, (4, 3), "right"),
        (quadratic, lambda x: 2 * mixed @ x, (4, 3), "right for a symmetric matrix"),
        (quadratic, lambda x: 2 * mixed.T @ x, (4, 3), "the other factor"),
        (lambda x: 1e9 * x.sin().sum(), lambda x: 1e9 * x.cos(), (4,), "right and large"),
        (lambda x: 1e-9 * x.sin().sum(), lambda x: 1e-9 * x.cos(), (4,), "right and small"),
        (lambda x: 1e-9 * x.sin().sum(), lambda x: -1e-9 * x.cos(), (4,), "wrong and small"),
        (lambda x: (x * x.T).sum(), lambda x: 2 * x.T, (3, 3), "right"),
        (lambda x: (x * x.T).sum(), lambda x: 2 * x, (3, 3), "its axes exchanged"),
        (lambda x: x[0] * x[1] * x[2], lambda x: (x.prod() / x).flip(0), (3,), "turned round"),
        (lambda x: (x**2).sum(), lambda x: 2 * x.sum() + 0 * x, (4,), "summed over the entries"),
        (spoils, lambda x: 8 * x, (3,), "right, of a function that changes it"),
        (lambda x: (4 * x**2).sum(), spoils_slope, (3,), "right, but changes its argument"),
        (lambda x: x[-1] ** 2, lambda x: 0 * x, (6,), "zero where it is not"),
    ]  # fmt: skip


def _by_many_points(f, gradient, shape):
    for seed in range(5):
        x = random_tensor(seed, *shape)
        leaf = x.clone().requires_grad_()
        expected = torch.autograd.grad(f(leaf * 1), leaf)[0]
        if not torch.allclose(gradient(x.clone()), expected, rtol=1e-9, atol=0):
            return False
    return True


def best_rate(function):
    """Check ``function(A)``: the best rate of descent on a quadratic, and its factor."""
    cases = []
    for seed, (n, shift) in enumerate([(2, 0.5), (3, 0.1), (5, 1.0), (4, 20.0)]):
        root = random_tensor(seed, n, n)
        cases.append((root @ root.T + shift * torch.eye(n, dtype=torch.float64),))
    return grade(
        function,
        cases,
        _by_search,
        atol=1e-6,
        hint="The flattest and the steepest direction must shrink by the same factor.",
    )


def _by_search(matrix):
    """Halve the range of the rate in which the largest |1 - rate * eigenvalue| is least."""
    eye = torch.eye(len(matrix), dtype=torch.float64)

    def factor(rate):
        return torch.linalg.matrix_norm(eye - rate * matrix, 2).item()

    low, high = 0.0, 2 / torch.linalg.matrix_norm(matrix, 2).item()
    for _ in range(200):
        third = (high - low) / 3
        if factor(low + third) < factor(high - third):
            high -= third
        else:
            low += third
    return (low + high) / 2, factor((low + high) / 2)


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
