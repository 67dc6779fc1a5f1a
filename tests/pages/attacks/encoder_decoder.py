"""Realistic wrong answers to the exercises of "Encoder and decoder"."""

import torch

from bigmodel_utils import sequences
from bigmodel_utils.models import causal_mask

__all__ = ["ATTACKS"]


def _masks(source, target, *, inverted=False, causal=True, padding=True, swapped=False):
    s, t = source.shape[1], target.shape[1]
    real, own = (source != 0)[:, None], (target != 0)[:, None]
    if not padding:
        own = torch.ones_like(own)
    own = own & (causal_mask(t) if causal else torch.ones(t, t, dtype=torch.bool))
    cross = real.expand(-1, t, -1)
    found = [real.expand(-1, s, -1), own.expand(-1, t, -1), cross.mT if swapped else cross]
    return tuple(~mask for mask in found) if inverted else tuple(found)


def _causal_encoder(source, target):
    encoder, own, cross = _masks(source, target)
    return encoder & causal_mask(source.shape[1]), own, cross


def _queries_masked(source, target):
    encoder, own, cross = _masks(source, target)
    return encoder.mT, own, (target != 0)[:, :, None].expand_as(cross)


def _future(source, target):
    encoder, _, cross = _masks(source, target)
    return encoder, (target != 0)[:, None] & causal_mask(target.shape[1]).mT, cross


def _cross(x, memory, lengths, w_q, w_k, w_v, *, scale=None, fill=-torch.inf, axis=2, mask=True):
    q, k, v = x @ w_q, memory @ w_k, memory @ w_v
    real = sequences.mask(lengths, memory.shape[1])
    scores = q @ k.mT * (k.shape[2] ** -0.5 if scale is None else scale)
    if mask:
        scores = scores.masked_fill(~real[:, None], fill)
    return scores.softmax(axis) @ v


def _weights_masked_later(x, memory, lengths, w_q, w_k, w_v):
    q, k, v = x @ w_q, memory @ w_k, memory @ w_v
    real = sequences.mask(lengths, memory.shape[1])
    return ((q @ k.mT / k.shape[2] ** 0.5).softmax(2) * real[:, None]) @ v


def _without_maximum(x, memory, lengths, w_q, w_k, w_v):
    q, k, v = x @ w_q, memory @ w_k, memory @ w_v
    real = sequences.mask(lengths, memory.shape[1])
    powers = (q @ k.mT / k.shape[2] ** 0.5).exp() * real[:, None]
    return powers @ v / (powers.sum(2, keepdim=True) + 1e-12)


def _one_off(x, memory, lengths, *weights):
    return _cross(x, memory, (lengths - 1).clamp(min=1), *weights)


def _beam(scores, step, ended, width, *, ends=True, add=True, turn=False, word=0):
    if ends:
        step = step.clone()
        step[ended] = -torch.inf
        step[ended, word] = 0.0
    total = scores[:, None] + step if add else step
    best, place = total.flatten().topk(min(width, total.numel()))
    words = step.shape[1]
    rows, columns = place // words, place % words
    return (best, columns, rows) if turn else (best, rows, columns)


def _ended_is_dropped(scores, step, ended, width):
    step = step.masked_fill(ended[:, None], -1e9)
    return _beam(scores, step, ended, width, ends=False)


def _ended_keeps_all(scores, step, ended, width):
    step = torch.where(ended[:, None], 0.0, step)
    return _beam(scores, step, ended, width, ends=False)


def _beam_in_place(scores, step, ended, width):
    step[ended] = -torch.inf
    step[ended, 0] = 0.0
    return _beam(scores, step, ended, width, ends=False)


def _by_words_of_one(scores, step, ended, width):
    best, words = _beam(scores, step, ended, step.numel())[0][:width], step.shape[0]
    _, place = (scores[:, None] + step).flatten().topk(width)
    return best, place // words, place % words


def _truth(weights, places, lengths, *, renewed=True, sentences=False, off=0, all_words=False):
    real = sequences.mask(lengths, weights.shape[2])
    if renewed:
        weights = weights * real[:, None]
        weights = weights / weights.sum(2, keepdim=True)
    there = (places + off).clamp(0, weights.shape[2] - 1)
    found = weights.gather(2, there[:, :, None])[:, :, 0]
    counted = torch.ones_like(places, dtype=torch.bool) if all_words else places >= 0
    if sentences:
        return torch.stack([f[c].mean() for f, c in zip(found, counted, strict=True)]).mean()
    return found[counted].mean()


def _hits(weights, places, lengths):
    real = sequences.mask(lengths, weights.shape[2])
    best = weights.masked_fill(~real[:, None], 0).argmax(2)
    return (best == places)[places >= 0].to(weights.dtype).mean()


def _mean_of_all(memory, mask):
    return memory.mean(1, keepdim=True)


def _sum_over_all(memory, mask):
    return (memory * mask[:, 0, 0, :, None]).mean(1, keepdim=True)


def _sum(memory, mask):
    return (memory * mask[:, 0, 0, :, None]).sum(1, keepdim=True)


def _flat(memory, mask):
    real = mask[:, 0, 0, :, None]
    return (memory * real).sum(1) / real.sum(1)


def _last_row(memory, mask):
    last = mask[:, 0, 0].sum(1) - 1
    return memory[torch.arange(len(memory)), last][:, None]


def _by_features(memory, mask):
    real = mask[:, 0, 0, :, None]
    return (memory * real).sum(2, keepdim=True) / real.sum(1, keepdim=True)


ATTACKS = {
    "masks": {
        "inverted": lambda s, t: _masks(s, t, inverted=True),
        "not causal": lambda s, t: _masks(s, t, causal=False),
        "padding of the target": lambda s, t: _masks(s, t, padding=False),
        "cross transposed": lambda s, t: _masks(s, t, swapped=True),
        "causal encoder": _causal_encoder,
        "queries masked": _queries_masked,
        "the future": _future,
    },
    "cross_attention": {
        "no scale": lambda *a: _cross(*a, scale=1.0),
        "root of the width of x": lambda *a: _cross(*a, scale=a[0].shape[2] ** -0.5),
        "masked with 0": lambda *a: _cross(*a, fill=0.0),
        "softmax over the queries": lambda *a: _cross(*a, axis=1),
        "no mask": lambda *a: _cross(*a, mask=False),
        "masked after the softmax": _weights_masked_later,
        "no maximum": _without_maximum,
        "one off": _one_off,
    },
    "beam_step": {
        "ended go on": lambda *a: _beam(*a, ends=False),
        "scores forgotten": lambda *a: _beam(*a, add=False),
        "beginning and word exchanged": lambda *a: _beam(*a, turn=True),
        "padding is 1": lambda *a: _beam(*a, word=1),
        "ended are dropped": _ended_is_dropped,
        "ended keep all words": _ended_keeps_all,
        "changes its step": _beam_in_place,
        "wrong divisor": _by_words_of_one,
    },
    "weight_on_truth": {
        "padding kept": lambda *a: _truth(*a, renewed=False),
        "sentence by sentence": lambda *a: _truth(*a, sentences=True),
        "next word": lambda *a: _truth(*a, off=1),
        "padded targets count": lambda *a: _truth(*a, all_words=True),
        "hits, no weight": _hits,
    },
    "mean_memory": {
        "padding counts": _mean_of_all,
        "divided by all": _sum_over_all,
        "sum": _sum,
        "no axis": _flat,
        "last row": _last_row,
        "over the features": _by_features,
    },
}
