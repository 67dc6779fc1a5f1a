"""Train a GPT for a quarter of an hour and store what came of it beside the page that shows it.

    python tools/longrun.py        (about 15 CPU-minutes on one thread)

The state is written down every fifty steps (in `_build/longrun/`), so that a run that was stopped
goes on where it was, to the same weights. The result is `book/4_practice/runs/longrun.json`.
"""

import ast
import datetime
import hashlib
import json
import math
import platform
import re
import time
from pathlib import Path

import files

from bigmodel_utils import device

ROOT = Path(__file__).resolve().parent.parent
RESULT = ROOT / "book" / "4_practice" / "runs" / "longrun.json"
STATE = ROOT / "_build" / "longrun"
RECIPE = {
    "size": {"context": 128, "d_model": 128, "num_layers": 4, "num_heads": 4, "dropout": 0.1},
    "embedding_std": 0.5,  # at first
    "rows": 8,  # of 128 characters, in each step
    "steps": 4500,
    "lr": 0.01,
    "warm_up": 100,  # steps; then the rate falls along a line to zero
    "betas": [0.9, 0.95],
    "clip_norm": 1.0,
    "look": 150,  # steps from one measurement to the next
    "prompt": "The statement",
    "temperatures": [0, 0.5, 0.8, 1],
    "characters": 400,  # in each sample
}
SAVE = 50  # steps from one checkpoint to the next


def texts():
    """Return the text, each paragraph once, and its training, validation and held-out parts."""
    from bigmodel_utils import data

    source = data.load_text()
    unique = "\n\n".join(dict.fromkeys(source.split("\n\n")))
    train, held = data.split_text(unique, 0.1)
    return unique, *data.split_text(train, 0.05), held


def batch(row, step, recipe):
    """Return inputs and targets (rows, context) of one step: stretches from anywhere in the row."""
    import torch

    generator = torch.Generator().manual_seed(step)
    length = recipe["size"]["context"]
    starts = torch.randint(len(row) - length, (recipe["rows"],), generator=generator)
    places = starts[:, None] + torch.arange(length + 1)
    return row[places][:, :-1], row[places][:, 1:]


def rate(step, recipe):
    """Return the learning rate of a step, counted from 0: up, then down along a line."""
    steps, warm_up = recipe["steps"], recipe["warm_up"]
    return recipe["lr"] * min((step + 1) / warm_up, (steps - step) / (steps - warm_up))


def bits_a_byte(model, row, text):
    """Return the price of a text, with half a context at least before each character."""
    import torch
    import torch.nn.functional as F

    from bigmodel_utils import data

    half, total = model.context // 2, 0.0
    x, y = data.windows(row, model.context, stride=half)
    with torch.no_grad():
        for a, b in zip(x.split(32), y[:, half:].split(32), strict=True):
            logits = model(a)[:, half:]
            total += F.cross_entropy(logits.flatten(0, 1), b.flatten(), reduction="sum").item()
    scored = text[half + 1 : half + 1 + y[:, half:].numel()]
    return total / math.log(2) / len(scored.encode())


def attention_maps(model, tokens):
    """Return the attention weights (layers, b, heads, t, t) on rows of tokens (b, t)."""
    import torch

    from bigmodel_utils import models

    inputs, maps, t = [], [], tokens.shape[1]
    layers = [block.attention for block in model.blocks]
    hooks = [a.register_forward_pre_hook(lambda _, x: inputs.append(x[0])) for a in layers]
    with torch.no_grad():
        model(tokens)
        for hook in hooks:
            hook.remove()
        tables = model.rotary_cos[:t], model.rotary_sin[:t]
        for a, x in zip(layers, inputs, strict=True):
            q, k = (p(x).unflatten(-1, (-1, a.d_head)) for p in (a.q_proj, a.k_proj))
            q, k = (models.rotate(each.transpose(1, 2), *tables) for each in (q, k))
            maps.append(models.attention_weights(q, k, models.causal_mask(t)))
    return torch.stack(maps)


def random_rows(vocab_size, rows=32, length=32):
    """Return rows of different random tokens."""
    import torch

    generator = torch.Generator().manual_seed(0)
    return torch.stack(
        [torch.randperm(vocab_size, generator=generator)[:length] for _ in range(rows)]
    )


