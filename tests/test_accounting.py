"""Predicted costs against counted ones, against numbers worked out by hand, and bad inputs."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from bigmodel_utils import layer_formulas
from bigmodel_utils.accounting import measure, predict
from bigmodel_utils.cost_report import LayerCost, Report

CHECKED = settings(deadline=None, derandomize=True, max_examples=60)
BOTH = pytest.mark.parametrize("count", [predict, measure])


def pairs(smallest, largest):
    return st.tuples(st.integers(smallest, largest), st.integers(smallest, largest))


def agree(model, input_shape, dtype=None):
    predicted, measured = (f(model, input_shape, dtype=dtype) for f in (predict, measure))
    assert predicted == measured
    assert predicted.params == sum(p.numel() for p in model.parameters())
    return predicted


@st.composite
def images(draw):
    h, w = draw(pairs(7, 13))
    return draw(st.integers(1, 3)), h, w + (h == w)


@st.composite
def layers_and_shapes(draw, kind):
    batch, h, w = draw(images())
    groups = draw(st.integers(1, 3))
    c_in, c_out = groups * draw(st.integers(1, 3)), groups * draw(st.integers(1, 3))
    shape = (batch, c_in, h, w)
    kernel_size, stride, bias = draw(pairs(1, 3)), draw(pairs(1, 3)), draw(st.booleans())
    if kind is nn.Conv2d:
        padding = draw(pairs(0, 3) | st.sampled_from(["same", "valid"]))
        layer = nn.Conv2d(
            c_in,
            c_out,
            kernel_size,
            stride=1 if padding == "same" else stride,
            padding=padding,
            dilation=draw(pairs(1, 3)),
            groups=groups,
            bias=bias,
            padding_mode=draw(st.sampled_from(["zeros", "reflect", "circular"])),
        )
    elif kind is nn.ConvTranspose2d:
        dilation = draw(pairs(1, 3))
        extra = [draw(st.integers(0, max(s, d) - 1)) for s, d in zip(stride, dilation, strict=True)]
        layer = nn.ConvTranspose2d(
            c_in,
            c_out,
            kernel_size,
            stride,
            draw(pairs(0, 2)),
            tuple(extra),
            groups,
            bias,
            dilation,
        )
    elif kind is nn.Linear:
        shape = shape[: draw(st.integers(1, 4))]
        layer = nn.Linear(shape[-1], c_out, bias=bias)
    elif kind in (nn.MaxPool2d, nn.AvgPool2d):
        options = {"padding": tuple(draw(st.integers(0, k // 2)) for k in kernel_size)}
        options["ceil_mode"] = draw(st.booleans())
        options["stride"] = draw(st.none() | st.just(stride))
        if kind is nn.MaxPool2d:
            options["dilation"] = draw(pairs(1, 2))
        layer = kind(kernel_size, **options)
    elif kind is nn.AdaptiveAvgPool2d:
        size = st.none() | st.integers(1, 5)
        layer = nn.AdaptiveAvgPool2d(draw(st.integers(1, 5) | st.tuples(size, size)))
    elif kind is nn.BatchNorm2d:
        layer = nn.BatchNorm2d(
            c_in, affine=draw(st.booleans()), track_running_stats=draw(st.booleans())
        )
    elif kind is nn.Flatten:
        first = draw(st.integers(0, 3))
        layer = nn.Flatten(first, draw(st.integers(first, 3)) - draw(st.sampled_from([0, 4])))
    else:
        layer = kind()
    return layer, shape


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths")
@pytest.mark.parametrize("kind", layer_formulas.KNOWN)
@given(data=st.data())
@CHECKED
def test_prediction_equals_the_count_for_every_layer(kind, data):
    layer, shape = data.draw(layers_and_shapes(kind))
    dtype = data.draw(st.sampled_from([None, torch.float64, torch.bfloat16]))
    report = agree(layer, shape, dtype)
    assert len(report.layers) == 1
    assert report.layers[0].output_shape == tuple(layer.eval()(torch.zeros(shape)).shape)


class Mixed(nn.Module):
    """Branches, a layer called twice, tied weights, an empty shortcut and functions between."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 6, (3, 5), stride=(2, 1)), nn.BatchNorm2d(6))
        self.twice = nn.Conv2d(6, 6, 3, padding="same", groups=2)
        self.tied = nn.Conv2d(6, 6, 3, padding=1, groups=2)
        self.tied.weight = self.twice.weight
        self.shortcut = nn.Sequential()
        self.unused = nn.Linear(2, 3)
        self.scale = nn.Parameter(torch.ones(6, 1, 1))
        self.head = nn.Linear(6, 4)

    def forward(self, x):
        x = F.relu(self.stem(x), inplace=True)
        x = self.shortcut(x) + self.tied(input=self.twice(self.twice(x))) * self.scale
        x = x + torch.arange(x.shape[-1])
        return self.head(x.mean(dim=(2, 3)))


