"""Checkers of the exercises on the page "Back-propagation through time"."""

import torch
import torch.nn.functional as F

from bigmodel_utils.checks import AUTOGRAD, grade, random_tensor

__all__ = ["gradient_at_last_step", "partials", "step_backward", "truncated_gradient"]


def step_backward(function):
    """Check ``function(grad_h, x, before, h, weight_ih, weight_hh)``: one step's six gradients."""
    cases = [_one_step(1, 3, 2, 4), _one_step(2, 2, 5, 3), _one_step(3, 4, 1, 2)]
    return grade(
        function,
        cases,
        _step_by_autograd,
        forbidden=AUTOGRAD,
        hint="First the pre-activation: grad_a = (1 - h^2) * grad_h. Everything else follows it.",
    )


def _one_step(seed, batch, d, m):
    x, before = random_tensor(seed, batch, d), random_tensor(seed + 10, batch, m).tanh()
    weight_ih, weight_hh = random_tensor(seed + 20, m, d), random_tensor(seed + 30, m, m)
    h = (F.linear(x, weight_ih) + F.linear(before, weight_hh) + random_tensor(seed + 40, m)).tanh()
    return random_tensor(seed + 50, batch, m), x, before, h, weight_ih, weight_hh


def _step_by_autograd(grad_h, x, before, h, weight_ih, weight_hh):
    # The bias is not given, so it is taken from the state: atanh(h) is the whole sum.
    rest = h.atanh() - F.linear(x, weight_ih) - F.linear(before, weight_hh)
    bias = torch.zeros_like(h[0])
    leaves = [v.clone().requires_grad_() for v in (x, before, weight_ih, weight_hh, bias)]
    a = F.linear(leaves[0], leaves[2], leaves[4]) + F.linear(leaves[1], leaves[3]) + rest
    return torch.autograd.grad(a.tanh(), [a, *leaves], grad_h)


def partials(function):
    """Check ``function(bar_h, h, weight_hh)``: the partial derivatives behind given totals."""
    cases = []
    for seed, (batch, steps, m) in enumerate([(2, 6, 4), (3, 1, 5), (1, 4, 3), (4, 2, 2)]):
        _, h, weight_hh = _unrolled(60 + seed, batch, steps, m)
        cases.append((random_tensor(70 + seed, batch, steps + 1, m), h, weight_hh))
    return grade(
        function,
        cases,
        _partials_by_autograd,
        forbidden=AUTOGRAD,
        hint="Take from each total what came back from the step after; nothing came back to h_T.",
    )


def _partials_by_autograd(bar_h, h, weight_hh):
    # What step t + 1 sends back is a product with its Jacobian, one step at a time.
    rows = []
    for t in range(1, h.shape[1]):
        back = torch.zeros_like(h[:, t])
        if t + 1 < h.shape[1]:
            leaf = h[:, t].clone().requires_grad_()
            rest = h[:, t + 1].atanh() - F.linear(h[:, t], weight_hh)
            after = (rest + F.linear(leaf, weight_hh)).tanh()
            (back,) = torch.autograd.grad(after, leaf, bar_h[:, t + 1])
        rows.append(bar_h[:, t] - back)
    return torch.stack(rows, dim=1)


def truncated_gradient(function):
    """Check ``function(g, h, weight_hh, window)``: the gradient of weight_hh, ``window`` steps."""
    cases = [
        (*_unrolled(1, 2, 6, 4), 1),
        (*_unrolled(1, 2, 6, 4), 2),
        (*_unrolled(2, 3, 7, 3), 3),
        (*_unrolled(3, 2, 5, 2), 5),
        (*_unrolled(4, 1, 4, 5), 9),
    ]
    return grade(
        function,
        cases,
        _truncated_by_autograd,
        hint="Each g_t reaches the window's steps t, t - 1, ..., t - window + 1, and no other.",
    )


def _unrolled(seed, batch, steps, m):
    weight_hh, h = random_tensor(seed, m, m), [random_tensor(seed + 10, batch, m).tanh()]
    for into in random_tensor(seed + 20, batch, steps, m).unbind(1):
        h.append((into + F.linear(h[-1], weight_hh)).tanh())
    return random_tensor(seed + 40, batch, steps, m), torch.stack(h, dim=1), weight_hh


def _truncated_by_autograd(g, h, weight_hh, window):
    # One graph for every step that the loss reads, cut off `window` steps before its end.
    leaf, loss = weight_hh.clone().requires_grad_(), 0.0
    for last in range(1, h.shape[1]):
        first = max(0, last - window)
        state = h[:, first]
        for t in range(first + 1, last + 1):
            into = h[:, t].atanh() - F.linear(h[:, t - 1], weight_hh)
            state = (into + F.linear(state, leaf)).tanh()
        loss = loss + (g[:, last - 1] * state).sum()
    return torch.autograd.grad(loss, leaf)[0]


def gradient_at_last_step(function):
    """Check ``function(e, lengths, steps, weight_y)``: g of a loss on each row's last step."""
    cases = [
        (random_tensor(1, 3, 2), torch.tensor([4, 2, 1]), 4, random_tensor(2, 2, 5)),
        (random_tensor(3, 2, 4), torch.tensor([3, 5]), 6, random_tensor(4, 4, 3)),
        (random_tensor(5, 4, 3), torch.tensor([2, 2, 7, 5]), 7, random_tensor(6, 3, 3)),
    ]
    return grade(
        function,
        cases,
        _last_by_autograd,
        hint="Row n's last step has index lengths[n] - 1; at every other step g is zero.",
    )


def _last_by_autograd(e, lengths, steps, weight_y):
    h = e.new_zeros(len(e), steps, weight_y.shape[1]).requires_grad_()
    last = torch.stack([row[n - 1] for row, n in zip(h, lengths.tolist(), strict=True)])
    return torch.autograd.grad(F.linear(last, weight_y), h, e)[0]
