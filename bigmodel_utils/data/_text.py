"""Text to train a language model on, cut into a training and a held-out part and into rows."""

import os
import warnings
from pathlib import Path

import numpy
import torch

from bigmodel_utils import arguments
from bigmodel_utils.arguments import describe, integer, real

__all__ = ["load_text", "split_text", "windows"]

_SHORTEST = 1000  # characters; less teaches a model nothing that could be measured


def load_text(path=None):
    """Load the text to learn from: Python's own reference, or any file.

    Without a path: the topics of Python's ``help()``, which come with Python as
    ``pydoc_data.topics``, joined in the order of their names: about 465,000 characters, another
    number in another version of Python.

    A byte order mark is dropped, and every kind of line end becomes ``"\\n"``.

    Args:
        path: a file of UTF-8 text, of at least 1,000 characters.

    Raises:
        FileNotFoundError, IsADirectoryError: there is no such file, or it is a folder.
        ValueError: empty or too short, no UTF-8, or with zero bytes, as binary files and UTF-16
            have them: names the file, the place and what to do.
    """
    if path is None:
        from pydoc_data.topics import topics

        return _unified("\n".join(topics[name] for name in sorted(topics)))
    file = Path(os.fspath(arguments.path("path", path))).expanduser()
    if not file.exists():
        raise FileNotFoundError(f"path: expected a text file, found nothing at {file}")
    if file.is_dir():
        raise IsADirectoryError(f"path: expected a text file, found the folder {file}")
    content = file.read_bytes()
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(_undecodable(file, content, error.start, error.reason)) from error
    if "\0" in text:
        raise ValueError(_undecodable(file, content, content.index(0), "no character of a text"))
    text = _unified(text.removeprefix("\ufeff"))
    if len(text) < _SHORTEST:
        found = f"{len(text):,} characters" if text else "none (the file is empty)"
        raise ValueError(f"path: expected at least {_SHORTEST:,} characters in {file}, got {found}")
    return text


def split_text(text, share=0.1):
    """Cut a text at the end of a line into a part to train on and a part held out.

    The held-out part is the end of the text, in one piece: rows drawn at random from all over would
    stand beside training rows and be too easy.

    Args:
        text: str of two lines or more.
        share: of the characters that are held out, more than 0 and less than 1; the cut is at the
            line end nearest to it.

    Returns:
        tuple: (training part, held-out part), which joined are the text. Neither is empty.

    Raises:
        TypeError, ValueError: naming the argument.
    """
    if not isinstance(text, str):
        raise TypeError(f"text: expected a str, got {describe(text)}")
    share = real("share", share, above=0, maximum=1)
    if share == 1:
        raise ValueError("share: expected less than 1, got 1.0")
    wanted = round(len(text) * (1 - share))
    before = text.rfind("\n", 0, min(wanted, len(text) - 1)) + 1
    after = text.find("\n", min(wanted, len(text) - 1), -1) + 1
    ends = [end for end in (before, after) if end]
    if not ends:
        raise ValueError("text: expected at least two lines to cut between, got one")
    cut = min(ends, key=lambda end: abs(end - wanted))
    return text[:cut], text[cut:]


def windows(tokens, length, *, stride=None):
    """Cut a row of tokens into windows and, for each, the same window one token ahead.

    Position i of a target is the token after position i of its input. Both are views of
    ``tokens``: no copy, whatever the stride. So a ``numpy.memmap`` stays on disk, and ``fit`` reads
    what it needs. Tokens after the last whole window are left out.

    Args:
        tokens: integer tensor or NumPy array (num_tokens,), of any integer dtype; uint16 holds
            vocabularies of up to 65,536. Arrays that torch cannot view, of another byte order or
            backwards, are copied. Do not write to the windows of an array that is read-only.
        length: tokens of a window, at most num_tokens - 1.
        stride: tokens from one window's start to the next, by default length: then no two overlap.

    Returns:
        tuple: x and y, each (n, length), n = (num_tokens - 1 - length) // stride + 1.

    Raises:
        TypeError, ValueError: naming the argument, what came and what was expected.
    """
    if isinstance(tokens, numpy.ndarray):
        tokens = _viewed(tokens)
    arguments.integers("tokens", tokens, ("num_tokens",))
    length = integer("length", length, minimum=1)
    stride = length if stride is None else integer("stride", stride, minimum=1)
    if tokens.layout != torch.strided:
        raise TypeError(f"tokens: expected a dense tensor, got a sparse one, {describe(tokens)}")
    if len(tokens) <= length:
        raise ValueError(
            f"tokens: expected at least {length + 1}, a window of {length} and one token after it, "
            f"got shape {tuple(tokens.shape)}"
        )
    stride = min(stride, len(tokens))  # one window anyway, and torch's integers end somewhere
    return tuple(part.unfold(0, length, stride) for part in (tokens[:-1], tokens[1:]))


def _viewed(tokens):
    # A tensor of the array's numbers, the same memory where torch can read it.
    if tokens.dtype.kind not in "iu":
        shape = f"of shape {tokens.shape}"
        raise TypeError(f"tokens: expected integers, got a NumPy array of {tokens.dtype} {shape}")
    odd = any(step < 0 or step % tokens.itemsize for step in tokens.strides)
    if odd or not tokens.dtype.isnative:
        tokens = tokens.astype(tokens.dtype.newbyteorder("="), order="C")
    with warnings.catch_warnings():  # torch cannot mark a tensor as read-only, and says so
        warnings.filterwarnings("ignore", message=".*not writable")
        return torch.from_numpy(tokens)


def _unified(text):
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _undecodable(file, content, start, reason):
    line = content.count(b"\n", 0, start) + 1
    return (
        f"path: expected UTF-8 text in {file}, got 0x{content[start]:02x} at byte {start:,} "
        f"(line {line:,}): {reason}. If it is text in another encoding, convert it first: "
        "Path(new).write_text(Path(old).read_text(encoding=...), encoding='utf-8')"
    )