def test_shared_and_repeated_layers():
    report = agree(Mixed(), (2, 3, 9, 8))
    # Output 4 x 4: 2 images, 6 channels, 3 inputs a group, 9 taps, a multiply-add is 2.
    flops = 2 * 2 * 4 * 4 * 6 * 3 * 9
    rows = {(c.name, c.params, c.flops) for c in report.layers}
    assert [c.name for c in report.layers] == [
        "stem.0", "stem.1", "twice", "twice", "tied", "head", "(model)", "unused"
    ]  # fmt: skip
    assert rows >= {("twice", 6 * 3 * 9 + 6, flops), ("twice", 0, flops), ("tied", 6, flops)}
    assert report.layers[-2:] == [
        LayerCost("(model)", "Mixed", 6, 0, 0, None),
        LayerCost("unused", "Linear", 9, 0, 0, None),
    ]


def test_layers_by_hand():
    model = nn.Sequential(
        nn.Conv2d(3, 8, 3, stride=(2, 1), padding=(1, 0)), nn.ReLU(), nn.Flatten(), nn.Linear(96, 5)
    )
    assert agree(model, (2, 3, 5, 6)).layers == [
        # 3 x 4 places, each 8 sums over 3 channels and 9 taps; 4 bytes a number.
        LayerCost("0", "Conv2d", 8 * 27 + 8, 2 * 2 * 12 * 8 * 27, 2 * 8 * 12 * 4, (2, 8, 3, 4)),
        LayerCost("1", "ReLU", 0, 0, 2 * 8 * 12 * 4, (2, 8, 3, 4)),
        LayerCost("2", "Flatten", 0, 0, 2 * 96 * 4, (2, 96)),
        LayerCost("3", "Linear", 96 * 5 + 5, 2 * 2 * 96 * 5, 2 * 5 * 4, (2, 5)),
    ]


@BOTH
def test_costs_grow_with_the_batch_and_the_dtype(count):
    layer = nn.Conv2d(2, 3, (2, 3))
    one, five = count(layer, (1, 2, 6, 7)), count(layer, (5, 2, 6, 7))
    assert (five.params, five.flops) == (one.params, 5 * one.flops)
    assert five.activation_bytes == 5 * one.activation_bytes
    half = count(layer, (1, 2, 6, 7), dtype=torch.bfloat16)
    assert 2 * half.activation_bytes == one.activation_bytes
    assert count(layer.double(), (1, 2, 6, 7)).activation_bytes == 2 * one.activation_bytes


@BOTH
def test_the_model_stays_as_it_was(count):
    model = nn.Sequential(nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3), nn.Dropout(), nn.Identity())
    model[1].eval()  # a mode of its own
    model(torch.randn(2, 2, 5, 6)).square().sum().backward()
    modes = [m.training for m in model.modules()]
    state = {k: (v, v.clone(), v._version) for k, v in model.state_dict(keep_vars=True).items()}
    grads = [p.grad.clone() for p in model.parameters()]
    generator = torch.get_rng_state()
    for shape in ((2, 2, 7, 5), (2, 9, 7, 5)):  # the second one fails
        try:
            count(model, shape, dtype=torch.float64)
        except ValueError:
            assert shape[1] == 9
    assert modes == [m.training for m in model.modules()]
    for key, value in model.state_dict(keep_vars=True).items():
        same, before, version = state[key]
        assert value is same
        assert torch.equal(value, before)
        assert value._version == version
    assert all(torch.equal(a, p.grad) for a, p in zip(grads, model.parameters(), strict=True))
    assert torch.equal(generator, torch.get_rng_state())
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())


@BOTH
def test_batch_statistics_do_not_move_in_training_mode(count):
    model = nn.Sequential(nn.BatchNorm2d(2))
    count(model, (3, 2, 4, 5))
    assert model.training
    assert model[0].num_batches_tracked == 0
    assert model[0].running_mean.tolist() == [0, 0]


