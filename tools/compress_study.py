"""Compress three models by every method at equal bytes, and store bits, loss and time.

    python tools/compress_study.py        (about eight CPU-minutes on one thread)

The book's CNN and a small GPT are trained with three seeds; the pretrained language model comes
from its file. Matrices are compressed by the page's own function, taken from its cells. Each run
is written down as it ends (in `_build/compress/`), so that a study that was stopped goes on where
it was. The result is `book/6_faq/runs/smaller.json`.
"""

import datetime
import functools
import inspect
import json
import math
import platform
import statistics
import time
from pathlib import Path

import files

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "book" / "6_faq" / "smaller.ipynb"
RESULT = PAGE.parent / "runs" / "smaller.json"
STATE = ROOT / "_build" / "compress"
EXPERIMENT = "once-digits"  # whose slice of the page holds `compressed`
RECIPE = {
    "budgets": [2, 3, 4],  # bits a weight
    "seeds": [0, 1, 2],
    "tuning_seed": 100,
    "rates": [0.5, 1.0, 2.0, 4.0],  # times the rate of the model, for each arm that trains
    "steps": {"CNN": 240, "GPT": 400},
    "rate": {"CNN": 0.01, "GPT": 0.006},
    "batch": {"CNN": 50, "GPT": 16},
    "temperature": 4.0,
    "trained_budget": 3,  # of the arms that train, on the CNN alone
    "small": [12, 12],
    "pretrained": [
        ["nearest", 2],
        ["in turn", 2],
        ["nearest", 3],
        ["in turn", 3],
        ["pruned, 4 bits", 3],
        ["8 bits", 4],
        ["nearest", 4],
        ["in turn", 4],
    ],
    "calibration_passages": 8,  # of the pretrained model; the others judge
    "group": {"CNN": None, "GPT": None, "SmolLM2": 64},
    "timed": [1536, 576],
}


def plans(budget, columns, rows, group):
    """Return the ways to spend ``budget`` bits a weight: {name: options of `compressed`}."""
    half = dict(group=group)
    rank = int(budget * rows * columns / (8 * (rows + columns)))
    found = {
        "nearest": dict(way="nearest", bits=budget) | half,
        "in turn": dict(way="in turn", bits=budget) | half,
        "pruned, 8 bits": dict(way="helped", gone=1 - (budget - 1) / 8, bits=8) | half,
        "pruned, 4 bits": dict(way="helped", gone=1 - (budget - 1) / 4, bits=4) | half,
        "columns, 8 bits": dict(
            way="columns", gone=round(columns * (1 - budget / 8)) / columns, bits=8
        )
        | half,
        "rank, 8 bits": dict(way="suited rank", rank=max(1, rank), bits=8),
    }
    if budget == 3:
        found["2:4, 4 bits"] = dict(way="2:4", bits=4) | half
    if budget == 4:
        found["8 bits"] = dict(way="nearest", bits=8) | half
    return found


def bits_of(options, rows, columns):
    """Return the bits that a compressed matrix takes: values, index and scales of 16 bits."""
    bits, way, group = options.get("bits", 16), options["way"], options.get("group") or columns
    values, scales = rows * columns, 16 * rows * columns / group
    if "rank" in way:
        rank = options["rank"]
        return rank * (rows + columns) * bits + 16 * (rows + rank)
    if way == "columns":
        kept = columns - round(options["gone"] * columns)
        return rows * kept * bits + columns + scales
    if way == "2:4":
        return values * (bits / 2 + 1) + scales
    if way == "helped":
        return values * ((1 - options["gone"]) * bits + 1) + scales
    return values * bits + scales


class Runs:
    """Losses by what was run, kept in a file line by line."""

    def __init__(self, path):
        self.path, self.known = path, {}
        if path.exists():
            for line in path.read_text(encoding="utf-8").splitlines():
                row = json.loads(line)
                self.known[row["key"]] = row["found"]

    def __call__(self, key, run):
        """Return what a run found, from the file or by running it."""
        if key not in self.known:
            before = time.process_time()
            self.known[key] = run()
            print(f"{key}: {self.known[key]} {time.process_time() - before:.1f} s", flush=True)
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps({"key": key, "found": self.known[key]}) + "\n")
        return self.known[key]


