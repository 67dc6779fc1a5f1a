"""The tokenizer of a pretrained model: given tokens and merges, by the ``tokenizers`` library."""

from bigmodel_utils.arguments import describe
from bigmodel_utils.data import _token_arguments
from bigmodel_utils.data._byte_pairs import byte_tokens
from bigmodel_utils.data._pieces import special_parts
from bigmodel_utils.data._tokenizer import BytePairTokenizer
from bigmodel_utils.data._tokenizer_files import _signs

__all__ = ["PretrainedTokenizer"]


class PretrainedTokenizer:
    """Byte pairs on GPT-2's pieces, with each digit a piece of its own, as SmolLM's.

    **Special tokens are never read from text unless you say so**, as for
    :class:`bigmodel_utils.data.BytePairTokenizer`.

    Args:
        tokens: list of strings, the vocabulary in the order of the ids, each byte of a token as the
            visible sign that GPT-2 writes it with. Special tokens stand in it under their names.
        merges: list of strings of two tokens with a space between, the first learnt first.
        special_tokens: list of names among ``tokens``.

    Attributes:
        tokens: list of bytes; of a special token those of its name.
        special_tokens: dict from name to token.
        vocab_size: how many tokens there are.

    Raises:
        TypeError, ValueError: naming the argument, what came and what was expected.
    """

    def __init__(self, tokens, merges, *, special_tokens=()):
        tokens = _strings("tokens", tokens)
        names = _token_arguments.names(special_tokens)
        number = {token: i for i, token in enumerate(tokens)}
        if len(number) < len(tokens):
            twice = next(token for i, token in enumerate(tokens) if number[token] != i)
            raise ValueError(f"tokens: expected each token once, got {twice!r} again")
        for name in names:
            if name not in number:
                raise ValueError(f"special_tokens: expected names among tokens, got {name!r}")
        self.special_tokens = {name: number[name] for name in names}
        ordinary = {token: i for token, i in number.items() if token not in self.special_tokens}
        as_byte = dict(zip(_signs(), byte_tokens(), strict=True))
        odd = next((t for t in ordinary if not t or any(c not in as_byte for c in t)), None)
        if odd is not None:
            raise ValueError(f"tokens: expected one sign for each byte, got {odd!r}")
        self.tokens = [
            token.encode() if token in self.special_tokens else b"".join(map(as_byte.get, token))
            for token in tokens
        ]
        self.vocab_size = len(tokens)
        self._without = frozenset(b for sign, b in as_byte.items() if sign not in ordinary)
        self._library = _library(ordinary, _pairs(merges, ordinary))

    def encode(self, text, *, allowed_special=()):
        """Return the tokens of ``text`` as a list of integers.

        Args:
            text: string.
            allowed_special: the special tokens to look for in the text: a collection of their
                names, or ``"all"``. By default none: their names are text as any other.

        Raises:
            TypeError, ValueError: ``text`` is no string, or holds half a surrogate pair; a name
                that is no special token; a character with a byte that the vocabulary lacks.
        """
        names = _token_arguments.allowed(allowed_special, self.special_tokens)
        self._check_bytes(_token_arguments.text(text))
        tokens = []
        for part, _, name in special_parts(text, names):
            tokens += self._library.encode(part).ids
            if name:
                tokens.append(self.special_tokens[name])
        return tokens

    decode = BytePairTokenizer.decode  # it asks for tokens, special_tokens and vocab_size alone

    def _check_bytes(self, text):
        # The library drops a byte without a token, without a word.
        if not any(byte in text.encode() for byte in self._without):
            return
        for place, character in enumerate(text):
            lacking = [byte for byte in self._without if byte in character.encode()]
            if lacking:
                raise ValueError(
                    f"text: no token for byte 0x{lacking[0][0]:02x} of the character "
                    f"{character!r} (U+{ord(character):04X}) at place {place}"
                )


def _strings(name, value):
    if not isinstance(value, (list, tuple)):
        raise TypeError(f"{name}: expected a list of strings, got {describe(value)}")
    for i, item in enumerate(value):
        if not isinstance(item, str):
            raise TypeError(f"{name}[{i}]: expected a string, got {describe(item)}")
    return value


def _pairs(merges, ordinary):
    pairs = []
    for i, line in enumerate(_strings("merges", merges)):
        parts = tuple(line.split(" "))
        if len(parts) != 2 or any(part not in ordinary for part in (*parts, "".join(parts))):
            raise ValueError(
                f"merges[{i}]: expected two tokens with a space between that join to a third, "
                f"got {line!r}"
            )
        pairs.append(parts)
    return pairs


def _library(ordinary, pairs):
    from tokenizers import Tokenizer, models, pre_tokenizers

    made = Tokenizer(models.BPE(vocab=ordinary, merges=pairs))
    made.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
    )
    return made
