"""GPT-2's files: read as the tokenizers library reads them, written whole, errors with the line."""

import json
import os
import random

import pytest
from tokenizers import models
from tokenizers_library import chinese, code, dressed, english, library

from bigmodel_utils.data import GPT2_PIECES, PIECES, BytePairTokenizer

END = "<|endoftext|>"
TEXT = "some words, it's some more: 12 ½ \x1c é🙂\n\n  and\x00 spaces'll do. "


def saved_by_library(folder, text, vocab_size, pattern, special_tokens):
    """Train with the library, let it write, and return its tokenizer read back, and the paths."""
    tokenizer = library(text, vocab_size, pattern, special_tokens)
    tokenizer.model.save(str(folder))
    return read_by_library(folder / "vocab.json", folder / "merges.txt", pattern, special_tokens)


def read_by_library(vocab, merges, pattern, special_tokens):
    tokenizer = dressed(models.BPE.from_file(str(vocab), str(merges)), pattern)
    tokenizer.add_special_tokens(list(special_tokens))
    return tokenizer  # of special tokens with "é" or "Ġ" it would decode these as bytes


def shuffled(vocab):
    """Give the tokens of a file other ids."""
    number = json.loads(vocab.read_text())
    ids = list(range(len(number)))
    random.Random(3).shuffle(ids)
    vocab.write_text(json.dumps(dict(zip(number, ids, strict=True)), indent=1))


@pytest.mark.parametrize("ids", ["as trained", "shuffled"])
@pytest.mark.parametrize("pattern", [GPT2_PIECES, PIECES])
@pytest.mark.parametrize("special_tokens", [(), (END,), ("[a b]", "<中>", END)])
def test_files_of_the_library_are_read_as_it_reads_them(tmp_path, ids, pattern, special_tokens):
    text = english()[:10_000] + chinese(1500, 60) + TEXT
    saved_by_library(tmp_path, text, 700, pattern, special_tokens)
    paths = tmp_path / "vocab.json", tmp_path / "merges.txt"
    if ids == "shuffled":
        shuffled(paths[0])
    theirs = read_by_library(*paths, pattern, special_tokens)
    ours = BytePairTokenizer.from_files(*paths, special_tokens=special_tokens, pattern=pattern)
    assert ours.vocab_size == theirs.get_vocab_size() == 700
    assert ours.special_tokens == {name: theirs.token_to_id(name) for name in special_tokens}
    draw = random.Random(0)
    for each in (text, code()[:5000], TEXT, END.join([TEXT, "", " a[a b] <中>é"])):
        got = ours.encode(each, allowed_special="all")
        assert got == theirs.encode(each).ids
        assert ours.decode(got) == each == theirs.decode(got, skip_special_tokens=False)
        assert ours.decode(got, skip_special_tokens=True) == theirs.decode(got)
        draw.shuffle(got)
        assert ours.decode(got) == theirs.decode(got, skip_special_tokens=False)
    # What the attributes mean, whatever the ids are.
    for (a, b), made in ours.merges.items():
        assert ours.tokens[made] == ours.tokens[a] + ours.tokens[b]


def test_special_tokens_that_the_file_lacks_come_after_all_others_as_in_the_library(tmp_path):
    saved_by_library(tmp_path, TEXT * 9, 300, GPT2_PIECES, ())
    paths = tmp_path / "vocab.json", tmp_path / "merges.txt"
    names = ("<a>", END)
    size = BytePairTokenizer.from_files(*paths).vocab_size
    theirs = read_by_library(*paths, GPT2_PIECES, names)
    ours = BytePairTokenizer.from_files(*paths, special_tokens=names)
    assert ours.special_tokens == {"<a>": size, END: size + 1}
    text = f"some{END}<a> words"
    assert ours.encode(text, allowed_special="all") == theirs.encode(text).ids


