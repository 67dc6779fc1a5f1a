"""Which definitions of the pages stand in the package too, and how they are held equal.

``IDENTICAL``: the same code once docstrings and annotations are dropped. ``EQUAL``: other
code, the same numbers: a function that runs both and asserts it.
"""

import re

import torch
import torch.nn.functional as F

from bigmodel_utils import adaptation, compression, models, reference, serving, speculation
from bigmodel_utils.data import PIECES, BytePairTokenizer, CharTokenizer
from bigmodel_utils.models import tiled_attention


def _random(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(7), dtype=torch.float64)


def _conv2d_loops(conv2d_loops):
    x, weight, bias = _random(2, 4, 7, 6), _random(6, 2, 3, 2), _random(6)
    options = dict(stride=(2, 1), padding=(1, 2), dilation=(1, 3), groups=2)
    got = conv2d_loops(x, weight, bias, **options)
    torch.testing.assert_close(got, reference.conv2d(x, weight, bias, **options))


def _conv2d_im2col(conv2d_im2col):
    x, weight, bias = _random(2, 4, 7, 6), _random(5, 4, 3, 2), _random(5)
    options = dict(stride=(2, 1), padding=(1, 2), dilation=(1, 3))
    got = conv2d_im2col(x, weight, bias, **options)
    torch.testing.assert_close(got, F.conv2d(x, weight, bias, **options))


def _conv2d_fft(conv2d_fft):
    x, weight, bias = _random(2, 4, 7, 6), _random(5, 4, 3, 2), _random(5)
    got = conv2d_fft(x, weight, bias, padding=(1, 2))
    torch.testing.assert_close(got, F.conv2d(x, weight, bias, padding=(1, 2)))


def _output_size(output_size):
    for case in [(9, 3, 2, 1, 1), (12, 4, 3, 0, 2), (7, 1, 1, 2, 3)]:
        assert output_size(*case) == reference.conv2d_output_size(*case)


def _pooling(name):
    def compare(page_function):
        x, options = _random(2, 3, 7, 6), dict(stride=(2, 1), padding=(1, 0))
        arguments = [x, (3, 2)]
        if name.endswith("_backward"):
            forward = getattr(reference, name.removesuffix("_backward"))
            arguments.insert(1, torch.randn_like(forward(x, (3, 2), **options)))
        got = page_function(*arguments, **options)
        expected = getattr(reference, name)(*arguments, **options)
        torch.testing.assert_close(got, expected)

    return compare


def _receptive_field(receptive_field):
    for layers in ([(3, 1, 1), (2, 2, 1), (5, 1, 3)], [(7, 3, 1), (3, 2, 2)]):
        assert receptive_field(layers) == tuple(reference.receptive_field(layers))


SETTING = dict(stride=(2, 1), padding=(1, 2), dilation=(1, 3), groups=2)


def _setting():
    x, weight = _random(2, 4, 7, 6), _random(6, 2, 3, 2)
    g = torch.randn_like(reference.conv2d(x, weight, **SETTING))
    return x, weight, g, reference.conv2d_backward(x, weight, g, **SETTING)


def _conv2d_grad_input(conv2d_grad_input):
    _, weight, g, expected = _setting()
    torch.testing.assert_close(conv2d_grad_input(g, weight, (7, 6), **SETTING), expected[0])


def _conv2d_grad_weight(conv2d_grad_weight):
    x, _, g, expected = _setting()
    torch.testing.assert_close(conv2d_grad_weight(x, g, (3, 2), **SETTING), expected[1])


def _conv2d_grad_bias(conv2d_grad_bias):
    *_, g, expected = _setting()
    torch.testing.assert_close(conv2d_grad_bias(g), expected[2])


def _output_padding(output_padding):
    for case in [(9, 3, 2, 1, 1), (12, 4, 3, 0, 2), (8, 2, 4, 1, 3)]:
        assert output_padding(*case) == reference.convolution_output_padding(*case)


def _recognition_cnn(page_class):
    torch.manual_seed(7)
    ours, packaged = page_class(image_size=(20, 12)), models.RecognitionCNN(image_size=(20, 12))
    packaged.load_state_dict(ours.state_dict())
    x = torch.randn(3, 1, 20, 12)
    torch.testing.assert_close(ours(x), packaged(x))


def _article_rnn(page_class):
    ours, packaged = page_class(4, 5, 2, 3), models.ArticleRNN(4, 5, 2, 3)
    packaged.load_state_dict(ours.state_dict())
    x = torch.randn(2, 6, 4, generator=torch.Generator().manual_seed(7))
    torch.testing.assert_close(ours(x), packaged(x))


