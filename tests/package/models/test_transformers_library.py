"""A GPT with the options of real models computes what the ``transformers`` library's do.

The library's models are small, random and made on the spot: nothing is loaded. Each is held against
a GPT with the same weights, in logits, in the gradient of every parameter, in the logits of reading
with a cache, and in the tokens that both write. The library computes its norms and rotary angles in
float32 whatever the model's dtype, so that all but GPT-2 agree to float32's precision only.
"""

import math
import os

os.environ["HF_HUB_OFFLINE"] = "1"  # before the library is imported: nothing may be asked for

import pytest
import torch
import torch.nn.functional as F
import transformers

from bigmodel_utils.models import GPT, RotaryScaling, generate

B, T, VOCAB, CONTEXT, LAYERS, D = 2, 17, 61, 40, 2, 24
SIZES = dict(
    vocab_size=VOCAB, hidden_size=D, intermediate_size=44, num_hidden_layers=LAYERS,
    num_attention_heads=6, num_key_value_heads=2, max_position_embeddings=CONTEXT,
    attention_dropout=0.0, bos_token_id=None, eos_token_id=None, pad_token_id=0,
)  # fmt: skip
OURS = dict(
    context=CONTEXT, d_model=D, num_layers=LAYERS, num_heads=6, num_kv_heads=2, d_ff=44,
    activation="swiglu",
)  # fmt: skip
# rtol and atol in float32, of logits and of gradients whose largest number is brought to 1.
CLOSE = {"rtol": 1e-5, "atol": 1e-4}

# The GPT's names against those of the library, ours first.
BLOCK = {
    "norm1": "input_layernorm", "norm2": "post_attention_layernorm",
    "attention.q_proj": "self_attn.q_proj", "attention.k_proj": "self_attn.k_proj",
    "attention.v_proj": "self_attn.v_proj", "attention.out_proj": "self_attn.o_proj",
    "attention.q_norm": "self_attn.q_norm", "attention.k_norm": "self_attn.k_norm",
    "feed_forward.up_proj": "mlp.up_proj", "feed_forward.gate_proj": "mlp.gate_proj",
    "feed_forward.down_proj": "mlp.down_proj",
}  # fmt: skip
OUTSIDE = {"embedding": "model.embed_tokens", "norm": "model.norm", "head": "lm_head"}


def from_llama(named):
    """Return what is named as in Llama and its kin, weights or gradients, under the GPT's names."""
    names = {theirs: ours for ours, theirs in OUTSIDE.items()}
    for i in range(LAYERS):
        names |= {f"model.layers.{i}.{theirs}": f"blocks.{i}.{ours}"
                  for ours, theirs in BLOCK.items()}  # fmt: skip
    out = {}
    for name, value in named.items():
        layer, _, kind = name.rpartition(".")
        out[f"{names[layer]}.{kind}"] = value
    return out


def from_gpt2(named):
    """... named as in GPT-2, whose matrices stand transposed and whose q, k and v are one."""
    names = {
        "ln_1": "norm1", "ln_2": "norm2", "attn.c_proj": "attention.out_proj",
        "mlp.c_fc": "feed_forward.up_proj", "mlp.c_proj": "feed_forward.down_proj",
    }  # fmt: skip
    outside = {"wte": "embedding", "wpe": "position_embedding", "ln_f": "norm"}
    out = {}
    for name, value in named.items():
        layer, _, kind = name.removeprefix("transformer.").rpartition(".")
        if not layer.startswith("h."):
            out[f"{outside.get(layer, 'head')}.{kind}"] = value
            continue
        _, i, layer = layer.split(".", 2)
        value = value.T if value.ndim == 2 else value
        if layer == "attn.c_attn":
            for part, piece in zip("qkv", value.chunk(3), strict=True):
                out[f"blocks.{i}.attention.{part}_proj.{kind}"] = piece
        else:
            out[f"blocks.{i}.{names[layer]}.{kind}"] = value
    return out


def from_gemma(named):
    """... named as in Gemma, whose gains are kept without the 1 that is added to them."""
    return {name: value + 1 if "norm" in name else value
            for name, value in from_llama(named).items()}  # fmt: skip


def rope(base, **more):
    return {"rope_parameters": {"rope_type": "default", "rope_theta": base} | more}


LLAMA3 = dict(rope_type="llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
              original_max_position_embeddings=40)  # fmt: skip