def test_gpt2s_ids_bytes_then_merges_then_the_end_of_text(tmp_path):
    """The layout of the published files, made small: the library trains with the end first."""
    trained = BytePairTokenizer.train(TEXT * 9, 300, special_tokens=[END], pattern=GPT2_PIECES)
    trained.save(tmp_path / "vocab.json", tmp_path / "merges.txt")
    vocab = json.loads((tmp_path / "vocab.json").read_text(encoding="utf-8"))
    assert list(vocab)[:3] == ["!", '"', "#"] and list(vocab)[187:189] == ["ÿ", "Ā"]
    assert list(vocab)[255] == "Ń" and vocab["Ġ"] == 220 and vocab["Ċ"] == 198
    assert list(vocab)[-1] == END and list(vocab.values()) == list(range(trained.vocab_size))
    lines = (tmp_path / "merges.txt").read_text(encoding="utf-8").split("\n")
    assert lines[0] == "#version: 0.2" and lines[-1] == ""
    assert len(lines) == 2 + len(trained.merges) and all(
        len(x.split(" ")) == 2 for x in lines[1:-1]
    )


@pytest.mark.parametrize("pattern", [GPT2_PIECES, PIECES, r"\p{L}+|\P{L}"])
@pytest.mark.parametrize("special_tokens", [(), (END, "<é 中>")])
def test_what_is_saved_is_read_back_here_and_by_the_library(tmp_path, pattern, special_tokens):
    paths = tmp_path / "v.json", tmp_path / "m.txt"
    text = english()[:9000] + TEXT
    ours = BytePairTokenizer.train(text, 500, special_tokens=special_tokens, pattern=pattern)
    ours.save(*map(str, paths))
    given = None if pattern in (GPT2_PIECES, PIECES) else pattern
    back = BytePairTokenizer.from_files(*paths, special_tokens=special_tokens, pattern=given)
    for name in ("tokens", "merges", "special_tokens", "pattern", "vocab_size"):
        assert getattr(back, name) == getattr(ours, name)
    assert list(back.merges) == list(ours.merges)
    theirs = read_by_library(*paths, pattern, special_tokens)
    for each in (text, code()[:3000], END + TEXT + "<é 中>"):
        ids = ours.encode(each, allowed_special="all")
        assert ids == back.encode(each, allowed_special="all") == theirs.encode(each).ids
        assert ours.encode(each) == back.encode(each)
    again = tmp_path / "v2.json", tmp_path / "m2.txt"
    back.save(*again)
    assert [p.read_bytes() for p in again] == [p.read_bytes() for p in paths]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["m.txt", "m2.txt", "v.json", "v2.json"]


def test_a_tokenizer_without_merges_is_saved_too(tmp_path):
    paths = tmp_path / "v.json", tmp_path / "m.txt"
    BytePairTokenizer().save(*paths)
    assert BytePairTokenizer.from_files(*paths).encode(TEXT) == BytePairTokenizer().encode(TEXT)
    paths[1].write_text("")
    assert BytePairTokenizer.from_files(*paths).merges == {}


def test_the_pattern_that_was_saved_is_the_one_that_reads(tmp_path):
    paths = tmp_path / "v.json", tmp_path / "m.txt"
    own = r"\p{L}+|\P{L}"
    BytePairTokenizer(pattern=own).save(*paths)
    with pytest.raises(ValueError, match=r"pattern: expected the one .*m\.txt had, got none"):
        BytePairTokenizer.from_files(*paths)
    with pytest.raises(ValueError, match=r"pattern: expected the one .*m\.txt had, got another"):
        BytePairTokenizer.from_files(*paths, pattern=PIECES)
    BytePairTokenizer().save(*paths)
    assert BytePairTokenizer.from_files(*paths).pattern == PIECES
    with pytest.raises(ValueError, match="got another"):
        BytePairTokenizer.from_files(*paths, pattern=GPT2_PIECES)
    with pytest.raises(TypeError, match="pattern: expected a string, got int"):
        BytePairTokenizer.from_files(*paths, pattern=3)
    lines = paths[1].read_text().split("\n")
    paths[1].write_text("\n".join(["#version: 0.2", *lines[1:]]))  # as others write it
    assert BytePairTokenizer.from_files(*paths).pattern == GPT2_PIECES
    assert BytePairTokenizer.from_files(*paths, pattern=own).pattern == own


def test_windows_line_ends_and_a_byte_order_mark_are_understood(tmp_path):
    paths = tmp_path / "v.json", tmp_path / "m.txt"
    ours = BytePairTokenizer.train(TEXT * 5, 290)
    ours.save(*paths)
    for path in paths:
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    assert BytePairTokenizer.from_files(*paths).merges == ours.merges


