"""Text as integers: one a character, or one a frequent run of bytes."""

from collections import Counter

from bigmodel_utils.arguments import flag, integer
from bigmodel_utils.data import _token_arguments, _tokenizer_files
from bigmodel_utils.data._byte_pairs import learn_merges, merge_bytes
from bigmodel_utils.data._pieces import GPT2_PIECES, PIECES, Pieces, special_parts

__all__ = ["GPT2_PIECES", "PIECES", "BytePairTokenizer", "CharTokenizer"]

# The tokens of the pieces seen are kept: of so many pieces, of so many characters, at most. Usual
# words take 7 MB then, the worst pieces 45 MB. When there are as many, all are dropped.
_KEPT, _KEPT_LENGTH = 32_768, 32
_BLOCK = 16_384  # characters that encode_iterable takes at a time


class CharTokenizer:
    """One token for each different character of ``text``, in the order of their code points.

    Attributes:
        characters: the vocabulary, a string; a token is a place in it.
        vocab_size: its length.

    Raises:
        TypeError, ValueError: ``text`` is no string, or an empty one.
    """

    def __init__(self, text):
        self.characters = "".join(sorted(set(_token_arguments.text(text, filled=True))))
        self.vocab_size = len(self.characters)
        self._number = {c: i for i, c in enumerate(self.characters)}

    def encode(self, text):
        """Return the tokens of ``text`` as a list of integers.

        Raises:
            ValueError: a character that is not in the vocabulary, naming it and its place.
        """
        try:
            return [self._number[c] for c in _token_arguments.text(text)]
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
        return "".join(self.characters[i] for i in _token_arguments.ids(ids, self.vocab_size))


