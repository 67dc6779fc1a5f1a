"""Labs that need a kernel, where real tensors run behind sliders and buttons."""

from bigmodel_utils.labs._controls import filter_lab, sequence_lab, text_lab, train_lab

__all__ = [
    "filter_lab",
    "sequence_lab",
    "text_lab",
    "train_lab",
]