# Tasks: how a model is made, what it learns from, and what it costs on held-out data.


class Digits:
    """The book's CNN on digits; loss in nats."""

    name, unit, sizes = "CNN", "nats a digit", (16, 32)

    def __init__(self):
        import torch

        from bigmodel_utils import data

        mnist = data.load_mnist()
        x = torch.cat([mnist.x_train, mnist.x_test]).float()
        x = x if x.ndim == 4 else x[:, None]
        y = torch.cat([mnist.y_train, mnist.y_test])
        g = torch.Generator().manual_seed(0)
        cuts = torch.randperm(len(x), generator=g).split([3000, 1000, len(x) - 4000])
        self.parts = {
            part: (x[cut], y[cut])
            for part, cut in zip(("train", "validation", "test"), cuts, strict=True)
        }

    def make(self, sizes):
        """Return an untrained network."""
        from bigmodel_utils.models import RecognitionCNN

        return RecognitionCNN(channels=tuple(sizes))

    def batch(self, generator):
        """Return a batch that is drawn by chance."""
        import torch

        x, y = self.parts["train"]
        pick = torch.randint(len(x), (RECIPE["batch"]["CNN"],), generator=generator)
        return x[pick], y[pick]

    def evaluated(self, model, part):
        """Return the loss on a part."""
        from torch.nn import functional as F

        x, y = self.parts[part]
        return F.cross_entropy(model.eval()(x), y).item()

    def calibration(self):
        """Return inputs that show the layers what arrives."""
        return [self.parts["train"][0][:500]]

    def layers(self, model):
        """Return the layers that are compressed; the rest keeps 16 bits."""
        return [model.conv2, model.fc]


class Text:
    """A small GPT on characters; loss in bits a character."""

    name, unit, sizes = "GPT", "bits a character", 64

    def __init__(self):
        import torch

        from bigmodel_utils import data

        whole = data.load_text()
        once = "\n\n".join(dict.fromkeys(whole.split("\n\n")))
        tokenizer = data.CharTokenizer(once)
        rows = [torch.tensor(tokenizer.encode(part)) for part in data.split_text(once, 0.1)]
        self.vocab = int(torch.cat(rows).max()) + 1
        self.train = rows[0]
        x, y = data.windows(rows[1], 64)
        half = len(x) // 2
        self.parts = {"validation": (x[:half], y[:half]), "test": (x[half:], y[half:])}

    def make(self, sizes):
        """Return an untrained model of this width."""
        from bigmodel_utils.models import GPT

        return GPT(self.vocab, context=64, d_model=sizes, num_layers=2, num_heads=4)

    def batch(self, generator):
        """Return a batch that is drawn by chance."""
        import torch

        starts = torch.randint(
            len(self.train) - 65, (RECIPE["batch"]["GPT"], 1), generator=generator
        )
        rows = self.train[starts + torch.arange(65)]
        return rows[:, :-1], rows[:, 1:]

    def evaluated(self, model, part):
        """Return the loss on a part."""
        from torch.nn import functional as F

        x, y = (one[:160] for one in self.parts[part])
        return F.cross_entropy(model(x).flatten(0, 1), y.flatten()).item() / math.log(2)

    def calibration(self):
        """Return inputs that show the layers what arrives."""
        return [self.train[: 40 * 64].view(40, 64)]

    def layers(self, model):
        """Return the layers that are compressed; the rest keeps 16 bits."""
        return linear(model.blocks)


def linear(module):
    """Return all linear layers of a module."""
    from torch import nn

    return [part for part in module.modules() if isinstance(part, nn.Linear)]


