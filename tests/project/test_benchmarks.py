"""The benchmarks of language models run at a tiny size and print their ratios."""

import re
import runpy
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

ROOT = Path(__file__).resolve().parents[2]
NUMBER = r"\d+\.\d+"


def run(name, *options):
    command = [sys.executable, f"benchmarks/{name}.py", *map(str, options)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)


@pytest.fixture(scope="module")
def language():
    """The language benchmark as a module."""
    return SimpleNamespace(**runpy.run_path(ROOT / "benchmarks" / "language.py"))


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
    assert re.search(rf"counts alone: loss {NUMBER} nats a character after {NUMBER} CPU-s", out)
    ratio = rf"book over '[^']+': ({NUMBER}) / ({NUMBER}) = ({NUMBER}), goal 0.76: (reached|MISSED)"
    ratios = re.findall(ratio, out)
    assert len(ratios) == 2, out
    for book, plain, quotient, verdict in ratios:
        assert float(quotient) == pytest.approx(float(book) / float(plain), abs=2e-3)
        assert verdict == ("reached" if float(quotient) <= 0.76 else "MISSED")
    ratio = rf"{NUMBER} times as fast, goal 8.0: (reached|MISSED) \({NUMBER} with compilation"
    missed = "not reached, goal 8.0: MISSED"
    verdicts = re.findall(rf"end: (?:{missed}|{ratio})|crossing: (?:{missed}|{ratio})", out)
    assert len(verdicts) == 4, out
    assert re.search(ratio, out), out


def test_language_without_counts_trains_the_network_alone(text_file):
    options = ("--text", text_file, "--seconds", 0.5, "--eager", "--no-counts")
    result = run("language", *options)
    assert result.returncode == 0, result.stderr
    assert "book, all the time: loss" in result.stdout
    assert "counts alone" not in result.stdout


