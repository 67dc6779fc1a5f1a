"""Realistic wrong answers to the exercises of "Scale and order"."""

import torch

__all__ = ["ATTACKS"]


def _moments(q, k):
    return (q.T @ q / len(q) * (k.T @ k / len(k))).sum()


def _centred(x):
    return x - x.mean(0)


def _diagonal(q, k):
    return ((q**2).mean(0) * (k**2).mean(0)).sum() - (q.mean(0) @ k.mean(0)) ** 2


def _of_sums(q, k):
    return _moments(q, k) - (q.mean(0) @ k.mean(0)) ** 2


def _trace(scores, tau, mask, *, power=1, heated=True, fill=-torch.inf, empty=True, axis=-1):
    a = (scores / tau if heated else scores).masked_fill(~mask, fill)
    p = a.softmax(axis)
    p = torch.where(mask.any(axis, keepdim=True), p, 0)
    trace = (1 - p.square().sum(axis)) / tau**power
    return trace.where(mask.any(axis), 0) if empty else trace


def _entropy(scores, tau, mask):
    p = (scores / tau).masked_fill(~mask, -torch.inf).softmax(-1)
    entropy = -torch.special.xlogy(p, p).sum(-1)
    return entropy.where(mask.any(-1), 0)


def _in_place(scores, tau, mask):
    scores /= tau
    return _trace(scores, 1.0, mask) / tau


def _gathered(out, order):
    return out.gather(1, order[:, :, None].expand_as(out))


def _first_order_for_all(out, order):
    return out[:, order[0].argsort()]


def _twice(out, order):
    return _gathered(out, order.argsort(1).argsort(1))


def _over_features(out, order):
    return out.gather(2, order.argsort(1)[:, :, None].expand_as(out) % out.shape[2])


def _scattered_in_place(out, order):
    out[:] = out.scatter(1, order[:, :, None].expand_as(out), out.clone())
    return out


def _biased(
    q, k, v, bias, *, sign=1, shift=0, scaled=False, mirrored=False, causal=False, after=False
):
    t, d = q.shape[1:]
    place = torch.arange(t)
    distance = sign * (place - place[:, None])
    picked = bias[(distance + t - 1 + shift).clamp(0, 2 * t - 2)]
    if mirrored:
        picked = bias[distance.abs() + t - 1]
    scores = q @ k.mT / d**0.5
    if causal:
        scores = scores.masked_fill(distance > 0, -torch.inf)
    if after:  # added to the weights
        return (scores.softmax(-1) + picked) @ v
    scores = (q @ k.mT + picked) / d**0.5 if scaled else scores + picked
    return scores.softmax(-1) @ v


def _by_key(q, k, v, bias):
    t, d = q.shape[1:]
    return (q @ k.mT / d**0.5 + bias[:t]).softmax(-1) @ v


ATTACKS = {
    "divisor": {
        "root of d": lambda q, k: q.new_tensor(q.shape[1] ** 0.5),
        "variance": _of_sums,
        "means forgotten": lambda q, k: _moments(q, k).sqrt(),
        "centred first": lambda q, k: _moments(_centred(q), _centred(k)).sqrt(),
        "diagonal only": lambda q, k: _diagonal(q, k).abs().sqrt(),
        "trace of one": lambda q, k: (_centred(q).T @ _centred(q) / len(q)).trace().sqrt(),
        "the forbidden deviation of all scores": lambda q, k: (q @ k.T).std(correction=0),
        "its variance": lambda q, k: (q @ k.T).var(correction=0).sqrt(),
        "unbiased": lambda q, k: (q @ k.T).std(),
        "rows paired": lambda q, k: (q[: len(k)] * k[: len(q)]).sum(1).std(correction=0),
        "product of deviations": lambda q, k: (
            (q.var(0, correction=0) * k.var(0, correction=0)).sum().sqrt()
        ),
        "mean square of the mean forgotten": lambda q, k: (
            (_moments(q, k) - q.mean(0) @ k.mean(0)).abs().sqrt()
        ),
        "divided by d": lambda q, k: (_of_sums(q, k) / q.shape[1]).sqrt(),
    },
    "let_through": {
        "divisor tau forgotten": lambda *a: _trace(*a, power=0),
        "divided twice": lambda *a: _trace(*a, power=2),
        "softmax without the temperature": lambda *a: _trace(*a, heated=False),
        "mask forgotten": lambda scores, tau, mask: _trace(scores, tau, torch.ones_like(mask)),
        "mask inverted": lambda scores, tau, mask: _trace(scores, tau, ~mask),
        "scores of masked keys set to 0": lambda *a: _trace(*a, fill=0.0),
        "a query that sees nothing has trace 1 / tau": lambda *a: _trace(*a, empty=False),
        "softmax over the queries": lambda *a: _trace(*a, axis=1),
        "sum of squares": lambda scores, tau, mask: 1 / tau - _trace(scores, tau, mask),
        "largest weight": lambda scores, tau, mask: (
            1 - (scores / tau).masked_fill(~mask, -1e9).softmax(-1).amax(-1)
        ),
        "entropy": _entropy,
        "not a number where nothing is seen": lambda scores, tau, mask: (
            (1 - (scores / tau).masked_fill(~mask, -torch.inf).softmax(-1).square().sum(-1)) / tau
        ),
        "mean over the queries": lambda *a: _trace(*a).mean(1, keepdim=True),
        "changes its scores": _in_place,
        "constant": lambda scores, tau, mask: torch.zeros(scores.shape[:2]).double(),
    },
    "put_back": {
        "the order once more": _gathered,
        "the first order for all": _first_order_for_all,
        "inverted twice": _twice,
        "along the features": _over_features,
        "left as it is": lambda out, order: out.clone(),
        "reversed": lambda out, order: out.flip(1),
        "sorted by value": lambda out, order: out.sort(1).values,
        "batch and tokens exchanged": lambda out, order: _gathered(out, order.argsort(1)).mT,
        "in place": _scattered_in_place,
        "constant": lambda out, order: torch.zeros_like(out),
    },
    "attention_by_distance": {
        "distance i - j": lambda *a: _biased(*a, sign=-1),
        "off by one": lambda *a: _biased(*a, shift=1),
        "divided with the scores": lambda *a: _biased(*a, scaled=True),
        "distance without a sign": lambda *a: _biased(*a, mirrored=True),
        "causal": lambda *a: _biased(*a, causal=True),
        "added to the weights": lambda *a: _biased(*a, after=True),
        "a bias for each key": _by_key,
        "bias forgotten": lambda q, k, v, bias: _biased(q, k, v, 0 * bias),
        "no scale": lambda q, k, v, bias: _biased(q * q.shape[2] ** 0.5, k, v, bias),
        "queries and keys exchanged": lambda q, k, v, bias: _biased(k, q, v, bias),
        "bias reversed": lambda q, k, v, bias: _biased(q, k, v, bias.flip(0)),
        "softmax over the queries": lambda q, k, v, bias: (
            (q @ k.mT / q.shape[2] ** 0.5).softmax(1) @ v
        ),
        "changes the bias": lambda q, k, v, bias: _biased(q, k, v, bias.sub_(bias.mean())),
        "constant": lambda q, k, v, bias: torch.zeros_like(v),
    },
}
