"""Realistic wrong answers to the exercises of "The Transformer"."""

import torch

__all__ = ["ATTACKS"]


def _split(in_proj, out_proj, n, *, turn=True, turn_out=True, interleaved=False, qkv="qkv"):
    parts = dict(zip("qkv", in_proj.chunk(3), strict=True))
    if interleaved:  # (head, q/k/v) instead of (q/k/v, head)
        cut = in_proj.unflatten(0, (n, 3, -1))
        parts = {name: cut[:, k].flatten(0, 1) for k, name in enumerate("qkv")}
    heads = []
    for name in qkv:
        part = parts[name].unflatten(0, (n, -1))
        heads.append(part.transpose(1, 2) if turn else part.reshape(n, -1, part.shape[1]))
    out = out_proj.T if turn_out else out_proj
    return *heads, out.unflatten(0, (n, -1))


def _columns(in_proj, out_proj, n):
    # Heads cut from the columns, not from the rows.
    parts = [p.unflatten(1, (n, -1)).transpose(0, 1) for p in in_proj.chunk(3)]
    return *parts, out_proj.T.unflatten(0, (n, -1))


def _by_view(in_proj, out_proj, n):
    # A reshape that has the right shape and mixes rows with columns.
    d = out_proj.shape[0]
    return *(p.reshape(n, d, -1) for p in in_proj.chunk(3)), out_proj.T.unflatten(0, (n, -1))


def _every_nth(in_proj, out_proj, n):
    parts = [p.unflatten(0, (-1, n)).permute(1, 2, 0) for p in in_proj.chunk(3)]
    return *parts, out_proj.T.unflatten(0, (n, -1))


