"""GGUF files: a model's settings, its vocabulary and its tensors, of which some are quantised.

The layout, little-endian: ``GGUF``, the version, the numbers of tensors and of settings; the
settings, each a name, a type and a value; for each tensor its name, sizes (the innermost first),
type and place; then, aligned, the tensors. A quantised one is a row of blocks of 32 weights, each
with a scale of its own.

Source: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

import math
import mmap
import os
import struct
from pathlib import Path
from typing import NamedTuple

import numpy
import torch

from bigmodel_utils import arguments

__all__ = ["FLOATS", "GGUF", "TensorInfo", "dequantize"]

_FORMATS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q",
            12: "d"}  # fmt: skip
_STRING, _ARRAY = 8, 9
# Of each type of tensor: its name, weights a block, bytes a block.
_TYPES = {
    0: ("F32", 1, 4), 1: ("F16", 1, 2), 2: ("Q4_0", 32, 18), 3: ("Q4_1", 32, 20),
    8: ("Q8_0", 32, 34),
}  # fmt: skip
_BLOCK_BYTES = {name: size for name, _, size in _TYPES.values()}
_AT_ONCE = 2**20  # weights that are dequantised before they are stored in the wanted dtype
FLOATS = (torch.float32, torch.float64, torch.bfloat16, torch.float16)


class TensorInfo(NamedTuple):
    """Where a tensor is in its file.

    Attributes:
        shape: sizes in PyTorch's order, the innermost last.
        kind: "F32", "F16", "Q8_0", "Q4_0" or "Q4_1".
        start: of its first byte in the file.
        size: in bytes.
    """

    shape: tuple
    kind: str
    start: int
    size: int


class GGUF:
    """A GGUF file, its header read and its tensors mapped into memory, not yet read.

    Args:
        path: the file.

    Attributes:
        path: of the file.
        metadata: dict of the settings; a value is a number, a bool, a string or a list.
        tensors: dict from name to :class:`TensorInfo`.

    Raises:
        FileNotFoundError, IsADirectoryError: there is no such file, or it is a folder.
        ValueError: it is no GGUF file, of a version or with a type that is not known here, or cut
            short; names the file, what came and what was expected.
    """

    def __init__(self, path):
        self.path = Path(os.fspath(arguments.path("path", path))).expanduser()
        if self.path.is_dir():
            raise IsADirectoryError(f"path: expected a GGUF file, got the folder {self.path}")
        if not self.path.exists():
            raise FileNotFoundError(f"path: expected a GGUF file, found nothing at {self.path}")
        with open(self.path, "rb") as stream:
            start = stream.read(8)
            if start[:4] != b"GGUF":
                raise ValueError(
                    f"{self.path}: expected a GGUF file, which begins with b'GGUF', got "
                    f"{start[:4]!r}"
                )
            self._bytes = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
        header = _Header(self.path, self._bytes)
        self.metadata, self.tensors = header.read()

    def raw(self, name):
        """Return a tensor's bytes as they stand in the file, a uint8 array (blocks, bytes).

        It is a view of the file, which cannot be written to.

        Raises:
            ValueError: there is no tensor of this name.
        """
        info = self._info(name)
        found = numpy.frombuffer(self._bytes, numpy.uint8, info.size, info.start)
        return found.reshape(-1, _BLOCK_BYTES[info.kind])

    def read(self, name, *, dtype=torch.float32):
        """Return a tensor, dequantised, as a new one of ``dtype``.

        Raises:
            ValueError: there is no tensor of this name; no floating-point dtype.
        """
        arguments.one_of("dtype", dtype, FLOATS)
        info, blocks = self._info(name), self.raw(name)
        out = torch.empty(info.shape, dtype=dtype)
        rows = out.view(len(blocks), -1)  # one a block
        step = max(1, _AT_ONCE // rows.shape[1])
        for first in range(0, len(blocks), step):
            part = slice(first, first + step)
            rows[part] = torch.from_numpy(dequantize(blocks[part], info.kind))
        self._forget(info)
        return out

    def _info(self, name):
        if name not in self.tensors:
            raise ValueError(
                f"name: expected one of the {len(self.tensors)} tensors of {self.path}, got "
                f"{arguments.describe(name)}"
            )
        return self.tensors[name]

    def _forget(self, info):
        # The pages of a tensor that was read count as used memory until they are given back.
        if hasattr(self._bytes, "madvise") and hasattr(mmap, "MADV_DONTNEED"):
            start = info.start // mmap.PAGESIZE * mmap.PAGESIZE
            self._bytes.madvise(mmap.MADV_DONTNEED, start, info.start + info.size - start)


def dequantize(blocks, kind):
    """Return the weights of blocks as float32, an array (blocks, weights a block).

    A block of Q8_0 is a scale and 32 integers from −128 up; of Q4_0 a scale and 16 bytes of two
    integers from 0 to 15, from which 8 is taken; of Q4_1 a scale, a minimum and 16 such bytes.
    Scales are float16. A byte's low half is of the first 16 weights, its high half of the last.

    Args:
        blocks: uint8 array (blocks, bytes a block).
        kind: "F32", "F16", "Q8_0", "Q4_0" or "Q4_1".

    Raises:
        TypeError, ValueError: naming the argument, what came and what was expected.
    """
    size = _BLOCK_BYTES[arguments.one_of("kind", kind, tuple(_BLOCK_BYTES))]
    if not isinstance(blocks, numpy.ndarray) or blocks.dtype != numpy.uint8:
        array = isinstance(blocks, numpy.ndarray)
        got = f"an array of {blocks.dtype}" if array else arguments.describe(blocks)
        raise TypeError(f"blocks: expected a uint8 array, got {got}")
    if blocks.ndim != 2 or blocks.shape[1] != size:
        raise ValueError(f"blocks: expected shape (blocks, {size}) for {kind}, got {blocks.shape}")
    if kind in ("F32", "F16"):
        stored = numpy.ascontiguousarray(blocks).view("<f4" if kind == "F32" else "<f2")
        return stored.astype(numpy.float32)
    scale = _halves(blocks, 0)
    if kind == "Q8_0":
        return numpy.ascontiguousarray(blocks[:, 2:]).view(numpy.int8) * scale
    pairs = blocks[:, 4 if kind == "Q4_1" else 2 :]
    codes = numpy.concatenate([pairs & 15, pairs >> 4], axis=1)
    if kind == "Q4_0":
        return (codes.astype(numpy.int8) - numpy.int8(8)) * scale
    return codes * scale + _halves(blocks, 2)


def _halves(blocks, start):
    return numpy.ascontiguousarray(blocks[:, start : start + 2]).view("<f2").astype(numpy.float32)


class _Header:
    """The part of a file before its tensors, read from the front."""

    def __init__(self, path, content):
        self.path, self.content, self.place = path, content, 4

    def read(self):
        """Return the settings, and where the tensors are."""
        version = self._number("I")
        if version not in (2, 3):
            raise ValueError(f"{self.path}: expected GGUF version 2 or 3, got {version}")
        num_tensors, num_settings = self._number("Q"), self._number("Q")
        settings = {}
        for _ in range(num_settings):
            name = self._string()
            settings[name] = self._value(self._number("I"), name)
        infos = [self._tensor() for _ in range(num_tensors)]
        alignment = settings.get("general.alignment", 32)
        if type(alignment) is not int or alignment < 1:
            raise ValueError(
                f"{self.path}: expected general.alignment of at least 1, got "
                f"{arguments.describe(alignment)}"
            )
        first = math.ceil(self.place / alignment) * alignment
        tensors = {}
        for name, shape, kind, offset, size in infos:
            end = first + offset + size
            if end > len(self.content):
                raise ValueError(
                    f"{self.path}: cut short, expected {end:,} bytes at least, with the tensor "
                    f"{name!r} at their end, got {len(self.content):,}"
                )
            tensors[name] = TensorInfo(shape, kind, first + offset, size)
        return settings, tensors

    def _take(self, size):
        start, self.place = self.place, self.place + size
        if self.place > len(self.content):
            raise ValueError(
                f"{self.path}: cut short, expected a header of {self.place:,} bytes at least, got "
                f"{len(self.content):,} in all"
            )
        return start

    def _number(self, form):
        start = self._take(struct.calcsize(f"<{form}"))
        return struct.unpack_from(f"<{form}", self.content, start)[0]

    def _string(self):
        size = self._number("Q")
        start = self._take(size)
        try:
            return self.content[start : start + size].decode("utf-8")
        except UnicodeDecodeError:
            raise ValueError(
                f"{self.path}: expected UTF-8 text of {size:,} bytes at byte {start:,}"
            ) from None

    def _value(self, kind, name):
        if kind in _FORMATS:
            return self._number(_FORMATS[kind])
        if kind == _STRING:
            return self._string()
        if kind != _ARRAY:
            known = ", ".join(map(str, sorted([*_FORMATS, _STRING, _ARRAY])))
            raise ValueError(
                f"{self.path}: expected one of the types {known} for {name!r}, got {kind}"
            )
        item, count = self._number("I"), self._number("Q")
        if item not in _FORMATS:
            return [self._value(item, name) for _ in range(count)]
        size = struct.calcsize(f"<{_FORMATS[item]}")
        start = self._take(size * count)
        return list(struct.unpack_from(f"<{count}{_FORMATS[item]}", self.content, start))

    def _tensor(self):
        name = self._string()
        axes = self._number("I")
        shape = tuple(self._number("Q") for _ in range(axes))[::-1]
        number, offset = self._number("I"), self._number("Q")
        if number not in _TYPES:
            known = ", ".join(f"{i} ({kind[0]})" for i, kind in _TYPES.items())
            raise ValueError(
                f"{self.path}: expected one of the types {known} for the tensor {name!r}, got "
                f"{number}"
            )
        kind, block, size = _TYPES[number]
        if not shape or 0 in shape or shape[-1] % block:
            raise ValueError(
                f"{self.path}: expected rows of a multiple of {block} weights for the tensor "
                f"{name!r} of type {kind}, got shape {shape}"
            )
        return name, shape, kind, offset, math.prod(shape) // block * size