def test_counts_are_those_of_other_training_text_alone(language):
    """Each probability, against counting by hand what stands outside of the token's own part."""
    tokens = torch.randint(3, (90,), generator=torch.Generator().manual_seed(0))
    held_out = torch.tensor([0, 1, 2, 0, 1])
    n, text = len(tokens), [*tokens.tolist(), *held_out.tolist()]
    parts, strength = language.COUNTS["parts"], language.COUNTS["strength"]

    def expected(i, k):
        """Return (token i's probability after runs of up to k, how often that of k occurred)."""
        if k < 0:
            return 1 / 3, None
        own = range(0) if i >= n else [j for j in range(n) if j * parts // n == i * parts // n]
        others = [j for j in range(k + 1, n) if j not in own]  # no run holds the first token
        occurred = [j for j in others if text[j - k : j] == text[i - k : i]]
        followed = sum(text[j] == text[i] for j in occurred)
        p = (followed + strength * expected(i, k - 1)[0]) / (len(occurred) + strength)
        return p, len(occurred)

    training, held = language.counted(tokens, held_out, 3)
    for (log_p, seen), first, last in ((training, 1, n), (held, n + 1, len(text))):
        assert len(log_p) == len(seen) == last - first
        for i in range(max(first, log_p.shape[1]), last):
            for k in range(log_p.shape[1]):
                p, occurred = expected(i, k)
                assert log_p[i - first, k].exp() == pytest.approx(p, rel=1e-5)
                assert (4 * seen[i - first, k]).expm1() == pytest.approx(occurred, abs=1e-3)


def test_counts_predict_held_out_tokens_from_the_past_alone(language):
    tokens = torch.arange(200) * 7 % 5
    short, long = torch.tensor([1, 4, 2, 2]), torch.tensor([1, 4, 2, 2, 2, 2, 0, 3])
    training, held = language.counted(tokens, short, 5)
    more_training, more_held = language.counted(tokens, long, 5)
    for part, more in zip((*training, *held), (*more_training, *more_held), strict=True):
        torch.testing.assert_close(part, more[: len(part)], rtol=0, atol=0)


def test_the_mixture_is_a_distribution(language):
    """The probabilities that it gives to all next tokens sum to 1."""
    torch.manual_seed(0)
    tokens, row, p = torch.randint(4, (300,)), torch.randint(4, (9,)), []
    model = language.mixture(4).requires_grad_(False)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    for token in range(4):
        row[-1] = token
        _, known = language.counted(tokens, row, 4)
        batch = [part[None] for part in (row[:-1], row[1:], *known)]
        without_last = [part[:, :-1] for part in batch]
        p.append((7 * model(*without_last) - 8 * model(*batch)).exp().item())
    assert sum(p) == pytest.approx(1, abs=1e-4)


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


@pytest.fixture(scope="module")
def lean():
    """The lean pass of the benchmark of pretrained models."""
    return SimpleNamespace(**runpy.run_path(ROOT / "benchmarks" / "_lean.py"))


@torch.inference_mode()
def test_the_lean_pass_computes_what_the_model_does(lean):
    from bigmodel_utils.models import GPT

    torch.manual_seed(0)
    model = GPT(61, d_model=48, num_layers=2, num_heads=6, num_kv_heads=2, context=32, d_ff=80,
                activation="swiglu", rope_base=300, tie_embeddings=True).eval()  # fmt: skip
    for weight in model.parameters():  # a new model's attention hardly tells in its logits
        weight.normal_(std=0.3)
    tokens = torch.randint(61, (1, 20))
    expected = model(tokens)[0]
    for by_columns in ((), ("qkv", "down"), lean.FloatProducts.KINDS):
        products = lean.FloatProducts(model, by_columns=by_columns)
        steps = lean.Lean(model, products, rope_base=300, context=32)
        for place, token in enumerate(tokens[0].tolist()):
            x = steps.step(token, place)
            torch.testing.assert_close(products.embedding @ x[0], expected[place])
            assert products.likeliest(x) == int(expected[place].argmax())
        wrong = lean.Lean(model, products, rope_base=100, context=32)
        for place, token in enumerate(tokens[0].tolist()):
            x = wrong.step(token, place)
        assert (products.embedding @ x[0] - expected[-1]).abs().max() > 1e-2


@torch.inference_mode()
def test_products_with_a_file_s_own_codes_are_near_those_with_its_weights(lean):
    from bigmodel_utils import data, models

    path = data.language_model_file()  # make test installs it
    model, tokenizer = models.load_pretrained(path)
    coded = lean.CodedProducts(model, models.GGUF(path))
    plain = lean.FloatProducts(model, by_columns=())
    for i in (0, 17, 29):
        for name, columns in (("qkv", 576), ("out", 576), ("gate_up", 576), ("down", 1536)):
            x = torch.randn(1, columns)
            got, expected = coded(i, name, x).float(), plain(i, name, x)
            assert (got - expected).norm() < 0.01 * expected.norm(), (i, name)
    right = lean.Lean(model, plain, rope_base=100_000)
    for place, token in enumerate(tokenizer.encode("The capital of France is")):
        x = right.step(token, place)
    assert coded.likeliest(x) == plain.likeliest(x)
    assert tokenizer.decode([coded.likeliest(x)]) == " Paris"


def test_deployment_prints_ratios_and_says_whether_goals_are_reached():
    result = run("deployment", "--rounds", 1, "--calls", 2, "--layers", 1)
    assert result.returncode == 0, result.stderr
    out = result.stdout
    goals = re.findall(
        rf"over (eager|float32): ({NUMBER}) times as fast, goal ({NUMBER}): (\w+)", out
    )
    assert [goal[0] for goal in goals] == ["eager"] * 2 + ["float32"] * 4, out
    for _, found, goal, verdict in goals:
        assert verdict == ("reached" if float(found) >= float(goal) else "MISSED")
    assert re.search(rf"16 askers over one, tokens together: {NUMBER} times as fast", out), out


def test_distributed_prints_ratios_and_says_whether_goals_are_reached():
    result = run("distributed", "--rounds", 1, "--steps", 2, "--images", 16, "--megabytes", 1)
    assert result.returncode == 0, result.stderr
    out, verdict = result.stdout, "(reached|MISSED)"
    for line in (
        rf"a first group of 4 starts in {NUMBER} s, goal 15.0: {verdict}",
        rf"another group of 4 starts in {NUMBER} s\n",
        rf"2 processes over 1 with 2 threads: {NUMBER} of its speed, goal 0.9: {verdict}",
        rf"weak scaling, twice the work in 2 processes: {NUMBER}, goal 0.95: {verdict}",
        r"not hidden of the exchange: -?\d+% of a step",
        rf"ring by hand over gloo, 1 MB, 2 processes: {NUMBER} of its speed, goal 0.7: {verdict}",
        rf"ring by hand over gloo, 1 MB, 4 processes: {NUMBER} of its speed, goal 0.7: {verdict}",
    ):
        assert re.search(line, out), (line, out)
    seconds = float(re.search(rf"first group of 4 starts in ({NUMBER})", out)[1])
    assert ("15.0: reached" in out) == (seconds <= 15)
