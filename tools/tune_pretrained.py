"""Tune the pretrained model by LoRA to a rule that a program checks, and store what came of it.

    python tools/tune_pretrained.py        (about ten CPU-minutes on one thread)

The model writes the examples that it learns from: asked for the format with two examples in the
prompt, it writes again and again, and what meets the rule is kept. Then it learns to answer so
without being asked. State is written down after each run (in `_build/tune_pretrained/`), so that
one that was stopped goes on where it was. The result is `book/6_faq/runs/transfer.json`.
"""

import ast
import datetime
import functools
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
RESULT = ROOT / "book" / "6_faq" / "runs" / "transfer.json"
STATE = ROOT / "_build" / "tune_pretrained" / "state.json"
RECIPE = {
    "question": "Tell me about {}.",
    "other_question": "What do you know about {}?",
    "asks": ' Answer with exactly three lines. Each line begins with "- " and has two to eight '
    "words.",
    "shown": {
        "bread": "- baked from flour and water\n- eaten all over the world\n"
        "- best on the day it is made",
        "rivers": "- flow from hills to the sea\n- give water to fields\n- carry boats and fish",
    },
    "train": "bees gold coffee trains winter music rain chess salt bridges wool clocks cheese moon "
    "wolves honey glass paper snow tea maps iron ships rice horses silk coal corn sugar stars dogs "
    "cats books soap wine roses tigers birds fish boats".split(),
    "validation": "cars trees milk apples oranges soup shoes hats beds doors windows lamps".split(),
    "test": "pens guitars drums football tennis swimming cooking gardening farming painting "
    "dancing running cycling sleep dreams stones".split(),
    "tries": 4,  # answers written for each topic of training
    "temperature": 0.7,
    "tokens": 48,  # of an answer, at most
    "rank": 8,
    "layers": ["q_proj", "v_proj"],
    "rows": 4,  # answers in a step
    "steps": 16,
    "rates": {"LoRA": [3e-3, 1e-2]},
    "chosen_with": 100,  # the seed of the runs that choose the rate
    "seeds": [0, 1, 2],
    "passages": 8,
    "passage_tokens": 120,
}
IGNORE = -100


def meets(text):
    """Whether an answer is three different lines "- " and two to eight words each."""
    lines = text.split("\n")
    shaped = all(re.fullmatch(r"- \S+( \S+){1,7}", line) for line in lines)
    return shaped and len(lines) == len(set(lines)) == 3


def turn(question, answer=None):
    """Return a question as the model's template has it, with an answer or room for one."""
    text = f"<|im_start|>user\n{question}<|im_end|>\n<|im_start|>assistant\n"
    return text if answer is None else f"{text}{answer}<|im_end|>\n"


def prompts(topics, recipe, way):
    """Return one prompt a topic: "plain", "other", "asked", or "shown" with two examples."""
    question = recipe["other_question" if way == "other" else "question"]
    asks = recipe["asks"] if way in ("asked", "shown") else ""
    before = ""
    if way == "shown":
        for topic, answer in recipe["shown"].items():
            before += turn(question.format(topic) + asks, answer)
    return [before + turn(question.format(topic) + asks) for topic in topics]


def encode(tokenizer, text):
    """Return the tokens of a text with turns."""
    return tokenizer.encode(text, allowed_special=("<|im_start|>", "<|im_end|>"))


def answers(model, tokenizer, texts, recipe, *, temperature=0, seed=0):
    """Return an answer for each prompt; None for one that does not end."""
    import torch

    from bigmodel_utils import models

    rows = [encode(tokenizer, text) for text in texts]
    longest, end = max(map(len, rows)), encode(tokenizer, "<|im_end|>")[0]
    padded = torch.tensor([[0] * (longest - len(row)) + row for row in rows])
    lengths = torch.tensor([len(row) for row in rows])
    written = models.generate(
        model, padded, recipe["tokens"], lengths=lengths, temperature=temperature, seed=seed
    )[:, longest:].tolist()
    return [tokenizer.decode(row[: row.index(end)]) if end in row else None for row in written]


