"""Compare ways to decode with a pretrained model, one row at a time: same file, same tokens.

    python benchmarks/pretrained.py [--rounds N] [--threads N] [--new-tokens N] [--prefill N]

The ways: the book's GPT with its cache, in float32; a lean pass with fused matrices, in float32,
laid out as this processor reads them faster; the same on the file's own 4-bit codes, which stay
packed, in bfloat16; the transformers library; and llama.cpp, where `llama_cpp` or `cyllama` brings
it. Rounds are interleaved, and the median of the ratios is printed. With one thread, the default,
time is the process's CPU time, else time on the wall. The ways in float32 must write the same
tokens; that of 4 bits rounds otherwise, so it is told how many tokens agree until the first that
differs. Then: the share of the measured read bandwidth that the float32 ways use; a prompt read at
once; and, in a fresh process each, the time to load the model and the time to the first token.
"""

import argparse
import copy
import importlib.util
import os
import statistics
import subprocess
import sys
import tempfile

from _timing import timed

from bigmodel_utils.device import number_format, setup

PROMPT = "The old bridge"  # short: the lean pass reads it token by token
ROPE_BASE = 100_000
# In a fresh process: what a first page needs from a cold start to its first token.
FIRST_TOKEN = """
import time
from bigmodel_utils.device import setup
setup(0, threads=1)
import torch
from bigmodel_utils import data, models
imported = time.process_time()
model, tokenizer = models.load_pretrained(data.language_model_file())
loaded = time.process_time()
row = torch.tensor([tokenizer.encode("The capital of France is")])
with torch.no_grad():
    token = model(row)[0, -1].argmax()
print(loaded - imported, time.process_time(), tokenizer.decode([int(token)]))
"""


def ways(model, file, path):
    """Return {name: function (prompt, new_tokens) that returns tokens}, and the library's model."""
    import torch
    import transformers
    from _lean import CodedProducts, Lean

    from bigmodel_utils.models import generate, save_pretrained

    transformers.utils.logging.disable_progress_bar()
    with tempfile.TemporaryDirectory() as folder:
        save_pretrained(model, folder, rope_base=ROPE_BASE)
        library = transformers.AutoModelForCausalLM.from_pretrained(folder)

    def by_library(prompt, new_tokens):
        row = torch.tensor([prompt])
        options = dict(do_sample=False, max_new_tokens=new_tokens, pad_token_id=0)
        return library.generate(row, attention_mask=torch.ones_like(row), **options)[0].tolist()

    def by_book(prompt, new_tokens):
        return generate(model, torch.tensor([prompt]), new_tokens, temperature=0)[0].tolist()

    found = {
        "book, float32": by_book,
        "lean, float32": faster_layout(model).generate,
        "transformers, float32": by_library,
        "lean, 4 bits": Lean(model, CodedProducts(model, file), rope_base=ROPE_BASE).generate,
    }
    if importlib.util.find_spec("cyllama"):
        found["llama.cpp, 4 bits"] = by_cyllama(path)
    elif importlib.util.find_spec("llama_cpp"):
        found["llama.cpp, 4 bits"] = by_llama_cpp(path)
    else:
        print("llama.cpp: not installed")
    return found, library


def faster_layout(model):
    """Return the lean pass on float32 matrices, each kind in the layout that is faster here."""
    import torch
    import torch.nn.functional as F
    from _lean import FloatProducts, Lean

    kinds, took = FloatProducts.KINDS, {}
    for layout, columns in (("rows", ()), ("columns", kinds)):
        products = FloatProducts(model, by_columns=columns)
        for kind in kinds:
            weights = products.weights(kind)  # of all layers: no cache holds them
            x = torch.randn(1, weights[0].shape[1])
            work = lambda x=x, weights=weights: [F.linear(x, w) for w in weights]  # noqa: E731
            took[kind, layout] = min(timed(work)[1] for _ in range(5))
    gains = {kind: took[kind, "rows"] / took[kind, "columns"] for kind in kinds}
    said = ", ".join(f"{kind} {gain:.2f}" for kind, gain in gains.items())
    print(f"float32 matrices by columns, times as fast as by rows: {said}")
    columns = [kind for kind, gain in gains.items() if gain > 1]
    return Lean(model, FloatProducts(model, by_columns=columns), rope_base=ROPE_BASE)


def by_llama_cpp(path):
    """Return a greedy writer by llama.cpp, through llama-cpp-python."""
    import llama_cpp
    import torch

    llama = llama_cpp.Llama(model_path=str(path), n_threads=torch.get_num_threads(), verbose=False)

    def write(prompt, new_tokens):
        llama.reset()
        stream = llama.generate(prompt, temp=0.0)
        return [*prompt, *(next(stream) for _ in range(new_tokens))]

    return write


