"""Special tokens and streams: what is a control token, and tokens of text that comes in parts."""

import random
import tracemalloc
from itertools import pairwise
from unittest import mock

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers_library import english, library, library_merges, library_of

from bigmodel_utils.data import GPT2_PIECES, PIECES, BytePairTokenizer
from bigmodel_utils.data import _tokenizer as module

CHECKED = settings(deadline=None, derandomize=True, max_examples=200)
END = "<|endoftext|>"
# Some begin alike, one is in another, one begins with a space, one is of two characters.
NAMES = (END, "<|end|>", "<|end|><|end|>", " [x]", "[x] ", "'l", "é🙂é")
FRAGMENTS = [*NAMES, "<|", "|>", "end", "<|endo", "<|end", "f", "text", "[", "x", "]", "'", "l",
             "ll", " ", "  ", "\n", "a", "1", "é", "🙂", "don't", "!"]  # fmt: skip
TEXTS = st.lists(st.sampled_from(FRAGMENTS), max_size=14).map("".join)


@pytest.fixture(scope="module")
def tokenizers():
    """One for each pattern, with special tokens."""
    text = english()[:5000] + "'ll it's [x] endoftext <|end|> éé 🙂 \n\n  x" * 5
    patterns = (PIECES, GPT2_PIECES, r"\p{L}+|\P{L}{1,3}")
    return {p: BytePairTokenizer.train(text, 400, pattern=p, special_tokens=NAMES)
            for p in patterns}  # fmt: skip


# special tokens -----------------------------------------------------------------------------------


def test_special_tokens_come_after_the_merges():
    merges = [(64, 65), (256, 66)]
    tokenizer = BytePairTokenizer(merges, special_tokens=[END, "<|pad|>"])
    assert tokenizer.special_tokens == {END: 258, "<|pad|>": 259}
    assert tokenizer.vocab_size == 260 and tokenizer.tokens[258:] == [END.encode(), b"<|pad|>"]
    assert list(tokenizer.merges) == merges
    assert BytePairTokenizer(merges).special_tokens == {}


def test_text_becomes_no_control_token_unless_it_may():
    tokenizer = BytePairTokenizer.train("abc abc", 259, special_tokens=[END, "<|pad|>"])
    plain = BytePairTokenizer(list(tokenizer.merges))
    text = f"abc{END}abc<|pad|>"
    assert tokenizer.encode(text) == plain.encode(text)  # as if there were none
    assert tokenizer.encode(text, allowed_special=()) == plain.encode(text)
    end, pad = tokenizer.special_tokens.values()
    abc = plain.encode("abc")
    assert tokenizer.encode(text, allowed_special="all") == [*abc, end, *abc, pad]
    assert tokenizer.encode(text, allowed_special={END}) == [
        *abc,
        end,
        *abc,
        *plain.encode("<|pad|>"),
    ]
    assert tokenizer.encode(text, allowed_special=["<|pad|>"])[-1] == pad
    assert tokenizer.encode(text, allowed_special=tokenizer.special_tokens)[-1] == pad


def test_a_special_token_of_one_letter_is_no_letter():
    tokenizer = BytePairTokenizer(special_tokens=["a"])
    assert tokenizer.encode("ab") == [64, 65] and tokenizer.decode([256, 65]) == "ab"
    assert tokenizer.encode("ab", allowed_special=["a"]) == [256, 65]


def test_decode_gives_the_names_back_or_leaves_them_out():
    tokenizer = BytePairTokenizer(special_tokens=[END])
    ids = tokenizer.encode(f"a{END}", allowed_special="all")
    assert ids == [64, 256]
    for given_ids in (ids, tuple(ids), torch.tensor(ids)):
        assert tokenizer.decode(given_ids) == f"a{END}"
        assert tokenizer.decode(given_ids, skip_special_tokens=False) == f"a{END}"
        assert tokenizer.decode(given_ids, skip_special_tokens=True) == "a"
    written = tokenizer.encode(END)  # as text: no control token, so not left out
    assert tokenizer.decode(written, skip_special_tokens=True) == END