def induction(model, once, before=None):
    """Return what heads and model do with rows (b, t) that come twice, or after others.

    The first result is the weight (layers, heads) that queries of the second half give to the
    token after the one where their own stood in the first half; the second is the price in bits of
    a token in the first half and in the second.
    """
    import torch
    import torch.nn.functional as F

    length = once.shape[1]
    tokens = torch.cat([once if before is None else before, once], dim=1)  # (b, 2 t)
    maps = attention_maps(model, tokens)
    query = torch.arange(length, 2 * length)
    scores = maps[..., query, query - length + 1].mean((1, 3))  # (layers, heads)
    with torch.no_grad():
        logits = model(tokens)[:, :-1]
    prices = F.cross_entropy(logits.mT, tokens[:, 1:], reduction="none") / math.log(2)
    first, second = prices[:, : length - 1].mean(), prices[:, length:].mean()
    return scores, [first.item(), second.item()]


def reach(model, row):
    """Return {k: bits of a character of which the last k before it are true, the others not}."""
    import torch
    import torch.nn.functional as F

    from bigmodel_utils import data

    x, y = data.windows(row, model.context, stride=100)
    found = {}
    for keep in (1, 2, 4, 8, 16, 32, 64, model.context):
        mixed = torch.cat([x.roll(1, dims=0)[:, : model.context - keep], x[:, -keep:]], dim=1)
        with torch.no_grad():
            loss = F.cross_entropy(model(mixed)[:, -1], y[:, -1]).item()
        found[str(keep)] = round(loss / math.log(2), 3)
    return found


def train(recipe, path, stop=None):
    """Train, from the checkpoint at ``path`` if there is one; return the model and its record.

    Args:
        recipe: see RECIPE.
        path: file of the checkpoint.
        stop: break off after so many steps, for tests.
    """
    import torch
    import torch.nn.functional as F

    from bigmodel_utils import data
    from bigmodel_utils.models import GPT
    from bigmodel_utils.optim import MuonAdamW
    from bigmodel_utils.training import load_checkpoint, save_checkpoint

    unique, begin, valid, _ = texts()
    tokenizer = data.CharTokenizer(unique)
    row, valid_row = (torch.tensor(tokenizer.encode(text)) for text in (begin, valid))
    torch.manual_seed(0)
    model = GPT(tokenizer.vocab_size, **recipe["size"])
    torch.nn.init.normal_(model.embedding.weight, std=recipe["embedding_std"])
    optimizer = MuonAdamW(model, recipe["lr"], betas=tuple(recipe["betas"]))
    state = {"step": 0, "cpu_seconds": 0.0, "clipped": 0, "losses": [], "curve": []}
    if path.exists():
        saved = load_checkpoint(path)
        model.load_state_dict(saved["model"])
        optimizer.load_state_dict(saved["optimizer"])
        state = saved["state"]
    last = recipe["steps"] if stop is None else stop
    while state["step"] < last:
        began, step = time.process_time(), state["step"]
        torch.manual_seed(step)  # for dropout
        model.train()
        x, y = batch(row, step, recipe)
        loss = F.cross_entropy(model(x).flatten(0, 1), y.flatten())
        optimizer.zero_grad()
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), recipe["clip_norm"])
        for group in optimizer.param_groups:
            group["lr"] = rate(step, recipe)
        optimizer.step()
        state["step"] += 1
        state["cpu_seconds"] += time.process_time() - began
        state["clipped"] += int(norm > recipe["clip_norm"])
        state["losses"].append(loss.item())
        if state["step"] % recipe["look"] == 0 or state["step"] == recipe["steps"]:
            look(model.eval(), state, valid_row, valid, recipe, tokenizer.vocab_size)
        if state["step"] % SAVE == 0 or state["step"] == last:
            parts = {"model": model.state_dict(), "optimizer": optimizer.state_dict()}
            save_checkpoint(path, parts | {"state": state})
    return model.eval(), tokenizer, state


def look(model, state, row, text, recipe, vocab_size):
    """Write down how far the training has come."""
    recent = state["losses"][-recipe["look"] :]
    scores, (first, second) = induction(model, random_rows(vocab_size))
    state["curve"].append(
        {
            "step": state["step"],
            "cpu_seconds": round(state["cpu_seconds"], 1),
            "training_bits_a_character": round(sum(recent) / len(recent) / math.log(2), 3),
            "validation_bits_a_byte": round(bits_a_byte(model, row, text), 3),
            "induction": round(scores.max().item(), 3),
            "repeats_bits": [round(first, 3), round(second, 3)],
        }
    )
    print(state["curve"][-1], flush=True)


