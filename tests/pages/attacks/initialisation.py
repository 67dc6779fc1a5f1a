"""Wrong answers that the checkers of the page "Initialisation" must reject."""

import torch
import torch.nn.functional as F


def _after(
    layers, start, *, half=0.5, grouped=True, out=False, squared=True, kernel=None, last=0.5
):
    for n, (in_channels, out_channels, kernel_size, groups, std) in enumerate(layers):
        channels = out_channels if out else in_channels
        taps = kernel_size[0] * kernel_size[1] if kernel is None else kernel(kernel_size)
        fan = channels // (groups if grouped else 1) * taps
        factor = last if n == len(layers) - 1 else half
        start = start * fan * (std**2 if squared else std) * factor
    return start


def _last_layer_only(layers, start):
    return _after(layers[-1:], start)


def _scaled(x, weight, padding, *, measure=lambda y: y.square().mean().sqrt(), pad=True):
    y = F.conv2d(x, weight, padding=padding if pad else 0)
    return weight / measure(y)


def _in_place(x, weight, padding):
    weight /= F.conv2d(x, weight, padding=padding).square().mean().sqrt()
    return weight


def _by_the_rule(x, weight, padding):
    return weight * (1 / weight[0].numel()) ** 0.5


ATTACKS = {
    "fans": {
        "forgets the groups": lambda c, o, k, s, groups: (
            c * k[0] * k[1],
            o * k[0] * k[1] / (s[0] * s[1]),
        ),
        "PyTorch's fan-out": lambda c, o, k, s, groups: (
            c // groups * k[0] * k[1],
            o * k[0] * k[1],
        ),
        "forgets the stride": lambda c, o, k, s, groups: (
            c // groups * k[0] * k[1],
            o // groups * k[0] * k[1],
        ),
        "divides both by the stride": lambda c, o, k, s, groups: (
            c // groups * k[0] * k[1] / (s[0] * s[1]),
            o // groups * k[0] * k[1] / (s[0] * s[1]),
        ),
        "exchanged": lambda c, o, k, s, groups: (
            o // groups * k[0] * k[1] / (s[0] * s[1]),
            c // groups * k[0] * k[1],
        ),
        "rounds the average down": lambda c, o, k, s, groups: (
            c // groups * k[0] * k[1],
            o // groups * k[0] * k[1] // (s[0] * s[1]),
        ),
        "a square kernel": lambda c, o, k, s, groups: (
            c // groups * k[0] ** 2,
            o // groups * k[0] ** 2 / (s[0] * s[1]),
        ),
        "adds the bias": lambda c, o, k, s, groups: (
            c // groups * k[0] * k[1] + 1,
            o // groups * k[0] * k[1] / (s[0] * s[1]),
        ),
    },
    "leaky_std": {
        "He's, whatever the slope": lambda fan_in, slope: (2 / fan_in) ** 0.5,
        "the variance": lambda fan_in, slope: 2 / ((1 + slope**2) * fan_in),
        "slope not squared": lambda fan_in, slope: (2 / ((1 + slope) * fan_in)) ** 0.5,
        "slope the other way": lambda fan_in, slope: (2 * (1 + slope**2) / fan_in) ** 0.5,
        "half forgotten": lambda fan_in, slope: (1 / ((1 + slope**2) * fan_in)) ** 0.5,
        "bound of a uniform draw": lambda fan_in, slope: (6 / ((1 + slope**2) * fan_in)) ** 0.5,
        "PyTorch's default": lambda fan_in, slope: (1 / (3 * fan_in)) ** 0.5,
    },
    "mean_square_after": {
        "ReLU forgotten": lambda layers, start: _after(layers, start, half=1, last=1),
        "no ReLU behind the last": lambda layers, start: _after(layers, start, last=1),
        "groups forgotten": lambda layers, start: _after(layers, start, grouped=False),
        "fan-out": lambda layers, start: _after(layers, start, out=True),
        "deviation for variance": lambda layers, start: _after(layers, start, squared=False),
        "square kernels": lambda layers, start: _after(layers, start, kernel=lambda k: k[0] ** 2),
        "kernel forgotten": lambda layers, start: _after(layers, start, kernel=lambda k: 1),
        "last layer only": _last_layer_only,
        "half for each unit of scale": lambda layers, start: _after(
            layers, start, half=0.5**0.5, last=0.5**0.5
        ),
        "constant": lambda layers, start: start,
    },
    "unit_scale": {
        "divided by the mean square": lambda x, w, p: _scaled(
            x, w, p, measure=lambda y: y.square().mean()
        ),
        "variance in place of the square": lambda x, w, p: _scaled(
            x, w, p, measure=lambda y: y.std(correction=0)
        ),
        "padding forgotten": lambda x, w, p: _scaled(x, w, p, pad=False),
        "behind the ReLU": lambda x, w, p: _scaled(
            x, w, p, measure=lambda y: y.relu().square().mean().sqrt()
        ),
        "each output channel": lambda x, w, p: _scaled(
            x, w, p, measure=lambda y: y.square().mean((0, 2, 3)).sqrt()[:, None, None, None]
        ),
        "norm in place of the mean": lambda x, w, p: _scaled(x, w, p, measure=torch.norm),
        "by the fan-in": _by_the_rule,
        "unchanged": lambda x, w, p: w,
        "in place": _in_place,
    },
}
