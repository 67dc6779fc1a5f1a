"""Realistic wrong answers to the exercises of "Gates"."""

import math

import torch

__all__ = ["ATTACKS"]


def _bias(steps, *, left=0.5, sign=1.0, base=math.log):
    gate = left ** (1 / steps)
    return sign * base(gate / (1 - gate)) if gate < 1 else 0.0


def _cell(f, grad, *, axis=1, shift=False, flip=True, all_steps=True, scaled=True):
    products = f.flip(axis).cumprod(axis).flip(axis) if flip else f.cumprod(axis)
    one = torch.ones_like(f[:, :1])
    if not all_steps:
        return products * grad[:, None]
    parts = [one, products] if shift else [products, one]
    return torch.cat(parts, dim=1) * (grad[:, None] if scaled else 1)


def _each_gate_alone(f, grad):
    return torch.cat([f, torch.ones_like(f[:, :1])], dim=1) * grad[:, None]


def _with_output_slope(f, grad):
    return torch.cat([f * (1 - f), torch.ones_like(f[:, :1])], dim=1) * grad[:, None]


def _turned(*parameters, block=1, which=(0, 1, 2, 3), one_minus=False, swap=False):
    m = parameters[1].shape[1]
    answer = []
    for number, p in enumerate(parameters):
        r, z, n = p.chunk(3)
        blocks = [r, n, z] if swap else [r, z, n]
        if not swap and number in which:
            blocks[block] = 1 - blocks[block] if one_minus else -blocks[block]
        answer.append(torch.cat(blocks))
        assert len(answer[-1]) == 3 * m
    return tuple(answer)


def _minimal(
    x,
    h,
    weight_ih,
    weight_hh,
    bias,
    *,
    swapped=False,
    after=False,
    exchanged=False,
    reset=True,
    biased=True,
    sigmoid=False,
):
    a_1, a_2 = (x @ weight_ih.T + (bias if biased else 0)).chunk(2, dim=1)
    u_1, u_2 = weight_hh.chunk(2)
    if swapped:  # blocks n, f
        a_1, a_2, u_1, u_2 = a_2, a_1, u_2, u_1
    f = (a_1 + h @ u_1.T).sigmoid()
    if after:
        inner = f * (h @ u_2.T)
    else:
        inner = ((f * h) if reset else h) @ u_2.T
    n = (a_2 + inner).sigmoid() if sigmoid else (a_2 + inner).tanh()
    return f * h + (1 - f) * n if exchanged else (1 - f) * h + f * n


def _backward(
    grad,
    x,
    h,
    weight_ih,
    weight_hh,
    bias,
    *,
    through_reset=True,
    kept=True,
    gated=True,
    gate_sees_reset=True,
    u_n_with_f=True,
    slope=True,
    mean=False,
    transposed=False,
):
    a_f, a_n = (x @ weight_ih.T + bias).chunk(2, dim=1)
    u_f, u_n = weight_hh.chunk(2)
    f = (a_f + h @ u_f.T).sigmoid()
    n = (a_n + (f * h) @ u_n.T).tanh()
    grad_n = grad * f * ((1 - n**2) if slope else 1)
    grad_fh = grad_n @ (u_n.T if transposed else u_n)
    grad_f = (grad * (n - h) + grad_fh * h * gate_sees_reset) * f * (1 - f)
    grad_a = torch.cat([grad_f, grad_n], dim=1)
    grad_h = grad * (1 - f) * kept + grad_fh * f * through_reset + grad_f @ u_f * gated
    grad_u = torch.cat([grad_f.T @ h, grad_n.T @ ((f * h) if u_n_with_f else h)])
    total = grad_a.mean(0) if mean else grad_a.sum(0)
    return grad_a @ weight_ih, grad_h, grad_a.T @ x, grad_u, total


def _by_autograd(grad, *inputs):
    leaves = [value.clone().requires_grad_() for value in inputs]
    return torch.autograd.grad(_minimal(*leaves), leaves, grad)  # right, and not allowed


ATTACKS = {
    "forget_bias": {
        "sign lost": lambda steps: _bias(steps, sign=-1.0),
        "the time constant, 1/e": lambda steps: _bias(steps, left=math.exp(-1)),
        "a tenth is left": lambda steps: _bias(steps, left=0.1),
        "base 2": lambda steps: _bias(steps, base=math.log2),
        "the gate, not its bias": lambda steps: 0.5 ** (1 / steps),
        "logarithm of the distance": lambda steps: math.log(steps),
        "decay in place of the sigmoid": lambda steps: -math.log(2) / steps,
        "first order, without its half": lambda steps: math.log(steps / math.log(2)),
    },
    "along_the_cell": {
        "from the front": lambda f, g: _cell(f, g, flip=False),
        "off by one": lambda f, g: _cell(f, g, shift=True),
        "last cell forgotten": lambda f, g: _cell(f, g, all_steps=False),
        "upstream gradient forgotten": lambda f, g: _cell(f, g, scaled=False),
        "wrong axis": lambda f, g: _cell(f, g, axis=2),
        "each gate alone": _each_gate_alone,
        "with the slope of the sigmoid": _with_output_slope,
    },
    "other_convention": {
        "unchanged": lambda *p: tuple(p),
        "r turned over": lambda *p: _turned(*p, block=0),
        "n turned over": lambda *p: _turned(*p, block=2),
        "weights alone": lambda *p: _turned(*p, which=(0, 1)),
        "one bias forgotten": lambda *p: _turned(*p, which=(0, 1, 2)),
        "1 minus the parameters": lambda *p: _turned(*p, one_minus=True),
        "blocks z and n exchanged": lambda *p: _turned(*p, swap=True),
    },
    "minimal_step": {
        "blocks exchanged": lambda *a: _minimal(*a, swapped=True),
        "gate after the matrix, as in PyTorch's GRU": lambda *a: _minimal(*a, after=True),
        "f keeps": lambda *a: _minimal(*a, exchanged=True),
        "no reset": lambda *a: _minimal(*a, reset=False),
        "no bias": lambda *a: _minimal(*a, biased=False),
        "sigmoid for the candidate": lambda *a: _minimal(*a, sigmoid=True),
    },
    "minimal_step_backward": {
        "path through f * h forgotten": lambda *a: _backward(*a, through_reset=False),
        "kept path forgotten": lambda *a: _backward(*a, kept=False),
        "path through the gate forgotten": lambda *a: _backward(*a, gated=False),
        "gate's part in the reset forgotten": lambda *a: _backward(*a, gate_sees_reset=False),
        "weight of n times h, not f * h": lambda *a: _backward(*a, u_n_with_f=False),
        "slope of tanh forgotten": lambda *a: _backward(*a, slope=False),
        "bias averaged over the batch": lambda *a: _backward(*a, mean=True),
        "matrix transposed": lambda *a: _backward(*a, transposed=True),
        "autograd": _by_autograd,
    },
}
