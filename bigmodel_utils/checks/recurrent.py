"""Checkers of the exercises on the page "The recurrent network"."""

import torch
import torch.nn.functional as F

from bigmodel_utils.checks import grade, random_tensor

__all__ = ["gradient_of_use", "num_parameters", "reverse_rows", "step"]


def step(function):
    """Check ``function(x, h, weight_ih, weight_hh, bias_ih, bias_hh)`` on batches."""
    cases = [
        _step_case(*sizes, seed=10 * n)
        for n, sizes in enumerate([(4, 3, 5), (2, 6, 3), (5, 1, 2), (3, 4, 4), (1, 2, 3)])
    ]
    return grade(
        function,
        cases,
        _step_of_rnn_cell,
        hint="Each row of x is a sequence, so the weights stand on its right, transposed.",
    )


def _step_case(batch, d, m, *, seed):
    shapes = (batch, d), (batch, m), (m, d), (m, m), (m,), (m,)
    return tuple(random_tensor(seed + n, *shape) for n, shape in enumerate(shapes))


def _step_of_rnn_cell(x, h, *weights):
    cell = torch.nn.RNNCell(x.shape[1], h.shape[1], dtype=x.dtype)
    with torch.no_grad():
        for parameter, weight in zip(cell.parameters(), weights, strict=True):
            parameter.copy_(weight)
        return cell(x, h)


def gradient_of_use(function):
    """Check ``function(x, h0, weight_ih, weight_hh, bias, upstream, t)``: one use's gradient."""
    cases = [
        _use_case(*sizes, seed=100 * n)
        for n, sizes in enumerate(
            [(2, 3, 4, 6, 1), (2, 3, 4, 6, 6), (3, 1, 5, 4, 3), (1, 2, 2, 1, 1)]
        )
    ]
    return grade(
        function,
        cases,
        _use_by_walking_back,
        hint="Only step t may use the copy; the steps before and after use the weight as it is.",
    )


def _use_case(batch, d, m, steps, t, *, seed):
    shapes = (batch, steps, d), (batch, m), (m, d), (m, m), (m,), (batch, m)
    return (*(random_tensor(seed + n, *shape) for n, shape in enumerate(shapes)), t)


def _use_by_walking_back(x, h0, weight_ih, weight_hh, bias, upstream, t):
    # The total gradient of the pre-activation of step t, times the state before it; no autograd.
    states = [h0]
    for s in range(x.shape[1]):
        states.append((F.linear(x[:, s], weight_ih, bias) + F.linear(states[-1], weight_hh)).tanh())
    back = upstream
    for s in range(x.shape[1], t - 1, -1):
        grad_a = back * (1 - states[s] ** 2)
        back = grad_a @ weight_hh
    return torch.einsum("bi,bj->ij", grad_a, states[t - 1])


def num_parameters(function):
    """Check ``function(d, m, num_layers, directions)`` against layers that are built."""
    return grade(
        function,
        [(3, 5, 1, 1), (4, 2, 3, 1), (5, 3, 1, 2), (2, 7, 4, 2), (1, 1, 2, 2)],
        _counted_parameters,
        hint="The second layer reads the states of all directions of the first.",
    )


def _counted_parameters(d, m, num_layers, directions):
    layer = torch.nn.RNN(d, m, num_layers, bidirectional=directions == 2)
    return sum(parameter.numel() for parameter in layer.parameters())


def reverse_rows(function):
    """Check ``function(x, lengths)`` on padded batches whose padding is not zero."""
    cases = [
        (random_tensor(1, 4, 6, 2), torch.tensor([3, 6, 1, 5])),
        (random_tensor(2, 3, 5, 4), torch.tensor([2, 4, 3])),
        (random_tensor(3, 5, 3, 1), torch.tensor([3, 1, 2, 3, 2])),
        (random_tensor(4, 1, 7, 3), torch.tensor([4])),
    ]
    return grade(
        function,
        cases,
        _reversed_by_lists,
        hint="Step s of a row comes from step lengths - 1 - s; the padding stays where it is.",
    )


def _reversed_by_lists(x, lengths):
    rows = []
    for row, length in zip(x.tolist(), lengths.tolist(), strict=True):
        rows.append(row[:length][::-1] + row[length:])
    return torch.tensor(rows, dtype=x.dtype)
