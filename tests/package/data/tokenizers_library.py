"""The tokenizers library as an oracle, and texts to hold ours against it."""

import ast
import inspect
import json
import random
import textwrap

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

from bigmodel_utils.data import GPT2_PIECES, PIECES, load_text


def dressed(model, pattern=PIECES):
    """A model of the library as a byte-level tokenizer that cuts by a pattern."""
    tokenizer = Tokenizer(model)
    if pattern == GPT2_PIECES:  # the library's own
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    else:
        split = pre_tokenizers.Split(Regex(pattern), "isolated")
        to_bytes = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence([split, to_bytes])
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def library(texts, vocab_size, pattern=PIECES, special_tokens=()):
    """The library's tokenizer, trained on a text or on several."""
    tokenizer = dressed(models.BPE(), pattern)
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        special_tokens=list(special_tokens),
    )
    tokenizer.train_from_iterator([texts] if isinstance(texts, str) else texts, trainer)
    return tokenizer


def library_of(tokenizer):
    """The library's tokenizer with the merges of one of ours."""
    visible = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    sign = {b: chr(b) for b in visible}
    for b in range(256):
        sign.setdefault(b, chr(0x100 + len(sign) - len(visible)))
    written = ["".join(sign[b] for b in token) for token in tokenizer.tokens]
    merges = [(written[a], written[b]) for a, b in tokenizer.merges]
    vocab = {name: i for i, name in enumerate(written)}
    return dressed(models.BPE(vocab, merges), tokenizer.pattern)


def library_merges(tokenizer):
    """The merges of the library's tokenizer as pairs of ids, in order."""
    model = json.loads(tokenizer.to_str())["model"]
    return [(model["vocab"][a], model["vocab"][b]) for a, b in model["merges"]]


def code():
    """Sources that come with Python, about 100 kB."""
    return "".join(map(inspect.getsource, (ast, json, random, textwrap, inspect)))


def english():
    return load_text()[:100_000]


def chinese(size, line, seed=0):
    """Characters in lines without spaces: words by a power law, so that merges are worth it."""
    draw = random.Random(seed)
    signs = [chr(0x4E00 + i) for i in range(3000)]
    lengths = [draw.choice([1, 2, 2, 3]) for _ in range(2000)]
    words = ["".join(draw.choices(signs, k=n)) for n in lengths]
    text = ""
    while len(text) < size:
        text += words[min(int(draw.paretovariate(0.9)) - 1, len(words) - 1)]
    return "\n".join(text[i : i + line] for i in range(0, size, line))
