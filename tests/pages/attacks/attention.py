"""Realistic wrong answers to the exercises of "Attention"."""

import torch

__all__ = ["ATTACKS"]


def _softmax(scores, mask=None, *, fill=-torch.inf):
    if mask is None:
        return scores.softmax(-1)
    weights = scores.masked_fill(~mask, fill).softmax(-1)
    return torch.where(mask.any(-1, keepdim=True), weights, 0) if fill == -torch.inf else weights


def _attend(q, k, v, mask=None, *, scale=None, fill=-torch.inf):
    scale = q.shape[-1] ** -0.5 if scale is None else scale
    return _softmax(q @ k.mT * scale, mask, fill=fill) @ v


def _real(k, lengths):
    return torch.arange(k.shape[2]) < lengths[:, None]  # (b, s)


def _padded(q, k, v, lengths, *, shape, inverted=False, inclusive=False, **options):
    real = torch.arange(k.shape[2]) <= lengths[:, None] if inclusive else _real(k, lengths)
    return _attend(q, k, v, real.view(shape(*real.shape)) ^ inverted, **options)


def _keys(b, s):
    return b, 1, 1, s


def _plain(q, k, v, lengths):
    return torch.softmax((q @ k.mT / q.shape[-1] ** 0.5).masked_fill(
        ~_real(k, lengths)[:, None, None], -torch.inf), -1) @ v  # fmt: skip


def _zero_scores(q, k, v, lengths):
    scores = (q @ k.mT / q.shape[-1] ** 0.5) * _real(k, lengths)[:, None, None]
    return scores.softmax(-1) @ v


def _zero_weights(q, k, v, lengths):
    return (_softmax(q @ k.mT / q.shape[-1] ** 0.5) * _real(k, lengths)[:, None, None]) @ v


def _queries_hidden(q, k, v, lengths):
    real = torch.arange(q.shape[2]) < lengths[:, None]
    return _attend(q, k, v) * real[:, None, :, None]


def _first_length_for_all(q, k, v, lengths):
    return _padded(q, k, v, lengths[:1].expand(len(lengths)), shape=_keys)


def _mask_without_axes(q, k, v, lengths):
    return _attend(q, k, v, _real(k, lengths))


def _window(t, s, window, *, own=0, aligned=True, ahead=0, back=0, both=False):
    position = torch.arange(t)[:, None] + (s - t if aligned else 0) + own
    key = torch.arange(s)
    if both:
        return (key - position).abs() < window
    return (key <= position + ahead) & (key > position - window - back)


def _grouped(q, k, v, *, how="block", scale=None):
    group = q.shape[1] // k.shape[1]
    if how == "interleaved":  # head h reads h % m
        k, v = k.repeat(1, group, 1, 1), v.repeat(1, group, 1, 1)
    elif how == "first":
        k, v = k[:, :1], v[:, :1]
    elif how == "values apart":
        k, v = k.repeat_interleave(group, 1), v.repeat(1, group, 1, 1)
    elif how == "mean of keys":
        k, v = k.mean(1, keepdim=True), v.mean(1, keepdim=True)
    else:
        k, v = k.repeat_interleave(group, 1), v.repeat_interleave(group, 1)
    return _attend(q, k, v, scale=scale)


