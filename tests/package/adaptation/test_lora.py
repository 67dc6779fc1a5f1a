"""LoRA layers: the arithmetic, what is trained, merging, and models as a whole."""

import copy

import pytest
import torch
from torch import nn

from bigmodel_utils.adaptation import (
    LoRALinear,
    add_lora,
    lora_parameters,
    merge_lora,
    remove_lora,
)
from bigmodel_utils.models import GPT


def layer_of(inputs=5, outputs=3, bias=True):
    torch.manual_seed(0)
    return nn.Linear(inputs, outputs, bias=bias).double()


def changed(layer, rank, **options):
    lora = LoRALinear(layer, rank, **options)
    with torch.no_grad():
        lora.b.normal_()
    return lora


def gpt():
    torch.manual_seed(0)
    model = GPT(11, context=8, d_model=12, num_layers=2, num_heads=2).double().eval()
    for p in model.parameters():  # some are zero at first
        nn.init.normal_(p, std=0.3)
    return model


@pytest.mark.parametrize("bias", [True, False])
def test_it_begins_as_the_layer_and_adds_scale_b_a(bias):
    layer, x = layer_of(bias=bias), torch.randn(2, 7, 5).double()
    lora = LoRALinear(layer, 2, alpha=6)
    assert torch.equal(lora(x), layer(x)) and lora.scale == 3
    with torch.no_grad():
        lora.b.normal_()
    expected = layer(x) + 3 * torch.einsum("or,ri,bti->bto", lora.b, lora.a, x)
    torch.testing.assert_close(lora(x), expected)
    torch.testing.assert_close(lora.merged()(x), expected)
    assert torch.equal(lora.unmerged()(x), layer(x))
    assert (lora.merged().bias is None) == (not bias)
    torch.testing.assert_close(lora.update, 3 * lora.b @ lora.a)


def test_a_and_b_alone_are_trained():
    lora = changed(layer_of(), 2)
    assert {n for n, p in lora.named_parameters() if p.requires_grad} == {"a", "b"}
    lora(torch.randn(4, 5).double()).square().sum().backward()
    assert lora.weight.grad is None and lora.bias.grad is None
    assert lora.a.grad.norm() > 0 and lora.b.grad.norm() > 0


def test_the_weight_is_shared_and_merging_leaves_it():
    layer = layer_of()
    lora, before = changed(layer, 3), layer.weight.detach().clone()
    assert lora.weight is layer.weight
    lora.merged()
    assert torch.equal(layer.weight, before)


def test_the_first_a_follows_the_generator_and_has_its_variance():
    draw = [LoRALinear(layer_of(400, 100), 50, generator=torch.Generator().manual_seed(s)).a
            for s in (1, 1, 2)]  # fmt: skip
    assert torch.equal(draw[0], draw[1]) and not torch.equal(draw[0], draw[2])
    assert draw[0].var().item() == pytest.approx(1 / 400, rel=0.1)


WRONG = [
    (lambda: LoRALinear(nn.Conv2d(1, 2, 3), 1), TypeError, "layer: expected nn.Linear, got Conv2d"),
    (
        lambda: LoRALinear(layer_of(), 4),
        ValueError,
        "rank: expected an integer of at most 3, got 4",
    ),
    (lambda: LoRALinear(layer_of(), 0), ValueError, "rank: expected an integer of at least 1"),
    (lambda: LoRALinear(layer_of(), 2.0), TypeError, "rank: expected an integer, got float"),
    (lambda: LoRALinear(layer_of(), 2, alpha=0), ValueError, "alpha: expected more than 0, got 0"),
    (lambda: LoRALinear(layer_of(), 2, generator=3), TypeError, "generator: expected a torch.Gen"),
    (
        lambda: LoRALinear(layer_of(), 2)(torch.ones(2, 4)),
        ValueError,
        r"x: expected shape \(..., 5",
    ),
    (lambda: LoRALinear(layer_of(), 2)([1.0]), TypeError, "x: expected a tensor"),
    (lambda: add_lora(3, 2, names=["head"]), TypeError, "model: expected a torch.nn.Module"),
    (lambda: add_lora(gpt(), 2, names="head"), TypeError, "names: expected a list of names, got s"),
    (lambda: add_lora(gpt(), 2, names=[3]), TypeError, "names: expected texts, got int 3"),
    (lambda: add_lora(gpt(), 2, names=["tail"]), ValueError, "'tail', which none has"),
    (lambda: add_lora(gpt(), 2, names=["attention"]), ValueError, "0.attention is of type Multi"),
    (lambda: add_lora(gpt(), 13, names=["q_proj"]), ValueError, "rank: .*at most 12, got 13"),
    (lambda: merge_lora(gpt()), ValueError, "model: expected one with LoRALinear, GPT has none"),
    (lambda: remove_lora(gpt()), ValueError, "GPT has none"),
    (lambda: lora_parameters(gpt()), ValueError, "GPT has none"),
]


@pytest.mark.parametrize(("call", "kind", "message"), WRONG)
def test_wrong_arguments_are_named(call, kind, message):
    with pytest.raises(kind, match=message):
        call()


def test_a_refused_model_stays_as_it_was():
    model = gpt()
    for names in (["q_proj", "tail"], ["q_proj", "norm"]):
        with pytest.raises(ValueError, match="names"):
            add_lora(model, 2, names=names)
    assert all(p.requires_grad for p in model.parameters())
    assert not any(isinstance(m, LoRALinear) for m in model.modules())


def test_a_model_gets_corrections_merges_and_loses_them():
    model, tokens = gpt(), torch.randint(11, (2, 8))
    plain = copy.deepcopy(model)
    names = add_lora(model, 2, names=["v_proj", "q_proj"])
    assert names == [f"blocks.{i}.attention.{p}" for i in (0, 1) for p in ("q_proj", "v_proj")]
    torch.testing.assert_close(model(tokens), plain(tokens))
    trained = [p for p in model.parameters() if p.requires_grad]
    assert {id(p) for p in trained} == {id(p) for p in lora_parameters(model)}
    assert sum(p.numel() for p in trained) == 4 * 2 * (12 + 12)
    with torch.no_grad():
        for p in lora_parameters(model):
            p.normal_(std=0.3)
    expected = model(tokens)
    assert (expected - plain(tokens)).abs().max() > 1e-3
    merged = merge_lora(copy.deepcopy(model))
    torch.testing.assert_close(merged(tokens), expected)
    assert list(merged.state_dict()) == list(plain.state_dict())
    assert torch.equal(remove_lora(model)(tokens), plain(tokens))


def test_a_second_correction_of_a_layer_is_refused():
    model = gpt()
    add_lora(model, 2, names=["q_proj"])
    with pytest.raises(ValueError, match="q_proj is of type LoRALinear"):
        add_lora(model, 2, names=["q_proj"])