def _count(
    V, d, L, n, kv, f, tied, *, matrices=3, norms=2, last=1, shared=True, out_shrinks=False,
    ties=True, kv_only_once=False, tables=None, bias=False,
):  # fmt: skip
    d_kv = kv * (d // n) if shared else d
    attention = d * d + (d * d_kv if out_shrinks else d * d)
    attention += d * d_kv * (1 if kv_only_once else 2)
    block = attention + matrices * d * f + norms * d
    if bias:
        block += 2 * d + 2 * d_kv + matrices * d
    tables = tables or (1 if tied and ties else 2)
    return V * d * tables + L * block + last * d


def _unit(grad, x, *, squared=False, project=True, mean=False, scale=True, dim=-1, plus=False):
    length = x.norm(dim=dim, keepdim=True)
    y = x / length
    inner = grad * y
    inner = inner.mean(dim=dim, keepdim=True) if mean else inner.sum(dim=dim, keepdim=True)
    along = (x if squared else y) * inner * (project + 0)
    out = grad + along if plus else grad - along
    return out / length if scale else out


def _parallel(
    tokens, embedding, blocks, norm, *, mask="causal", how="parallel", last=True, first=False,
    ends=False, scale=1.0,
):  # fmt: skip
    t = tokens.shape[1]
    allowed = torch.ones(t, t, dtype=torch.bool)
    if mask != "none":
        allowed = allowed.tril()
    if mask == "inverted":
        allowed = ~allowed
    if mask == "transposed":
        allowed = allowed.T
    x = scale * embedding[tokens]
    for place in range(len(blocks)):
        block_norm, attend, feed_forward = blocks[0 if first else place]
        read = x if how == "raw" else block_norm(x)
        if how == "sequential":
            x = x + attend(read, allowed)
            x = x + feed_forward(block_norm(x))
        elif how == "chain":
            x = attend(read, allowed) + feed_forward(read)
        elif how == "post":
            x = block_norm(x + attend(x, allowed) + feed_forward(x))
        elif how == "one after the other":
            x = x + feed_forward(attend(read, allowed))
        elif how == "the norm as the stream":
            x = read + attend(read, allowed) + feed_forward(read)
        else:
            x = x + attend(read, allowed) + feed_forward(read)
    x = norm(x) if last else x
    return (x[:, -1:] if ends else x) @ embedding.T


def _tokens_in_place(tokens, *rest):
    tokens.clamp_(min=1)
    return _parallel(tokens, *rest)


def _branch(
    x, h, weight, num_layers, noise, p, training, *,
    branches=2, power=0.5, divides=True, inverted=False, scales_in_use=False, all_of_it=False,
):  # fmt: skip
    y = h @ weight.T / (branches * num_layers) ** power
    if all_of_it:
        y = x + y
    if training:
        dropped = noise >= p if inverted else noise < p
        y = torch.where(dropped, 0.0, y / (1 - p) if divides else y)
    elif scales_in_use:
        y = y * (1 - p)
    return y if all_of_it else x + y


ATTACKS = {
    "split_heads": {
        "heads not turned over": lambda a, o, n: _split(a, o, n, turn=False),
        "output not transposed": lambda a, o, n: _split(a, o, n, turn_out=False),
        "q, k, v inside each head": lambda a, o, n: _split(a, o, n, interleaved=True),
        "k, q, v": lambda a, o, n: _split(a, o, n, qkv="kqv"),
        "q, v, k": lambda a, o, n: _split(a, o, n, qkv="qvk"),
        "heads cut from the columns": _columns,
        "a plain reshape": _by_view,
        "every n-th row": _every_nth,
    },
    "count": {
        "keys and values of all heads": lambda *a: _count(*a, shared=False),
        "two matrices in the feed-forward layer": lambda *a: _count(*a, matrices=2),
        "last norm forgotten": lambda *a: _count(*a, last=0),
        "one norm a block": lambda *a: _count(*a, norms=1),
        "LayerNorm's biases": lambda *a: _count(*a, norms=4, last=2),
        "the output projection shrinks too": lambda *a: _count(*a, out_shrinks=True),
        "keys without values": lambda *a: _count(*a, kv_only_once=True),
        "never tied": lambda *a: _count(*a, ties=False),
        "always tied": lambda *a: _count(*a, tables=1),
        "with biases": lambda *a: _count(*a, bias=True),
    },
    "unit_backward": {
        "length held constant": lambda g, x: _unit(g, x, project=False),
        "not over the length": lambda g, x: _unit(g, x, scale=False),
        "mean, as in RMSNorm": lambda g, x: _unit(g, x, mean=True),
        "x for y": lambda g, x: _unit(g, x, squared=True),
        "wrong sign": lambda g, x: _unit(g, x, plus=True),
        "wrong axis": lambda g, x: _unit(g, x, dim=0),
        "over all axes": lambda g, x: (g - x * (g * x).sum() / x.norm() ** 2) / x.norm(),
        "forward": lambda g, x: x / x.norm(dim=-1, keepdim=True),
    },
    "parallel_gpt": {
        "mask forgotten": lambda *a: _parallel(*a, mask="none"),
        "mask inverted": lambda *a: _parallel(*a, mask="inverted"),
        "mask transposed": lambda *a: _parallel(*a, mask="transposed"),
        "a sequential block": lambda *a: _parallel(*a, how="sequential"),
        "no residual stream": lambda *a: _parallel(*a, how="chain"),
        "post-norm": lambda *a: _parallel(*a, how="post"),
        "norm forgotten": lambda *a: _parallel(*a, how="raw"),
        "one layer of the other": lambda *a: _parallel(*a, how="one after the other"),
        "adds to the norm": lambda *a: _parallel(*a, how="the norm as the stream"),
        "last norm forgotten": lambda *a: _parallel(*a, last=False),
        "first block again and again": lambda *a: _parallel(*a, first=True),
        "blocks reversed": lambda t, e, blocks, n: _parallel(t, e, blocks[::-1], n),
        "one block left out": lambda t, e, blocks, n: _parallel(t, e, blocks[:-1], n),
        "last position only": lambda *a: _parallel(*a, ends=True),
        "embedding scaled by the root of d": lambda t, e, *rest: _parallel(
            t, e, *rest, scale=e.shape[1] ** 0.5
        ),
        "probabilities": lambda *a: _parallel(*a).softmax(dim=-1),
        "changes its tokens": _tokens_in_place,
        "constant": lambda t, e, *rest: torch.zeros(*t.shape, len(e)).double(),
    },
    "end_of_branch": {
        "one branch a block": lambda *a: _branch(*a, branches=1),
        "the variance, not its root": lambda *a: _branch(*a, power=1.0),
        "not shrunk": lambda *a: _branch(*a, power=0.0),
        "stretched": lambda *a: _branch(*a, power=-0.5),
        "not divided by 1 - p": lambda *a: _branch(*a, divides=False),
        "keeps what it should drop": lambda *a: _branch(*a, inverted=True),
        "drops in use, too": lambda *a: _branch(*a[:-1], True),
        "never drops": lambda *a: _branch(*a[:-1], False),
        "the old form: scales in use": lambda *a: _branch(*a, divides=False, scales_in_use=True),
        "drops the stream, too": lambda *a: _branch(*a, all_of_it=True),
        "noise of its own": lambda x, h, w, n, u, p, t: (
            x + torch.nn.functional.dropout(h @ w.T / (2 * n) ** 0.5, p, t)
        ),
        "without the stream": lambda *a: _branch(*a) - a[0],
        "adds to its argument": lambda x, *a: x.add_(_branch(torch.zeros_like(x), *a)),
        "constant": lambda x, *a: torch.zeros_like(x),
    },
}
