"""What tokenizers are given, checked: text, tokens, merges and the names of special tokens."""

from bigmodel_utils.arguments import describe, integer
from bigmodel_utils.data._byte_pairs import byte_tokens

__all__ = ["allowed", "ids", "iterator", "merges", "names", "text"]


def text(value, name="text", *, filled=False):
    """Return ``value`` if it is a string without halves of surrogate pairs."""
    if not isinstance(value, str):
        raise TypeError(f"{name}: expected a string, got {describe(value)}")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise ValueError(
            f"{name}: expected characters, got half a surrogate pair at place {error.start}"
        ) from None
    if filled and not value:
        raise ValueError(f"{name}: expected at least one character, got an empty string")
    return value


def ids(value, vocab_size, name="ids"):
    """Return a list, a tuple, an array or a 1-D tensor of tokens as a list of integers."""
    values = value.tolist() if hasattr(value, "tolist") else value
    if not isinstance(values, (list, tuple)):
        raise TypeError(f"{name}: expected a list of tokens, got {describe(value)}")
    if all(type(v) is int and 0 <= v < vocab_size for v in values):
        return list(values)
    return [
        integer(f"{name}[{i}]", v, minimum=0, maximum=vocab_size - 1) for i, v in enumerate(values)
    ]


def iterator(name, value, expected):
    """Return an iterator over ``value``, which should hold what ``expected`` says."""
    try:
        return iter(value)
    except TypeError:
        raise TypeError(f"{name}: expected {expected}, got {describe(value)}") from None


def merges(value):
    """Return the tokens (list of bytes) and the merges (dict from a pair to what it makes)."""
    value = iterator("merges", value, "pairs of tokens")
    tokens, made = byte_tokens(), {}
    number = {token: i for i, token in enumerate(tokens)}
    for pair in value:
        if not isinstance(pair, (tuple, list)) or len(pair) != 2:
            raise TypeError(f"merges: expected pairs of tokens, got {describe(pair)}")
        pair = tuple(ids(pair, len(tokens), "merges"))
        joined = tokens[pair[0]] + tokens[pair[1]]
        made.pop(pair, None)
        made[pair] = number.setdefault(joined, len(tokens))
        tokens += [joined] * (len(number) - len(tokens))  # if it is new
    return tokens, made


def names(value):
    """Return the names of special tokens, a list or tuple of different strings, as a tuple."""
    if not isinstance(value, (list, tuple)):
        raise TypeError(f"special_tokens: expected a list of strings, got {describe(value)}")
    seen = set()
    for i, name in enumerate(value):
        text(name, f"special_tokens[{i}]", filled=True)
        if name in seen:
            raise ValueError(f"special_tokens[{i}]: expected each name once, got {name!r} again")
        seen.add(name)
    return tuple(value)


def allowed(value, special_tokens):
    """Return those of the special tokens that ``value`` means: "all", or a collection of them."""
    if isinstance(value, str) and value == "all":
        return tuple(special_tokens)
    if not isinstance(value, (list, tuple, set, frozenset, dict)):
        raise TypeError(
            f"allowed_special: expected 'all' or a collection of names, got {describe(value)}"
        )
    for name in value:
        if not isinstance(name, str) or name not in special_tokens:
            known = ", ".join(map(repr, special_tokens)) or "none"
            raise ValueError(
                f"allowed_special: expected special tokens of this tokenizer ({known}), "
                f"got {describe(name)}"
            )
    return tuple(value)
