"""Realistic wrong answers to the exercises of "Inside a real model"."""

import torch

__all__ = ["ATTACKS"]


def _exchange(out, donor, places, part):
    made = out.clone()
    made[:, places, part] = donor[:, places, part]
    return made


def _in_place(out, donor, head, d, places):
    out[:, places, head * d : head * d + d] = donor[:, places, head * d : head * d + d]
    return out


def _everywhere(out, donor, head, d, places):
    return _exchange(out, donor, slice(None), slice(head * d, head * d + d))


def _aligned_wrong(out, donor, head, d, places):
    made = out.clone()
    made[:, places, head * d : head * d + d] = donor[:, places, :d]
    return made


def _real(heads, lengths, first=1):
    places = torch.arange(heads.shape[1])
    return (places >= first) & (places < lengths[:, None])


def _mean_of_means(heads, lengths):
    real = _real(heads, lengths)
    return torch.stack([text[r].mean(0) for text, r in zip(heads, real, strict=True)]).mean(0)


def _slope(margin, at):
    h = at.clone().requires_grad_()
    return torch.autograd.grad(margin(h), h)[0]


def _exact(margin, own, donor):
    found = []
    for head in range(len(own)):
        other = own.clone()
        other[head] = donor[head]
        found.append(margin(other) - margin(own))
    return torch.stack(found)


def _chance(effects, circuit, blocks, *, one=1, least=min, inside=False, strict=False):
    weakest = least(effects[pair].item() for pair in circuit)
    controls = [
        effects[block, head].item()
        for block in blocks
        for head in range(effects.shape[1])
        if inside or (block, head) not in circuit
    ]
    as_much = sum(c > weakest if strict else c >= weakest for c in controls)
    return (one + as_much) / (one + len(controls))


def _blocks(circuit):
    return {block for block, _ in circuit}


ATTACKS = {
    "exchange_output": {
        "out itself is changed": _in_place,
        "at all places": _everywhere,
        "features interleaved": lambda out, donor, head, d, places: _exchange(
            out, donor, places, slice(head, None, out.shape[2] // d)
        ),
        "one feature": lambda out, donor, head, d, places: _exchange(
            out, donor, places, slice(head * d, head * d + 1)
        ),
        "all heads": lambda out, donor, head, d, places: _exchange(out, donor, places, slice(None)),
        "the donor's first head": _aligned_wrong,
    },
    "stand_in_for": {
        "the filling too": lambda heads, lengths: heads[:, 1:].mean((0, 1)),
        "the sink too": lambda heads, lengths: heads[_real(heads, lengths, 0)].mean(0),
        "a mean of means": _mean_of_means,
        "heads mixed": lambda heads, lengths: (
            heads[_real(heads, lengths)].mean((0, 1)).expand(heads.shape[2:])
        ),
        "divided by all tokens": lambda heads, lengths: (
            heads[_real(heads, lengths)].sum(0) / lengths.sum()
        ),
    },
    "estimate": {
        "the slope at the donor": lambda m, own, donor: ((donor - own) * _slope(m, donor)).sum(1),
        "the wrong way": lambda m, own, donor: ((own - donor) * _slope(m, own)).sum(1),
        "donor times slope": lambda m, own, donor: (donor * _slope(m, own)).sum(1),
        "lengths multiplied": lambda m, own, donor: (
            (donor - own).norm(dim=1) * _slope(m, own).norm(dim=1)
        ),
        "the exact effect": _exact,
        "summed over heads": lambda m, own, donor: ((donor - own) * _slope(m, own)).sum(0),
    },
    "chance": {
        "r / n": lambda e, c: _chance(e, c, _blocks(c), one=0),
        "all blocks": lambda e, c: _chance(e, c, range(len(e))),
        "the circuit among the controls": lambda e, c: _chance(e, c, _blocks(c), inside=True),
        "its strongest head": lambda e, c: _chance(e, c, _blocks(c), least=max),
        "ties count nothing": lambda e, c: _chance(e, c, _blocks(c), strict=True),
        "one control too few": lambda e, c: (
            _chance(e, c, _blocks(c)) * 2 - 1 / (1 + e.shape[1] * len(_blocks(c)) - len(c))
        ),
    },
}
