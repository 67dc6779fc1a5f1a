"""Reading GGUF files: what stands in them, and what is said of those that are damaged."""

import struct

import numpy
import pytest
import tiny_gguf
import torch
from tiny_gguf import BLOCKS, content, settings, tensors, write

from bigmodel_utils import data
from bigmodel_utils.models import GGUF, dequantize


def by_hand(kind, block):
    """Return the weights of one block, number by number."""
    if kind in ("F32", "F16"):
        return [struct.unpack("<f" if kind == "F32" else "<e", block)[0]]
    (scale,) = struct.unpack_from("<e", block)
    if kind == "Q8_0":
        return [scale * q for q in struct.unpack_from("<32b", block, 2)]
    nibbles = [0] * 32
    for i, byte in enumerate(block[-16:]):
        nibbles[i], nibbles[16 + i] = byte % 16, byte // 16
    if kind == "Q4_0":
        return [scale * (q - 8) for q in nibbles]
    (least,) = struct.unpack_from("<e", block, 2)
    single = numpy.float32
    return [single(single(q) * single(scale)) + single(least) for q in nibbles]


def of_library():
    return pytest.importorskip("gguf", reason="gguf, the oracle of all blocks, is not installed")


@pytest.mark.parametrize("kind", BLOCKS)
def test_blocks_are_dequantised_as_by_hand(kind):
    raw = tiny_gguf.random_bytes(kind, (7, 96), 1)
    blocks = numpy.frombuffer(raw, numpy.uint8).reshape(-1, BLOCKS[kind][1])
    wanted = numpy.array([by_hand(kind, bytes(block)) for block in blocks], dtype=numpy.float32)
    got = dequantize(blocks, kind)
    assert got.dtype == numpy.float32 and numpy.array_equal(got, wanted)


@pytest.mark.parametrize("kind", ["Q4_0", "Q4_1", "Q8_0"])
def test_blocks_are_dequantised_bit_by_bit_as_by_the_library(kind):
    library = of_library()
    raw = numpy.frombuffer(tiny_gguf.random_bytes(kind, (64, 960), 2), numpy.uint8)
    wanted = library.dequantize(raw, library.GGMLQuantizationType[kind])
    got = dequantize(raw.reshape(-1, BLOCKS[kind][1]), kind).ravel()
    assert numpy.array_equal(got.view(numpy.uint32), wanted.view(numpy.uint32))


def test_a_file_is_read(tmp_path):
    path, held = write(tmp_path)
    file = GGUF(path)
    assert file.path == path
    wanted = settings()
    assert list(file.metadata) == list(wanted)
    for name, x in wanted.items():
        assert file.metadata[name] == (pytest.approx(x) if isinstance(x, float) else x), name
        assert type(file.metadata[name]) is type(x)
    assert list(file.tensors) == list(held)
    for name, (kind, shape, made) in held.items():
        info = file.tensors[name]
        assert (info.shape, info.kind, info.size) == (shape, kind, len(made))
        assert path.read_bytes()[info.start : info.start + info.size] == made
        blocks = numpy.frombuffer(made, numpy.uint8).reshape(-1, BLOCKS[kind][1])
        assert numpy.array_equal(file.raw(name), blocks)
        got = file.read(name)
        assert got.dtype == torch.float32 and tuple(got.shape) == shape
        assert torch.equal(got, torch.from_numpy(dequantize(blocks, kind)).view(shape))
        rounded = file.read(name, dtype=torch.bfloat16)
        assert torch.equal(rounded, got.bfloat16())


def test_large_tensors_are_read_in_parts(tmp_path, monkeypatch):
    path, _ = write(tmp_path)
    whole = GGUF(path).read("blk.1.ffn_down.weight")
    monkeypatch.setattr("bigmodel_utils.models._gguf._AT_ONCE", 100)  # 3 blocks of 32
    assert torch.equal(GGUF(path).read("blk.1.ffn_down.weight"), whole)


def test_what_was_read_is_the_readers_own(tmp_path):
    path, _ = write(tmp_path)
    file = GGUF(path)
    first = file.read("output_norm.weight")
    kept = first.clone()
    first.zero_()
    assert torch.equal(file.read("output_norm.weight"), kept)


def test_other_alignments_and_version_2(tmp_path):
    named = settings(**{"general.alignment": 128})
    path, held = write(tmp_path, named, alignment=128, version=2)
    file = GGUF(path)
    assert all(info.start % 128 == 0 for info in file.tensors.values())
    assert file.raw("output_norm.weight").tobytes() == held["output_norm.weight"][2]


