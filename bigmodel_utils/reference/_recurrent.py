"""Recurrent networks by their step formulas: slow, readable loops that serve as the oracle.

Every cell computes two sums for each row of its weights, one over the step's input and one
over the previous state,

    a = W_ih x_t + b_ih        u = W_hh h_{t-1} + b_hh

and makes the new state h_t of them. One loop runs over time and one over the rows; a row of
the weights is a unit's share of one gate. The gates lie one block of d_hidden rows after the
other, as in ``torch.nn``: i, f, g, o in an LSTM and r, z, n in a GRU. A backward pass walks
the same steps from the last to the first. Results keep the dtype and the device of ``x``.

With ``lengths``, row n ends after ``lengths[n]`` steps, with the state it has then. From there
on its outputs are 0, and neither its input nor a gradient that arrives there counts, whatever
they hold. That is ``torch.nn`` on packed sequences, padded again.

Sources: P. Werbos, Backpropagation through time: what it does and how to do it, Proc. IEEE
78(10), 1990; S. Hochreiter and J. Schmidhuber, Long short-term memory, Neural Computation
9(8), 1997, with the forget gate of F. Gers et al., 2000; K. Cho et al., arXiv:1406.1078, in
the form of ``torch.nn.GRU``, where r multiplies u after the sum.
"""

import torch

from bigmodel_utils.reference._steps import Gradients, check, check_grad, outputs

__all__ = ["gru", "gru_backward", "lstm", "lstm_backward", "rnn", "rnn_backward"]


def rnn(x, weight_ih, weight_hh, bias_ih=None, bias_hh=None, h0=None, *, lengths=None):
    """Return the states of the simple recurrent network, h_t = tanh(a + u).

    Args:
        x: (b, t, d_in), floating point, batch first.
        weight_ih: (d_hidden, d_in), dtype and device of ``x`` as all that follow.
        weight_hh: (d_hidden, d_hidden).
        bias_ih, bias_hh: (d_hidden,), or None for zeros.
        h0: (b, d_hidden), or None for zeros.
        lengths: integer tensor (b,) of 1 to t, or None where every row has t steps.

    Returns:
        h, (b, t, d_hidden).

    Raises:
        TypeError, ValueError: naming the argument, what came and what was expected.
    """
    given, (h0,) = check("", x, weight_ih, weight_hh, bias_ih, bias_hh, lengths, h0=h0)
    return outputs(given, _rnn_states(given, h0))


def rnn_backward(x, weight_ih, weight_hh, bias_ih, bias_hh, h0, grad_h, *, lengths=None):
    """Return the gradients of sum(grad_h * rnn(...)).

    Args:
        x, weight_ih, weight_hh, bias_ih, bias_hh, h0, lengths: as given to :func:`rnn`.
        grad_h: (b, t, d_hidden), what arrives from above at each step.

    Returns:
        tuple: the gradients of x, weight_ih, weight_hh, bias_ih, bias_hh and h0, of their
        shapes; where None was given, those of the zeros in its place.

    Raises:
        TypeError, ValueError: naming the argument, what came and what was expected.
    """
    given, (h0,) = check("", x, weight_ih, weight_hh, bias_ih, bias_hh, lengths, h0=h0)
    grad_h = check_grad("grad_h", grad_h, given)
    h = _rnn_states(given, h0)
    sums, grad = Gradients(given), torch.zeros_like(h0)
    for t in reversed(range(x.shape[1])):
        grad = grad + grad_h[:, t]  # from the steps after t, and from above
        grad_a = grad * (1 - h[t + 1] ** 2)
        grad = sums.add(t, grad_a, grad_a, h[t])
    return *sums.results(), grad


def lstm(x, weight_ih, weight_hh, bias_ih=None, bias_hh=None, h0=None, c0=None, *, lengths=None):
    """Return the states and the cells of the LSTM.

    With i, f, o = sigmoid and g = tanh of their blocks of a + u:
    c_t = f c_{t-1} + i g, h_t = o tanh(c_t).

    Args:
        weight_ih, weight_hh, bias_ih, bias_hh: as in :func:`rnn`, with 4 d_hidden rows.
        c0: (b, d_hidden), or None for zeros.
        x, h0, lengths: as in :func:`rnn`.

    Returns:
        tuple: h and c, (b, t, d_hidden) each.

    Raises:
        TypeError, ValueError: naming the argument, what came and what was expected.
    """
    given, start = check("ifgo", x, weight_ih, weight_hh, bias_ih, bias_hh, lengths, h0=h0, c0=c0)
    h, c, _ = _lstm_states(given, *start)
    return outputs(given, h), outputs(given, c)


