"""Tables of positions and the rotation that uses them, against their definitions."""

import math

import pytest
import torch

from bigmodel_utils.models import RotaryScaling, rotary_tables, rotate, sinusoidal


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


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


def test_each_row_may_have_its_own_tables():
    x, (cos, sin) = draw(2, 3, 4, 6), rotary_tables(20, 6)
    places = torch.tensor([[3, 4, 5, 6], [0, 0, 9, 10]])
    got = rotate(x, cos[places][:, None], sin[places][:, None])
    for row, expected in enumerate(got):
        alone = rotate(x[row], cos[places[row]], sin[places[row]])
        torch.testing.assert_close(alone, expected, rtol=0, atol=0)


def test_a_far_position_is_exact():
    """Angles are multiplied in float64: in float32 they would be off by a hundredth here."""
    position, d = 1_000_000, 6
    cos, sin = rotary_tables(position + 1, d)
    for i in range(3):
        angle = position * 10000.0 ** (-2 * i / d)
        assert abs(cos[-1, i].item() - math.cos(angle)) < 1e-6
        assert abs(sin[-1, i].item() - math.sin(angle)) < 1e-6


def test_llama_scaling_by_hand():
    """Turns over 100 positions: 15.9, 3.2, 0.64 and 0.13 of the four pairs."""
    base, d, factor = 625.0, 8, 5.0
    plain = [5.0**-i for i in range(4)]
    scaling = RotaryScaling(factor, low_freq_factor=0.3, high_freq_factor=4.0, original_context=100)
    cos, sin = (table.double() for table in rotary_tables(2, d, base=base, scaling=scaling))
    got = torch.atan2(sin[1], cos[1])
    expected = []
    for frequency in plain:
        turns = 100 * frequency / (2 * math.pi)
        if turns >= 4.0:
            expected.append(frequency)
        elif turns <= 0.3:
            expected.append(frequency / factor)
        else:
            part = (turns - 0.3) / 3.7
            expected.append(part * frequency + (1 - part) * frequency / factor)
    torch.testing.assert_close(got, torch.tensor(expected).double(), rtol=1e-6, atol=1e-8)
    assert expected[0] == plain[0] and expected[2] != plain[2] / factor
    assert expected[3] == plain[3] / factor
    same = rotary_tables(9, d, scaling=RotaryScaling(1.0, original_context=8))
    torch.testing.assert_close(same, rotary_tables(9, d))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.float16])
def test_the_result_has_the_dtype_of_x(dtype):
    x, (cos, sin) = draw(3, 5, 4).to(dtype), rotary_tables(5, 4)
    got = rotate(x, cos, sin)
    assert got.dtype == dtype
    exact = rotate(x.double(), cos.double(), sin.double())
    assert (got - exact).abs().max() < 8 * torch.finfo(dtype).eps * exact.abs().max() + 1e-6


X, (COS, SIN) = draw(2, 3, 5, 6), rotary_tables(5, 6)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"x": X.numpy()}, TypeError, "x: expected a tensor, got ndarray"),
        ({"x": X.long()}, TypeError, "x: expected a floating-point tensor"),
        ({"x": X[..., :5]}, ValueError, r"x: expected shape .*even d, got \(2, 3, 5, 5\)"),
        ({"x": X[0, 0, 0]}, ValueError, r"x: expected shape .*, got \(6,\)"),
        ({"cos": COS.numpy()}, TypeError, "cos: expected a tensor, got ndarray"),
        ({"sin": None}, TypeError, "sin: expected a tensor, got NoneType"),
        ({"sin": SIN.long()}, TypeError, "sin: expected a floating-point tensor"),
        # Broadcast without a word before: every position turned alike, every pair turned alike.
        ({"cos": COS[:1]}, ValueError, r"cos: .*shape \(5, 3\), of x .* got \(1, 3\)"),
        ({"sin": SIN[:, :1]}, ValueError, r"sin: .*shape \(5, 3\), of x .* got \(5, 1\)"),
        ({"cos": COS[3]}, ValueError, r"cos: .*got \(3,\)"),
        ({"cos": rotary_tables(5, 4)[0]}, ValueError, r"cos: .*got \(5, 2\)"),
        ({"sin": rotary_tables(9, 6)[1]}, ValueError, r"sin: .*got \(9, 3\)"),
        ({"cos": COS.expand(3, 1, 5, 3)}, ValueError, r"cos: .*got \(3, 1, 5, 3\)"),
        ({"cos": COS.expand(1, 1, 1, 5, 3)}, ValueError, r"cos: .*got \(1, 1, 1, 5, 3\)"),
    ],
)
def test_rotate_refuses_what_does_not_fit(change, error, message):
    with pytest.raises(error, match=message):
        rotate(**{"x": X, "cos": COS, "sin": SIN} | change)


@pytest.mark.parametrize(
    ("scaling", "error", "message"),
    [
        ({"factor": 8.0}, TypeError, "scaling: expected a RotaryScaling"),
        (RotaryScaling("8"), TypeError, "scaling.factor: expected a number"),
        (RotaryScaling(0.0), ValueError, "scaling.factor: expected more than 0"),
        (RotaryScaling(8.0, math.nan), ValueError, "scaling.low_freq_factor: expected a finite"),
        (RotaryScaling(8.0, 4.0, 4.0), ValueError, "scaling.high_freq_factor: expected more than"),
        (RotaryScaling(8.0, 1.0, 4.0, 0), ValueError, "scaling.original_context: expected an int"),
    ],
)
def test_bad_scaling_is_named(scaling, error, message):
    with pytest.raises(error, match=message):
        rotary_tables(4, 6, scaling=scaling)
