"""GPT-2's two files of a byte-pair tokenizer, vocab.json and merges.txt: read, checked, written."""

import json
import os
import zlib
from pathlib import Path

from bigmodel_utils import arguments
from bigmodel_utils.arguments import describe
from bigmodel_utils.data._byte_pairs import byte_tokens
from bigmodel_utils.data._pieces import GPT2_PIECES, PIECES

__all__ = ["read_files", "write_files"]

_HEADER = "#version: 0.2"
_PATTERN = " pattern: crc32 "  # in the header, which other readers skip; GPT-2's own has none


def write_files(vocab, merges, *, tokens, pairs, special_tokens, pattern):
    """Write the two files; see ``BytePairTokenizer.save``."""
    files = [Path(arguments.path(*given)) for given in (("vocab", vocab), ("merges", merges))]
    for name, file in zip(("vocab", "merges"), files, strict=True):
        if not file.parent.is_dir():
            raise FileNotFoundError(f"{name}: expected an existing folder, got {file.parent}")
        if file.is_dir():
            raise IsADirectoryError(f"{name}: expected a file to write, got the folder {file}")
    if files[0].resolve() == files[1].resolve():
        raise ValueError(f"merges: expected another file than vocab, got {files[1]} for both")
    signs = dict(zip((token[0] for token in byte_tokens()), _signs(), strict=True))
    special = {number: name for name, number in special_tokens.items()}
    written = [
        special.get(i) or "".join(map(signs.__getitem__, token)) for i, token in enumerate(tokens)
    ]
    number = {}
    for i, text in enumerate(written):
        if number.setdefault(text, i) != i:
            raise ValueError(
                f"special_tokens: vocab.json has one name for one token, and tokens "
                f"{number[text]} and {i} are both written {text!r}"
            )
    header = _HEADER if pattern == GPT2_PIECES else _HEADER + _PATTERN + _checksum(pattern)
    lines = [header, *(f"{written[a]} {written[b]}" for a, b in pairs)]
    contents = json.dumps(number, ensure_ascii=False), "\n".join(lines) + "\n"
    partial = [Path(f"{file}.partial") for file in files]
    for file, content in zip(partial, contents, strict=True):
        with open(file, "w", encoding="utf-8", newline="") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
    for source, target in zip(partial, files, strict=True):
        os.replace(source, target)


def read_files(vocab, merges, *, special_tokens, pattern):
    """Read the two files; see ``BytePairTokenizer.from_files``.

    Returns:
        tuple: tokens (list of bytes), merges (dict from a pair to the token that it makes), special
        tokens (dict from name to token) and the pattern.
    """
    number, vocab = _read_vocab(vocab)
    text, merges = _read("merges", merges)
    pattern = _checked_pattern(merges, text, pattern)
    as_byte = dict(zip(_signs(), byte_tokens(), strict=True))
    ordinary = {name: i for name, i in number.items() if name not in special_tokens}
    tokens = [b""] * len(number)
    for name, i in ordinary.items():
        odd = [c for c in name if c not in as_byte]
        if odd or not name:
            raise ValueError(
                f"{_place(vocab, name)}: expected one sign for each byte, got token {i}, {name!r}"
                + (f", with {odd[0]!r}. If it is a special token, name it" if odd else "")
            )
        tokens[i] = b"".join(as_byte[c] for c in name)
    for sign, byte in as_byte.items():
        if sign not in ordinary:
            raise ValueError(
                f"{vocab}: expected a token for each of the 256 bytes, none for 0x{byte[0]:02x}, "
                f"which is written {sign!r}"
            )
    pairs = _read_merges(merges, text, ordinary)
    _check_made(vocab, merges, ordinary, pairs, as_byte)
    special = {}
    for name in special_tokens:  # what the file lacks goes to the end
        special[name] = number.get(name, len(tokens))
        tokens[special[name] : special[name] + 1] = [name.encode()]
    return tokens, pairs, special, pattern


