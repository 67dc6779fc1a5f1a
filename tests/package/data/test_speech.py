"""The spoken vowels and the reader of their files."""

import subprocess
import sys

import numpy
import pytest
import torch

from bigmodel_utils import data
from bigmodel_utils.data import _installed as packaged
from bigmodel_utils.data import _speech as speech
from bigmodel_utils.data import _ts as ts

HEADER = "#A comment\n@problemName x\n@timeStamps false\n@classLabel true 1 2\n@data\n"


def test_parts_have_the_published_sizes():
    vowels = data.load_japanese_vowels()
    assert vowels.x_train.shape == (270, 26, 12) and vowels.x_test.shape == (370, 29, 12)
    assert vowels.x_train.dtype == vowels.x_test.dtype == torch.float32
    assert vowels.y_train.dtype == vowels.lengths_train.dtype == torch.int64
    assert vowels.y_train.bincount().tolist() == [30] * 9
    assert vowels.y_test.bincount().tolist() == [31, 35, 88, 44, 29, 24, 40, 50, 29]
    assert (vowels.lengths_train.min(), vowels.lengths_train.max()) == (7, 26)
    assert (vowels.lengths_test.min(), vowels.lengths_test.max()) == (7, 29)


def test_rows_are_those_of_the_files_and_the_rest_is_zero():
    vowels = data.load_japanese_vowels()
    for part in ("train", "test"):
        x, lengths, y = (getattr(vowels, f"{name}_{part}") for name in ("x", "lengths", "y"))
        folder = "datasets/data/JapaneseVowels/JapaneseVowels_"
        file = packaged.package_file("sktime", f"{folder}{part.upper()}.ts")
        lines = [line for line in file.read_text().splitlines() if line[0] not in "#@"]
        assert len(lines) == len(x)
        for n in (0, 1, 77, len(x) - 1):  # parsed here by eye and hand
            *channels, label = lines[n].split(":")
            first = [float(value) for value in channels[3].split(",")]
            assert lengths[n] == len(first) and y[n] == int(label) - 1
            assert x[n, : len(first), 3].tolist() == pytest.approx(first, rel=1e-6)
            assert (x[n, len(first) :] == 0).all()


def test_every_load_is_fresh():
    first = data.load_japanese_vowels()
    kept = first.x_train.clone()
    first.x_train.zero_()
    assert torch.equal(data.load_japanese_vowels().x_train, kept)


def test_another_file_is_refused(tmp_path, monkeypatch):
    other = tmp_path / "other.ts"
    other.write_text(HEADER + "1,2:3,4:1\n")
    monkeypatch.setattr(speech, "package_file", lambda package, name: other)
    speech._parsed.cache_clear()
    try:
        with pytest.raises(ValueError, match=r"expected numbers with SHA-256 .* got 1 series"):
            data.load_japanese_vowels()
    finally:
        speech._parsed.cache_clear()


def test_one_changed_number_changes_the_checksum(tmp_path, monkeypatch):
    name = "datasets/data/JapaneseVowels/JapaneseVowels_TRAIN.ts"
    text = packaged.package_file("sktime", name).read_text()
    changed = tmp_path / "changed.ts"
    changed.write_text(text.replace("1.860936", "1.860937", 1))
    monkeypatch.setattr(speech, "package_file", lambda package, name: changed)
    speech._parsed.cache_clear()
    try:
        with pytest.raises(ValueError, match="SHA-256"):
            data.load_japanese_vowels()
    finally:
        speech._parsed.cache_clear()


def test_a_missing_package_says_how_to_install_it(monkeypatch):
    monkeypatch.setattr(packaged.importlib.util, "find_spec", lambda name: None)
    speech._parsed.cache_clear()
    with pytest.raises(ModuleNotFoundError, match=r"sktime.*pip install sktime"):
        data.load_japanese_vowels()


def test_loading_does_not_import_sktime():
    code = (
        "import sys; from bigmodel_utils import data; data.load_japanese_vowels();"
        "sys.exit(bool({'sktime', 'pandas', 'sklearn'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def written(tmp_path, text):
    file = tmp_path / "series.ts"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return file


def test_a_file_is_read(tmp_path):
    indented = HEADER.replace("@", "  @").replace("false", "")
    assert ts.read(written(tmp_path, indented + " # remark\n1,2:1\n"))[1] == ["1"]
    file = written(tmp_path, HEADER + "1,2,3.5:4,-5e1,6:2\n\n# remark\n7:8:1\n")
    series, labels = ts.read(file)
    assert [values.shape for values in series] == [(3, 2), (1, 2)]
    numpy.testing.assert_array_equal(series[0], [[1, 4], [2, -50], [3.5, 6]])
    assert labels == ["2", "1"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "expected a line @data"),
        (HEADER.replace("true 1 2", "") + "1:1\n", "expected classes"),
        (HEADER, "expected at least one series"),
        (HEADER.replace("timeStamps false", "timeStamps true") + "1:1\n", "without time stamps"),
        (HEADER.replace("@classLabel true 1 2\n", "") + "1:1\n", "expected classes"),
        (HEADER.replace("true 1 2", "false") + "1:1\n", "expected classes"),
        (HEADER + "1,2:3,4:3\n", "line 6: expected a class among 1, 2, got '3'"),
        (HEADER + "1,2:3,4:1\n1,2\n", "line 7: expected a class among"),
        (HEADER + "1,2:3:1\n", r"line 6: expected dimensions of one length, got lengths \[1, 2\]"),
        (HEADER + "1:3:1\n1:1\n", "line 7: expected 2 dimensions as above, got 1"),
        (HEADER + "1,x:3,4:1\n", "line 6: expected numbers and commas"),
        (HEADER + "1,?:3,4:1\n", "line 6: expected numbers and commas"),
        (HEADER + "1,nan:3,4:1\n", "line 6: expected finite numbers"),
        (HEADER + "1\n", "line 6"),
        (b"\xff\xfe\x00@data", "expected text in UTF-8"),
    ],
)
def test_a_bad_file_is_named(tmp_path, text, words):
    file = written(tmp_path, text)
    with pytest.raises(ValueError, match=words) as error:
        ts.read(file)
    assert str(file) in str(error.value)
