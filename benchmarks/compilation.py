"""When does compiling a training step pay? A small language model, eager and compiled.

    python benchmarks/compilation.py [--steps N] [--rounds N] [--modes MODE ...]

The language model of page 5.1 (4.3's text, four blocks of width 48, 16 rows of 64 characters a
step, AdamW at 0.01, float32) is trained with its forward and backward pass as they are and
compiled by ``torch.compile``, in its default mode and in one that tries several ways of every
product. Before a compiled model is timed, its outputs, loss and gradients on the first batch are
held against the eager ones. Printed are the CPU-seconds of the first step, which compiles, over an
eager one; eager CPU-seconds over compiled ones a step, median of interleaved rounds; the number of
steps after which compiling has paid; and how far the held-out losses lie apart at the end. One
thread; time is the CPU time of the process and of the compilers that it starts; nothing is taken
from an earlier run's cache. It needs a C++ compiler.
"""

import argparse
import copy
import math
import os
import resource
import shutil
import statistics
import sys
import tempfile

from _timing import timed

from bigmodel_utils.device import setup
from bigmodel_utils.numerics import disagreement

GOAL = 1.2
LOSSES_APART = 0.05


def clock():
    """Return the CPU-seconds of this process and of its children that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


class Training:
    """A model with its optimiser and its own stream of batches."""

    def __init__(self, model, run, rows):
        import torch

        self.model, self.run, self.rows = model, run, rows
        self.optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
        self.generator = torch.Generator().manual_seed(0)

    def step(self):
        """Take one step; a loss that is not finite stops everything."""
        import torch

        chosen = torch.randint(len(self.rows[0]) - 64, (16,), generator=self.generator)
        self.optimizer.zero_grad()
        value = loss(self.run, *(part[chosen] for part in self.rows))
        value.backward()
        self.optimizer.step()
        if not math.isfinite(value.item()):
            sys.exit(f"compilation.py: expected a finite loss, got {value.item()}")

    def held_out(self):
        """Return the loss on the 64 rows that no step draws, always eager."""
        import torch

        with torch.no_grad():
            return loss(self.model, *(part[-64:] for part in self.rows)).item()


def loss(run, x, y):
    """Return the mean cross-entropy in nats; x and y: (b, t)."""
    import torch.nn.functional as F

    return F.cross_entropy(run(x).flatten(0, 1), y.flatten())


def first_batch(run, model, x, y):
    """Return outputs, loss and gradients of every weight on one batch."""
    import torch
    import torch.nn.functional as F

    outputs = run(x)
    value = F.cross_entropy(outputs.flatten(0, 1), y.flatten())
    gradients = torch.autograd.grad(value, list(model.parameters()))
    named = {f"gradient {i}": g for i, g in enumerate(gradients)}
    return {"outputs": outputs.detach().clone(), "loss": value.detach().clone()} | named


def start():
    """Return the untrained model and its rows: inputs and targets, (n, 64) each."""
    import torch

    from bigmodel_utils import data, models

    text = data.load_text()[:400_000]
    tokenizer = data.CharTokenizer(text)
    row = torch.tensor(tokenizer.encode(text))
    rows = [part.contiguous() for part in data.windows(row, 64)]
    torch.manual_seed(0)
    sizes = dict(context=64, d_model=48, num_layers=4, num_heads=4)
    model = models.GPT(tokenizer.vocab_size, **sizes)
    torch.nn.init.normal_(model.embedding.weight, std=0.5)
    return model, rows


def compared(mode, fresh, rows, steps, rounds):
    """Compile in one mode, check, train both and print what it costs and brings."""
    import torch

    torch.compiler.reset()
    some = [part[:16] for part in rows]
    eager, other = (copy.deepcopy(fresh) for _ in range(2))
    run = torch.compile(other, mode=mode)
    compiled, plain = Training(other, run, rows), Training(eager, eager, rows)
    plain.step()
    first_plain = timed(plain.step, clock=clock)[1]
    first = timed(lambda: loss(run, *some).backward(), clock=clock)[1]
    other.zero_grad()
    problem = disagreement(first_batch(run, other, *some), first_batch(fresh, fresh, *some))
    if problem is not None:
        print(f"{mode}: WRONG on the first batch, not timed: {problem}")
        return False
    compiled.step()
    compiled.step()  # as many as the eager one has taken
    each, gains, taken = max(1, (steps - 2) // rounds), [], []
    for _ in range(rounds):
        seconds = [timed(who.step, number=each, clock=clock)[1] for who in (plain, compiled)]
        gains.append(seconds[0] / seconds[1])
        taken.append(seconds)
    gain = statistics.median(gains)
    plain_step, short_step = (statistics.median(column) for column in zip(*taken, strict=True))
    reached = "reached" if gain >= GOAL else "MISSED"
    print(f"{mode}: first step {first:.1f} CPU-s, {first / first_plain:.0f} eager steps")
    print(
        f"{mode}: {1000 * plain_step:.1f} ms a step eager, {1000 * short_step:.1f} compiled, "
        f"{gain:.2f} times as fast, goal {GOAL}: {reached}"
    )
    if gain > 1:
        pays = first / (plain_step - plain_step / gain)
        print(f"{mode}: pays after {pays:,.0f} steps, {pays * plain_step:.0f} CPU-s of eager ones")
    else:
        print(f"{mode}: never pays")
    losses = plain.held_out(), compiled.held_out()
    apart = abs(losses[0] - losses[1])
    verdict = "agree" if apart < LOSSES_APART else "DISAGREE"
    taken_steps = 2 + each * rounds
    print(
        f"{mode}: held-out loss after {taken_steps} steps {losses[0]:.3f} eager, "
        f"{losses[1]:.3f} compiled: {verdict}",
        flush=True,
    )
    return apart < LOSSES_APART


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--modes", nargs="+", default=["default", "max-autotune-no-cudagraphs"])
    options = parser.parse_args()
    if min(options.steps, options.rounds) < 1:
        parser.error("expected at least one step and one round")
    if shutil.which(os.environ.get("CXX", "g++")) is None:
        sys.exit("compilation.py: needs a C++ compiler, found no g++")
    setup(0, threads=1)
    import torch

    print(f"threads 1, torch {torch.__version__}, {torch.backends.cpu.get_cpu_capability()}")
    fresh, rows = start()
    good = [compared(mode, fresh, rows, options.steps, options.rounds) for mode in options.modes]
    return int(not all(good))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as cache:
        os.environ["TORCHINDUCTOR_CACHE_DIR"] = cache
        os.environ["TORCHINDUCTOR_COMPILE_THREADS"] = "1"  # no workers whose time is not seen
        sys.exit(main())
