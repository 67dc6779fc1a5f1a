"""Compare one process and several: data parallel training, a ring by hand, starting a group.

    python benchmarks/distributed.py [--rounds N] [--steps N] [--images N] [--megabytes S]

The work is the book's CNN on random images: two processes of one thread under
DistributedDataParallel against one process with two threads, at the same images a step in all, and
at twice as many (weak scaling: what two processes do over twice what one process with one thread
does). The weights after training must agree first, in float64. The ring is that of the page on data
parallel training, with plain messages, against gloo's all_reduce on two and four processes.
``training.fit`` in two processes is held against a bare loop of DistributedDataParallel on a small
GPT, whose weights after training must be the same.
Wall time, for processes that wait for each other share no CPU time; rounds are interleaved, and the
median of the ratios is printed. On a machine that does something else the numbers mean little.
"""

import argparse
import statistics
import time

from bigmodel_utils.device import setup


def train(images, steps, double=False, threads=1):
    """Return the seconds of a step, how much of it a bare step takes, and the weights after all.

    Runs alone or as one of a group, which then shares the images.
    """
    import torch
    import torch.nn.functional as F
    from torch import distributed as dist

    from bigmodel_utils.models import RecognitionCNN

    torch.set_num_threads(threads)
    torch.manual_seed(0)
    rank, n = (dist.get_rank(), dist.get_world_size()) if dist.is_initialized() else (0, 1)
    net = RecognitionCNN(batch_norm=False)
    x, y = torch.randn(images, 1, 28, 28), torch.randint(10, (images,))
    if double:
        net, x = net.double(), x.double()
    x, y = x.chunk(n)[rank], y.chunk(n)[rank]
    model = torch.nn.parallel.DistributedDataParallel(net) if n > 1 else net
    optimizer, times = torch.optim.SGD(net.parameters(), lr=0.01), []
    for _ in range(steps + 2):  # the first two set up buckets and memory
        begin = time.perf_counter()
        optimizer.zero_grad()
        F.cross_entropy(model(x), y).backward()
        optimizer.step()
        times.append(time.perf_counter() - begin)
    alone = []
    for _ in range(steps):  # the same without the exchange of gradients
        begin = time.perf_counter()
        optimizer.zero_grad()
        F.cross_entropy(net(x), y).backward()
        alone.append(time.perf_counter() - begin)
    weights = torch.cat([p.detach().flatten() for p in net.parameters()])
    return statistics.median(times[2:]), statistics.median(alone), weights


def ring(x):
    """Return the sum of x over all ranks, by messages between neighbours."""
    import torch
    from torch import distributed as dist

    rank, n = dist.get_rank(), dist.get_world_size()
    parts = list(x.clone().chunk(n))
    for step in range(2 * (n - 1)):
        into = parts[(rank - step - 1) % n]
        came = torch.empty_like(into) if step < n - 1 else into
        leaving = dist.isend(parts[(rank - step) % n], (rank + 1) % n)
        dist.recv(came, (rank - 1) % n)
        leaving.wait()
        if step < n - 1:
            into += came
    return torch.cat(parts)


def all_reduces(megabytes, repeats):
    """Return the seconds of the ring and of gloo's own all_reduce, the best of some."""
    import torch
    from torch import distributed as dist

    torch.manual_seed(dist.get_rank())
    x, best = torch.randn(int(megabytes * 2**18)), {}
    by_gloo = x.clone()
    dist.all_reduce(by_gloo)
    # The order of additions differs.
    torch.testing.assert_close(ring(x), by_gloo, rtol=0, atol=1e-4)

    def gloo():
        dist.all_reduce(x.clone())

    for name, way in (("ring", lambda: ring(x)), ("gloo", gloo)) * repeats:
        dist.barrier()
        begin = time.perf_counter()
        way()
        dist.barrier()
        best[name] = min(best.get(name, 1e9), time.perf_counter() - begin)
    return best["ring"], best["gloo"]


