"""Wrong answers that the checkers of the page "Convolution, backward" must reject."""

import torch
import torch.nn.functional as F


def _from_autograd_without_the_end(g, weight, size, stride):
    return F.conv_transpose1d(g[None, None], weight[None, None], stride=stride)[0, 0]


def _padded_in_front(g, weight, size, stride):
    grad = _from_autograd_without_the_end(g, weight, size, stride)
    return F.pad(grad, (size - len(grad), 0))


def _overwrites(g, weight, size, stride):
    grad = g.new_zeros(size)
    for i in range(len(g)):
        grad[stride * i : stride * i + len(weight)] = g[i] * weight
    return grad


def _forgets_the_stride(g, weight, size, stride):
    grad = g.new_zeros(size)
    for i in range(len(g)):
        grad[i : i + len(weight)] += g[i] * weight
    return grad


def _flipped(g, weight, size, stride):
    grad = g.new_zeros(size)
    for i in range(len(g)):
        grad[stride * i : stride * i + len(weight)] += g[i] * weight.flip(0)
    return grad


def _scales_upstream_in_place(g, weight, size, stride):
    grad = g.new_zeros(size)
    g *= 2
    for i in range(len(g)):
        grad[stride * i : stride * i + len(weight)] += g[i] * weight / 2
    return grad


def _row_axis_by_length(g):
    # Finds the axis by its length instead of its place.
    axes = [a for a in range(4) if g.shape[a] != g.shape[2]]
    return g.sum(dim=axes).reshape(-1)[: g.shape[2]] if axes else g.sum().expand(g.shape[2])


def _extrapolated(f, t, eps, *, weights=(4, -1), scale=3, factor=0.5):
    wide = (f(t + eps) - f(t - eps)) / (2 * eps)
    step = factor * eps
    narrow = (f(t + step) - f(t - step)) / (2 * step)
    return (weights[0] * narrow + weights[1] * wide) / scale


def _one_sided(f, t, eps):
    return 2 * (f(t + eps / 2) - f(t)) / (eps / 2) - (f(t + eps) - f(t)) / eps


def _step(x, weight, bias, target, lr, *, mean=True, sign=-1, flip=False, bias_too=True, half=1):
    error = F.conv2d(x, weight, bias) - target
    g = half * (error / error.numel() if mean else error)
    grad = torch.nn.grad.conv2d_weight(x, weight.shape, g)
    if flip:
        grad = grad.flip(2, 3)
    return weight + sign * lr * grad, bias + bias_too * sign * lr * g.sum(dim=(0, 2, 3))


def _step_in_place(x, weight, bias, target, lr):
    new = _step(x, weight, bias, target, lr)
    weight.copy_(new[0])
    return new


def _mean_over_the_batch(x, weight, bias, target, lr):
    error = F.conv2d(x, weight, bias) - target
    g = error / len(x)
    return (
        weight - lr * torch.nn.grad.conv2d_weight(x, weight.shape, g),
        bias - lr * g.sum(dim=(0, 2, 3)),
    )


def _gradients_only(x, weight, bias, target, lr):
    new = _step(x, weight, bias, target, lr)
    return (weight - new[0]) / lr, (bias - new[1]) / lr


def _bias_first(x, weight, bias, target, lr):
    # The weight's gradient at the bias that was already updated.
    _, new_bias = _step(x, weight, bias, target, lr)
    return _step(x, weight, new_bias, target, lr)[0], new_bias


def _by_autograd(g, weight, size, stride):
    x = torch.zeros(1, 1, size, dtype=g.dtype, requires_grad=True)
    y = F.conv1d(x, weight[None, None], stride=stride)
    return torch.autograd.grad(y, x, g[None, None])[0][0, 0]


def _step_by_autograd(x, weight, bias, target, lr):
    weight, bias = weight.clone().requires_grad_(), bias.clone().requires_grad_()
    loss = (F.conv2d(x, weight, bias) - target).square().mean() / 2
    by_weight, by_bias = torch.autograd.grad(loss, (weight, bias))
    return (weight - lr * by_weight).detach(), (bias - lr * by_bias).detach()