def judged(found):
    """Return the share of answers that end and meet the rule."""
    return sum(text is not None and meets(text) for text in found) / len(found)


def bits_a_byte(model, tokenizer, recipe):
    """Return the price of each passage that the model cannot have read, from its beginning."""
    import torch
    import torch.nn.functional as F

    from bigmodel_utils import data

    found = []
    for text in data.load_passages()[: recipe["passages"]]:
        row = torch.tensor([tokenizer.encode(text)[: recipe["passage_tokens"]]])
        with torch.no_grad():
            nats = F.cross_entropy(model(row[:, :-1])[0], row[0, 1:], reduction="sum")
        size = len(tokenizer.decode(row[0, 1:].tolist()).encode())
        found.append(nats.item() / math.log(2) / size)
    return found


def examples(tokenizer, pairs, recipe):
    """Return inputs and targets (n, t) of questions with answers; the questions do not count."""
    import torch

    rows, targets = [], []
    for topic, answer in pairs:
        question = encode(tokenizer, turn(recipe["question"].format(topic)))
        reply = encode(tokenizer, f"{answer}<|im_end|>")
        rows.append(question + reply[:-1])
        targets.append([IGNORE] * (len(question) - 1) + reply)
    longest = max(map(len, rows))
    rows = [row + [0] * (longest - len(row)) for row in rows]
    targets = [row + [IGNORE] * (longest - len(row)) for row in targets]
    return torch.tensor(rows), torch.tensor(targets)


def tune(model, parameters, x, y, recipe, rate, seed):
    """Train some parameters by Adam; the rate falls along a line to zero. Returns the losses."""
    import torch
    import torch.nn.functional as F

    g = torch.Generator().manual_seed(seed)
    optimizer, losses, steps = torch.optim.Adam(parameters, lr=rate), [], recipe["steps"]
    order = torch.cat([torch.randperm(len(x), generator=g) for _ in range(9)])
    for step in range(steps):
        optimizer.param_groups[0]["lr"] = rate * (1 - step / steps)
        some = order[step * recipe["rows"] : (step + 1) * recipe["rows"]]
        logits = model(x[some])
        loss = F.cross_entropy(logits.flatten(0, 1), y[some].flatten(), ignore_index=IGNORE)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def tuned(way, rate, seed, pairs, recipe):
    """Return a model of its own, tuned, and how it went."""
    import torch

    from bigmodel_utils import adaptation, data, models

    model, tokenizer = models.load_pretrained(data.language_model_file())
    x, y = examples(tokenizer, pairs, recipe)
    if way == "LoRA":
        g = torch.Generator().manual_seed(seed)
        adaptation.add_lora(model, recipe["rank"], names=recipe["layers"], generator=g)
        parameters = adaptation.lora_parameters(model)
    else:
        parameters = list(model.requires_grad_(True).parameters())
    start = time.process_time()
    losses = tune(model, parameters, x, y, recipe, rate, seed)
    told = {
        "trained": sum(p.numel() for p in parameters),
        "cpu_seconds": round(time.process_time() - start, 1),
        "losses": [round(loss, 3) for loss in losses],
    }
    return model.requires_grad_(False), tokenizer, told


