"""Checkers of the exercises on the page "The Transformer"."""

import math

import torch

from bigmodel_utils.checks import grade, random_tensor

__all__ = ["count", "end_of_branch", "parallel_gpt", "split_heads", "unit_backward"]


def split_heads(function):
    """Check ``function(in_proj_weight, out_proj_weight, num_heads)``: w_q, w_k, w_v and w_o."""
    cases = [
        (random_tensor(k, 3 * n * d_h, n * d_h), random_tensor(10 + k, n * d_h, n * d_h), n)
        for k, (n, d_h) in enumerate([(3, 2), (2, 4), (1, 3), (5, 1)])
    ]
    return grade(
        function,
        cases,
        _heads_one_by_one,
        hint="The rows of in_proj_weight are outputs: three times n heads of d_h rows; "
        "multi_head multiplies from the other side.",
    )


def _heads_one_by_one(in_proj_weight, out_proj_weight, num_heads):
    # Entry by entry: feature i of the input to feature k of head h, and back.
    d = out_proj_weight.shape[0]
    d_h = d // num_heads
    w_q, w_k, w_v = (torch.empty(num_heads, d, d_h).double() for _ in range(3))
    w_o = torch.empty(num_heads, d_h, d).double()
    for h in range(num_heads):
        for k in range(d_h):
            for part, weight in enumerate((w_q, w_k, w_v)):
                weight[h, :, k] = in_proj_weight[part * d + h * d_h + k]
            w_o[h, k] = out_proj_weight[:, h * d_h + k]
    return w_q, w_k, w_v, w_o


def count(function):
    """Check ``function(vocab_size, d_model, num_layers, num_heads, num_kv_heads, d_ff, tied)``."""
    cases = [
        (11, 12, 2, 6, 2, 20, False),
        (7, 8, 3, 4, 1, 9, True),
        (30, 6, 1, 3, 3, 16, False),
        (100, 20, 5, 10, 5, 56, True),
    ]
    return grade(
        function,
        cases,
        _counted,
        hint="Only k and v shrink; SwiGLU has three matrices; there are two norms a block and "
        "one at the end.",
    )


def _counted(vocab_size, d_model, num_layers, num_heads, num_kv_heads, d_ff, tied):
    from bigmodel_utils.models import GPT

    model = GPT(
        vocab_size,
        context=2,
        d_model=d_model,
        num_layers=num_layers,
        num_heads=num_heads,
        num_kv_heads=num_kv_heads,
        d_ff=d_ff,
        activation="swiglu",
    )
    if tied:
        model.head.weight = model.embedding.weight  # parameters() lists it once
    return sum(p.numel() for p in model.parameters())


def unit_backward(function):
    """Check ``function(grad, x)``: the gradient of x, (..., d), for ``y = x / |x|``."""
    shapes = [(2, 3, 5), (4, 2), (1, 2, 3, 4), (3, 1)]
    cases = [(random_tensor(k, *s), random_tensor(10 + k, *s)) for k, s in enumerate(shapes)]
    return grade(
        function,
        cases,
        _unit_by_autograd,
        hint="Two paths: x above the line, and the length below it, which all entries share.",
    )


def _unit_by_autograd(grad, x):
    x = x.requires_grad_()  # grade hands over copies
    with torch.enable_grad():
        return torch.autograd.grad(torch.nn.functional.normalize(x, dim=-1), x, grad)[0]


def parallel_gpt(function):
    """Check ``function(tokens, embedding, blocks, norm)``: the logits (b, t, V)."""
    cases = []
    for seed, (b, t, V, d, depth) in enumerate([(2, 5, 7, 3, 2), (1, 4, 3, 4, 3), (3, 2, 6, 5, 1)]):
        tokens = random_tensor(seed, b, t, V).argmax(dim=2)
        blocks = [_functions(100 * seed + 10 * layer, d) for layer in range(depth)]
        norm = _functions(1000 + seed, d)[0]
        cases.append((tokens, random_tensor(10 + seed, V, d), blocks, norm))
    return grade(
        function,
        cases,
        _prefix_by_prefix,
        hint="Both halves read the norm of the same x; no token sees a later one; the last norm "
        "comes before the head.",
    )


def _functions(seed, d):
    """A norm, an attention and a feed-forward layer as plain functions."""
    gain, (w_q, w_k, w_v) = random_tensor(seed, d), random_tensor(seed + 1, 3, d, d)
    w_1, w_2 = random_tensor(seed + 2, d, 2 * d), random_tensor(seed + 3, 2 * d, d)

    def norm(x):
        return gain * x / x.square().mean(dim=-1, keepdim=True).sqrt()

    def attend(x, mask=None):
        scores = x @ w_q @ (x @ w_k).transpose(-2, -1) / d**0.5
        if mask is not None:
            scores = scores.masked_fill(~mask, -torch.inf)
        return scores.softmax(dim=-1) @ (x @ w_v)

    return norm, attend, lambda x: (x @ w_1).relu() @ w_2


def _prefix_by_prefix(tokens, embedding, blocks, norm):
    # Without a mask: each position is the last of a text that ends there.
    logits = torch.empty(*tokens.shape, len(embedding), dtype=embedding.dtype)
    for i, text in enumerate(tokens.tolist()):
        for end in range(1, len(text) + 1):
            last = norm(_stream(text[:end], embedding, blocks))
            logits[i, end - 1] = torch.stack([(row * last).sum() for row in embedding])
    return logits


def _stream(text, embedding, blocks):
    """The last position's stream after these blocks, from the streams of all its prefixes."""
    if not blocks:
        return embedding[text[-1]]
    *before, (norm, attend, feed_forward) = blocks
    rows = [_stream(text[:end], embedding, before) for end in range(1, len(text) + 1)]
    read = norm(torch.stack(rows))
    return rows[-1] + attend(read)[-1] + feed_forward(read[-1])


def end_of_branch(function):
    """Check ``function(x, h, weight, num_layers, noise, p, training)``: the stream (b, t, d)."""
    cases = []
    sizes = [
        (2, 3, 4, 5, 1, 0.25),
        (1, 4, 3, 2, 6, 0.8),
        (3, 2, 5, 7, 24, 0.0),
        (2, 5, 6, 3, 3, 0.5),
    ]
    for seed, (b, t, d, f, num_layers, p) in enumerate(sizes):
        x, h = random_tensor(seed, b, t, d), random_tensor(10 + seed, b, t, f)
        weight = random_tensor(20 + seed, d, f)
        noise = (random_tensor(30 + seed, b, t, d) / 2).sigmoid()  # between 0 and 1
        cases += [(x, h, weight, num_layers, noise, p, training) for training in (True, False)]
    return grade(
        function,
        cases,
        _branch_one_by_one,
        hint="There are two branches in a block. In training an entry of the branch is 0 where its "
        "noise is below p and divided by 1 - p elsewhere; in use nothing is dropped.",
        atol=1e-6,
    )


def _branch_one_by_one(x, h, weight, num_layers, noise, p, training):
    out = x.clone()
    for place in torch.cartesian_prod(*map(torch.arange, x.shape)).tolist():
        b, t, i = place
        y = sum(a * w for a, w in zip(h[b, t].tolist(), weight[i].tolist(), strict=True))
        y /= math.sqrt(2 * num_layers)
        if training:
            y = y / (1 - p) if noise[b, t, i] >= p else 0.0
        out[b, t, i] += y
    return out
