"""Errors of bad arguments say which argument, what came and what was expected."""

import math
from fractions import Fraction
from pathlib import Path

import numpy
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bigmodel_utils import arguments

slow_is_fine = settings(deadline=None, derandomize=True, max_examples=50)


def refusal(error, function, *args, **options):
    with pytest.raises(error) as raised:
        function("stride", *args, **options)
    message = str(raised.value)
    assert message.startswith("stride"), message
    assert "expected" in message and "got" in message, message
    return message


@slow_is_fine
@given(st.integers())
def test_integers_pass_and_stay_equal(value):
    assert arguments.integer("stride", value) == value
    assert type(arguments.integer("stride", value)) is int


def test_integers_of_numpy_become_ints():
    number = arguments.integer("stride", numpy.int64(3), minimum=1)
    assert number == 3 and type(number) is int


@pytest.mark.parametrize(
    "value",
    [True, False, 2.0, "2", None, [2], torch.tensor(2), numpy.float64(2), numpy.bool_(True), 2j],
)
def test_what_is_no_integer_is_a_type_error(value):
    refusal(TypeError, arguments.integer, value)
    refusal(TypeError, arguments.pair, value if not isinstance(value, list) else "12")


@slow_is_fine
@given(st.integers(-50, 50), st.integers(-50, 50), st.integers(-50, 50))
def test_range_of_an_integer_has_both_ends(value, minimum, maximum):
    if minimum <= value <= maximum:
        assert arguments.integer("stride", value, minimum=minimum, maximum=maximum) == value
    else:
        message = refusal(
            ValueError, arguments.integer, value, minimum=minimum, maximum=maximum
        )  # fmt: skip
        assert str(value) in message
        assert str(minimum if value < minimum else maximum) in message


@pytest.mark.parametrize(
    ("value", "expected"),
    [(3, (3, 3)), ((3, 4), (3, 4)), ([0, 9], (0, 9)), (torch.Size((5, 6)), (5, 6))],
)
def test_pair(value, expected):
    assert arguments.pair("stride", value) == expected


def test_bad_pairs():
    assert "3 of them" in refusal(ValueError, arguments.pair, (1, 2, 3))
    refusal(ValueError, arguments.pair, ())
    assert refusal(TypeError, arguments.pair, (1, 2.0)).startswith("stride[1]")
    assert refusal(ValueError, arguments.pair, (0, 1), minimum=1).startswith("stride[0]")
    refusal(TypeError, arguments.pair, torch.tensor([1, 2]))


@slow_is_fine
@given(st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(10**9), 10**9))
def test_reals_pass_as_floats(value):
    number = arguments.real("stride", value)
    assert number == value and type(number) is float


@pytest.mark.parametrize("value", [True, "1", None, 1j, torch.tensor(1.0), [1.0]])
def test_what_is_no_number_is_a_type_error(value):
    refusal(TypeError, arguments.real, value)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 10**400, numpy.float32("nan")])
def test_numbers_that_are_not_finite(value):
    refusal(ValueError, arguments.real, value)


def test_range_of_a_real():
    assert arguments.real("stride", Fraction(1, 2), minimum=0.5, maximum=0.5) == 0.5
    assert "at least 0" in refusal(ValueError, arguments.real, -1e-9, minimum=0)
    assert "at most 1" in refusal(ValueError, arguments.real, 1 + 1e-9, maximum=1)
    assert "more than 0" in refusal(ValueError, arguments.real, 0, above=0)
    assert arguments.real("stride", 1e-300, above=0) == 1e-300


@pytest.mark.parametrize("value", [0, 1, None, "True", numpy.bool_(True), torch.tensor(True)])
def test_only_a_bool_is_a_flag(value):
    refusal(TypeError, arguments.flag, value)
    assert arguments.flag("stride", True) is True and arguments.flag("stride", False) is False


def test_one_of():
    assert arguments.one_of("stride", "b", ("a", "b")) == "b"
    message = refusal(ValueError, arguments.one_of, "c", ("a", "b"))
    assert "'a', 'b'" in message and "'c'" in message
    refusal(ValueError, arguments.one_of, None, ("a", "b"))
    refusal(ValueError, arguments.one_of, ["a"], ("a", "b"))


def test_path():
    assert arguments.path("stride", "a") == "a" and arguments.path("stride", Path("a")) == Path("a")
    for value in (None, 3, b"a", ["a"]):
        refusal(TypeError, arguments.path, value)


def test_device():
    assert arguments.device("stride", "cpu") == torch.device("cpu")
    assert arguments.device("stride", torch.device("meta")) == torch.device("meta")
    for value in (None, True, 1.5, ["cpu"]):
        refusal(TypeError, arguments.device, value)
    assert "'gpu'" in refusal(ValueError, arguments.device, "gpu")


