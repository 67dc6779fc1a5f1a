"""Spoken vowels of nine speakers, as sequences of different lengths."""

import functools
import hashlib
from typing import NamedTuple

import numpy
import torch

from bigmodel_utils.data import _ts
from bigmodel_utils.data._installed import package_file

__all__ = ["JapaneseVowels", "load_japanese_vowels"]

# SHA-256 of the parsed numbers and classes: it does not depend on how the file writes them.
_SHA256 = {
    "TRAIN": "13e7043f747c93938d97aa10ba590675f4dd9ca802c4646831d8f3184d75588b",
    "TEST": "f4b28b047abbc8744121ee0ddde25b00dbb290833cf4e18b155f736983c42778",
}


class JapaneseVowels(NamedTuple):
    """Utterances and their speakers, in a training and a test part.

    Attributes:
        x_train: float32 tensor (n, t, 12), zeros after an utterance's end.
        lengths_train: int64 tensor (n,), frames of each utterance.
        y_train: int64 tensor (n,), the speaker, from 0 to 8.
        x_test: float32 tensor (m, u, 12).
        lengths_test: int64 tensor (m,).
        y_test: int64 tensor (m,).
    """

    x_train: torch.Tensor
    lengths_train: torch.Tensor
    y_train: torch.Tensor
    x_test: torch.Tensor
    lengths_test: torch.Tensor
    y_test: torch.Tensor


def load_japanese_vowels():
    """Load 640 utterances of the two Japanese vowels /ae/ by nine male speakers.

    An utterance is a sequence of 7 to 29 frames; a frame holds the 12 coefficients of a linear
    prediction cepstrum, not scaled. The parts are those of the data set: 270 utterances to train
    on, 30 a speaker, and 370 to test on, 24 to 88 a speaker. They come with the package
    ``sktime``, in the order of its files, which is by speaker.

    Each part is padded with zeros to its own longest utterance: 26 frames in training, 29 in
    testing.

    Returns:
        JapaneseVowels: fresh tensors; changing them does not change the next load.

    Raises:
        FileNotFoundError, ModuleNotFoundError: ``sktime`` or its files are missing.
        ValueError: a file is damaged or is not the one this book was written with.

    Source: Kudo, Toyama and Shimbo, Multidimensional curve classification using passing-through
    regions, 1999 (UCI machine learning repository, "Japanese Vowels").
    """
    return JapaneseVowels(*_padded(*_parsed("TRAIN")), *_padded(*_parsed("TEST")))


def _padded(series, labels):
    lengths = torch.tensor([len(values) for values in series])
    x = torch.zeros(len(series), int(lengths.max()), series[0].shape[1])
    for row, values in zip(x, series, strict=True):
        row[: len(values)] = torch.from_numpy(values.astype(numpy.float32))
    return x, lengths, torch.tensor([int(label) - 1 for label in labels])  # speakers from 0


@functools.cache
def _parsed(part):
    file = package_file("sktime", f"datasets/data/JapaneseVowels/JapaneseVowels_{part}.ts")
    series, labels = _ts.read(file)
    digest = hashlib.sha256()
    for values, label in zip(series, labels, strict=True):
        digest.update(numpy.ascontiguousarray(values, dtype="<f8").tobytes())
        digest.update(f":{label}".encode())
    if digest.hexdigest() != _SHA256[part]:
        raise ValueError(
            f"{file}: expected numbers with SHA-256 {_SHA256[part]}, got {len(series)} series with "
            f"{digest.hexdigest()}"
        )
    return series, labels