def _mean_of_queries(q, k, v):
    b, n, t, d = q.shape
    m = k.shape[1]
    return _attend(q.view(b, m, n // m, t, d).mean(2), k, v)


def _group_of_outputs(q, k, v):
    return _mean_of_queries(q, k, v).repeat_interleave(q.shape[1] // k.shape[1], 1)


def _unflattened(q, k, v):
    b, n, t, d = q.shape
    m = k.shape[1]
    return _attend(q.view(b, m, n // m, t, d), k[:, :, None], v[:, :, None])


def _wrong_reshape(q, k, v):
    b, n, t, d = q.shape
    m = k.shape[1]
    out = _attend(q.reshape(b, n // m, m, t, d), k[:, None], v[:, None])
    return out.reshape(b, n, t, -1)


def _joint_softmax(q, k, v):
    group = q.shape[1] // k.shape[1]
    k, v = k.repeat_interleave(group, 1), v.repeat_interleave(group, 1)
    scores = q @ k.mT / q.shape[-1] ** 0.5
    b, n, t, s = scores.shape
    weights = scores.transpose(1, 2).reshape(b, t, n * s).softmax(-1)
    return weights.view(b, t, n, s).transpose(1, 2) @ v


def _moments(q, k):
    return (q.T @ q / len(q) * (k.T @ k / len(k))).sum()


def _centred(x):
    return x - x.mean(0)


def _diagonal(q, k):
    return ((q**2).mean(0) * (k**2).mean(0)).sum() - (q.mean(0) @ k.mean(0)) ** 2


def _of_sums(q, k):
    return _moments(q, k) - (q.mean(0) @ k.mean(0)) ** 2


ATTACKS = {
    "padded_attention": {
        "no mask": lambda q, k, v, lengths: _attend(q, k, v),
        "empty rows are nan": _plain,
        "scores of padding set to 0": _zero_scores,
        "weights set to 0 after the softmax": _zero_weights,
        "large number in place of minus infinity": lambda *x: _padded(*x, shape=_keys, fill=-1e9),
        "mask inverted": lambda *x: _padded(*x, shape=_keys, inverted=True),
        "one key too many": lambda *x: _padded(*x, shape=_keys, inclusive=True),
        "mask over the queries": _queries_hidden,
        "mask (1, b, 1, s): sequences taken for heads": lambda *x: _padded(
            *x, shape=lambda b, s: (1, b, 1, s)
        ),
        "mask (1, 1, b, s): sequences taken for queries": _mask_without_axes,
        "first length for all": _first_length_for_all,
        "no scale": lambda *x: _padded(*x, shape=_keys, scale=1.0),
        "scale by d": lambda q, *x: _padded(q, *x, shape=_keys, scale=1 / q.shape[-1]),
    },
    "sliding_window_mask": {
        "one key too few": lambda t, s, w: _window(t, s, w, back=-1),
        "one key too many": lambda t, s, w: _window(t, s, w, back=1),
        "without its own key": lambda t, s, w: _window(t, s, w, own=-1),
        "aligned at the first key": lambda t, s, w: _window(t, s, w, aligned=False),
        "sees the future": lambda t, s, w: _window(t, s, w, ahead=1),
        "both sides": lambda t, s, w: _window(t, s, w, both=True),
        "causal without a window": lambda t, s, w: _window(t, s, s),
        "transposed": lambda t, s, w: _window(s, s, w).T[s - t :],
        "inverted": lambda t, s, w: ~_window(t, s, w),
        "numbers, not booleans": lambda t, s, w: _window(t, s, w).double(),
        "additive": lambda t, s, w: torch.zeros(t, s).masked_fill(~_window(t, s, w), -1e9),
    },
    "grouped_query_attention": {
        "head h reads h % m": lambda *x: _grouped(*x, how="interleaved"),
        "all read the first": lambda *x: _grouped(*x, how="first"),
        "keys by groups, values in turn": lambda *x: _grouped(*x, how="values apart"),
        "mean of keys and values": lambda *x: _grouped(*x, how="mean of keys"),
        "mean of the queries of a group": _mean_of_queries,
        "one output for a group": _group_of_outputs,
        "groups left as an axis": _unflattened,
        "groups and heads exchanged": _wrong_reshape,
        "softmax over all heads at once": _joint_softmax,
        "no scale": lambda *x: _grouped(*x, scale=1.0),
        "scale of all heads together": lambda q, *x: _grouped(
            q, *x, scale=(q.shape[1] * q.shape[-1]) ** -0.5
        ),
        "scale by the number of keys": lambda q, k, v: _grouped(q, k, v, scale=k.shape[2] ** -0.5),
    },
    "divisor": {
        "root of d": lambda q, k: q.new_tensor(q.shape[1] ** 0.5),
        "variance": _of_sums,
        "means forgotten": lambda q, k: _moments(q, k).sqrt(),
        "centred first": lambda q, k: _moments(_centred(q), _centred(k)).sqrt(),
        "diagonal only": lambda q, k: _diagonal(q, k).abs().sqrt(),
        "trace of one": lambda q, k: (_centred(q).T @ _centred(q) / len(q)).trace().sqrt(),
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
}
