"""Checkers of the exercises on the page "More features than dimensions"."""

import torch

from bigmodel_utils.checks import grade, random_tensor

__all__ = ["above_the_bound", "against_the_linear_code", "score"]


def against_the_linear_code(function):
    """Check ``function(W, b, x)``: the error of a ReLU code over that of the best linear one."""
    cases = []
    for seed, (m, n, examples) in enumerate([(2, 5, 13), (1, 3, 9), (3, 4, 21)]):
        W = random_tensor(10 * seed, m, n)
        b = 0.3 * random_tensor(10 * seed + 1, n) - 0.2
        x = (random_tensor(10 * seed + 2, examples, n) + 0.4).clamp_min(0)
        cases.append((W, b, x))
    return grade(
        function,
        cases,
        _against_svd,
        hint="The best linear code keeps the m largest eigenvalues of the centred examples.",
    )


def _against_svd(W, b, x):
    read = torch.stack([torch.relu(sum(v * w for v, w in zip(row, W.T, strict=True)) @ W + b)
                        for row in x])  # fmt: skip
    _, sizes, rows = torch.linalg.svd(x - x.mean(0), full_matrices=False)
    kept = (sizes[: len(W), None] * rows[: len(W)]).square().sum()
    return (read - x).square().sum() / ((x - x.mean(0)).square().sum() - kept)


def above_the_bound(function):
    """Check ``function(D)``: the mean squared cosine of directions over the Welch bound."""
    cases = [(random_tensor(seed, n, d),) for seed, (n, d) in enumerate([(5, 2), (7, 3), (9, 8)])]
    return grade(
        function,
        cases,
        _pair_by_pair,
        hint="Cosines need rows of length one; a direction makes no pair with itself.",
    )


def _pair_by_pair(D):
    n, d = D.shape
    pairs = [(i, j) for i in range(n) for j in range(i)]
    cosines = [torch.nn.functional.cosine_similarity(D[i], D[j], dim=0) for i, j in pairs]
    return torch.stack(cosines).square().mean() * d * (n - 1) / (n - d)


def score(function):
    """Check ``function(D, h, A, b, c, U)``: recovered directions, and the share of latents on."""
    cases = []
    for seed, (n, d, latents, examples) in enumerate([(4, 3, 6, 10), (7, 5, 4, 3), (2, 4, 9, 6)]):
        sizes = [(n, d), (examples, d), (latents, d), (latents,), (d,), (latents, d)]
        D, h, A, b, c, U = (random_tensor(20 * seed + k, *s) for k, s in enumerate(sizes))
        cases.append((D, h, A, b - 0.3, c, 3 * U))
    return grade(
        function,
        cases,
        _by_loops,
        hint="The nearest row is searched for each true direction; the sign of a cosine counts.",
    )


def _by_loops(D, h, A, b, c, U):
    nearest = [max((t @ u / (t.norm() * u.norm())).item() for u in U) for t in D]
    on = [(a @ (one - c) + bias).item() > 0 for one in h for a, bias in zip(A, b, strict=True)]
    return torch.tensor(nearest, dtype=torch.float64).mean(), torch.tensor(on).double().mean()
