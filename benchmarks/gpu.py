"""Train a GPT of 124 million parameters on a GPU: tokens a second, model FLOPs utilisation.

    python benchmarks/gpu.py [--text FILE] [--rows N] [--steps N] [--eager] [--smoke]

The size is GPT-2's small one: 12 layers, 768 features, 12 heads, rows of 1,024 tokens, 50,304
tokens, the output layer's weight shared with the embedding. It trains in bfloat16 with fused
attention, compiled, once with fused AdamW and once with Muon beside it. The tokens are the bytes of
the text (by default ``text.load_text()``), the smallest ones of the vocabulary: a step costs the
same whatever the tokens are, and the loss shows that it learns.

Model FLOPs utilisation is the arithmetic that a step needs by ``accounting.predict`` (the backward
pass twice the forward pass; attention counted in full, causal or not; the optimiser's own not
counted), over what the card multiplies in that time at the measured rate of a large product of
bfloat16 matrices. Without a GPU the script stops with an error; ``--smoke`` runs it on the CPU at a
tiny size, as a test that it runs.
"""

import argparse
import platform
import statistics
import sys
import time
from dataclasses import dataclass
from functools import partial

from bigmodel_utils.device import Stopwatch, choose_device, number_format, setup
from bigmodel_utils.numerics import finite, sound_way

GOAL = 0.45
WARM_UP = 5  # steps, compilation included, before the clock starts
LR = 1e-3


@dataclass(frozen=True)
class Size:
    """The sizes of a run."""

    num_layers: int = 12
    d_model: int = 768
    num_heads: int = 12
    context: int = 1024
    vocab_size: int = 50304
    product: int = 8192  # rows and columns of the product that measures the card


SMOKE = Size(num_layers=2, d_model=32, num_heads=2, context=32, vocab_size=256, product=256)


def make_model(size, device):
    """Return the GPT, its output layer sharing the embedding's weight."""
    import torch

    from bigmodel_utils.models import GPT

    model = GPT(
        size.vocab_size, context=size.context, d_model=size.d_model, num_layers=size.num_layers,
        num_heads=size.num_heads,
    )  # fmt: skip
    model.head.weight = model.embedding.weight
    for module in model.modules():
        if hasattr(module, "fused"):
            module.fused = True
    torch.manual_seed(0)
    return model.to(device)


def matrix_rate(n, device, dtype):
    """Return the FLOPs a second of a product of two (n, n) matrices, the best of five samples."""
    import torch

    a, b = torch.randn(2, n, n, device=device).to(dtype)
    rates = []
    for _ in range(6):  # the first warms up
        with Stopwatch(device) as watch:
            for _ in range(20):
                a @ b
        rates.append(20 * 2 * n**3 / watch.seconds)
    return max(rates[1:])


def train(model, tokens, optimizer_name, *, rows, steps, device, dtype, compiled):
    """Train; return the seconds of each step after the warm-up, the losses and how it computed.

    The way is the first of compiled in ``dtype``, eager in it, and eager in float32 whose loss and
    gradients agree with the last one's on one row.
    """
    import torch
    import torch.nn.functional as F

    from bigmodel_utils.optim import MuonAdamW

    def loss_of(x, y, dtype=dtype):
        with torch.autocast(device.type, dtype, enabled=dtype != torch.float32):
            logits = model(x)
        return F.cross_entropy(logits.float().flatten(0, 1), y.flatten())

    ways = {"eager": loss_of, "eager float32": partial(loss_of, dtype=torch.float32)}
    if compiled:
        ways = {"compiled": torch.compile(loss_of)} | ways
    row = tokens[: model.context + 1].repeat(2, 1)
    pairs = {name: partial(way, row[:, :-1], row[:, 1:]) for name, way in ways.items()}
    way, _ = sound_way(pairs, dict(model.named_parameters()))
    loss_of = ways[way]
    if optimizer_name == "muon":
        optimizer = MuonAdamW(model, LR)
    else:
        optimizer = torch.optim.AdamW(model.parameters(), LR, weight_decay=0.0, fused=True)
    places = torch.arange(model.context + 1, device=device)
    generator = torch.Generator(device).manual_seed(0)
    seconds, losses = [], []
    for number in range(WARM_UP + steps):
        with Stopwatch(device) as watch:
            starts = torch.randint(
                len(tokens) - model.context, (rows, 1), generator=generator, device=device
            )
            chosen = tokens[starts + places]  # (rows, context + 1)
            loss = loss_of(chosen[:, :-1], chosen[:, 1:])
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
        losses.append(finite(loss, f"step {number + 1}: the loss"))
        if number >= WARM_UP:
            seconds.append(watch.seconds)
    return seconds, losses, way


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--text", help="a file of UTF-8 text")
    parser.add_argument("--rows", type=int, default=32, help="rows of a step")
    parser.add_argument("--steps", type=int, default=30, help="steps on the clock")
    parser.add_argument("--eager", action="store_true", help="compile nothing")
    parser.add_argument("--smoke", action="store_true", help="a tiny size, on the CPU, eagerly")
    options = parser.parse_args()
    if min(options.rows, options.steps) < 1:
        parser.error("--rows, --steps: expected at least 1")
    device = setup(0)
    import torch

    if options.smoke:
        device = torch.device("cpu")
    elif device.type != "cuda":
        sys.exit(
            f"gpu.py: needs a CUDA GPU, found {choose_device().type} only; --smoke runs it at a "
            "tiny size on the CPU"
        )
    from bigmodel_utils.accounting import predict
    from bigmodel_utils.data import load_text

    size = SMOKE if options.smoke else Size()
    dtype = number_format(device)
    text = load_text(options.text).encode()
    tokens = torch.frombuffer(bytearray(text), dtype=torch.uint8).to(device, torch.int64)
    cost = predict(make_model(size, "cpu"), (options.rows, size.context))
    step_flops = 3 * cost.flops
    name = platform.processor() or platform.machine()
    if device.type == "cuda":
        name = torch.cuda.get_device_name(device)
    print(f"device {name}, {time.strftime('%Y-%m-%d')}, torch {torch.__version__}")
    print(f"command: python {' '.join(sys.argv)}")
    print(
        f"{cost.params / 1e6:.1f} M parameters, {options.rows} rows of {size.context} tokens, "
        f"{step_flops / 1e12:.3g} TFLOP a step, {dtype}"
    )
    rate = matrix_rate(size.product, device, dtype)
    print(f"matrix rate, {size.product:,} x {size.product:,}: {rate / 1e12:.3g} TFLOP/s")
    for optimizer in ("adamw", "muon"):
        seconds, losses, way = train(
            make_model(size, device), tokens, optimizer, rows=options.rows, steps=options.steps,
            device=device, dtype=dtype, compiled=not (options.eager or options.smoke),
        )  # fmt: skip
        median = statistics.median(seconds)
        share = step_flops / median / rate
        verdict = ""
        if not options.smoke:
            verdict = f" (goal {GOAL:.0%}: {'reached' if share >= GOAL else 'MISSED'})"
        print(
            f"{optimizer}: {options.rows * size.context / median:,.0f} tokens/s, "
            f"utilisation {share:.1%}{verdict}, loss {losses[0]:.2f} to {losses[-1]:.2f}, {way}",
            flush=True,
        )


if __name__ == "__main__":
    try:
        main()
    except FloatingPointError as error:
        sys.exit(f"gpu.py: {error}")