def test_every_type_of_setting(tmp_path):
    numbers = {0: ("B", 250), 1: ("b", -5), 2: ("H", 65000), 3: ("h", -300), 4: ("I", 2**32 - 1),
               5: ("i", -(2**31)), 6: ("f", 0.5), 7: ("?", True), 10: ("Q", 2**63), 11: ("q", -9),
               12: ("d", 0.1)}  # fmt: skip
    named = {f"n.{kind}": struct.pack(f"<I{form}", kind, x) for kind, (form, x) in numbers.items()}
    named |= {f"a.{kind}": struct.pack(f"<IIQ2{form}", 9, kind, 2, x, x)
              for kind, (form, x) in numbers.items()}  # fmt: skip
    named["a.a"] = struct.pack("<IIQ", 9, 9, 2) + struct.pack("<IQ2b", 1, 2, 3, -4) * 2
    path, _ = write(tmp_path, named, {"x": ("F32", (3,))})
    found = GGUF(path).metadata
    for kind, (_, x) in numbers.items():
        assert found[f"n.{kind}"] == x and found[f"a.{kind}"] == [x, x]
    assert found["a.a"] == [[3, -4], [3, -4]]


# Damaged files ------------------------------------------------------------------------------------


def refused(tmp_path, made, message):
    path = tmp_path / "tiny.gguf"
    path.write_bytes(made)
    with pytest.raises(ValueError, match=message) as error:
        GGUF(path)
    assert str(path) in str(error.value)


def test_another_format(tmp_path):
    refused(tmp_path, b"PK\3\4" + b"x" * 99, r"begins with b'GGUF', got b'PK\\x03\\x04'")
    refused(tmp_path, b"", "expected a GGUF file.* got b''")


@pytest.mark.parametrize("version", [0, 1, 4, 3 << 24])
def test_another_version(tmp_path, version):
    made, _ = content(version=version)
    refused(tmp_path, made, f"expected GGUF version 2 or 3, got {version}$")


def test_cut_short_anywhere(tmp_path):
    made, _ = content()
    for size in (5, 8, 20, 30, 300, 3000, len(made) // 2, len(made) - 1):
        refused(tmp_path, made[:size], "cut short, expected")


def test_an_unknown_type_of_setting(tmp_path):
    made, _ = content(settings(**{"general.tags": struct.pack("<I", 13)}))
    refused(tmp_path, made, "expected one of the types 0, .* for 'general.tags', got 13")


def test_an_unknown_type_of_tensor(tmp_path):
    made, _ = content(None, tensors(odd=(12, (32, 32))))
    refused(tmp_path, made, r"types 0 \(F32\).* for the tensor 'odd', got 12")


def test_a_broken_row(tmp_path):
    made, _ = content(None, tensors(odd=("Q4_1", (4, 40))))
    refused(tmp_path, made, r"multiple of 32 weights for the tensor 'odd' of type Q4_1")


def test_a_name_that_is_no_text(tmp_path):
    made, _ = content()
    refused(tmp_path, made.replace(b"general.arch", b"general.\xff\xfe\xfd\xfc"), "expected UTF-8")


@pytest.mark.parametrize("alignment", [0, "x"])
def test_a_useless_alignment(tmp_path, alignment):
    made, _ = content(settings(**{"general.alignment": alignment}))
    refused(tmp_path, made, "expected general.alignment of at least 1")


def test_no_file_and_a_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match="nothing at"):
        GGUF(tmp_path / "absent")
    with pytest.raises(IsADirectoryError, match="got the folder"):
        GGUF(tmp_path)
    with pytest.raises(TypeError, match="path: expected a path"):
        GGUF(3)


def test_no_tensor_of_this_name(tmp_path):
    file = GGUF(write(tmp_path)[0])
    for method in (file.read, file.raw):
        with pytest.raises(ValueError, match=r"name: expected one of the 20 .* got str 'no'"):
            method("no")
    with pytest.raises(ValueError, match="dtype: expected one of"):
        file.read("output_norm.weight", dtype=torch.int8)


def test_blocks_of_another_kind():
    with pytest.raises(ValueError, match="kind: expected one of"):
        dequantize(numpy.zeros((2, 20), numpy.uint8), "Q5_K")
    with pytest.raises(ValueError, match=r"blocks: expected shape \(blocks, 20\) for Q4_1"):
        dequantize(numpy.zeros((2, 18), numpy.uint8), "Q4_1")
    with pytest.raises(TypeError, match="blocks: expected a uint8 array, got"):
        dequantize(numpy.zeros((2, 20)), "Q4_1")
    with pytest.raises(TypeError, match="blocks: expected a uint8 array, got"):
        dequantize([[0] * 20], "Q4_1")


# The real file ------------------------------------------------------------------------------------


def real_file():
    try:
        return data.language_model_file()
    except ModuleNotFoundError as error:
        pytest.skip(str(error))


def test_all_of_the_real_file_is_read_as_by_the_library():
    library, path = of_library(), real_file()
    file = GGUF(path)
    theirs = library.GGUFReader(path)
    names = [tensor.name for tensor in theirs.tensors]
    assert list(file.tensors) == names and len(names) == 272
    for tensor in theirs.tensors:
        wanted = library.dequantize(tensor.data, tensor.tensor_type)
        got = file.read(tensor.name).numpy()
        assert numpy.array_equal(got.view(numpy.uint32), wanted.view(numpy.uint32)), tensor.name
    wanted = {name: field.contents() for name, field in theirs.fields.items()}
    for name, x in file.metadata.items():
        assert x == wanted[name], name
