"""Attention, its masks and its two ways, against loops, PyTorch and autograd."""

import math

import pytest
import torch
import torch.nn.functional as F

from bigmodel_utils.models import (
    DotProductAttention,
    attention,
    attention_weights,
    causal_mask,
    padding_mask,
)

B, N, T, S, D, DV = 2, 3, 5, 7, 4, 6


def draw(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed + sum(shape))
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def qkv(t=T, s=S, n_kv=N):
    return draw(B, N, t, D), draw(B, n_kv, s, D, seed=1), draw(B, n_kv, s, DV, seed=2)


def by_loops(q, k, v, mask, scale):
    """One query at a time, with Python's own exp."""
    out = torch.zeros(*q.shape[:-1], v.shape[-1], dtype=torch.float64)
    for b in range(B):
        for n in range(N):
            for i in range(q.shape[-2]):
                keys = [j for j in range(k.shape[-2]) if mask[b, n, i, j]]
                e = {j: math.exp(scale * float(q[b, n, i] @ k[b, n, j])) for j in keys}
                for j in keys:
                    out[b, n, i] += e[j] / sum(e.values()) * v[b, n, j]
    return out


MASKS = {
    "none": None,
    "causal": causal_mask(T, S),
    "padding": padding_mask(torch.tensor([4, 7]), S),
    "per head": draw(B, N, T, S, seed=5) > 0,
    "an empty row": torch.arange(T)[:, None] != torch.full((1, S), 2),
    "an empty sequence": (torch.arange(S) < torch.tensor([0, S])[:, None])[:, None, None],
}


@pytest.mark.parametrize("name", MASKS)
@pytest.mark.parametrize("scale", [None, 0.3, 2.0])
def test_equals_loops(name, scale):
    q, k, v = qkv()
    mask = MASKS[name]
    full = torch.ones(B, N, T, S).bool() if mask is None else mask.expand(B, N, T, S)
    expected = by_loops(q, k, v, full, D**-0.5 if scale is None else scale)
    torch.testing.assert_close(attention(q, k, v, mask, scale=scale), expected)


@pytest.mark.parametrize("name", MASKS)
def test_weights_are_probabilities_of_allowed_keys(name):
    q, k, _ = qkv()
    mask = MASKS[name]
    weights = attention_weights(q, k, mask)
    full = torch.ones(B, N, T, S).bool() if mask is None else mask.expand(B, N, T, S)
    assert (weights[~full] == 0).all()
    torch.testing.assert_close(weights.sum(-1), full.any(-1).double())


@pytest.mark.parametrize("fused", [False, True])
@pytest.mark.parametrize("name", MASKS)
def test_layer_equals_the_formula_forward_and_backward(name, fused):
    layer, mask = DotProductAttention(), MASKS[name]
    layer.fused = fused
    upstream = draw(B, N, T, DV, seed=9)
    results = []
    for way in (layer, attention):
        leaves = [x.requires_grad_() for x in qkv()]
        out = way(*leaves, mask)
        results.append([out, *torch.autograd.grad(out, leaves, upstream)])
    for got, expected in zip(*results, strict=True):
        assert torch.isfinite(got).all()
        torch.testing.assert_close(got, expected)


def test_a_query_without_keys_gives_zero_and_passes_no_gradient():
    q, k, v = (x.requires_grad_() for x in qkv())
    mask = MASKS["an empty row"]
    out = attention(q, k, v, mask)
    assert (out[:, :, 2] == 0).all() and (out[:, :, 3] != 0).all()
    gradients = torch.autograd.grad(out, [q, k, v], draw(B, N, T, DV, seed=9))
    assert all(torch.isfinite(g).all() for g in gradients)
    assert (gradients[0][:, :, 2] == 0).all()
    torch.autograd.gradcheck(lambda *a: attention(*a, mask), (q, k, v))


def test_infinite_padding_leaves_the_rest_alone():
    q, k, v = qkv()
    mask = padding_mask(torch.tensor([4, 6]), S)
    hidden = ~mask.transpose(-2, -1)
    expected = attention(q, k, v, mask)
    torch.testing.assert_close(attention(q, k.masked_fill(hidden, 1e300), v, mask), expected)


@pytest.mark.parametrize("fused", [False, True])
@pytest.mark.parametrize(("t", "s"), [(5, 5), (1, 7), (3, 7), (1, 1)])
@pytest.mark.parametrize("padded", [False, True])
def test_causal_queries_are_the_last_positions(fused, t, s, padded):
    layer = DotProductAttention()
    layer.fused = fused
    q, k, v = qkv(t, s)
    mask = padding_mask(torch.tensor([1, s]), s) if padded else None
    full = torch.tensor([[j <= i + s - t for j in range(s)] for i in range(t)])
    full = full & mask if padded else full.expand(B, N, t, s)
    expected = by_loops(q, k, v, full.expand(B, N, t, s), D**-0.5)
    torch.testing.assert_close(layer(q, k, v, mask, causal=True), expected)


