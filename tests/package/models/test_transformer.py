"""Blocks, the GPT and its cache, against PyTorch and against their definitions."""

import itertools
import math

import pytest
import torch
from torch import nn

from bigmodel_utils import models
from bigmodel_utils.models import (
    GPT,
    Block,
    FeedForward,
    MultiHeadAttention,
    RotaryScaling,
    causal_mask,
    padding_mask,
    rotary_tables,
)

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


ACTIVATIONS = {
    "relu": lambda a: a.clamp(min=0),
    "relu2": lambda a: a.clamp(min=0) ** 2,
    "gelu": lambda a: a * (1 + torch.erf(a / math.sqrt(2))) / 2,
    "gelu_tanh": lambda a: a * (1 + torch.tanh(math.sqrt(2 / math.pi) * (a + 0.044715 * a**3))) / 2,
    "swiglu": lambda a: a / (1 + torch.exp(-a)),
}
ACTIVATIONS |= {"geglu": ACTIVATIONS["gelu"], "geglu_tanh": ACTIVATIONS["gelu_tanh"]}


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_feed_forward_is_its_formula(activation):
    layer, x = shaken(FeedForward(D, DFF, activation=activation, bias=True)), draw(B, T, D)
    up, down = layer.up_proj, layer.down_proj
    hidden = x @ up.weight.T + up.bias
    if "glu" in activation:
        gate = x @ layer.gate_proj.weight.T + layer.gate_proj.bias
        hidden = ACTIVATIONS[activation](gate) * hidden
    else:
        hidden = ACTIVATIONS[activation](hidden)
    torch.testing.assert_close(layer(x), hidden @ down.weight.T + down.bias, rtol=1e-12, atol=1e-12)


