"""Realistic wrong answers to the exercises of "Fewer bits, fewer steps"."""

import torch

__all__ = ["ATTACKS"]


def _scale(row, n, scales, *, clip=True, power=2, last=False, floor=False, low=None, mean=False):
    errors = []
    for s in scales:
        codes = (row / s).floor() if floor else (row / s).round()
        if clip:
            codes = codes.clamp(-n if low is None else -n + low, n)
        error = (row - s * codes).abs().pow(power)
        errors.append((error.mean() / s**2 if mean else error.sum()).item())
    best = min(errors)
    places = [i for i, error in enumerate(errors) if error == best]
    return scales[places[-1 if last else 0]]


def _layer(
    x, stored, scale, *, swap=False, shift=8, halves=False, groups="neighbours", turned=False,
    signed=False,
):  # fmt: skip
    low, high = (stored & 15).to(x.dtype), (stored >> 4).to(x.dtype)
    if signed:
        low, high = (torch.where(part > 7, part - 16, part) for part in (low, high))
        shift = 0
    pair = (high, low) if swap else (low, high)
    codes = torch.cat(pair, dim=1) if halves else torch.stack(pair, dim=2).flatten(1)
    size = codes.shape[1] // scale.shape[1]
    if groups == "neighbours":
        wide = scale.repeat_interleave(size, dim=1)
    elif groups == "strided":
        wide = scale.repeat(1, size)
    else:
        wide = scale.mean(1, keepdim=True)
    y = x @ ((codes - shift) * wide).T
    return y.T if turned else y


def _fast(b, M, B, formats, *, both="longer", rate=True, pairs=2, rows=True, ties=True, bits=8):
    def order(name):
        width, P = formats[name]
        P = P if rate else max(p for _, p in formats.values())
        moving = width / bits * M / B
        work = pairs * (b if rows else 1) * M / P
        took = {"longer": max, "shorter": min, "sum": lambda x, y: x + y}[both](moving, work)
        return took, (width if ties else -width)

    return min(formats, key=order)


def _step(
    p, q, guesses, u, last, *, rest="residual", go_on=False, bonus=True, turned=False, flip=False,
    scaled=True, keep=False,
):  # fmt: skip
    tokens, final = [], p[-1]
    for i, guess in enumerate(guesses):
        chance = q[i, guess] / p[i, guess] if turned else p[i, guess] / q[i, guess]
        if (u[i] < chance) if flip else (u[i] >= chance):
            left = (p[i] - q[i]).clamp(min=0)
            final = {"residual": left / left.sum() if scaled else left, "p": p[i], "q": q[i],
                     "size": (p[i] - q[i]).abs() / (p[i] - q[i]).abs().sum()}[rest]  # fmt: skip
            if keep:
                tokens.append(guess)
            if not go_on:
                break
            continue
        tokens.append(guess)
    if not bonus and len(tokens) == len(guesses):
        return tokens
    return [*tokens, int((final.cumsum(0) > last).int().argmax())]


def _length(rates, cost, *, first=False, free=False, base=1.0, last=False, own=False):
    tokens, chance, speeds = base, 1.0, [base]
    for k, rate in enumerate(rates, start=1):
        chance = rates[0] ** k if first else rate if own else chance * rate
        tokens += chance
        speeds.append(tokens / (1 if free else 1 + k * cost))
    best = max(speeds)
    places = [k for k, speed in enumerate(speeds) if speed == best]
    return places[-1 if last else 0]


def _with(function, **options):
    return lambda *arguments: function(*arguments, **options)


ATTACKS = {
    "best_scale": {
        "no clipping": _with(_scale, clip=False),
        "the largest weight's": lambda row, n, scales: row.abs().max().item() / n,
        "sizes, not squares": _with(_scale, power=1),
        "the last of equals": _with(_scale, last=True),
        "rounded down": _with(_scale, floor=True),
        "a code too few": _with(_scale, low=1),
        "relative to the step": _with(_scale, mean=True),
        "the first": lambda row, n, scales: scales[0],
    },
    "four_bit_layer": {
        "halves swapped": _with(_layer, swap=True),
        "halves side by side": _with(_layer, halves=True),
        "codes from 0": _with(_layer, shift=0),
        "less 7": _with(_layer, shift=7),
        "two's complement": _with(_layer, signed=True),
        "scales strided": _with(_layer, groups="strided"),
        "one scale a row": _with(_layer, groups="mean"),
        "turned over": _with(_layer, turned=True),
    },
    "fastest": {
        "bytes alone": _with(_fast, pairs=0),
        "the shorter time": _with(_fast, both="shorter"),
        "both times added": _with(_fast, both="sum"),
        "one rate for all": _with(_fast, rate=False),
        "one row": _with(_fast, rows=False),
        "bits as bytes": _with(_fast, bits=1),
        "the wider of equals": _with(_fast, ties=False),
        "the fewest bits": lambda b, M, B, formats: min(formats, key=lambda n: formats[n][0]),
        "the best kernel": lambda b, M, B, formats: max(formats, key=lambda n: formats[n][1]),
    },
    "step_of_tokens": {
        "replaced from p": _with(_step, rest="p"),
        "replaced from q": _with(_step, rest="q"),
        "both signs in the residual": _with(_step, rest="size"),
        "the residual not scaled": _with(_step, scaled=False),
        "goes on after a no": _with(_step, go_on=True),
        "no token for nothing": _with(_step, bonus=False),
        "q over p": _with(_step, turned=True),
        "yes and no exchanged": _with(_step, flip=True),
        "the wrong guess kept": _with(_step, keep=True),
        "the guesses": lambda p, q, guesses, u, last: list(guesses),
    },
    "best_length": {
        "the first rate for all": _with(_length, first=True),
        "rates not multiplied": _with(_length, own=True),
        "guesses cost nothing": _with(_length, free=True),
        "without the model's token": _with(_length, base=0.0),
        "the last of equals": _with(_length, last=True),
        "all": lambda rates, cost: len(rates),
    },
}
