"""Patterns that cut text into pieces: GPT-2's on all of Unicode, patterns of one's own, errors."""

import re
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Regex, pre_tokenizers
from tokenizers_library import chinese, code, english, library, library_merges

from bigmodel_utils.data import GPT2_PIECES, PIECES, BytePairTokenizer
from bigmodel_utils.data import _pieces as pieces
from bigmodel_utils.data._pieces import Pieces, special_parts

CHECKED = settings(deadline=None, derandomize=True, max_examples=300)
BYTE_LEVEL = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
# Of GPT-4 and Llama 3.
GPT4_PIECES = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
CONTEXTS = "a{0}a1{0}1!{0}! {0}\n{0}"
WHITE_SPACE = "\t\n\x0b\x0c\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(
    chr(c) for c in range(0x2000, 0x200B)
)
SIGNS = [*"asSlLvrtdm'12 \t\n!-_", "é", "ñ", "क", "中", "\u0301", "½", "²", "٣", "Ⅷ", "🙂", "\xa0",
         "\x85", "\x1c", "\x1f", "\u3000", "\u200b", "\u180e", "\ufeff", "\u2028", "\x00", "ʼ",
         "𝒜", "𐄇", "'ll", "'re", "'ve", "'s", "  "]  # fmt: skip


def cut_by_library(cutter, text):
    return [text[a:b] for _, (a, b) in cutter.pre_tokenize_str(text)]


def test_gpt2s_pattern_is_the_published_one():
    published = r"""'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"""
    assert GPT2_PIECES == published


def test_gpt2s_pieces_are_the_librarys_for_every_assigned_character():
    """What Python's version of Unicode does not know, a newer library may call a letter."""
    ours = Pieces(GPT2_PIECES)
    points = [
        chr(c) for c in range(0x110000)
        if not 0xD800 <= c < 0xE000 and unicodedata.category(chr(c)) not in ("Cn", "Co")
    ]  # fmt: skip
    points += [chr(c) for c in (0xE000, 0xF8FF, 0xF0000, 0x10FFFD, 0x378, 0xFFFF, 0x10FFFF)]
    assert len(points) > 140_000
    for start in range(0, len(points), 4096):
        texts = [CONTEXTS.format(c) for c in points[start : start + 4096]]
        text = "\n|".join(texts)
        if ours.split(text) != cut_by_library(BYTE_LEVEL, text):
            assert [t for t in texts if ours.split(t) != cut_by_library(BYTE_LEVEL, t)] == []
            raise AssertionError(f"pieces differ in the block from U+{ord(points[start]):04X}")


def test_unassigned_characters_are_signs():
    # They stay what they are in the version of Unicode that Python has, and are one piece here.
    ours = Pieces(GPT2_PIECES)
    unassigned = [c for c in map(chr, range(0x30000, 0x32000)) if unicodedata.category(c) == "Cn"]
    assert unassigned and ours.split("a" + "".join(unassigned) + "a")[1] == "".join(unassigned)


def test_white_space_is_unicodes_and_not_pythons():
    text = "".join(map(chr, range(0x110000)))
    expected = sorted(WHITE_SPACE)
    for pattern in (r"\s|\S+", r"[\s]|[^\s]+", r"[^\S]|[\S]+"):
        cut = Pieces(pattern).split(text)
        found = [p for p in cut if p[0] in WHITE_SPACE]
        assert found == expected and "".join(cut) == text
        assert not set("".join(set(cut) - set(found))) & set(WHITE_SPACE)
    assert "\x1c" not in WHITE_SPACE and re.match(r"\s", "\x1c")  # that is why it is translated


@CHECKED
@given(st.lists(st.sampled_from(SIGNS), max_size=14).map("".join))
def test_gpt2s_pieces_are_the_librarys_for_random_text(text):
    cut = Pieces(GPT2_PIECES).split(text)
    assert cut == cut_by_library(BYTE_LEVEL, text) and "".join(cut) == text


PATTERNS = [
    GPT2_PIECES,
    GPT4_PIECES,
    r"\p{Lu}+|\p{Ll}+|[^\p{Lu}\p{Ll}]+",
    r"\P{L}|\p{L}{1,2}",
    r"[\P{N}\n]+|\p{N}",
    r"[^\S\n]+|\n|\S",
    r"[]\p{L}]+|[^]\p{L}]",
    r"[\]\s]+|[^\]\s]+",
    r"(\p{L})(\p{M})*|[\s\S]",  # groups
    r"\p{Nd}*|[\s\S]",  # and matches that are empty
    r"[\s\S]",
]


@pytest.mark.parametrize("pattern", PATTERNS)
def test_patterns_cut_as_in_the_library(pattern):
    ours, theirs = Pieces(pattern), pre_tokenizers.Split(Regex(pattern), "isolated")

    @CHECKED
    @given(st.lists(st.sampled_from([*SIGNS, "]", "p{L}", "\\"]), max_size=14).map("".join))
    def same(text):
        assert [p for p in ours.split(text) if p] == cut_by_library(theirs, text)

    same()


