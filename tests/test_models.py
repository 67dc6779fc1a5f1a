"""The networks: parameters, shapes, and the article's printed class against ours."""

import pytest
import torch
from torch import nn

from bigmodel_utils.models import MLP, ArticleCNN, RecognitionCNN


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
        (lambda: MLP([3]), ValueError, "sizes"),
        (lambda: MLP(3), ValueError, "sizes"),
        (lambda: MLP([3, 0]), ValueError, r"sizes\[1\]"),
        (lambda: MLP([3, 2.0]), TypeError, r"sizes\[1\]"),
    ],
)
def test_bad_arguments_are_named(call, error, words):
    with pytest.raises(error, match=words):
        call()
