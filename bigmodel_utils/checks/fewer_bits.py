"""Checkers of the exercises on the page "Fewer bits, fewer steps"."""

from bigmodel_utils.checks import grade, random_tensor

__all__ = ["best_length", "best_scale", "fastest", "four_bit_layer", "step_of_tokens"]


def best_scale(function):
    """Check ``function(row, n, scales)``: the scale with the least squared error."""
    cases = []
    for seed, (m, n) in enumerate([(40, 1), (64, 3), (300, 7), (17, 7), (500, 1)]):
        row = random_tensor(seed, m)
        if seed == 3:
            row[5] = -6.0  # one far outside
        if seed == 2:
            row = -row.abs()
        top = row.abs().max().item() / n
        cases.append((row, n, [top * part / 20 for part in range(26, 2, -1)]))
    cases.append((random_tensor(9, 8), 2, [50.0, 80.0, 60.0]))  # all become 0: equals
    return grade(
        function,
        cases,
        _scale_by_loops,
        hint="For each scale, round to the nearest code from -n to n, multiply back, and add up "
        "the squared differences.",
    )


def _scale_by_loops(row, n, scales):
    best = None
    for s in scales:
        total = sum(min((w - s * c) ** 2 for c in range(-n, n + 1)) for w in row.tolist())
        if best is None or total < best[0]:
            best = total, s
    return best[1]


def four_bit_layer(function):
    """Check ``function(x, bytes_, scale)``: outputs of a layer with packed codes."""
    import torch

    cases = []
    for seed, (b, o, m, groups) in enumerate([(2, 3, 8, 2), (1, 5, 12, 3), (4, 2, 6, 1)]):
        draw = torch.Generator().manual_seed(seed)
        stored = torch.randint(0, 256, (o, m // 2), generator=draw).to(torch.uint8)
        scale = random_tensor(seed + 10, o, groups).abs() + 0.1
        cases.append((random_tensor(seed, b, m), stored, scale))
    return grade(
        function,
        cases,
        _layer_by_loops,
        hint="Column 2j is byte j & 15, column 2j + 1 is byte j >> 4, both less 8. Column i has "
        "the scale of group i // (m / groups).",
    )


def _layer_by_loops(x, stored, scale):
    b, m = x.shape
    size, y = m // scale.shape[1], x.new_zeros(b, len(stored))
    for o, row in enumerate(stored.tolist()):
        for i in range(m):
            code = (row[i // 2] // 16 if i % 2 else row[i // 2] % 16) - 8
            y[:, o] += code * scale[o, i // size] * x[:, i]
    return y


def fastest(function):
    """Check ``function(b, M, B, formats)``: the name of the fastest format."""
    formats = {"float32": (32, 60e9), "bfloat16": (16, 150e9), "four": (4.5, 80e9)}
    more = {"three": (3.5, 9e9), **formats, "eight": (8, 75e9)}
    slow = {"wide": (16, 1e9), "narrow": (4, 1e9), "eight": (8, 1e9)}
    cases = [(b, 10**8, 10e9, formats) for b in (1, 9, 40)]
    cases += [(b, 5 * 10**7, 20e9, more) for b in (1, 2, 11, 30)]
    cases += [(2000, 10**6, 5e9, slow), (1, 10**6, 5e9, slow)]
    return grade(
        function,
        cases,
        _fastest_by_bytes,
        hint="A step takes the longer of its bytes over B and its 2 b M FLOPs over the kernel's "
        "own rate.",
    )


def _fastest_by_bytes(b, M, B, formats):
    best = None
    for name, (bits, rate) in formats.items():
        moving, multiplying = M * bits / (8 * B), b * M / (rate / 2)
        took = moving if moving > multiplying else multiplying
        if best is None or (took, bits) < best[:2]:
            best = took, bits, name
    return best[2]


def step_of_tokens(function):
    """Check ``function(p, q, guesses, u, last)``: the tokens of a step."""
    import torch

    cases = []
    for seed, (k, v) in enumerate(
        [(3, 5), (4, 3), (2, 7), (5, 4), (1, 6), (3, 3), (4, 5), (2, 12), (1, 15), (2, 9)]
    ):
        p, q = (2 * random_tensor(seed, 2, k + 1, v)).softmax(-1)
        draw = torch.Generator().manual_seed(seed)
        u = torch.rand(k + 1, generator=draw, dtype=torch.float64)
        if seed in (3, 5):
            u[:k] *= 0.001  # all are accepted
        guesses = torch.multinomial(q[:k], 1, generator=draw)[:, 0].tolist()
        if seed == 6:
            p[1] = q[1]
        cases.append((p, q[:k], guesses, u[:k].tolist(), u[k].item()))
    return grade(
        function,
        cases,
        _step_by_loops,
        hint="Guess i is compared with row i of p and q. After the first one that is turned down, "
        "its residual gives the last token; after none, the last row of p.",
    )


def _step_by_loops(p, q, guesses, u, last):
    tokens, p, q = [], p.tolist(), q.tolist()
    rest = p[len(guesses)]
    for i, guess in enumerate(guesses):
        if not u[i] * q[i][guess] < p[i][guess]:
            over = [max(0.0, a - b) for a, b in zip(p[i], q[i], strict=True)]
            rest = [value / sum(over) for value in over]
            break
        tokens.append(guess)
    total = 0.0
    for token, value in enumerate(rest):
        total += value
        if total > last:
            return [*tokens, token]
    raise AssertionError("the chances add up to 1")


def best_length(function):
    """Check ``function(rates, cost)``: the number of guesses with the most tokens a second."""
    cases = [
        ([0.9, 0.8, 0.7, 0.6], 0.1),
        ([0.5, 0.9, 0.95, 0.9], 0.45),
        ([0.4, 0.99, 0.99, 0.99, 0.99], 0.31),  # a bad first one
        ([0.8] * 12, 0.05),
        ([0.2, 0.1], 0.3),  # none
        ([0.9, 0.0, 0.9], 0.0),  # equals
        ([1.0] * 5, 0.9),
        ([0.7, 0.6, 0.5, 0.4], 0.2),
    ]
    return grade(
        function,
        cases,
        _length_by_chances,
        hint="With k guesses a step gives 1 + rates[0] + rates[0] rates[1] + ... tokens, with k "
        "products in all, and takes 1 + k cost.",
    )


def _length_by_chances(rates, cost):
    def tokens(k):  # backwards: what the first of the remaining guesses is worth
        worth = 1.0
        for rate in reversed(rates[:k]):
            worth = 1.0 + rate * worth
        return worth

    speeds = [tokens(k) / (1 + k * cost) for k in range(len(rates) + 1)]
    best = max(speeds)
    return next(k for k, speed in enumerate(speeds) if speed > best - 1e-12)