@pytest.mark.parametrize("function", ["fsync", "replace"])
def test_a_crash_while_writing_leaves_the_files_that_were_there(tmp_path, monkeypatch, function):
    paths = tmp_path / "v.json", tmp_path / "m.txt"
    old = BytePairTokenizer.train(TEXT * 5, 290)
    old.save(*paths)

    def fails(*_):
        raise OSError("no space left on device")

    monkeypatch.setattr(os, function, fails)
    with pytest.raises(OSError, match="no space left"):
        BytePairTokenizer.train(TEXT * 7, 270).save(*paths)
    assert BytePairTokenizer.from_files(*paths).tokens == old.tokens


@pytest.fixture
def files(tmp_path):
    """Files to damage, one token on a line; text, vocabulary and merges."""
    paths = tmp_path / "v.json", tmp_path / "m.txt"
    BytePairTokenizer([(64, 65), (256, 66), (83, 71)], special_tokens=[END]).save(*paths)
    paths[0].write_text(json.dumps(json.loads(paths[0].read_text()), indent=0))
    return paths


def change_vocab(change):
    def damage(vocab, merges):
        number = json.loads(vocab.read_text())
        change(number)
        vocab.write_text(json.dumps(number, indent=0))

    return damage


def replace(which, old, new):
    def damage(*paths):
        content = paths[which].read_bytes()
        assert content.count(old) == 1
        paths[which].write_bytes(content.replace(old, new))

    return damage


DAMAGE = {
    "cut short": (lambda v, m: v.write_bytes(v.read_bytes()[:1000]),
                  r"v\.json, line \d+: expected JSON, cut short or damaged at column \d+"),
    "empty": (lambda v, m: v.write_text(""), r"v\.json, line 1: expected JSON"),
    "a list": (lambda v, m: v.write_text("[1]"), r"v\.json: expected tokens and their ids, got li"),
    "no token": (lambda v, m: v.write_text("{}"), r"v\.json: expected tokens and their ids"),
    "nested": (lambda v, m: v.write_text("[" * 100_000), r"v\.json.*expected"),
    "no UTF-8": (replace(0, b'"a"', b'"\xff"'), r"v\.json, line 66: expected UTF-8, got 0xff"),
    "an id twice": (change_vocab(lambda n: n.update(abc=256)),
                    r"v\.json, line 259: .*got 256 for 'ab' and 'abc'"),
    "a token twice": (replace(0, b'"abc"', b'"ab"'), r"v\.json, line 259: .*once, got 'ab'"),
    "a gap": (change_vocab(lambda n: n.update(abc=260)),
              r"v\.json, line 259: expected ids 0 to 259 without gaps for 260 tokens, got int 260 "
              r"for 'abc'"),
    "a negative id": (change_vocab(lambda n: n.update(abc=-1)), r"line 259: .*int -1 for 'abc'"),
    "no integer": (change_vocab(lambda n: n.update(abc=257.0)), r"line 259: .*float 257\.0"),
    "a bool": (change_vocab(lambda n: n.update({'"': True})), r"line 3: .*bool True"),
    "a long number": (replace(0, b'"abc": 257', b'"abc": ' + b"9" * 5000), r"v\.json.*expected"),
    "not a number": (replace(0, b'"abc": 257', b'"abc": NaN'), r"line 259: .*float nan"),
    "a missing byte": (change_vocab(lambda n: n.update({"~~": n.pop("~")})),
                       r"v\.json: .*each of the 256 bytes, none for 0x7e, which is written '~'"),
    "no sign of a byte": (change_vocab(lambda n: n.update({"a b": n.pop("abc")})),
                          r"v\.json, line 261: expected one sign for each byte, got token 257, "
                          r"'a b', with ' '. If it is a special token, name it"),
    "an empty token": (change_vocab(lambda n: n.update({"": n.pop("abc")})),
                       r"v\.json, line \d+: expected one sign for each byte, got token 257, ''"),
    "half a surrogate pair": (replace(0, b'"abc"', rb'"\ud800"'), r"line 259: .*got token 257"),
    "one word": (replace(1, b"ab c", b"abc"), r"m\.txt, line 3: expected two tokens .*got 'abc'"),
    "three words": (replace(1, b"ab c", b"a b c"), r"m\.txt, line 3: .*got 'a b c'"),
    "two spaces": (replace(1, b"ab c", b"ab  c"), r"m\.txt, line 3: .*got 'ab  c'"),
    "a blank line": (replace(1, b"ab c\n", b"\nab c\n"), r"m\.txt, line 3: .*got ''"),
    "an unknown part": (replace(1, b"ab c", b"ax c"),
                        r"m\.txt, line 3: expected tokens of the vocabulary, got 'ax c', and "
                        r"there is no 'ax'"),
    "an unknown whole": (replace(1, b"ab c", b"ab d"), r"m\.txt, line 3: .*there is no 'abd'"),
    "a special part": (replace(1, b"ab c", END.encode() + b" c"), r"m\.txt, line 3: .*no '<\|end"),
    "a merge twice": (replace(1, b"ab c\n", b"a b\nab c\n"),
                      r"m\.txt, line 3: expected each merge once, got 'a b' again, as in line 2"),
    "merges cut short": (lambda v, m: m.write_bytes(m.read_bytes()[:-4]),
                         r"v\.json, line 260: no line of .*m\.txt makes 'th' \(1 in all\)"),
    "merges cut in a line": (lambda v, m: m.write_bytes(m.read_bytes()[:-2]), r"m\.txt, line 4"),
    "no merges": (lambda v, m: m.write_text("#version: 0.2\n"), r"makes 'ab', 'abc', 'th' \(3 in"),
    "merges with no UTF-8": (replace(1, b"ab c", b"ab \xc3"), r"m\.txt, line 3: expected UTF-8"),
}  # fmt: skip


