"""Time to 98, 99 and 99.3 % on the whole of MNIST: ``training.fit`` against a bare loop.

    python benchmarks/mnist.py FOLDER [--seeds N] [--threads N] [--validate]

FOLDER holds MNIST's four IDX files, plain or gzipped. The recipe: a small network whose first
convolution has stride 2, label smoothing, random shifts of one pixel. It was tuned on a
validation part of the training set (``--validate`` measures there); the test set only reports.
The bare loop is the same recipe with nothing around it, so the ratio holds on any machine.
"""

import argparse
import statistics
import time

from _timing import timed

from bigmodel_utils.device import number_format, setup
from bigmodel_utils.numerics import finite

LR = 0.01
SMOOTHING = 0.1
# Accuracy in per cent: the training images used, epochs, batch size.
BUDGETS = {98.0: (12_000, 1, 64), 99.0: (60_000, 1, 128), 99.3: (60_000, 2, 256)}


def network():
    """Return a new network (b, 1, 28, 28) -> (b, 10) of about 60 thousand parameters."""
    from torch import nn

    return nn.Sequential(
        nn.Conv2d(1, 24, 5, stride=2, padding=2, bias=False),  # (b, 24, 14, 14)
        nn.BatchNorm2d(24),
        nn.ReLU(),
        nn.Conv2d(24, 32, 3, padding=1, bias=False),  # (b, 32, 14, 14)
        nn.MaxPool2d(2),  # (b, 32, 7, 7)
        nn.BatchNorm2d(32),
        nn.ReLU(),
        nn.Conv2d(32, 64, 3, padding=1, bias=False),  # (b, 64, 7, 7)
        nn.BatchNorm2d(64),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(64 * 7 * 7, 10),
    )


def bare_loop(model, x, y, *, epochs, batch_size, dtype, seed):
    """Train by the recipe with nothing around it: the yardstick."""
    import torch
    import torch.nn.functional as F

    model.to(memory_format=torch.channels_last).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=LR, weight_decay=0.0, fused=True)
    steps = epochs * -(-len(x) // batch_size)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, LR, total_steps=steps + 1, cycle_momentum=False
    )
    generator = torch.Generator().manual_seed(seed)
    for epoch in range(epochs):
        chunks = torch.randperm(len(x), generator=generator).split(batch_size)
        for number, chunk in enumerate(chunks):
            b = len(chunk)
            top, left = torch.randint(0, 3, (2, b), generator=generator)
            windows = F.pad(x[chunk], (1, 1, 1, 1)).unfold(2, 28, 1).unfold(3, 28, 1)
            batch = windows[torch.arange(b), :, top, left]
            with torch.autocast("cpu", torch.bfloat16, enabled=dtype == torch.bfloat16):
                logits = model(batch)
            loss = F.cross_entropy(logits.float(), y[chunk], label_smoothing=SMOOTHING)
            finite(loss, f"epoch {epoch + 1}, step {number + 1}: the loss")
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    model.eval()


def book_loop(model, x, y, *, epochs, batch_size, dtype, seed):
    """Train by the recipe with the book's loop."""
    from bigmodel_utils.data import random_shift
    from bigmodel_utils.training import fit

    fit(
        model,
        (x, y),
        epochs=epochs,
        batch_size=batch_size,
        lr=LR,
        label_smoothing=SMOOTHING,
        augment=lambda x, generator: random_shift(x, 1, generator=generator),
        dtype=dtype,
        device="cpu",
        seed=seed,
        progress=False,
    )


def trained(loop, x, y, *, epochs, batch_size, dtype, seed):
    """Return a trained network and the CPU seconds of all threads that it took."""
    import torch

    torch.manual_seed(seed)
    model = network()
    options = {"epochs": epochs, "batch_size": batch_size, "dtype": dtype, "seed": seed}
    return model, timed(loop, model, x, y, clock=time.process_time, **options)[1]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--validate", action="store_true", help="hold out 5,000 training images")
    options = parser.parse_args()
    setup(0, threads=options.threads)

    from bigmodel_utils.data import load_mnist, split
    from bigmodel_utils.training import evaluate

    x, y, x_test, y_test = load_mnist(options.folder)
    if options.validate:
        (x, y), (x_test, y_test) = split(x, y, [len(x) - 5000, 5000])
    dtype = number_format("cpu")
    print(f"threads {options.threads}, format {dtype}, {len(x):,} images to train on")
    for loop in (bare_loop, book_loop):  # warm up
        trained(loop, x[:1024], y[:1024], epochs=1, batch_size=128, dtype=dtype, seed=0)
    for target, (images, epochs, batch_size) in BUDGETS.items():
        run = {"epochs": epochs, "batch_size": batch_size, "dtype": dtype}
        bare, book, accuracies = [], [], []
        for seed in range(options.seeds):
            bare.append(trained(bare_loop, x[:images], y[:images], seed=seed, **run)[1])
            model, seconds = trained(book_loop, x[:images], y[:images], seed=seed, **run)
            book.append(seconds)
            accuracies.append(100 * evaluate(model, (x_test, y_test), dtype=dtype).accuracy)
        ratio = statistics.median(a / b for a, b in zip(book, bare, strict=True))
        mean = statistics.mean(accuracies)
        print(
            f"{target} %: {'reached' if mean >= target else 'MISSED '} {mean:.2f} % "
            f"({min(accuracies):.2f} to {max(accuracies):.2f}) in "
            f"{statistics.median(book):.1f} CPU-s, {ratio:.2f} of the bare loop",
            flush=True,
        )


if __name__ == "__main__":
    main()
