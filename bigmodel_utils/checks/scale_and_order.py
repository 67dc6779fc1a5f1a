"""Checkers of the exercises on the page "Scale and order"."""

import torch

from bigmodel_utils.checks import grade, random_tensor

__all__ = ["attention_by_distance", "divisor", "let_through", "put_back"]


def divisor(function):
    """Check ``function(q, k)``: standard deviation of q·k over all pairs of rows."""
    shapes = [(7, 5, 3), (4, 9, 2), (6, 6, 8), (5, 3, 1)]
    cases = [
        (random_tensor(seed, m, d) + seed / 2, 2 * random_tensor(10 + seed, n, d) - seed)
        for seed, (m, n, d) in enumerate(shapes)
    ]
    return grade(
        function,
        cases,
        _deviation_by_loops,
        hint="Var = E[(q . k)^2] - E[q . k]^2, and both split, since q and k are independent.",
        forbidden=("std", "var", "std_mean", "var_mean", "cov"),
    )


def _deviation_by_loops(q, k):
    scores = torch.stack([(row * key).sum() for row in q for key in k])
    return ((scores - scores.mean()) ** 2).mean().sqrt()


def let_through(function):
    """Check ``function(scores, tau, mask)``: scores and mask (b, t, s), the result (b, t)."""
    settings = [(2, 3, 5, 1.0), (1, 4, 2, 0.5), (3, 2, 7, 3.0), (2, 5, 1, 0.8), (2, 4, 6, 2.0)]
    cases = []
    for seed, (b, t, s, tau) in enumerate(settings):
        mask = random_tensor(10 + seed, b, t, s) < (9.0 if seed == 0 else 0.4)
        if seed == 4:
            mask[0, 1] = False  # a query that sees nothing
        cases.append((3 * random_tensor(seed, b, t, s), tau, mask))
    return grade(
        function,
        cases,
        _trace_by_autograd,
        hint="The Jacobian by a is that by a / tau, divided by tau; a masked key has weight 0.",
    )


def _trace_by_autograd(scores, tau, mask):
    # The whole Jacobian over the allowed keys alone, entry by entry.
    traces = torch.zeros(scores.shape[:2], dtype=scores.dtype)
    for i, (rows, seen) in enumerate(zip(scores, mask, strict=True)):
        for j, (row, keys) in enumerate(zip(rows, seen, strict=True)):
            for place in range(int(keys.sum())):
                with torch.enable_grad():
                    leaf = row[keys].clone().requires_grad_()
                    powers = (leaf / tau).exp()
                    weight = powers[place] / powers.sum()
                    traces[i, j] += torch.autograd.grad(weight, leaf)[0][place]
    return traces


def put_back(function):
    """Check ``function(out, order)``: out (b, t, d), order (b, t), the result (b, t, d)."""
    shapes = [(2, 5, 3), (1, 4, 2), (3, 7, 1), (2, 1, 4), (4, 6, 6)]
    cases = [
        (random_tensor(seed, b, t, d), random_tensor(10 + seed, b, t).argsort(1))
        for seed, (b, t, d) in enumerate(shapes)
    ]
    return grade(
        function,
        cases,
        _one_token_at_a_time,
        hint="Output j of sequence i belongs to token order[i, j]; the inverse order says where it "
        "must go.",
    )


def _one_token_at_a_time(out, order):
    result = torch.empty_like(out)
    for i, places in enumerate(order.tolist()):
        for j, place in enumerate(places):
            result[i, place] = out[i, j]
    return result


def attention_by_distance(function):
    """Check ``function(q, k, v, bias)``: q, k (b, t, d), v (b, t, e), bias (2 t - 1,)."""
    shapes = [(2, 4, 3, 2), (1, 6, 2, 5), (3, 1, 4, 2), (2, 5, 1, 3)]
    cases = [
        (
            random_tensor(seed, b, t, d),
            random_tensor(10 + seed, b, t, d),
            random_tensor(20 + seed, b, t, e),
            2 * random_tensor(30 + seed, 2 * t - 1),
        )
        for seed, (b, t, d, e) in enumerate(shapes)
    ]
    return grade(
        function,
        cases,
        _pair_by_pair,
        hint="The bias of a key after the query has a positive distance j - i, and is not divided.",
    )


def _pair_by_pair(q, k, v, bias):
    (b, t, d), e = q.shape, v.shape[2]
    named = dict(zip(range(1 - t, t), bias, strict=True))
    out = q.new_zeros(b, t, e)
    for n in range(b):
        for i in range(t):
            powers = [
                torch.exp((q[n, i] * k[n, j]).sum() / d**0.5 + named[j - i]) for j in range(t)
            ]
            out[n, i] = sum(p * value for p, value in zip(powers, v[n], strict=True)) / sum(powers)
    return out
