"""The networks: parameters, shapes, and the article's printed class against ours."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from bigmodel_utils.models import MLP, ArticleCNN, ArticleRNN, RecognitionCNN, SequenceClassifier


class PrintedCNN(nn.Module):
    """Section 4.1 of the source article, word for word."""

    # fmt: off
    def __init__(self):
        super(PrintedCNN, self).__init__()  # noqa: UP008
        self.conv1 = nn.Conv2d(in_channels=1, out_channels=32, kernel_size=3, stride=1, padding=1)
        self.pool = nn.MaxPool2d(kernel_size=2, stride=2)
        self.conv2 = nn.Conv2d(in_channels=32, out_channels=64, kernel_size=3, stride=1, padding=1)
        self.fc = nn.Linear(in_features=64 * 7 * 7, out_features=10)

    def forward(self, x):
        x = self.conv1(x)
        x = self.pool(x)
        x = self.conv2(x)
        x = self.pool(x)
        x = x.view(-1, 64 * 7 * 7)
        x = self.fc(x)
        return x
    # fmt: on


class PrintedRNN(nn.Module):
    """Section 4.2 of the source article, word for word but for its name."""

    # fmt: off
    def __init__(self, input_size, hidden_size, num_layers, num_classes):
        super(PrintedRNN, self).__init__()  # noqa: UP008
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.rnn = nn.RNN(input_size, hidden_size, num_layers, batch_first=True)
        self.fc = nn.Linear(hidden_size, num_classes)

    def forward(self, x):
        h0 = torch.zeros(self.num_layers, x.size(0), self.hidden_size).to(x.device)
        out, _ = self.rnn(x, h0)
        out = self.fc(out[:, -1, :])
        return out
    # fmt: on


def images(b, c=1, h=28, w=28):
    return torch.randn(b, c, h, w, generator=torch.Generator().manual_seed(0))


def test_the_article_network_is_the_printed_one():
    torch.manual_seed(3)
    ours = ArticleCNN()
    torch.manual_seed(3)
    printed = PrintedCNN()
    x = images(5)
    assert [n for n, _ in ours.named_modules()] == [n for n, _ in printed.named_modules()]
    assert torch.equal(ours(x), printed(x))
    assert ours(images(4, h=56, w=28)).shape == (8, 10)  # the trap: 4 images, 8 answers


def test_without_its_additions_the_completed_network_is_the_article_s():
    article = ArticleCNN()
    ours = RecognitionCNN(relu=False, batch_norm=False)
    ours.load_state_dict(article.state_dict())
    x = images(5)
    assert torch.equal(ours(x), article(x))
    assert sum(p.numel() for p in ours.parameters()) == 50186


def test_relu_after_pooling_is_relu_before_pooling():
    torch.manual_seed(0)
    net = RecognitionCNN(batch_norm=False)
    x = images(3)
    early = net.pool(net.conv1(x).relu())
    early = net.pool(net.conv2(early).relu())
    assert torch.equal(net(x), net.fc(early.flatten(1)))


def test_relu_makes_it_nonlinear_and_without_it_only_the_pooling_does():
    torch.manual_seed(0)
    for relu in (True, False):
        net = RecognitionCNN(relu=relu, batch_norm=False)
        for conv in (net.conv1, net.conv2):
            nn.init.zeros_(conv.bias)
        nn.init.zeros_(net.fc.bias)
        net.pool = nn.AvgPool2d(2)  # linear, so that only the ReLU is left
        x = images(3)
        assert torch.allclose(net(-x), -net(x), atol=1e-5) != relu


def test_batch_norm_and_dropout_differ_between_training_and_evaluation():
    torch.manual_seed(0)
    net, x = RecognitionCNN(dropout=0.5), images(6)
    assert not torch.equal(net(x), net(x))
    net.eval()
    assert torch.equal(net(x), net(x))
    plain = RecognitionCNN(batch_norm=False)
    assert torch.equal(plain(x), plain(x))
    assert not [m for m in plain.modules() if isinstance(m, (nn.BatchNorm2d, nn.Dropout))]


@pytest.mark.parametrize("size", [4, 9, (30, 17), (5, 28)])
def test_other_images_channels_widths_and_classes(size):
    h, w = (size, size) if isinstance(size, int) else size
    net = RecognitionCNN(image_size=size, in_channels=3, num_classes=7, channels=(5, 6))
    assert net(images(2, 3, h, w)).shape == (2, 7)
    assert (net.conv1.out_channels, net.conv2.out_channels) == (5, 6)


def test_another_image_size_is_an_error_and_not_more_examples():
    with pytest.raises(RuntimeError, match="shapes"):
        RecognitionCNN()(images(4, h=56, w=28))


def test_mlp():
    torch.manual_seed(0)
    net = MLP([12, 5, 4, 3])
    x = images(6, 1, 3, 4)
    a, b, c = (m for m in net.modules() if isinstance(m, nn.Linear))
    expected = c(b(a(x.reshape(6, 12)).clamp(min=0)).clamp(min=0))
    assert torch.equal(net(x), expected)
    assert len(MLP((12, 3)).layers) == 1


LENGTHS = torch.tensor([3, 6, 1, 4])
CELLS = ("rnn", "lstm", "gru")


def utterances(extra=0, fill=0.0):
    """Sequences of LENGTHS with three features, padded with ``fill`` to 6 + ``extra`` steps."""
    x = torch.full((4, 6 + extra, 3), fill, dtype=torch.float64)
    generator = torch.Generator().manual_seed(1)
    for row, length in zip(x, LENGTHS.tolist(), strict=True):
        row[:length] = torch.randn(length, 3, generator=generator, dtype=torch.float64)
    return x


def classifier(cell="gru", **options):
    torch.manual_seed(2)
    return SequenceClassifier(3, 5, 4, cell=cell, **options).double()


def test_the_article_recurrent_network_is_the_printed_one():
    torch.manual_seed(3)
    ours = ArticleRNN(3, 5, 2, 4)
    torch.manual_seed(3)
    printed = PrintedRNN(3, 5, 2, 4)
    x = utterances().float()
    assert [n for n, _ in ours.named_modules()] == [n for n, _ in printed.named_modules()]
    assert torch.equal(ours(x), printed(x))
    longer = utterances(extra=3).float()
    assert not torch.allclose(ours(x), ours(longer), atol=1e-4)  # the trap: padding counts


def test_of_full_sequences_the_completed_network_is_the_article_s():
    article = ArticleRNN(3, 5, 2, 4)
    ours = SequenceClassifier(3, 5, 4, num_layers=2)
    ours.load_state_dict(article.state_dict())
    x = torch.randn(4, 6, 3)
    assert torch.equal(ours(x, torch.full((4,), 6)), article(x))


@pytest.mark.parametrize("readout", ["last", "mean"])
@pytest.mark.parametrize(("bidirectional", "num_layers"), [(False, 1), (False, 2), (True, 2)])
@pytest.mark.parametrize("cell", CELLS)
def test_a_batch_gives_what_each_sequence_gives_alone(cell, bidirectional, num_layers, readout):
    net = classifier(cell, bidirectional=bidirectional, num_layers=num_layers, readout=readout)
    x, m = utterances(), 5
    for n, length in enumerate(LENGTHS.tolist()):
        out = net.rnn(x[n : n + 1, :length])[0][0]  # (t_n, m) or (t_n, 2 m)
        state = out.mean(0) if readout == "mean" else torch.cat([out[-1, :m], out[0, m:]])
        expected = net.fc(state)
        torch.testing.assert_close(net(x, LENGTHS)[n], expected, atol=1e-12, rtol=0)


@pytest.mark.parametrize("readout", ["last", "mean"])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("cell", CELLS)
@given(extra=st.integers(0, 9), fill=st.sampled_from([0.0, -3.0, 1e30, math.inf, math.nan]))
@settings(deadline=None, derandomize=True, max_examples=6)
def test_padding_changes_neither_outputs_nor_gradients(cell, bidirectional, readout, extra, fill):
    net = classifier(cell, bidirectional=bidirectional, readout=readout)
    upstream = torch.randn(4, 4, generator=torch.Generator().manual_seed(4), dtype=torch.float64)
    found = []
    for x in (utterances(), utterances(extra, fill)):
        x.requires_grad_()
        out = net(x, LENGTHS)
        gradients = torch.autograd.grad(out, [x, *net.parameters()], upstream)
        assert gradients[0][:, 6:].abs().sum() == 0
        found.append([out, gradients[0][:, :6], *gradients[1:]])
    for before, after in zip(*found, strict=True):
        torch.testing.assert_close(before, after, atol=1e-12, rtol=1e-12)
    assert found[0][0].detach().std() > 0.01


def test_dropout_of_the_classifier_works_in_training_alone():
    net, x = classifier(dropout=0.5), utterances()
    assert not torch.equal(net(x, LENGTHS), net(x, LENGTHS))
    net.eval()
    assert torch.equal(net(x, LENGTHS), net(x, LENGTHS))
    assert not [m for m in classifier().modules() if isinstance(m, nn.Dropout)]


@pytest.mark.parametrize("directions", [1, 2])
@pytest.mark.parametrize(("cell", "gates"), [("rnn", 1), ("lstm", 4), ("gru", 3)])
def test_parameters_of_the_classifier(cell, gates, directions):
    net = SequenceClassifier(12, 21, 9, cell=cell, bidirectional=directions == 2)
    expected = directions * gates * 21 * (12 + 21 + 2) + 9 * (directions * 21 + 1)
    assert sum(p.numel() for p in net.parameters()) == expected


@pytest.mark.parametrize(
    ("x", "lengths", "error", "words"),
    [
        (utterances().transpose(0, 1), LENGTHS, ValueError, "lengths: .*row"),
        (utterances()[..., :2], LENGTHS, ValueError, r"x: .*\(4, 6, 2\)"),
        (utterances()[0], LENGTHS, ValueError, "x: "),
        (utterances().long(), LENGTHS, TypeError, "x: "),
        (utterances(), LENGTHS[:3], ValueError, "lengths: "),
        (utterances(), LENGTHS[:1], ValueError, "lengths: "),
        (utterances(), LENGTHS + 1, ValueError, "lengths: "),
        (utterances(), LENGTHS - 1, ValueError, "lengths: "),
        (utterances(), LENGTHS.double(), TypeError, "lengths: "),
        (utterances(), None, TypeError, "lengths: "),
    ],
)
@pytest.mark.parametrize("bidirectional", [False, True])
def test_the_classifier_names_bad_sequences(bidirectional, x, lengths, error, words):
    with pytest.raises(error, match=words):
        classifier(bidirectional=bidirectional)(x, lengths)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: RecognitionCNN(image_size=3), ValueError, "image_size"),
        (lambda: RecognitionCNN(image_size=(28, 2)), ValueError, r"image_size\[1\]"),
        (lambda: RecognitionCNN(image_size=28.0), TypeError, "image_size"),
        (lambda: RecognitionCNN(in_channels=0), ValueError, "in_channels"),
        (lambda: RecognitionCNN(num_classes=-1), ValueError, "num_classes"),
        (lambda: RecognitionCNN(channels=(1, 2, 3)), ValueError, "channels"),
        (lambda: RecognitionCNN(relu=1), TypeError, "relu"),
        (lambda: RecognitionCNN(batch_norm="yes"), TypeError, "batch_norm"),
        (lambda: RecognitionCNN(dropout=1.5), ValueError, "dropout"),
        (lambda: ArticleRNN(3, 0, 1, 2), ValueError, "hidden_size"),
        (lambda: ArticleRNN(3, 4, 1.0, 2), TypeError, "num_layers"),
        (lambda: SequenceClassifier(3, 4, 2, cell="RNN"), ValueError, "cell"),
        (lambda: SequenceClassifier(3, 4, 2, readout="first"), ValueError, "readout"),
        (lambda: SequenceClassifier(3, 4, 2, bidirectional=2), TypeError, "bidirectional"),
        (lambda: SequenceClassifier(3, 4, 2, num_layers=0), ValueError, "num_layers"),
        (lambda: MLP([3]), ValueError, "sizes"),
        (lambda: MLP(3), ValueError, "sizes"),
        (lambda: MLP([3, 0]), ValueError, r"sizes\[1\]"),
        (lambda: MLP([3, 2.0]), TypeError, r"sizes\[1\]"),
    ],
)
def test_bad_arguments_are_named(call, error, words):
    with pytest.raises(error, match=words):
        call()