class Counting(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(3, 2)
        self.register_buffer("calls", torch.zeros(()))

    def forward(self, x):
        self.calls += 1
        return self.layer(x)


@BOTH
def test_a_pass_that_writes_to_a_buffer_leaves_no_trace(count):
    model = Counting()
    count(model, (4, 3))
    assert model.calls == 0


def test_prediction_needs_no_memory_for_activations():
    report = predict(nn.Conv2d(64, 64, 3, padding=1), (10_000, 64, 500, 400))
    assert report.flops == 2 * 10_000 * 500 * 400 * 64 * 64 * 9
    assert report.activation_bytes == 10_000 * 64 * 500 * 400 * 4


class Functional(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(4, 3)

    def forward(self, x):
        return F.linear(self.first(x), self.first.weight.T)


def test_work_outside_layers_is_measured_and_not_predicted():
    report = measure(Functional(), (5, 4))
    assert [(c.name, c.flops) for c in report.layers] == [
        ("first", 2 * 5 * 4 * 3), ("(outside layers)", 2 * 5 * 4 * 3)
    ]  # fmt: skip
    with pytest.raises(ValueError, match="got 120 FLOPs in functions that Functional calls"):
        predict(Functional(), (5, 4))


class Resized(nn.Module):
    def __init__(self):
        super().__init__()
        self.up = nn.ConvTranspose2d(1, 1, 3, stride=2)

    def forward(self, x):
        return self.up(x, output_size=(10, 8))


def test_a_call_that_changes_the_output_size_is_not_predicted():
    assert measure(Resized(), (1, 1, 4, 3)).layers[0].output_shape == (1, 1, 10, 8)
    with pytest.raises(ValueError, match=r"'up' \(ConvTranspose2d\) makes \(1, 1, 10, 8\) of"):
        predict(Resized(), (1, 1, 4, 3))


@BOTH
@pytest.mark.parametrize(
    ("model", "input_shape", "message"),
    [
        (
            nn.Sequential(nn.Linear(3, 4), nn.Sequential(nn.GELU())),
            (2, 3),
            r"'1\.0' is of type GELU",
        ),
        (nn.Sequential(nn.LSTM(3, 4)), (2, 5, 3), "'0' is of type LSTM"),
        (nn.MultiheadAttention(4, 2), (2, 3, 4), r"'\(model\)' is of type MultiheadAttention"),
        (nn.MaxPool2d(2, return_indices=True), (2, 3, 4, 5), "return_indices=True"),
        (type("Net", (nn.Module,), {})(), (2, 3), r"'\(model\)' is of type Net"),
    ],
)
def test_unknown_layers_are_named(count, model, input_shape, message):
    with pytest.raises(layer_formulas.UnknownLayerError, match=message):
        count(model, input_shape)


class WithLoss(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer, self.loss = nn.Linear(3, 2), nn.CrossEntropyLoss()

    def forward(self, x):
        return self.layer(x)


def test_an_unknown_layer_that_is_never_called_does_no_harm():
    cost = LayerCost("layer", "Linear", 8, 2 * 4 * 3 * 2, 4 * 2 * 4, (4, 2))
    assert agree(WithLoss(), (4, 3)).layers == [cost]


@BOTH
def test_a_refused_shape_names_the_layer(count):
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(99, 2))
    with pytest.raises(
        ValueError, match=r"input_shape: .*\(2, 3, 7, 6\) failed in layer '2' \(Lin"
    ):
        count(model, (2, 3, 7, 6))
    with pytest.raises(ValueError, match=r"failed in layer '0' \(Conv2d\)"):
        count(model, (2, 4, 7, 6))


@BOTH
@pytest.mark.parametrize(
    ("model", "input_shape", "options", "error", "message"),
    [
        ("cnn", (1, 2), {}, TypeError, "model: expected an nn.Module, got str 'cnn'"),
        (nn.ReLU, (1, 2), {}, TypeError, "model: expected an nn.Module"),
        (nn.LazyLinear(3), (1, 2), {}, ValueError, "model: parameter 'weight' has no shape yet"),
        (nn.ReLU(), 5, {}, TypeError, "input_shape: expected a tuple of sizes, got int 5"),
        (nn.ReLU(), (), {}, TypeError, "input_shape: expected a tuple of sizes"),
        (nn.ReLU(), torch.zeros(2), {}, TypeError, "input_shape: expected a tuple of sizes"),
        (nn.ReLU(), (2, 0), {}, ValueError, r"input_shape\[1\]: expected an integer of at least 1"),
        (nn.ReLU(), (-2, 3), {}, ValueError, r"input_shape\[0\]: .*got -2"),
        (nn.ReLU(), (2, 3.0), {}, TypeError, r"input_shape\[1\]: expected an integer, got float"),
        (nn.ReLU(), (True, 3), {}, TypeError, r"input_shape\[0\]: expected an integer, got bool"),
        (nn.ReLU(), (2,), {"dtype": torch.int64}, TypeError, "dtype: expected a floating torch"),
        (nn.ReLU(), (2,), {"dtype": "float32"}, TypeError, "dtype: expected a floating torch"),
    ],
)
def test_bad_arguments_are_refused(count, model, input_shape, options, error, message):
    with pytest.raises(error, match=message):
        count(model, input_shape, **options)


def test_table():
    rows = [
        LayerCost("conv", "Conv2d", 1216, 1_500_000, 76_800, (1, 8, 40, 60)),
        LayerCost("unused", "Linear", 9, 0, 0, None),
    ]
    assert Report(rows).table().splitlines() == [
        "layer   kind    output     parameters      FLOPs   bytes",
        "--------------------------------------------------------",
        "conv    Conv2d  1×8×40×60       1,216  1,500,000  76,800",
        "unused  Linear  -                   9          0       0",
        "--------------------------------------------------------",
        "total                           1,225  1,500,000  76,800",
    ]
