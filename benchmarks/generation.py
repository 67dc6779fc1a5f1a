"""Compare generation with the key-value cache and without: same model, same tokens.

    python benchmarks/generation.py [--rounds N] [--threads N] [--prompts N ...]
                                    [--new-tokens N] [--layers N] [--width N]

A GPT with random weights, of the language model page's size, continues one prompt by 256 tokens in
each way, greedily; the tokens must be the same. Rounds are interleaved, so that another load on the
machine hits both ways alike; the median of the ratios is printed and, in brackets, the lowest and
the highest. With one thread, the default, time is the process's CPU time, else time on the wall.
"""

import argparse
import statistics

from _timing import timed

from bigmodel_utils.device import setup

GOAL = 8.0
VOCAB_SIZE, NUM_HEADS = 96, 4


def make_model(*, context, d_model, num_layers):
    """Return a GPT whose layers that start at zero are random, so that all its parts matter."""
    import torch

    from bigmodel_utils.models import GPT

    model = GPT(
        VOCAB_SIZE, context=context, d_model=d_model, num_layers=num_layers, num_heads=NUM_HEADS
    )
    with torch.no_grad():
        for p in model.parameters():
            if p.ndim >= 2:
                p.normal_(std=p.shape[1] ** -0.5)
    return model.eval()


def compare(model, prompt, new_tokens, rounds):
    """Return the lists of seconds with and without the cache, of interleaved rounds."""
    import torch

    from bigmodel_utils.models import generate

    times = {True: [], False: []}
    for number in range(rounds):
        results = []
        for use_cache in (True, False) if number % 2 == 0 else (False, True):
            tokens, seconds = timed(
                generate, model, prompt, new_tokens, temperature=0, use_cache=use_cache
            )
            results.append(tokens)
            times[use_cache].append(seconds)
        assert torch.equal(*results), "the two ways wrote different tokens"
    return times[True], times[False]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--prompts", type=int, nargs="+", default=[1, 256], help="their lengths")
    parser.add_argument("--new-tokens", type=int, default=256)
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--width", type=int, default=128)
    options = parser.parse_args()
    if options.rounds < 1:
        parser.error("--rounds: expected at least 1")
    setup(0, threads=options.threads)
    import torch

    from bigmodel_utils.models import generate

    context = max(512, max(options.prompts) + options.new_tokens)
    model = make_model(context=context, d_model=options.width, num_layers=options.layers)
    print(
        f"threads {options.threads}, float32, torch {torch.__version__}, {options.layers} layers "
        f"of {options.width} features, context {context}, {options.new_tokens} new tokens"
    )
    generate(model, torch.zeros(1, 1, dtype=torch.int64), 8)  # warm up
    for length in options.prompts:
        prompt = torch.randint(VOCAB_SIZE, (1, length))
        cached, plain = compare(model, prompt, options.new_tokens, options.rounds)
        ratios = sorted(a / b for a, b in zip(plain, cached, strict=True))
        ratio = statistics.median(ratios)
        print(
            f"prompt of {length}: {options.new_tokens / statistics.median(cached):,.0f} tokens/s "
            f"with the cache, {options.new_tokens / statistics.median(plain):,.0f} without: "
            f"{ratio:.1f} times as fast ({ratios[0]:.1f} to {ratios[-1]:.1f}), goal {GOAL:.0f}: "
            f"{'reached' if ratio >= GOAL else 'MISSED'}; same tokens",
            flush=True,
        )


if __name__ == "__main__":
    main()
