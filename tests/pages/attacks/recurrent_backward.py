"""Realistic wrong answers to the exercises of "Back-propagation through time"."""

import torch
import torch.nn.functional as F

__all__ = ["ATTACKS"]


def _step(
    grad_h, x, before, h, weight_ih, weight_hh, *, slope=None, turned=False, read=None, mean=False
):
    grad_a = grad_h * (1 - h**2 if slope is None else slope(h))
    back = grad_a @ (weight_hh.T if turned else weight_hh)
    grad_weight_hh = grad_a.T @ (before if read is None else read(before, h))
    grad_bias = grad_a.mean(0) if mean else grad_a.sum(0)
    return grad_a, grad_a @ weight_ih, back, grad_a.T @ x, grad_weight_hh, grad_bias


def _without_tanh_for_weights(grad_h, x, before, h, weight_ih, weight_hh):
    grad_a, grad_x, back, *_ = _step(grad_h, x, before, h, weight_ih, weight_hh)
    return grad_a, grad_x, back, grad_h.T @ x, grad_h.T @ before, grad_h.sum(0)


def _bias_per_row(*arguments):
    *rest, _ = _step(*arguments)
    return *rest, rest[0]


def _step_by_autograd(grad_h, x, before, h, weight_ih, weight_hh):
    rest = h.atanh() - F.linear(x, weight_ih) - F.linear(before, weight_hh)
    leaves = [v.clone().requires_grad_() for v in (x, before, weight_ih, weight_hh, h[0] * 0)]
    a = F.linear(leaves[0], leaves[2], leaves[4]) + F.linear(leaves[1], leaves[3]) + rest
    return torch.autograd.grad(a.tanh(), [a, *leaves], grad_h)  # right, and not allowed


def _weights_turned(*arguments):
    grad_a, grad_x, back, grad_weight_ih, grad_weight_hh, grad_bias = _step(*arguments)
    return grad_a, grad_x, back, grad_weight_ih.T, grad_weight_hh.T, grad_bias


def _in_place(grad_h, *rest):
    grad_h *= 1 - rest[2] ** 2
    grad_a, (x, before, _, weight_ih, weight_hh) = grad_h, rest
    return (
        grad_a, grad_a @ weight_ih, grad_a @ weight_hh,
        grad_a.T @ x, grad_a.T @ before, grad_a.sum(0),
    )  # fmt: skip


def _truncated(g, h, weight_hh, window, *, reach=0, slope=True, turned=False, shift=0, cut=None):
    grad = torch.zeros_like(weight_hh)
    steps = g.shape[1]
    for last in range(1, steps + 1):
        total = g[:, last - 1]
        stop = max(0, last - window + reach) if cut is None else cut(last, window, steps)
        for t in range(last, stop, -1):
            grad_a = (1 - h[:, t] ** 2) * total if slope else total
            grad += grad_a.T @ h[:, t - 1 + shift]
            total = grad_a @ (weight_hh.T if turned else weight_hh)
    return grad


def _last_steps_only(g, h, weight_hh, window):
    masked = g.clone()
    masked[:, : max(0, g.shape[1] - window)] = 0
    return _truncated(masked, h, weight_hh, window)


def _partials(bar_h, h, weight_hh, *, sign=-1, slope=True, turned=False, late=1, shift=False):
    g = bar_h[:, 1:].clone()
    after = h[:, 1 + late : h.shape[1] - 1 + late]
    sent = ((1 - after**2) if slope else 1) * bar_h[:, 2:]
    sent = sent @ (weight_hh.T if turned else weight_hh)
    if shift:
        g[:, 1:] += sign * sent
    else:
        g[:, :-1] += sign * sent
    return g


def _partials_in_place(bar_h, h, weight_hh):
    bar_h[:, 1:-1] -= ((1 - h[:, 2:] ** 2) * bar_h[:, 2:]) @ weight_hh
    return bar_h[:, 1:]


def _placed(e, lengths, steps, weight_y, *, at=-1, turned=False, everywhere=False):
    row = e @ (weight_y if not turned else weight_y.T)
    g = e.new_zeros(len(e), steps, row.shape[1])
    if everywhere:
        return g + row[:, None]
    g[torch.arange(len(e)), (lengths + at).clamp(0, steps - 1)] = row
    return g


def _last_column(e, lengths, steps, weight_y):
    g = e.new_zeros(len(e), steps, weight_y.shape[1])
    g[:, -1] = e @ weight_y
    return g


def _all_real_steps(e, lengths, steps, weight_y):
    real = torch.arange(steps) < lengths[:, None]
    return (e @ weight_y)[:, None] * real[..., None]


def _every_row_everywhere(e, lengths, steps, weight_y):
    g = e.new_zeros(len(e), steps, weight_y.shape[1])
    g[:, lengths - 1] = (e @ weight_y)[:, None]  # every row at every length
    return g


ATTACKS = {
    "step_backward": {
        "no slope of tanh": lambda *a: _step(*a, slope=lambda h: torch.ones_like(h)),
        "slope of the sigmoid": lambda *a: _step(*a, slope=lambda h: h * (1 - h)),
        "1 - h in place of 1 - h^2": lambda *a: _step(*a, slope=lambda h: 1 - h),
        "tanh taken twice": lambda *a: _step(*a, slope=lambda h: 1 - h.tanh() ** 2),
        "transposed recurrent weight": lambda *a: _step(*a, turned=True),
        "the new state for the one before": lambda *a: _step(*a, read=lambda before, h: h),
        "mean over the batch": lambda *a: _step(*a, mean=True),
        "weights read grad_h": _without_tanh_for_weights,
        "bias not summed": _bias_per_row,
        "weights transposed": _weights_turned,
        "in place": _in_place,
        "autograd": _step_by_autograd,
    },
    "partials": {
        "the totals": lambda bar_h, h, u: bar_h[:, 1:].clone(),
        "added, not taken away": lambda *a: _partials(*a, sign=1),
        "no slope of tanh": lambda *a: _partials(*a, slope=False),
        "slope of the same step": lambda *a: _partials(*a, late=0),
        "the weight on the wrong side": lambda *a: _partials(*a, turned=True),
        "what step t sends, not step t + 1": lambda *a: _partials(*a, shift=True),
        "h0 in front": lambda *a: F.pad(_partials(*a), (0, 0, 1, 0)),
        "nothing came back": lambda bar_h, h, u: torch.zeros_like(h[:, 1:]),
        "in place": _partials_in_place,
    },
    "truncated_gradient": {
        "not truncated": lambda g, h, u, window: _truncated(g, h, u, g.shape[1]),
        "one step too few": lambda *a: _truncated(*a, reach=1),
        "one step too many": lambda *a: _truncated(*a, reach=-1),
        "no slope of tanh": lambda *a: _truncated(*a, slope=False),
        "transposed": lambda *a: _truncated(*a, turned=True),
        "the new state for the one before": lambda *a: _truncated(*a, shift=1),
        "chunks": lambda *a: _truncated(*a, cut=lambda t, k, _: k * ((t - 1) // k)),
        "only the last window of the loss": _last_steps_only,
    },
    "gradient_at_last_step": {
        "the last column, padding or not": _last_column,
        "one step late": lambda *a: _placed(*a, at=0),
        "one step early": lambda *a: _placed(*a, at=-2),
        "every step": lambda *a: _placed(*a, everywhere=True),
        "every real step": _all_real_steps,
        "weights transposed": lambda *a: _placed(*a, turned=True),
        "every row at every length": _every_row_everywhere,
    },
}