def test_an_escaped_backslash_is_no_category():
    assert Pieces(r"\\p\{L\}|x").split(r"\p{L}x") == [r"\p{L}", "x"]
    assert Pieces(r"[\\s]|x").split("\\sx") == ["\\", "s", "x"]


@pytest.mark.parametrize("pattern", [GPT2_PIECES, GPT4_PIECES, r"\p{L}+|\P{L}"])
def test_training_and_encoding_with_a_pattern_are_the_librarys(pattern):
    text = english()[:20_000] + code()[:20_000] + chinese(3000, 70)
    text += "'ll it's WE'LL ½²\x1c\x85 \xa0x"
    ours = BytePairTokenizer.train(text, 900, pattern=pattern)
    theirs = library(text, 900, pattern)
    assert list(ours.merges) == library_merges(theirs) and ours.pattern == pattern
    assert ours.encode(text) == theirs.encode(text).ids and ours.decode(ours.encode(text)) == text
    restored = BytePairTokenizer(list(ours.merges), pattern=pattern)
    assert restored.encode(text) == ours.encode(text)


def test_the_default_pattern_is_as_before():
    assert BytePairTokenizer().pattern == PIECES


@pytest.mark.parametrize(
    ("pattern", "text", "words"),
    [
        (r"\w+", "ab cd", r"none for ' ' \(U\+0020\) at place 2 of it; the pattern is \\w\+"),
        (r"\w+", "ab\n", r"'\\n' \(U\+000A\) at place 2"),
        (r"\p{L}+|\s", "été 1", r"'1' \(U\+0031\) at place 4"),
        ("b", "abb", "'a' .* at place 0"),
        ("a*", "aab", "'b' .* at place 2"),
        ("", "x", "'x' .* at place 0"),
        (".", "a\nb", r"'\\n' .* at place 1"),
    ],
)
def test_a_pattern_that_leaves_characters_out_is_an_error(pattern, text, words):
    tokenizer = BytePairTokenizer(pattern=pattern, special_tokens=["<|end|>"])
    calls = [
        tokenizer.encode,
        lambda text: list(tokenizer.encode_iterable(text)),
        lambda text: BytePairTokenizer.train(text, 256, pattern=pattern),
    ]
    for call in calls:
        with pytest.raises(ValueError, match=f"^pattern: expected matches .*{words}"):
            call(text)


def test_the_place_of_what_is_left_out_counts_from_the_start_of_the_text():
    tokenizer = BytePairTokenizer(pattern="[a-z]+", special_tokens=["<|end|>"])
    text = "abc<|end|>de.f"
    for call in (
        lambda: tokenizer.encode(text, allowed_special="all"),
        lambda: BytePairTokenizer.train(text, 300, pattern="[a-z]+", special_tokens=["<|end|>"]),
    ):
        with pytest.raises(ValueError, match=r"'\.' \(U\+002E\) at place 12 of it"):
            call()


@pytest.mark.parametrize(
    ("pattern", "error", "words"),
    [
        (None, TypeError, "pattern: expected a string, got NoneType"),
        (b"a", TypeError, "pattern: expected a string, got bytes"),
        (re.compile("a"), TypeError, "pattern: expected a string"),
        (["a"], TypeError, "pattern: expected a string"),
        ("(", ValueError, r"pattern: expected a regular expression, got str '\(': missing \)"),
        ("[a", ValueError, "pattern: expected a regular expression.*unterminated"),
        ("*", ValueError, "pattern: .*nothing to repeat"),
        (r"\pL", ValueError, r"pattern: .*bad escape \\p"),
        (r"\p{Foo}|x", ValueError, r"pattern: expected a general category .*got \\p\{Foo\}"),
        (r"[\p{}]", ValueError, r"pattern: expected a general category .*got \\p\{\}"),
        (r"\p{l}", ValueError, r"pattern: expected a general category"),
        ("a{99999999999999999999}", ValueError, "pattern: expected a regular expression"),
        ("(" * 5000, ValueError, "pattern: expected a regular expression"),
    ],
)
def test_what_is_no_pattern_is_named(pattern, error, words):
    for call in (
        lambda: BytePairTokenizer(pattern=pattern),
        lambda: BytePairTokenizer.train("some text", 300, pattern=pattern),
        lambda: Pieces(pattern),
    ):
        with pytest.raises(error, match=f"^{words}"):
            call()


def test_special_parts_take_the_longest_name_first():
    parts = list(special_parts("a<x><x>y b", ["<x>", "<x><x>", "y"]))
    assert parts == [("a", 0, "<x><x>"), ("", 7, "y"), (" b", 8, "")]
    assert list(special_parts("a.b", ["."])) == [("a", 0, "."), ("b", 2, "")]  # no pattern
    assert list(special_parts("ab", [])) == [("ab", 0, "")]


def test_unicodes_tables_are_made_only_when_a_pattern_needs_them():
    pieces._categories.cache_clear()
    pieces._members.cache_clear()
    BytePairTokenizer().encode("some text")
    assert pieces._categories.cache_info().misses == 0
    Pieces(GPT2_PIECES)
    assert pieces._categories.cache_info().misses == 1