class BytePairTokenizer:
    r"""Byte-level byte-pair encoding, the same as the ``tokenizers`` library's.

    Tokens 0 to 255 are the bytes, in the order of GPT-2 (those with a visible sign of Latin-1
    come first). Each merge is a pair of tokens that become one. Then come the special tokens, such
    as ``"<|endoftext|>"`` between two texts. Every text can be encoded, and
    ``decode(encode(text)) == text``. Files (:meth:`from_files`) may give other ids.

    **Special tokens are never read from text unless you say so**: by default the characters
    ``<|endoftext|>`` in a text, which its writer may have chosen, are encoded as characters.
    ``allowed_special`` names those that become control tokens: ``"all"``, or a collection of them.

    Args:
        merges: pairs of tokens, in the order in which they were learnt.
        special_tokens: list or tuple of strings, which get the ids after the merges.
        pattern: a regular expression whose matches are the pieces that the text is cut into before;
            no merge crosses their borders. The engine room ``_pieces`` says what is
            understood; ``GPT2_PIECES`` is the one of GPT-2.

    Attributes:
        merges: dict from the pair to the token that replaces it.
        tokens: list of bytes; of a special token those of its name.
        special_tokens: dict from name to token.
        vocab_size: how many there are.
        pattern: as given.

    Raises:
        TypeError, ValueError: naming the argument.

    Sources: Gage, A new algorithm for data compression, 1994; Sennrich et al., 2016
    (arXiv:1508.07909); on bytes: Radford et al., Language models are unsupervised multitask
    learners, 2019.
    """

    def __init__(self, merges=(), *, special_tokens=(), pattern=PIECES):
        names = _token_arguments.names(special_tokens)
        tokens, made = _token_arguments.merges(merges)
        special = {name: len(tokens) + i for i, name in enumerate(names)}
        self._fill(tokens + [name.encode() for name in names], made, special, pattern)

    def _fill(self, tokens, merges, special_tokens, pattern):
        self._pieces = Pieces(pattern)
        self.pattern = self._pieces.pattern
        self.tokens, self.merges, self.special_tokens = tokens, merges, special_tokens
        self._rank = {pair: rank for rank, pair in enumerate(merges)}
        self._made = list(merges.values())
        special = set(special_tokens.values())
        self._byte = [0] * 256
        for i, token in enumerate(tokens):
            if len(token) == 1 and i not in special:
                self._byte[token[0]] = i
        self._seen = {}

    @property
    def vocab_size(self):
        """Number of different tokens."""
        return len(self.tokens)

    @classmethod
    def train(cls, text, vocab_size, *, special_tokens=(), pattern=PIECES):
        """Learn merges from ``text``: the most frequent pair first, the smallest pair of equals.

        The time is linear in the text's length. The memory is about 12 bytes for each byte of text,
        and 85 for each of the different pieces: few with spaces, all of the text in Chinese.

        Args:
            text: string. Special tokens in it are borders, of which nothing is learnt.
            vocab_size: tokens wanted, at least 256 and one for each special token. A text without
                pairs left gives fewer.
            special_tokens, pattern: as of the class.

        Raises:
            TypeError, ValueError: naming the argument.
        """
        names = _token_arguments.names(special_tokens)
        vocab_size = integer("vocab_size", vocab_size, minimum=256 + len(names))
        new, counts = cls(special_tokens=names, pattern=pattern), Counter()
        for part, start, _ in special_parts(_token_arguments.text(text, filled=True), names):
            counts.update(new._pieces.split(part, start))
        merges = learn_merges(counts, vocab_size - len(names))
        return cls(merges, special_tokens=names, pattern=pattern)

    @classmethod
    def from_files(cls, vocab, merges, *, special_tokens=(), pattern=None):
        """Read a tokenizer from the two files that GPT-2's is published in.

        Args:
            vocab: a file like ``vocab.json``, of tokens and their ids, each byte as a visible sign.
            merges: a file like ``merges.txt``, of a pair of tokens on a line.
            special_tokens: which tokens are special (GPT-2: ``["<|endoftext|>"]``); one that
                ``vocab`` does not have gets an id after all others.
            pattern: as of the class; by default the one that was saved, if this class wrote
                ``merges``, and GPT-2's if not. (The files hold no pattern. This class writes a
                checksum into the first line, which other readers skip.)

        Raises:
            FileNotFoundError, IsADirectoryError: there is no such file, or it is a folder.
            ValueError: damaged or unfit files, naming the file, the line and what was expected; a
                pattern other than the one that was saved.
        """
        names = _token_arguments.names(special_tokens)
        found = _tokenizer_files.read_files(vocab, merges, special_tokens=names, pattern=pattern)
        new = cls.__new__(cls)
        new._fill(*found)
        return new

    def save(self, vocab, merges):
        """Write the two files that :meth:`from_files` and other libraries read, in UTF-8.

        Both are written whole beside their places (``<path>.partial``) before the first is
        replaced. Which tokens are special is not written: name them again when you read.

        Raises:
            FileNotFoundError, IsADirectoryError: there is no such folder, or the file is one.
            ValueError: both are one file, or a special token has the name of another token.
        """
        _tokenizer_files.write_files(
            vocab, merges, tokens=self.tokens, pairs=self.merges,
            special_tokens=self.special_tokens, pattern=self.pattern,
        )  # fmt: skip

    def encode(self, text, *, allowed_special=()):
        """Return the tokens of ``text`` as a list of integers.

        Args:
            text: string.
            allowed_special: the special tokens to look for in the text: a collection of their
                names, or ``"all"``. By default none: their names are text as any other.

        Raises:
            TypeError, ValueError: ``text`` is no string, or holds half a surrogate pair; a name
                that is no special token.
        """
        names = _token_arguments.allowed(allowed_special, self.special_tokens)
        tokens = []
        for part, start, name in special_parts(_token_arguments.text(text), names):
            tokens += self._encode_pieces(self._pieces.split(part, start))
            if name:
                tokens.append(self.special_tokens[name])
        return tokens

    def encode_iterable(self, iterable, *, allowed_special=()):
        """Yield the tokens of ``"".join(iterable)``, without ever joining all of it.

        The strings may be cut anywhere, within a word or a special token too. In memory are, at
        most, twice the longest piece, 16,384 characters and one string of the iterable; with a
        pattern other than ``PIECES`` and ``GPT2_PIECES``, for which it is not known where a text
        may be cut, all of the text between two special tokens. Tokens come when a block is full.

        Args:
            iterable: of strings, such as an open file.
            allowed_special: as of :meth:`encode`.

        Raises:
            TypeError, ValueError: as :meth:`encode` does, naming the string's place.
        """
        strings = _token_arguments.iterator("iterable", iterable, "strings")
        return self._stream(strings, _token_arguments.allowed(allowed_special, self.special_tokens))

    def _stream(self, strings, names):
        held, size, wanted = [], 0, _BLOCK
        for i, string in enumerate(strings):
            _token_arguments.text(string, f"iterable[{i}]")
            for place in range(0, len(string), _BLOCK):
                held.append(string[place : place + _BLOCK])
                size += len(held[-1])
                if size >= wanted:
                    tokens, rest = self._encode_sure("".join(held), names)
                    yield from tokens
                    # Twice: a long piece is looked at as often as its length doubles, not more.
                    held, size, wanted = [rest], len(rest), max(_BLOCK, 2 * len(rest))
        yield from self.encode("".join(held), allowed_special=names)

    def _encode_sure(self, text, names):
        """Return the tokens that stay the same however the text goes on, and the rest of it."""
        tokens, rest = [], 0
        # A name is sure if the longest one, in its place, would have ended too.
        sure = len(text) - max(map(len, names), default=1) + 1
        for part, start, name in special_parts(text, names):
            if not name or start + len(part) >= sure:
                break
            tokens += self._encode_pieces(self._pieces.split(part, start))
            tokens.append(self.special_tokens[name])
            rest = start + len(part) + len(name)
        pieces, unsure = [], self._pieces.unsure
        if unsure is not None:
            pieces = self._pieces.split(text[rest : max(rest, sure)])[:-unsure]
        return tokens + self._encode_pieces(pieces), text[rest + sum(map(len, pieces)) :]

    def _encode_pieces(self, pieces):
        tokens, seen = [], self._seen
        for piece in pieces:
            found = seen.get(piece)
            if found is None:
                word = [self._byte[b] for b in piece.encode()]
                found = merge_bytes(word, self._rank, self._made)
                if len(piece) <= _KEPT_LENGTH:
                    if len(seen) >= _KEPT:
                        seen.clear()
                    seen[piece] = found
            tokens += found
        return tokens

    def decode(self, ids, *, skip_special_tokens=False):
        """Return the text of tokens, a list or a 1-D tensor.

        A cut within a character leaves bytes that are no UTF-8: each becomes U+FFFD.

        Args:
            ids: the tokens.
            skip_special_tokens: leave the names of special tokens out.

        Raises:
            TypeError, ValueError: not integers, or one outside the vocabulary.
        """
        ids = _token_arguments.ids(ids, self.vocab_size)
        if flag("skip_special_tokens", skip_special_tokens):
            special = set(self.special_tokens.values())
            ids = [i for i in ids if i not in special]
        return b"".join(self.tokens[i] for i in ids).decode("utf-8", errors="replace")