def looked_at(model, tokenizer, recipe):
    """Return what a model does with the test topics, and what prose costs it."""
    plain = answers(model, tokenizer, prompts(recipe["test"], recipe, "plain"), recipe)
    other = answers(model, tokenizer, prompts(recipe["test"], recipe, "other"), recipe)
    bits = bits_a_byte(model, tokenizer, recipe)
    return {
        "met": judged(plain), "met_other_question": judged(other),
        "bits_a_byte": [round(v, 4) for v in bits], "answers": plain[:6],
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


class State(dict):
    """Results by name, written down as soon as they are there."""

    def __init__(self, code):
        kept = json.loads(STATE.read_text()) if STATE.exists() else {}
        super().__init__(kept if kept.get("code") == code else {"code": code})

    def get_or(self, name, make):
        if name not in self:
            self[name] = make()
            STATE.parent.mkdir(parents=True, exist_ok=True)
            STATE.write_text(json.dumps(self))
            print(name, str(self[name])[:300], flush=True)
        return self[name]


def written_by(model, tokenizer, recipe):
    """Return what the model wrote when shown the format, where it meets the rule."""
    kept, written = [], 0
    for seed in range(recipe["tries"]):
        texts = prompts(recipe["train"], recipe, "shown")
        for part in range(0, len(texts), 10):
            some, topics = texts[part : part + 10], recipe["train"][part : part + 10]
            options = dict(temperature=recipe["temperature"], seed=1000 * seed + part)
            found = answers(model, tokenizer, some, recipe, **options)
            written += len(found)
            both = zip(topics, found, strict=True)
            kept += [[topic, text] for topic, text in both if text is not None and meets(text)]
    return {"pairs": kept, "written": written}


def as_it_comes(model, tokenizer, recipe):
    """Return what the model does untuned: asked nothing, asked for the format, or shown it."""
    found = looked_at(model, tokenizer, recipe)
    for way in ("asked", "shown"):
        texts = prompts(recipe["test"], recipe, way)
        found[f"met_{way}"] = judged(answers(model, tokenizer, texts, recipe))
        options = dict(temperature=recipe["temperature"], seed=7)
        found[f"met_{way}_drawn"] = judged(answers(model, tokenizer, texts, recipe, **options))
    return found


def tried(way, rate, pairs, recipe):
    """Return how a rate does on the topics of validation."""
    model, tokenizer, told = tuned(way, rate, recipe["chosen_with"], pairs, recipe)
    texts = prompts(recipe["validation"], recipe, "plain")
    told["met"] = judged(answers(model, tokenizer, texts, recipe))
    bits = bits_a_byte(model, tokenizer, recipe)
    return told | {"bits_a_byte": sum(bits) / len(bits)}


def run(way, rate, seed, pairs, recipe):
    """Return how a tuned model does on the topics of the test."""
    model, tokenizer, told = tuned(way, rate, seed, pairs, recipe)
    return told | looked_at(model, tokenizer, recipe)


def main():
    """Write examples, choose rates, train with every seed, measure, store."""
    device.setup(seed=0)
    import torch

    from bigmodel_utils import data, models

    recipe, begun = RECIPE, time.process_time()
    state = State(hashlib.sha256(json.dumps(recipe).encode()).hexdigest()[:16])
    both = functools.cache(lambda: models.load_pretrained(data.language_model_file()))
    examples_ = state.get_or("examples", lambda: written_by(*both(), recipe))
    pairs = examples_["pairs"]
    start = state.get_or("untuned", lambda: as_it_comes(*both(), recipe))
    both.cache_clear()
    runs, chosen, on_validation = {}, {}, {}
    for way, rates in recipe["rates"].items():
        for rate in rates:
            name = f"{way} {rate:g}"
            make = functools.partial(tried, way, rate, pairs, recipe)
            on_validation[name] = state.get_or(f"validation {name}", make)
        met = {rate: on_validation[f"{way} {rate:g}"]["met"] for rate in rates}
        chosen[way] = max(rates, key=met.get)
        for seed in recipe["seeds"]:
            make = functools.partial(run, way, chosen[way], seed, pairs, recipe)
            runs[f"{way} {seed}"] = state.get_or(f"{way} {chosen[way]:g} {seed}", make)
    result = {
        "command": "make tune-pretrained",
        "date": datetime.date.today().isoformat(),
        "versions": {"python": platform.python_version(), "torch": torch.__version__},
        "code": code_hash(),
        "cpu_seconds_of_the_last_part": round(time.process_time() - begun),
        "recipe": recipe, "examples": examples_, "untuned": start,
        "validation": on_validation, "chosen": chosen, "runs": runs,
    }  # fmt: skip
    RESULT.parent.mkdir(exist_ok=True)
    files.write(RESULT, json.dumps(result, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
