"""Loss of a small language model after 60 CPU-seconds: nanoGPT's CPU recipe against the book's.

    python benchmarks/language.py [--text FILE] [--seconds S] [--threads N] [--seed N]
                                  [--validate] [--eager] [--no-counts]

Both train a Transformer of 4 layers and 128 features on the characters of the same text (by default
``text.load_text()``); the loss is that of the last tenth, which nobody trains on, in nats a
character. The plain recipe is nanoGPT's for a CPU: 12 rows of 64, AdamW, float32, nothing compiled.
It runs twice, with the cosine over 2,000 steps, as published, and over the steps that fit.

The book's recipe mixes nine probabilities of the next character: the network's, and those by counts
of what followed the last 0, 1, .. 7 characters in the training text, smoothed by equation
(def-lm-ngram) of the book's page "A language model". Nine further outputs of the network say how
far to trust each, together with how often those last characters occurred. As the counts would know
the rows that they are trained with by heart, each tenth of the training text is predicted by counts
of the other nine, and the held-out part by those of the whole training text. In a megabyte there
are about 1.6 million counts, looked up and never multiplied; the mixture adds 2,376 parameters to
the Transformer's 813,000. A row's first characters are predicted by counts with the text before it.

The strongest simple rival is printed too: the counts without any network, mixed by weights of how
often the last characters occurred. The book's mixture starts with these weights. ``--no-counts``
trains the book's network alone. The book's recipe runs for the whole time and for 1/8.3 of it, with
its schedule scaled to fit: if the short run ends below the plain recipe's last loss, it is more
than eight times as fast.

The clock counts the CPU seconds of all threads in counting and in training, but neither evaluation
nor compilation, whose CPU seconds (those of the C++ compiler too) are printed and added in a second
ratio. ``--validate`` cuts the held-out tenth off and holds out the tenth before it: for tuning.
``--eager`` compiles nothing.

The book's recipe computes in the first of these ways that the machine has and whose loss and
gradients of the first batch agree with the last one's: compiled bfloat16, bfloat16, compiled
float32, float32. On some processors with AVX-512, PyTorch 2.13's compiled bfloat16 returns NaN for
gradients. A loss that is not finite ends the benchmark with the number of its step.
"""

import argparse
import math
import os
import shutil
import sys
import tempfile
import time
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import partial

from bigmodel_utils.device import number_format, setup
from bigmodel_utils.numerics import finite, sound_way

NUM_LAYERS, D_MODEL = 4, 128
# nanoGPT's README, "I only have a macbook"; warm_up and decay are steps.
PLAIN = {
    "num_heads": 4, "rows": 12, "length": 64, "lr": 1e-3, "last_lr": 1e-4, "warm_up": 100,
    "decay": 2000,
}  # fmt: skip
# Chosen on held-out parts of two English texts, not of the default one; warm_up is a share of
# the time.
BOOK = {
    "num_heads": 2, "rows": 8, "length": 128, "muon_lr": 0.014, "momentum": 0.8, "adamw_lr": 0.02,
    "betas": (0.9, 0.95), "embedding_std": 0.5, "warm_up": 0.1,
}  # fmt: skip
# Chosen on one English text: runs of 0 to 7 characters before each one that is predicted.
COUNTS = {"lengths": 8, "strength": 4.0, "parts": 10, "steps": 100, "batch": 4096, "lr": 0.1}
GOAL_LOSS, GOAL_SPEED = 0.76, 8.0  # share of the plain recipe's loss; times as fast to it
SHORT = 1 / 8.3  # share of the time: a little less than the goal's, as a step may jut out
CHECKS = 20  # losses measured in a run, the last one included


@dataclass
class Run:
    """What a training run left behind."""

    steps: int = 0
    tokens: int = 0
    seconds: float = 0.0
    losses: list = field(default_factory=list)  # (CPU seconds, held-out loss)

    @property
    def loss(self):
        return self.losses[-1][1]


