"""The networks of the source article, as printed: what they get wrong stays in."""

import torch
from torch import nn

from bigmodel_utils.arguments import integer

__all__ = ["ArticleCNN", "ArticleRNN", "ArticleSelfAttention"]


class ArticleCNN(nn.Module):
    """The source article's network of section 4.1 as printed: no nonlinearity but the pooling.

    ``forward`` takes (b, 1, 28, 28) and returns logits (b, 10). Other image sizes go wrong in
    ``view(-1, 64 * 7 * 7)``, which may change the number of examples without an error.
    """

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels=1, out_channels=32, kernel_size=3, stride=1, padding=1)
        self.pool = nn.MaxPool2d(kernel_size=2, stride=2)
        self.conv2 = nn.Conv2d(in_channels=32, out_channels=64, kernel_size=3, stride=1, padding=1)
        self.fc = nn.Linear(in_features=64 * 7 * 7, out_features=10)

    def forward(self, x):
        x = self.conv1(x)  # (b, 32, 28, 28)
        x = self.pool(x)  # (b, 32, 14, 14)
        x = self.conv2(x)  # (b, 64, 14, 14)
        x = self.pool(x)  # (b, 64, 7, 7)
        x = x.view(-1, 64 * 7 * 7)
        x = self.fc(x)  # (b, 10)
        return x


class ArticleRNN(nn.Module):
    """The source article's network of section 4.2 as printed.

    Args:
        input_size: features of a step.
        hidden_size: width of the state.
        num_layers: recurrent layers, one on top of the other.
        num_classes: outputs.

    ``forward`` takes (b, t, input_size) and returns logits (b, num_classes), read at step t:
    for a sequence that is padded at the end this is a step of the padding.
    """

    def __init__(self, input_size, hidden_size, num_layers, num_classes):
        super().__init__()
        integer("input_size", input_size, minimum=1)
        integer("num_layers", num_layers, minimum=1)
        integer("num_classes", num_classes, minimum=1)
        self.hidden_size = integer("hidden_size", hidden_size, minimum=1)
        self.num_layers = num_layers
        self.rnn = nn.RNN(input_size, hidden_size, num_layers, batch_first=True)
        self.fc = nn.Linear(hidden_size, num_classes)

    def forward(self, x):
        h0 = torch.zeros(self.num_layers, x.size(0), self.hidden_size).to(x.device)
        out, _ = self.rnn(x, h0)
        out = self.fc(out[:, -1, :])
        return out


class ArticleSelfAttention(nn.Module):
    """The source article's layer of section 4.3 as printed: ``forward`` raises for every input.

    The page "Attention" reads its errors and repairs it.

    Args:
        d_model: features of a position.
    """

    def __init__(self, d_model):
        super().__init__()
        integer("d_model", d_model, minimum=1)
        self.qkv = nn.Linear(d_model, 3 * d_model)
        self.attention = nn.Softmax(dim=2)
        self.v = nn.Linear(d_model, d_model)
        self.d_model = d_model

    def forward(self, x):
        B, N, E = x.size()
        qkv = self.qkv(x).view(B, N, 3, E).permute(0, 2, 1, 3)
        q, k, v = qkv.chunk(3, dim=2)  # noqa: RUF059 - as printed
        att = self.attention(k.permute(0, 2, 1)).permute(0, 2, 1)
        out = (q * att).sum(2) / att.sum(2).sqrt()
        out = self.v(out)
        return out
