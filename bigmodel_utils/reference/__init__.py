"""Oracles: layers by their index formulas, in slow, readable loops, with their gradients."""

from bigmodel_utils.reference._attention import attention, attention_backward
from bigmodel_utils.reference._convolution import (
    conv2d,
    conv2d_backward,
    conv2d_output_size,
    conv_transpose2d,
    convolution_output_padding,
)
from bigmodel_utils.reference._pooling import (
    avg_pool2d,
    avg_pool2d_backward,
    max_pool2d,
    max_pool2d_backward,
    receptive_field,
)
from bigmodel_utils.reference._recurrent import (
    gru,
    gru_backward,
    lstm,
    lstm_backward,
    rnn,
    rnn_backward,
)

__all__ = [
    "attention",
    "attention_backward",
    "avg_pool2d",
    "avg_pool2d_backward",
    "conv2d",
    "conv2d_backward",
    "conv2d_output_size",
    "conv_transpose2d",
    "convolution_output_padding",
    "gru",
    "gru_backward",
    "lstm",
    "lstm_backward",
    "max_pool2d",
    "max_pool2d_backward",
    "receptive_field",
    "rnn",
    "rnn_backward",
]