def _read_vocab(path):
    text, file = _read("vocab", path)

    def checked(entries):
        if len(dict(entries)) < len(entries):
            names = [name for name, _ in entries]
            twice = next(name for i, name in enumerate(names) if name in names[:i])
            raise ValueError(f"{_place(file, twice, -1)}: expected each token once, got {twice!r}")
        return dict(entries)

    try:
        # A number too long for Python stays a string, and is refused below.
        number = json.loads(
            text, object_pairs_hook=checked, parse_int=lambda s: int(s) if len(s) < 20 else s
        )
    except json.JSONDecodeError as error:
        raise ValueError(
            f"{file}, line {error.lineno}: expected JSON, cut short or damaged at column "
            f"{error.colno}: {error.msg}"
        ) from None
    except RecursionError:
        raise ValueError(f"{file}: expected tokens and their ids, got nested JSON") from None
    if not isinstance(number, dict) or not number:
        raise ValueError(f"{file}: expected tokens and their ids, got {describe(number)}")
    seen = {}
    for name, i in number.items():
        if type(i) is not int or not 0 <= i < len(number):
            raise ValueError(
                f"{_place(file, name)}: expected ids 0 to {len(number) - 1} without gaps for "
                f"{len(number)} tokens, got {describe(i)} for {name!r}"
            )
        if seen.setdefault(i, name) != name:
            raise ValueError(
                f"{_place(file, name)}: expected an id of its own for each token, got {i} for "
                f"{seen[i]!r} and {name!r}"
            )
    return number, file


def _read_merges(file, text, ordinary):
    """Return {(left, right): made} in the order of the lines."""
    pairs, lines = {}, text.removesuffix("\n").split("\n")
    first = 1 if lines[0].startswith("#version") else 0
    for place, line in enumerate(lines[first:] if text else [], first + 1):
        parts = line.split(" ")
        if len(parts) != 2 or not all(parts):
            raise ValueError(
                f"{file}, line {place}: expected two tokens with a space between, got {line!r}"
            )
        for token in (*parts, "".join(parts)):
            if token not in ordinary:
                raise ValueError(
                    f"{file}, line {place}: expected tokens of the vocabulary, got {line!r}, "
                    f"and there is no {token!r}"
                )
        pair = ordinary[parts[0]], ordinary[parts[1]]
        if pair in pairs:
            raise ValueError(
                f"{file}, line {place}: expected each merge once, got {line!r} again, as in line "
                f"{first + 1 + list(pairs).index(pair)}"
            )
        pairs[pair] = ordinary["".join(parts)]
    return pairs


def _check_made(vocab, merges, ordinary, pairs, as_byte):
    made = set(pairs.values())
    unmade = [name for name, i in ordinary.items() if i not in made and name not in as_byte]
    if unmade:
        listed = ", ".join(map(repr, unmade[:3])) + (", ..." if len(unmade) > 3 else "")
        raise ValueError(
            f"{_place(vocab, unmade[0])}: no line of {merges} makes {listed} ({len(unmade)} in "
            "all): name those that are special tokens in special_tokens, else lines are missing"
        )


def _checked_pattern(file, text, pattern):
    """Return the pattern that was given or the one that the header means."""
    header = text.partition("\n")[0]
    checksum = header.removeprefix(_HEADER + _PATTERN)
    if checksum == header:
        return GPT2_PIECES if pattern is None else pattern
    if pattern is None:
        known = {_checksum(each): each for each in (PIECES, GPT2_PIECES)}
        if checksum not in known:
            raise ValueError(
                f"pattern: expected the one that the tokenizer of {file} had, got none; the file "
                "has but its checksum"
            )
        return known[checksum]
    if isinstance(pattern, str) and checksum != _checksum(pattern):
        raise ValueError(
            f"pattern: expected the one that the tokenizer of {file} had, got another, "
            f"{describe(pattern)}"
        )
    return pattern


def _checksum(pattern):
    return f"{zlib.crc32(pattern.encode('utf-8', 'surrogatepass')):08x}"


def _read(name, path):
    """Return the text of a file, its line ends unified, and the file."""
    file = Path(os.fspath(arguments.path(name, path))).expanduser()
    if file.is_dir():
        raise IsADirectoryError(f"{name}: expected a file, got the folder {file}")
    if not file.exists():
        raise FileNotFoundError(f"{name}: expected a file, found nothing at {file}")
    content = file.read_bytes()
    try:
        return content.decode("utf-8-sig").replace("\r\n", "\n"), file
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ValueError(
            f"{file}, line {line}: expected UTF-8, got 0x{content[error.start]:02x}: {error.reason}"
        ) from None


def _place(file, token, which=0):
    """Return a file's name and the line of the first or last place where a token is written."""
    text = file.read_text(encoding="utf-8-sig")
    for form in (json.dumps(token), json.dumps(token, ensure_ascii=False)):
        place = text.find(form) if which == 0 else text.rfind(form)
        if place >= 0:
            return f"{file}, line {text.count(chr(10), 0, place) + 1}"
    return str(file)


def _signs():
    """The characters that stand for the bytes, in GPT-2's order: all of them visible."""
    return [chr(b[0]) if i < 188 else chr(256 + i - 188) for i, b in enumerate(byte_tokens())]