def test_causal_mask_is_aligned_at_the_end():
    assert causal_mask(3).tolist() == [[1, 0, 0], [1, 1, 0], [1, 1, 1]]
    assert causal_mask(2, 4).tolist() == [[1, 1, 1, 0], [1, 1, 1, 1]]
    assert causal_mask(2).dtype == torch.bool


def test_padding_mask_has_room_for_heads_and_queries():
    mask = padding_mask(torch.tensor([2, 3]), 3)
    assert mask.shape == (2, 1, 1, 3)
    assert mask.flatten(1).tolist() == [[1, 1, 0], [1, 1, 1]]


@pytest.mark.parametrize("fused", [False, True])
def test_shared_keys_are_repeated_in_groups(fused):
    layer = DotProductAttention()
    layer.fused = fused
    q, (_, k, v) = draw(B, 6, T, D), qkv(n_kv=2)
    got = layer(q, k, v)
    for head in range(6):
        one = attention(q[:, head], k[:, head // 3], v[:, head // 3])
        torch.testing.assert_close(got[:, head], one)


def test_chooses_the_fused_kernel_for_long_rows(monkeypatch):
    calls = []
    fused = F.scaled_dot_product_attention
    monkeypatch.setattr(
        F, "scaled_dot_product_attention", lambda *a, **k: calls.append(1) or fused(*a, **k)
    )
    layer = DotProductAttention()
    for t, expected in ((256, 0), (257, 1)):
        layer(*(torch.randn(1, 1, t, 2) for _ in range(3)), causal=True)
        assert len(calls) == expected


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"q": 3}, TypeError, "q: expected a tensor"),
        ({"q": torch.ones(4)}, ValueError, "q: expected shape"),
        ({"q": torch.ones(2, 4).long()}, TypeError, "q: expected a floating-point"),
        ({"k": torch.ones(7, 5)}, ValueError, "k: expected 4 features"),
        ({"v": torch.ones(6, 3)}, ValueError, "v: expected one row for each of the 7 keys"),
        ({"mask": torch.ones(5, 7)}, TypeError, "mask: expected dtype torch.bool"),
        ({"mask": torch.ones(7, 5).bool()}, ValueError, r"mask: .*broadcasts to \(5, 7\)"),
        ({"scale": float("nan")}, ValueError, "scale: expected a finite number"),
    ],
)
def test_bad_arguments_are_named(change, error, message):
    arguments = {"q": torch.ones(5, 4), "k": torch.ones(7, 4), "v": torch.ones(7, 3)}
    with pytest.raises(error, match=message):
        attention(**(arguments | change))


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"k": torch.ones(7, 4).double()}, TypeError, "k: expected dtype torch.float32 as q has"),
        ({"v": torch.ones(7, 3).half()}, TypeError, "v: expected dtype torch.float32 as q has"),
        ({"v": None}, TypeError, "v: expected a tensor, got NoneType"),
        ({"v": torch.ones(3)}, ValueError, r"v: expected shape \(\.\.\., s, d\), got \(3,\)"),
        ({"k": torch.ones(2, 7, 4), "v": torch.ones(3, 7, 3)}, ValueError,
         r"v: expected leading axes that broadcast with \(2,\), got shape \(3, 7, 3\)"),
        ({"q": torch.ones(2, 5, 4), "k": torch.ones(3, 7, 4)}, ValueError,
         r"k: expected leading axes that broadcast with \(2,\), got shape \(3, 7, 4\)"),
        ({"q": torch.ones(0, 4)}, ValueError, r"q: expected no empty axis, got shape \(0, 4\)"),
        ({"k": torch.ones(0, 4)}, ValueError, r"k: expected no empty axis, got shape \(0, 4\)"),
        ({"q": torch.ones(5, 0), "k": torch.ones(7, 0)}, ValueError, "q: expected no empty axis"),
        ({"mask": torch.ones(5, 7).long()}, TypeError, "mask: expected dtype torch.bool"),
        ({"mask": torch.ones(2, 5, 7).bool()}, ValueError, r"mask: .*broadcasts to \(5, 7\)"),
    ],
)  # fmt: skip
def test_tensors_that_do_not_fit_are_named(change, error, message):
    arguments = {"q": torch.ones(5, 4), "k": torch.ones(7, 4), "v": torch.ones(7, 3)}
    with pytest.raises(error, match=message):
        attention(**(arguments | change))