def _sequence_classifier(page_class):
    lengths = torch.tensor([3, 6, 1])
    x = _random(3, 6, 4).masked_fill((torch.arange(6) >= lengths[:, None])[..., None], 9)
    for cell, both in [("rnn", False), ("lstm", True), ("gru", False), ("gru", True)]:
        options = {"cell": cell, "bidirectional": both}
        torch.manual_seed(7)
        ours = page_class(4, 5, 3, **options).double()
        packaged = models.SequenceClassifier(4, 5, 3, **options).double()
        packaged.load_state_dict(ours.state_dict())
        torch.testing.assert_close(ours(x, lengths), packaged(x, lengths))


def _recurrent(blocks):
    """Return x, the state before it, and the four parameters of a layer with so many gates."""
    b, t, d, m = 2, 5, 3, 4
    shapes = [(b, t, d), (b, m), (blocks * m, d), (blocks * m, m), (blocks * m,), (blocks * m,)]
    generator = torch.Generator().manual_seed(7)
    return [torch.randn(*s, generator=generator, dtype=torch.float64) for s in shapes]


def _rnn(rnn):
    x, h0, weight_ih, weight_hh, bias, other = _recurrent(1)
    got = rnn(x, h0, weight_ih, weight_hh, bias + other)
    expected = reference.rnn(x, weight_ih, weight_hh, bias, other, h0)
    torch.testing.assert_close(got, expected)


def _bptt(bptt):
    x, h0, weight_ih, weight_hh, bias, other = _recurrent(1)
    given = x, weight_ih, weight_hh, bias, other, h0
    h = reference.rnn(*given)
    g = torch.linspace(-1, 2, h.numel(), dtype=torch.float64).reshape(h.shape)
    got = bptt(g, x, torch.cat([h0[:, None], h], 1), weight_ih, weight_hh)
    gradients = reference.rnn_backward(*given, g)
    for_x, for_ih, for_hh, for_bias, _, for_h0 = gradients
    for ours, expected in zip(got, (for_x, for_h0, for_ih, for_hh, for_bias), strict=True):
        torch.testing.assert_close(ours, expected)


def _lstm(lstm):
    x, h0, *parameters = _recurrent(4)
    h, c, _ = lstm(x, h0, h0.flip(0), *parameters)
    expected = reference.lstm(x, *parameters, h0, h0.flip(0))
    torch.testing.assert_close((h[:, 1:], c[:, 1:]), expected)


def _gru(gru):
    x, h0, *parameters = _recurrent(3)
    h, _ = gru(x, h0, *parameters)
    torch.testing.assert_close(h[:, 1:], reference.gru(x, *parameters, h0))


def _attention_case():
    mask = torch.rand(2, 1, 4, 5, generator=torch.Generator().manual_seed(7)) < 0.5
    mask[0, 0, 1] = False  # a query that may attend to nothing
    return _random(2, 3, 4, 6), _random(2, 3, 5, 6), _random(2, 3, 5, 7), mask


def _attention(page_function):
    q, k, v, mask = _attention_case()
    for options in ({}, {"mask": mask}, {"mask": mask, "scale": 0.3}):
        expected = models.attention(q, k, v, **options)
        torch.testing.assert_close(page_function(q, k, v, **options), expected)


def _attention_weights(page_function):
    q, k, _, mask = _attention_case()
    for options in ({}, {"mask": mask, "scale": 0.3}):
        expected = models.attention_weights(q, k, **options)
        torch.testing.assert_close(page_function(q, k, **options), expected)


def _causal_mask(page_function):
    for t, s in ((1, 1), (4, 4), (2, 5), (1, 6)):
        assert torch.equal(page_function(t, s), models.causal_mask(t, s))


def _attention_backward(attention_backward):
    q, k, v, grad = _random(2, 5, 3), _random(2, 7, 3), _random(2, 7, 4), _random(2, 5, 4)
    mask = models.causal_mask(5, 7)
    got = attention_backward(q, k, v, models.attention_weights(q, k, mask), grad)
    expected = reference.attention_backward(q, k, v, grad, mask)
    torch.testing.assert_close(got, expected)


def _tiled_attention(page_class):
    q, k, v, grad = _random(2, 5, 3), _random(2, 7, 3), _random(2, 7, 4), _random(2, 5, 4)
    mask = _random(2, 5, 7) < 0.3
    results = []
    for function in (
        lambda *leaves: page_class.apply(*leaves, mask, True, (2, 3)),
        lambda *leaves: tiled_attention(*leaves, mask=mask, causal=True, tile_size=(2, 3)),
    ):
        leaves = [x.clone().requires_grad_() for x in (q, k, v)]
        out = function(*leaves)
        results.append((out, *torch.autograd.grad(out, leaves, grad)))
    torch.testing.assert_close(*results)