def plain_gpt(vocab_size, context):
    """Return nanoGPT's model without dropout and biases, written plainly."""
    import torch
    import torch.nn.functional as F
    from torch import nn

    class PlainBlock(nn.Module):
        def __init__(self):
            super().__init__()
            self.norm1, self.norm2 = (nn.LayerNorm(D_MODEL, bias=False) for _ in range(2))
            self.qkv = nn.Linear(D_MODEL, 3 * D_MODEL, bias=False)
            self.projection = nn.Linear(D_MODEL, D_MODEL, bias=False)
            self.up = nn.Linear(D_MODEL, 4 * D_MODEL, bias=False)
            self.down = nn.Linear(4 * D_MODEL, D_MODEL, bias=False)

        def forward(self, x):
            b, t, d = x.shape
            qkv = self.qkv(self.norm1(x)).view(b, t, 3, PLAIN["num_heads"], -1)
            q, k, v = qkv.permute(2, 0, 3, 1, 4)  # (b, n, t, d_head) each
            out = F.scaled_dot_product_attention(q, k, v, is_causal=True)
            x = x + self.projection(out.transpose(1, 2).reshape(b, t, d))
            return x + self.down(F.gelu(self.up(self.norm2(x))))

    class PlainGPT(nn.Module):
        def __init__(self):
            super().__init__()
            self.tokens = nn.Embedding(vocab_size, D_MODEL)
            self.positions = nn.Embedding(context, D_MODEL)
            self.blocks = nn.Sequential(*(PlainBlock() for _ in range(NUM_LAYERS)))
            self.norm = nn.LayerNorm(D_MODEL, bias=False)
            self.head = nn.Linear(D_MODEL, vocab_size, bias=False)
            self.head.weight = self.tokens.weight
            for name, p in self.named_parameters():
                if p.ndim == 2:
                    ends_branch = name.endswith(("projection.weight", "down.weight"))
                    std = 0.02 / math.sqrt(2 * NUM_LAYERS) if ends_branch else 0.02
                    nn.init.normal_(p, std=std)

        def forward(self, tokens):
            x = self.tokens(tokens) + self.positions(torch.arange(tokens.shape[1]))
            return self.head(self.norm(self.blocks(x)))

    return PlainGPT()


def clocked(seconds, step, evaluate, checks=1, spent=0.0):
    """Call ``step(number, share of the time)`` until the time is over; return the Run.

    A step returns its loss and how many tokens it took. ``evaluate()``, off the clock, is called at
    the end and ``checks - 1`` times before. The clock starts at ``spent``; one step is made anyway.
    """
    run, next_check = Run(seconds=spent), seconds / checks
    while not run.steps or run.seconds < seconds:
        start = time.process_time()
        loss, tokens = step(run.steps, (run.seconds - spent) / (seconds - spent))
        finite(loss, f"step {run.steps + 1}: the loss")
        run.seconds += time.process_time() - start
        run.steps, run.tokens = run.steps + 1, run.tokens + tokens
        if run.seconds >= min(next_check, seconds):
            held_out = finite(evaluate(), f"after step {run.steps}: the held-out loss")
            run.losses.append((run.seconds, held_out))
            next_check = run.seconds + seconds / checks
    return run


def mean_loss(loss_of, *parts):
    """Return the mean of ``loss_of`` over all rows, in float32 and eagerly; parts[0] are inputs."""
    import torch

    with torch.no_grad():
        losses = [
            loss_of(*rows) * rows[0].numel()
            for rows in zip(*(part.split(64) for part in parts), strict=True)
        ]
    return sum(losses).item() / parts[0].numel()