def test_heads_may_be_wider_and_their_queries_and_keys_normed():
    layer = shaken(
        MultiHeadAttention(D, 4, num_kv_heads=2, d_head=5, qkv_bias=True, qk_norm=True,
                           norm_eps=0.1)
    )  # fmt: skip
    x, heads = draw(B, T, D), []

    def norm(y, gain):
        return y / (y.square().mean(-1, keepdim=True) + 0.1).sqrt() * gain

    for n in range(4):
        q, k, v = (
            x @ p.weight[5 * h : 5 * h + 5].T + p.bias[5 * h : 5 * h + 5]
            for p, h in ((layer.q_proj, n), (layer.k_proj, n // 2), (layer.v_proj, n // 2))
        )
        q, k = norm(q, layer.q_norm.weight), norm(k, layer.k_norm.weight)
        heads.append(torch.softmax(q @ k.mT / math.sqrt(5), -1) @ v)
    assert layer.out_proj.bias is None
    torch.testing.assert_close(layer(x), torch.cat(heads, -1) @ layer.out_proj.weight.T)


@pytest.mark.parametrize("option", ["qkv_bias", "out_bias", "ff_bias"])
@pytest.mark.parametrize("default", [False, True])
def test_each_bias_has_a_switch_of_its_own(option, default):
    names = {"qkv_bias": ["q_proj", "k_proj", "v_proj"], "out_bias": ["out_proj"],
             "ff_bias": ["up_proj", "gate_proj", "down_proj"]}  # fmt: skip
    model = gpt(bias=default, activation="geglu", **{option: not default})
    for name, module in model.named_modules():
        if isinstance(module, nn.Linear):
            chosen = name.rpartition(".")[2] in names[option]
            assert (module.bias is not None) == (name != "head" and chosen != default), name
    assert gpt(head_bias=True).head.bias is not None


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
    model = gpt(positions="learned", activation="swiglu", bias=True, norm="layer", num_kv_heads=1,
                head_bias=True)  # fmt: skip
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


def test_a_gpt2_start():
    torch.manual_seed(0)
    model = GPT(500, context=300, d_model=64, num_layers=8, num_heads=4, positions="learned",
                bias=True, norm="layer", init="gpt2", activation="swiglu")  # fmt: skip
    for name, p in model.named_parameters():
        if p.ndim == 2:
            ends_branch = "out_proj" in name or "down_proj" in name
            assert p.std().item() == pytest.approx(0.02 / (4 if ends_branch else 1), rel=0.06), name
        else:
            assert (p == ("norm" in name and "weight" in name)).all(), name


@pytest.mark.parametrize("init", ["zero_outputs", "gpt2"])
def test_tied_embeddings_are_one_parameter_that_starts_alive(init):
    torch.manual_seed(0)
    sizes = dict(context=8, d_model=D, num_layers=2, num_heads=HEADS)
    model = GPT(VOCAB, **sizes, tie_embeddings=True, init=init)
    assert model.head.weight is model.embedding.weight and model.embedding.weight.any()
    assert "head.weight" not in dict(model.named_parameters())
    assert {"head.weight", "embedding.weight"} <= set(model.state_dict())
    model(tokens()).square().sum().backward()
    assert (model.embedding.weight.grad != 0).any(1).all()  # of the tokens that did not occur too


def test_what_is_saved_is_what_was_always_saved():
    """Checkpoints of before hold these keys: tables of positions are no part of a state."""
    for positions in POSITIONS:
        model = gpt(positions=positions)
        layers = ["attention.q_proj", "attention.k_proj", "attention.v_proj", "attention.out_proj",
                  "feed_forward.up_proj", "feed_forward.down_proj", "norm1", "norm2"]  # fmt: skip
        keys = {f"blocks.{i}.{layer}.weight" for i in (0, 1) for layer in layers}
        keys |= {"embedding.weight", "norm.weight", "head.weight"}
        if positions == "learned":
            keys.add("position_embedding.weight")
        assert set(model.state_dict()) == keys


@pytest.mark.parametrize("positions", POSITIONS)
def test_tables_follow_the_model(positions):
    model = gpt(positions=positions).float()
    assert all(b.dtype == torch.float32 for b in model.buffers())
    assert len(list(model.buffers())) == {"rotary": 2, "sinusoidal": 1}.get(positions, 0)
    logits = model(tokens())
    low = model.bfloat16()
    assert all(b.dtype == torch.bfloat16 for b in low.buffers())
    got = low(tokens())
    assert got.dtype == torch.bfloat16
    assert (got - logits).abs().max() < 0.06 * logits.abs().max()
    assert all(b.device.type == "meta" for b in model.to("meta").buffers())


def test_the_embedding_may_be_scaled():
    plain, scaled = gpt(), gpt(embedding_scale=3.0)
    with torch.no_grad():
        plain.embedding.weight.mul_(3)
    torch.testing.assert_close(scaled(tokens()), plain(tokens()))


@pytest.mark.parametrize("window", [1, 3, 16, 100])
@pytest.mark.parametrize("positions", ["rotary", "learned"])
def test_a_window_hides_what_is_farther(window, positions):
    model, x = gpt(positions=positions, num_layers=1, window=window), tokens(12)
    expected = model(x)
    difference = (model(torch.cat([(x[:, :1] + 1) % VOCAB, x[:, 1:]], 1)) - expected).abs()
    sees = difference.amax((0, 2)) > 0
    assert sees.tolist() == [i < window for i in range(12)]
    for pieces in ([5, 1, 1, 5], [1] * 12, [2, 10]):
        cache = model.new_cache(B)
        parts = [model(part, cache) for part in x.split(pieces, dim=1)]
        torch.testing.assert_close(torch.cat(parts, 1), expected)
    without = gpt(positions=positions, num_layers=1)
    assert torch.allclose(without(x), expected) == (window >= 12)


@pytest.mark.parametrize("positions", POSITIONS)
@pytest.mark.parametrize(
    ("side", "options"),
    [
        *itertools.product(["left", "right", "holes"], [{}, {"num_kv_heads": 1}]),
        ("left", {"window": 3}),  # which counts places, holes included
        ("right", {"window": 3}),
    ],
)
def test_a_padded_row_gets_what_it_gets_alone(positions, side, options):
    model, x, t = gpt(positions=positions, **options), tokens(9), 9
    lengths = torch.tensor([9, 4, 1])
    places = torch.arange(t)
    if side == "left":
        mask = places >= t - lengths[:, None]
    elif side == "right":
        mask = places < lengths[:, None]
    else:
        mask = torch.tensor([9 * [1], [0, 1, 0, 0, 1, 1, 0, 1, 0], 4 * [0] + [1] + 4 * [0]]) > 0
    got = model(x, mask=mask)
    assert got.isfinite().all()
    other = torch.where(mask, x, (x + 1) % VOCAB)
    assert torch.equal(model(other, mask=mask)[mask], got[mask])  # whatever the padding holds
    for row in range(B):
        alone = model(x[row, mask[row]][None])[0]
        torch.testing.assert_close(got[row, mask[row]], alone)
    for pieces in ([9], [3, 1, 5], 9 * [1]):  # a cache remembers what was padding
        cache, parts = model.new_cache(B), []
        for part, real in zip(x.split(pieces, 1), mask.split(pieces, 1), strict=True):
            parts.append(model(part, cache, mask=real))
        torch.testing.assert_close(torch.cat(parts, 1)[mask], got[mask])
    full = model(x, mask=torch.ones_like(mask))
    torch.testing.assert_close(full, model(x))


@pytest.mark.parametrize("positions", POSITIONS)
def test_steps_after_a_padded_prompt_need_no_mask(positions):
    model, x = gpt(positions=positions), tokens(9)
    mask = torch.arange(5) >= torch.tensor([[0], [3], [4]])
    cache = model.new_cache(B)
    parts = [model(x[:, :5], cache, mask=mask)]
    parts += [model(part, cache) for part in x[:, 5:].split([1, 2, 1], 1)]
    got, real = torch.cat(parts, 1), torch.cat([mask, torch.ones(B, 4).bool()], 1)
    for row in range(B):
        alone = model(x[row, real[row]][None])[0]
        torch.testing.assert_close(got[row, real[row]], alone)
    # Padding may come later, too: the rows before it were full.
    cache = model.new_cache(B)
    parts = [model(x[:, :4], cache), model(x[:, 4:9], cache, mask=mask)]
    real = torch.cat([torch.ones(B, 4).bool(), mask], 1)
    torch.testing.assert_close(torch.cat(parts, 1)[real], model(x, mask=real)[real])


def test_padding_takes_part_in_no_gradient():
    model, x = gpt(positions="learned"), tokens(6) % (VOCAB - 1)
    mask = torch.arange(6) >= torch.tensor([[0], [3], [5]])
    x = x.masked_fill(~mask, VOCAB - 1)  # a token that occurs as padding alone
    logits = model(x, mask=mask)
    logits[mask].backward(draw(*logits[mask].shape))
    assert all(p.grad.isfinite().all() for p in model.parameters())
    assert (model.embedding.weight.grad[VOCAB - 1] == 0).all()
    assert (model.embedding.weight.grad[x[mask]] != 0).any(1).all()


def test_a_cache_may_forget_its_last_positions():
    model, x = gpt(), tokens(9)
    expected, cache = model(x), model.new_cache(B)
    model((x + 1) % VOCAB, cache)
    cache.length = 0
    model(x[:, :4], cache)
    model((x[:, 4:] + 1) % VOCAB, cache)
    cache.length = 4
    torch.testing.assert_close(model(x[:, 4:], cache), expected[:, 4:])
    for value, error in ((10, ValueError), (-1, ValueError), (2.0, TypeError), (None, TypeError)):
        with pytest.raises(error, match="length: expected an integer"):
            cache.length = value
    cache.length = 4
    model(x[:, 4:5], cache)
    with pytest.raises(ValueError, match="length: expected an integer of at most 5, got 9"):
        cache.length = 9  # what stood there was not read after these


@pytest.mark.parametrize(
    "dtype", [torch.uint8, torch.int8, torch.int16, torch.int32, torch.uint16, torch.uint32]
)
def test_all_integers_are_tokens(dtype):
    model, x = gpt(), tokens()
    assert torch.equal(model(x.to(dtype)), model(x))


def test_compiled_it_computes_the_same():
    """In one graph, forward and backward, padded or not, with autocast as in training."""
    torch._dynamo.reset()
    model = gpt(num_kv_heads=1, activation="swiglu").float()
    upstream = draw(B, T, VOCAB).float()
    mask = torch.arange(T) >= torch.tensor([[0], [3], [5]])
    compiled = torch.compile(model, fullgraph=True, backend="aot_eager")
    for options in ({}, {"mask": mask}):
        results = []
        for way in (model, compiled):
            logits = way(tokens(), **options)
            results.append([logits, *torch.autograd.grad(logits, [*model.parameters()], upstream)])
        torch.testing.assert_close(*results, rtol=1e-4, atol=1e-4)
    with torch.autocast("cpu", torch.bfloat16):
        low = [way(tokens()) for way in (model, compiled)]
    assert low[0].dtype == torch.bfloat16
    torch.testing.assert_close(*low)


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
        ({"d_head": 5}, "d_head: expected an even number"),
        ({"d_head": 0}, "d_head: expected an integer of at least 1"),
        ({"d_head": 2.0}, "d_head: expected an integer"),
        ({"rope_base": 0}, "rope_base: expected more than 0"),
        ({"rope_scaling": {"factor": 8}}, "rope_scaling: expected a RotaryScaling or None"),
        ({"rope_scaling": RotaryScaling(8), "positions": "none"}, "rope_scaling: expected None"),
        ({"rope_scaling": RotaryScaling(-8)}, "scaling.factor: expected more than 0"),
        ({"norm_eps": 0}, "norm_eps: expected more than 0"),
        ({"norm_eps": "1e-5"}, "norm_eps: expected a number"),
        ({"window": 0}, "window: expected an integer of at least 1"),
        ({"embedding_scale": math.inf}, "embedding_scale: expected a finite number"),
        ({"tie_embeddings": 1}, "tie_embeddings: expected True or False"),
        ({"head_bias": None}, "head_bias: expected True or False"),
        ({"qkv_bias": 1}, "qkv_bias: expected True or False"),
        ({"out_bias": "yes"}, "out_bias: expected True or False"),
        ({"ff_bias": 0}, "ff_bias: expected True or False"),
        ({"qk_norm": None}, "qk_norm: expected True or False"),
        ({"init": "zeros"}, "init: expected one of 'zero_outputs', 'gpt2'"),
        ({"activation": ["gelu"]}, "activation: expected one of"),
        ({"bais": True}, "unexpected keyword argument 'bais'"),
    ],
)
def test_bad_settings_are_named(options, message):
    with pytest.raises((TypeError, ValueError), match=message):
        gpt(**options)