def by_cyllama(path):
    """The same through cyllama."""
    import cyllama.llama.llama_cpp as engine
    import torch

    engine.disable_logging()
    settings, options = engine.LlamaModelParams(), engine.LlamaContextParams()
    settings.n_gpu_layers = 0
    options.n_ctx, options.n_threads = 1024, torch.get_num_threads()
    options.n_threads_batch = options.n_threads
    model = engine.LlamaModel(path_model=str(path), params=settings)
    context = engine.LlamaContext(model=model, params=options)
    greedy = engine.LlamaSampler(engine.LlamaSamplerChainParams())
    greedy.add_greedy()

    def write(prompt, new_tokens):
        context.kv_cache_clear()
        context.decode(engine.llama_batch_get_one(list(prompt)))
        tokens = [*prompt, greedy.sample(context, -1)]
        while len(tokens) < len(prompt) + new_tokens:
            context.decode(engine.llama_batch_get_one(tokens[-1:], len(tokens) - 1))
            tokens.append(greedy.sample(context, -1))
        return tokens

    return write


def read_bandwidth(model):
    """Return the size of the weights in bytes, and the best rate seen of reading them, bytes/s."""
    weights = [p for p in model.parameters() if p.ndim == 2]  # the tied head is there once
    num_bytes = sum(w.numel() * w.element_size() for w in weights)
    seconds = min(timed(lambda: [w.sum() for w in weights])[1] for _ in range(7))
    return num_bytes, num_bytes / seconds


def reading(model, library, num_tokens, rounds):
    """Print how fast a prompt is read at once."""
    import torch

    row, ways = torch.randint(17, 49_152, (1, num_tokens)), {"float32": model}
    if number_format("cpu") is torch.bfloat16:
        ways["bfloat16"] = copy.deepcopy(model).bfloat16()
    plain = model(row)
    for name, own in ways.items():
        logits, times = own(row).float(), []
        assert logits.isfinite().all(), name
        agreed = (logits.argmax(-1) == plain.argmax(-1)).double().mean().item()
        for _ in range(rounds):
            times.append((timed(own, row)[1], timed(library, row)[1]))
        ratio = statistics.median(other / mine for mine, other in times)
        speed = num_tokens / statistics.median(mine for mine, _ in times)
        print(
            f"reading {num_tokens} tokens at once, {name}: {speed:.0f} tokens/s, {ratio:.2f} times "
            f"as fast as transformers in float32; {agreed:.1%} of the likeliest tokens the same"
        )


def first_token():
    """Print the CPU time from a cold start to the first token, and that of loading."""
    command, took = [sys.executable, "-c", FIRST_TOKEN], []
    for _ in range(3):
        found = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
        took.append((float(found[0]), float(found[1])))
    loading, whole = (min(column) for column in zip(*took, strict=True))
    print(f"from a cold start: first token after {whole:.1f} CPU-s (goal 8), of which loading "
          f"{loading:.1f} (goal 2)")  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--new-tokens", type=int, default=48)
    parser.add_argument("--prefill", type=int, default=512)
    options = parser.parse_args()
    if options.rounds < 1 or not 1 <= options.new_tokens <= 400:
        parser.error("--rounds: expected at least 1, --new-tokens: 1 to 400")
    setup(0, threads=options.threads)
    os.environ["HF_HUB_OFFLINE"] = "1"
    import torch

    from bigmodel_utils import data, models

    torch.set_grad_enabled(False)
    path = data.language_model_file()
    model, tokenizer = models.load_pretrained(path)
    found, library = ways(model, models.GGUF(path), path)
    prompt, written, times = tokenizer.encode(PROMPT), {}, {name: [] for name in found}
    for number in range(options.rounds + 1):  # the first warms up
        for name in found if number % 2 == 0 else reversed(found):
            written[name], seconds = timed(found[name], prompt, options.new_tokens)
            if number:
                times[name].append(seconds)
    print(f"threads {options.threads}, torch {torch.__version__}, {options.new_tokens} new tokens")
    plain = "book, float32"
    for name, seconds in times.items():
        ratio = statistics.median(a / b for a, b in zip(times[plain], seconds, strict=True))
        equal = [a == b for a, b in zip(written[name], written[plain], strict=True)]
        equal = equal[len(prompt) :]
        if "float32" in name:
            assert all(equal), f"{name}: other tokens than the book's"
        same = equal.index(False) if False in equal else len(equal)
        speed = options.new_tokens / statistics.median(seconds)
        print(f"{name}: {speed:.1f} tokens/s, {ratio:.2f} times the book's; {same} tokens the same")
    num_bytes, bandwidth = read_bandwidth(model)
    for name in (plain, "lean, float32"):
        reached = num_bytes * options.new_tokens / statistics.median(times[name])
        print(
            f"{name}: {reached / bandwidth:.0%} of the measured read bandwidth, "
            f"{bandwidth / 1e9:.1f} GB/s"
        )
    reading(model, library, options.prefill, options.rounds)
    first_token()


if __name__ == "__main__":
    main()