def test_tensor_by_axes_and_fixed_sizes():
    x = torch.zeros(2, 3, 5)
    assert arguments.tensor("stride", x) is x
    assert arguments.tensor("stride", x, ("b", 3, "w"), floating=True, dtype=torch.float32) is x
    assert arguments.tensor("stride", torch.zeros(()), ()).shape == ()
    message = refusal(ValueError, arguments.tensor, x, ("b", 4, "w"))
    assert "(b, 4, w)" in message and "(2, 3, 5)" in message
    message = refusal(ValueError, arguments.tensor, x, ("b",))
    assert "(b,)" in message and "(2, 3, 5)" in message and "3 axes instead of 1" in message


@slow_is_fine
@given(st.lists(st.integers(0, 3), max_size=4), st.lists(st.integers(0, 3), max_size=4))
def test_a_tensor_fits_its_own_shape_only(have, want):
    x = torch.zeros(have)
    if have == want:
        assert arguments.tensor("stride", x, tuple(want)) is x
    else:
        assert str(tuple(have)) in refusal(ValueError, arguments.tensor, x, tuple(want))


@pytest.mark.parametrize("value", [[[1.0]], numpy.zeros((1, 1)), None, 1.0, "x"])
def test_what_is_no_tensor_is_a_type_error(value):
    refusal(TypeError, arguments.tensor, value)


def test_dtype_of_a_tensor():
    integers = torch.zeros(2, 3, dtype=torch.int64)
    for options in ({"floating": True}, {"dtype": torch.float64}):
        message = refusal(TypeError, arguments.tensor, integers, **options)
        assert "int64" in message and "(2, 3)" in message
    refusal(TypeError, arguments.tensor, torch.zeros(2, dtype=torch.bool), floating=True)
    refusal(TypeError, arguments.tensor, torch.zeros(2, dtype=torch.complex64), floating=True)


def test_description_is_short():
    assert arguments.describe(torch.zeros(2, 0)) == "a float32 tensor of shape (2, 0)"
    assert arguments.describe(3) == "int 3"
    assert len(arguments.describe("x" * 1000)) <= 70


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: arguments.betas("b", 0.9), TypeError, "b: expected two numbers, got float 0.9"),
        (lambda: arguments.betas("b", (0.9, 1)), ValueError, "b: expected less than 1"),
        (lambda: arguments.betas("b", (-0.1, 0.9)), ValueError, "b: expected at least 0"),
        (lambda: arguments.integers("n", [1]), TypeError, "n: expected a tensor"),
        (lambda: arguments.integers("n", torch.ones(2, 3)), TypeError, "got a float32 tensor"),
        (lambda: arguments.integers("n", torch.ones(2).bool()), TypeError, "expected integers"),
        (lambda: arguments.integers("n", torch.ones(2).cfloat()), TypeError, "expected integers"),
        (
            lambda: arguments.integers("n", torch.ones(2, 3).long(), ("b",)),
            ValueError,
            r"n: expected shape \(b,\), got \(2, 3\)",
        ),
        (lambda: arguments.module("m", torch.nn.ReLU), TypeError, "m: expected a torch.nn.Module"),
        (lambda: arguments.generator("g", 3), TypeError, "g: expected a torch.Generator, got int"),
        (
            lambda: arguments.generator("g", torch.Generator(), "meta"),
            ValueError,
            "g: expected one for meta, got one for cpu",
        ),
        (
            lambda: arguments.broadcasts("m", torch.ones(2, 3), (4, 3)),
            ValueError,
            r"m: expected a shape that broadcasts to \(4, 3\), got \(2, 3\)",
        ),
        (lambda: arguments.broadcasts("m", torch.ones(5, 4, 3), (4, 3)), ValueError, "m: expected"),
        (lambda: arguments.broadcasts("m", torch.ones(4, 3), (1, 3)), ValueError, "m: expected"),
    ],
)
def test_bad_pairs_integers_modules_generators_and_shapes_are_named(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_good_ones_come_back():
    assert arguments.betas("b", [0, 0.95]) == (0.0, 0.95)
    tokens, relu, generator = (
        torch.ones(2, 3, dtype=torch.uint8),
        torch.nn.ReLU(),
        torch.Generator(),
    )
    assert arguments.integers("n", tokens, ("b", 3)) is tokens
    assert arguments.module("m", relu) is relu
    assert arguments.generator("g", generator, "cpu") is generator
    for shape in [(4, 3), (1, 3), (3,), (), (4, 1)]:
        mask = torch.ones(shape)
        assert arguments.broadcasts("m", mask, (4, 3)) is mask


def test_tensors_are_described_in_good_english():
    assert arguments.describe(torch.ones(2).long()) == "an int64 tensor of shape (2,)"
    assert arguments.describe(torch.ones(3).byte()) == "a uint8 tensor of shape (3,)"
