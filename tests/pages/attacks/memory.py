"""Realistic wrong answers to the exercises of "What a state remembers"."""

import math

import torch

__all__ = ["ATTACKS"]


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


def _count(eps, *, tell=round, shift=0, unit=math.tanh):
    h, n = 0.0, 0
    while n < 5000:
        h = unit(h + eps)
        if tell(h / eps) != n + 1:
            break
        n += 1
    return n + shift


def _limit(eps):
    low, high = 0.0, 1.0 - 1e-12
    for _ in range(80):
        h = (low + high) / 2
        low, high = (h, high) if math.atanh(h) - h < eps else (low, h)
    return int(low / eps)


def _hankel(r, *, rows=None):
    n = (len(r) + 1) // 2
    return torch.stack([r[i : i + n] for i in range(n if rows is None else min(rows, n))])


def _rank(M):
    return torch.linalg.matrix_rank(M, rtol=1e-9).item()


def _best(x, y, *, pick=max, weigh=True):
    """The right answer, with another choice or with each value of x counting alike."""
    shares = []
    for value in x.unique():
        counts = y[x == value].unique(return_counts=True)[1]
        shares.append(pick(counts.tolist()) / (y.numel() if weigh else counts.sum().item()))
    return sum(shares) if weigh else sum(shares) / len(shares)


def _most_common(y):
    return y.unique(return_counts=True)[1].max().item() / y.numel()


def _looks_back(x, y):
    before = torch.cat([x.new_zeros(len(x), 1), x[:, :-1]], dim=1)
    return _best(x + 100 * before, y)


ATTACKS = {
    "best_without_memory": {
        "chance": lambda x, y: 1 / len(y.unique()),
        "a constant": lambda x, y: 0.5,
        "the input ignored": lambda x, y: _most_common(y),
        "the input is the answer": lambda x, y: (x == y).double().mean().item(),
        "the rarest answer": lambda x, y: _best(x, y, pick=min),
        "each value counts alike": lambda x, y: _best(x, y, weigh=False),
        "the last step only": lambda x, y: _best(x[:, -1:], y[:, -1:]),
        "another table for each step": lambda x, y: (
            sum(_best(x[:, [t]], y[:, [t]]) for t in range(x.shape[1])) / x.shape[1]
        ),
        "another table for each sequence": lambda x, y: (
            sum(_best(x[[n]], y[[n]]) for n in range(len(x))) / len(x)
        ),
        "sees the input before, too": _looks_back,
        "x and y exchanged": lambda x, y: _best(y, x),
        "a count": lambda x, y: round(_best(x, y) * y.numel()),
        "the mistakes": lambda x, y: 1 - _best(x, y),
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
    "last_right_count": {
        "where it stops": _limit,
        "the rule": lambda eps: int(3 ** (1 / 3) * eps ** (-2 / 3)),
        "as far as the state reaches": lambda eps: int(1 / eps),
        "the first wrong count": lambda eps: _count(eps, shift=1),
        "cut off, not rounded": lambda eps: _count(eps, tell=math.floor),
        "no tanh": lambda eps: _count(eps, unit=lambda a: a),
        "half of where it stops": lambda eps: _limit(eps) // 2,
    },
    "vote_network": {
        "shifts the wrong way": lambda k: _vote(k, turned=True),
        "one unit too many": lambda k: _vote(k, units=k + 1),
        "one voice too few": lambda k: _vote(k, units=max(1, k - 1)),
        "input into every unit": lambda k: _vote(k, everywhere=True),
        "reads the last unit only": lambda k: _vote(k, y=_only_the_last),
        "voices fade: gain of one": lambda k: _vote(k, beta=0.6),
        "voices fade a little: gain 1.05": lambda k: _vote(k, beta=1.05),
        "voices fade a little: gain 1.1": lambda k: _vote(k, beta=1.1),
        "voices fade a little: gain 1.15": lambda k: _vote(k, beta=1.15),
        "the present input only": lambda k: _vote(k, units=1),
        "minority": lambda k: _vote(k, y=lambda m: -torch.ones(1, m).double()),
    },
    "fewest_units": {
        "the length": lambda r: len(r),
        "entries that are not zero": lambda r: int((r != 0).sum()),
        "the last of them": lambda r: int(r.nonzero().max()) + 1 if (r != 0).any() else 0,
        "size of the matrix": lambda r: (len(r) + 1) // 2,
        "rank of one row": lambda r: _rank(_hankel(r, rows=1)),
        "rank less one, the delay": lambda r: max(_rank(_hankel(r)) - 1, 0),
        "a circulant matrix": lambda r: _rank(torch.stack([r.roll(-i) for i in range(len(r))])),
        "a Toeplitz matrix of the whole": lambda r: _rank(
            torch.stack([torch.cat([r.new_zeros(i), r[: len(r) - i]]) for i in range(len(r))])
        ),
    },
}
