"""Text as integers: one a character, or one a frequent run of bytes."""

import re
from collections import Counter, defaultdict
from itertools import pairwise

from bigmodel_utils.arguments import describe, integer

__all__ = ["PIECES", "BytePairTokenizer", "CharTokenizer"]

# Merges never cross the border of a piece. Python's `re` and the `tokenizers` library read this
# pattern alike: it names ranges of ASCII, and all that is beyond ASCII counts as a letter.
PIECES = "|".join(
    [
        r" ?[^\x00-@\[-`{-\x7f]+",  # letters
        r" ?[0-9]+",
        r" ?[\x00-\x08\x0e-\x1f!-/:-@\[-`{-\x7f]+",  # signs
        r"[\t-\r ]+(?![^\t-\r ])",  # spaces, but the last one if a word follows
        r"[\t-\r ]+",
    ]
)


class CharTokenizer:
    """One token for each different character of ``text``, in the order of their code points.

    Attributes:
        characters: the vocabulary, a string; a token is a place in it.
        vocab_size: its length.

    Raises:
        TypeError, ValueError: ``text`` is no string, or an empty one.
    """

    def __init__(self, text):
        self.characters = "".join(sorted(set(_filled_text(text))))
        self.vocab_size = len(self.characters)
        self._number = {c: i for i, c in enumerate(self.characters)}

    def encode(self, text):
        """Return the tokens of ``text`` as a list of integers.

        Raises:
            ValueError: a character that is not in the vocabulary, naming it and its place.
        """
        try:
            return [self._number[c] for c in _text(text)]
        except KeyError as error:
            unknown = error.args[0]
        raise ValueError(
            f"text: no token for the character {unknown!r} (U+{ord(unknown):04X}) at place "
            f"{text.index(unknown)}; the vocabulary has {self.vocab_size} characters"
        )

    def decode(self, ids):
        """Return the text of tokens, a list or a 1-D tensor.

        Raises:
            TypeError, ValueError: not integers, or one outside the vocabulary.
        """
        return "".join(self.characters[i] for i in _ids(ids, self.vocab_size))


class BytePairTokenizer:
    """Byte-level byte-pair encoding, the same as the ``tokenizers`` library's.

    Tokens 0 to 255 are the bytes, in the order of GPT-2 (those with a visible sign of Latin-1
    come first). Each merge is a pair of tokens that become one. Every text can be encoded, and
    ``decode(encode(text)) == text``.

    Args:
        merges: pairs of tokens, in the order in which they were learnt.

    Attributes:
        merges: dict from the pair to the token that replaces it.
        tokens: list of bytes.
        vocab_size: how many there are.

    Sources: Gage, A new algorithm for data compression, 1994; Sennrich et al., 2016
    (arXiv:1508.07909); on bytes: Radford et al., Language models are unsupervised multitask
    learners, 2019.
    """

    def __init__(self, merges=()):
        self.tokens = _bytes()
        self.merges, self._number = {}, {token: i for i, token in enumerate(self.tokens)}
        for pair in merges:
            if not isinstance(pair, (tuple, list)) or len(pair) != 2:
                raise TypeError(f"merges: expected pairs of tokens, got {describe(pair)}")
            self._add(tuple(_ids(pair, len(self.tokens), "merges")))
        self._rank = {pair: rank for rank, pair in enumerate(self.merges)}
        self._seen = {}

    @property
    def vocab_size(self):
        """Number of different tokens."""
        return len(self.tokens)

    @classmethod
    def train(cls, text, vocab_size):
        """Learn merges from ``text``: the most frequent pair first, the smallest pair of equals.

        Args:
            text: string.
            vocab_size: tokens wanted, at least 256. A text without pairs left gives fewer.

        Raises:
            TypeError, ValueError: naming the argument.
        """
        vocab_size = integer("vocab_size", vocab_size, minimum=256)
        new = cls()
        words, counts, where = new._count(_filled_text(text))
        while new.vocab_size < vocab_size and counts:
            best = min(counts, key=lambda pair: (-counts[pair], pair))
            token = new._add(best)
            for number in where.pop(best):
                word, times = words[number]
                for pair in pairwise(word):
                    counts[pair] -= times
                words[number] = word, times = _merged(word, best, token), times
                for pair in pairwise(word):
                    counts[pair] += times
                    where[pair].add(number)
            counts = +counts  # drops what is zero
        new._rank = {pair: rank for rank, pair in enumerate(new.merges)}
        return new

    def _add(self, pair):
        joined = self.tokens[pair[0]] + self.tokens[pair[1]]
        token = self._number.setdefault(joined, len(self.tokens))
        if token == len(self.tokens):
            self.tokens.append(joined)
        self.merges.pop(pair, None)
        self.merges[pair] = token
        return token

    def _count(self, text):
        words, counts, where = [], Counter(), defaultdict(set)
        for number, (piece, times) in enumerate(Counter(re.findall(PIECES, text)).items()):
            word = self._as_bytes(piece)
            words.append((word, times))
            for pair in pairwise(word):
                counts[pair] += times
                where[pair].add(number)
        return words, counts, where

    def _as_bytes(self, piece):
        return [self._number[bytes([b])] for b in piece.encode()]

    def encode(self, text):
        """Return the tokens of ``text`` as a list of integers.

        Raises:
            TypeError, ValueError: ``text`` is no string, or holds half a surrogate pair.
        """
        tokens = []
        for piece in re.findall(PIECES, _text(text)):
            if piece not in self._seen:
                self._seen[piece] = self._encode_piece(piece)
            tokens += self._seen[piece]
        return tokens

    def _encode_piece(self, piece):
        word = self._as_bytes(piece)
        while len(word) > 1:
            ranks = [self._rank.get(p, len(self._rank)) for p in pairwise(word)]
            first = ranks.index(min(ranks))
            if ranks[first] == len(self._rank):
                break
            word[first : first + 2] = [self.merges[word[first], word[first + 1]]]
        return word

    def decode(self, ids):
        """Return the text of tokens, a list or a 1-D tensor.

        A cut within a character leaves bytes that are no UTF-8: each becomes U+FFFD.

        Raises:
            TypeError, ValueError: not integers, or one outside the vocabulary.
        """
        joined = b"".join(self.tokens[i] for i in _ids(ids, self.vocab_size))
        return joined.decode("utf-8", errors="replace")


def _bytes():
    """The 256 bytes in the order of GPT-2."""
    visible = [*range(33, 127), *range(161, 173), *range(174, 256)]
    rest = [b for b in range(256) if b not in visible]
    return [bytes([b]) for b in visible + rest]


def _merged(word, pair, token):
    """Replace ``pair`` in a list of tokens by ``token``, from the left."""
    merged, place = [], 0
    while place < len(word):
        found = tuple(word[place : place + 2]) == pair
        merged.append(token if found else word[place])
        place += 2 if found else 1
    return merged


def _text(text):
    if not isinstance(text, str):
        raise TypeError(f"text: expected a string, got {describe(text)}")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError(
            f"text: expected characters, got half a surrogate pair at place {error.start}"
        ) from None
    return text


def _filled_text(text):
    if not _text(text):
        raise ValueError("text: expected at least one character, got an empty string")
    return text


def _ids(ids, vocab_size, name="ids"):
    values = ids.tolist() if hasattr(ids, "tolist") else ids
    if not isinstance(values, (list, tuple)):
        raise TypeError(f"{name}: expected a list of tokens, got {describe(ids)}")
    return [
        integer(f"{name}[{i}]", v, minimum=0, maximum=vocab_size - 1) for i, v in enumerate(values)
    ]
