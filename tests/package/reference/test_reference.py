"""The loop-level formulas against PyTorch, autograd and each other, and their bad inputs."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from bigmodel_utils import reference

CHECKED = settings(deadline=None, derandomize=True, max_examples=250)


def randn(seed, *shape, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64).to(dtype)


def close(got, expected, atol=1e-12):
    assert got.dtype == expected.dtype
    torch.testing.assert_close(got, expected, rtol=0, atol=atol)


def pairs(smallest, largest):
    return st.tuples(st.integers(smallest, largest), st.integers(smallest, largest))


@st.composite
def convolutions(draw):
    """Arguments of a convolution on a non-square image: x, weight, bias, options."""
    groups, batch = draw(st.integers(1, 3)), draw(st.integers(1, 2))
    c_in, c_out = groups * draw(st.integers(1, 3)), groups * draw(st.integers(1, 3))
    kernel_size, stride = draw(pairs(1, 3)), draw(pairs(1, 3))
    padding, dilation = draw(pairs(0, 2)), draw(pairs(1, 3))
    smallest = [
        max(1, d * (k - 1) + 1 - 2 * p)
        for k, p, d in zip(kernel_size, padding, dilation, strict=True)
    ]
    h, w = smallest[0] + draw(st.integers(0, 4)), smallest[1] + draw(st.integers(0, 4))
    w += h == w
    seed = draw(st.integers(0, 10**6))
    x = randn(seed, batch, c_in, h, w)
    weight = randn(seed + 1, c_out, c_in // groups, *kernel_size)
    options = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    return x, weight, randn(seed + 2, c_out), options


@given(convolutions())
@CHECKED
def test_conv2d_equals_torch(case):
    x, weight, bias, options = case
    close(reference.conv2d(x, weight, bias, **options), F.conv2d(x, weight, bias, **options))
    close(reference.conv2d(x, weight, **options), F.conv2d(x, weight, **options))


@given(convolutions())
@CHECKED
def test_conv2d_backward_equals_autograd(case):
    x, weight, bias, options = case
    leaves = [t.requires_grad_() for t in (x, weight, bias)]
    out = F.conv2d(x, weight, bias, **options)
    grad_output = randn(7, *out.shape)
    expected = torch.autograd.grad(out, leaves, grad_output)
    got = reference.conv2d_backward(x.detach(), weight.detach(), grad_output, **options)
    for g, e in zip(got, expected, strict=True):
        close(g, e)


@given(convolutions(), st.data())
@CHECKED
def test_conv_transpose2d_equals_torch(case, data):
    # A convolution's weight is (c_out, c_in / groups, ...): its adjoint takes c_out channels in.
    _, weight, _, options = case
    h = data.draw(st.integers(1, 5))
    x = randn(3, 2, weight.shape[0], h, h % 5 + 2)
    extra = tuple(
        data.draw(st.integers(0, max(s, d) - 1))
        for s, d in zip(options["stride"], options["dilation"], strict=True)
    )
    # Large paddings may leave nothing; then both must refuse.
    try:
        expected = F.conv_transpose2d(x, weight, output_padding=extra, **options)
    except RuntimeError:
        expected = None
    if expected is None:
        with pytest.raises(ValueError, match="padding"):
            reference.conv_transpose2d(x, weight, output_padding=extra, **options)
    else:
        close(reference.conv_transpose2d(x, weight, output_padding=extra, **options), expected)


@given(convolutions())
@CHECKED
def test_transposed_convolution_is_the_adjoint_and_the_gradient(case):
    x, weight, _, options = case
    axes = [
        (n, k, s, p, d)
        for n, k, s, p, d in zip(
            x.shape[2:],
            weight.shape[2:],
            options["stride"],
            options["padding"],
            options["dilation"],
            strict=True,
        )
    ]
    extra = tuple(reference.convolution_output_padding(*axis) for axis in axes)
    out = reference.conv2d(x, weight, **options)
    assert out.shape[2:] == tuple(reference.conv2d_output_size(*axis) for axis in axes)
    grad_output = randn(11, *out.shape)
    back = reference.conv_transpose2d(grad_output, weight, output_padding=extra, **options)
    assert back.shape == x.shape
    close((out * grad_output).sum(), (x * back).sum(), atol=1e-11)
    close(back, reference.conv2d_backward(x, weight, grad_output, **options)[0])


def test_conv2d_by_hand():
    x = torch.tensor([[[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]]])
    weight = torch.tensor([[[[10.0, 1.0]]]])
    expected = torch.tensor([[[[12.0, 23.0], [45.0, 56.0]]]])  # not flipped: 10·1 + 1·2
    close(reference.conv2d(x, weight), expected, atol=0)


def test_conv2d_is_differentiable_and_keeps_its_inputs():
    x, weight = randn(0, 2, 2, 4, 3).requires_grad_(), randn(1, 3, 2, 2, 3)
    before = x.detach().clone()
    grad_output = randn(2, 2, 3, 3, 1)
    (got,) = torch.autograd.grad(reference.conv2d(x, weight), x, grad_output)
    close(got, reference.conv2d_backward(x.detach(), weight, grad_output)[0])
    assert torch.equal(x.detach(), before)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_results_keep_the_dtype(dtype):
    x, weight = randn(0, 1, 2, 5, 4, dtype=dtype), randn(1, 2, 2, 3, 2, dtype=dtype)
    out = reference.conv2d(x, weight, padding=1)
    close(out.double(), F.conv2d(x.double(), weight.double(), padding=1), atol=0.3)
    results = [out, *reference.conv2d_backward(x, weight, out, padding=1)]
    results.append(reference.conv_transpose2d(x, weight))
    pooled = reference.max_pool2d(x, 2)
    results += [pooled, reference.max_pool2d_backward(x, pooled, 2)]
    pooled = reference.avg_pool2d(x, 2)
    results += [pooled, reference.avg_pool2d_backward(x, pooled, 2)]
    assert {r.dtype for r in results} == {dtype}


def test_results_stay_on_the_device():
    x, weight = (t.to("meta") for t in (randn(0, 1, 2, 5, 4), randn(1, 2, 2, 3, 2)))
    out = reference.conv2d(x, weight)
    pooled = reference.max_pool2d(x, 2)
    results = [out, *reference.conv2d_backward(x, weight, out), pooled]
    results.append(reference.max_pool2d_backward(x, pooled, 2))
    results.append(reference.conv_transpose2d(x, weight))
    assert {r.device.type for r in results} == {"meta"}


@st.composite
def poolings(draw):
    """x with many ties, kernel_size and options of a pooling on a non-square image."""
    kernel_size = draw(pairs(1, 4))
    padding = tuple(draw(st.integers(0, k // 2)) for k in kernel_size)
    h, w = (k + draw(st.integers(0, 5)) for k in kernel_size)
    w += h == w
    options = {"stride": draw(st.none() | pairs(1, 4)), "padding": padding}
    x = randn(draw(st.integers(0, 10**6)), 2, 3, h, w)
    return (x.round() if draw(st.booleans()) else x), kernel_size, options


@given(poolings(), st.sampled_from(["max_pool2d", "avg_pool2d"]))
@CHECKED
def test_pooling_and_its_gradient_equal_torch(case, name):
    x, kernel_size, options = case
    x.requires_grad_()
    expected = getattr(F, name)(x, kernel_size, **options)
    close(getattr(reference, name)(x.detach(), kernel_size, **options), expected.detach())
    grad_output = randn(5, *expected.shape)
    (grad_x,) = torch.autograd.grad(expected, x, grad_output)
    backward = getattr(reference, f"{name}_backward")
    close(backward(x.detach(), grad_output, kernel_size, **options), grad_x)


def test_the_first_tied_cell_takes_the_whole_gradient():
    x = torch.tensor([[[[1.0, 4.0, 4.0], [4.0, 0.0, 2.0]]]])
    grad_output = torch.full((1, 1, 1, 1), 5.0)
    got = reference.max_pool2d_backward(x, grad_output, (2, 3))
    assert got.tolist() == [[[[0.0, 5.0, 0.0], [0.0, 0.0, 0.0]]]]


@pytest.mark.parametrize("special", [float("nan"), float("inf"), float("-inf")])
def test_special_values_pool_as_in_torch(special):
    x = randn(0, 1, 2, 4, 6)
    x[:, :, 1:3, 1:4] = special
    x.requires_grad_()
    expected = F.max_pool2d(x, 2, padding=1)
    got = reference.max_pool2d(x.detach(), 2, padding=1)
    torch.testing.assert_close(got, expected.detach(), rtol=0, atol=0, equal_nan=True)
    grad_output = randn(1, *expected.shape)
    (grad_x,) = torch.autograd.grad(expected, x, grad_output)
    close(reference.max_pool2d_backward(x.detach(), grad_output, 2, padding=1), grad_x)


@given(st.lists(st.tuples(*[st.integers(1, 3)] * 3), max_size=4))
@settings(deadline=None, derandomize=True, max_examples=100)
def test_receptive_field_equals_the_support_of_the_gradient(layers):
    size, jump = reference.receptive_field(layers)
    x = torch.zeros(1, 1, size + jump, dtype=torch.float64, requires_grad=True)
    out = x
    for kernel_size, stride, dilation in layers:
        # Positive weights: no path cancels another.
        weight = torch.rand(1, 1, kernel_size, dtype=torch.float64) + 0.1
        out = F.conv1d(out, weight, stride=stride, dilation=dilation)
    assert out.shape[-1] == 2
    # The first cell that each of two neighbours sees, and the last.
    spans = []
    for unit in range(2):
        (grad,) = torch.autograd.grad(out[0, 0, unit], x, retain_graph=True)
        seen = grad[0, 0].nonzero().flatten()
        spans.append((seen[0].item(), seen[-1].item()))
    assert spans == [(0, size - 1), (jump, jump + size - 1)]


def test_receptive_field_without_layers_is_one_cell():
    assert reference.receptive_field([]) == (1, 1)


@given(
    st.integers(1, 30), st.integers(1, 5), st.integers(1, 4), st.integers(0, 3), st.integers(1, 3)
)
@CHECKED
def test_output_size_counts_the_places_of_the_kernel(size, kernel_size, stride, padding, dilation):
    arguments = (size, kernel_size, stride, padding, dilation)
    # Brute force: starts of the kernel at which its last tap still lies in the padded axis.
    reach = dilation * (kernel_size - 1)
    starts = [s for s in range(0, size + 2 * padding, stride) if s + reach < size + 2 * padding]
    if not starts:
        for function in (reference.conv2d_output_size, reference.convolution_output_padding):
            with pytest.raises(ValueError, match="kernel_size: expected a kernel that fits"):
                function(*arguments)
        return
    assert reference.conv2d_output_size(*arguments) == len(starts)
    unread = size + 2 * padding - 1 - (starts[-1] + reach)
    assert reference.convolution_output_padding(*arguments) == unread


X, WEIGHT, GRAD = randn(0, 2, 4, 6, 5), randn(1, 6, 2, 3, 2), randn(2, 2, 6, 4, 4)
BAD_IMAGES = [
    ({"x": X[0]}, ValueError, r"x: expected shape .*got \(4, 6, 5\)"),
    ({"x": X.long()}, TypeError, "x: expected a floating-point tensor, got an int64 tensor"),
    ({"x": X.tolist()}, TypeError, "x: expected a tensor"),
    ({"x": X[:, :0]}, ValueError, r"x: expected no empty axis, got shape \(2, 0, 6, 5\)"),
]
BAD_SETTINGS = [
    ({"stride": 0}, ValueError, "stride: expected an integer of at least 1, got 0"),
    ({"stride": (1, 2, 3)}, ValueError, "stride: expected one integer or two, got 3"),
    ({"stride": True}, TypeError, "stride: expected an integer, got bool"),
    ({"stride": 1.5}, TypeError, "stride: expected an integer, got float"),
    ({"padding": -1}, ValueError, "padding: expected an integer of at least 0, got -1"),
    ({"padding": (0, "same")}, TypeError, r"padding\[1\]: expected an integer, got str"),
]
BAD_CONVOLUTIONS = [
    ({"dilation": (1, 0)}, ValueError, r"dilation\[1\]: expected an integer of at least 1, got 0"),
    ({"dilation": False}, TypeError, "dilation: expected an integer, got bool"),
    ({"groups": 3}, ValueError, r"groups: expected a divisor of the \d+ channels of x, got"),
    ({"groups": 0}, ValueError, "groups: expected an integer of at least 1, got 0"),
    ({"groups": 2.0}, TypeError, "groups: expected an integer, got float"),
    ({"weight": WEIGHT.float()}, TypeError, "weight: expected dtype torch.float64, got a float32"),
    ({"weight": WEIGHT[0]}, ValueError, r"weight: expected shape .*got \(2, 3, 2\)"),
    ({"weight": WEIGHT[:, :, :0]}, ValueError, "weight: expected no empty axis"),
    ({"weight": None}, TypeError, "weight: expected a tensor, got NoneType"),
    ({"weight": WEIGHT.to("meta")}, ValueError, "weight: expected a tensor on cpu as x, got one"),
]
BAD_FORWARD = [
    ({"weight": WEIGHT[:, :1]}, ValueError, r"weight: expected shape .*2.*got \(6, 1, 3, 2\)"),
    ({"weight": WEIGHT[:5]}, ValueError, "groups: expected a divisor of the 5 channels of weight"),
    ({"dilation": 3}, ValueError, r"weight: shape \(6, 2, 3, 2\) does not fit x of shape \(2, 4"),
]


def refuses(function, good, bad, error, message):
    with pytest.raises(error, match=message):
        function(**(good | bad))


@pytest.mark.parametrize(
    ("bad", "error", "message"),
    [
        *BAD_IMAGES,
        *BAD_SETTINGS,
        *BAD_CONVOLUTIONS,
        *BAD_FORWARD,
        ({"bias": randn(0, 5)}, ValueError, r"bias: expected shape \(6,\), got \(5,\)"),
        ({"bias": randn(0, 6).half()}, TypeError, "bias: expected dtype torch.float64"),
        ({"bias": 1.0}, TypeError, "bias: expected a tensor, got float"),
    ],
)
def test_conv2d_refuses(bad, error, message):
    refuses(reference.conv2d, {"x": X, "weight": WEIGHT, "groups": 2}, bad, error, message)


@pytest.mark.parametrize(
    ("bad", "error", "message"),
    [
        *BAD_IMAGES,
        *BAD_SETTINGS,
        *BAD_CONVOLUTIONS,
        *BAD_FORWARD,
        ({"grad_output": GRAD[..., 1:]}, ValueError, r"grad_output: expected shape \(2, 6, 4, 4\)"),
        ({"grad_output": GRAD.float()}, TypeError, "grad_output: expected dtype torch.float64"),
        ({"grad_output": 1}, TypeError, "grad_output: expected a tensor, got int"),
    ],
)
def test_conv2d_backward_refuses(bad, error, message):
    good = {"x": X, "weight": WEIGHT, "grad_output": GRAD, "groups": 2}
    refuses(reference.conv2d_backward, good, bad, error, message)


@pytest.mark.parametrize(
    ("bad", "error", "message"),
    [
        *BAD_IMAGES,
        *BAD_SETTINGS,
        *BAD_CONVOLUTIONS,
        ({"output_padding": 1}, ValueError, "output_padding: expected less than the larger"),
        ({"output_padding": -1}, ValueError, "output_padding: expected an integer of at least 0"),
        ({"output_padding": True}, TypeError, "output_padding: expected an integer, got bool"),
        ({"padding": (0, 4)}, ValueError, r"padding: expected one that leaves an output, got 4"),
    ],
)
def test_conv_transpose2d_refuses(bad, error, message):
    good = {"x": X, "weight": WEIGHT[:4], "groups": 2}
    if bad.get("weight") is not None and bad["weight"].ndim == 4:
        bad = {"weight": bad["weight"][:4]}
    refuses(reference.conv_transpose2d, good, bad, error, message)


BAD_POOLINGS = [
    *BAD_IMAGES,
    *BAD_SETTINGS,
    ({"kernel_size": 0}, ValueError, "kernel_size: expected an integer of at least 1, got 0"),
    ({"kernel_size": True}, TypeError, "kernel_size: expected an integer, got bool"),
    ({"kernel_size": (2, 2.0)}, TypeError, r"kernel_size\[1\]: expected an integer, got float"),
    ({"kernel_size": (2, 6)}, ValueError, r"kernel_size: expected .* x has shape \(2, 4, 6, 5\)"),
    ({"padding": (0, 2)}, ValueError, "padding: expected at most half of kernel_size 3, got 2"),
]


@pytest.mark.parametrize("name", ["max_pool2d", "avg_pool2d"])
@pytest.mark.parametrize(("bad", "error", "message"), BAD_POOLINGS)
def test_pooling_refuses(name, bad, error, message):
    good = {"x": X, "kernel_size": (2, 3)}
    refuses(getattr(reference, name), good, bad, error, message)
    good["grad_output"] = randn(0, 2, 4, 3, 1)
    refuses(getattr(reference, f"{name}_backward"), good, bad, error, message)


@pytest.mark.parametrize("name", ["max_pool2d_backward", "avg_pool2d_backward"])
@pytest.mark.parametrize(
    ("grad_output", "error", "message"),
    [
        (randn(0, 2, 4, 3, 2), ValueError, r"grad_output: expected shape \(2, 4, 3, 1\), got"),
        (randn(0, 2, 4, 3, 1).float(), TypeError, "grad_output: expected dtype torch.float64"),
        (randn(0, 2, 4, 3, 1).to("meta"), ValueError, "grad_output: expected a tensor on cpu"),
        (None, TypeError, "grad_output: expected a tensor, got NoneType"),
    ],
)
def test_pooling_backward_refuses_the_gradient(name, grad_output, error, message):
    with pytest.raises(error, match=message):
        getattr(reference, name)(X, grad_output, (2, 3))


@pytest.mark.parametrize(
    "function", [reference.conv2d_output_size, reference.convolution_output_padding]
)
@pytest.mark.parametrize("name", ["size", "kernel_size", "stride", "padding", "dilation"])
@pytest.mark.parametrize(
    ("value", "error"),
    [(-1, ValueError), (True, TypeError), (2.0, TypeError), ("2", TypeError), (None, TypeError)],
)
def test_sizes_refuse(function, name, value, error):
    with pytest.raises(error, match=rf"^{name}: expected an integer"):
        function(**({"size": 9, "kernel_size": 3} | {name: value}))


@pytest.mark.parametrize(
    ("layers", "error", "message"),
    [
        (None, TypeError, "layers: expected a list, got NoneType"),
        ((3, 1, 1), TypeError, r"layers\[0\]: expected \(kernel_size, stride, dilation\), got int"),
        ([(3, 1, 1), (3, 1)], TypeError, r"layers\[1\]: expected \(kernel_size, stride"),
        ([(3, 0, 1)], ValueError, r"layers\[0\]\[1\]: expected an integer of at least 1, got 0"),
        ([(True, 1, 1)], TypeError, r"layers\[0\]\[0\]: expected an integer, got bool"),
        ([(3, 1, 1.0)], TypeError, r"layers\[0\]\[2\]: expected an integer, got float"),
    ],
)
def test_receptive_field_refuses(layers, error, message):
    with pytest.raises(error, match=message):
        reference.receptive_field(layers)