ATTACKS = {
    "row_bias_gradient": {
        "gradient of a channel bias": lambda g: g.sum(dim=(0, 2, 3)),
        "gradient of a column bias": lambda g: g.sum(dim=(0, 1, 2)),
        "one bias for each channel and row": lambda g: g.sum(dim=(0, 3)),
        "mean over the batch": lambda g: g.mean(0).sum(dim=(0, 2)),
        "forgets the batch": lambda g: g[0].sum(dim=(0, 2)),
        "keeps the axes": lambda g: g.sum(dim=(0, 1, 3), keepdim=True),
        "finds the axis by its length": _row_axis_by_length,
    },
    "grad_input_1d": {
        "forgets the unread end": _from_autograd_without_the_end,
        "unread cells in front": _padded_in_front,
        "overwrites where windows overlap": _overwrites,
        "forgets the stride": _forgets_the_stride,
        "flipped kernel": _flipped,
        "changes g in place": _scales_upstream_in_place,
        "by autograd": _by_autograd,
        "the forward pass again": lambda g, weight, size, stride: F.conv1d(
            F.pad(g, (0, size))[None, None], weight[None, None]
        )[0, 0, :size],
    },
    "upsampling_padding": {
        "padding as for equal size": lambda kernel_size, stride: ((kernel_size - 1) // 2, 0),
        "always output padding 1": lambda kernel_size, stride: ((kernel_size - 1) // 2, 1),
        "rounds down": lambda kernel_size, stride: (
            max(0, (kernel_size - stride) // 2),
            (kernel_size - stride) % 2,
        ),
        "forgets short kernels": lambda kernel_size, stride: (
            (kernel_size - stride + 1) // 2,
            (kernel_size - stride) % 2,
        ),
        "stride 2 only": lambda kernel_size, stride: (
            max(0, (kernel_size - 1) // 2),
            2 * max(0, (kernel_size - 1) // 2) - kernel_size + 2,
        ),
        "exchanged": lambda kernel_size, stride: (
            2 * max(0, (kernel_size - stride + 1) // 2) - (kernel_size - stride),
            max(0, (kernel_size - stride + 1) // 2),
        ),
    },
    "extrapolated_difference": {
        "plain central difference": lambda f, t, eps: _extrapolated(
            f, t, eps, weights=(0, 1), scale=1
        ),
        "half the step": lambda f, t, eps: _extrapolated(f, t, eps, weights=(1, 0), scale=1),
        "mean of the two": lambda f, t, eps: _extrapolated(f, t, eps, weights=(1, 1), scale=2),
        "as for an error of order one": lambda f, t, eps: _extrapolated(
            f, t, eps, weights=(2, -1), scale=1
        ),
        "added": lambda f, t, eps: _extrapolated(f, t, eps, weights=(4, 1), scale=5),
        "a tiny step": lambda f, t, eps: (f(t + 1e-6) - f(t - 1e-6)) / 2e-6,
        "one-sided": _one_sided,
        "a third of the step": lambda f, t, eps: _extrapolated(f, t, eps, factor=1 / 3),
        "constant": lambda f, t, eps: 0.0,
    },
    "training_step": {
        "sum for mean": lambda *a: _step(*a, mean=False),
        "the wrong way": lambda *a: _step(*a, sign=1),
        "kernel turned": lambda *a: _step(*a, flip=True),
        "forgets the bias": lambda *a: _step(*a, bias_too=False),
        "forgets the half": lambda *a: _step(*a, half=2),
        "mean over the batch": _mean_over_the_batch,
        "gradients only": _gradients_only,
        "bias first": _bias_first,
        "no update": lambda x, weight, bias, target, lr: (weight, bias),
        "in place": _step_in_place,
        "by autograd": _step_by_autograd,
        "exchanged": lambda *a: _step(*a)[::-1],
    },
}
