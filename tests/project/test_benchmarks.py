"""The benchmarks of language models run at a tiny size and print their ratios."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).resolve().parents[2]
NUMBER = r"\d+\.\d+"


def run(name, *options):
    command = [sys.executable, f"benchmarks/{name}.py", *map(str, options)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)


@pytest.fixture(scope="module")
def text_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("text") / "counting.txt"
    path.write_text("\n".join(f"{n} and {n} make {2 * n}." for n in range(600)))
    return path


def test_language_prints_losses_and_the_ratio_of_times(text_file):
    result = run("language", "--text", text_file, "--seconds", 1, "--eager", "--validate")
    assert result.returncode == 0, result.stderr
    out = result.stdout
    for name in ("plain, 2,000 steps", "plain, all the time", "book, short", "book, all the time"):
        line = rf"{name}: loss {NUMBER} nats a character \({NUMBER} bits\) after {NUMBER} CPU-s"
        assert re.search(line, out), out
    assert re.search(rf"book over plain: {NUMBER} / {NUMBER} and {NUMBER}", out), out
    ratio = rf"{NUMBER} times as fast, goal 5.0: (reached|MISSED) \({NUMBER} with compilation"
    verdicts = re.findall(rf"end: (?:not reached|{ratio})|crossing: (?:not reached|{ratio})", out)
    assert len(verdicts) == 4, out
    assert re.search(ratio, out), out


def run_spoiled(spoil, *options):
    """Run the language benchmark after ``spoil``, lines of Python that break something."""
    code = f"""
import runpy, sys, torch
{spoil}
sys.argv = ["language.py", *{[str(o) for o in options]!r}]
runpy.run_path("benchmarks/language.py", run_name="__main__")
"""
    command = [sys.executable, "-c", code]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)


def test_language_stops_at_a_loss_that_is_not_finite_and_names_the_step(text_file):
    spoil = """
calls, cross_entropy = [], torch.nn.functional.cross_entropy
def spoiled(*args, **options):
    calls.append(1)
    return cross_entropy(*args, **options) * (float("nan") if len(calls) == 3 else 1)
torch.nn.functional.cross_entropy = spoiled"""
    result = run_spoiled(spoil, "--text", text_file, "--seconds", 1, "--eager")
    assert result.returncode == 1
    assert result.stderr.strip().endswith("language.py: step 3: the loss is nan")


def test_language_does_not_use_a_compiler_whose_gradients_are_wrong(text_file):
    spoil = """
def spoiled(loss_of):
    def way(*args):
        loss = loss_of(*args)
        loss.register_hook(lambda gradient: gradient * float("nan"))
        return loss
    return way
torch.compile = spoiled"""
    options = ("--text", text_file, "--seconds", 1)
    result = run_spoiled(f"import os; os.environ['CXX'] = 'true'\n{spoil}", *options)
    assert result.returncode == 0, result.stderr
    assert re.search(r"book: compiled \w+ not used, .*: gradient of \S+: 100%", result.stdout)
    assert re.search(r"(?m)^book: (bfloat16|float32), compilation and check", result.stdout)
    assert "nan" not in result.stdout


def test_generation_writes_the_same_tokens_and_prints_the_ratio():
    options = ("--rounds", 1, "--new-tokens", 24, "--prompts", 1, 40, "--layers", 1, "--width", 32)
    result = run("generation", *options)
    assert result.returncode == 0, result.stderr
    ratios = re.findall(rf"{NUMBER} times as fast \({NUMBER} to {NUMBER}\)", result.stdout)
    assert len(ratios) == 2, result.stdout
    assert result.stdout.count("same tokens") == 2


def test_gpu_runs_at_a_tiny_size_and_prints_the_utilisation():
    result = run("gpu", "--smoke", "--rows", 4, "--steps", 5)
    assert result.returncode == 0, result.stderr
    assert re.search(rf"matrix rate, 256 x 256: {NUMBER} TFLOP/s", result.stdout)
    for optimizer in ("adamw", "muon"):
        line = (
            rf"{optimizer}: [\d,]+ tokens/s, utilisation {NUMBER}%, loss ({NUMBER}) to ({NUMBER})"
        )
        first, last = re.search(line, result.stdout).groups()
        assert float(last) < float(first)


def test_gpu_stops_with_a_message_where_there_is_none():
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    result = run("gpu")
    assert result.returncode != 0
    assert "needs a CUDA GPU" in result.stderr
    assert "--smoke" in result.stderr
