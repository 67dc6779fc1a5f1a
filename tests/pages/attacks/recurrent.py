"""Realistic wrong answers to the exercises of "The recurrent network"."""

import torch

__all__ = ["ATTACKS"]


def _step_in_place(x, h, weight_ih, weight_hh, bias_ih, bias_hh):
    h.copy_(torch.tanh(x @ weight_ih.T + h @ weight_hh.T + bias_ih + bias_hh))
    return h  # the caller's old state is gone


def _parity(beta=10.0, *, relu=False, x=None, u=None, b=None, y=None, bias_y=-0.5):
    """The right network, with some of its parts replaced."""
    row = [1.0, -2.0] if relu else [beta / 2, -beta / 2]
    return tuple(
        torch.tensor(v).double()
        for v in (
            x or [[beta / 2], [beta / 2]],
            u or [row] * 2,
            b or [0.0, -beta],
            y or [[0.5, -0.5]],
            [bias_y],
        )
    )


def _xor_of_two():
    # Right for two bits: the units hold the present bit and the bit before, saturated.
    beta = 10.0
    weight_ih = torch.tensor([[beta], [beta], [0.0]]).double()
    weight_hh = torch.tensor([[0.0, 0, beta], [0, 0, beta], [0, 0, 0]]).double()
    # Unit 2 should hold the last input; the others say "some" and "both".
    weight_ih[2] = beta
    bias = torch.tensor([beta, -beta, 0.0]).double()
    weight_y = torch.tensor([[1.0, -1.0, 0.0]]).double()
    return weight_ih, weight_hh, bias, weight_y, torch.tensor([-1.0]).double()


def _four_units():
    weight_ih, weight_hh, bias, weight_y, bias_y = _parity()
    hh = torch.zeros(4, 4).double()
    hh[:2, :2] = weight_hh
    zero = torch.zeros(2).double()
    return (
        torch.cat([weight_ih, zero[:, None]]),
        hh,
        torch.cat([bias, zero]),
        torch.cat([weight_y, zero[None]], dim=1),
        bias_y,
    )


def _remembers_a_one():
    # OR: the unit goes up at the first +1 and stays there.
    weight_ih = torch.tensor([[10.0], [10.0]]).double()
    weight_hh = 20 * torch.eye(2).double()
    bias = torch.tensor([9.0, 9.0]).double()
    weight_y = torch.ones(1, 2).double()
    return weight_ih, weight_hh, bias, weight_y, torch.tensor([0.0]).double()


def _gather(x, source):
    return x[torch.arange(len(x))[:, None], source]


def _ends_off_by_one(x, lengths):
    steps, ends = torch.arange(x.shape[1]), lengths[:, None]
    source = torch.where(steps < ends, ends - steps, steps).clamp(max=x.shape[1] - 1)
    return _gather(x, source)


def _padding_reversed_too(x, lengths):
    # A flip, rolled so that the real steps stand in front: the padding is turned as well.
    steps, ends = torch.arange(x.shape[1]), lengths[:, None]
    return _gather(x, (ends - 1 - steps) % x.shape[1])


def _padding_zeroed(x, lengths):
    steps, ends = torch.arange(x.shape[1]), lengths[:, None]
    right = _gather(x, torch.where(steps < ends, ends - 1 - steps, steps))
    return right * (steps < ends)[..., None]


def _padding_in_front(x, lengths):
    return x.flip(1)


def _all_rows_as_the_longest(x, lengths):
    longest = int(lengths.max())
    return torch.cat([x[:, :longest].flip(1), x[:, longest:]], dim=1)


def _reversed_in_place(x, lengths):
    for row, length in zip(x, lengths.tolist(), strict=True):
        row[:length] = row[:length].flip(0)
    return x


