"""Realistic wrong answers to the exercises of "The recurrent network"."""

import torch

__all__ = ["ATTACKS"]


def _step_in_place(x, h, weight_ih, weight_hh, bias_ih, bias_hh):
    h.copy_(torch.tanh(x @ weight_ih.T + h @ weight_hh.T + bias_ih + bias_hh))
    return h  # the caller's old state is gone


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


def _use(x, h0, w, u, b, upstream, t, *, first=0, later=True, shift=0, slope=True, turned=False):
    h = [h0]
    for x_s in x.unbind(1):
        h.append(torch.tanh(x_s @ w.T + h[-1] @ u.T + b))
    back, last = upstream, x.shape[1]
    for s in range(last, t - 1, -1):
        grad_a = back * ((1 - h[s] ** 2) if slope else 1)
        back = grad_a @ (u.T if turned else u) if later else torch.zeros_like(back)
    return grad_a.T @ h[max(t - 1 + shift, 0)]


def _all_uses(x, h0, w, u, b, upstream, t):
    return sum(_use(x, h0, w, u, b, upstream, s) for s in range(1, x.shape[1] + 1))


def _counted_from_zero(x, h0, w, u, b, upstream, t):
    return _use(x, h0, w, u, b, upstream, min(t + 1, x.shape[1]))


def _from_this_use_on(x, h0, w, u, b, upstream, t):
    return sum(_use(x, h0, w, u, b, upstream, s) for s in range(t, x.shape[1] + 1))


def _loss_at_this_step(x, h0, w, u, b, upstream, t):
    return _use(x[:, :t], h0, w, u, b, upstream, t)


def _number(d, m, layers, directions, *, biases=2, joined=True, both=True, first_only=False):
    first = m * (d + m + biases)
    later = m * ((directions if joined else 1) * m + m + biases)
    if first_only:
        later = first
    return (directions if both else 1) * (first + (layers - 1) * later)


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
    "gradient_of_use": {
        "all uses": _all_uses,
        "this use and the later ones": _from_this_use_on,
        "counted from zero": _counted_from_zero,
        "the loss read at this step": _loss_at_this_step,
        "the state after, not before": lambda *a: _use(*a, shift=1),
        "no slope of tanh": lambda *a: _use(*a, slope=False),
        "walks back by the transposed weight": lambda *a: _use(*a, turned=True),
        "nothing comes back": lambda *a: _use(*a, later=False),
        "transposed": lambda *a: _use(*a).T,
    },
    "num_parameters": {
        "one bias": lambda *a: _number(*a, biases=1),
        "no bias": lambda *a: _number(*a, biases=0),
        "every layer as the first": lambda *a: _number(*a, first_only=True),
        "later layers read one direction": lambda *a: _number(*a, joined=False),
        "one direction counted": lambda *a: _number(*a, both=False),
        "one layer": lambda d, m, layers, directions: _number(d, m, 1, directions),
        "d and m exchanged": lambda d, m, layers, directions: _number(m, d, layers, directions),
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
}