TEXT = "low lower lowest, newest: aaaa aaab 12 123  éक🙂\n\tlow low newer aaa"


def _char_tokenizer(page_class):
    ours, packaged = page_class(TEXT), CharTokenizer(TEXT)
    assert ours.encode(TEXT[::-1]) == packaged.encode(TEXT[::-1])
    assert ours.decode(ours.encode(TEXT)) == TEXT


def _learn_merges(learn_merges):
    merges, tokens = learn_merges(re.findall(PIECES, TEXT), 280)
    packaged = BytePairTokenizer.train(TEXT, 280)
    assert list(merges.items()) == list(packaged.merges.items()) and tokens == packaged.tokens


def _encode(encode):
    packaged = BytePairTokenizer.train(TEXT, 280)
    for text in (TEXT, TEXT[::-1]):
        assert encode(re.findall(PIECES, text), packaged.merges) == packaged.encode(text)


def _tables(name):
    def compare(page_function):
        got = page_function(7, 10)
        torch.testing.assert_close(got, getattr(models, name)(7, 10))

    return compare


def _rotate(page_function):
    cos, sin = (table.double() for table in models.rotary_tables(5, 6))
    x = _random(2, 3, 5, 6)
    torch.testing.assert_close(page_function(x, cos, sin), models.rotate(x, cos, sin))


def _same_layer(ours, packaged, *inputs):
    """Copy the weights, then compare outputs and the gradients of all parameters."""
    packaged.load_state_dict(ours.state_dict())
    results = []
    for layer in (ours, packaged):
        y = layer(*inputs)
        g = _random(*y.shape)
        found = torch.autograd.grad(y, list(layer.parameters()), g)
        names = [name for name, _ in layer.named_parameters()]
        results.append([y, *(f for _, f in sorted(zip(names, found, strict=True)))])
    torch.testing.assert_close(results[0], results[1])


def _multi_head_attention(page_class):
    x, mask = _random(2, 5, 12), models.causal_mask(5)
    for bias in (False, True):
        torch.manual_seed(7)
        ours = page_class(12, 3, bias=bias).double()
        _same_layer(ours, models.MultiHeadAttention(12, 3, bias=bias).double(), x, mask)


def _feed_forward(page_class):
    for activation in ("relu", "gelu", "relu2", "swiglu"):
        options = dict(activation=activation, bias=activation == "gelu")
        torch.manual_seed(7)
        ours = page_class(6, 9, **options).double()
        _same_layer(ours, models.FeedForward(6, 9, **options).double(), _random(2, 4, 6))


def _block(page_class):
    x, mask = _random(2, 5, 12), models.causal_mask(5)
    for norm, pre_norm in (("rms", True), ("layer", True), ("layer", False)):
        torch.manual_seed(7)
        options = dict(norm=norm, pre_norm=pre_norm)
        ours = page_class(12, 3, 20, **options).double()
        _same_layer(ours, models.Block(12, 3, 20, **options).double(), x, mask)


def _gpt(page_class):
    tokens = torch.tensor([[3, 1, 4, 1, 5], [2, 0, 5, 3, 5]])
    for kind in ("rotary", "learned", "sinusoidal", "none"):
        options = dict(context=6, d_model=12, num_layers=2, num_heads=3, positions=kind)
        torch.manual_seed(7)
        ours = page_class(7, **options).double()
        _same_layer(ours, models.GPT(7, **options).double(), tokens)


def _starts(name):
    def compare(page_function):
        for seed, (rate, slots) in enumerate([(0.05, 1), (0.2, 3), (3.0, 8)], start=1):
            asked = serving.requests(rate, 9, 50, seed=seed)
            assert page_function(*asked, slots) == getattr(serving, name)(*asked, slots)

    return compare


POOLING = ("max_pool2d", "avg_pool2d", "max_pool2d_backward", "avg_pool2d_backward")


def _on_grid(on_grid):
    weight = _random(3, 12)
    for bits, size in ((8, 12), (4, 3), (2, 4)):
        kept = compression.to_codes(weight, bits=bits, group_size=size, scale_dtype=torch.float32)
        codes, scale = on_grid(weight, bits, size)
        torch.testing.assert_close(codes.flatten(1), kept.codes.double(), atol=0, rtol=0)
        torch.testing.assert_close(scale[..., 0].float(), kept.scale)


def _residual(residual):
    p, q = (_random(2, 5) * torch.tensor([[1.0], [2.0]])).softmax(-1)
    torch.testing.assert_close(residual(p, q), speculation.residual(p, q))
    torch.testing.assert_close(residual(p, p), speculation.residual(p, p))


