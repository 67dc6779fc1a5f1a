"""Read IDX files, the format of MNIST: a header with the sizes, then one byte a number."""

import gzip
import math
import zlib

import numpy

__all__ = ["by", "find", "read"]

_AXES = {"images": 3, "labels": 1}


def find(folder, part, kind):
    """Return the path of a data set's file, by any of its usual names.

    Args:
        folder: pathlib.Path of the folder.
        part: "train" or "t10k", MNIST's name for its test part.
        kind: "images" or "labels".

    Returns:
        pathlib.Path: ``train-images-idx3-ubyte`` or the like, a plain file before one with
        ``.gz``, the dash before ``idx`` before a dot.

    Raises:
        FileNotFoundError: naming the file.
    """
    names = [f"{part}-{kind}{mark}idx{_AXES[kind]}-ubyte" for mark in "-."]
    for name in [n + ending for n in names for ending in ("", ".gz")]:
        if (folder / name).is_file():
            return folder / name
    raise FileNotFoundError(f"{folder / names[0]}: no such file, nor with .gz or as {names[1]}")


def read(file, kind):
    """Read an IDX file of bytes, plain or gzipped; its content tells which, not its name.

    Args:
        file: pathlib.Path of the file.
        kind: "images" or "labels".

    Returns:
        numpy.ndarray: read-only bytes, images (n, h, w) or labels (n,), with n of at least 1.

    Raises:
        ValueError: the file is damaged, too short, too long or of another kind; the message
            names the file, what came and what was expected.
    """
    axes = _AXES[kind]
    # A browser may unpack a download and leave its name.
    with open(file, "rb") as stream:
        packed = stream.read(2) == b"\x1f\x8b"
    try:
        with (gzip.open if packed else open)(file, "rb") as stream:
            header = stream.read(4 + 4 * axes)
            _check_header(file, kind, header)
            shape = [int.from_bytes(header[i : i + 4], "big") for i in range(4, len(header), 4)]
            if min(shape) == 0:
                raise ValueError(f"{file}: expected {kind}, got none: its sizes are {by(shape)}")
            expected = math.prod(shape)
            content = stream.read()
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise ValueError(f"{file}: expected a whole gzip file, got: {error}") from error
    if len(content) != expected:
        raise ValueError(
            f"{file}: expected {expected} bytes for {by(shape)} {kind}, got {len(content)}"
        )
    return numpy.frombuffer(content, numpy.uint8).reshape(shape)


def _check_header(file, kind, header):
    """Raise ValueError unless the header says bytes, with the axes of ``kind``."""
    wanted = bytes((0, 0, 8, _AXES[kind]))
    if len(header) >= 4 and header[:4] != wanted:
        hint = {b"\0\0\x08\x03": " (images)", b"\0\0\x08\x01": " (labels)"}.get(header[:4], "")
        raise ValueError(
            f"{file}: expected an IDX file of {kind}, which begins with {wanted.hex(' ')}, "
            f"got {header[:4].hex(' ')}{hint}"
        )
    if len(header) < 4 + 4 * _AXES[kind]:
        raise ValueError(
            f"{file}: expected an IDX header of {4 + 4 * _AXES[kind]} bytes, got {len(header)}"
        )


def by(shape):
    """Return a shape as in "28x28"."""
    return "x".join(str(size) for size in shape)
