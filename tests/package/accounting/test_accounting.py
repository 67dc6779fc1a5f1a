"""Predicted costs against counted ones, against numbers worked out by hand, and bad inputs."""

from contextlib import nullcontext

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from bigmodel_utils import models
from bigmodel_utils.accounting import LayerCost, Report, _pass, measure, predict
from bigmodel_utils.accounting import _formulas as layer_formulas
from bigmodel_utils.models import DotProductAttention, causal_mask

CHECKED = settings(deadline=None, derandomize=True, max_examples=60)
BOTH = pytest.mark.parametrize("count", [predict, measure])


def pairs(smallest, largest):
    return st.tuples(st.integers(smallest, largest), st.integers(smallest, largest))


def agree(model, input_shape, dtype=None, **options):
    options["dtype"] = dtype
    predicted, measured = (f(model, input_shape, **options) for f in (predict, measure))
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
    elif kind in (nn.RNN, nn.LSTM, nn.GRU):
        shape = shape[draw(st.integers(1, 2)) :]  # one sequence alone, or a batch in any order
        options = {name: draw(st.booleans()) for name in ("bias", "batch_first", "bidirectional")}
        if kind is nn.LSTM:
            options["proj_size"] = draw(st.integers(0, 2))
        size = draw(st.integers(3, 5))
        layer = kind(shape[-1], size, num_layers=draw(st.integers(1, 3)), **options)
    elif kind in (nn.RNNCell, nn.LSTMCell, nn.GRUCell):
        shape = shape[draw(st.integers(2, 3)) :]
        layer = kind(shape[-1], draw(st.integers(1, 5)), bias=bias)
    elif kind is nn.LayerNorm:
        axes = draw(st.integers(1, 3))
        layer = nn.LayerNorm(shape[-axes:], elementwise_affine=draw(st.booleans()), bias=bias)
    elif kind is nn.RMSNorm:
        layer = nn.RMSNorm(shape[-draw(st.integers(1, 3)) :], elementwise_affine=bias)
    elif kind is nn.Embedding:
        shape = shape[: draw(st.integers(1, 3))]
        layer = nn.Embedding(draw(st.integers(1, 5)), draw(st.integers(1, 7)))
    elif kind is nn.Flatten:
        first = draw(st.integers(0, 3))
        layer = nn.Flatten(first, draw(st.integers(first, 3)) - draw(st.sampled_from([0, 4])))
    else:
        layer = kind()
    return layer, shape


def output_of(layer, shape):
    tokens = isinstance(layer, nn.Embedding)
    out = layer.eval()(torch.zeros(shape, dtype=torch.int64 if tokens else None))
    return out[0] if isinstance(out, tuple) else out


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths")
@pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")
@pytest.mark.parametrize("kind", list(layer_formulas.KNOWN))
@given(data=st.data())
@CHECKED
def test_prediction_equals_the_count_for_every_layer(kind, data):
    layer, shape = data.draw(layers_and_shapes(kind))
    dtype = data.draw(st.sampled_from([None, torch.float64, torch.bfloat16]))
    report = agree(layer, shape, dtype)
    assert len(report.layers) == 1
    assert report.layers[0].output_shape == tuple(output_of(layer, shape).shape)


class Attention(nn.Module):
    """Queries, keys and values cut out of one input (b, n, t + 2 s, d); the values are narrower."""

    def __init__(self, t, s, groups=1, by_name=False, mask=None, causal=False):
        super().__init__()
        self.t, self.s, self.groups, self.by_name, self.causal = t, s, groups, by_name, causal
        self.register_buffer("mask", mask)
        self.attend = DotProductAttention()

    def forward(self, x):
        q, k, v = x.split([self.t, self.s, self.s], dim=2)
        k, v = k[:, :: self.groups], v[:, :: self.groups, :, 1:]
        if self.by_name:
            return self.attend(v=v, causal=False, k=k, q=q)
        return self.attend(q, k, v, self.mask, self.causal)


@pytest.mark.parametrize("fused", [None, True, False])
@pytest.mark.parametrize(
    "options",
    [{}, {"groups": 2}, {"groups": 6}, {"by_name": True}, {"causal": True},
     {"mask": torch.ones(5, 7, dtype=torch.bool).tril()}, {"mask": causal_mask(5, 7),
      "causal": True}],
)  # fmt: skip
def test_attention_pays_for_all_pairs_of_queries_and_keys(options, fused):
    """Causal or masked, fused or written out: t s (d_k + d_v) multiply-adds a head."""
    b, n, t, s, d = 2, 6, 5, 7, 4
    model = Attention(t, s, **options)
    model.attend.fused = fused
    [cost] = agree(model, (b, n, t + 2 * s, d)).layers
    assert cost.flops == 2 * b * n * t * s * (d + d - 1)
    assert (cost.params, cost.output_shape) == (0, (b, n, t, d - 1))
    assert model.attend.fused is fused


