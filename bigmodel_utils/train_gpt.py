"""Train a GPT on any text, with one file for a laptop, a GPU or a cluster.

    python -m bigmodel_utils.train_gpt --config FILE
    torchrun --nproc-per-node 2 -m bigmodel_utils.train_gpt --config FILE

The file is TOML; ``launch/gpt.toml`` names every entry. The run's folder gets the tokenizer, the
tokens (read from disk, so that a text may be larger than memory), a checkpoint from which the same
command goes on, and at the end the weights and the course of the losses.
"""

import argparse
import json
import math
import os
import sys
import tomllib
import zlib
from pathlib import Path

import numpy
import torch

from bigmodel_utils import data, device
from bigmodel_utils.models import GPT, generate
from bigmodel_utils.training import fit, ranks, save_checkpoint

__all__ = ["read_config", "train"]

_ENTRIES = {
    "data": {"text": None, "held_out": 0.1, "vocab_size": 1024},
    "model": None,  # what GPT takes
    "training": None,  # what fit takes
    "run": {
        "folder": None,
        "seed": 0,
        "device": None,
        "checkpoint_every": 200,
        "sharded": False,
        "sample": 200,
        "prompt": "\n",
    },
}
_OWN = {  # what fit takes and the training section cannot name, or the run section does
    "model", "train", "test", "device", "seed", "checkpoint", "checkpoint_every", "sharded",
    "progress", "on_step", "loss", "augment", "truncate", "dtype",
}  # fmt: skip


def read_config(path):
    """Return the entries of a TOML file, each section with the defaults of what it leaves out.

    Paths in it are relative to the file's folder.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: naming what the file has wrong: its syntax, a section or an entry.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            found = tomllib.load(file)
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{path}: expected a TOML file ({error})") from None
    for section in found:
        if section not in _ENTRIES or not isinstance(found[section], dict):
            raise ValueError(f"{path}: expected the sections {', '.join(_ENTRIES)}, got {section}")
    config = {}
    for section, defaults in _ENTRIES.items():
        entries = found.get(section, {})
        for entry in entries:
            if (defaults is not None and entry not in defaults) or (
                section == "training" and entry in _OWN
            ):
                raise ValueError(f"{path}: no entry {entry!r} is known in section {section}")
        config[section] = {**(defaults or {}), **entries}
    if not isinstance(config["run"]["folder"], str):
        raise ValueError(f"{path}: expected in section run a folder, the place of all results")
    for section, entry in (("run", "folder"), ("data", "text")):
        if config[section][entry] is not None:
            config[section][entry] = str(path.parent / config[section][entry])
    return config


def train(config, *, progress=True):
    """Train as ``config`` says, on all ranks, and return what rank 0 also writes as a summary.

    Args:
        config: as :func:`read_config` returns it.
        progress: print what happens, on rank 0.

    Returns:
        dict: parameters, tokens, steps, seconds, train_loss and test_loss (nats a token),
        bits_per_byte of the held-out text, ranks, interrupted; on rank 0 sample, the text that the
        model writes after the prompt.
    """
    run = config["run"]
    device.setup(run["seed"], threads=int(os.environ.get("OMP_NUM_THREADS", "0")) or None)
    place = ranks(run["device"], sharded=run["sharded"])
    folder = Path(run["folder"])

    def say(text):
        if progress and place.rank == 0:
            print(text, flush=True)

    if place.rank == 0:
        folder.mkdir(parents=True, exist_ok=True)
        _prepare(folder, config["data"], say)
    place.wait()
    tokenizer = data.BytePairTokenizer.from_files(folder / "vocab.json", folder / "merges.txt")
    tokens = {name: numpy.load(folder / f"{name}.npy", mmap_mode="r") for name in ("train", "held")}
    torch.manual_seed(run["seed"])
    model = GPT(tokenizer.vocab_size, **config["model"])
    x, y = data.windows(tokens["train"], model.context)
    num_parameters = sum(p.numel() for p in model.parameters())
    say(f"{num_parameters:,} parameters, {x.numel():,} tokens, {place.size} processes")
    held = data.windows(tokens["held"], model.context)
    history = fit(
        model,
        (x, y),
        held,
        **config["training"],
        seed=run["seed"],
        device=place.device,
        checkpoint=folder / "checkpoint",
        checkpoint_every=run["checkpoint_every"],
        sharded=run["sharded"],
        progress=progress,
    )
    last = history.epochs[-1] if history.epochs else {"train_loss": None, "test_loss": None}
    about = json.loads((folder / "data.json").read_text(encoding="utf-8"))
    summary = {
        "parameters": num_parameters,
        "tokens": x.numel(),
        "steps": len(history.steps),
        "seconds": round(history.seconds, 3),
        "train_loss": last["train_loss"],
        "test_loss": last["test_loss"],
        "ranks": place.size,
        "interrupted": history.interrupted,
    }
    if last["test_loss"] is not None:
        per_byte = len(tokens["held"]) / about["held_bytes"]
        summary["bits_per_byte"] = last["test_loss"] / math.log(2) * per_byte
    if place.rank == 0 and not history.interrupted:
        prompt = torch.tensor([tokenizer.encode(run["prompt"])], device=place.device)
        text = generate(model, prompt, run["sample"], temperature=0.8, seed=run["seed"])
        summary["sample"] = tokenizer.decode(text[0].tolist())
        save_checkpoint(folder / "model.pt", {k: v.cpu() for k, v in model.state_dict().items()})
        _write(folder / "summary.json", {**summary, "losses": history.losses, "config": config})
        say(json.dumps({k: v for k, v in summary.items() if k != "sample"}, indent=1))
        say(summary["sample"])
    place.wait()
    return summary


def _prepare(folder, wanted, say):
    # Tokenizer and tokens of the text, unless they are there of the same text already.
    text = data.load_text(wanted["text"])
    about = {
        "checksum": zlib.crc32(text.encode()),
        "held_out": wanted["held_out"],
        "vocab_size": wanted["vocab_size"],
    }
    file = folder / "data.json"
    if file.is_file():
        found = json.loads(file.read_text(encoding="utf-8"))
        if {key: found.get(key) for key in about} != about:
            raise ValueError(
                f"folder: {folder} holds a run on another text or vocabulary; name another folder"
            )
        return
    first, held = data.split_text(text, wanted["held_out"])
    say(f"learning {wanted['vocab_size']} tokens from {len(first):,} characters")
    tokenizer = data.BytePairTokenizer.train(first, wanted["vocab_size"])
    tokenizer.save(folder / "vocab.json", folder / "merges.txt")
    dtype = numpy.uint16 if tokenizer.vocab_size <= 2**16 else numpy.int32
    for name, part in (("train", first), ("held", held)):
        partial = folder / f"{name}.partial.npy"
        numpy.save(partial, numpy.array(tokenizer.encode(part), dtype=dtype))
        os.replace(partial, folder / f"{name}.npy")
    _write(file, {**about, "held_bytes": len(held.encode())})  # last: its presence says "whole"


def _write(path, content):
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    os.replace(partial, path)


def main(arguments=None):
    """Read the command line and train; what the caller did wrong becomes one line."""
    parser = argparse.ArgumentParser(prog="python -m bigmodel_utils.train_gpt")
    parser.add_argument("--config", required=True, help="a TOML file like launch/gpt.toml")
    options = parser.parse_args(arguments)
    try:
        config = read_config(options.config)
    except (OSError, ValueError) as error:
        sys.exit(f"train_gpt: {error}")
    train(config)


if __name__ == "__main__":
    main()
