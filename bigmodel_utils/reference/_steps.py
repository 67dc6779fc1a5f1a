"""What the recurrent oracles share: checked arguments, the sums of one step, their gradients."""

from typing import NamedTuple

import torch

from bigmodel_utils import arguments
from bigmodel_utils.sequences import check_lengths, mask

__all__ = ["Given", "Gradients", "check", "check_grad", "outputs"]


class Given(NamedTuple):
    """Checked arguments of a cell: x is 0 in the padding, real (b, t, 1) is False there."""

    x: torch.Tensor
    weight_ih: torch.Tensor
    weight_hh: torch.Tensor
    bias_ih: torch.Tensor
    bias_hh: torch.Tensor
    real: torch.Tensor

    def sums(self, t, h):
        """Return a = W_ih x_t + b_ih and u = W_hh h + b_hh, (b, rows) each."""
        a = _rows(self.x[:, t], self.weight_ih, self.bias_ih)
        return a, _rows(h, self.weight_hh, self.bias_hh)


class Gradients:
    """The gradients of x, the weights and the biases, gathered step by step."""

    def __init__(self, given):
        self.given = given
        self.x, *self.parameters = (torch.zeros_like(value) for value in given[:5])

    def add(self, t, grad_a, grad_u, h):
        """Take in the gradients of a and u, (b, rows) each, at step t, which came from state h.

        Returns the gradient that u passes on to h, (b, d_hidden).
        """
        weight_ih, weight_hh, bias_ih, bias_hh = self.parameters
        grad_h = torch.zeros_like(h)
        for row in range(len(weight_ih)):
            to_a, to_u = grad_a[:, row, None], grad_u[:, row, None]
            self.x[:, t] += to_a * self.given.weight_ih[row]
            grad_h += to_u * self.given.weight_hh[row]
            weight_ih[row] += (to_a * self.given.x[:, t]).sum(0)
            weight_hh[row] += (to_u * h).sum(0)
            bias_ih[row] += to_a.sum()
            bias_hh[row] += to_u.sum()
        return grad_h

    def results(self):
        """Return the gradients of x, weight_ih, weight_hh, bias_ih and bias_hh."""
        return self.x, *self.parameters


def outputs(given, states):
    """Return the states h_1 .. h_T of [h_0, ..., h_T] as (b, t, d_hidden), 0 in the padding."""
    return torch.stack(states[1:], dim=1).masked_fill(~given.real, 0)


def check(gates, x, weight_ih, weight_hh, bias_ih, bias_hh, lengths, **start):
    """Return Given and the list of states before the first step, (b, d_hidden) each.

    Args:
        gates: the names of the gates in their order, "" for a cell without gates.
        start: the states by name; None stands for zeros, as it does for a bias.
        x, weight_ih, weight_hh, bias_ih, bias_hh, lengths: as in ``reference_recurrent``.

    Raises:
        TypeError, ValueError: naming the argument, what came and what was expected.
    """
    arguments.tensor("x", x, ("b", "t", "d_in"), floating=True)
    arguments.filled("x", x)
    b, t, d_in = x.shape
    arguments.matching("weight_hh", weight_hh, ("rows", "d_hidden"), x)
    blocks, d_hidden = len(gates) or 1, weight_hh.shape[1]
    rows = blocks * d_hidden
    if len(weight_hh) != rows:
        kind = f"gates {', '.join(gates)}" if gates else "no gates"
        raise ValueError(
            f"weight_hh: expected shape ({rows}, {d_hidden}) for d_hidden = {d_hidden} and {kind}, "
            f"got {tuple(weight_hh.shape)}"
        )
    arguments.matching("weight_ih", weight_ih, (rows, d_in), x, f"; x has shape {tuple(x.shape)}")
    biases = []
    for name, bias in (("bias_ih", bias_ih), ("bias_hh", bias_hh)):
        biases.append(
            x.new_zeros(rows) if bias is None else arguments.matching(name, bias, (rows,), x)
        )
    states = []
    for name, state in start.items():
        hint = f"; x has shape {(b, t, d_in)}, the batch first"
        if isinstance(state, torch.Tensor) and state.ndim == 3:
            hint += f"; of nn.RNN's (layers, b, d_hidden) give {name}[0]"
        state = x.new_zeros(b, d_hidden) if state is None else state
        states.append(arguments.matching(name, state, (b, d_hidden), x, hint))
    if lengths is None:
        real = torch.ones(b, t, dtype=torch.bool)
    else:
        one_each = isinstance(lengths, torch.Tensor) and lengths.ndim == 1
        if one_each and len(lengths) == t != b:
            raise ValueError(
                f"lengths: expected shape ({b},), one for each row of x of shape {(b, t, d_in)}, "
                f"got {tuple(lengths.shape)}; if x is (t, b, d_in), give x.transpose(0, 1)"
            )
        real = mask(check_lengths(lengths, b, t), t)
    real = real.to(x.device)[..., None]
    # Not x * real: 0 times a NaN in the padding is NaN.
    given = Given(x.masked_fill(~real, 0), weight_ih, weight_hh, *biases, real)
    return given, states


def check_grad(name, grad, given):
    """Return a gradient (b, t, d_hidden) of the outputs, 0 in the padding.

    Raises:
        TypeError, ValueError: naming the argument, what came and what was expected.
    """
    b, t, _ = given.x.shape
    arguments.matching(name, grad, (b, t, given.weight_hh.shape[1]), given.x)
    return grad.masked_fill(~given.real, 0)


def _rows(v, weight, bias):
    # v (b, k) against each row (k,) of the weight: (b, rows).
    return torch.stack([(v * weight[r]).sum(1) + bias[r] for r in range(len(weight))], dim=1)