def text_runs(steps, batch_size, by_fit):
    """Return the seconds of a training of a small GPT as one of a group, and the weights after it.

    Args:
        steps: of training.
        batch_size: sequences a step, over all processes.
        by_fit: True for ``training.fit``, False for a bare loop.
    """
    import torch
    import torch.nn.functional as F
    from torch import distributed as dist

    from bigmodel_utils.models import GPT
    from bigmodel_utils.training import fit

    torch.manual_seed(0)
    model = GPT(256, context=128, d_model=128, num_layers=4, num_heads=4)
    draw = torch.Generator().manual_seed(1)
    tokens = torch.randint(256, (steps * batch_size, 129), generator=draw)
    x, y, lr = tokens[:, :-1], tokens[:, 1:], 1e-3
    dist.barrier()
    begin = time.perf_counter()
    if by_fit:
        fit(model, (x, y), epochs=1, batch_size=batch_size, lr=lr, schedule="constant",
            device="cpu", dtype=torch.float32, progress=False)  # fmt: skip
    else:
        whole = torch.nn.parallel.DistributedDataParallel(model)
        optimizer = torch.optim.AdamW(model.parameters(), lr=lr, weight_decay=0.0, fused=True)
        order = torch.randperm(len(x), generator=torch.Generator().manual_seed(0))
        for chunk in order.split(batch_size):
            rows = chunk.tensor_split(dist.get_world_size())[dist.get_rank()]
            optimizer.zero_grad()
            F.cross_entropy(whole(x[rows]).flatten(0, 1), y[rows].flatten()).backward()
            optimizer.step()
    dist.barrier()
    weights = torch.cat([p.detach().flatten() for p in model.parameters()])
    return time.perf_counter() - begin, weights


def judged(text, found, goal=None, at_most=False):
    """Print a number, and whether it reaches its goal."""
    verdict = ""
    if goal is not None:
        reached = found <= goal if at_most else found >= goal
        verdict = f", goal {goal}: {'reached' if reached else 'MISSED'}"
    print(f"{text}{verdict}", flush=True)


def starting():
    """Print how long a first group of four takes to start, and a second one."""
    import os

    from bigmodel_utils.distributed import Pool

    for name, goal in (("a first", 15.0), ("another", None)):
        begin = time.perf_counter()
        with Pool(4) as pool:
            pool.run(os.getpid)
            seconds = time.perf_counter() - begin
        judged(f"{name} group of 4 starts in {seconds:.1f} s", seconds, goal, at_most=True)


def training(images, rounds, steps):
    """Print data parallel training over one process."""
    import torch

    from bigmodel_utils.distributed import Pool

    with Pool(2, timeout=600) as pool:
        expected = train(images, 2, double=True)[2]
        for _, _, weights in pool.run(train, images, 2, double=True):
            torch.testing.assert_close(weights, expected, rtol=0, atol=1e-10)
        same, weak, exposed = [], [], []
        for _ in range(rounds):
            two_threads = train(images, steps, threads=2)[0]
            one_thread = train(images // 2, steps)[0]
            group, bare, _ = pool.run(train, images, steps)[0]
            same.append(two_threads / group)
            weak.append(one_thread / group)
            exposed.append(1 - bare / group)
    found = statistics.median(same)
    judged(f"2 processes over 1 with 2 threads: {found:.2f} of its speed", found, 0.9)
    found = statistics.median(weak)
    judged(f"weak scaling, twice the work in 2 processes: {found:.2f}", found, 0.95)
    print(f"not hidden of the exchange: {statistics.median(exposed):.0%} of a step")


def engine(rounds, steps):
    """Print what ``training.fit`` adds to a bare loop in two processes."""
    import torch

    from bigmodel_utils.distributed import Pool

    with Pool(2, timeout=600) as pool:
        pool.run(text_runs, 2, 16, True)
        ratios = []
        for number in range(rounds):
            found = {}
            for by_fit in (True, False) if number % 2 else (False, True):
                found[by_fit] = pool.run(text_runs, steps, 16, by_fit)[0]
            torch.testing.assert_close(found[True][1], found[False][1], rtol=0, atol=1e-3)
            ratios.append(found[True][0] / found[False][0] - 1)
    found = statistics.median(ratios)
    text = f"training.fit over a bare loop, 2 processes: {found:+.1%} of its time"
    judged(text, found, 0.02, at_most=True)


def rings(megabytes, rounds):
    """Print the ring's speed over gloo's."""
    from bigmodel_utils.distributed import Pool

    for n in (2, 4):
        with Pool(n, timeout=600) as pool:
            by_hand, gloo = pool.run(all_reduces, megabytes, rounds)[0]
        found = gloo / by_hand
        text = f"ring by hand over gloo, {megabytes:g} MB, {n} processes: {found:.2f} of its speed"
        judged(text, found, 0.7)


def main():
    """Compare what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--images", type=int, default=256, help="of a step, over all processes")
    parser.add_argument("--megabytes", type=float, default=64)
    options = parser.parse_args()
    setup(seed=0, threads=2)
    starting()
    training(options.images, options.rounds, options.steps)
    engine(options.rounds, 4 * options.steps)  # long enough for what fit does once at the start
    rings(options.megabytes, options.rounds)


if __name__ == "__main__":
    main()
