"""Which part of a GPT does the compiler get wrong on this processor?

    python benchmarks/compiled.py [--threads N] [--vector-bits 256]

Each part is compiled and held against its eager self, in bfloat16 (autocast) and in float32: its
outputs and its gradients, for a random upstream gradient and for one of zeros, as a layer receives
it behind one that starts at zero. PyTorch 2.13 returned NaN gradients for the GPT of
`benchmarks/language.py` on a processor with AVX-512, in bfloat16 alone, and was right on one
with AVX2. This finds the part; ``--vector-bits 256`` compiles for AVX2 where there is more.
"""

import argparse
import os
import shutil
import sys
import tempfile

from bigmodel_utils.device import setup
from bigmodel_utils.numerics import disagreement

B, T, HEADS, D_HEAD, D_FF, VOCAB = 8, 128, 2, 64, 512, 95
D = HEADS * D_HEAD


def parts():
    """Return {name: (function, leaves)}: what is compiled, and the tensors that it depends on."""
    import torch
    import torch.nn.functional as F

    from bigmodel_utils.models import attention, causal_mask, rotary_tables, rotate

    generator = torch.Generator().manual_seed(0)

    def draw(*shape):
        scale = shape[-1] ** -0.5 if len(shape) == 2 else 1.0  # weights that keep the size of x
        return (scale * torch.randn(*shape, generator=generator)).requires_grad_()

    cos, sin = rotary_tables(T, D_HEAD)
    mask = causal_mask(T)

    def split(x):
        return x.unflatten(-1, (HEADS, D_HEAD)).transpose(1, 2)  # (b, n, t, d_head)

    def scores(x, q, k):
        q, k = rotate(split(F.linear(x, q)), cos, sin), rotate(split(F.linear(x, k)), cos, sin)
        return q @ k.mT

    def attend(x, q, k, v):
        q, k, v = (split(F.linear(x, weight)) for weight in (q, k, v))
        return attention(q, k, v, mask).transpose(1, 2).flatten(2)

    def turned(x, q, k, v):
        q, k = rotate(split(F.linear(x, q)), cos, sin), rotate(split(F.linear(x, k)), cos, sin)
        out = attention(q, k, split(F.linear(x, v)), mask)
        return out.transpose(1, 2).flatten(2)

    def feed_forward(x, up, down):
        return F.linear(F.relu(F.linear(x, up)).square(), down)

    x, square = draw(B, T, D), [draw(D, D) for _ in range(3)]
    return {
        "linear layer": (F.linear, [x, square[0]]),
        "RMS norm": (lambda x, gain: F.rms_norm(x, (D,), gain), [x, draw(D)]),
        "rotated queries": (
            lambda x, q: rotate(split(F.linear(x, q)), cos, sin),
            [x, square[0]],
        ),
        "scores of rotated queries and keys": (scores, [x, *square[:2]]),
        "attention without rotation": (attend, [x, *square]),
        "attention with rotation": (turned, [x, *square]),
        "feed-forward": (feed_forward, [x, draw(D_FF, D), draw(D, D_FF)]),
        "output layer": (F.linear, [x, draw(VOCAB, D)]),
    }


def results(function, leaves, dtype, upstream):
    """Return the output and the gradients of the leaves."""
    import torch

    with torch.autocast("cpu", torch.bfloat16, enabled=dtype == torch.bfloat16):
        out = function(*leaves)
    gradients = torch.autograd.grad(out, leaves, upstream(out))
    named = {f"gradient {i}": g for i, g in enumerate(gradients)}
    return {"output": out.detach().clone()} | named


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--vector-bits", type=int, choices=(256, 512))
    options = parser.parse_args()
    if shutil.which(os.environ.get("CXX", "g++")) is None:
        sys.exit("compiled.py: needs a C++ compiler, found no g++")
    setup(0, threads=options.threads)
    import torch

    bits = {} if options.vector_bits is None else {"cpp.simdlen": options.vector_bits}
    print(f"torch {torch.__version__}, {torch.backends.cpu.get_cpu_capability()}, {bits or ''}")

    def random(out):
        return torch.randn(out.shape, generator=torch.Generator().manual_seed(1)).to(out.dtype)

    wrong = 0
    for dtype in (torch.bfloat16, torch.float32):
        for name, (function, leaves) in parts().items():
            compiled = torch.compile(function, options=bits)
            for kind, upstream in (("random", random), ("zero", torch.zeros_like)):
                problem = disagreement(
                    results(compiled, leaves, dtype, upstream),
                    results(function, leaves, dtype, upstream),
                )
                wrong += problem is not None
                verdict = problem or "agrees"
                print(f"{str(dtype)[6:]:9} {name:35} {kind:6} {verdict}", flush=True)
    return int(wrong > 0)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as cache:
        os.environ["TORCHINDUCTOR_CACHE_DIR"] = cache
        sys.exit(main())
