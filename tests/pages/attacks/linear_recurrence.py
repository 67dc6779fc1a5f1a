"""Realistic wrong answers to the exercises of "Linear recurrence and the parallel scan"."""

import torch

__all__ = ["ATTACKS"]


def _combine(later, earlier, *, order=True, through=True, kept=True, transposed=False):
    (a2, b2), (a1, b1) = later, earlier
    product = a2 @ a1 if order else a1 @ a2
    carried = ((a2.mT if transposed else a2) @ b1[..., None])[..., 0] if through else b1
    return product, carried + (b2 if kept else 0)


def _by_entry(later, earlier):
    (a2, b2), (a1, b1) = later, earlier
    return a2 * a1, (a2 @ b1[..., None])[..., 0] + b2


def _from_the_left(later, earlier):
    (a2, b2), (a1, b1) = later, earlier
    return a2 @ a1, (b1[:, None] @ a2)[:, 0] + b2


def _loop(x, op):
    rows = [x[:1]]
    for t in range(1, len(x)):
        rows.append(op(x[t : t + 1], rows[-1]))
    return torch.cat(rows)  # right, and one step after the other


def _doubling(x, op, *, swapped=False, rounds=None, drop=False, step=2):
    reach = 1
    while reach < len(x) and (rounds is None or reach < 2**rounds):
        later, earlier = x[reach:], x[:-reach]
        new = op(earlier, later) if swapped else op(later, earlier)
        x = torch.cat([torch.zeros_like(x[:reach]) if drop else x[:reach], new])
        reach *= step
    return x


def _in_place(x, op):
    reach = 1
    while reach < len(x):
        x[reach:] = op(x[reach:], x[:-reach].clone())
        reach *= 2
    return x


def _scan(a, b, h0):
    reach, first = 1, b[:, :1] + a[:, :1] * h0[:, None]
    b = torch.cat([first, b[:, 1:]], 1)
    while reach < a.shape[1]:
        new = a[:, reach:] * b[:, :-reach] + b[:, reach:]
        a = torch.cat([a[:, :reach], a[:, reach:] * a[:, :-reach]], 1)
        b = torch.cat([b[:, :reach], new], 1)
        reach *= 2
    return b


def _backward(
    q, z, c, h0, *, shift=True, flip=True, candidate=True, kept=True, before=True, first=True
):
    a = 1 - z
    h = _scan(a, z * c, h0)
    old = torch.cat([h0[:, None], h[:, :-1]], 1) if before else h
    nothing = torch.zeros_like(h0)
    if not flip:
        total = _scan(a, q, nothing)
    else:
        turned = a.flip(1)
        if shift:
            turned = torch.cat([nothing[:, None], turned[:, :-1]], 1)
        total = _scan(turned, q.flip(1), nothing).flip(1)
    grad_z = total * ((c if candidate else 0) - (old if kept else 0))
    return grad_z, total * z, (a[:, 0] if first else 1) * total[:, 0]


def _backward_by_loop(q, z, c, h0):
    states = [h0]
    for t in range(z.shape[1]):
        states.append((1 - z[:, t]) * states[-1] + z[:, t] * c[:, t])
    total, grad_z, grad_c = torch.zeros_like(h0), [], []
    for t in reversed(range(z.shape[1])):
        total = total + q[:, t]
        grad_z.append(total * (c[:, t] - states[t]))
        grad_c.append(total * z[:, t])
        total = total * (1 - z[:, t])
    return torch.stack(grad_z[::-1], 1), torch.stack(grad_c[::-1], 1), total


def _backward_by_autograd(q, z, c, h0):
    leaves = [value.clone().requires_grad_() for value in (z, c, h0)]
    z, c, h0 = leaves
    return torch.autograd.grad(_scan(1 - z, z * c, h0), leaves, q)


def _lamp(x, a, b):
    tables = (torch.tensor(values, dtype=torch.float64) for values in (a, b))
    return tuple(table[x] for table in tables)


ATTACKS = {
    "combine_matrices": {
        "matrices in the other order": lambda s, f: _combine(s, f, order=False),
        "steps in the other order": lambda s, f: _combine(f, s),
        "addition not carried on": lambda s, f: _combine(s, f, through=False),
        "later addition forgotten": lambda s, f: _combine(s, f, kept=False),
        "matrix transposed": lambda s, f: _combine(s, f, transposed=True),
        "entry by entry": _by_entry,
        "vector from the left": _from_the_left,
    },
    "prefixes": {
        "a loop": _loop,
        "order of the operation": lambda x, op: _doubling(x, op, swapped=True),
        "one round": lambda x, op: _doubling(x, op, rounds=1),
        "head thrown away": lambda x, op: _doubling(x, op, drop=True),
        "reach grows by four": lambda x, op: _doubling(x, op, step=4),
        "sum, whatever the operation": lambda x, op: x.cumsum(0),
        "in place": _in_place,
    },
    "min_gru_backward": {
        "factors not shifted": lambda *a: _backward(*a, shift=False),
        "forwards in time": lambda *a: _backward(*a, flip=False),
        "candidate forgotten in z": lambda *a: _backward(*a, candidate=False),
        "factor forgotten in z": lambda *a: _backward(*a, kept=False),
        "state after for state before": lambda *a: _backward(*a, before=False),
        "first factor forgotten": lambda *a: _backward(*a, first=False),
        "a loop": _backward_by_loop,
        "autograd": _backward_by_autograd,
    },
    "lamp": {
        "change without a sign": lambda x: _lamp(x, [1, 0, 0, 1], [0, 1, 0, 1]),
        "change forgets": lambda x: _lamp(x, [1, 0, 0, 0], [0, 1, 0, 1]),
        "on adds up": lambda x: _lamp(x, [1, 1, 0, -1], [0, 1, 0, 1]),
        "off subtracts": lambda x: _lamp(x, [1, 0, 1, -1], [0, 1, -1, 1]),
        "on and off exchanged": lambda x: _lamp(x, [1, 0, 0, -1], [0, 0, 1, 1]),
        "lamp of -1 and 1": lambda x: _lamp(x, [1, 0, 0, -1], [0, 1, -1, 0]),
        "a and b exchanged": lambda x: _lamp(x, [0, 1, 0, 1], [1, 0, 0, -1]),
    },
}
