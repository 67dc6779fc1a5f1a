"""Positions, blocks, the GPT and its cache, against PyTorch and against their definitions."""

import math

import pytest
import torch
from torch import nn

from bigmodel_utils import models
from bigmodel_utils.attention import causal_mask, padding_mask
from bigmodel_utils.blocks import Block, FeedForward, MultiHeadAttention
from bigmodel_utils.positions import rotary_tables, rotate, sinusoidal
from bigmodel_utils.transformer import GPT

B, T, D, HEADS, DFF, VOCAB = 3, 7, 12, 3, 20, 11
POSITIONS = ("rotary", "learned", "sinusoidal", "none")


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def shaken(module, scale=0.4, seed=0):
    """In float64, with random parameters: zeros and ones would hide mistakes."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for p in module.parameters():
            p.copy_(scale * torch.randn(p.shape, generator=generator) + (p.ndim == 1))
    return module.double().eval()


def tokens(t=T):
    return torch.randint(VOCAB, (B, t), generator=torch.Generator().manual_seed(1))


def gpt(**options):
    sizes = {"context": 16, "d_model": D, "num_layers": 2, "num_heads": HEADS} | options
    return shaken(GPT(VOCAB, **sizes))


# Positions


def test_sinusoidal_is_the_published_table():
    table = sinusoidal(9, 6)
    assert table.shape == (9, 6) and table.dtype == torch.float32
    for position in range(9):
        for i in range(3):
            angle = position / 10000 ** (2 * i / 6)
            assert abs(table[position, 2 * i].item() - math.sin(angle)) < 1e-6
            assert abs(table[position, 2 * i + 1].item() - math.cos(angle)) < 1e-6


def test_rotary_turns_pairs_as_complex_numbers():
    x, (cos, sin) = draw(2, 3, 5, 8), rotary_tables(5, 8, base=50.0)
    z = torch.complex(x[..., :4], x[..., 4:])
    angles = torch.arange(5.0).double()[:, None] * 50.0 ** (-torch.arange(4).double() / 4)
    z = z * torch.polar(torch.ones_like(angles), angles)
    got = rotate(x, cos.double(), sin.double())
    torch.testing.assert_close(got, torch.cat([z.real, z.imag], -1), atol=1e-6, rtol=0)


def test_rotary_scores_depend_on_the_distance_alone():
    q, k = draw(8), draw(8, seed=1)
    cos, sin = (table.double() for table in rotary_tables(40, 8))

    def score(i, j):
        turned = [rotate(x[None], cos[p, None], sin[p, None])[0] for x, p in ((q, i), (k, j))]
        return turned[0] @ turned[1]

    for i, j in ((5, 2), (9, 0), (3, 30)):
        torch.testing.assert_close(score(i, j), score(i + 7, j + 7), atol=1e-6, rtol=0)
        assert abs(score(i, j) - score(i + 1, j)) > 1e-3


@pytest.mark.parametrize("arguments", [(0, 4), (3, 5), (3, 0), (3.0, 4)])
def test_tables_refuse(arguments):
    for function in (rotary_tables, sinusoidal):
        with pytest.raises((TypeError, ValueError), match=r"^(length|d_head|d_model): expected"):
            function(*arguments)


# The block


def into_torch(block, dropout=0.0):
    """``nn.TransformerEncoderLayer`` with the weights of a Block."""
    a, f = block.attention, block.feed_forward
    layer = nn.TransformerEncoderLayer(
        D, HEADS, DFF, dropout, f.activation, batch_first=True, norm_first=block.pre_norm
    ).double()
    with torch.no_grad():
        for kind in ("weight", "bias"):
            parts = [getattr(p, kind) for p in (a.q_proj, a.k_proj, a.v_proj)]
            getattr(layer.self_attn, f"in_proj_{kind}").copy_(torch.cat(parts))
            getattr(layer.self_attn.out_proj, kind).copy_(getattr(a.out_proj, kind))
            for ours, theirs in (
                (f.up_proj, layer.linear1),
                (f.down_proj, layer.linear2),
                (block.norm1, layer.norm1),
                (block.norm2, layer.norm2),
            ):
                getattr(theirs, kind).copy_(getattr(ours, kind))
    return layer


@pytest.mark.parametrize("pre_norm", [True, False])
@pytest.mark.parametrize("activation", ["relu", "gelu"])
@pytest.mark.parametrize("causal", [True, False])
def test_block_equals_torch_in_outputs_and_gradients(pre_norm, activation, causal):
    block = shaken(
        Block(D, HEADS, DFF, norm="layer", pre_norm=pre_norm, activation=activation, bias=True)
    )
    layer, upstream = into_torch(block).train(), draw(B, T, D, seed=4)
    x = draw(B, T, D, seed=3)
    lengths = torch.tensor([4, 7, 1])
    mask = padding_mask(lengths, T)
    ours, theirs = (x.clone().requires_grad_() for _ in range(2))
    got = block(ours, mask, causal=causal)
    expected = layer(
        theirs,
        src_mask=~causal_mask(T) if causal else None,
        src_key_padding_mask=~mask[:, 0, 0],
    )
    torch.testing.assert_close(got, expected)
    got.backward(upstream)
    expected.backward(upstream)
    torch.testing.assert_close(ours.grad, theirs.grad)
    # The weights of torch's layer are ours in another order: so are their gradients.
    reordered = into_torch(block)
    with torch.no_grad():
        for p in block.parameters():
            p.copy_(p.grad)
        reordered = into_torch(block)
    for (name, p), g in zip(layer.named_parameters(), reordered.parameters(), strict=True):
        torch.testing.assert_close(p.grad, g, msg=lambda m, name=name: f"{name}: {m}")


@pytest.mark.parametrize("num_kv_heads", [1, 2, 4])
def test_heads_are_attentions_side_by_side(num_kv_heads):
    layer = shaken(MultiHeadAttention(D, 4, num_kv_heads=num_kv_heads))
    x, group = draw(B, T, D), 4 // num_kv_heads
    heads = []
    for n in range(4):
        mine, shared = slice(3 * n, 3 * n + 3), slice(3 * (n // group), 3 * (n // group) + 3)
        q = x @ layer.q_proj.weight[mine].T
        k = x @ layer.k_proj.weight[shared].T
        v = x @ layer.v_proj.weight[shared].T
        scores = torch.einsum("bti,bsi->bts", q, k) / math.sqrt(3)
        heads.append(torch.softmax(scores, -1) @ v)
    torch.testing.assert_close(layer(x), torch.cat(heads, -1) @ layer.out_proj.weight.T)


def test_rotary_makes_attention_ignore_a_common_shift():
    layer, x = shaken(MultiHeadAttention(D, HEADS)), draw(B, T, D)
    cos, sin = rotary_tables(30, D // HEADS)
    here, there = ((cos[k : k + T], sin[k : k + T]) for k in (0, 20))
    torch.testing.assert_close(layer(x, rotary=here), layer(x, rotary=there), atol=1e-5, rtol=0)
    assert (layer(x, rotary=here) - layer(x)).abs().max() > 0.01


@pytest.mark.parametrize("activation", ["relu", "gelu", "relu2", "swiglu"])
def test_feed_forward_is_its_formula(activation):
    layer, x = shaken(FeedForward(D, DFF, activation=activation, bias=True)), draw(B, T, D)
    up, down = layer.up_proj, layer.down_proj
    a = x @ up.weight.T + up.bias
    if activation == "swiglu":
        gate = x @ layer.gate_proj.weight.T + layer.gate_proj.bias
        hidden = gate / (1 + torch.exp(-gate)) * a
    else:
        hidden = {
            "relu": a.clamp(min=0),
            "gelu": a * (1 + torch.erf(a / math.sqrt(2))) / 2,
            "relu2": a.clamp(min=0) ** 2,
        }[activation]
    torch.testing.assert_close(layer(x), hidden @ down.weight.T + down.bias)


# The GPT


@pytest.mark.parametrize("positions", POSITIONS)
@pytest.mark.parametrize("num_kv_heads", [1, 3])
def test_the_cache_changes_nothing(positions, num_kv_heads):
    model, x = gpt(positions=positions, num_kv_heads=num_kv_heads), tokens(12)
    expected = model(x)
    for pieces in ([5, 1, 1, 5], [1] * 12, [12]):
        cache = model.new_cache(B)
        parts = [model(part, cache) for part in x.split(pieces, dim=1)]
        torch.testing.assert_close(torch.cat(parts, 1), expected)
        assert cache.length == 12 and cache.context == 16


@pytest.mark.parametrize("positions", POSITIONS)
def test_no_output_depends_on_later_tokens(positions):
    model, x = gpt(positions=positions), tokens()
    changed = x.clone()
    changed[:, 4] = (x[:, 4] + 1) % VOCAB
    difference = (model(x) - model(changed)).abs().amax((0, 2))
    assert (difference[:4] == 0).all() and (difference[4:] > 0).all()


def test_without_positions_the_last_output_ignores_the_order_of_the_others():
    x = tokens()
    turned = torch.cat([x[:, :-1].flip(1), x[:, -1:]], 1)
    # One layer: with more, the causal mask tells positions apart.
    for positions in POSITIONS:
        model = gpt(positions=positions, num_layers=1)
        same = torch.allclose(model(x)[:, -1], model(turned)[:, -1])
        assert same == (positions == "none")


def test_starts_as_the_uniform_guess():
    torch.manual_seed(0)
    model = GPT(VOCAB, context=8, d_model=D, num_layers=2, num_heads=HEADS)
    assert (model(tokens()) == 0).all()
    names = {name for name, p in model.named_parameters() if not p.any()}
    ends = {f"blocks.{i}.{end}.weight" for i in (0, 1) for end in
            ("attention.out_proj", "feed_forward.down_proj")}  # fmt: skip
    assert names == ends | {"head.weight"}


def test_every_parameter_learns():
    model = gpt(positions="learned", activation="swiglu", bias=True, norm="layer", num_kv_heads=1)
    model(tokens(16)).backward(draw(B, 16, VOCAB))
    # A bias of the keys moves all scores of a query alike, and the softmax ignores that.
    for name, p in model.named_parameters():
        learns = p.grad.abs().max() > 1e-9
        assert learns == ("k_proj.bias" not in name), name


def test_dropout_acts_in_training_alone():
    model = gpt(dropout=0.5)
    assert torch.equal(model(tokens()), model(tokens()))
    model.train()
    assert not torch.equal(model(tokens()), model(tokens()))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_heads": 5}, "num_heads: expected a divisor of d_model = 12, got 5"),
        ({"num_kv_heads": 2}, "num_kv_heads: expected a divisor of 3, got 2"),
        ({"num_kv_heads": 6}, "num_kv_heads: expected an integer of at most 3"),
        ({"positions": "absolute"}, "positions: expected one of"),
        ({"norm": "batch"}, "norm: expected one of"),
        ({"activation": "tanh"}, "activation: expected one of"),
        ({"context": 0}, "context: expected an integer of at least 1"),
        ({"d_model": 9, "num_heads": 3}, "d_head: expected an even number"),
        ({"dropout": 1.5}, "dropout: expected at most 1"),
    ],
)
def test_bad_settings_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        gpt(**options)


def test_bad_tokens_are_named():
    model = gpt()
    with pytest.raises(ValueError, match=r"tokens: expected 1 to 16 positions .*got 17"):
        model(tokens(17))
    with pytest.raises(TypeError, match="tokens: expected integers"):
        model(tokens().float())
    with pytest.raises(ValueError, match="tokens: expected shape"):
        model(tokens()[0])
    cache = model.new_cache(B)
    model(tokens(10), cache)
    with pytest.raises(ValueError, match="expected 1 to 6 positions after 10 in the cache"):
        model(tokens(7), cache)
    with pytest.raises(ValueError, match=r"cache: .*as new_cache\(3\) makes it, got .*2, 3, 16, 4"):
        model(tokens(3), model.new_cache(2))


def test_models_offers_them():
    for name in ("GPT", "Block", "FeedForward", "MultiHeadAttention", "KVCache"):
        assert name in models.__all__