# Name: (the library's classes, its options, the mapping of names, the GPT's options).
LLAMA = ("Llama", from_llama)
MODELS = {
    "llama": (*LLAMA, rope(1e4) | {"rms_norm_eps": 1e-5}, {}),
    "llama, base, eps and tied": (
        *LLAMA, rope(5e5) | {"rms_norm_eps": 1e-6, "tie_word_embeddings": True},
        {"rope_base": 5e5, "norm_eps": 1e-6, "tie_embeddings": True},
    ),
    "llama 3": (
        # Pairs of features that turn 6.4, 1.6 and 0.4 times: kept, between and slowed down.
        *LLAMA, rope(1e3, **LLAMA3) | {"rms_norm_eps": 1e-5, "head_dim": 10,
                                       "max_position_embeddings": 64},
        {"rope_base": 1e3, "rope_scaling": RotaryScaling(8.0, original_context=40), "d_head": 10},
    ),
    "llama, all biases, one head of keys": (
        *LLAMA, rope(1e4) | {"rms_norm_eps": 1e-2, "attention_bias": True, "mlp_bias": True,
                             "num_key_value_heads": 1},
        {"bias": True, "norm_eps": 1e-2, "num_kv_heads": 1},
    ),
    "llama, biases of attention, wide heads": (
        *LLAMA, rope(1e4) | {"rms_norm_eps": 1e-5, "attention_bias": True, "head_dim": 10},
        {"bias": True, "ff_bias": False, "d_head": 10},
    ),
    "qwen 2": (
        "Qwen2", from_llama, rope(1e6) | {"rms_norm_eps": 1e-6},
        {"qkv_bias": True, "rope_base": 1e6, "norm_eps": 1e-6},
    ),
    "qwen 3": (
        "Qwen3", from_llama, rope(1e6) | {"rms_norm_eps": 1e-3, "head_dim": 10},
        {"qk_norm": True, "rope_base": 1e6, "norm_eps": 1e-3, "d_head": 10},
    ),
    "mistral": (
        "Mistral", from_llama, rope(1e4) | {"rms_norm_eps": 1e-5, "sliding_window": None}, {},
    ),
    "mistral, window": (
        "Mistral", from_llama, rope(1e4) | {"rms_norm_eps": 1e-5, "sliding_window": 5},
        {"window": 5},
    ),
    "gemma": (
        "Gemma", from_gemma,
        rope(1e4) | {"rms_norm_eps": 1e-6, "head_dim": 10, "num_key_value_heads": 1,
                     "hidden_act": "gelu_pytorch_tanh", "tie_word_embeddings": True},
        {"activation": "geglu_tanh", "embedding_scale": math.sqrt(D), "d_head": 10,
         "num_kv_heads": 1, "norm_eps": 1e-6, "tie_embeddings": True},
    ),
}  # fmt: skip
GPT2 = dict(
    activation="gelu_tanh", bias=True, positions="learned", norm="layer", num_kv_heads=6,
    tie_embeddings=True, norm_eps=1e-3,
)  # fmt: skip


def pair(name, *, dtype=torch.float32, **changes):
    """Return the library's model, the GPT with its weights, and the mapping of names."""
    torch.manual_seed(0)
    if name == "gpt 2":
        config = transformers.GPT2Config(
            vocab_size=VOCAB, n_positions=CONTEXT, n_embd=D, n_layer=LAYERS, n_head=6, n_inner=44,
            resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0, layer_norm_epsilon=1e-3,
            bos_token_id=None, eos_token_id=None, pad_token_id=0,
        )  # fmt: skip
        theirs, mapping, options = transformers.GPT2LMHeadModel(config), from_gpt2, GPT2
    else:
        kind, mapping, theirs, options = MODELS[name]
        config = getattr(transformers, f"{kind}Config")(
            **{"tie_word_embeddings": False} | SIZES | theirs
        )
        theirs = getattr(transformers, f"{kind}ForCausalLM")(config)
    with torch.no_grad():  # ones and zeros would hide a missing gain or bias
        for n, p in theirs.named_parameters():
            gain = p.ndim == 1 and ("norm" in n or "ln_" in n) and mapping is not from_gemma
            # Small embeddings, so that an epsilon counts; GPT-2's biases would outweigh them.
            scale = 0.1 if "embed" in n or (n.startswith("transformer") and p.ndim == 1) else 0.3
            p.copy_(torch.randn_like(p) * scale + gain)
    ours = GPT(VOCAB, **OURS | options | changes)
    theirs, ours = theirs.to(dtype).eval(), ours.to(dtype).eval()
    state = mapping(theirs.state_dict())
    if changes:
        state = {n: v for n, v in state.items() if n in ours.state_dict()}
    if not changes.get("tie_embeddings", True):
        del state["head.weight"]  # a file of tied weights need not have it
    ours.load_state_dict(state, strict=not changes)
    return theirs, ours, mapping