def _lookup(lookup):
    for text in ([1, 2, 3, 9, 1, 2, 3, 8, 7, 1, 2, 3], [5, 5], [1, 2], [1, 2, 4, 1, 3, 1], [4]):
        for k in (8, 2):
            found = torch.tensor(lookup(text, k)).double()
            expected = torch.tensor(speculation.lookup_draft(text, k)).double()
            torch.testing.assert_close(found, expected)


def _speculate(speculate):
    torch.manual_seed(3)
    model = models.GPT(7, context=60, d_model=12, num_layers=2, num_heads=2).double().eval()
    for draft in (lambda tokens: [], lambda tokens: speculation.lookup_draft(tokens, 5)):
        expected = speculation.generate_greedily(model, [3, 1, 4, 1, 5], 30, draft)
        assert speculate(model, [3, 1, 4, 1, 5], 30, draft) == expected


def _lora(page_class):
    for n, m, rank, alpha in ((3, 7, 2, 3.0), (6, 4, 4, 2.0)):
        layer, x = torch.nn.Linear(m, n).double(), _random(5, 2, m)
        taught = page_class(layer, rank, scale=alpha / rank)
        packaged = adaptation.LoRALinear(layer, rank, alpha=alpha)
        torch.testing.assert_close(taught(x), packaged(x))  # both begin as the layer
        assert taught.a.shape == packaged.a.shape and taught.b.shape == packaged.b.shape
        with torch.no_grad():
            for name, shape in (("a", (rank, m)), ("b", (n, rank))):
                for one in (taught, packaged):
                    getattr(one, name).copy_(_random(*shape))
        torch.testing.assert_close(taught(x), packaged(x))
        torch.testing.assert_close(taught.merge().weight, packaged.merged().weight)
        trained = [
            {k for k, p in one.named_parameters() if p.requires_grad} for one in (taught, packaged)
        ]
        assert trained == [{"a", "b"}, {"a", "b"}]


IDENTICAL = {
    ("recognition", "ArticleCNN"): models.ArticleCNN,
}
EQUAL = {
    ("convolution", "conv2d_loops"): _conv2d_loops,
    ("fast_convolution", "conv2d_im2col"): _conv2d_im2col,
    ("fast_convolution", "conv2d_fft"): _conv2d_fft,
    ("convolution", "output_size"): _output_size,
    ("convolution_backward", "conv2d_grad_input"): _conv2d_grad_input,
    ("convolution_backward", "conv2d_grad_weight"): _conv2d_grad_weight,
    ("convolution_backward", "conv2d_grad_bias"): _conv2d_grad_bias,
    ("convolution_backward", "output_padding"): _output_padding,
    **{("pooling", name): _pooling(name) for name in POOLING},
    ("receptive_fields", "receptive_field"): _receptive_field,
    ("recognition", "RecognitionCNN"): _recognition_cnn,
    ("recurrent", "rnn"): _rnn,
    ("recurrent", "rnn_hoisted"): _rnn,
    ("recurrent_backward", "bptt"): _bptt,
    ("gates", "lstm"): _lstm,
    ("gates", "gru"): _gru,
    ("attention", "attention"): _attention,
    ("attention", "attention_weights"): _attention_weights,
    ("attention", "causal_mask"): _causal_mask,
    ("attention_backward", "attention_backward"): _attention_backward,
    ("attention_backward", "TiledAttention"): _tiled_attention,
    ("speech", "ArticleRNN"): _article_rnn,
    ("tokens", "CharTokenizer"): _char_tokenizer,
    ("tokens", "learn_merges"): _learn_merges,
    ("tokens", "encode"): _encode,
    ("speech", "SequenceClassifier"): _sequence_classifier,
    ("positions", "rotary_tables"): _tables("rotary_tables"),
    ("positions", "sinusoidal"): _tables("sinusoidal"),
    ("positions", "rotate"): _rotate,
    ("transformer", "MultiHeadAttention"): _multi_head_attention,
    ("transformer", "FeedForward"): _feed_forward,
    ("transformer", "Block"): _block,
    ("transformer", "GPT"): _gpt,
    ("transfer", "LoRA"): _lora,
    ("fewer_bits", "on_grid"): _on_grid,
    ("fewer_bits", "residual"): _residual,
    ("fewer_bits", "lookup"): _lookup,
    ("fewer_bits", "speculate"): _speculate,
    ("deployment", "static"): _starts("static_starts"),
    ("deployment", "continuous"): _starts("continuous_starts"),
}
