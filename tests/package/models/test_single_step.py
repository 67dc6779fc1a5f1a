"""What writes token by token computes what the blocks compute, or leaves it to them."""

import pytest
import torch
from torch import nn

from bigmodel_utils.models import GPT, Block
from bigmodel_utils.models._single_step import single_steps

B, T, D, VOCAB = 3, 9, 12, 11


def gpt(seed=0, dtype=torch.float64, **options):
    sizes = {"context": 16, "d_model": D, "num_layers": 2, "num_heads": 3} | options
    generator, model = torch.Generator().manual_seed(seed), GPT(VOCAB, **sizes)
    with torch.no_grad():
        for p in model.parameters():  # zeros and ones would hide mistakes
            p.copy_(0.4 * torch.randn(p.shape, generator=generator) + (p.ndim == 1))
    return model.to(dtype).eval()


def tokens(seed=1):
    return torch.randint(VOCAB, (B, T), generator=torch.Generator().manual_seed(seed))


def written(model, x, start=1, mask=None):
    """Logits of positions read one by one with a cache, and the cache."""
    cache, parts = model.new_cache(len(x)), []
    with torch.no_grad():
        for part in x.split([start, *[1] * (x.shape[1] - start)], dim=1):
            parts.append(model(part, cache, mask=mask if part.shape[1] > 1 else None))
    return torch.cat(parts, dim=1), cache


def is_quick(cache, model):
    return cache.single_steps is not None and cache.single_steps is not model.blocks


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"norm": "layer", "bias": True, "activation": "gelu"},
        {"pre_norm": False, "norm": "layer", "bias": True},
        {"pre_norm": False},
        {"num_kv_heads": 1},
        {"num_kv_heads": 1, "qk_norm": True, "qkv_bias": True},
        {"qk_norm": True, "d_head": 6},
        {"activation": "swiglu", "ff_bias": True, "norm_eps": 0.3},
        {"activation": "geglu_tanh", "out_bias": True},
        {"window": 3},
        {"positions": "learned", "embedding_scale": 2.5},
        {"positions": "sinusoidal", "tie_embeddings": True},
        {"positions": "none", "dropout": 0.5, "num_kv_heads": 1},
    ],
    ids=str,
)
@pytest.mark.parametrize("start", [1, 4])
def test_is_what_the_blocks_compute(options, start):
    model, x = gpt(**options), tokens()
    got, cache = written(model, x, start)
    assert is_quick(cache, model)
    torch.testing.assert_close(got, model(x), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("options", [{}, {"num_kv_heads": 1}, {"window": 3}, {"norm": "layer"}])
def test_padding_is_not_read(options):
    model, x = gpt(**options), tokens()
    mask = torch.arange(5) >= torch.tensor([[0], [3], [4]])
    got, cache = written(model, x, 5, mask)
    assert is_quick(cache, model)
    for row in range(B):
        real = torch.cat([mask[row], torch.ones(T - 5).bool()])
        torch.testing.assert_close(got[row, real], model(x[row, real][None])[0])


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-4), (torch.bfloat16, 0.1)])
def test_lower_precision_stays_near(dtype, tolerance):
    model, x = gpt(dtype=dtype), tokens()
    got, cache = written(model, x)
    assert is_quick(cache, model) and got.dtype == dtype
    with torch.no_grad():
        expected = model(x)
    assert (got - expected).abs().max() <= tolerance * expected.abs().max()


class Adapter(nn.Module):
    """A projection with a correction, as one trains in the place of a frozen layer."""

    def __init__(self, layer):
        super().__init__()
        self.weight, self.bias = layer.weight, layer.bias

    def forward(self, x):
        return 3 * nn.functional.linear(x, self.weight, self.bias)


class OtherBlock(Block):
    def forward(self, x, mask=None, **options):
        return 2 * super().forward(x, mask, **options)


def with_adapter(model):
    model.blocks[1].attention.k_proj = Adapter(model.blocks[1].attention.k_proj)


def with_subclass(model):
    model.blocks[0].__class__ = OtherBlock


def with_other_forward(model):
    part = model.blocks[1].feed_forward
    part.forward = lambda x: -type(part).forward(part, x)


def with_hook(model):
    model.blocks[1].attention.v_proj.register_forward_hook(lambda part, given, out: 2 * out)


def with_pre_hook(model):
    model.blocks[0].norm1.register_forward_pre_hook(lambda part, given: (given[0] + 1,))


def with_parametrization(model):
    nn.utils.parametrizations.weight_norm(model.blocks[0].attention.q_proj)


def with_explicit_attention(model):
    model.blocks[0].attention.attend.fused = False


@pytest.mark.parametrize(
    "change",
    [
        with_adapter, with_subclass, with_other_forward, with_hook, with_pre_hook,
        with_parametrization, with_explicit_attention,
    ],
)  # fmt: skip
def test_other_parts_are_left_to_themselves(change):
    model, x = gpt(), tokens()
    change(model)
    got, cache = written(model, x)
    assert cache.single_steps is model.blocks
    torch.testing.assert_close(got, model(x), rtol=1e-10, atol=1e-10)


def test_gradients_and_training_go_through_the_blocks():
    model, x = gpt(dropout=0.5), tokens()
    cache = model.new_cache(B)
    model(x[:, :1], cache)[..., 0].pow(2).sum().backward()
    assert cache.single_steps is None and model.blocks[0].attention.q_proj.weight.grad is not None
    model.train()
    with torch.no_grad():
        first, second = (model(x[:, :1], model.new_cache(B)) for _ in range(2))
    assert not torch.equal(first, second)  # dropout drops
    model.eval()
    model.blocks[1].attention.dropout.train()  # of one part alone
    assert single_steps(model.blocks) is model.blocks


def test_an_emptied_cache_reads_the_new_weights():
    model, x = gpt(), tokens()
    _, cache = written(model, x)
    with torch.no_grad():
        for p in model.parameters():
            p.mul_(-0.7)
        cache.length = 0
        got = torch.cat([model(part, cache) for part in x.split(1, dim=1)], dim=1)
    torch.testing.assert_close(got, model(x), rtol=1e-10, atol=1e-10)
