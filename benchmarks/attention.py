"""Compare ways to compute attention: explicit, tiled and PyTorch's fused kernel.

    python benchmarks/attention.py [--rounds N] [--threads N] [--length N]

``explicit`` holds all scores, ``tiled`` is ``bigmodel_utils.tiled_attention``, ``fused`` is
``scaled_dot_product_attention``. Rounds are interleaved, so that another load on the machine hits
all ways alike; the median of the ratios is printed and, in brackets, their quartiles. With one
thread, the default, time is the process's CPU time, else time on the wall. Peak memory is given
twice: the bytes of all tensors that were alive together (``memory.peak_bytes``; buffers inside a
kernel are not seen), and by how much a fresh process grew (its largest resident size, everything
included; read from /proc, so on Linux). Every way is checked against the explicit one, gradients
included, before it is timed.
"""

import argparse
import multiprocessing
import re
import statistics
from pathlib import Path

from _timing import timed

from bigmodel_utils.device import setup

B, HEADS, D_HEAD = 1, 4, 64
WAYS = ("explicit", "tiled", "fused")
GOAL_SPEED, GOAL_MEMORY = 3.0, 0.1


def way(name):
    """Return causal attention of q, k, v (b, n, t, d) by this name."""
    import torch

    from bigmodel_utils.models import tiled_attention

    def explicit(q, k, v):
        t = q.shape[-2]
        hidden = torch.ones(t, t, dtype=torch.bool).triu(1)
        scores = (q * q.shape[-1] ** -0.5) @ k.mT
        if not scores.requires_grad:  # as careful as it can be: masked in place
            return scores.masked_fill_(hidden, -torch.inf).softmax(-1) @ v
        return scores.masked_fill(hidden, -torch.inf).softmax(-1) @ v

    def fused(q, k, v):
        return torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)

    def tiled(q, k, v):
        return tiled_attention(q, k, v, causal=True)

    return {"explicit": explicit, "tiled": tiled, "fused": fused}[name]


def case(length):
    """Return q, k, v and an upstream gradient, (b, n, t, d) each."""
    import torch

    generator = torch.Generator().manual_seed(0)
    shape = (B, HEADS, length, D_HEAD)
    q, k, v, grad = (torch.randn(*shape, generator=generator) for _ in range(4))
    return [x.requires_grad_() for x in (q, k, v)], grad


def forward(function, leaves, grad):
    """Run the forward pass alone, as evaluation does."""
    import torch

    with torch.no_grad():
        return [function(*leaves)]


def forward_and_backward(function, leaves, grad):
    """Run both passes."""
    import torch

    out = function(*leaves)
    return [out, *torch.autograd.grad(out, leaves, grad)]


def largest_size():
    """Return the largest resident size that this process ever had, in bytes; Linux only.

    Not ``resource.ru_maxrss``: a process inherits it from the one that started it.
    """
    line = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return 1024 * int(line[1])


def growth(name, passes, length, threads, answer):
    """Put by how many bytes this process grew; to be run in a fresh one."""
    setup(0, threads=threads)
    passes(way(name), *case(16))  # loads what is loaded once
    given = case(length)
    before = largest_size()
    passes(way(name), *given)
    answer.put(largest_size() - before)


def in_fresh_process(name, passes, length, threads):
    """Return what :func:`growth` measures."""
    context = multiprocessing.get_context("spawn")
    answer = context.Queue()
    process = context.Process(target=growth, args=(name, passes, length, threads, answer))
    process.start()
    process.join()
    if process.exitcode:
        raise RuntimeError(f"{name}: the process that measures memory ended with an error")
    return answer.get()


def seconds(passes, name, given):
    """Return the time of one call."""
    return timed(passes, way(name), *given)[1]


def check(length):
    """Raise AssertionError unless all ways agree in outputs and gradients, in float32."""
    import torch

    given = case(length)
    expected, *others = (forward_and_backward(way(name), *given) for name in WAYS)
    for other in others:
        for got, right in zip(other, expected, strict=True):
            scale = right.abs().max().item()
            torch.testing.assert_close(got, right, atol=1e-5 * scale, rtol=1e-4)


def compare(passes, length, rounds, threads):
    """Print time and memory of each way, and the ratios to the explicit one."""
    from bigmodel_utils.accounting import peak_bytes

    given = case(length)
    times = {name: [] for name in WAYS}
    for number in range(rounds):
        for name in WAYS[:: 1 if number % 2 == 0 else -1]:
            times[name].append(seconds(passes, name, given))
    held = {n: peak_bytes(lambda n=n: passes(way(n), *given)) for n in WAYS}
    grown = {n: in_fresh_process(n, passes, length, threads) for n in WAYS}
    for name in WAYS:
        pairs = zip(times["explicit"], times[name], strict=True)
        low, middle, high = statistics.quantiles([a / b for a, b in pairs], n=4)
        print(
            f"{passes.__name__.replace('_', ' '):20s} N {length}  {name:8s} "
            f"{1e3 * statistics.median(times[name]):8.0f} ms  speed {middle:5.2f} "
            f"({low:.2f}-{high:.2f})  tensors {held[name] / 1e6:6.1f} MB "
            f"({held[name] / held['explicit']:.3f})  process grew {grown[name] / 1e6:6.1f} MB "
            f"({grown[name] / grown['explicit']:.3f})",
            flush=True,
        )
        if name == "tiled" and passes is forward:
            verdict = middle, max(held[name] / held["explicit"], grown[name] / grown["explicit"])
    if passes is forward:
        speed, memory = verdict
        print(
            f"goal: tiled at least {GOAL_SPEED:g} times the speed: {speed >= GOAL_SPEED}; at most "
            f"{GOAL_MEMORY:g} of the memory, by either count: {memory <= GOAL_MEMORY}"
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--length", type=int, default=4096)
    options = parser.parse_args()
    if options.rounds < 2:
        parser.error("--rounds: expected at least 2")
    setup(0, threads=options.threads)
    import torch

    print(f"threads {options.threads}, float32, causal, torch {torch.__version__}")
    print(f"batch {B}, heads {HEADS}, head width {D_HEAD}; speed and memory against explicit")
    check(min(options.length, 512))
    for passes in (forward, forward_and_backward):
        compare(passes, options.length, options.rounds, options.threads)


if __name__ == "__main__":
    main()