def tokens(b=B, t=T, seed=1):
    return torch.randint(1, VOCAB, (b, t), generator=torch.Generator().manual_seed(seed))


def loss(logits):
    return F.cross_entropy(logits[:, :-1].flatten(0, 1), tokens()[:, 1:].flatten())


NAMES = ["gpt 2", *MODELS]


@pytest.mark.parametrize("name", NAMES)
def test_logits_and_gradients_are_the_same(name):
    theirs, ours, mapping = pair(name)
    expected, got = theirs(tokens()).logits, ours(tokens())
    assert got.shape == (B, T, VOCAB) and expected.std() > 0.3
    torch.testing.assert_close(got, expected, **CLOSE)
    loss(expected).backward()
    loss(got).backward()
    named = {n: p.grad for n, p in theirs.named_parameters()}
    expected = mapping(named)
    if mapping is from_gemma:  # a gain's gradient is that of the gain less 1
        expected = from_llama(named)
    gradients = {n: p.grad for n, p in ours.named_parameters()}
    assert set(gradients) == set(expected)
    for n, g in gradients.items():
        scale = expected[n].abs().max()
        # A bias of the keys moves all scores of a query alike: no gradient but rounding.
        scale = 1 if "k_proj.bias" in n else scale
        torch.testing.assert_close(
            g / scale, expected[n] / scale, **CLOSE, msg=lambda m, n=n: f"{n}: {m}"
        )


def test_gpt2_in_float64_to_the_last_digits():
    theirs, ours, _ = pair("gpt 2", dtype=torch.float64)
    got, expected = ours(tokens()), theirs(tokens()).logits
    torch.testing.assert_close(got, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", NAMES)
@torch.no_grad()
def test_both_write_the_same_tokens(name):
    theirs, ours, _ = pair(name)
    prompt = tokens(t=5)
    new = 12  # past the window of those that have one
    expected = theirs.generate(
        prompt, attention_mask=torch.ones_like(prompt), max_new_tokens=new, do_sample=False
    )
    for use_cache in (True, False):
        got = generate(ours, prompt, new, temperature=0, use_cache=use_cache)
        assert torch.equal(got, expected)
    assert len(expected[:, 5:].unique()) > 2  # not one token over and over


@pytest.mark.parametrize("name", NAMES)
@torch.no_grad()
def test_padded_prompts_are_read_alike(name):
    """The library's attention mask with its positions against ours; both write the same."""
    theirs, ours, _ = pair(name)
    lengths = torch.tensor([7, 4])
    prompt = tokens(t=7)
    mask = torch.arange(7) >= 7 - lengths[:, None]
    expected = theirs(
        prompt, attention_mask=mask.long(), position_ids=(mask.cumsum(1) - 1).clamp(min=0)
    ).logits
    torch.testing.assert_close(ours(prompt, mask=mask)[mask], expected[mask], **CLOSE)
    expected = theirs.generate(
        prompt, attention_mask=mask.long(), max_new_tokens=7, do_sample=False
    )
    got = generate(ours, prompt, 7, lengths=lengths, temperature=0)
    assert torch.equal(got, expected)


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("llama, base, eps and tied", {"norm_eps": 1e-5}),
        ("llama, base, eps and tied", {"rope_base": 1e4}),
        ("llama, base, eps and tied", {"tie_embeddings": False, "init": "gpt2"}),
        ("llama 3", {"rope_scaling": None}),
        ("llama 3", {"rope_scaling": RotaryScaling(8.0, original_context=42)}),
        ("llama 3", {"rope_scaling": RotaryScaling(8.0, 1.1, original_context=40)}),
        ("llama 3", {"rope_scaling": RotaryScaling(8.0, 1.0, 3.9, original_context=40)}),
        ("llama, all biases, one head of keys", {"qkv_bias": False}),
        ("llama, all biases, one head of keys", {"out_bias": False}),
        ("llama, all biases, one head of keys", {"ff_bias": False}),
        ("qwen 3", {"qk_norm": False}),
        ("qwen 3", {"norm_eps": 1.1e-3}),
        ("mistral, window", {"window": 6}),
        ("mistral, window", {"window": 4}),
        ("gemma", {"activation": "geglu"}),
        ("gemma", {"embedding_scale": 1.0}),
        ("gpt 2", {"activation": "gelu"}),
        ("gpt 2", {"norm_eps": 1.1e-3}),
    ],
)
@torch.no_grad()
def test_a_wrong_option_would_be_noticed(name, changes):
    theirs, ours, _ = pair(name, **changes)
    with pytest.raises(AssertionError, match="not close"):
        torch.testing.assert_close(ours(tokens()), theirs(tokens()).logits, **CLOSE)
