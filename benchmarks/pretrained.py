"""Compare ways to decode with a pretrained model, one row at a time: same file, same tokens.

    python benchmarks/pretrained.py [--rounds N] [--threads N] [--new-tokens N] [--prefill N]

The ways: the book's GPT with its cache, in float32; a lean pass with static buffers and fused
projections, in float32; the same on the file's own 4-bit codes, which stay packed, in bfloat16; the
transformers library; and llama.cpp, where it is installed. Rounds are interleaved, and the median
of the ratios is printed. With one thread, the default, time is the process's CPU time, else time on
the wall. The ways in float32 must write the same tokens; that of 4 bits rounds otherwise, so it is
told how many tokens agree until the first that differs.
"""

import argparse
import importlib.util
import os
import statistics
import tempfile

from _timing import timed

from bigmodel_utils.device import setup

PROMPT = "The old bridge"  # short: the lean pass reads it token by token


class Lean:
    """One position at a time: static buffers, queries with keys with values, gate with up."""

    def __init__(self, model, products):
        import torch

        self.model, self.products = model, products
        layer = model.blocks[0].attention
        self.heads, self.kv, self.d = layer.num_heads, layer.num_kv_heads, layer.d_head
        self.dtype = products.dtype
        shape = (len(model.blocks), 2, self.kv, 512, self.d)
        self.kept = torch.zeros(shape, dtype=self.dtype)
        self.norms = [
            [norm.weight.to(self.dtype) for norm in (block.norm1, block.norm2)]
            for block in model.blocks
        ]
        self.last = model.norm.weight.to(self.dtype)
        self.cos, self.sin = model.rotary_cos.to(self.dtype), model.rotary_sin.to(self.dtype)

    def step(self, token, place):
        """Return the logits after ``token`` at ``place``."""
        import torch
        import torch.nn.functional as F

        model, multiply, eps = self.model, self.products, self.model.norm.eps
        x = model.embedding.weight[token].to(self.dtype)[None]  # (1, d_model)
        cos, sin = self.cos[place], self.sin[place]
        for i, (one, two) in enumerate(self.norms):
            heads = multiply(i, "qkv", F.rms_norm(x, one.shape, one, eps)).view(-1, self.d)
            turned = heads[: self.heads + self.kv]
            first, second = turned.chunk(2, dim=-1)
            keys, values = self.kept[i]
            turned = torch.cat([first * cos - second * sin, second * cos + first * sin], dim=-1)
            keys[:, place] = turned[self.heads :]
            values[:, place] = heads[self.heads + self.kv :]
            q = turned[: self.heads].view(1, self.kv, -1, self.d)  # a group's queries as rows
            seen = (keys[None, :, : place + 1], values[None, :, : place + 1])
            out = F.scaled_dot_product_attention(q, *seen)
            x = x + multiply(i, "out", out.reshape(1, -1))
            gate, up = multiply(i, "gate_up", F.rms_norm(x, two.shape, two, eps)).chunk(2, dim=-1)
            x = x + multiply(i, "down", F.silu(gate) * up)
        return multiply.head(F.rms_norm(x, self.last.shape, self.last, eps))[0]

    def generate(self, prompt, new_tokens):
        """Return the prompt, a list, and what follows greedily."""
        tokens = list(prompt)
        for place in range(len(prompt) + new_tokens - 1):
            logits = self.step(tokens[place], place)
            if place >= len(prompt) - 1:
                tokens.append(int(logits.argmax()))
        return tokens


class Float32:
    """Products with fused matrices."""

    def __init__(self, model):
        import torch

        self.dtype, self.embedding, self.fused = torch.float32, model.embedding.weight, []
        for block in model.blocks:
            a, f = block.attention, block.feed_forward
            self.fused.append(
                {
                    "qkv": torch.cat([p.weight for p in (a.q_proj, a.k_proj, a.v_proj)]),
                    "out": a.out_proj.weight,
                    "gate_up": torch.cat([f.gate_proj.weight, f.up_proj.weight]),
                    "down": f.down_proj.weight,
                }
            )

    def __call__(self, i, name, x):
        import torch

        return torch.mv(self.fused[i][name], x[0])[None]

    def head(self, x):
        import torch

        return torch.mv(self.embedding, x[0])[None]