def result(model, tokenizer, state, recipe):
    """Return what the page shows, a dict of plain numbers and texts."""
    import torch

    from bigmodel_utils import data
    from bigmodel_utils.models import GPT, generate

    unique, begin, valid, held = texts()
    strange = random_rows(tokenizer.vocab_size)
    scores, prices = induction(model, strange)
    chance = []
    for seed in range(3):
        torch.manual_seed(seed)
        blank = GPT(tokenizer.vocab_size, **recipe["size"]).eval()
        torch.nn.init.normal_(blank.embedding.weight, std=recipe["embedding_std"])
        chance.append(induction(blank, strange)[0].max().item())
    start = torch.tensor([tokenizer.encode(recipe["prompt"])])
    samples = {}
    for tau in recipe["temperatures"]:
        out = generate(model, start, recipe["characters"], temperature=tau)
        samples[str(tau)] = tokenizer.decode(out[0].tolist())
    held_row = torch.tensor(tokenizer.encode(held))
    known, _ = data.windows(held_row, 64, stride=300)
    text_scores, (_, after_itself) = induction(model, known)
    _, (_, after_another) = induction(model, known, known.roll(1, dims=0))
    return {
        "code": code_hash(),
        "recipe": recipe,
        "text": {"characters": len(unique), "trained_on": len(begin), "validation": len(valid),
                 "held_out": len(held), "hash": hashlib.sha256(unique.encode()).hexdigest()[:12]},
        "parameters": sum(p.numel() for p in model.parameters()),
        "cpu_seconds": round(state["cpu_seconds"]),
        "steps_clipped": state["clipped"],
        "curve": state["curve"],
        "held_out_bits_a_byte": round(bits_a_byte(model, held_row, held), 3),
        "held_out_bytes_a_character": round(len(held.encode()) / len(held), 4),
        "induction": [[round(w, 3) for w in layer] for layer in scores.tolist()],
        "induction_of_random_weights": round(max(chance), 3),
        "repeats_bits": [round(p, 2) for p in prices],
        "induction_on_text": [[round(w, 3) for w in layer] for layer in text_scores.tolist()],
        "text_bits_after": {"itself": round(after_itself, 3), "another": round(after_another, 3)},
        "reach": reach(model, held_row),
        "samples": samples,
        "date": datetime.date.today().isoformat(),
        "versions": {"python": platform.python_version(), "torch": torch.__version__},
        "threads": torch.get_num_threads(),
    }  # fmt: skip


def code_hash(path=Path(__file__)):
    """Return a short hash of the tool's code but its command line."""
    left_out = ("main", "code_hash")
    kept = []
    for statement in ast.parse(Path(path).read_text(encoding="utf-8")).body:
        if isinstance(statement, ast.FunctionDef) and statement.name not in left_out:
            first = statement.body[0]
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                statement.body = statement.body[1:] or [ast.Pass()]
            kept.append(ast.unparse(statement))
        elif isinstance(statement, ast.Assign) and statement.targets[0].id == "RECIPE":
            kept.append(ast.unparse(statement))
    return hashlib.sha256("\n".join(kept).encode()).hexdigest()[:12]


def main():
    """Make the run, or go on with it, and store its result."""
    device.setup(0, threads=1)
    path = STATE / f"{code_hash()}.pt"
    stored = json.loads(RESULT.read_text(encoding="utf-8")) if RESULT.exists() else {}
    if stored.get("code") == code_hash():
        print(f"{RESULT.relative_to(ROOT)} is of this code: nothing to do")
        return
    STATE.mkdir(parents=True, exist_ok=True)
    found = result(*train(RECIPE, path), RECIPE)
    RESULT.parent.mkdir(exist_ok=True)
    text = json.dumps(found, indent=1)
    text = re.sub(r"\[[\d\s.,-]+\]", lambda numbers: " ".join(numbers[0].split()), text)
    files.write(RESULT, text + "\n")
    print(f"{found['cpu_seconds']} CPU-s, {found['held_out_bits_a_byte']} bits a byte, held out")


if __name__ == "__main__":
    main()
