"""Loading text, cutting it into a training and a held-out part, and windows over tokens."""

import codecs
import os
import subprocess
import sys
import warnings

import numpy
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bigmodel_utils import data
from bigmodel_utils.data import load_text, split_text, windows

CHECKED = settings(deadline=None, derandomize=True, max_examples=100)
LONG = "A line of text, and another one.\n" * 40  # 1,320 characters


def write(folder, content):
    file = folder / "text.txt"
    file.write_bytes(content)
    return file


# load_text ----------------------------------------------------------------------------------------


def test_the_default_text_is_python_s_reference_in_a_fixed_order():
    from pydoc_data.topics import topics

    text = load_text()
    assert len(text) > 300_000 and "\r" not in text and "\0" not in text
    names, place = sorted(topics), 0
    for name in names:
        found = text.index(topics[name].replace("\r\n", "\n"), place)
        assert found == place
        place = found + len(topics[name]) + 1  # and the line end between two topics
    assert place == len(text) + 1
    assert data.load_text is load_text


def test_topics_stand_in_the_order_of_their_names_however_python_lists_them(monkeypatch):
    monkeypatch.setattr("pydoc_data.topics.topics", {"b": "two", "c": "three\r\n", "a": "one"})
    assert load_text() == "one\ntwo\nthree\n"


def test_the_default_text_is_the_same_in_every_process():
    code = "import zlib; from bigmodel_utils.data import load_text; "
    code += "print(zlib.crc32(load_text().encode()))"
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONUTF8": "0", "LC_ALL": "C"},
            capture_output=True, check=True,
        ).stdout
        for seed in ("1", "2")
    }  # fmt: skip
    assert len(outputs) == 1


@pytest.mark.parametrize("as_path", [str, os.fspath, lambda path: path])
def test_a_file_is_read_whole(tmp_path, as_path):
    text = "Grüße, दुनिया, \N{GRINNING FACE}: naïve\u2028\x0b\x85\n\n\n" * 60
    file = write(tmp_path, text.encode())
    assert load_text(as_path(file)) == text


def test_a_home_folder_is_understood(tmp_path, monkeypatch):
    write(tmp_path, LONG.encode())
    monkeypatch.setenv("HOME", str(tmp_path))
    assert load_text("~/text.txt") == LONG


def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path):
    assert load_text(write(tmp_path, codecs.BOM_UTF8 + LONG.encode())) == LONG
    inside = LONG + "\ufeff"  # the same character elsewhere is
    assert load_text(write(tmp_path, inside.encode())) == inside


@pytest.mark.parametrize("end", ["\r\n", "\r", "\n"])
def test_line_ends_are_unified(tmp_path, end):
    text = "one\n\ntwo\n" * 200
    assert load_text(write(tmp_path, text.replace("\n", end).encode())) == text


def test_the_shortest_text(tmp_path):
    assert len(load_text(write(tmp_path, b"a" * 1000))) == 1000
    for content, words in [
        (b"", r"expected at least 1,000 characters in .*text\.txt, got none \(the file is empty\)"),
        (codecs.BOM_UTF8, "the file is empty"),
        (b"a" * 999, "expected at least 1,000 characters in .*, got 999 characters"),
        ("é".encode() * 999, "got 999 characters"),  # not bytes
        (b"ab\r\n" * 333, "got 999 characters"),  # after the line ends are unified
    ]:
        with pytest.raises(ValueError, match=f"^path: .*{words}"):
            load_text(write(tmp_path, content))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (LONG.encode() + b"caf\xe9 au lait", r"0xe9 at byte 1,323 \(line 41\): invalid continuat"),
        (codecs.BOM_UTF8 + LONG.encode() + b"caf\xe9 a", r"0xe9 at byte 1,326 \(line 41\)"),
        (LONG.encode() + "é".encode()[:1], r"0xc3 at byte 1,320 \(line 41\): unexpected end"),
        (LONG.encode("utf-16"), r"0xff at byte 0 \(line 1\)"),
        (LONG.encode("utf-16-be"), r"0x00 at byte 0 \(line 1\): no character of a text"),
        (LONG.encode() + b"\0", r"0x00 at byte 1,320 \(line 41\): no character of a text"),
        (LONG.encode() + b"\xed\xa0\x80", r"0xed at byte 1,320"),  # half of a surrogate pair
    ],
)
def test_what_is_no_utf_8_is_named_with_its_place(tmp_path, content, words):
    file = write(tmp_path, content)
    with pytest.raises(ValueError, match=f"^path: expected UTF-8 text in .*{words}") as error:
        load_text(file)
    assert str(file) in str(error.value) and "read_text(encoding=" in str(error.value)


