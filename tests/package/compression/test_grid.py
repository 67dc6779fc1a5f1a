"""Codes on a grid, against loops over single numbers."""

import pytest
import torch

from bigmodel_utils.compression import Codes, to_codes


def drawn(rows, columns, seed=0, dtype=torch.float32):
    g = torch.Generator().manual_seed(seed)
    return torch.randn(rows, columns, generator=g, dtype=torch.float64).to(dtype)


def by_loops(weight, bits, size, symmetric):
    """Decoded weights: for each number the nearest level, of all that its group has."""
    found = torch.zeros_like(weight)
    for o, row in enumerate(weight.tolist()):
        for start in range(0, len(row), size):
            group = row[start : start + size]
            if symmetric:
                top = 2 ** (bits - 1) - 1
                scale, least = max(abs(w) for w in group) / top, 0.0
                codes = range(-top, top + 1)
            else:
                scale, least = (max(group) - min(group)) / (2**bits - 1), min(group)
                codes = range(2**bits)
            levels = [scale * c + least for c in codes]
            for i, w in enumerate(group):
                found[o, start + i] = min(levels, key=lambda level, w=w: abs(level - w))
    return found


@pytest.mark.parametrize("bits", [2, 3, 4, 8])
@pytest.mark.parametrize(("rows", "columns", "size"), [(3, 8, None), (5, 12, 4), (1, 6, 3)])
@pytest.mark.parametrize("symmetric", [True, False])
def test_decoded_is_the_nearest_level(bits, rows, columns, size, symmetric):
    weight = drawn(rows, columns, bits, torch.float64)
    options = dict(bits=bits, group_size=size, symmetric=symmetric)
    found = to_codes(weight, **options, scale_dtype=torch.float32)
    expected = by_loops(weight, bits, size or columns, symmetric)
    torch.testing.assert_close(found.decode(torch.float64), expected, atol=1e-6, rtol=1e-6)
    assert found.codes.shape == weight.shape
    assert found.scale.shape == (rows, columns // (size or columns))


def test_a_wrong_scale_would_be_noticed():
    weight = drawn(3, 8, 1, torch.float64)
    found = to_codes(weight, bits=4, group_size=4, scale_dtype=torch.float32)
    turned = found._replace(scale=found.scale.flip(1))
    with pytest.raises(AssertionError):
        torch.testing.assert_close(
            turned.decode(torch.float64), by_loops(weight, 4, 4, True), atol=1e-6, rtol=1e-6
        )


def test_the_error_is_at_most_half_a_step():
    weight = drawn(7, 64, 3)
    for symmetric in (True, False):
        found = to_codes(weight, bits=4, group_size=16, symmetric=symmetric)
        off = (found.decode() - weight).unflatten(1, (-1, 16)).abs().amax(2)
        assert bool((off <= 0.51 * found.scale.float()).all())


def test_weights_on_the_grid_come_back_exactly():
    g = torch.Generator().manual_seed(2)
    codes = torch.randint(0, 16, (5, 64), generator=g)
    codes[:, 0::32], codes[:, 1::32] = 0, 15  # both ends occur in each group
    weight = (codes * 0.25 - 3.5).float()
    back = to_codes(weight, bits=4, group_size=32, symmetric=False)
    assert torch.equal(back.codes, codes.to(torch.uint8)) and torch.equal(back.decode(), weight)
    assert not torch.equal(to_codes(weight, bits=4, group_size=32).decode(), weight)


def test_bits_a_weight():
    weight = drawn(2, 64)
    for options, bits in (
        (dict(bits=8), 8 + 16 / 64),
        (dict(bits=4, group_size=32), 4.5),
        (dict(bits=4, group_size=32, symmetric=False), 5.0),
        (dict(bits=3, group_size=16, scale_dtype=torch.float32), 5.0),
    ):
        assert to_codes(weight, **options).bits_a_weight == bits


def test_zeros_stay_zeros_and_rows_are_apart():
    weight = drawn(2, 8)
    weight[0] = 0
    found = to_codes(weight, bits=4)
    assert torch.equal(found.decode()[0], weight[0]) and found.scale[0] == 1
    alone = to_codes(weight[1:], bits=4)
    assert torch.equal(found.decode()[1:], alone.decode())


def test_wrong_arguments_are_named():
    good = dict(weight=drawn(3, 8), bits=4)
    for change, kind, message in (
        (dict(weight=[[1.0]]), TypeError, "weight: expected a tensor"),
        (dict(weight=drawn(3, 8)[0]), ValueError, "weight: expected shape"),
        (dict(weight=torch.ones(3, 8, dtype=torch.int64)), TypeError, "weight: expected a float"),
        (dict(weight=torch.ones(0, 8)), ValueError, "weight: "),
        (dict(weight=torch.full((2, 4), torch.nan)), ValueError, "weight: expected finite"),
        (dict(weight=torch.tensor([[1.0, torch.inf]])), ValueError, "weight: expected finite"),
        (dict(bits=1), ValueError, "bits: "),
        (dict(bits=9), ValueError, "bits: "),
        (dict(bits=4.0), TypeError, "bits: "),
        (dict(group_size=3), ValueError, "group_size: expected a divisor of 8"),
        (dict(group_size=0), ValueError, "group_size: "),
        (dict(symmetric=1), TypeError, "symmetric: "),
        (dict(scale_dtype=torch.float64), ValueError, "scale_dtype: expected one of"),
        (dict(weight=1e9 * drawn(2, 4)), ValueError, "scale_dtype: float16 cannot hold"),
        (dict(weight=1e-12 * drawn(2, 4)), ValueError, "scale_dtype: float16 cannot hold"),
    ):
        with pytest.raises(kind, match=message):
            to_codes(**(good | change))
    to_codes(1e9 * drawn(2, 4), bits=4, scale_dtype=torch.bfloat16)


def test_codes_know_their_groups():
    codes = Codes(torch.zeros(2, 12, dtype=torch.int8), torch.ones(2, 3), None, 4)
    assert codes.group_size == 4 and codes.decode().shape == (2, 12)
