"""Pretrained models: what is read from a GGUF file, and what other libraries read from ours."""

import json
import os

os.environ["HF_HUB_OFFLINE"] = "1"  # before the library is imported: nothing may be asked for

import subprocess
import sys

import pytest
import torch
import torch.nn.functional as F
from tiny_gguf import CONTEXT, HEADS, KV_HEADS, LAYERS, D, settings, tensors, write

from bigmodel_utils import data
from bigmodel_utils.models import (
    GGUF,
    GPT,
    RotaryScaling,
    generate,
    load_pretrained,
    rotary_tables,
    save_pretrained,
)
from bigmodel_utils.models._llama_names import IN_TRANSFORMERS, tensor_names

TEXT = (
    "The lighthouse keeper wrote the date, 14 March 1987, and then nothing else. It had rained "
    "since noon; the boat was late again. “Wait for it,” his sister used to say, “and it comes "
    "while you look away.”\n\n\tdef wait(n):\n\t\treturn [i ** 2 for i in range(n)]\n"
)


def real_file():
    try:
        return data.language_model_file()
    except ModuleNotFoundError as error:
        pytest.skip(str(error))


def by_loops(weight, heads):
    """Return the rows of pairs (0, 1), (2, 3) ... of each head as those of (0, d/2) ..."""
    d = len(weight) // heads
    out = torch.empty_like(weight)
    for head in range(heads):
        for i in range(d // 2):
            out[head * d + i] = weight[head * d + 2 * i]
            out[head * d + d // 2 + i] = weight[head * d + 2 * i + 1]
    return out


def test_a_small_file_becomes_a_gpt(tmp_path):
    path, held = write(tmp_path)
    model, tokenizer = load_pretrained(path)
    assert type(model) is GPT and not model.training
    assert model.context == CONTEXT and len(model.blocks) == LAYERS
    layer = model.blocks[0].attention
    assert (layer.num_heads, layer.num_kv_heads, layer.d_head) == (HEADS, KV_HEADS, D // HEADS)
    assert torch.equal(model.rotary_sin, rotary_tables(CONTEXT, D // HEADS, base=500)[1])
    assert model.norm.eps == model.blocks[1].norm2.eps == 1e-5
    assert model.head.weight is model.embedding.weight
    assert all(p.device.type == "cpu" and p.requires_grad for p in model.parameters())
    file, block = GGUF(path), model.blocks[1]
    for own, theirs in (
        (block.norm1, "attn_norm"), (block.norm2, "ffn_norm"),
        (block.attention.v_proj, "attn_v"), (block.attention.out_proj, "attn_output"),
        (block.feed_forward.gate_proj, "ffn_gate"), (block.feed_forward.up_proj, "ffn_up"),
        (block.feed_forward.down_proj, "ffn_down"),
    ):  # fmt: skip
        assert torch.equal(own.weight, file.read(f"blk.1.{theirs}.weight"))
    for own, theirs, heads in (
        (block.attention.q_proj, "attn_q", HEADS), (block.attention.k_proj, "attn_k", KV_HEADS),
    ):  # fmt: skip
        assert torch.equal(own.weight, by_loops(file.read(f"blk.1.{theirs}.weight"), heads))
    assert torch.equal(model.embedding.weight, file.read("token_embd.weight"))
    assert len(held) == len(file.tensors) == 20
    assert tokenizer.vocab_size == 262 and tokenizer.special_tokens == {"<|end|>": 0}
    assert tokenizer.decode(tokenizer.encode("in the 10")) == "in the 10"


def test_the_gpt_of_a_file_is_one_that_was_made_with_its_settings(tmp_path):
    model, _ = load_pretrained(write(tmp_path)[0])
    options = dict(context=CONTEXT, d_model=D, num_layers=LAYERS, num_heads=HEADS, num_kv_heads=2)
    like = GPT(262, **options, d_ff=96, activation="swiglu", rope_base=500, tie_embeddings=True)
    like.load_state_dict(model.state_dict())
    tokens = torch.arange(37)[None] * 7 % 262
    assert torch.equal(model(tokens), like(tokens))
    assert torch.equal(generate(model, tokens[:, :5], 20), generate(like, tokens[:, :5], 20))


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_other_dtypes(tmp_path, dtype):
    path, _ = write(tmp_path)
    model, _ = load_pretrained(path, dtype=dtype)
    plain, _ = load_pretrained(path)
    assert {x.dtype for x in [*model.parameters(), *model.buffers()]} == {dtype}
    tokens = torch.tensor([[3, 4, 5, 6, 7]])
    error, most = (model(tokens) - plain(tokens)).std(), 0.05 if dtype == torch.bfloat16 else 1e-5
    assert error < most * plain(tokens).std()


def test_an_output_layer_of_its_own(tmp_path):
    path, _ = write(tmp_path, None, tensors(**{"output.weight": ("Q8_0", (262, D))}))
    model, _ = load_pretrained(path)
    assert model.head.weight is not model.embedding.weight
    assert torch.equal(model.head.weight, GGUF(path).read("output.weight"))


@pytest.mark.parametrize(
    ("named", "infos", "message"),
    [
        ({"general.architecture": "gpt2"}, {}, "general.architecture 'llama', got 'gpt2'"),
        ({"general.architecture": None}, {}, "'general.architecture' of type str, got nothing"),
        ({"llama.block_count": "2"}, {}, "'llama.block_count' of type int, got str '2'"),
        ({"llama.block_count": 3}, {}, "tensor 'blk.2.attn_q.weight', found none"),
        ({"llama.context_length": 0}, {}, "in its settings, context: expected an integer of at"),
        ({"llama.attention.head_count_kv": 3}, {}, "in its settings, num_kv_heads: expected a div"),
        ({"llama.embedding_length": 128}, {}, "expected all 32 features"),
        ({"llama.rope.dimension_count": 8}, {}, "expected all 16 features .*dimension_count 8"),
        ({"llama.rope.scaling.type": "linear"}, {}, "no scaled positions, got llama.rope.scaling"),
        ({}, {"rope_freqs.weight": ("F32", (8,))}, "no scaled positions, got rope_freqs.weight"),
        ({"tokenizer.ggml.pre": "llama-bpe"}, {}, "tokenizer.ggml.pre 'smollm', got 'llama-bpe'"),
        ({"tokenizer.ggml.token_type": [1, 1]}, {}, "a type for each of 262 tokens, got 2"),
        ({"tokenizer.ggml.merges": ["x yz"]}, {}, r"in its tokenizer, merges\[0\]: expected two"),
        ({}, {"blk.1.ffn_up.weight": None}, "tensor 'blk.1.ffn_up.weight', found none"),
        ({}, {"output_norm.weight": ("F32", (65,))}, r"shape \(64,\) .*'output_norm.* \(65,\)"),
        ({}, {"blk.0.attn_k.weight": ("F32", (64, 32))}, r"\(32, 64\) .*'blk.0.attn_k.*\(64, 32"),
    ],
)
def test_files_that_do_not_fit(tmp_path, named, infos, message):
    path, _ = write(tmp_path, settings(**named), tensors(**infos))
    with pytest.raises(ValueError, match=message) as error:
        load_pretrained(path)
    assert str(path) in str(error.value)


def test_bad_arguments(tmp_path):
    with pytest.raises(FileNotFoundError, match="nothing at"):
        load_pretrained(tmp_path / "absent")
    with pytest.raises(ValueError, match="dtype: expected one of"):
        load_pretrained(write(tmp_path)[0], dtype="float32")


# Written for others -------------------------------------------------------------------------------


def llama(**changes):
    options = dict(
        context=30, d_model=24, num_layers=2, num_heads=6, num_kv_heads=2, d_ff=44,
        activation="swiglu", rope_base=700.0, norm_eps=1e-3, init="gpt2",
    )  # fmt: skip
    options |= changes
    torch.manual_seed(0)
    model = GPT(61, **options)
    for p in model.parameters():
        torch.nn.init.normal_(p, std=0.3)
    return model


def read_by_the_library(folder):
    import transformers

    return transformers.AutoModelForCausalLM.from_pretrained(folder, dtype="auto")


@pytest.mark.parametrize(
    "changes", [{}, {"tie_embeddings": True}, {"d_head": 10, "num_kv_heads": 1}, {"num_layers": 1}]
)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_library_reads_what_was_written(tmp_path, changes, dtype):
    model = llama(**changes).to(dtype)
    save_pretrained(model, tmp_path / "new" / "folder", rope_base=700.0)
    theirs = read_by_the_library(tmp_path / "new" / "folder")
    assert type(theirs).__name__ == "LlamaForCausalLM" and theirs.dtype == dtype
    tied = theirs.lm_head.weight is theirs.model.embed_tokens.weight
    assert tied == bool(changes.get("tie_embeddings"))
    tokens = torch.randint(61, (2, 17))
    close = dict(rtol=0.1, atol=0.3) if dtype == torch.bfloat16 else dict(rtol=1e-5, atol=1e-4)
    torch.testing.assert_close(model(tokens), theirs(tokens).logits, **close)


def test_the_written_file_is_what_safetensors_writes(tmp_path):
    from safetensors.torch import load_file

    model = llama()
    save_pretrained(model, tmp_path, rope_base=700)
    found = load_file(tmp_path / "model.safetensors")
    assert torch.equal(found["model.layers.1.mlp.up_proj.weight"],
                       model.blocks[1].feed_forward.up_proj.weight)  # fmt: skip
    assert len(found) == len(model.state_dict())
    assert sorted(p.name for p in tmp_path.iterdir()) == ["config.json", "model.safetensors"]
    assert json.loads((tmp_path / "config.json").read_text())["model_type"] == "llama"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"norm": "layer"}, "norm = LayerNorm"), ({"activation": "relu2"}, "activation = relu2"),
        ({"positions": "learned"}, "positions = learned"), ({"bias": True}, "bias = True"),
        ({"head_bias": True}, "bias = True"), ({"pre_norm": False}, "pre_norm = False"),
        ({"qk_norm": True}, "qk_norm = True"), ({"window": 5}, "window = 5"),
        ({"embedding_scale": 2.0}, "embedding_scale = 2.0"),
    ],
)  # fmt: skip
def test_what_llama_is_not_is_refused(tmp_path, changes, message):
    with pytest.raises(ValueError, match=f"expected one of Llama's kind, got {message}"):
        save_pretrained(llama(**changes), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_other_rotary_tables_than_those_of_the_base_are_refused(tmp_path):
    message = "rope_base: expected the base of the model's rotary tables, got 700"
    for model in (
        llama(rope_scaling=RotaryScaling(2.0, original_context=8)),
        llama(rope_base=701.0),
    ):
        with pytest.raises(ValueError, match=message):
            save_pretrained(model, tmp_path, rope_base=700)
    assert list(tmp_path.iterdir()) == []


def test_saving_bad_arguments(tmp_path):
    with pytest.raises(TypeError, match="model: expected a GPT, got Linear"):
        save_pretrained(torch.nn.Linear(2, 3), tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(NotADirectoryError, match="folder: expected a folder, got the file"):
        save_pretrained(llama(), tmp_path / "file")
    mixed = llama()
    mixed.norm.bfloat16()
    with pytest.raises(TypeError, match=r"one floating-point dtype, got torch\.bfloat16"):
        save_pretrained(mixed, tmp_path, rope_base=700)
    odd = llama()
    odd.extra = torch.nn.Parameter(torch.zeros(2))
    with pytest.raises(ValueError, match="the parts of a GPT alone, got 'extra'"):
        save_pretrained(odd, tmp_path)


# The real file ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def real():
    return load_pretrained(real_file())


def test_the_real_model_has_the_library_s_weights(real):
    """The library reads the same file by code of its own, rotary permutation included."""
    pytest.importorskip("gguf", reason="gguf, by which transformers reads the file, is missing")
    import transformers
    from transformers.modeling_gguf_pytorch_utils import load_gguf_checkpoint

    own, path = real[0].state_dict(), str(real_file())
    with torch.device("meta"):  # for its names and numbers of heads alone
        config = transformers.LlamaConfig(
            num_hidden_layers=30, num_attention_heads=9, num_key_value_heads=3, hidden_size=576
        )
        like = transformers.LlamaForCausalLM(config)
    theirs = load_gguf_checkpoint(path, return_tensors=True, model_to_load=like)["tensors"]
    names = tensor_names(real[0], IN_TRANSFORMERS)
    assert {names[name] for name in own} - {"lm_head.weight"} <= set(theirs)
    for name, x in own.items():
        if name != "head.weight":
            assert torch.equal(x, theirs[names[name]].float()), name


@torch.no_grad()
def test_the_real_model_gives_the_library_s_logits(real, tmp_path):
    model, tokenizer = real
    save_pretrained(model, tmp_path, rope_base=1e5)
    theirs = read_by_the_library(tmp_path)
    tokens = torch.tensor([tokenizer.encode(TEXT)])
    ours, wanted = model(tokens), theirs(tokens).logits
    assert wanted.std() > 2
    torch.testing.assert_close(ours, wanted, rtol=0, atol=2e-3)
    assert F.cross_entropy(ours[0, :-1], tokens[0, 1:]) < 4


@torch.no_grad()
def test_the_real_model_writes_what_the_library_writes(real, tmp_path):
    model, tokenizer = real
    save_pretrained(model, tmp_path, rope_base=1e5)
    theirs = read_by_the_library(tmp_path)
    assert theirs.num_parameters() == sum(p.numel() for p in model.parameters()) == 134_515_008
    prompt = torch.tensor([tokenizer.encode("The capital of France is")])
    ours = generate(model, prompt, 12, temperature=0)
    wanted = theirs.generate(
        prompt, attention_mask=torch.ones_like(prompt), max_new_tokens=12, do_sample=False,
        eos_token_id=-1, pad_token_id=0,
    )  # fmt: skip
    assert ours.tolist() == wanted.tolist()
    assert tokenizer.decode(ours[0]).startswith("The capital of France is Paris.")


def test_the_real_model_in_bfloat16_takes_less_than_700_megabytes():
    real_file()
    if not os.path.exists("/proc/self/statm"):
        pytest.skip("this system has no /proc/self/statm to read the memory from")
    code = (
        "import torch; from bigmodel_utils import data, models; "
        "kept = models.load_pretrained(data.language_model_file(), dtype=torch.bfloat16); "
        "print(int(open('/proc/self/statm').read().split()[1]) * 4096)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 700e6
