"""Tokenizers: round trips, equality with the tokenizers library, errors that name the place."""

import random

import pytest
import torch
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

from bigmodel_utils.tokenizer import PIECES, BytePairTokenizer, CharTokenizer

SIGNS = [
    "ab",
    "abc ",
    "abc d1!é\n\t\x00\u00a0\u0301½ñक🙂\x85\x1c\u2028",
    "aB9_@[`{~ \n\r\v\f\x07",
]


def library(text, vocab_size):
    """The tokenizers library's byte-level BPE, trained with the same pattern."""
    tokenizer = Tokenizer(models.BPE())
    split = pre_tokenizers.Split(Regex(PIECES), "isolated")
    to_bytes = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([split, to_bytes])
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )
    tokenizer.train_from_iterator([text], trainer)
    return tokenizer


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
    for each in (text, other):
        assert ours.encode(each) == theirs.encode(each).ids
        assert ours.decode(ours.encode(each)) == each


def test_pieces_cover_every_text_and_split_as_the_library_does():
    import re

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
