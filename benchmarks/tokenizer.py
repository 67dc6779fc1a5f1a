"""Compare the byte-pair tokenizer with the tokenizers library: training, doubled text, encoding.

    python benchmarks/tokenizer.py [--text FILE] [--vocab-size N] [--rounds N] [--bytes N]

Texts: FILE, or sources of the standard library, joined and cut to 1 MB; and as much Chinese-like
text, drawn from a seeded power law of words without spaces, in lines of 60 and of 5,000
characters. Both sides cut text by the same pattern, learn the same merges and give the same
tokens; that is asserted. The library runs on one thread (RAYON_NUM_THREADS=1), without a progress
bar, from a string in memory. Times are CPU time of the process, rounds are interleaved, and the
median of the ratios is printed, in brackets the lowest and the highest.
"""

import argparse
import json
import os
import random
import statistics
import sysconfig
import time
from functools import partial
from pathlib import Path

from _timing import timed

GOAL_TRAINING = 5.0  # times the library's time
GOAL_DOUBLED = 2.6  # times the time of half the text; 2 is linear
GOAL_LONG = 1.0  # CPU-seconds to encode 100,000 letters without a space, once


def standard_library(size):
    """Return so many bytes of Python's own sources."""
    text, files = "", sorted(Path(sysconfig.get_path("stdlib")).glob("**/*.py"))
    for file in files:
        if "test" not in file.parts and "site-packages" not in file.parts:
            text += file.read_text(encoding="utf-8", errors="ignore")
        if len(text) >= size:
            break
    return cut(text, size)


def chinese_like(size, line):
    """Return so many bytes of characters in lines, words of one to four by a power law."""
    draw = random.Random(0)
    signs = [chr(0x4E00 + i) for i in range(4000)]
    draw.shuffle(signs)
    words = [
        "".join(signs[min(int(draw.paretovariate(0.7)), 3999)] for _ in range(length))
        for length in draw.choices([1, 2, 3, 4], weights=[1, 3, 1, 1], k=20_000)
    ]
    text, count = [], 0
    while 3 * count < size:
        text.append(words[min(int(draw.paretovariate(0.8)) - 1, len(words) - 1)])
        count += len(text[-1])
    text = "".join(text)
    return cut("\n".join(text[i : i + line] for i in range(0, len(text), line)), size)


def cut(text, size):
    """Return the first so many bytes of a text, without half a character."""
    return text.encode()[:size].decode(errors="ignore")


def library(text, vocab_size):
    """Train the tokenizers library's byte-level byte pairs on the same pieces."""
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

    from bigmodel_utils.data import PIECES

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


def ours(text, vocab_size):
    """Train the package's."""
    from bigmodel_utils.data import BytePairTokenizer

    return BytePairTokenizer.train(text, vocab_size)


cpu_timed = partial(timed, clock=time.process_time)


def check(mine, theirs, text):
    """Raise AssertionError unless both have the same merges and give the same tokens."""
    model = json.loads(theirs.to_str())["model"]
    merges = [(model["vocab"][a], model["vocab"][b]) for a, b in model["merges"]]
    assert list(mine.merges) == merges, "the merges differ"
    ids = mine.encode(text)
    assert ids == theirs.encode(text).ids, "the tokens differ"
    assert mine.decode(ids) == text, "the text does not come back"
    mine._seen.clear()  # what comes next finds no piece known


def ratios(pairs):
    """Return the median of ratios, and in words it with the lowest and highest."""
    values = sorted(a / b for a, b in pairs)
    median = statistics.median(values)
    return median, f"{median:.2f} ({values[0]:.2f} to {values[-1]:.2f})"


def verdict(value, goal):
    return f"goal at most {goal:g}: {'reached' if value <= goal else 'MISSED'}"


def compare(name, text, options):
    """Print the training times, their ratio, that of a doubled text, and encoding speeds."""
    half, size = cut(text, len(text.encode()) // 2), len(text.encode()) / 1e6
    whole, halves, theirs, encoding, decoding, other = [], [], [], [], [], []
    for _ in range(options.rounds):
        mine, seconds = cpu_timed(ours, text, options.vocab_size)
        whole.append(seconds)
        their, seconds = cpu_timed(library, text, options.vocab_size)
        theirs.append(seconds)
        halves.append(cpu_timed(ours, half, options.vocab_size)[1])
        check(mine, their, text)
        ids, seconds = cpu_timed(mine.encode, text)
        encoding.append(seconds)
        decoding.append(cpu_timed(mine.decode, ids)[1])
        other.append(cpu_timed(their.encode, text)[1])
    times = [statistics.median(t) for t in (whole, theirs, encoding, decoding, other)]
    print(f"{name}: {size:.2f} MB, {mine.vocab_size:,} tokens, {len(ids):,} to encode it; the same")
    median, words = ratios(zip(whole, theirs, strict=True))
    print(
        f"  training {times[0]:.2f} s, tokenizers {times[1]:.2f} s: ratio {words}, "
        f"{verdict(median, GOAL_TRAINING)}"
    )
    median, words = ratios(zip(whole, halves, strict=True))
    print(f"  twice the text: ratio {words} of times, {verdict(median, GOAL_DOUBLED)}")
    print(
        f"  encoding {size / times[2]:.2f} MB/s, tokenizers {size / times[4]:.2f}; "
        f"decoding {size / times[3]:.1f} MB/s",
        flush=True,
    )


def long_pieces():
    """Print the time to encode text that is one piece, by merges learnt from other text of it."""
    draw = random.Random(1)
    letters = ["".join(draw.choices("etaoinshr", k=100_000)) for _ in range(2)]
    texts = {
        "100,000 letters without a space": letters,
        "20,000 characters in lines of 5,000": [chinese_like(n, 5000) for n in (300_000, 60_000)],
    }
    for name, (training, text) in texts.items():
        seconds = cpu_timed(ours(training, 2000).encode, text)[1]
        print(f"{name}: encoded in {seconds:.2f} s, {verdict(seconds, GOAL_LONG)}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--text", type=Path, help="a UTF-8 file instead of Python's sources")
    parser.add_argument("--vocab-size", type=int, default=8192)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--bytes", type=int, default=1_000_000, help="of each text, at most")
    options = parser.parse_args()
    if options.rounds < 1 or options.vocab_size < 257 or options.bytes < 1000:
        parser.error("expected at least 1 round, 257 tokens and 1000 bytes")
    os.environ.update(RAYON_NUM_THREADS="1", TOKENIZERS_PARALLELISM="false")  # before it starts
    import tokenizers

    ours("warm up", 257)  # imports torch
    print(f"one thread, tokenizers {tokenizers.__version__}, vocabulary of {options.vocab_size:,}")
    if options.text:
        text = cut(options.text.read_text(encoding="utf-8"), options.bytes)
        compare(options.text.name, text, options)
    else:
        compare("Python's sources", standard_library(options.bytes), options)
    for line in (60, 5000):
        compare(f"Chinese-like, lines of {line:,}", chinese_like(options.bytes, line), options)
    long_pieces()


if __name__ == "__main__":
    main()
