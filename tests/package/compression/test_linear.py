"""The layer of codes: against decoded weights and a product in float64."""

import pytest
import torch
from torch import nn

from bigmodel_utils.compression import QuantizedLinear, packed_product, rounded_weights, to_codes

SCHEMES = [
    dict(bits=8), dict(bits=8, symmetric=False), dict(bits=4), dict(bits=4, group_size=4),
    dict(bits=4, group_size=6, symmetric=False), dict(bits=8, group_size=2),
]  # fmt: skip


def layer_of(columns, rows, bias=True, seed=0):
    torch.manual_seed(seed)
    return nn.Linear(columns, rows, bias=bias).double()


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("shape", [(), (5,), (2, 3)])
def test_equals_decoded_weights(scheme, bias, shape):
    layer = layer_of(12, 7, bias)
    coded = QuantizedLinear.of(layer, **scheme)
    weight = to_codes(layer.weight, **scheme).decode(torch.float64)
    x = torch.randn(*shape, 12).double()
    expected = torch.einsum("...i,oi->...o", x, weight) + (layer.bias if bias else 0)
    torch.testing.assert_close(coded(x), expected, atol=1e-12, rtol=1e-12)
    assert not list(coded.parameters())


@pytest.mark.parametrize("scheme", SCHEMES)
def test_packing_loses_nothing(scheme):
    codes = to_codes(layer_of(12, 7).weight, **scheme)
    back = QuantizedLinear(codes).codes
    assert torch.equal(back.codes, codes.codes) and back.codes.dtype == codes.codes.dtype
    assert back.bits == codes.bits and torch.equal(back.scale, codes.scale)


def test_swapped_halves_would_be_noticed():
    coded = QuantizedLinear.of(layer_of(12, 7), bits=4)
    x = torch.randn(3, 12).double()
    before = coded(x)
    coded.packed = (coded.packed & 15) << 4 | coded.packed >> 4
    assert not torch.allclose(coded(x), before, atol=1e-3)


def test_bytes_are_those_of_the_formula():
    layer = layer_of(64, 6, bias=False)
    for scheme, num_bytes in (
        (dict(bits=8), 6 * 64 + 6 * 2),
        (dict(bits=4, group_size=32), 6 * 32 + 6 * 2 * 2),
        (dict(bits=4, group_size=32, symmetric=False), 6 * 32 + 6 * 2 * 4),
    ):
        coded = QuantizedLinear.of(layer, **scheme)
        assert coded.num_bytes == num_bytes == coded.codes.bits_a_weight * 6 * 64 / 8


def test_state_can_be_saved_and_loaded():
    one, other = (QuantizedLinear.of(layer_of(8, 3, seed=s), bits=4) for s in (0, 1))
    x = torch.randn(2, 8).double()
    assert not torch.equal(one(x), other(x))
    other.load_state_dict(one.state_dict())
    assert torch.equal(one(x), other(x))


@pytest.mark.parametrize(
    "scheme",
    [dict(bits=8), dict(bits=4, group_size=32), dict(bits=4, group_size=64, symmetric=False)],
)
@pytest.mark.parametrize("rows", [64, 80])
def test_kernels_agree_or_are_refused(scheme, rows):
    layer = layer_of(128, rows).float()
    coded = QuantizedLinear.of(layer, **scheme)
    run = packed_product(coded)
    if run is None:
        pytest.skip("this processor has no such kernel")
    x = torch.randn(5, 128).bfloat16()
    got, expected = run(x).float(), coded(x.float())
    assert (got - expected).norm() < 0.03 * expected.norm()


def test_no_kernel_where_there_is_none():
    layer = layer_of(128, 64).float()
    others = dict(bits=8, group_size=32), dict(bits=4, group_size=16)
    for scheme in (dict(bits=8, symmetric=False), *others):
        assert packed_product(QuantizedLinear.of(layer, **scheme)) is None
    with pytest.raises(TypeError, match="layer: expected QuantizedLinear"):
        packed_product(layer)


def test_a_kernel_with_other_numbers_is_refused(monkeypatch):
    from bigmodel_utils.compression import _kernels

    coded = QuantizedLinear.of(layer_of(128, 64).float(), bits=8)
    weight = coded.codes.decode().bfloat16()
    monkeypatch.setattr(_kernels, "_eight", lambda codes: lambda x: x @ weight.T)
    assert packed_product(coded) is not None
    for wrong in (lambda x: 1.1 * (x @ weight.T), lambda x: torch.nan * (x @ weight.T)):
        monkeypatch.setattr(_kernels, "_eight", lambda codes, wrong=wrong: wrong)
        assert packed_product(coded) is None


def test_weights_are_rounded_and_put_back():
    model = nn.Sequential(layer_of(8, 5), nn.ReLU(), layer_of(5, 3, seed=1))
    before = [p.clone() for p in model.parameters()]
    x = torch.randn(4, 8).double()
    plain = model(x)
    with rounded_weights(model, bits=4) as bits:
        assert bits == pytest.approx(4 + 16 * 8 / 55)
        expected = to_codes(before[0], bits=4).decode(torch.float64)
        assert torch.equal(model[0].weight, expected)
        assert not torch.allclose(model(x), plain)
    assert all(torch.equal(p, q) for p, q in zip(model.parameters(), before, strict=True))
    with rounded_weights(model) as bits:
        assert bits is None and torch.equal(model(x), plain)
    with pytest.raises(ValueError, match="bits: "), rounded_weights(model, bits=1):
        pass
    assert torch.equal(model(x), plain)


def test_wrong_arguments_are_named():
    layer, good = layer_of(8, 3), to_codes(layer_of(8, 3).weight, bits=4)
    tied = nn.Sequential(layer, layer_of(8, 3))
    tied[1].weight = layer.weight
    for call, kind, message in (
        (lambda: QuantizedLinear(3), TypeError, "codes: expected Codes"),
        (lambda: QuantizedLinear(good._replace(bits=3)), ValueError, "bits: expected one of 8, 4"),
        (lambda: QuantizedLinear(good, torch.ones(2)), ValueError, "bias: expected shape"),
        (lambda: QuantizedLinear(to_codes(torch.ones(2, 3), bits=4)), ValueError, "codes: .*even"),
        (lambda: QuantizedLinear.of(nn.Identity(), bits=8), TypeError, "layer: expected nn.Linear"),
        (lambda: QuantizedLinear(good)(torch.ones(2, 7)), ValueError, "x: expected shape"),
        (lambda: QuantizedLinear(good)(torch.ones(8).long()), TypeError, "x: expected a floating"),
        (lambda: rounded_weights(3, bits=4).__enter__(), TypeError, "module: "),
        (lambda: rounded_weights(nn.ReLU(), bits=4).__enter__(), ValueError, "module: expected an"),
        (lambda: rounded_weights(tied, bits=4).__enter__(), ValueError, "module: .*shared"),
    ):
        with pytest.raises(kind, match=message):
            call()
    assert "bits=4, groups=1, symmetric=True" in repr(QuantizedLinear(good))