def trained(task, model, seed, lr, steps, *, masks=(), teacher=None):
    """Train by AdamW with a one-cycle rate; masked weights stay zero; a teacher gives targets."""
    import torch
    from torch.nn import functional as F

    g = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr, fused=True)
    cycle = torch.optim.lr_scheduler.OneCycleLR(optimizer, lr, total_steps=steps, pct_start=0.1)
    model.train()
    temperature = RECIPE["temperature"] if teacher else 1.0
    for _ in range(steps):
        x, y = task.batch(g)
        z = model(x).flatten(0, -2) / temperature
        targets = y.flatten()
        if teacher is not None:
            with torch.no_grad():
                targets = (teacher(x).flatten(0, -2) / temperature).softmax(1)
        loss = F.cross_entropy(z, targets) * temperature**2
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        cycle.step()
        for layer, kept in zip(task.layers(model), masks, strict=False):
            layer.weight.data *= kept
    return model.eval()


def arrivals(layers, forward):
    """Return what arrives at each layer, as rows (n, columns), while ``forward`` runs."""
    import torch
    from torch.nn import functional as F

    seen = {layer: [] for layer in layers}

    def watch(layer, inputs):
        x = inputs[0]
        if layer.weight.ndim == 4:  # what each place of the kernel's window sees
            x = F.unfold(x, layer.kernel_size, padding=layer.padding).transpose(1, 2)
        seen[layer].append(x.detach().flatten(0, -2))

    hooks = [layer.register_forward_pre_hook(watch) for layer in layers]
    with torch.no_grad():
        forward()
    for hook in hooks:
        hook.remove()
    found = {}
    for layer, parts in seen.items():
        x = torch.cat(parts)
        found[layer] = x[:: max(1, len(x) // 2000)]
    return found


def shrunk(compressed, layers, seen, plan_of):
    """Compress the layers in place; return the bits that they take."""
    import torch

    total = 0.0
    with torch.no_grad():
        for layer in layers:
            w = layer.weight.flatten(1)
            options = plan_of(*w.shape)
            total += bits_of(options, *w.shape)
            layer.weight.copy_(compressed(w, seen[layer], **options).view_as(layer.weight))
    return total


def rest_of(model, layers):
    """Return the numbers of a model outside of the layers that are compressed."""
    whole = sum(p.numel() for p in model.parameters())
    return whole - sum(layer.weight.numel() for layer in layers)


@functools.cache
def dense(task, seed):
    """Return the trained model of a seed."""
    import torch

    torch.manual_seed(seed)
    steps, rate = RECIPE["steps"][task.name], RECIPE["rate"][task.name]
    return trained(task, task.make(task.sizes), seed, rate, steps)


def once(task, compressed, name, budget, seed):
    """Return bits a weight and the loss after compression without training."""
    import copy

    import torch

    model = copy.deepcopy(dense(task, seed))
    layers = task.layers(model)
    seen = arrivals(layers, lambda: [model(x) for x in task.calibration()])
    group = RECIPE["group"][task.name]
    bits = shrunk(
        compressed, layers, seen, lambda rows, cols: plans(budget, cols, rows, group)[name]
    )
    whole = sum(p.numel() for p in model.parameters())
    with torch.no_grad():
        loss = task.evaluated(model, "test")
    return [(bits + 16 * rest_of(model, layers)) / whole, loss]


def trained_arm(task, compressed, name, budget, seed, rate, part):
    """Return bits a weight and the loss of an arm that trains."""
    import copy

    import torch

    steps = RECIPE["steps"][task.name]
    lr = rate * RECIPE["rate"][task.name]
    whole = sum(p.numel() for p in dense(task, seed).parameters())
    if name == "dense, trained on":  # what more training alone would give
        model = trained(task, copy.deepcopy(dense(task, seed)), seed, lr, steps // 3)
        with torch.no_grad():
            return [16.0, task.evaluated(model, part)]
    if name == "pruned, trained, 4 bits":
        model = copy.deepcopy(dense(task, seed))
        layers, gone = task.layers(model), 1 - (budget - 1) / 4
        from bigmodel_utils import compression

        sizes = [layer.weight.detach().abs() for layer in layers]
        masks = compression.largest(sizes, gone, together=False)
        for layer, kept in zip(layers, masks, strict=True):
            layer.weight.data *= kept
        trained(task, model, seed, lr, steps // 3, masks=masks)
        options = dict(way="helped", gone=gone, bits=4)
    else:
        torch.manual_seed(seed)
        model = task.make(RECIPE["small"])
        teacher = dense(task, seed) if name == "student, 8 bits" else None
        trained(task, model, seed, lr, steps + steps // 3, teacher=teacher)
        layers, options = task.layers(model), dict(way="nearest", bits=8)
    seen = arrivals(layers, lambda: [model(x) for x in task.calibration()])
    bits = shrunk(compressed, layers, seen, lambda rows, columns: options)
    with torch.no_grad():
        loss = task.evaluated(model, part)
    return [(bits + 16 * rest_of(model, layers)) / whole, loss]


TRAINED = ("dense, trained on", "pruned, trained, 4 bits", "small, 8 bits", "student, 8 bits")


def small_model(task, compressed, runs):
    """Return the rows of a model that is trained here."""
    import torch

    seeds, rows = RECIPE["seeds"], []

    def known(seed):
        model = dense(task, seed)
        with torch.no_grad():
            return [16.0, task.evaluated(model, "test")]

    base = [runs(f"{task.name} dense {seed}", lambda s=seed: known(s)) for seed in seeds]
    rows.append(row("dense", base, base))
    for budget in RECIPE["budgets"]:
        for name in plans(budget, 64, 64, None):
            found = [
                runs(
                    f"{task.name} {name} {budget} {seed}",
                    lambda s=seed, n=name, b=budget: once(task, compressed, n, b, s),
                )
                for seed in seeds
            ]
            rows.append(row(name, found, base, budget))
    budget = RECIPE["trained_budget"]
    for name in TRAINED if task.name == "CNN" else ():
        tuned = {
            rate: runs(
                f"{task.name} {name} {budget} rate {rate}",
                lambda n=name, r=rate: trained_arm(
                    task, compressed, n, budget, RECIPE["tuning_seed"], r, "validation"
                ),
            )[1]
            for rate in RECIPE["rates"]
        }
        best = min(tuned, key=tuned.get)
        found = [
            runs(
                f"{task.name} {name} {budget} {seed} at {best}",
                lambda s=seed, n=name, r=best: trained_arm(
                    task, compressed, n, budget, s, r, "test"
                ),
            )
            for seed in seeds
        ]
        edge = best in (min(tuned), max(tuned))
        rows.append(row(name, found, base, budget) | {"rate": best, "edge": edge})
    return {"unit": task.unit, "rows": rows}


def row(name, found, base, budget=None):
    """Return bits, the losses, and by how much they exceed those of the dense model, paired.

    The error is that of the mean over seeds or passages.
    """
    added = [one[1] - other[1] for one, other in zip(found, base, strict=True)]
    return {
        "name": name,
        "budget": budget,
        "bits": statistics.mean(one[0] for one in found),
        "losses": [one[1] for one in found],
        "added": statistics.mean(added),
        "error": statistics.stdev(added) / len(added) ** 0.5,
    }


def pretrained(compressed, runs):
    """Return the rows of the pretrained language model; passages take the place of seeds."""
    import torch
    from torch.nn import functional as F

    from bigmodel_utils import data, models

    @functools.cache
    def language():
        model, tokenizer = models.load_pretrained(data.language_model_file())
        layers, seen = linear(model.blocks), {}
        before = [layer.weight.detach().clone() for layer in layers]
        return model, tokenizer, layers, before, seen

    def passages(judged):
        _, tokenizer, *_ = language()
        first = tokenizer.special_tokens["<|endoftext|>"]
        rows = [[first, *tokenizer.encode(text)] for text in data.load_passages()]
        cut = RECIPE["calibration_passages"]
        return rows[cut:] if judged else rows[:cut]

    def losses():
        model, tokenizer, *_ = language()
        found = []
        with torch.no_grad():
            for tokens in passages(judged=True):
                logits, targets = model(torch.tensor([tokens[:-1]]))[0], tokens[1:]
                nats = F.cross_entropy(logits, torch.tensor(targets), reduction="sum").item()
                found.append(nats / math.log(2) / len(tokenizer.decode(targets).encode()))
        return found

    def run(name, budget):
        model, _, layers, before, seen = language()
        if not seen:
            shown = passages(judged=False)
            seen.update(arrivals(layers, lambda: [model(torch.tensor([row])) for row in shown]))
        group = RECIPE["group"]["SmolLM2"]
        bits = shrunk(
            compressed, layers, seen, lambda rows, cols: plans(budget, cols, rows, group)[name]
        )
        found = losses()
        for layer, kept in zip(layers, before, strict=True):
            layer.weight.data.copy_(kept)
        return [bits / sum(kept.numel() for kept in before), found]

    whole = runs("SmolLM2 dense", lambda: [16.0, losses()])
    base = [[16.0, loss] for loss in whole[1]]
    rows = [row("dense", base, base)]
    for name, budget in RECIPE["pretrained"]:
        bits, found = runs(f"SmolLM2 {name} {budget}", lambda n=name, b=budget: run(n, b))
        rows.append(row(name, [[bits, loss] for loss in found], base, budget))
    return {"unit": "bits a byte", "rows": rows}


def times():
    """Return the time of one row's product by format, relative to float32: five rounds."""
    import warnings

    import torch
    from torch import nn

    from bigmodel_utils import compression

    rows, columns = RECIPE["timed"]
    torch.manual_seed(0)
    w, x = torch.randn(rows, columns), torch.randn(1, columns)
    ways = {"float32": lambda: x @ w.T}
    layer = nn.Linear(columns, rows, bias=False)
    for bits, size in ((8, None), (4, 64)):
        small = compression.QuantizedLinear.of(layer, bits=bits, group_size=size)
        kernel, narrow = compression.packed_product(small), x.bfloat16()
        if kernel is not None:
            ways[f"{bits} bits"] = functools.partial(kernel, narrow)
    warnings.simplefilter("ignore")  # sparse layouts are announced as unfinished
    for share in (0.5, 0.25):
        kept = (w * compression.largest([w.abs()], 1 - share)[0]).to_sparse_csr()
        ways[f"sparse, {share:.0%} kept"] = functools.partial(torch.mv, kept, x[0])
    narrow = w[:, : columns // 2].contiguous()
    ways["half of the columns"] = lambda: x[:, : columns // 2] @ narrow.T
    rank = int(4 * rows * columns / (8 * (rows + columns)))
    left, right = torch.randn(rows, rank), torch.randn(rank, columns)
    ways[f"rank {rank}"] = lambda: x @ right.T @ left.T
    rounds = {name: [] for name in ways}
    for _ in range(5):
        for name, way in ways.items():
            begin = time.process_time()  # on one thread; a busy machine does not count
            for _ in range(500):
                way()
            rounds[name].append(time.process_time() - begin)
    return {
        name: [took / base for took, base in zip(one, rounds["float32"], strict=True)]
        for name, one in rounds.items()
    }


def compressed_of_the_page():
    """Return the page's function that compresses a matrix."""
    from bigmodel_utils import claims

    run = inspect.unwrap(claims.load(PAGE, EXPERIMENT).run)
    return run.__globals__["compressed"]


def main():
    import torch

    from bigmodel_utils import claims, device

    device.setup(seed=0)
    torch.set_num_threads(1)
    STATE.mkdir(parents=True, exist_ok=True)
    code = claims.code_hash(claims.experiments_of(PAGE)[EXPERIMENT])
    runs = Runs(STATE / f"{code}.jsonl")
    compressed = compressed_of_the_page()
    real = pretrained(compressed, runs)
    results = {
        "CNN": small_model(Digits(), compressed, runs),
        "GPT": small_model(Text(), compressed, runs),
        "SmolLM2": real,
    }
    record = {
        "command": "make compress",
        "date": datetime.date.today().isoformat(),
        "versions": {"python": platform.python_version(), "torch": torch.__version__},
        "code": code,
        **RECIPE,
        "results": results,
        "times": times(),
    }
    RESULT.parent.mkdir(exist_ok=True)
    files.write(RESULT, json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