def plain_run(tokens, held_out, vocab_size, seconds, *, over_budget, seed):
    """Train by nanoGPT's CPU recipe; the cosine spans 2,000 steps or, over_budget, all time."""
    import torch
    import torch.nn.functional as F

    from bigmodel_utils.data import windows

    torch.manual_seed(seed)
    rows, length, warm_up = PLAIN["rows"], PLAIN["length"], PLAIN["warm_up"]
    model = plain_gpt(vocab_size, length)
    matrices = [p for p in model.parameters() if p.ndim >= 2]
    gains = [p for p in model.parameters() if p.ndim < 2]
    groups = [{"params": matrices, "weight_decay": 0.1}, {"params": gains, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=PLAIN["lr"], betas=(0.9, 0.99))
    x, y = windows(tokens, length, stride=1)
    warmed = 0.0  # share of the time when the warm-up ended

    def rate(number, share):
        nonlocal warmed
        if number < warm_up:
            warmed = share
            return PLAIN["lr"] * (number + 1) / (warm_up + 1)
        if over_budget:
            progress = (share - warmed) / (1 - warmed)
        else:
            progress = min(1.0, (number - warm_up) / (PLAIN["decay"] - warm_up))
        wave = (1 + math.cos(math.pi * progress)) / 2
        return PLAIN["last_lr"] + (PLAIN["lr"] - PLAIN["last_lr"]) * wave

    def loss_of(x, y):
        return F.cross_entropy(model(x).flatten(0, 1), y.flatten())

    def step(number, share):
        for group in optimizer.param_groups:
            group["lr"] = rate(number, share)
        chosen = torch.randint(len(x), (rows,))
        loss = loss_of(x[chosen], y[chosen])
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        return loss.detach(), rows * length

    rows_held_out = windows(held_out, length)
    return clocked(seconds, step, lambda: mean_loss(loss_of, *rows_held_out))


def counted(tokens, held_out, vocab_size):
    """Return what counts say of each token but the first, for both texts: (log_p, seen) each.

    Both are (n - 1, lengths). ``log_p[i, k]`` is ln of token i + 1's probability by how often it
    followed the k tokens before it, mixed with shorter runs as equation (def-lm-ngram) of the
    book's page "A language model" has it; ``seen``, how often those k tokens occurred, as
    ln(1 + count) / 4. Only training tokens are counted, and those of a token's own part of the
    training text not for it: the network learns how far counts of other text can be trusted.
    """
    import torch

    text, parts = torch.cat((tokens, held_out)), COUNTS["parts"]
    part = torch.arange(1, len(text)) * parts // len(tokens)  # of the token that is predicted
    part = part.clamp(max=parts)  # the held-out text is the last part, which nobody counts
    run = torch.zeros_like(part)  # the number of the run before it; 0 for the empty one

    def count(ids):
        cells = ids * (parts + 1) + part
        table = torch.bincount(cells, minlength=(int(ids.max()) + 1) * (parts + 1))
        table = table.view(-1, parts + 1)
        table[:, parts] = 0
        return table.sum(1)[ids] - table.flatten()[cells]

    p = torch.full((len(part),), 1 / vocab_size)
    log_p, seen = torch.empty(2, len(part), COUNTS["lengths"])
    for k in range(COUNTS["lengths"]):
        longer = torch.unique(run * vocab_size + text[1:], return_inverse=True)[1]
        occurred = count(run)
        p = (count(longer) + COUNTS["strength"] * p) / (occurred + COUNTS["strength"])
        log_p[:, k], seen[:, k] = p.log(), occurred.log1p() / 4
        run = torch.cat((run.new_zeros(1), longer[:-1] + 1))
    n = len(tokens)
    return (log_p[: n - 1], seen[: n - 1]), (log_p[n:], seen[n:])


def mixed_loss(log_p, shares):
    """Return the mean loss of a mixture of ways to predict (.., ways), by their shares' logits."""
    return -(shares.log_softmax(-1) + log_p).logsumexp(-1).mean()


def learn_trust(log_p, seen):
    """Return weights (lengths, lengths) of ``seen`` for the shares of the counts alone."""
    import torch

    trust = torch.zeros(seen.shape[1], log_p.shape[1], requires_grad=True)
    optimizer = torch.optim.Adam([trust])
    for number in range(COUNTS["steps"]):
        chosen = torch.randint(len(log_p), (COUNTS["batch"],))
        mixed_loss(log_p[chosen], seen[chosen] @ trust).backward()
        optimizer.param_groups[0]["lr"] = COUNTS["lr"] * (1 - number / COUNTS["steps"])
        optimizer.step()
        optimizer.zero_grad()
    return trust.detach()


def mixture(vocab_size):
    """Return a GPT whose further outputs share each prediction out between it and the counts."""
    import torch
    from torch import nn

    from bigmodel_utils.models import GPT

    class Mixture(nn.Module):
        def __init__(self):
            super().__init__()
            ways = COUNTS["lengths"] + 1
            self.gpt = GPT(
                vocab_size + ways, context=BOOK["length"], d_model=D_MODEL, num_layers=NUM_LAYERS,
                num_heads=BOOK["num_heads"],
            )  # fmt: skip
            nn.init.normal_(self.gpt.embedding.weight, std=BOOK["embedding_std"])
            self.trust = nn.Parameter(torch.zeros(ways - 1, ways))  # by what was seen

        def forward(self, x, y, log_p, seen, dtype=torch.float32):
            """Return the mean loss of the mixture."""
            with torch.autocast("cpu", torch.bfloat16, enabled=dtype == torch.bfloat16):
                outputs = self.gpt(x)
            logits, shares = outputs.float().tensor_split((vocab_size,), dim=-1)
            network = logits.log_softmax(-1).gather(-1, y[..., None])
            return mixed_loss(torch.cat((network, log_p), -1), shares + seen @ self.trust)

    return Mixture()


class Book:
    """The book's recipe, on one model that each run starts anew, so that it compiles once."""

    def __init__(self, tokens, held_out, vocab_size, *, ways, seed):
        import torch

        from bigmodel_utils.data import windows

        torch.manual_seed(seed)
        self.tokens, self.seed = tokens, seed
        self.model = mixture(vocab_size)
        before = time.process_time()
        self.known, known = counted(tokens, held_out, vocab_size)
        if COUNTS["lengths"]:
            trust = learn_trust(*self.known)
            self.model.trust.data[:, 1:] = trust
            self.counts_loss = mixed_loss(known[0], known[1] @ trust).item()
        self.count_seconds = time.process_time() - before
        rows = windows(held_out, BOOK["length"])
        used = rows[0].numel()
        self.held_out = *rows, *(part[:used].unflatten(0, rows[0].shape) for part in known)
        self.start = {name: value.clone() for name, value in self.model.state_dict().items()}
        before = sum(os.times()[:4])  # this process and those that it waited for
        self._choose(ways)
        self.compile_seconds = sum(os.times()[:4]) - before

    def _choose(self, ways):
        """Set ``loss`` to the first of ``ways`` (dtype, compiled) that the first batch clears."""
        import torch

        losses = {}
        for dtype, compiled in ways:
            name = f"{'compiled ' if compiled else ''}{str(dtype).removeprefix('torch.')}"
            loss = partial(self.model, dtype=dtype)
            losses[name] = torch.compile(loss) if compiled else loss
        batch = next(self._batches())
        refused = {}
        while True:  # one at a time, as compiling takes long
            *_, plain = losses
            first = next(name for name in losses if name not in refused)
            pair = {name: partial(losses[name], *batch) for name in dict.fromkeys((first, plain))}
            self.way, problems = sound_way(pair, dict(self.model.named_parameters()))
            if not problems:
                break
            refused |= problems
        self.loss, self.refused = losses[self.way], refused

    def _batches(self):
        """Yield batches without end: each epoch cuts the text into rows at another offset."""
        import torch

        length = BOOK["length"]
        generator = torch.Generator().manual_seed(self.seed)
        while True:
            offset = torch.randint(length, (), generator=generator)
            num_rows = (len(self.tokens) - 1 - offset) // length
            for chosen in torch.randperm(num_rows, generator=generator).split(BOOK["rows"]):
                if len(chosen) == BOOK["rows"]:
                    at = offset + chosen[:, None] * length + torch.arange(length)
                    yield self.tokens[at], self.tokens[at + 1], *(part[at] for part in self.known)

    def run(self, seconds, checks=1):
        """Train from the start for a time; return the Run."""
        import torch

        from bigmodel_utils.optim import Muon

        self.model.load_state_dict(self.start)
        self.model.zero_grad()
        hidden = [p for p in self.model.gpt.blocks.parameters() if p.ndim == 2]
        taken = {id(p) for p in hidden}
        others = [p for p in self.model.parameters() if id(p) not in taken]
        adamw = torch.optim.AdamW(others, betas=BOOK["betas"], weight_decay=0.0, fused=True)
        muon = Muon(hidden, momentum=BOOK["momentum"])
        optimizers = ((muon, BOOK["muon_lr"]), (adamw, BOOK["adamw_lr"]))
        batches = self._batches()

        def step(number, share):
            batch = next(batches)
            loss = self.loss(*batch)
            loss.backward()
            for optimizer, lr in optimizers:
                for group in optimizer.param_groups:
                    group["lr"] = lr * min(share / BOOK["warm_up"], 1 - share)
                optimizer.step()
                optimizer.zero_grad()
            return loss.detach(), batch[0].numel()

        evaluate = partial(mean_loss, self.model, *self.held_out)
        return clocked(seconds, step, evaluate, checks, self.count_seconds)


def report(name, run):
    """Print a run's line."""
    print(
        f"{name}: loss {run.loss:.3f} nats a character ({run.loss / math.log(2):.3f} bits) after "
        f"{run.seconds:.1f} CPU-s, {run.steps:,} steps, {run.tokens / run.seconds:,.0f} tokens/s",
        flush=True,
    )


def verdict(reached, goal):
    return f"goal {goal}: {'reached' if reached else 'MISSED'}"


def compare(plain, long, short, compile_seconds):
    """Print the ratio of the losses, and how many times as fast the book reaches plain's."""
    for name, run in plain.items():
        ratio = long.loss / run.loss
        print(
            f"held-out loss, book over {name!r}: {long.loss:.3f} / {run.loss:.3f} = {ratio:.3f}, "
            f"{verdict(ratio <= GOAL_LOSS, GOAL_LOSS)}"
        )
    for name, run in plain.items():
        crossed = next((s for s, loss in long.losses if loss <= run.loss), None)
        ended = short.seconds if short.loss <= run.loss else None
        for way, seconds in (("short run's end", ended), ("long run's crossing", crossed)):
            line = f"to the loss of {name!r}, {way}: "
            if seconds is None:
                print(f"{line}not reached, {verdict(False, GOAL_SPEED)}")
                continue
            ratio = run.seconds / seconds
            counted = run.seconds / (seconds + compile_seconds)
            print(
                f"{line}{ratio:.2f} times as fast, {verdict(ratio >= GOAL_SPEED, GOAL_SPEED)} "
                f"({counted:.2f} with compilation counted)"
            )


def load(path, *, validate):
    """Return (training tokens, held-out tokens, size of the vocabulary)."""
    import torch

    from bigmodel_utils.data import CharTokenizer, load_text, split_text

    text = load_text(path)
    training, held_out = split_text(text)
    if validate:
        training, held_out = split_text(training)
    tokenizer = CharTokenizer(text)
    return *(torch.tensor(tokenizer.encode(t)) for t in (training, held_out)), tokenizer.vocab_size


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--text", help="a file of UTF-8 text")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--validate", action="store_true", help="hold out the last but one tenth")
    parser.add_argument("--eager", action="store_true", help="compile nothing")
    parser.add_argument("--no-counts", action="store_true", help="the book's network alone")
    options = parser.parse_args()
    if options.no_counts:
        COUNTS["lengths"] = 0
    os.environ["TORCHINDUCTOR_COMPILE_THREADS"] = "1"  # else workers' time is not to be had
    setup(0, threads=options.threads)
    import torch

    compiled = not options.eager and shutil.which(os.environ.get("CXX", "g++")) is not None
    formats = list(dict.fromkeys((number_format("cpu"), torch.float32)))
    ways = [(dtype, way) for dtype in formats for way in ((True, False) if compiled else (False,))]
    tokens, held_out, vocab_size = load(options.text, validate=options.validate)
    print(
        f"threads {options.threads}, torch {torch.__version__}, {len(tokens):,} characters to "
        f"train on, {len(held_out):,} held out, {vocab_size} different"
    )
    run = {"vocab_size": vocab_size, "seed": options.seed}
    plain = {}
    for name, over_budget in (("plain, 2,000 steps", False), ("plain, all the time", True)):
        plain[name] = plain_run(tokens, held_out, seconds=options.seconds, over_budget=over_budget,
                                **run)  # fmt: skip
        report(name, plain[name])
    with tempfile.TemporaryDirectory() if compiled else nullcontext() as cache:
        if compiled:
            os.environ["TORCHINDUCTOR_CACHE_DIR"] = cache  # empty: compilation is paid in full
        book = Book(tokens, held_out, ways=ways, **run)
        for way, problem in book.refused.items():
            print(f"book: {way} not used, on the first batch it disagrees with float32: {problem}")
        print(f"book: {book.way}, compilation and check {book.compile_seconds:.1f} CPU-s")
        if not options.no_counts:
            print(
                f"counts alone: loss {book.counts_loss:.3f} nats a character after "
                f"{book.count_seconds:.1f} CPU-s"
            )
        short = book.run(options.seconds * SHORT)
        report("book, short", short)
        long = book.run(options.seconds, CHECKS)
        report("book, all the time", long)
    compare(plain, long, short, book.compile_seconds if compiled else 0.0)


if __name__ == "__main__":
    try:
        main()
    except FloatingPointError as error:
        sys.exit(f"language.py: {error}")
