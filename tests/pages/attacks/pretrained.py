"""Realistic wrong answers to the exercises of "A real language model in our own code"."""

import math
from functools import partial

import torch

__all__ = ["ATTACKS"]


def _blocks(
    blocks, *, offset=8, swap=False, together=False, least=False, double=False, signed=False
):
    scale = blocks[:, :2].contiguous().view(torch.float16).float()
    low, high = blocks[:, 2:] & 15, blocks[:, 2:] >> 4
    if signed:
        low, high = ((c.int() + 8) % 16 for c in (low, high))
    if together:
        codes = torch.stack([low, high], dim=2).flatten(1)
    else:
        codes = torch.cat([high, low] if swap else [low, high], dim=1)
    codes = codes if least else codes.float() - offset
    return codes * scale + (scale if least else 0)


def _bytes_without_wrap(blocks):
    # 8 is taken from bytes without a sign: codes below it come out near 255.
    scale = blocks[:, :2].contiguous().view(torch.float16).float()
    codes = torch.cat([blocks[:, 2:] & 15, blocks[:, 2:] >> 4], dim=1)
    return scale * (codes - 8)


def _scale_as_bfloat16(blocks):
    scale = blocks[:, :2].contiguous().view(torch.bfloat16).float()
    codes = torch.cat([blocks[:, 2:] & 15, blocks[:, 2:] >> 4], dim=1)
    return scale * (codes.float() - 8)


def _the_way_back(weight, d_head):
    return weight.unflatten(0, (-1, d_head // 2, 2)).transpose(1, 2).flatten(0, 2)


def _over_all_rows(weight, d_head):
    return weight.unflatten(0, (2, -1)).transpose(0, 1).flatten(0, 1)


def _columns(weight, d_head):
    if weight.shape[1] % 2:
        return weight
    return weight.unflatten(1, (2, -1)).transpose(1, 2).flatten(1)


def _pairs_swapped(weight, d_head):
    rows = weight.unflatten(0, (-1, 2, d_head // 2)).flip(1)
    return rows.transpose(1, 2).flatten(0, 2)


def _not_flattened(weight, d_head):
    return weight.unflatten(0, (-1, 2, d_head // 2)).transpose(1, 2)


def _grouped(q, keys, values, *, other=False, scale=True, over=-1, root=True):
    n_kv = keys.shape[1]
    groups = q.unflatten(1, (-1, n_kv)).transpose(1, 2) if other else q.unflatten(1, (n_kv, -1))
    d = q.shape[-1]
    scores = groups @ keys.mT / ((d**0.5 if root else d) if scale else 1)
    out = scores.softmax(over) @ values
    return (out.transpose(1, 2) if other else out).flatten(1, 2)


def _copied(q, keys, values):
    keys, values = (x.repeat_interleave(q.shape[1] // x.shape[1], 1) for x in (keys, values))
    return ((q[:, :, None] @ keys.mT / q.shape[-1] ** 0.5).softmax(-1) @ values)[:, :, 0]


def _copied_by_index(q, keys, values):
    heads = [h * keys.shape[1] // q.shape[1] for h in range(q.shape[1])]
    keys, values = keys[:, heads], values[:, heads]
    return ((q[:, :, None] @ keys.mT / q.shape[-1] ** 0.5).softmax(-1) @ values)[:, :, 0]


def _first_head_for_all(q, keys, values):
    weights = (q @ keys[:, 0].mT / q.shape[-1] ** 0.5).softmax(-1)
    return weights @ values[:, 0]


def _excess(one, other, sizes, *, mean=False, nats=False, pooled=False, spread="error", sign=1):
    take = torch.mean if mean else torch.sum
    each = torch.stack(
        [
            (take(b) - take(a)) / (1 if nats else math.log(2))
            for a, b in zip(one, other, strict=True)
        ]
    )
    sizes = torch.tensor(sizes)
    ratios = sign * each / sizes
    middle = sign * each.sum() / sizes.sum() if pooled else ratios.mean()
    if spread == "population":
        return middle, ratios.std(correction=0) / len(sizes) ** 0.5
    if spread == "deviation":
        return middle, ratios.std()
    return middle, ratios.std() / len(sizes) ** 0.5


def _unpaired(one, other, sizes):
    sizes = torch.tensor(sizes)
    a, b = (torch.stack([x.sum() for x in model]) / math.log(2) / sizes for model in (one, other))
    error = ((a.var() + b.var()) / len(sizes)).sqrt()
    return b.mean() - a.mean(), error


def _copying(weights, tokens, *, first=False, ahead=1, every=False, transposed=False, drop=False):
    row, found = tokens.tolist(), []
    weights = weights.mT if transposed else weights
    for i, token in enumerate(row):
        before = [j for j in range(i) if row[j] == token]
        if drop:
            before = [j for j in before if j < i - 1]
        if before:
            j = (before[0] if first else before[-1]) + ahead
            found.append(weights[:, i, j])
        elif every:
            found.append(torch.zeros_like(weights[:, 0, 0]))
    return torch.stack(found).mean(0)


ATTACKS = {
    "dequantize_q4_0": {
        "no offset": partial(_blocks, offset=0),
        "offset of 7": partial(_blocks, offset=7),
        "halves exchanged": partial(_blocks, swap=True),
        "halves of a byte as neighbours": partial(_blocks, together=True),
        "a minimum as Q4_1's": partial(_blocks, least=True),
        "codes as signed integers": partial(_blocks, signed=True),
        "bytes that wrap around": _bytes_without_wrap,
        "the scale as bfloat16": _scale_as_bfloat16,
        "zeros": lambda blocks: torch.zeros(len(blocks), 32),
    },
    "to_neighbours": {
        "the other direction": _the_way_back,
        "all heads as one": _over_all_rows,
        "columns for rows": _columns,
        "second before first": _pairs_swapped,
        "shape left open": _not_flattened,
        "as it was": lambda weight, d_head: weight,
    },
    "grouped_step": {
        "head h reads h mod n_kv": partial(_grouped, other=True),
        "no scale": partial(_grouped, scale=False),
        "divided by d": partial(_grouped, root=False),
        "softmax over queries": partial(_grouped, over=-2),
        "copied keys": _copied,
        "copied by indexing": _copied_by_index,
        "the first head for all": _first_head_for_all,
        "zeros": lambda q, keys, values: torch.zeros_like(q),
    },
    "excess": {
        "means for sums": partial(_excess, mean=True),
        "nats for bits": partial(_excess, nats=True),
        "texts pooled": partial(_excess, pooled=True),
        "spread of a population": partial(_excess, spread="population"),
        "deviation for error": partial(_excess, spread="deviation"),
        "first less second": partial(_excess, sign=-1),
        "unpaired": _unpaired,
    },
    "copying_score": {
        "first occurrence": partial(_copying, first=True),
        "the occurrence itself": partial(_copying, ahead=0),
        "all places count": partial(_copying, every=True),
        "queries for keys": partial(_copying, transposed=True),
        "no place just before": partial(_copying, drop=True),
        "the place before": lambda weights, tokens: weights.diagonal(-1, 1, 2).mean(1),
    },
}