@CHECKED
@given(TEXTS)
def test_special_tokens_are_the_librarys_which_are_allowed_always(tokenizers, text):
    for pattern, ours in tokenizers.items():
        plain = BytePairTokenizer(list(ours.merges), pattern=pattern)
        theirs = library_of(plain)
        assert ours.encode(text) == theirs.encode(text).ids == plain.encode(text)
        assert theirs.add_special_tokens(list(NAMES)) == len(NAMES)
        ids = ours.encode(text, allowed_special="all")
        assert ids == theirs.encode(text).ids
        assert ours.decode(ids) == ours.decode(ours.encode(text)) == text
        assert ours.decode(ids, skip_special_tokens=True) == theirs.decode(ids)


def test_nothing_is_learnt_of_special_tokens():
    parts = ["some text, some", " text and some more", "", " text"] * 2
    text = END.join(parts)
    ours = BytePairTokenizer.train(text, 265, special_tokens=[END])
    theirs = library(parts, 264)
    assert list(ours.merges) == library_merges(theirs) and ours.vocab_size == 265
    assert not any(b"<" in token for token in ours.tokens[256:-1])
    assert any(b"|" in token for token in BytePairTokenizer.train(text, 290).tokens[256:])
    only = BytePairTokenizer.train(END, 300, special_tokens=[END])
    assert only.vocab_size == 257 and only.encode(END, allowed_special="all") == [256]


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: BytePairTokenizer(special_tokens=END), TypeError, "special_tokens: expected a li"),
        (lambda: BytePairTokenizer(special_tokens=None), TypeError, "special_tokens: .*NoneType"),
        (lambda: BytePairTokenizer(special_tokens=3), TypeError, "special_tokens: .*int 3"),
        (lambda: BytePairTokenizer(special_tokens=[b"x"]), TypeError, r"special_tokens\[0\]: .*by"),
        (lambda: BytePairTokenizer(special_tokens=["x", ""]), ValueError, r"special_tokens\[1\]: "),
        (lambda: BytePairTokenizer(special_tokens=["x", "y", "x"]), ValueError, r"\[2\]: .*'x' ag"),
        (lambda: BytePairTokenizer(special_tokens=["x\udc00"]), ValueError, r"\[0\]: .*surrogate"),
        (lambda: BytePairTokenizer.train("abc", 257, special_tokens=END), TypeError, "special_tok"),
        (lambda: BytePairTokenizer.train("abc", 257, special_tokens=["x", "y"]), ValueError,
         "vocab_size: expected an integer of at least 258"),
        (lambda: BytePairTokenizer(3), TypeError, "merges: expected pairs of tokens, got int 3"),
        (lambda: BytePairTokenizer(torch.zeros(())), TypeError, "merges: expected pairs of tokens"),
        (lambda: BytePairTokenizer(None), TypeError, "merges: expected pairs of tokens"),
    ],
)  # fmt: skip
def test_bad_special_tokens_are_named(make, error, words):
    with pytest.raises(error, match=words):
        make()


@pytest.mark.parametrize(
    ("allowed", "error", "words"),
    [
        (
            "every",
            TypeError,
            "allowed_special: expected 'all' or a collection of names, got str 'e",
        ),
        (END, TypeError, "allowed_special: expected 'all' or a collection"),
        (None, TypeError, "allowed_special: .*NoneType"),
        (True, TypeError, "allowed_special: .*bool True"),
        (["<|pad|>"], ValueError, r"allowed_special: .*\('<\|endoftext\|>'\), got str '<\|pad\|>'"),
        ([256], ValueError, "allowed_special: .*got int 256"),
        ([[END]], ValueError, "allowed_special: .*got list"),
    ],
)
def test_bad_permissions_are_named(allowed, error, words):
    tokenizer = BytePairTokenizer(special_tokens=[END])
    for encode in (tokenizer.encode, tokenizer.encode_iterable):
        with pytest.raises(error, match=words):
            encode("text", allowed_special=allowed)
    with pytest.raises(ValueError, match=r"this tokenizer \(none\)"):
        BytePairTokenizer().encode("text", allowed_special=[END])