class Packed:
    """Products with the file's 4-bit codes: w = s c + m = s (c - 8) + (m + 8 s)."""

    def __init__(self, model, file):
        import torch

        self.dtype, self.fused = torch.bfloat16, []
        self.embedding = model.embedding.weight.bfloat16()
        d_head = model.blocks[0].attention.d_head
        for i in range(len(model.blocks)):
            named = {"qkv": ("attn_q", "attn_k", "attn_v"), "out": ("attn_output",),
                     "gate_up": ("ffn_gate", "ffn_up"), "down": ("ffn_down",)}  # fmt: skip
            parts = {}
            for name, tensors in named.items():
                found = [self._read(file, f"blk.{i}.{t}.weight", d_head) for t in tensors]
                codes, scales = (torch.cat(part) for part in zip(*found, strict=True))
                packed = torch.ops.aten._convert_weight_to_int4pack_for_cpu(codes.contiguous(), 1)
                # Scales and zeros as the product reads them, (groups, rows, 2).
                parts[name] = packed, scales.transpose(0, 1).bfloat16().contiguous()
            self.fused.append(parts)

    def _read(self, file, name, d_head):
        import torch

        (rows, columns), blocks = file.tensors[name].shape, torch.from_numpy(file.raw(name).copy())
        halves = blocks[:, :4].contiguous().view(torch.float16).float().view(rows, -1, 2)
        codes = torch.cat([blocks[:, 4:] & 15, blocks[:, 4:] >> 4], dim=1)
        codes = codes.view(rows, columns).int()
        scale, least = halves.unbind(-1)
        scales = torch.stack([scale, least + 8 * scale], dim=-1)  # (rows, groups, 2)
        if name.endswith(("attn_q.weight", "attn_k.weight")):  # the book's order of rows
            order = torch.arange(rows).view(-1, d_head // 2, 2).transpose(1, 2).flatten()
            codes, scales = codes[order], scales[order]
        return codes, scales

    def __call__(self, i, name, x):
        import torch

        packed, scales = self.fused[i][name]
        return torch.ops.aten._weight_int4pack_mm_for_cpu(x, packed, 32, scales)

    def head(self, x):
        import torch

        return torch.mv(self.embedding, x[0])[None]


def ways(model, file, tokenizer, path):
    """Return {name: function (prompt, new_tokens) that returns tokens}, and the library's model."""
    import torch
    import transformers

    from bigmodel_utils.models import generate, save_pretrained

    transformers.utils.logging.disable_progress_bar()
    with tempfile.TemporaryDirectory() as folder:
        save_pretrained(model, folder, rope_base=100_000)
        library = transformers.AutoModelForCausalLM.from_pretrained(folder)

    def by_library(prompt, new_tokens):
        row = torch.tensor([prompt])
        options = dict(do_sample=False, max_new_tokens=new_tokens, pad_token_id=0)
        return library.generate(row, attention_mask=torch.ones_like(row), **options)[0].tolist()

    def by_book(prompt, new_tokens):
        return generate(model, torch.tensor([prompt]), new_tokens, temperature=0)[0].tolist()

    found = {
        "book, float32": by_book,
        "lean, float32": Lean(model, Float32(model)).generate,
        "transformers, float32": by_library,
        "lean, 4 bits": Lean(model, Packed(model, file)).generate,
    }
    if importlib.util.find_spec("llama_cpp"):
        import llama_cpp

        llama = llama_cpp.Llama(model_path=str(path), n_threads=1, verbose=False)

        def by_llama(prompt, new_tokens):
            llama.reset()
            stream = llama.generate(prompt, temp=0.0)
            return [*prompt, *(next(stream) for _ in range(new_tokens))]

        found["llama.cpp, 4 bits"] = by_llama
    else:
        print("llama.cpp: not installed")
    return found, library


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--new-tokens", type=int, default=48)
    parser.add_argument("--prefill", type=int, default=512)
    options = parser.parse_args()
    if options.rounds < 1 or not 1 <= options.new_tokens <= 400:
        parser.error("--rounds: expected at least 1, --new-tokens: 1 to 400")
    setup(0, threads=options.threads)
    os.environ["HF_HUB_OFFLINE"] = "1"
    import torch

    from bigmodel_utils import data, models

    torch.set_grad_enabled(False)
    path = data.language_model_file()
    model, tokenizer = models.load_pretrained(path)
    found, library = ways(model, models.GGUF(path), tokenizer, path)
    prompt, written, times = tokenizer.encode(PROMPT), {}, {name: [] for name in found}
    for number in range(options.rounds + 1):  # the first warms up
        for name in found if number % 2 == 0 else reversed(found):
            written[name], seconds = timed(found[name], prompt, options.new_tokens)
            if number:
                times[name].append(seconds)
    print(f"threads {options.threads}, torch {torch.__version__}, {options.new_tokens} new tokens")
    plain = "book, float32"
    for name, seconds in times.items():
        ratio = statistics.median(a / b for a, b in zip(times[plain], seconds, strict=True))
        equal = [a == b for a, b in zip(written[name], written[plain], strict=True)]
        equal = equal[len(prompt) :]
        if "float32" in name:
            assert all(equal), f"{name}: other tokens than the book's"
        same = equal.index(False) if False in equal else len(equal)
        speed = options.new_tokens / statistics.median(seconds)
        print(f"{name}: {speed:.1f} tokens/s, {ratio:.2f} times the book's; {same} tokens the same")
    row = torch.randint(17, 49_152, (1, options.prefill))
    ratios = []
    for _ in range(options.rounds):
        _, own = timed(model, row)
        _, other = timed(library, row)
        ratios.append(other / own)
    print(
        f"reading {options.prefill} tokens at once: {options.prefill / own:.0f} tokens/s, "
        f"{statistics.median(ratios):.2f} times as fast as transformers"
    )


if __name__ == "__main__":
    main()
