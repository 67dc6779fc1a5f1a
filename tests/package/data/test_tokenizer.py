"""Tokenizers: round trips, equality with the tokenizers library, errors that name the place."""

import random
import re
import subprocess
import sys
import time
import tracemalloc
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Regex, models, pre_tokenizers
from tokenizers_library import (
    chinese,
    code,
    dressed,
    english,
    library,
    library_merges,
    library_of,
)

from bigmodel_utils.data import PIECES, BytePairTokenizer, CharTokenizer
from bigmodel_utils.data import _tokenizer as module

ROOT = Path(__file__).resolve().parents[3]
CHECKED = settings(deadline=None, derandomize=True, max_examples=150)

SIGNS = [
    "ab",
    "abc ",
    "abc d1!é\n\t\x00\u00a0\u0301½ñक🙂\x85\x1c\u2028",
    "aB9_@[`{~ \n\r\v\f\x07",
]


def random_text(seed, size):
    draw = random.Random(seed)
    signs = SIGNS[seed % len(SIGNS)]
    if seed % 3 == 0:
        return "".join(draw.choice(signs) for _ in range(size))
    words = ["".join(draw.choice(signs) for _ in range(draw.randint(1, 7))) for _ in range(9)]
    return " ".join(draw.choice(words) for _ in range(size // 4))


@pytest.mark.parametrize("seed", range(48))
def test_byte_pairs_are_those_of_the_library(seed):
    text, other = random_text(seed, 500), random_text(seed + 1000, 300)
    vocab_size = 256 + 1 + seed * 2
    ours, theirs = BytePairTokenizer.train(text, vocab_size), library(text, vocab_size)
    assert ours.vocab_size == theirs.get_vocab_size() <= vocab_size
    assert list(ours.merges) == library_merges(theirs)
    for each in (text, other):
        assert ours.encode(each) == theirs.encode(each).ids
        assert ours.decode(ours.encode(each)) == each


TEXTS = {
    "english": english,
    "code": code,
    "chinese": lambda: chinese(20_000, 500),
    "one letter": lambda: " ".join("a" * n for n in range(1, 90)),
    "two letters": lambda: " ".join("ab" * (n % 7) + "a" * (n % 5) + "b" * n for n in range(90)),
    "one long piece": lambda: "aab" * 400 + "aaaab" * 300 + "abaab" * 200,
}


@pytest.mark.parametrize("name", TEXTS)
def test_merges_of_larger_texts_are_those_of_the_library(name):
    text = TEXTS[name]()
    ours, theirs = BytePairTokenizer.train(text, 1500), library(text, 1500)
    assert list(ours.merges) == library_merges(theirs)
    assert ours.vocab_size == theirs.get_vocab_size() > (1499 if len(text) > 9000 else 270)
    for other in (text, *(make()[:5000] for make in TEXTS.values())):
        assert ours.encode(other) == theirs.encode(other).ids
        assert ours.decode(ours.encode(other)) == other


RUNS = st.builds(lambda block, times: block * times, st.text("abé ", min_size=1, max_size=5),
                 st.integers(1, 12))  # fmt: skip


@CHECKED
@given(
    st.lists(RUNS, min_size=1, max_size=30).map("".join), st.lists(RUNS, max_size=9).map("".join)
)
def test_overlaps_are_merged_as_the_library_does(text, other):
    ours, theirs = BytePairTokenizer.train(text, 400), library(text, 400)
    assert list(ours.merges) == library_merges(theirs)
    assert ours.encode(text + other) == theirs.encode(text + other).ids


@CHECKED
@given(st.lists(st.tuples(st.integers(0), st.integers(0))), st.text("ab ", max_size=60))
def test_any_merges_apply_as_in_the_library(numbers, text):
    """Merges that no training gives: tokens made twice, parts of pairs that come much later."""
    merges, known = [], {"a": 64, "b": 65, "Ġ": 220}
    for left, right in numbers:
        names = list(known)
        names = names[left % len(names)], names[right % len(names)]
        merges.append(names)
        known.setdefault("".join(names), 256 + len(known) - 3)
    ours = BytePairTokenizer([(known[a], known[b]) for a, b in merges])
    theirs = dressed(models.BPE(known, merges))
    assert [ours.decode([i]) for i in known.values()] == [n.replace("Ġ", " ") for n in known]
    assert ours.encode(text) == theirs.encode(text).ids


def test_a_merge_that_comes_twice_counts_where_it_comes_last_as_in_the_library():
    names = {"a": 64, "b": 65, "ab": 256, "ba": 257}
    for merges in (["ab", "ba"], ["ab", "ba", "ab"]):
        ours = BytePairTokenizer([(names[a], names[b]) for a, b in merges])
        theirs = dressed(models.BPE(names, [tuple(pair) for pair in merges]))
        expected = [256, 64] if len(merges) == 2 else [64, 257]
        assert ours.encode("aba") == theirs.encode("aba").ids == expected


LONG = {
    "letters": (lambda: "".join(random.Random(0).choices("etaoinshr", k=100_000)), 2),
    "one letter": (lambda: "a" * 100_000, 2),
    "chinese": (lambda: chinese(20_000, 5_000), 2),
}


@pytest.mark.parametrize("name", LONG)
def test_long_pieces_take_no_quadratic_time(name):
    """Each took more than half a minute when a merge looked at all of its piece."""
    text, limit = LONG[name][0](), LONG[name][1]
    start = time.process_time()
    tokenizer = BytePairTokenizer.train(text, 1000)
    trained = time.process_time()
    ids = tokenizer.encode(text)
    assert trained - start < 3 * limit and time.process_time() - trained < limit
    assert ids == library_of(tokenizer).encode(text).ids


def test_the_pieces_kept_are_bounded():
    tokenizer = BytePairTokenizer.train("some words, and some more", 270)
    draw = random.Random(0)
    words = [f" {draw.getrandbits(60):x}" for _ in range(3000)]
    for limit, kept in ((10_000, 3000), (500, 500)):
        tokenizer._seen.clear()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(module, "_KEPT", limit)
            largest = 0
            for word in words:
                assert tokenizer.decode(tokenizer.encode(word)) == word
                largest = max(largest, len(tokenizer._seen))
        assert largest <= limit and largest > 0.9 * kept  # those of digits are two pieces
    tokenizer.encode("x" * 32 + " " + "y" * 33)
    assert "x" * 32 in tokenizer._seen and not any("y" in piece for piece in tokenizer._seen)


def test_the_pieces_kept_take_as_much_memory_as_the_comment_says():
    tokenizer = BytePairTokenizer()
    draw = random.Random(0)
    tracemalloc.start()
    for _ in range(4096):  # the largest pieces: four bytes a character, no merge
        tokenizer.encode("".join(chr(draw.randrange(0x10000, 0x110000)) for _ in range(32)))
    used = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert len(tokenizer._seen) == 4096 and used * (32_768 / 4096) < 45e6


def test_pieces_cover_every_text_and_split_as_the_library_does():
    text = "".join(chr(c) for c in range(0x3100)) + "  two  spaces\n\n a1 b22! \u200d🙂 end "
    pieces = re.findall(PIECES, text)
    assert "".join(pieces) == text
    split = pre_tokenizers.Split(Regex(PIECES), "isolated").pre_tokenize_str(text)
    assert [piece for piece, _ in split] == pieces


def test_merges_by_hand():
    tokenizer = BytePairTokenizer.train("aaab aaab", 259)
    a, b, space = (tokenizer.tokens.index(c) for c in (b"a", b"b", b" "))
    # "aaab" and " aaab": aa four times (overlapping); then (aa, a) and (a, b) twice each: the
    # smaller pair wins.
    assert list(tokenizer.merges) == [(a, a), (a, b), (256, 257)]
    assert tokenizer.tokens[256:] == [b"aa", b"ab", b"aaab"]
    assert tokenizer.encode("aaab aa") == [258, space, 256]


def test_equal_counts_go_to_the_smallest_pair():
    tokenizer = BytePairTokenizer.train("xy ab", 257)
    a, b = tokenizer.tokens.index(b"a"), tokenizer.tokens.index(b"b")
    assert list(tokenizer.merges) == [(tokenizer.tokens.index(b"a"), b)] and a < b


def test_a_text_without_pairs_gives_a_smaller_vocabulary():
    assert BytePairTokenizer.train("ab", 300).vocab_size == 257
    assert BytePairTokenizer.train("a", 300).vocab_size == 256


def test_merges_restore_a_tokenizer():
    trained = BytePairTokenizer.train(random_text(1, 500), 300)
    restored = BytePairTokenizer(list(trained.merges))
    text = random_text(2, 300)
    assert restored.tokens == trained.tokens
    assert restored.encode(text) == trained.encode(text)


def test_without_merges_it_is_bytes_in_the_order_of_gpt2():
    tokenizer = BytePairTokenizer()
    assert tokenizer.vocab_size == 256 and sorted(tokenizer.tokens) == [
        bytes([b]) for b in range(256)
    ]
    assert tokenizer.encode("!") == [0] and tokenizer.encode("A") == [32]
    assert len(tokenizer.encode("éक🙂")) == 2 + 3 + 4


def test_cut_characters_become_replacement_characters():
    tokenizer = BytePairTokenizer()
    assert tokenizer.decode(tokenizer.encode("क")[:2]) == "\ufffd"
    assert tokenizer.decode([]) == "" and tokenizer.encode("") == []


def test_characters_round_trip_in_the_order_of_code_points():
    tokenizer = CharTokenizer("hello, क🙂")
    assert tokenizer.characters == " ,ehloक🙂" and tokenizer.vocab_size == 8
    text = "oh क, hello 🙂"
    assert tokenizer.decode(tokenizer.encode(text)) == text
    assert tokenizer.decode(torch.tensor(tokenizer.encode(text))) == text
    assert tokenizer.encode("") == [] and tokenizer.decode([]) == ""


def test_an_unknown_character_is_named_with_its_place():
    with pytest.raises(ValueError, match=r"'z' \(U\+007A\) at place 3; .* 4 characters"):
        CharTokenizer("abc ").encode("ab z")


TOKENIZERS = [CharTokenizer("abc"), BytePairTokenizer.train("abc", 257)]


@pytest.mark.parametrize("tokenizer", TOKENIZERS)
@pytest.mark.parametrize(
    ("ids", "error", "words"),
    [
        ([0, 999], ValueError, r"ids\[1\]: .*at most"),
        ([-1], ValueError, r"ids\[0\]: .*at least 0"),
        ([0.0], TypeError, r"ids\[0\]: expected an integer"),
        ([[0]], TypeError, r"ids\[0\]: expected an integer"),
        (7, TypeError, "ids: expected a list"),
        (torch.tensor(0), TypeError, "ids: expected a list"),
    ],
)
def test_bad_ids_are_named(tokenizer, ids, error, words):
    with pytest.raises(error, match=words):
        tokenizer.decode(ids)


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: CharTokenizer(b"abc"), TypeError, "text: expected a string, got bytes"),
        (lambda: CharTokenizer(""), ValueError, "text: expected at least one"),
        (lambda: CharTokenizer("a").encode(None), TypeError, "text: expected a string"),
        (lambda: BytePairTokenizer.train("", 300), ValueError, "text: expected at least one"),
        (lambda: BytePairTokenizer.train("a", 255), ValueError, "vocab_size: .*at least 256"),
        (lambda: BytePairTokenizer.train("a", 256.0), TypeError, "vocab_size: expected an integer"),
        (lambda: BytePairTokenizer.train(1, 256), TypeError, "text: expected a string"),
        (lambda: BytePairTokenizer().encode("a\ud800"), ValueError, "surrogate pair at place 1"),
        (lambda: BytePairTokenizer([(0, 256)]), ValueError, r"merges\[1\]: .*at most 255"),
        (lambda: BytePairTokenizer([(0, 1, 2)]), TypeError, "merges: expected pairs"),
    ],
)
def test_bad_arguments_are_named(make, error, words):
    with pytest.raises(error, match=words):
        make()


def test_the_benchmark_runs_at_a_tiny_size_and_prints_its_ratios(tmp_path):
    (tmp_path / "text.txt").write_text(english()[:9000], encoding="utf-8")
    command = [sys.executable, "benchmarks/tokenizer.py", "--text", tmp_path / "text.txt"]
    command += ["--vocab-size", "300", "--rounds", "1", "--bytes", "9000"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stderr
    verdict = "goal at most [0-9.]+: (?:reached|MISSED)"
    out = result.stdout
    assert len(re.findall(rf"training .* ratio [0-9.]+ \(.* to .*\), {verdict}", out)) == 3, out
    assert len(re.findall(rf"twice the text: ratio .* of times, {verdict}", out)) == 3, out
    assert len(re.findall(rf"encoded in [0-9.]+ s, {verdict}", out)) == 2, out
    assert len(re.findall(r"encoding [0-9.]+ MB/s, tokenizers [0-9.]+; decoding", out)) == 3, out
