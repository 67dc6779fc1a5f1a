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


def _without_maximum(q, k, v, lengths):
    powers = (q @ k.mT / q.shape[-1] ** 0.5).exp() * _real(k, lengths)[:, None, None]
    return powers @ v / (powers.sum(-1, keepdim=True) + 1e-12)


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


def _longer(q, k, width, *, sign=-1, half=2, power=2, root=False, scaled=True, swap=False):
    ones = torch.ones_like(q[:, :1])
    norm = k.norm(dim=1, keepdim=True) if root else k.square().sum(1, keepdim=True)
    penalty = sign * norm / (half * width**power)
    q = q / width**power if scaled else q
    if swap:  # the penalty of the query, which cancels in the softmax
        penalty = sign * q.square().sum(1, keepdim=True) / (half * width**power)
        return torch.cat([q, penalty], 1), torch.cat([k, torch.ones_like(k[:, :1])], 1)
    return torch.cat([q, ones], 1), torch.cat([k, penalty], 1)


def _longer_in_place(q, k, width):
    q /= width**2
    return _longer(q, k, width, scaled=False)


def _feature_in_front_of_one(q, k, width):
    longer_q, longer_k = _longer(q, k, width)
    return longer_q.roll(1, 1), longer_k


def _layer(
    x, weight, bias, n, *, thirds=True, cut=True, back=True, wide=False, axis=-1, order="qkv"
):
    b, t, m = x.shape
    made = torch.nn.functional.linear(x, weight, bias)
    parts = made.chunk(3, 2) if thirds else made.view(b, t, m, 3).unbind(3)
    parts = dict(zip(order, parts, strict=True))
    q, k, v = (
        parts[name].unflatten(2, (n, -1)).transpose(1, 2)
        if cut
        else parts[name].reshape(b, n, t, -1)
        for name in "qkv"
    )
    scores = q @ k.mT / (m if wide else q.shape[-1]) ** 0.5
    out = scores.softmax(axis) @ v
    return out.transpose(1, 2).flatten(2) if back else out.reshape(b, t, m)


def _features_in_turn(x, weight, bias, n):
    # Every n-th feature makes a head.
    turn = torch.arange(x.shape[2]).view(-1, n).T.flatten()
    rows = torch.cat([part * x.shape[2] + turn for part in range(3)])
    return _layer(x, weight[rows], bias[rows], n)


def _layer_in_place(x, weight, bias, n):
    bias += 1e-3
    return _layer(x, weight, bias, n)


ATTACKS = {
    "lengthened": {
        "a column of zeros": lambda q, k, width: _longer(q, k, width, sign=0),
        "sign": lambda q, k, width: _longer(q, k, width, sign=1),
        "one half forgotten": lambda q, k, width: _longer(q, k, width, half=1),
        "width not squared": lambda q, k, width: _longer(q, k, width, power=1),
        "length, not its square": lambda q, k, width: _longer(q, k, width, root=True),
        "products not divided by the width": lambda q, k, width: _longer(q, k, width, scaled=False),
        "the query's length": lambda q, k, width: _longer(q, k, width, swap=True),
        "changes its queries": _longer_in_place,
        "columns that do not meet": _feature_in_front_of_one,
        "keys scaled to one length": lambda q, k, width: (
            torch.nn.functional.pad(q / width**2, (0, 1)),
            torch.nn.functional.pad(torch.nn.functional.normalize(k, dim=1), (0, 1)),
        ),
        "no new column": lambda q, k, width: (q / width**2, k),
        "constant": lambda q, k, width: (
            torch.ones(len(q), 1 + q.shape[1]).double(),
            torch.ones(len(k), 1 + k.shape[1]).double(),
        ),
        "keys and queries exchanged": lambda q, k, width: _longer(q, k, width)[::-1],
    },
    "padded_attention": {
        "NaN hidden in the output alone": lambda *x: _plain(*x).nan_to_num(),
        "exponentials without their maximum": _without_maximum,
        "no gradient": lambda *x: _padded(*x, shape=_keys).detach(),
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
    "repaired": {
        "as it was": lambda *a: _layer(*a, thirds=False, cut=False, back=False, wide=True, axis=-2),
        "every third feature": lambda *a: _layer(*a, thirds=False),
        "heads cut from positions": lambda *a: _layer(*a, cut=False, back=False),
        "heads cut from positions, then turned": lambda *a: _layer(*a, cut=False),
        "heads not brought back": lambda *a: _layer(*a, back=False),
        "scale of all heads together": lambda *a: _layer(*a, wide=True),
        "softmax over the queries": lambda *a: _layer(*a, axis=-2),
        "softmax over the heads": lambda *a: _layer(*a, axis=1),
        "k, q, v": lambda *a: _layer(*a, order="kqv"),
        "v, k, q": lambda *a: _layer(*a, order="vkq"),
        "one head": lambda x, weight, bias, n: _layer(x, weight, bias, 1),
        "bias forgotten": lambda x, weight, bias, n: _layer(x, weight, 0 * bias, n),
        "every n-th feature a head": _features_in_turn,
        "batch and positions exchanged": lambda x, *rest: _layer(
            x.transpose(0, 1), *rest
        ).transpose(0, 1),
        "changes the bias": _layer_in_place,
        "constant": lambda x, *rest: torch.zeros_like(x),
    },
}
