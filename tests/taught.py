"""Which definitions of the pages stand in the package too, and how they are held equal.

``IDENTICAL``: the same code once docstrings and annotations are dropped. ``EQUAL``: other
code, the same numbers: a function that runs both and asserts it.
"""

import torch
import torch.nn.functional as F

from bigmodel_utils import models, reference


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


IDENTICAL = {
    ("recognition", "ArticleCNN"): models.ArticleCNN,
}
EQUAL = {
    ("convolution", "conv2d_loops"): _conv2d_loops,
    ("convolution", "conv2d_im2col"): _conv2d_im2col,
    ("convolution", "conv2d_fft"): _conv2d_fft,
    ("convolution", "output_size"): _output_size,
}
