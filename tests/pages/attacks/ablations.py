"""Realistic wrong answers to the exercises of "What each part is worth"."""

import torch

__all__ = ["ATTACKS"]


def _effect(a, b, *, correction=1, root=True, sign=1, paired=True):
    difference = sign * (a - b)
    spread = difference.var(correction=correction)
    if not paired:
        spread = a.var() + b.var()
    error = spread.sqrt() / (len(a) ** 0.5 if root else 1)
    return difference.mean().item(), error.item()


def _order(names, numbers, asked, *, how="most"):
    found = [n for name, n in zip(names, numbers, strict=True) if name == asked]
    if how == "any name":
        found = list(numbers)
    if how == "first":
        return found.count(found[0]) / len(found)
    if how == "distinct":
        return 1 / len(set(found))
    if how == "one of all":
        return 1 / len(found)
    if how == "alone":
        return float(len(found) == 1)
    if how == "of all cards":
        return max(found.count(n) for n in found) / len(names)
    return max(found.count(n) for n in found) / len(found)


def _apart(o, m, *, rounded=True, turned=False, bits=False, linear=False):
    if linear:
        return o.sign()[:, None].expand(-1, m).contiguous()
    number = (o + 1) * (2**m - 1) / 2
    number = (number.round() if rounded else number).long()
    places = torch.arange(m) if turned else torch.arange(m - 1, -1, -1)
    found = (number[:, None] >> places & 1).double()
    return found if bits else 2 * found - 1


def _greedy(o, m):
    # Subtracts the weights without rescaling them to sum 1.
    out = torch.empty(len(o), m, dtype=torch.float64)
    for i in range(m):
        out[:, i] = torch.where(o >= 0, 1.0, -1.0)
        o = o - out[:, i] * 2.0 ** -(i + 1)
    return out


def _ahead(model, tokens, vocab_size, *, places, seen, same=False, single=False):
    before = model(tokens)
    t = tokens.shape[1]
    for place in places(t):
        changed = tokens.clone()
        if single:
            changed[:, place] = 0
        else:
            changed[:, place] = (changed[:, place] + (0 if same else 1)) % vocab_size
        rows = seen(place)
        if not torch.allclose(model(changed)[:, rows], before[:, rows]):
            return True
    return False


ATTACKS = {
    "paired_effect": {
        "divides by n": lambda a, b: _effect(a, b, correction=0),
        "standard deviation for error": lambda a, b: _effect(a, b, root=False),
        "sign turned": lambda a, b: _effect(a, b, sign=-1),
        "not paired": lambda a, b: _effect(a, b, paired=False),
        "medians": lambda a, b: ((a - b).median().item(), _effect(a, b)[1]),
        "constant": lambda a, b: (0.0, 1.0),
    },
    "best_without_order": {
        "the first card": lambda *a: _order(*a, how="first"),
        "each number equally likely": lambda *a: _order(*a, how="distinct"),
        "each card different": lambda *a: _order(*a, how="one of all"),
        "right only if there is one card": lambda *a: _order(*a, how="alone"),
        "cards of all names": lambda *a: _order(*a, how="any name"),
        "over all cards": lambda *a: _order(*a, how="of all cards"),
        "with order": lambda *a: 1.0,
    },
    "take_apart": {
        "not rounded": lambda o, m: _apart(o, m, rounded=False),
        "smallest weight first": lambda o, m: _apart(o, m, turned=True),
        "bits": lambda o, m: _apart(o, m, bits=True),
        "the sign for all": lambda o, m: _apart(o, m, linear=True),
        "weights of halves, not of sum 1": _greedy,
        "constant": lambda o, m: torch.ones(len(o), m).double(),
    },
    "looks_ahead": {
        "changes the last token alone": lambda *a: _ahead(
            *a, places=lambda t: [t - 1], seen=lambda p: slice(0, p)
        ),
        "changes the second token alone": lambda *a: _ahead(
            *a, places=lambda t: [1], seen=lambda p: slice(0, p)
        ),
        "compares the place itself": lambda *a: _ahead(
            *a, places=lambda t: range(1, t), seen=lambda p: slice(0, p + 1)
        ),
        "compares the place before alone": lambda *a: _ahead(
            *a, places=lambda t: range(1, t), seen=lambda p: slice(p - 1, p)
        ),
        "compares what comes after": lambda *a: _ahead(
            *a, places=lambda t: range(1, t), seen=lambda p: slice(p, None)
        ),
        "changes nothing": lambda *a: _ahead(
            *a, places=lambda t: range(1, t), seen=lambda p: slice(0, p), same=True
        ),
        "always": lambda *a: True,
        "never": lambda *a: False,
    },
}