class Tokens(nn.Module):
    """Counts the fused function outside layers; wants tokens and checks that before any layer."""

    def __init__(self):
        super().__init__()
        self.embedding, self.out = nn.Embedding(9, 4), nn.Linear(4, 9)

    def forward(self, tokens):
        assert tokens.dtype == torch.int64
        x = self.embedding(tokens)[:, None]  # one head: the fused kernel takes four axes
        return self.out(F.scaled_dot_product_attention(x, x, x, is_causal=True)[:, 0])


def test_fused_attention_in_a_function_is_measured_and_not_predicted():
    report = measure(Tokens(), (2, 5))
    assert [(c.name, c.flops) for c in report.layers] == [
        ("embedding", 0), ("out", 2 * 2 * 5 * 4 * 9), ("(outside layers)", 4 * 2 * 5 * 5 * 4)
    ]  # fmt: skip
    with pytest.raises(ValueError, match="got 800 FLOPs in functions that Tokens calls"):
        predict(Tokens(), (2, 5))


@pytest.mark.parametrize("positions", ["rotary", "learned", "sinusoidal", "none"])
@pytest.mark.parametrize(
    ("kv_heads", "norm", "activation", "bias", "dropout"),
    [
        (4, "rms", "relu2", False, 0.0),
        (2, "layer", "swiglu", False, 0.1),
        (1, "rms", "gelu", True, 0.0),
        (4, "layer", "relu", True, 0.2),
    ],
)
def test_a_gpt_by_hand(positions, kv_heads, norm, activation, bias, dropout):
    b, t, vocab, d, heads, layers, d_ff, context = 3, 17, 37, 24, 4, 2, 50, 20
    model = models.GPT(
        vocab, context=context, d_model=d, num_layers=layers, num_heads=heads,
        num_kv_heads=kv_heads, d_ff=d_ff, positions=positions, norm=norm, activation=activation,
        bias=bias, dropout=dropout,
    )  # fmt: skip
    report = agree(model, (b, t))
    d_kv, wide = d // heads * kv_heads, 2 if activation == "swiglu" else 1
    matrices = layers * (2 * d * d + 2 * d * d_kv + (wide + 1) * d * d_ff) + d * vocab
    pairs = layers * 2 * t * t * d  # scores, and values summed up
    assert report.flops == 2 * b * (t * matrices + pairs)
    biases = layers * (2 * d + 2 * d_kv + wide * d_ff + d) if bias else 0
    gains = (2 * layers + 1) * d * (2 if norm == "layer" else 1)
    table = context * d if positions == "learned" else 0
    assert report.params == matrices + biases + gains + vocab * d + table
    for block in model.blocks:
        block.attention.attend.fused = True  # one kernel, but for the pass that counts
    assert agree(model, (b, t)) == report