@pytest.mark.parametrize("kind", DAMAGE)
def test_damaged_files_are_errors_that_name_the_line(files, kind):
    BytePairTokenizer.from_files(*files, special_tokens=[END])
    damage, words = DAMAGE[kind]
    damage(*files)
    with pytest.raises(ValueError, match=words):
        BytePairTokenizer.from_files(*files, special_tokens=[END])


def test_special_tokens_must_be_named_and_be_no_others(files):
    with pytest.raises(ValueError, match=r"line 261: no line of .* makes '<\|endoftext\|>' \(1 in"):
        BytePairTokenizer.from_files(*files)
    for name, words in (("a", "none for 0x61"), ("ab", "there is no 'ab'")):
        with pytest.raises(ValueError, match=words):
            BytePairTokenizer.from_files(*files, special_tokens=[END, name])
    with pytest.raises(TypeError, match="special_tokens: expected a list"):
        BytePairTokenizer.from_files(*files, special_tokens=END)


@pytest.mark.parametrize("name", ["a", "ab", "Ġ"])
def test_a_special_token_with_the_name_of_another_token_cannot_be_saved(tmp_path, name):
    tokenizer = BytePairTokenizer([(64, 65)], special_tokens=[name])
    with pytest.raises(ValueError, match=f"special_tokens: .* written '{name}'"):
        tokenizer.save(tmp_path / "v.json", tmp_path / "m.txt")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("function", ["from_files", "save"])
@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        ((None, "m"), TypeError, "vocab: expected a path, got NoneType"),
        (("v", 3), TypeError, "merges: expected a path, got int 3"),
        (("folder", "m"), IsADirectoryError, "vocab: expected a file.*folder"),
        (("v", "folder"), IsADirectoryError, "merges: expected a file.*folder"),
        (("gone/v", "m"), FileNotFoundError, "vocab: expected .*gone"),
        (("v", "gone/m"), FileNotFoundError, "merges: expected .*gone"),
    ],
)
def test_bad_paths_are_named(tmp_path, monkeypatch, function, given, error, words):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    BytePairTokenizer().save("v", "m")
    owner = BytePairTokenizer if function == "from_files" else BytePairTokenizer()
    with pytest.raises(error, match=words):
        getattr(owner, function)(*given)


def test_both_files_cannot_be_one(tmp_path):
    with pytest.raises(ValueError, match="merges: expected another file than vocab"):
        BytePairTokenizer().save(tmp_path / "x", str(tmp_path / "." / "x"))
