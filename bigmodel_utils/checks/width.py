"""Checkers of the exercises on the page about rates that are carried from width to width."""

import math

import torch

from bigmodel_utils.checks import grade, random_tensor

__all__ = ["exponent", "factors", "moved", "seen_exponent"]


def moved(function):
    """Check ``function(x, g, probe, lr)``: how Adam's first step moves a layer's output."""
    cases = []
    for seed, (b, n, m) in enumerate([(1, 4, 3), (3, 5, 2), (2, 2, 6), (5, 7, 4), (4, 1, 3)]):
        x, g = random_tensor(seed, b, n), random_tensor(20 + seed, b, m)
        cases.append((x, g, random_tensor(40 + seed, n), 0.1 * (seed + 1)))
    return grade(
        function,
        cases,
        _by_adam,
        hint="The gradient of the matrix is one sum over the examples; its sign is taken last.",
    )


def _by_adam(x, g, probe, lr):
    weight = torch.zeros(g.shape[1], x.shape[1], dtype=x.dtype, requires_grad=True)
    optimizer = torch.optim.Adam([weight], lr=lr, eps=1e-40)
    (g * (x @ weight.mT)).sum().backward()
    optimizer.step()
    return weight.detach() @ probe


def factors(function):
    """Check ``function(narrow, wide)``: dicts of names and shapes, to a list of rate factors."""

    def model(d, ff, size, biased):
        found = {
            "embedding.weight": (size, d),
            "attention.q_proj.weight": (d, d),
            "norm.weight": (d,),
            "up_proj.weight": (ff, d),
            "down_proj.weight": (d, ff),
            "head.weight": (size, d),
        }
        return found | ({"up_proj.bias": (ff,)} if biased else {})

    cases = [
        (model(8, 32, 64, False), model(32, 128, 64, False)),
        (model(16, 40, 50, True), model(48, 120, 50, True)),
        (model(64, 100, 10, True), model(16, 60, 10, True)),
    ]

    def listed(narrow, wide):
        answer = function(narrow, wide)
        is_list = isinstance(answer, (list, tuple)) and answer
        return torch.tensor(answer, dtype=torch.float64) if is_list else answer

    return grade(
        listed,
        cases,
        _one_by_one,
        hint="nn.Linear keeps (fan-out, fan-in), and a row of the embedding's table is looked up, "
        "not summed over.",
    )


def _one_by_one(narrow, wide):
    found = []
    for name in wide:
        grown = 1.0
        if len(wide[name]) == 2 and "embedding" not in name:
            grown = wide[name][-1] / narrow[name][-1]
        found.append(1 / grown)
    return torch.tensor(found, dtype=torch.float64)


def exponent(function):
    """Check ``function(rates, excess, widths)``: how fast the best rate falls with the width."""
    cases = []
    for seed, (widths, power) in enumerate(
        [((8, 32), 1.0), ((8, 16, 32, 64), 0.5), ((6, 10, 24), 0.8), ((8, 12, 64), -0.2)]
    ):
        widths = torch.tensor(widths, dtype=torch.float64)
        rates = 0.8 * 0.5 ** torch.arange(12, dtype=torch.float64)
        noise = random_tensor(seed, len(widths))
        best = math.log2(0.11) - power * (widths / widths[0]).log2() + 0.3 * noise
        off = rates.log2() - best[:, None]  # (widths, rates)
        bend = torch.where(off > 0, 0.5, 0.2)
        cases.append((rates, (bend * off.square() - 2).exp(), widths))
    return grade(
        function,
        cases,
        _slope_of_tips,
        atol=1e-6,
        hint="A vertex for each width, in the logarithms of rates and excess; then one line "
        "through all widths.",
    )


def _slope_of_tips(rates, excess, widths):
    tips = []
    for row in excess.log():
        i = int(row.argmin())
        x, y = rates.log()[i - 1 : i + 2], row[i - 1 : i + 2]
        a, b, _ = torch.linalg.solve(torch.stack([x**2, x, x**0], 1), y)
        tips.append(-b / (2 * a))
    design = torch.stack([widths.log(), torch.ones_like(widths)], 1)
    return -torch.linalg.lstsq(design, torch.stack(tips)[:, None]).solution[0, 0]


def seen_exponent(function):
    """Check ``function(N, alpha, bend, shift, tuned)``: the exponent that one rate shows."""
    sizes = [(1e3, 3e3, 1e4), (2e3, 5e3, 9e3, 4e4), (1e3, 1e5), (500.0, 700.0, 2e4, 3e4, 5e4)]
    cases = [
        (torch.tensor(N, dtype=torch.float64), *rest)
        for N, rest in zip(
            sizes,
            [(0.5, 0.3, 0.5, 1e3), (0.34, 0.2, 1.0, 4e4), (1.1, 0.05, 0.7, 1e4), (0.8, 1, 0.5, 1)],
            strict=True,
        )
    ]
    return grade(
        function,
        cases,
        _by_line,
        atol=1e-8,
        hint="The best rate moves by -shift for each unit of log N; the excess rises by the "
        "square of the distance, in logarithms; then fit one line to all sizes.",
    )


def _by_line(N, alpha, bend, shift, tuned):
    x = N.log()
    u = shift * (x - math.log(tuned))
    y = -alpha * x + torch.log1p(bend * u * u)
    return -(x - x.mean()) @ (y - y.mean()) / (x - x.mean()).square().sum()