@pytest.mark.parametrize(
    ("options", "wide", "tied"),
    [
        ({"tie_embeddings": True}, 1, True),
        ({"tie_embeddings": True, "positions": "learned", "init": "gpt2"}, 1, True),
        ({"activation": "geglu", "d_head": 10}, 2, False),
        ({"activation": "gelu_tanh", "bias": True, "head_bias": True}, 1, False),
        ({"activation": "geglu_tanh", "qkv_bias": True, "embedding_scale": 5.0}, 2, False),
        ({"bias": True, "ff_bias": False, "d_head": 2, "window": 3}, 1, False),
        ({"out_bias": True, "qk_norm": True, "d_head": 4, "tie_embeddings": True}, 1, True),
    ],
)
def test_a_gpt_with_the_options_of_real_models_by_hand(options, wide, tied):
    b, t, vocab, d, heads, kv_heads, layers, d_ff, context = 3, 17, 37, 24, 6, 2, 2, 50, 20
    model = models.GPT(
        vocab, context=context, d_model=d, num_layers=layers, num_heads=heads,
        num_kv_heads=kv_heads, d_ff=d_ff, **options,
    )  # fmt: skip
    report = agree(model, (b, t))
    assert report.params == sum(p.numel() for p in model.parameters())  # tied ones once
    d_head = options.get("d_head", d // heads)
    d_q, d_kv = heads * d_head, kv_heads * d_head
    block = d * (2 * d_q + 2 * d_kv + (wide + 1) * d_ff)
    pairs = 2 * t * t * d_q
    assert report.flops == 2 * b * (t * (layers * block + d * vocab) + layers * pairs)
    bias = options.get("bias", False)
    biases = (d_q + 2 * d_kv) * options.get("qkv_bias", bias) + d * options.get("out_bias", bias)
    biases += (wide * d_ff + d) * options.get("ff_bias", bias)
    gains = 2 * d + 2 * d_head * options.get("qk_norm", False)
    tables = vocab * d * (1 if tied else 2) + vocab * options.get("head_bias", False)
    tables += context * d * (options.get("positions") == "learned")
    assert report.params == layers * (block + biases + gains) + tables + d


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


def test_recurrent_layers_by_hand():
    # b = 2 sequences of 5 steps, d = 3, d_hidden = 4: each weight meets 10 steps, 2 FLOPs each.
    for kind, gates in ((nn.RNN, 1), (nn.LSTM, 4), (nn.GRU, 3)):
        weights = gates * 4 * (3 + 4)
        assert agree(kind(3, 4, batch_first=True), (2, 5, 3)).layers == [
            LayerCost(
                "(model)", kind.__name__, weights + 2 * gates * 4, 20 * weights, 160, (2, 5, 4)
            )
        ]
    # Two layers in two directions: the second reads 2 * 4 features.
    both = nn.GRU(3, 4, num_layers=2, bidirectional=True, bias=False, batch_first=True)
    weights = 2 * 12 * (3 + 4) + 2 * 12 * (8 + 4)
    cost = LayerCost("(model)", "GRU", weights, 20 * weights, 320, (2, 5, 8))
    assert agree(both, (2, 5, 3)).layers == [cost]
    # A projection of the state from 4 to 2: steps and outputs have 2.
    weights = 16 * (3 + 2) + 2 * 4
    cost = LayerCost("(model)", "LSTM", weights + 32, 20 * weights, 80, (5, 2, 2))
    assert agree(nn.LSTM(3, 4, proj_size=2), (5, 2, 3)).layers == [cost]


class Tagger(nn.Module):
    """A recurrent model as pages write them: (x, lengths), packed or padded."""

    def __init__(self, kind, *, packed, unpack=False):
        super().__init__()
        self.rnn = kind(3, 4, num_layers=2, bidirectional=True, batch_first=True)
        self.head = nn.Linear(8, 5)
        self.packed, self.unpack = packed, unpack

    def forward(self, x, lengths):
        if not self.packed:
            out, _ = self.rnn(x)
            out = out[torch.arange(len(x)), lengths.to(x.device) - 1]
        elif self.unpack:
            x = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
            out, _ = self.rnn(x)
            out, _ = pad_packed_sequence(out, batch_first=True)
        else:
            x = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
            _, state = self.rnn(x)
            state = state[0] if isinstance(state, tuple) else state
            out = torch.cat((state[-2], state[-1]), dim=1)
        return self.head(out)


@pytest.mark.parametrize(("kind", "gates"), [(nn.RNN, 1), (nn.LSTM, 4), (nn.GRU, 3)])
def test_packed_sequences_cost_their_real_steps(kind, gates):
    weights = 2 * gates * 4 * (3 + 4) + 2 * gates * 4 * (8 + 4)
    for packed, steps, shape in ((True, 6 + 1 + 4, (11, 8)), (False, 18, (3, 6, 8))):
        options = {"lengths": torch.tensor([6, 1, 4])}
        rnn, head = agree(Tagger(kind, packed=packed), (3, 6, 3), **options).layers
        assert (rnn.flops, rnn.output_shape) == (2 * steps * weights, shape)
        assert rnn.activation_bytes == 4 * steps * 8
        assert (head.flops, head.output_shape) == (2 * 3 * 8 * 5, (3, 5))
    # Unpacked again, as long as the longest: the head pays for the padding.
    options = {"lengths": torch.tensor([3, 1, 4])}
    rnn, head = agree(Tagger(kind, packed=True, unpack=True), (3, 6, 3), **options).layers
    assert (rnn.flops, head.flops) == (2 * 8 * weights, 2 * 3 * 4 * 8 * 5)


@pytest.mark.parametrize("readout", ["last", "mean"])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_the_package_s_sequence_model(readout, bidirectional):
    model = models.SequenceClassifier(
        3, 4, 5, cell="gru", num_layers=2, bidirectional=bidirectional, readout=readout
    )
    report = agree(model, (3, 6, 3), lengths=torch.tensor([5, 1, 4]))
    if bidirectional:  # which runs packed
        assert report.layers[0].flops == 2 * 10 * (2 * 12 * (3 + 4) + 2 * 12 * (8 + 4))
    else:
        assert report.layers[0].flops == 2 * 18 * (12 * (3 + 4) + 12 * (4 + 4))


@BOTH
def test_a_model_that_needs_lengths_says_so(count):
    with pytest.raises(ValueError, match=r"input_shape: .*missing 1 required .*'lengths'"):
        count(Tagger(nn.GRU, packed=True), (3, 6, 3))


class Reader(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(3, 2)

    def forward(self, x):
        return self.layer(x) if x.sum().item() == 0 else x


def test_a_model_that_reads_numbers_is_measured_and_not_predicted():
    assert measure(Reader(), (4, 3)).flops == 2 * 4 * 3 * 2
    with pytest.raises(ValueError, match=r"predict has shapes and no numbers: .* use measure"):
        predict(Reader(), (4, 3))


class Loop(nn.Module):
    """The cell of a page, step by step."""

    def __init__(self, cell):
        super().__init__()
        self.cell, self.norm = cell(3, 4), nn.LayerNorm(4)

    def forward(self, x):
        state = None
        for t in range(x.shape[1]):
            state = self.cell(x[:, t], state)
        return self.norm(state[0] if isinstance(state, tuple) else state)


@pytest.mark.parametrize(
    ("cell", "layer"), [(nn.RNNCell, nn.RNN), (nn.LSTMCell, nn.LSTM), (nn.GRUCell, nn.GRU)]
)
def test_a_loop_over_a_cell_costs_what_the_layer_costs(cell, layer):
    report, whole = agree(Loop(cell), (2, 5, 3)), agree(layer(3, 4, batch_first=True), (2, 5, 3))
    assert [c.name for c in report.layers] == 5 * ["cell"] + ["norm"]
    assert (report.params - 8, report.flops) == (whole.params, whole.flops)
    assert report.activation_bytes - 2 * 4 * 4 == whole.activation_bytes


def switches():
    return torch.backends.mkldnn.enabled, torch.backends.cudnn.enabled


def test_the_fused_kernels_come_back():
    before, seen = switches(), []
    model = nn.Sequential(nn.LSTM(3, 4))
    model[0].register_forward_pre_hook(lambda *_: seen.append(switches()))
    measure(model, (2, 5, 3))
    assert seen == [(False, False)]
    with pytest.raises(ValueError, match="failed in layer '0'"):
        measure(model, (2, 5, 4))
    assert switches() == before
    other = nn.Sequential(nn.Linear(3, 4))  # nothing recurrent: nothing is switched off
    other[0].register_forward_pre_hook(lambda *_: seen.append(switches()))
    measure(other, (2, 3))
    assert seen[-1] == before


@pytest.mark.skipif(not torch.backends.mkldnn.is_available(), reason="no fused LSTM on this CPU")
def test_a_kernel_that_hides_its_flops_is_noticed(monkeypatch):
    monkeypatch.setattr(_pass, "_unfused", lambda model: nullcontext())
    with pytest.raises(ValueError, match=r"'0' \(LSTM\) runs in one fused kernel on cpu, which"):
        measure(nn.Sequential(nn.LSTM(3, 4)), (2, 5, 3))


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
            nn.Sequential(nn.Linear(3, 4), nn.Sequential(nn.Mish())),
            (2, 3),
            r"'1\.0' is of type Mish",
        ),
        (nn.Sequential(nn.Bilinear(3, 3, 4)), (2, 3), "'0' is of type Bilinear"),
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
        ("cnn", (1, 2), {}, TypeError, "model: expected a torch.nn.Module, got str 'cnn'"),
        (nn.ReLU, (1, 2), {}, TypeError, "model: expected a torch.nn.Module"),
        (nn.LazyLinear(3), (1, 2), {}, ValueError, "model: parameter 'weight' has no shape yet"),
        (nn.ReLU(), 5, {}, TypeError, "input_shape: expected a tuple of sizes, got int 5"),
        (nn.ReLU(), (), {}, TypeError, "input_shape: expected a tuple of sizes"),
        (nn.ReLU(), torch.zeros(2), {}, TypeError, "input_shape: expected a tuple of sizes"),
        (nn.ReLU(), (2, 0), {}, ValueError, r"input_shape\[1\]: expected an integer of at least 1"),
        (nn.ReLU(), (-2, 3), {}, ValueError, r"input_shape\[0\]: .*got -2"),
        (nn.ReLU(), (2, 3.0), {}, TypeError, r"input_shape\[1\]: expected an integer, got float"),
        (nn.ReLU(), (True, 3), {}, TypeError, r"input_shape\[0\]: expected an integer, got bool"),
        (nn.ReLU(), (2, 3), {"lengths": [3, 2]}, TypeError, "lengths: expected a tensor"),
        (nn.ReLU(), (2, 3), {"lengths": torch.tensor([3, 4])}, ValueError, "lengths: .*4 in row 1"),
        (nn.ReLU(), (2, 3), {"lengths": torch.tensor([3])}, ValueError, r"lengths: .*shape \(2,\)"),
        (nn.ReLU(), (2,), {"lengths": torch.tensor([1, 1])}, ValueError, r"input_shape: .*\(b, t,"),
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
