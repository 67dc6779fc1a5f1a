"""Compare ``training.fit`` with a plain DataLoader loop: same model, batch size and optimiser.

    python benchmarks/fit.py [--pairs N] [--threads N]

Each pair runs one after the other on the same random data, so that another load on the machine
hits both; the median of the ratios is printed. With one thread, the default, seconds are the
process's CPU seconds, else seconds on the wall.
"""

import argparse
import statistics

from _timing import timed

from bigmodel_utils.device import number_format, setup
from bigmodel_utils.numerics import finite

TARGETS = {"article": 3.0, "article float32": 1.2, "mlp": 1.5}


def plain_loop(model, x, y, *, epochs, batch_size, lr):
    """Train as most tutorials do: a shuffling DataLoader, AdamW, single precision."""
    import torch
    from torch.utils.data import DataLoader, TensorDataset

    loader = DataLoader(TensorDataset(x, y), batch_size=batch_size, shuffle=True, num_workers=0)
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr, weight_decay=0.0)
    criterion = torch.nn.CrossEntropyLoss()
    model.train()
    for epoch in range(epochs):
        for number, (inputs, targets) in enumerate(loader):
            optimizer.zero_grad()
            loss = criterion(model(inputs), targets)
            finite(loss, f"epoch {epoch + 1}, step {number + 1}: the loss")
            loss.backward()
            optimizer.step()


def book_loop(model, x, y, *, epochs, batch_size, lr, dtype):
    """Train with the book's loop."""
    from bigmodel_utils.training import fit

    fit(model, (x, y), epochs=epochs, batch_size=batch_size, lr=lr, dtype=dtype, device="cpu",
        progress=False)  # fmt: skip


def seconds(loop, make, *args, **kwargs):
    """Return the time of one run on a new model."""
    return timed(loop, make(), *args, **kwargs)[1]


def compare(name, make, x, y, *, unit, pairs, epochs, target, dtype=None, batch_size=128):
    """Time interleaved pairs and print the median ratio."""
    options = {"epochs": epochs, "batch_size": batch_size, "lr": 1e-3}
    seconds(plain_loop, make, x[:1000], y[:1000], **{**options, "epochs": 1})
    seconds(book_loop, make, x[:1000], y[:1000], dtype=dtype, **{**options, "epochs": 1})
    count = epochs * (len(x) if unit == "images" else -(-len(x) // batch_size))
    plain, book = [], []
    for pair in range(pairs):
        runs = [(plain, plain_loop, {}), (book, book_loop, {"dtype": dtype})]
        for times, loop, extra in runs if pair % 2 == 0 else runs[::-1]:
            times.append(seconds(loop, make, x, y, **options, **extra))
    ratio = statistics.median(p / b for p, b in zip(plain, book, strict=True))
    rates = (count / statistics.median(times) for times in (plain, book))
    print(
        f"{name:45s} plain {next(rates):7,.0f} {unit}/s   fit {next(rates):7,.0f} {unit}/s   "
        f"ratio {ratio:.2f} (target {target:.1f})",
        flush=True,
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=7)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    setup(0, threads=options.threads)
    import torch

    from bigmodel_utils.models import MLP, ArticleCNN, RecognitionCNN

    generator = torch.Generator().manual_seed(0)
    x = torch.rand(2560, 1, 28, 28, generator=generator)
    y = torch.randint(0, 10, (2560,), generator=generator)
    fast = number_format("cpu")
    print(f"threads {options.threads}, fast format {fast}, torch {torch.__version__}")
    cnn = {"unit": "images", "pairs": options.pairs, "epochs": 1}
    target = TARGETS["article" if fast == torch.bfloat16 else "article float32"]
    compare("article's CNN as printed", ArticleCNN, x, y, target=target, **cnn)
    compare("the same in float32", ArticleCNN, x, y, dtype=torch.float32,
            target=TARGETS["article float32"], **cnn)  # fmt: skip
    compare("completed CNN (ReLU, batch norm)", RecognitionCNN, x, y, target=target, **cnn)
    small = x[:, :, ::4, ::4].reshape(-1, 49)
    for name, data, sizes in (
        ("two-layer MLP 784-128-10", x.flatten(1), [784, 128, 10]),
        ("two-layer MLP 49-32-10", small, [49, 32, 10]),
    ):
        compare(name, lambda sizes=sizes: MLP(sizes), data, y, unit="steps", pairs=options.pairs,
                epochs=20, target=TARGETS["mlp"])  # fmt: skip


if __name__ == "__main__":
    main()
