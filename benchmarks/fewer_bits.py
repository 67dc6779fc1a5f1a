"""Compare ways to write faster: weights of fewer bits, and looked-up guesses. One run, one model.

    python benchmarks/fewer_bits.py [--rounds N] [--threads N] [--new-tokens N]

On SmolLM2-135M, one row: a lean pass with its matrices in bfloat16, as PyTorch's linear layers or
as products with a vector, whichever is faster here; the same in int8 by rows; and on the file's
own 4-bit codes. Then PyTorch's dynamic int8 linear layer against float32 at 1 to 8 rows. Then the
book's float32 model with guesses looked up in the text against the same without, on a copy, a
program and a story: the tokens must be equal, and the story is the control. Rounds are
interleaved, and the median of the ratios is printed with its goal. With one thread, the default,
time is the process's CPU time.
"""

import argparse
import statistics

from _timing import timed
from deployment import integers

from bigmodel_utils.device import number_format, setup

ROPE_BASE = 100_000
PROMPT = "The old bridge"
PROGRAM = '''
def area_of_square(side):
    """Return the area of a square."""
    if side < 0:
        raise ValueError("side: expected a positive number")
    return side * side


def area_of_circle(radius):
    """Return the area of a circle."""
    if radius < 0:
        raise ValueError("radius: expected a positive number")
    return 3.14159 * radius * radius


def area_of_rectangle(width, height):
    """Return the area of a rectangle."""
'''


def lean_ways(model, path):
    """Return {name: function (prompt, new_tokens) -> tokens} of the lean pass."""
    import torch
    from _lean import CodedProducts, FloatProducts, Lean

    from bigmodel_utils import compression, models

    class Short(FloatProducts):
        """The fused matrices, each turned into a product in bfloat16 by ``make``."""

        def __init__(self, make):
            super().__init__(model, by_columns=())
            self.fused = [
                {name: make(weight) for name, weight in layer.items()} for layer in self.fused
            ]
            self.head = make(self.embedding)

        def __call__(self, i, name, x):
            return self.fused[i][name](x.bfloat16())

        def likeliest(self, x):
            return int(self.head(x.bfloat16()).argmax())

    def linear(weight):
        half = weight.bfloat16()
        return lambda x: torch.nn.functional.linear(x, half)

    def vector(weight):
        half = weight.bfloat16()
        return lambda x: torch.mv(half, x[0])[None]

    def eight(weight):
        codes = compression.to_codes(weight, bits=8)
        product = compression.packed_product(compression.QuantizedLinear(codes))
        if product is None:
            raise RuntimeError("no kernel for int8")
        return product

    makers = {"bfloat16, linear": linear, "bfloat16, vector": vector, "int8": eight}
    found = {}
    for name, make in makers.items():
        try:
            found[name] = Lean(model, Short(make), rope_base=ROPE_BASE).generate
        except RuntimeError as error:
            print(f"{name}: {error}")
    try:
        coded = Lean(model, CodedProducts(model, models.GGUF(path)), rope_base=ROPE_BASE)
        coded.generate([1], 1)
        found["int4"] = coded.generate
    except (AttributeError, NotImplementedError, RuntimeError) as error:
        print(f"int4: no kernel here ({str(error).splitlines()[0]:.60})")
    return found


def decoding(model, tokenizer, path, rounds, new):
    """Print the speed of each format over the best bfloat16 way."""
    ways, prompt = lean_ways(model, path), tokenizer.encode(PROMPT)
    times, written = {name: [] for name in ways}, {}
    for number in range(rounds + 1):  # the first warms up
        for name in ways if number % 2 == 0 else reversed(ways):
            written[name], seconds = timed(ways[name], prompt, new)
            if number:
                times[name].append(seconds)
    halves = [name for name in ways if name.startswith("bfloat16")]
    best = min(halves, key=lambda name: statistics.median(times[name]))
    goals = {"int8": 1.2, "int4": 2.0}
    for name, seconds in times.items():
        ratio = statistics.median(a / b for a, b in zip(times[best], seconds, strict=True))
        goal = ""
        if name in goals:
            goal = f" (goal {goals[name]}{'' if ratio >= goals[name] else ': missed'})"
        equal = [a == b for a, b in zip(written[name], written[best], strict=True)]
        same = (equal.index(False) if False in equal else len(equal)) - len(prompt)
        print(
            f"{name}: {new / statistics.median(seconds):.1f} tokens/s, {ratio:.2f} times the best "
            f"bfloat16{goal}; {same} of {new} tokens the same"
        )


def guessing(model, tokenizer, rounds, new, name):
    """Print the speed with looked-up guesses over that without, text by text."""
    from bigmodel_utils import data, speculation

    passage = data.load_passages()[0].split()
    asked = {
        "copy": f"Text: {' '.join(passage[:90])}\nRepeat the text word by word.\n"
        f"Text: {' '.join(passage[:4])}",
        "program": PROGRAM,
        "story": " ".join(passage[:60]),
    }
    for kind, text in asked.items():
        prompt, ratios = tokenizer.encode(text), []
        for _ in range(rounds):
            (plain, _), slow = timed(
                speculation.generate_greedily, model, prompt, new, lambda tokens: []
            )
            (fast, fewer), quick = timed(
                speculation.generate_greedily, model, prompt, new,
                lambda tokens: speculation.lookup_draft(tokens, 12),
            )  # fmt: skip
            ratios.append(slow / quick)
        if "float32" in name:
            assert fast == plain, f"{kind}: other tokens with guesses than without"
        ratio, goal = statistics.median(ratios), ""
        if kind == "program":
            goal = " (goal 2)" if ratio >= 2 else " (goal 2: missed)"
        print(
            f"guesses, {name}, {kind}: {ratio:.2f} times as fast{goal}, {new / fewer:.1f} tokens "
            f"a step; the same tokens: {fast == plain}"
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--new-tokens", type=int, default=48)
    options = parser.parse_args()
    if options.rounds < 1 or not 1 <= options.new_tokens <= 400:
        parser.error("--rounds: expected at least 1, --new-tokens: 1 to 400")
    setup(0, threads=options.threads)
    import copy

    import torch

    from bigmodel_utils import data, models

    torch.set_grad_enabled(False)
    path = data.language_model_file()
    model, tokenizer = models.load_pretrained(path)
    print(f"threads {options.threads}, torch {torch.__version__}, {options.new_tokens} new tokens")
    decoding(model, tokenizer, path, options.rounds, options.new_tokens)
    integers(options.rounds, calls=5)
    guessing(model, tokenizer, options.rounds, options.new_tokens, "float32")
    if number_format("cpu") is torch.bfloat16:
        half = copy.deepcopy(model).bfloat16()
        guessing(half, tokenizer, options.rounds, options.new_tokens, "bfloat16")


if __name__ == "__main__":
    main()
