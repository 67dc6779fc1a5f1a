"""Networks that classify images and sequences."""

import itertools

import torch
from torch import nn

from bigmodel_utils import arguments, sequences
from bigmodel_utils.arguments import describe, flag, integer, one_of, pair, real

__all__ = ["MLP", "RecognitionCNN", "SequenceClassifier"]

_CELLS = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}


class MLP(nn.Module):
    """Fully connected layers with ReLU between them.

    Args:
        sizes: features of the input, of each hidden layer and of the output: two integers or
            more.

    ``forward`` takes (b, ...), flattens all but the first axis to sizes[0] features and returns
    (b, sizes[-1]).
    """

    def __init__(self, sizes):
        super().__init__()
        if not isinstance(sizes, (tuple, list)) or len(sizes) < 2:
            raise ValueError(f"sizes: expected two integers or more, got {describe(sizes)}")
        sizes = [integer(f"sizes[{i}]", size, minimum=1) for i, size in enumerate(sizes)]
        layers = [nn.Linear(a, b) for a, b in itertools.pairwise(sizes)]
        inner = itertools.chain.from_iterable((layer, nn.ReLU()) for layer in layers[:-1])
        self.layers = nn.Sequential(*inner, layers[-1])

    def forward(self, x):
        return self.layers(x.flatten(1))


class RecognitionCNN(nn.Module):
    """The article's network completed: ReLU, batch norm, and any image size of 4 x 4 or more.

    ReLU follows the pooling: both are monotonic, so the result is that of ReLU first, for a
    quarter of the work. With ``relu=False, batch_norm=False`` it computes what
    :class:`ArticleCNN` does.

    Args:
        image_size: height and width of the images, an integer or two.
        in_channels: channels of the images.
        num_classes: outputs.
        channels: widths of the two convolutions.
        relu: False leaves the nonlinearity out.
        batch_norm: True puts a BatchNorm2d after each convolution's pooling, before the ReLU.
        dropout: share of the features set to zero before the last layer in training.

    ``forward`` takes (b, in_channels, h, w) and returns logits (b, num_classes).
    """

    def __init__(
        self,
        *,
        image_size=28,
        in_channels=1,
        num_classes=10,
        channels=(32, 64),
        relu=True,
        batch_norm=True,
        dropout=0.0,
    ):
        super().__init__()
        height, width = pair("image_size", image_size, minimum=4)
        integer("in_channels", in_channels, minimum=1)
        integer("num_classes", num_classes, minimum=1)
        c1, c2 = pair("channels", channels, minimum=1)
        flag("relu", relu)
        flag("batch_norm", batch_norm)
        real("dropout", dropout, minimum=0, maximum=1)
        self.conv1 = nn.Conv2d(in_channels, c1, kernel_size=3, padding=1)
        self.norm1 = nn.BatchNorm2d(c1) if batch_norm else nn.Identity()
        self.conv2 = nn.Conv2d(c1, c2, kernel_size=3, padding=1)
        self.norm2 = nn.BatchNorm2d(c2) if batch_norm else nn.Identity()
        self.pool = nn.MaxPool2d(kernel_size=2, stride=2)
        self.relu = nn.ReLU() if relu else nn.Identity()
        self.dropout = nn.Dropout(dropout) if dropout else nn.Identity()
        self.fc = nn.Linear(c2 * (height // 4) * (width // 4), num_classes)

    def forward(self, x):
        x = self.relu(self.norm1(self.pool(self.conv1(x))))  # (b, c1, h/2, w/2)
        x = self.relu(self.norm2(self.pool(self.conv2(x))))  # (b, c2, h/4, w/4)
        x = self.dropout(x.flatten(1))  # (b, c2 * h/4 * w/4)
        return self.fc(x)  # (b, num_classes)


class SequenceClassifier(nn.Module):
    """The article's recurrent network completed: for sequences of different lengths.

    Padding, whatever it holds, reaches neither the logits nor a gradient. One direction runs on
    the padded batch, for a state never depends on later steps; two directions run packed.

    Args:
        input_size: features of a step.
        hidden_size: width of the state in each direction.
        num_classes: outputs.
        cell: "rnn", "lstm" or "gru".
        num_layers: recurrent layers, one on top of the other.
        bidirectional: True runs a second set of weights from the end to the beginning.
        readout: "last" for the final state of each direction, "mean" for the mean of the states
            over the real steps.
        dropout: share of the readout set to zero in training.

    ``forward`` takes x (b, t, input_size), padded at the end, and lengths (b,), and returns logits
    (b, num_classes).
    """

    def __init__(
        self,
        input_size,
        hidden_size,
        num_classes,
        *,
        cell="rnn",
        num_layers=1,
        bidirectional=False,
        readout="last",
        dropout=0.0,
    ):
        super().__init__()
        integer("input_size", input_size, minimum=1)
        integer("hidden_size", hidden_size, minimum=1)
        integer("num_classes", num_classes, minimum=1)
        integer("num_layers", num_layers, minimum=1)
        flag("bidirectional", bidirectional)
        real("dropout", dropout, minimum=0, maximum=1)
        self.readout = one_of("readout", readout, ("last", "mean"))
        self.rnn = _CELLS[one_of("cell", cell, tuple(_CELLS))](
            input_size, hidden_size, num_layers, batch_first=True, bidirectional=bidirectional
        )
        self.dropout = nn.Dropout(dropout) if dropout else nn.Identity()
        self.fc = nn.Linear(hidden_size * (2 if bidirectional else 1), num_classes)

    def forward(self, x, lengths):
        arguments.tensor("x", x, ("b", "t", self.rnn.input_size), floating=True)
        lengths = sequences.check_lengths(lengths, *x.shape[:2])
        if self.rnn.bidirectional:
            out, state = self.rnn(sequences.pack(x, lengths))
            if self.readout == "last":  # no need to pad the steps again
                state = state[0] if isinstance(state, tuple) else state  # (2 layers, b, m)
                return self.fc(self.dropout(torch.cat([state[-2], state[-1]], 1)))
            out = sequences.unpack(out, x.shape[1])  # (b, t, 2 m)
        else:
            padding = ~sequences.mask(lengths.to(x.device), x.shape[1])
            out, _ = self.rnn(x.masked_fill(padding[..., None], 0))  # (b, t, m)
        read = sequences.mean if self.readout == "mean" else sequences.last
        return self.fc(self.dropout(read(out, lengths)))