# Above 256 keys the fused kernel takes over, which takes a float mask as something to add.
@pytest.mark.parametrize("s", [9, 300])
@pytest.mark.parametrize("fused", [None, False, True])
@pytest.mark.parametrize(
    "options", [{}, {"causal": True}, {"n_kv": 2}, {"n_kv": 2, "causal": True}]
)
def test_the_layer_refuses_on_every_path(s, fused, options):
    layer, b, n, t, d = DotProductAttention(), 2, 4, 5, 3
    layer.fused = fused
    q, k = draw(b, n, t, d), draw(b, options.get("n_kv", n), s, d, seed=1)
    good = {"q": q, "k": k, "v": draw(*k.shape[:3], 6), "causal": options.get("causal", False)}
    zeros = torch.zeros(t, s).double()
    layer(**good, mask=zeros == 0)
    added = torch.nn.Transformer.generate_square_subsequent_mask(s)[-t:]
    for change, error, message in [
        ({"mask": zeros}, TypeError, "mask: expected dtype torch.bool, got a float64 tensor"),
        ({"mask": added}, TypeError, "mask: expected dtype torch.bool, got a float32 tensor"),
        ({"mask": torch.ones(t, s)}, TypeError, "mask: expected dtype torch.bool"),
        ({"mask": torch.ones(t, s).byte()}, TypeError, "mask: expected dtype torch.bool"),
        ({"mask": (zeros == 0).numpy()}, TypeError, "mask: expected a tensor"),
        ({"mask": zeros.T == 0}, ValueError, r"mask: expected a shape that broadcasts to \(2, 4, "),
        ({"mask": torch.ones(b, s).bool()[:, None]}, ValueError, "mask: expected a shape that"),
        ({"mask": torch.ones(1, b, n, t, s).bool()}, ValueError, "mask: expected a shape that"),
        ({"causal": "no"}, TypeError, "causal: expected True or False, got str 'no'"),
        ({"causal": 1}, TypeError, "causal: expected True or False"),
        ({"causal": None}, TypeError, "causal: expected True or False"),
        ({"q": q[0]}, ValueError, r"q: expected shape \(b, n, t, d\), got \(4, 5, 3\)"),
        ({"k": k[0]}, ValueError, r"k: expected shape \(b, n, t, d\), got"),
        ({"q": q.float()}, TypeError, "k: expected dtype torch.float32 as q has, got a float64"),
        ({"v": good["v"].float()}, TypeError, "v: expected dtype torch.float64 as q has"),
        ({"q": q.long()}, TypeError, "q: expected a floating-point tensor"),
        ({"q": q[:1]}, ValueError, "k: expected 1 rows and a number of heads that divides"),
        ({"q": q[:, :3]}, ValueError, "k: expected 2 rows and .* divides the 3 of q"),
        ({"k": k[:, :1]}, ValueError, "v: expected 2 rows and 1 heads as k"),
        ({"k": k[..., :2]}, ValueError, "k: expected 3 features as q has, got shape"),
        ({"v": good["v"][:, :, 1:]}, ValueError, f"v: expected one row for each of the {s} keys"),
        ({"q": q[:, :, :0]}, ValueError, "q: expected no empty axis"),
        ({"k": k[:, :, :0], "v": good["v"][:, :, :0]}, ValueError, "k: expected no empty axis"),
        ({"v": good["v"][..., :0]}, ValueError, "v: expected no empty axis"),
        ({"q": q[:0], "k": k[:0], "v": good["v"][:0]}, ValueError, "q: expected no empty axis"),
        ({"q": q.numpy()}, TypeError, "q: expected a tensor"),
        ({"causal": True, "k": k[:, :, :4], "v": good["v"][:, :, :4]}, ValueError,
         "k: expected at least 5 keys, as causal"),
    ]:  # fmt: skip
        with pytest.raises(error, match=message):
            layer(**good | change)


@pytest.mark.parametrize("s", [9, 300])
def test_autocast_may_mix_dtypes(s):
    """Its products make them one, as under a cache that is kept in float32."""
    layer, (q, k, v) = DotProductAttention(), (draw(2, 3, n, 4).float() for n in (5, s, s))
    with pytest.raises(TypeError, match="k: expected dtype"):
        layer(q.bfloat16(), k, v)
    with torch.autocast("cpu", torch.bfloat16):
        got = layer(q.bfloat16(), k, v)
    torch.testing.assert_close(got.float(), layer(q, k, v), rtol=0.05, atol=0.05)


@pytest.mark.parametrize("arguments", [(0,), (3, 2), (2.0,), (True,)])
def test_causal_mask_refuses(arguments):
    with pytest.raises((TypeError, ValueError), match=r"^[ts]: expected"):
        causal_mask(*arguments)