def test_bad_tokens_are_named():
    model = gpt()
    with pytest.raises(ValueError, match=r"tokens: expected 1 to 16 positions .*got 17"):
        model(tokens(17))
    for bad in (tokens().float(), tokens() > 3, tokens() * 1j):
        with pytest.raises(TypeError, match="tokens: expected integers"):
            model(bad)
    with pytest.raises(TypeError, match="tokens: expected a tensor, got ndarray"):
        model(tokens().numpy())
    with pytest.raises(ValueError, match="tokens: expected shape"):
        model(tokens()[0])
    for empty in (tokens()[:0], tokens()[:, :0]):
        with pytest.raises(ValueError, match="tokens: expected no empty axis, got shape"):
            model(empty)
    for shift, found in ((VOCAB, "11 to"), (-1, "-1 to"), (2**40, "1099511627776 to")):
        with pytest.raises(ValueError, match=f"tokens: expected 0 to 10, as .* is 11, got {found}"):
            model(tokens() // VOCAB + shift)
    with pytest.raises(ValueError, match="tokens: expected 0 to 10"):
        model((tokens() // VOCAB - 1).to(torch.int8))


@pytest.mark.parametrize("held", [0, 4])
def test_bad_masks_are_named(held):
    model, good = gpt(), torch.ones(B, T).bool()
    cache = model.new_cache(B)
    if held:
        model(tokens(held), cache)
    for mask, error, message in [
        (good.float(), TypeError, "mask: expected dtype torch.bool"),
        (good.long(), TypeError, "mask: expected dtype torch.bool"),
        (good.numpy(), TypeError, "mask: expected a tensor"),
        (good[0], ValueError, r"mask: expected shape \(3, 7\), got \(7,\)"),
        (good[:, :-1], ValueError, r"mask: expected shape \(3, 7\), got \(3, 6\)"),
        (good[:1], ValueError, r"mask: expected shape \(3, 7\), got \(1, 7\)"),
        (causal_mask(T), ValueError, "mask: expected shape"),
        (good.to("meta"), ValueError, "mask: expected a tensor on cpu as tokens, got one on meta"),
    ]:
        with pytest.raises(error, match=message):
            model(tokens(), cache if held else None, mask=mask)
        assert cache.length == held


def test_bad_caches_are_named():
    model = gpt()
    cache = model.new_cache(B)
    model(tokens(10), cache)
    with pytest.raises(ValueError, match="expected 1 to 6 positions after 10 in the cache"):
        model(tokens(7), cache)
    assert cache.length == 10
    for other in (
        model.new_cache(2),
        gpt(num_layers=3).new_cache(B),
        gpt(num_kv_heads=1).new_cache(B),
        gpt(num_heads=2).new_cache(B),
        gpt(d_head=6).new_cache(B),
        gpt(context=15).new_cache(B),
        gpt().float().new_cache(B),
        gpt().to("meta").new_cache(B),
    ):
        with pytest.raises(ValueError, match=r"^cache: .* as new_cache\(3\) makes it, got"):
            model(tokens(), other)
    for other in ([], {}, [None, None], tokens(), True):
        with pytest.raises(TypeError, match="cache: expected that of new_cache, got"):
            model(tokens(), other)
    for rows in (0, -1, 2.0, None):
        with pytest.raises((TypeError, ValueError), match="batch_size: expected an integer"):
            model.new_cache(rows)


@pytest.mark.parametrize(
    ("x", "options", "error", "message"),
    [
        (draw(T, D), {}, ValueError, r"x: expected shape \(b, t, 12\), got \(7, 12\)"),
        (draw(B, T, D + 1), {}, ValueError, r"x: expected shape \(b, t, 12\), got \(3, 7, 13\)"),
        (draw(B, T, D).numpy(), {}, TypeError, "x: expected a tensor"),
        (draw(B, 0, D), {}, ValueError, "q: expected no empty axis"),
        (draw(B, T, D), {"mask": torch.zeros(T, T).double()}, TypeError, "mask: expected dtype"),
        (draw(B, T, D), {"mask": causal_mask(T)[:-1]}, ValueError, "mask: expected a shape that"),
        (draw(B, T, D), {"mask": torch.ones(B, T).bool()}, ValueError, "mask: expected a shape"),
        (draw(B, T, D), {"causal": "no"}, TypeError, "causal: expected True or False"),
        (draw(B, T, D), {"causal": None}, TypeError, "causal: expected True or False"),
        (draw(B, T, D), {"rotary": rotary_tables(T, 6)}, ValueError, r"cos: .*\(7, 2\), of x"),
        (draw(B, T, D), {"rotary": rotary_tables(1, 4)}, ValueError, "cos: expected a row for"),
        (draw(B, T, D), {"rotary": rotary_tables(9, 4)}, ValueError, "cos: expected a row for"),
        (draw(B, T, D), {"layer_cache": lambda k, v: (k, v[:, :, 1:])}, ValueError, "v: expected"),
        (draw(B, T, D), {"layer_cache": lambda k, v: (k.float(), v)}, TypeError, "k: expected dt"),
    ],
)
def test_attention_names_what_does_not_fit(x, options, error, message):
    layer = shaken(MultiHeadAttention(D, HEADS))
    with pytest.raises(error, match=message):
        layer(x, **options)


def test_models_offers_them():
    for name in ("GPT", "Block", "FeedForward", "MultiHeadAttention", "KVCache"):
        assert name in models.__all__