def test_the_advice_works(tmp_path):
    file = write(tmp_path, ("café\n" * 300).encode("latin-1"))
    with pytest.raises(ValueError, match="0xe9 at byte 3"):
        load_text(file)
    file.write_text(file.read_text(encoding="latin-1"), encoding="utf-8")
    assert load_text(file) == "café\n" * 300


def test_a_path_that_leads_nowhere_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"path: .*found nothing at .*no\.txt"):
        load_text(tmp_path / "no.txt")
    with pytest.raises(IsADirectoryError, match=f"path: .*the folder {tmp_path}"):
        load_text(tmp_path)
    with pytest.raises(TypeError, match="path: expected a path, got int 3"):
        load_text(3)


# split_text ---------------------------------------------------------------------------------------


@given(text=st.text("ab\n", min_size=2, max_size=60), share=st.floats(0.01, 0.99))
@CHECKED
def test_the_parts_are_the_text_and_the_cut_is_the_nearest_line_end(text, share):
    ends = [i + 1 for i, c in enumerate(text[:-1]) if c == "\n"]
    if not ends:
        with pytest.raises(ValueError, match="text: expected at least two lines"):
            split_text(text, share)
        return
    train, held_out = split_text(text, share)
    assert train + held_out == text and train.endswith("\n") and held_out
    wanted = round(len(text) * (1 - share))
    assert abs(len(train) - wanted) == min(abs(end - wanted) for end in ends)


def test_a_tenth_at_the_end_is_held_out():
    train, held_out = split_text(LONG)
    assert (len(train), len(held_out)) == (36 * 33, 4 * 33)
    assert len(split_text(LONG, 0.5)[0]) == 20 * 33


@pytest.mark.parametrize(
    ("text", "share", "error", "words"),
    [
        (b"a\nb", 0.1, TypeError, "text: expected a str, got bytes"),
        ("", 0.1, ValueError, "text: expected at least two lines"),
        ("a", 0.1, ValueError, "text: expected at least two lines"),
        ("a\n", 0.1, ValueError, "text: expected at least two lines"),
        ("a\nb", 0, ValueError, "share: expected more than 0"),
        ("a\nb", 1, ValueError, "share: expected less than 1"),
        ("a\nb", 1.5, ValueError, "share: expected at most 1"),
        ("a\nb", "0.1", TypeError, "share: expected a number"),
    ],
)
def test_a_bad_split_is_named(text, share, error, words):
    with pytest.raises(error, match=words):
        split_text(text, share)


# windows ------------------------------------------------------------------------------------------


@given(size=st.integers(2, 40), length=st.integers(1, 12), stride=st.none() | st.integers(1, 15))
@CHECKED
def test_windows_are_slices_and_targets_stand_one_ahead(size, length, stride):
    tokens = torch.randperm(size)
    if size <= length:
        with pytest.raises(ValueError, match=f"tokens: expected at least {length + 1}, a window"):
            windows(tokens, length, stride=stride)
        return
    x, y = windows(tokens, length, stride=stride)
    step = length if stride is None else stride
    starts = [i for i in range(0, size, step) if i + length + 1 <= size]
    assert x.shape == y.shape == (len(starts), length)
    assert len(x) == (size - 1 - length) // step + 1
    for row, start in enumerate(starts):
        assert x[row].tolist() == tokens[start : start + length].tolist()
        assert y[row].tolist() == tokens[start + 1 : start + length + 1].tolist()


def test_windows_copy_nothing():
    tokens = torch.arange(100_000)
    x, y = windows(tokens, 256, stride=1)
    assert x.numel() > 200 * len(tokens)
    assert x.data_ptr() == tokens.data_ptr() and y.data_ptr() == tokens[1:].data_ptr()
    tokens[5] = -1
    assert x[0, 5] == y[0, 4] == x[3, 2] == -1