@pytest.mark.parametrize("skip", [None, 1, "yes"])
def test_skipping_is_a_flag(skip):
    with pytest.raises(TypeError, match="skip_special_tokens: expected True or False"):
        BytePairTokenizer().decode([1], skip_special_tokens=skip)


# streams ------------------------------------------------------------------------------------------


@CHECKED
@given(TEXTS, st.lists(st.integers(0, 60), max_size=12), st.integers(1, 12), st.booleans())
def test_a_stream_has_the_tokens_of_its_text(tokenizers, text, cuts, block, special):
    cuts = [0, *sorted(min(c, len(text)) for c in cuts), len(text)]
    chunks = [text[a:b] for a, b in pairwise(cuts)]
    assert "".join(chunks) == text
    allowed = "all" if special else ()
    with mock.patch.object(module, "_BLOCK", block):
        for tokenizer in tokenizers.values():
            ids = list(tokenizer.encode_iterable(chunks, allowed_special=allowed))
            assert ids == tokenizer.encode(text, allowed_special=allowed)


NEAR = ["'", "l", "'l", "'ll", "'v", "'ve", "'r", "'s", "''", " '", "'t", "v", "e", " ", "\n", "\t",
        "\x85", "\x1c", "\xa0", "a", "!", "1", "½", "中", "\u0301", "é", "\u2003"]  # fmt: skip


@pytest.mark.parametrize("pattern", [PIECES, GPT2_PIECES])
@settings(CHECKED, max_examples=600)
@given(st.lists(st.sampled_from(NEAR), max_size=8).map("".join), st.text("'lve \n\x85a1!é"))
def test_pieces_before_the_last_two_do_not_depend_on_what_follows(pattern, text, more):
    pieces = BytePairTokenizer(pattern=pattern)._pieces
    before = pieces.split(text)
    sure = before[: -pieces.unsure]
    assert pieces.split(text + more)[: len(sure)] == sure


def test_to_hold_only_the_last_piece_would_not_do():
    pieces = BytePairTokenizer(pattern=GPT2_PIECES)._pieces
    assert pieces.split("a'l") == ["a", "'", "l"] and pieces.split("a'll") == ["a", "'ll"]


@pytest.mark.parametrize("pattern", [PIECES, GPT2_PIECES])
@pytest.mark.parametrize("special", [False, True])
def test_a_stream_may_be_cut_and_looked_at_anywhere(pattern, special):
    text = f"we'll  I've\n\n 'l 'll ''re{END}'s 12 \x1c\u3000 é🙂{END[:-1]} <|{END}{END}\t\t'd"
    tokenizer = BytePairTokenizer.train(
        text * 9 + "x'l'v'r", 340, pattern=pattern, special_tokens=[END, END[:6], "l"]
    )
    allowed = [END, END[:6]] if special else ()
    expected = tokenizer.encode(text, allowed_special=allowed)
    for i in range(1, len(text)):
        with mock.patch.object(module, "_BLOCK", i):  # looks when the first part is there
            stream = tokenizer.encode_iterable([text[:i], text[i:]], allowed_special=allowed)
            assert list(stream) == expected


def test_a_file_and_single_characters_are_streams(tmp_path):
    text = english()[:30_000]
    tokenizer = BytePairTokenizer.train(text, 400)
    (tmp_path / "text.txt").write_text(text, encoding="utf-8")
    with open(tmp_path / "text.txt", encoding="utf-8") as file:
        assert list(tokenizer.encode_iterable(file)) == tokenizer.encode(text)
    assert list(tokenizer.encode_iterable(iter(text))) == tokenizer.encode(text)
    assert list(tokenizer.encode_iterable([text])) == tokenizer.encode(text)
    assert list(tokenizer.encode_iterable([])) == list(tokenizer.encode_iterable(["", ""])) == []