def _vote(k, *, beta=10.0, units=None, turned=False, everywhere=False, y=None):
    m = units or k
    weight_ih = torch.zeros(m, 1).double()
    weight_ih[: m if everywhere else 1] = beta
    weight_hh = beta * torch.diag(torch.ones(m - 1), -1).double()
    weight_y = torch.ones(1, m).double() if y is None else y(m)
    return weight_ih, weight_hh.T if turned else weight_hh, weight_y


def _only_the_last(m):
    weight_y = torch.zeros(1, m).double()
    weight_y[0, -1] = 1
    return weight_y


ATTACKS = {
    "step": {
        "weight_hh not transposed": lambda x, h, w, u, b, c: torch.tanh(x @ w.T + h @ u + b + c),
        "second bias missing": lambda x, h, w, u, b, c: torch.tanh(x @ w.T + h @ u.T + b),
        "both biases missing": lambda x, h, w, u, b, c: torch.tanh(x @ w.T + h @ u.T),
        "x and h exchanged": lambda x, h, w, u, b, c: torch.tanh(h @ w.T + x @ u.T + b + c),
        "no tanh": lambda x, h, w, u, b, c: x @ w.T + h @ u.T + b + c,
        "biases outside the tanh": lambda x, h, w, u, b, c: torch.tanh(x @ w.T + h @ u.T) + b + c,
        "old state forgotten": lambda x, h, w, u, b, c: torch.tanh(x @ w.T + b + c),
        "columns for sequences": lambda x, h, w, u, b, c: torch.tanh(
            w @ x.T + u @ h.T + (b + c)[:, None]
        ),
        "in place": _step_in_place,
    },
    "parity_network": {
        "XOR of the last two bits": _xor_of_two,
        "OR": _remembers_a_one,
        "no recurrence": lambda: _parity(u=[[0.0, 0.0]] * 2),
        "bias of bits 0 and 1": lambda: _parity(b=[-5.0, -15.0]),
        "input of bits 0 and 1": lambda: _parity(x=[[10.0], [10.0]], b=[-5.0, -15.0]),
        "bias missing": lambda: _parity(b=[0.0, 0.0]),
        "even in the place of odd": lambda: _parity(y=[[-0.5, 0.5]], bias_y=0.5),
        "threshold missing": lambda: _parity(y=[[0.5, 0.5]], bias_y=0.0),
        "drifts: gain just below the critical one": lambda: _parity(2.3),
        "drifts: small gain": lambda: _parity(1.5),
        "transposed weight_hh": lambda: _parity(u=[[5.0, 5.0], [-5.0, -5.0]]),
        "weights of the ReLU network": lambda: _parity(
            relu=True, x=[[0.5], [0.5]], b=[0.5, -0.5], y=[[1.0, -2.0]]
        ),
        "four units": _four_units,
        "readout left out": lambda: _parity()[:3],
        "weight_y as a column": lambda: (*_parity()[:3], _parity()[3].T, _parity()[4]),
    },
    "reverse_rows": {
        "flips the whole tensor": _padding_in_front,
        "flips the batch": lambda x, lengths: x.flip(0),
        "flips the features": lambda x, lengths: x.flip(2),
        "one step too far": _ends_off_by_one,
        "padding reversed too": _padding_reversed_too,
        "padding set to zero": _padding_zeroed,
        "every row as the longest": _all_rows_as_the_longest,
        "nothing reversed": lambda x, lengths: x.clone(),
        "in place": _reversed_in_place,
    },
    "vote_network": {
        "shifts the wrong way": lambda k: _vote(k, turned=True),
        "one unit too many": lambda k: _vote(k, units=k + 1),
        "one voice too few": lambda k: _vote(k, units=max(1, k - 1)),
        "input into every unit": lambda k: _vote(k, everywhere=True),
        "reads the last unit only": lambda k: _vote(k, y=_only_the_last),
        "voices fade: gain of one": lambda k: _vote(k, beta=0.6),
        "the present input only": lambda k: _vote(k, units=1),
        "minority": lambda k: _vote(k, y=lambda m: -torch.ones(1, m).double()),
    },
}