@pytest.mark.parametrize(
    ("tokens", "options", "error", "words"),
    [
        ([1, 2, 3], {}, TypeError, "tokens: expected a tensor"),
        (torch.ones(2, 9).long(), {}, ValueError, r"tokens: expected shape \(num_tokens,\)"),
        (
            torch.ones(9),
            {},
            TypeError,
            r"tokens: expected integers \(int64\), got a float32 tensor",
        ),
        (
            torch.ones(9).bool(),
            {},
            TypeError,
            r"tokens: expected integers \(int64\), got a bool tensor",
        ),
        (torch.arange(3), {}, ValueError, r"tokens: expected at least 4, .* got shape \(3,\)"),
        (torch.arange(0), {}, ValueError, "tokens: expected at least 4"),
        (torch.arange(9), {"length": 0}, ValueError, "length: expected an integer of at least 1"),
        (torch.arange(9), {"length": 2.0}, TypeError, "length: expected an integer"),
        (torch.arange(9), {"stride": 0}, ValueError, "stride: expected an integer of at least 1"),
    ],
)
def test_bad_windows_are_named(tokens, options, error, words):
    with pytest.raises(error, match=words):
        windows(tokens, **{"length": 3, **options})


@pytest.mark.parametrize("dtype", ["uint8", "int8", "int16", "int32", "int64", "uint16", "uint32"])
def test_windows_over_an_array_are_views_of_it(dtype):
    tokens = (numpy.arange(50) % 100).astype(dtype)
    x, y = windows(tokens, 4, stride=3)
    assert x.dtype == y.dtype == getattr(torch, dtype)
    assert x.data_ptr() == tokens.ctypes.data
    assert y.data_ptr() == tokens.ctypes.data + tokens.itemsize
    expected = windows(torch.arange(50), 4, stride=3)
    assert torch.equal(x.long(), expected[0]) and torch.equal(y.long(), expected[1])


@pytest.mark.parametrize(
    "make",
    [
        lambda tokens: tokens[::-1],
        lambda tokens: tokens.astype(">i4"),
        lambda tokens: tokens.astype([("id", "i4"), ("flag", "i1")])["id"],  # five bytes apart
    ],
    ids=["backwards", "other byte order", "field"],
)
def test_arrays_that_torch_cannot_view_are_copied(make):
    tokens = make(numpy.arange(20))
    x, y = windows(tokens, 4)
    assert x[1].tolist() == tokens[4:8].tolist() and y[1].tolist() == tokens[5:9].tolist()


def test_an_array_that_is_read_only_is_viewed_without_a_warning(tmp_path, monkeypatch):
    numpy.arange(30, dtype="uint16").tofile(tmp_path / "tokens.bin")
    tokens = numpy.memmap(tmp_path / "tokens.bin", dtype="uint16", mode="r")
    always = torch.is_warn_always_enabled()
    torch.set_warn_always(True)  # else torch says it once a process
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            x, _ = windows(tokens, 7)
    finally:
        torch.set_warn_always(always)
    assert x.data_ptr() == tokens.ctypes.data and x[2].tolist() == list(range(14, 21))


@pytest.mark.parametrize(
    ("tokens", "options", "error", "words"),
    [
        (numpy.ones(9), {}, TypeError, "expected integers, got a NumPy array of float64 of shape"),
        (numpy.ones(9, bool), {}, TypeError, "expected integers, got a NumPy array of bool"),
        (numpy.array(["a"] * 9), {}, TypeError, "expected integers, got a NumPy array of <U1"),
        (numpy.ones(9, object), {}, TypeError, "expected integers, got a NumPy array of object"),
        (numpy.ones((3, 9), int), {}, ValueError, r"expected shape \(num_tokens,\), got \(3, 9\)"),
        (numpy.array(3), {}, ValueError, r"expected shape \(num_tokens,\)"),
        (numpy.arange(3), {}, ValueError, "expected at least 4"),
        (torch.arange(9).to_sparse(), {}, TypeError, "expected a dense tensor, got a sparse one"),
    ],
)
def test_bad_arrays_are_named(tokens, options, error, words):
    with pytest.raises(error, match=f"^tokens: {words}"):
        windows(tokens, 3, **options)


def test_a_stride_beyond_everything_leaves_one_window():
    for stride in (9, 10**30):
        x, y = windows(torch.arange(9), 3, stride=stride)
        assert x.tolist() == [[0, 1, 2]] and y.tolist() == [[1, 2, 3]]


# load_passages ------------------------------------------------------------------------------------


def test_the_passages_are_fifteen_different_paragraphs():
    passages = data.load_passages()
    assert len(set(passages)) == len(passages) == 15
    for text in passages:
        assert 450 < len(text) < 650 and "\n" not in text and "  " not in text
        assert text[0].isupper() or text[0] == '"'
        assert text.isascii()