def test_a_stream_is_read_as_it_is_used():
    tokenizer, read = BytePairTokenizer(), []

    def lines():
        for i in range(1000):
            read.append(i)
            yield "some words in a line\n" * 20

    tokens = tokenizer.encode_iterable(lines())
    assert read == []
    next(tokens)
    assert 0 < len(read) < 100


def streamed(tokenizer, size, word):
    """Return the most memory that a stream of so many characters took, and its tokens' number."""
    draw = random.Random(0)
    chunk = "".join(draw.choices(word, k=997))
    tracemalloc.start()
    count = sum(1 for _ in tokenizer.encode_iterable(chunk for _ in range(size // 997)))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak, count


@pytest.mark.parametrize("pattern", [PIECES, GPT2_PIECES])
def test_the_memory_of_a_stream_does_not_grow_with_its_length(pattern):
    tokenizer = BytePairTokenizer.train("a b c", 257, pattern=pattern)
    streamed(tokenizer, 10_000, "ab c")
    peak, count = streamed(tokenizer, 1_200_000, "ab c")
    assert count > 1_000_000 and peak < 4e6  # the tokens alone would be 8 MB as a list


def test_a_piece_without_end_is_held_and_looked_at_seldom():
    tokenizer, looks = BytePairTokenizer.train("a" * 100, 260), []
    sure = BytePairTokenizer._encode_sure

    def counted(self, text, names):
        looks.append(len(text))
        return sure(self, text, names)

    with mock.patch.object(BytePairTokenizer, "_encode_sure", counted):
        ids = list(tokenizer.encode_iterable("a" * 200_000))
    assert ids == tokenizer.encode("a" * 200_000)
    assert sum(looks) < 2 * 200_000 and max(looks) <= 200_000


def test_a_pattern_of_ones_own_is_held_from_one_special_token_to_the_next():
    tokenizer = BytePairTokenizer([(64, 64)], pattern="a+b|[ab]", special_tokens=[END])
    looks = []
    sure = BytePairTokenizer._encode_sure

    def counted(self, text, names):
        looks.append(len(text))
        return sure(self, text, names)

    chunks = ["aaaa" * 1000, "b" * 10, END] * 40
    with mock.patch.object(BytePairTokenizer, "_encode_sure", counted):
        ids = list(tokenizer.encode_iterable(chunks, allowed_special="all"))
    assert ids == tokenizer.encode("".join(chunks), allowed_special="all")
    assert max(looks) < 3 * 16_384


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        (None, TypeError, "iterable: expected strings, got NoneType"),
        (3, TypeError, "iterable: expected strings, got int 3"),
        (torch.tensor(0), TypeError, "iterable: expected strings, got an int64 tensor"),
        (["a", 3], TypeError, r"iterable\[1\]: expected a string, got int 3"),
        ([b"a"], TypeError, r"iterable\[0\]: expected a string, got bytes"),
        (b"a", TypeError, r"iterable\[0\]: expected a string, got int 97"),
        (["a", "b\ud800", "\udc00"], ValueError, r"iterable\[1\]: .*surrogate pair at place 1"),
    ],
)
def test_what_is_no_stream_of_strings_is_named(given, error, words):
    with pytest.raises(error, match=words):
        list(BytePairTokenizer().encode_iterable(given))


def test_arguments_of_a_stream_are_checked_at_once():
    with pytest.raises(TypeError, match="iterable"):
        BytePairTokenizer().encode_iterable(None)
    with pytest.raises(ValueError, match="allowed_special"):
        BytePairTokenizer().encode_iterable([], allowed_special=[END])