def lstm_backward(
    x, weight_ih, weight_hh, bias_ih, bias_hh, h0, c0, grad_h, grad_c=None, *, lengths=None
):
    """Return the gradients of sum(grad_h * h) + sum(grad_c * c) with h, c = lstm(...).

    Args:
        x, weight_ih, weight_hh, bias_ih, bias_hh, h0, c0, lengths: as given to :func:`lstm`.
        grad_h: (b, t, d_hidden), what arrives at the states from above at each step.
        grad_c: the same for the cells, or None for zeros.

    Returns:
        tuple: the gradients of x, weight_ih, weight_hh, bias_ih, bias_hh, h0 and c0, as in
        :func:`rnn_backward`.

    Raises:
        TypeError, ValueError: naming the argument, what came and what was expected.
    """
    given, start = check("ifgo", x, weight_ih, weight_hh, bias_ih, bias_hh, lengths, h0=h0, c0=c0)
    grad_h = check_grad("grad_h", grad_h, given)
    grad_c = torch.zeros_like(grad_h) if grad_c is None else check_grad("grad_c", grad_c, given)
    h, c, gates = _lstm_states(given, *start)
    sums, to_h, to_c = Gradients(given), torch.zeros_like(h[0]), torch.zeros_like(c[0])
    for t in reversed(range(x.shape[1])):
        i, f, g, o = gates[t]
        tanh_c = c[t + 1].tanh()
        to_h = to_h + grad_h[:, t]
        to_c = to_c + grad_c[:, t] + to_h * o * (1 - tanh_c**2)
        blocks = (
            to_c * g * i * (1 - i),
            to_c * c[t] * f * (1 - f),
            to_c * i * (1 - g**2),
            to_h * tanh_c * o * (1 - o),
        )
        grad_a = torch.cat(blocks, dim=1)
        to_c = to_c * f
        to_h = sums.add(t, grad_a, grad_a, h[t])
    return *sums.results(), to_h, to_c


def gru(x, weight_ih, weight_hh, bias_ih=None, bias_hh=None, h0=None, *, lengths=None):
    """Return the states of the GRU.

    With r, z = sigmoid of their blocks of a + u, and n = tanh(a_n + r u_n):
    h_t = (1 - z) n + z h_{t-1}.

    Args:
        weight_ih, weight_hh, bias_ih, bias_hh: as in :func:`rnn`, with 3 d_hidden rows.
        x, h0, lengths: as in :func:`rnn`.

    Returns:
        h, (b, t, d_hidden).

    Raises:
        TypeError, ValueError: naming the argument, what came and what was expected.
    """
    given, (h0,) = check("rzn", x, weight_ih, weight_hh, bias_ih, bias_hh, lengths, h0=h0)
    return outputs(given, _gru_states(given, h0)[0])


def gru_backward(x, weight_ih, weight_hh, bias_ih, bias_hh, h0, grad_h, *, lengths=None):
    """Return the gradients of sum(grad_h * gru(...)).

    Args, returns and raises as in :func:`rnn_backward`, with the weights of :func:`gru`.
    """
    given, (h0,) = check("rzn", x, weight_ih, weight_hh, bias_ih, bias_hh, lengths, h0=h0)
    grad_h = check_grad("grad_h", grad_h, given)
    h, gates = _gru_states(given, h0)
    sums, grad = Gradients(given), torch.zeros_like(h0)
    for t in reversed(range(x.shape[1])):
        r, z, n, u_n = gates[t]
        grad = grad + grad_h[:, t]
        grad_n = grad * (1 - z) * (1 - n**2)
        grad_r = grad_n * u_n * r * (1 - r)
        grad_z = grad * (h[t] - n) * z * (1 - z)
        grad_a = torch.cat((grad_r, grad_z, grad_n), dim=1)
        grad_u = torch.cat((grad_r, grad_z, grad_n * r), dim=1)  # r stands before u_n alone
        grad = grad * z + sums.add(t, grad_a, grad_u, h[t])
    return *sums.results(), grad


def _rnn_states(given, h0):
    # The states h_0 .. h_T. Past its end a row runs on over zeros and nothing reads it, here and
    # below: its outputs become 0, and every gradient there is a multiple of what arrives, 0.
    h = [h0]
    for t in range(given.x.shape[1]):
        a, u = given.sums(t, h[t])
        h.append((a + u).tanh())
    return h


def _lstm_states(given, h0, c0):
    h, c, gates = [h0], [c0], []
    for t in range(given.x.shape[1]):
        a, u = given.sums(t, h[t])
        i, f, g, o = (a + u).chunk(4, dim=1)
        i, f, g, o = i.sigmoid(), f.sigmoid(), g.tanh(), o.sigmoid()
        c.append(f * c[t] + i * g)
        h.append(o * c[t + 1].tanh())
        gates.append((i, f, g, o))
    return h, c, gates


def _gru_states(given, h0):
    h, gates = [h0], []
    for t in range(given.x.shape[1]):
        (a_r, a_z, a_n), (u_r, u_z, u_n) = (s.chunk(3, dim=1) for s in given.sums(t, h[t]))
        r, z = (a_r + u_r).sigmoid(), (a_z + u_z).sigmoid()
        n = (a_n + r * u_n).tanh()
        h.append((1 - z) * n + z * h[t])
        gates.append((r, z, n, u_n))
    return h, gates
